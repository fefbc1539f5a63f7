#!/usr/bin/env python3
"""Kills one replica of each service in turn while people use the bank, and holds the database against what they were told.

People make deposits of one cent and look at their balances, through the pages of subject-wl. Whoever is refused sends the
same form again, as its page says. Then:

  * a request that failed was under way when a process was killed, and failed cleanly: a page that names the problem
    (a connection that ends, where it was subject-wl that was killed), within the patience of a person;
  * every deposit that was confirmed is in the ledger once, and nothing else is;
  * every balance is the sum of its ledger.

usage: kills.py FRONT PROJECT [--people N] [--each SECONDS] [--roll SCRIPT]
"""

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from visitor import PATIENCE, MODES, Unexpected, Visitor, wait_for

VICTIMS = ("asserting-wl", "target-wl", "middle-tier-1", "middle-tier-2", "subject-wl")
AGAIN = 40  # times a form is sent, at most
CLEAN = 25  # seconds a refusal may take: subject-wl gives the bank 20


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def containers(project, service):
    names = ("project", project), ("service", service)
    filters = [word for name, value in names for word in ("--filter", f"label=com.docker.compose.{name}={value}")]
    return run("docker", "ps", "-q", *filters).split()


def sql(project, statement):
    """Asks the target's database, as its superuser, from inside its own container."""
    (postgres,) = containers(project, "postgres")
    return run("docker", "exec", postgres, "psql", "-U", "postgres", "-d", "target_wl", "-qAtc", statement)


class Books:
    """What the people were told, and what went wrong when."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answered = Counter()
        self.confirmed, self.unknown = set(), set()
        self.failures = []
        self.slowest = 0.0

    def note(self, kind, begun, key=None, failure=None):
        ended = time.monotonic()
        with self.lock:
            self.slowest = max(self.slowest, ended - begun)
            if failure:
                self.failures.append({"kind": kind, "begun": begun, "ended": ended, "failure": failure})
            else:
                self.answered[kind] += 1
                if key:
                    self.confirmed.add(key)

    def forget(self, key):
        with self.lock:
            self.unknown.add(key)


class Person(threading.Thread):
    """Uses the bank until told to stop."""

    def __init__(self, front, name, mode, books, stop):
        super().__init__(daemon=True)
        self.visitor, self.mode, self.books, self.stop = Visitor(front, name), mode, books, stop
        self.wrong = None

    def run(self):
        try:
            while not self.stop.is_set():
                self.deposit()
                self.look("/account")
        except Exception as wrong:  # pylint: disable=broad-except
            self.wrong = wrong

    def arrive(self):
        """Signs in; again and again while the front end is away."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.visitor.cookies.clear()
                self.visitor.sign_in()
                return self.visitor.mode(self.mode)
            except (OSError, http.client.HTTPException, Unexpected):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def look(self, path):
        """A page that changes nothing."""
        begun = time.monotonic()
        try:
            page = self.visitor.go(path)
        except (OSError, http.client.HTTPException) as error:
            self.books.note("look", begun, failure=f"connection: {type(error).__name__}")
            return self.arrive()
        if page.problem:
            self.books.note("look", begun, failure=page.problem)
        elif page.status == 200 and page.url.startswith(self.visitor.front):
            self.books.note("look", begun)
            return page
        elif page.status in (200, 403) and not page.url.startswith(self.visitor.front):
            self.arrive()  # the token has expired, or the front end has forgotten
        else:
            self.books.note("look", begun, failure=f"status {page.status}")
        return None

    def deposit(self):
        page = self.look("/deposit")
        if page is None:
            return time.sleep(0.05)
        form = page.form("amount")
        fields = form["fields"] | {"amount": "0.01", "currency": "USD"}
        for _ in range(AGAIN):
            begun = time.monotonic()
            try:
                answer = self.visitor.go(form["action"], fields)
            except (OSError, http.client.HTTPException) as error:
                self.books.note("deposit", begun, failure=f"connection: {type(error).__name__}")
                self.books.forget(fields["key"])  # the form died with the process that knew its session
                return self.arrive()
            if answer.problem:
                self.books.note("deposit", begun, failure=answer.problem)
                time.sleep(0.1)
            elif answer.status == 200 and answer.url.endswith("/account"):
                return self.books.note("deposit", begun, key=fields["key"])
            elif answer.status == 403:
                self.books.forget(fields["key"])
                return self.arrive()
            else:
                raise Unexpected(f"a deposit was answered {answer.status} at {answer.url}: {answer.text[:200]!r}")
        raise Unexpected("a deposit failed again and again")


def kill(project, service):
    """SIGKILL to the main process of the first replica, which Docker then starts again: when, and which container."""
    victim = sorted(containers(project, service))[0]
    pid = int(run("docker", "inspect", "-f", "{{.State.Pid}}", victim))
    at = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return at, victim


def roll(script, books):
    """Replaces every replica, as for an upgrade: nobody notices."""
    failed, answered, begun = len(books.failures), sum(books.answered.values()), time.monotonic()
    run(script, *VICTIMS[:-1])
    print(f"kills: all replicas but the front end's replaced in {time.monotonic() - begun:.1f} s; meanwhile "
          f"{sum(books.answered.values()) - answered} answered, {len(books.failures) - failed} failed")


def is_back(victim, before):
    state = json.loads(run("docker", "inspect", victim))[0]["State"]
    return state["Running"] and state["Health"]["Status"] == "healthy" and state["StartedAt"] != before


def judge(books, kills):
    """Every failure that is not excused by a kill."""
    wrong = []
    for failure in books.failures:
        took = failure["ended"] - failure["begun"]
        culprit = [service for at, service in kills if failure["begun"] <= at <= failure["ended"]]
        is_front = "subject-wl" in culprit
        if failure["failure"].startswith("connection") and not is_front and not near_front(failure, kills):
            wrong.append(f"no answer to a {failure['kind']} ({failure['failure']})")
        elif not culprit and not near_front(failure, kills):
            wrong.append(f"a {failure['kind']} failed that was not under way at a kill: {failure['failure']}")
        elif took > CLEAN:
            wrong.append(f"a {failure['kind']} took {took:.1f} s to fail")
    return wrong


def near_front(failure, kills):
    """While the only front end is away, its port answers nobody."""
    return any(service == "subject-wl" and at <= failure["begun"] <= at + PATIENCE for at, service in kills)


def audit(project, books, before):
    """The database against the books."""
    deposits = int(sql(project, "SELECT count(*) FROM ledger WHERE kind = 'deposit'")) - before
    listed = sql(project, "SELECT key FROM once_keys WHERE route = 'POST /v1/deposits' AND status BETWEEN 200 AND 299")
    recorded = set(listed.split())
    lost = books.confirmed - recorded
    late = (books.unknown - books.confirmed) & recorded
    crooked = int(sql(project, """
        SELECT count(*) FROM accounts a WHERE balance <> (SELECT coalesce(sum(minor), 0) FROM ledger l
        WHERE (l.dpa, l.dpr, l.currency) = (a.dpa, a.dpr, a.currency))"""))
    print(f"kills: ledger {deposits} deposits, confirmed {len(books.confirmed)}, "
          f"unheard of but made {len(late)}, lost {len(lost)}, "
          f"doubled {deposits - len(books.confirmed) - len(late)}, crooked balances {crooked}")
    wrong = []
    if lost:
        wrong.append(f"{len(lost)} confirmed deposits are not in the database")
    if deposits != len(books.confirmed) + len(late):
        wrong.append("the ledger does not hold each deposit once")
    if crooked:
        wrong.append("a balance is not the sum of its ledger")
    return wrong


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("front")
    arguments.add_argument("project")
    arguments.add_argument("--roll", help="a script that replaces the replicas of services, run at the end")
    arguments.add_argument("--people", type=int, default=6)
    arguments.add_argument("--each", type=float, default=4.0, help="seconds before and after each kill")
    arguments = arguments.parse_args()
    wait_for(arguments.front, 30)
    books, stop, kills = Books(), threading.Event(), []
    before = int(sql(arguments.project, "SELECT count(*) FROM ledger WHERE kind = 'deposit'"))
    people = [
        Person(arguments.front, ("alice", "bob")[count % 2], MODES[count % 3], books, stop)
        for count in range(arguments.people)
    ]
    with ThreadPoolExecutor() as pool:
        list(pool.map(Person.arrive, people))
    for person in people:
        person.start()
    for service in VICTIMS:
        time.sleep(arguments.each)
        failed, answered, begun = len(books.failures), sum(books.answered.values()), time.monotonic()
        started = {one: json.loads(run("docker", "inspect", one))[0]["State"]["StartedAt"]
                   for one in containers(arguments.project, service)}
        at, victim = kill(arguments.project, service)
        kills.append((at, service))
        while not is_back(victim, started[victim]):
            if time.monotonic() - begun > 60:
                raise Unexpected(f"{service} does not come back")
            time.sleep(0.3)
        back = time.monotonic() - begun
        time.sleep(arguments.each / 2)
        print(f"kills: {service:14} killed, healthy again after {back:4.1f} s; meanwhile "
              f"{sum(books.answered.values()) - answered} answered, {len(books.failures) - failed} failed")
    if arguments.roll:
        roll(arguments.roll, books)
    stop.set()
    for person in people:
        person.join(2 * PATIENCE)
    wrong = [f"{person.name}: {person.wrong}" for person in people if person.wrong or person.is_alive()]
    told = Counter(failure["failure"] for failure in books.failures)
    print(f"kills: {len(people)} people, {dict(books.answered)}, failed {len(books.failures)} {dict(told)}, "
          f"slowest {books.slowest:.1f} s")
    wrong += judge(books, kills) + audit(arguments.project, books, before)
    if wrong:
        raise Unexpected("; ".join(sorted(set(wrong))[:8]))
    print("kills: only what was under way at a kill failed, and nothing is lost or doubled")


if __name__ == "__main__":
    try:
        main()
    except Unexpected as problem:
        sys.exit(f"kills: {problem}")
