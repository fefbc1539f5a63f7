#!/usr/bin/env python3
"""The story of the bank from outside, through its pages alone: two people, three modes, a logout at the provider.

usage: story.py FRONT [--provider-logout URL]
"""

import argparse
import sys
import time

from visitor import MODES, Unexpected, Visitor, wait_for


def check(holds, told):
    if not holds:
        raise Unexpected(told)
    print(f"story: {told}")


def money(alice, bob):
    """A deposit and a transfer in every mode; balances are what they must be."""
    for mode in MODES:
        for person in (alice, bob):
            person.mode(mode)
        held, _ = alice.account()
        alice.expect(alice.deposit("12.34"))
        now, _ = alice.account()
        check(now == held + 1234, f"{mode}: a deposit of 12.34, alice holds {now}")
        if bob.account()[1] is None:
            bob.expect(bob.deposit("1"))
        before, number = bob.account()
        alice.expect(alice.transfer(number, "2.50", f"for lunch, {mode}"))
        check(alice.account()[0] == now - 250, f"{mode}: a transfer of 2.50 left alice")
        check(bob.account()[0] == before + 250, f"{mode}: and reached bob")


def refusals(alice, bob):
    _, number = alice.account()
    page = bob.transfer(number, "100000")
    check(page.problem == "urn:x-dasvid:problem:conflict", "more than bob holds is refused")
    page = bob.deposit("-5")
    check(page.status == 422, "a negative deposit is refused")


def logout(alice, bob, url):
    """alice logs out at the provider, in another tab: the bank is told, and her delegation ends in every mode."""
    for mode in MODES:
        bob.mode(mode)
    page = alice.go(url)
    alice.confirm(page)
    deadline = time.monotonic() + 15
    for mode in MODES:
        while True:
            alice.mode(mode)
            page = alice.go("/account")
            if page.problem == "urn:x-dasvid:problem:revoked" or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        check(page.problem == "urn:x-dasvid:problem:revoked", f"{mode}: refused after the logout, {page.problem}")
    check(bob.account()[1] is not None, "bob goes on")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("front")
    arguments.add_argument("--provider-logout")
    arguments = arguments.parse_args()
    wait_for(arguments.front, 60)
    begun = time.monotonic()
    alice, bob = Visitor(arguments.front, "alice"), Visitor(arguments.front, "bob")
    alice.sign_in()
    alice.account()
    print(f"story: alice is logged in and sees her balance after {time.monotonic() - begun:.1f} s")
    bob.sign_in()
    money(alice, bob)
    refusals(alice, bob)
    if arguments.provider_logout:
        logout(alice, bob, arguments.provider_logout)
    print(f"story: told in {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    try:
        main()
    except Unexpected as wrong:
        sys.exit(f"story: {wrong}")
