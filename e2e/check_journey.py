#!/usr/bin/env python3
"""Checks the document that `dasvid demo --journey --json` prints.

usage: check_journey.py FILE [--no-ready] [--offline | --introspect | --embedded]
"""
import json
import sys

STEPS = [
    "log-in", "mint", "balance", "deposit", "tampered-chain-refused", "stranger-refused",
    "links-stripped-refused", "unsealed-chain-refused", "repeated-deposit-answered-once",
    "logout-ends-every-chain",
    "transfer", "overdraft-refused",
]


def main():
    path, *options = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        story = json.load(file)
    wrong = []
    proven = [] if "--introspect" not in options and "--embedded" not in options else ["proof-verified"]
    if not story["ok"]:
        wrong.append("the story is not ok")
    if "--no-ready" not in options and not 0 < story["ready_ms"] < 2000:
        wrong.append(f"ready after {story['ready_ms']} ms")
    for mode in ("plain", "id", "anonymous"):
        steps = {step["step"]: step for step in story["modes"][mode]["steps"]}
        for name in STEPS + proven:
            step = steps.get(name)
            if step is None:
                wrong.append(f"{mode}: {name} is missing")
            elif not step["ok"] or not step["ms"] >= 0:
                wrong.append(f"{mode}: {name}: {step}")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{path}: {'wrong' if wrong else 'as it must be'}")
    sys.exit(bool(wrong))


main()
