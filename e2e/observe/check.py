#!/usr/bin/env python3
"""Asks Prometheus every expression of the alerts and the dashboard, and compares the runbook with the alerts.

    check.py PROMETHEUS-URL BANK.TOML
"""

import json
import pathlib
import re
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
OBSERVE = ROOT / "deploy" / "observe"

# What only a failure shows, and no failure of this kind is made here. The metric itself must be there all the same.
FAILURES = {
    'dasvid_mints_total{outcome="failed"}': "asserting-wl's store would have to break under a mint",
    'dasvid_logins_total{outcome="failed"}': "the identity provider would have to vanish during a login",
    'dasvid_requests_total{status=~"5.."}': "no answer of a healthy bank is 5xx",
    'ALERTS{alertstate="firing"}': "nothing is wrong with a healthy bank",
}
# No journey ends with one, or the demo has none at all.
ABSENT = {
    "dasvid_logouts_total": "the journey's logout is the browser's own",
}
VARIABLES = {"$job": ".+", "$__rate_interval": "1m", "$__range": "1m"}
SELECTOR = re.compile(r"\b((?:dasvid_[a-z_]+|up|ALERTS)(?:\{[^}]*\})?)")


def fail(text):
    sys.exit(f"observe: {text}")


def query(server, expression):
    """The samples an expression has now."""
    url = f"{server}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(url) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        fail(f"{expression}\n  {json.load(error)['error']}")


def dashboard():
    """Every expression of the dashboard, with the title of its panel."""
    page = json.loads((OBSERVE / "grafana/dashboards/bank.json").read_text())
    for panel in page["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            yield panel["title"], expression
    for annotation in page["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def alerts(server):
    """Every alert as Prometheus has read it."""
    with urllib.request.urlopen(f"{server}/api/v1/rules?type=alert") as answer:
        for group in json.load(answer)["data"]["groups"]:
            yield from group["rules"]


def without(selector, dropped=("job",)):
    """The selector without matchers on labels that say where, so that it compares with the lists above."""
    name, _, matchers = selector.partition("{")
    kept = [m for m in re.findall(r'[a-z_]+(?:=~|!=|=)"[^"]*"', matchers) if re.match("[a-z_]+", m)[0] not in dropped]
    return f"{name}{{{','.join(kept)}}}" if kept else name


def check_selectors(server, where, expression, used):
    """Every metric an expression names must have a sample, with exactly the labels it is asked for."""
    for selector in SELECTOR.findall(expression):
        plain = without(selector)
        if plain.split("{")[0] in ABSENT:
            used.add(plain.split("{")[0])
            continue
        if query(server, selector):
            continue
        if plain not in FAILURES:
            fail(f"{where}: {selector} has no sample")
        used.add(plain)
        name = plain.split("{")[0]
        asked = set(re.findall(r"([a-z_]+)(?:=~|!=|=)", plain))
        there = query(server, name)
        if name != "ALERTS" and not any(asked <= set(sample["metric"]) for sample in there):
            fail(f"{where}: {name} has no label {asked}")


def headings(page):
    """The anchors of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def main():
    server, bank = sys.argv[1], tomllib.loads(pathlib.Path(sys.argv[2]).read_text())
    used, panels = set(), 0
    # A login that is refused, and a page that is not there.
    for path in ("callback?state=none&code=none", "nowhere"):
        try:
            urllib.request.urlopen(bank["front"] + path)
        except urllib.error.HTTPError:
            pass

    down = [sample["metric"] for sample in query(server, "up == 0")]
    if down or len(query(server, "up == 1")) != 5:
        fail(f"not every workload is scraped: {down}")

    for title, expression in dashboard():
        panels += 1
        check_selectors(server, f"dashboard, {title}", expression, used)
        names = {without(selector) for selector in SELECTOR.findall(expression)}
        excused = names & (set(FAILURES) | set(ABSENT)) or "changes(" in expression
        if not query(server, expression) and not excused:
            fail(f"dashboard, {title}: no data for {expression}")

    rules = list(alerts(server))
    tests = (OBSERVE / "alerts.test.yml").read_text()
    anchors = headings(ROOT / "docs/operations.md")
    for rule in rules:
        name = rule["name"]
        check_selectors(server, f"alert {name}", rule["query"], used)
        if rule["health"] != "ok":
            fail(f"alert {name}: {rule.get('lastError', rule['health'])}")
        cases = re.findall(rf'alertname=\\?"{name}\\?".*\n.*\n\s+exp_samples: \[(.*)\]', tests)
        if not any(cases) or all(cases):
            fail(f"alert {name}: alerts.test.yml must have it fire once and stay silent once")
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        if page != "docs/operations.md" or anchor not in anchors or anchor != name.lower():
            fail(f"alert {name}: docs/operations.md has no #{anchor}")

    firing = [alert for rule in rules for alert in rule["alerts"] if alert["state"] == "firing"]
    # The journey attacks the bank on purpose.
    firing = [alert for alert in firing if alert["labels"]["alertname"] != "RefusalsSpike"]
    if firing:
        fail(f"a healthy bank raises {firing}")
    unused = (set(FAILURES) | set(ABSENT)) - used
    if unused:
        fail(f"excused for nothing: {unused}")
    print(f"observe: {panels} expressions of the dashboard and {len(rules)} alerts have what they ask for;")
    for name, why in sorted({**FAILURES, **ABSENT}.items()):
        print(f"  but no {name}: {why}")


main()
