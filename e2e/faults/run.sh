#!/usr/bin/env bash
# Breaks the bank in every way the laboratory knows, briefly, and says what held. About five minutes on two cores.
#
#   e2e/faults/run.sh [FOLDER OF BINARIES]        default: target/release
#
# Needs PostgreSQL's programs; as root also the disks and, with the library faketime, the clocks.
# Exits with 1 if a promise was broken, 2 if a scenario could not be run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin=${1:-target/release}
rounds=${ROUNDS:-10}
worst=0
begun=$SECONDS

# A scenario that hangs is stopped, and that is a failure too.
faults() {
  local rc=0
  timeout --kill-after=10 300 "$bin/faults" --bin-dir "$bin" "$@" || rc=$?
  [ "$rc" -le "$worst" ] || worst=$rc
}

faults bad-config
faults --store postgres --replicas 2 kill --rounds "$rounds"
faults rotate-svid --every 1000 --length 10
faults rotate-ca --times 3
faults agent-away --length 20
faults withdraw
faults silence
faults --replicas 2 postgres-restart --rounds 4
if [ "$(id -u)" = 0 ]; then
  faults full-disk
  faults read-only-disk
else
  echo "not run: full-disk and read-only-disk need root"
fi
faults clock-step
faults --store postgres matrix --check docs/operations.md
echo "faults: $((SECONDS - begun)) s, $([ "$worst" = 0 ] && echo "every promise held" || echo "NOT every promise held")"
exit "$worst"
