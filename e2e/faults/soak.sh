#!/usr/bin/env bash
# The long run of the fault laboratory: each process killed a hundred times under load, SVIDs rotated every ten seconds,
# and everything else a few times over. Twenty to forty minutes. The published run is docs/results/faults.md.
#
#   [ROUNDS=100] e2e/faults/soak.sh [FOLDER OF BINARIES]        default: target/release
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin=${1:-target/release}
rounds=${ROUNDS:-100}
worst=0
begun=$SECONDS

# A scenario that hangs is stopped, and that is a failure too.
faults() { # seconds, arguments
  local limit=$1 rc=0; shift
  timeout --kill-after=10 "$limit" "$bin/faults" --bin-dir "$bin" "$@" || rc=$?
  [ "$rc" -le "$worst" ] || worst=$rc
}

echo "faults: $(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), $rounds rounds"
faults 2400 --store postgres --replicas 2 kill --rounds "$rounds"
faults 600 kill --rounds $(((rounds + 9) / 10))
faults 300 --store postgres --replicas 2 rotate-svid --every 10000 --length 120
faults 300 rotate-svid --every 100 --length 30
faults 300 rotate-ca --times 10
faults 300 agent-away --length 60
faults 300 withdraw
faults 300 silence
faults 600 --replicas 2 postgres-restart --rounds $(((rounds + 4) / 5))
if [ "$(id -u)" = 0 ]; then
  faults 300 full-disk
  faults 300 read-only-disk
else
  echo "not run: full-disk and read-only-disk need root"
fi
faults 300 clock-step
echo "faults: $((SECONDS - begun)) s, $([ "$worst" = 0 ] && echo "every promise held" || echo "NOT every promise held")"
exit "$worst"
