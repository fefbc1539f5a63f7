#!/usr/bin/env bash
# Alerts, dashboard and runbook against a real Prometheus that scrapes the demo.
#
#   e2e/observe/run.sh [DASVID]     default target/release/dasvid; needs prometheus, promtool, python3
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
dasvid=$(realpath "${1:-target/release/dasvid}")
work=$(mktemp -d)
pids=()
clean_up() {
  local rc=$? pid
  trap - EXIT
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
  exit $rc
}
trap clean_up EXIT
trap 'exit 130' INT TERM

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() { # seconds what command... : until the command succeeds
  local end=$((SECONDS + $1)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "observe: $what in vain"; tail -n 30 "$work"/*.log; exit 1; }
    sleep 0.2
  done
}

# ---- what needs no bank ---------------------------------------------------------------------
promtool check config deploy/observe/prometheus.yml
promtool test rules deploy/observe/alerts.test.yml

# ---- a bank, scraped ------------------------------------------------------------------------
"$dasvid" demo --dir "$work/bank" --listen 127.0.0.1:0 --traces >"$work/demo.log" 2>&1 &
pids+=($!)
wait_for 60 'waited for the demo' grep -q 'Traces of every request' "$work/demo.log"
port=$(free_port)
cat >"$work/prometheus.yml" <<EOF
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["$PWD/deploy/observe/alerts.yml"]
scrape_configs:
  - job_name: bank
    file_sd_configs: [{ files: ["$work/bank/metrics.json"], refresh_interval: 1s }]
EOF
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" --log.level=warn \
  --web.listen-address="127.0.0.1:$port" >"$work/prometheus.log" 2>&1 &
pids+=($!)
wait_for 30 'waited for Prometheus' curl -fsS "http://127.0.0.1:$port/-/ready"
# Two scrapes before anything happens: rates need a beginning.
sleep 3
for _ in 1 2; do "$dasvid" journey "$work/bank/bank.toml" >"$work/journey.log" 2>&1 || { cat "$work/journey.log"; exit 1; }; done
sleep 2
python3 e2e/observe/check.py "http://127.0.0.1:$port" "$work/bank/bank.toml"

# ---- traces ---------------------------------------------------------------------------------
traces=$(sed -n 's/^Traces of every request: //p' "$work/demo.log")
curl -fsS "$traces/traces.json" | python3 e2e/observe/traces.py
