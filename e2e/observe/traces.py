#!/usr/bin/env python3
"""Reads the traces of a story from standard input: one page must have gone through all five services."""

import json
import sys

BANK = {"subject-wl", "asserting-wl", "middle-tier-1", "middle-tier-2", "target-wl"}

traces = json.load(sys.stdin)
whole = [trace for trace in traces if {span["service"] for span in trace["spans"]} == BANK]
if not whole:
    sys.exit(f"observe: none of {len(traces)} traces went through {sorted(BANK)}")
spans = whole[0]["spans"]
ids = {span["id"] for span in spans}
roots = [span["name"] for span in spans if span["parent"] not in ids]
if roots != ["subject-wl.service.answer"]:
    sys.exit(f"observe: a trace falls apart: {roots}")
print(f"observe: {len(whole)} of {len(traces)} traces went through all five services, the first in {len(spans)} spans")
