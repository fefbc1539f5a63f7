#!/usr/bin/env python3
"""Verifies the section `proofs` of vector files with the Python standard library alone.

usage: verify.py FILE…        exit status 0 if every case comes out as its file says
"""
import json
import sys

from proofs import check_case


def verdict(case):
    """What comes of a case, and why."""
    try:
        trace = check_case(case["input"])
    except (ValueError, KeyError, TypeError) as error:
        return "REFUSED", str(error)
    expected = case.get("trace")
    if expected and any(trace[name] != expected[name] for name in trace):
        return "ACCEPT", "another trace"
    return "ACCEPT", ""


def main(paths):
    if not paths:
        sys.exit(__doc__)
    failed = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)["proofs"]
        for case in cases:
            actual, why = verdict(case)
            if actual != case["expect"] or (actual == "ACCEPT" and why):
                failed += 1
                print(f"{path}: {case['name']}: expected {case['expect']}, got {actual} ({why})")
        print(f"{path}: {len(cases)} proofs")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
