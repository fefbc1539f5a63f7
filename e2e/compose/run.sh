#!/usr/bin/env bash
# Brings the bank up by docker-compose.yml, tells its story from outside, kills a replica of each service under load, takes
# it down; then the same story with docker-compose.embedded.yml. The public images are stand-ins (stand-ins.sh) unless the
# real ones are here; docs/compose.md says what that leaves untried.
#
#   run.sh [--keep] [FOLDER-OF-PROGRAMS]        default target/release; --keep leaves the bank up
#
# Settings: COMPOSE (docker-compose), COMPOSE_RUNS ("full embedded"), KILL_SECONDS (4), PEOPLE (6).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
keep=0; [ "${1:-}" != --keep ] || { keep=1; shift; }
programs=$(realpath "${1:-$root/target/release}")
work=$root/target/compose
compose=${COMPOSE:-docker-compose}
mkdir -p "$work"
cd "$root"

say() { printf 'compose: %s\n' "$*"; }
die() { say "error: $*"; exit 1; }

# ---- an engine ---------------------------------------------------------------------------------
engine=''
start_engine() {
  docker info >/dev/null 2>&1 && return
  [ "$(id -u)" = 0 ] || die "no docker engine answers, and only root can start one"
  dockerd >"$work/dockerd.log" 2>&1 &
  engine=$!
  for _ in $(seq 100); do
    docker info >/dev/null 2>&1 && { say "started an engine"; return; }
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.3
  done
  tail -5 "$work/dockerd.log"
  die "no docker engine"
}

# ---- nothing stays behind ------------------------------------------------------------------------
file=docker-compose.yml
export DASVID_VERSION=e2e COMPOSE_PROJECT_NAME=bank-e2e COMPOSE=$compose
bank() { $compose -f "$file" "$@"; }
down() {
  [ -z "${up:-}" ] || kill "$up" 2>/dev/null || true
  bank --profile observe down -v --remove-orphans -t 10 >"$work/down.log" 2>&1 || { cat "$work/down.log"; return 1; }
}
clean_up() {
  local rc=$?
  trap - EXIT
  if [ $rc != 0 ]; then
    docker ps -a --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --format '{{.Names}}  {{.Status}}' || true
    bank logs --no-color --tail 400 2>/dev/null | grep -av '"level":"INFO"\|^spire-entries\|No identity issued' | cut -c1-400 | tail -n 100 || true
  fi
  if [ $keep = 1 ] && [ $rc = 0 ]; then
    say "left up at $front; $compose -p $COMPOSE_PROJECT_NAME -f $file down -v takes it down"
    exit 0
  fi
  down || rc=1
  docker images -q --filter label=dasvid.e2e=true | sort -u | xargs -r docker image rm -f >/dev/null 2>&1 || true
  if [ -n "$engine" ]; then kill "$engine" && wait "$engine" || true; fi
  exit $rc
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# ---- images ------------------------------------------------------------------------------------
images() {
  local context=$work/programs name program t0=$SECONDS
  rm -rf "$context"; mkdir -p "$context"
  for name in dasvid subject-wl asserting-wl middle-tier target-wl; do
    [ -x "$programs/$name" ] || die "$programs/$name is missing: cargo build --release"
    strip -o "$context/$name" "$programs/$name"
  done
  for name in cli subject-wl asserting-wl middle-tier target-wl; do
    program=${name/cli/dasvid}
    DOCKER_BUILDKIT=0 docker build -q -f Dockerfile --label dasvid.e2e=true --target runtime --build-arg "WORKLOAD=$program" -t "dasvid-$name:$DASVID_VERSION" "$context" >/dev/null 2>"$work/build.log" \
      || { cat "$work/build.log"; die "no image of $program"; }
  done
  say "images after $((SECONDS - t0)) s:"
  docker images --format '{{.Repository}}:{{.Tag}}  {{.Size}}' | sed -n "s/^dasvid-/  dasvid-/; /:$DASVID_VERSION /p"
  docker image prune -f --filter label=dasvid.e2e=true >/dev/null
}

containers() { # flags service
  docker ps "$1" --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter "label=com.docker.compose.service=$2"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# ---- the checks ----------------------------------------------------------------------------------
wrong_settings() { # a wrong setting ends everything with one line that names it, before any workload starts
  local told
  refuses() { # description pattern
    if bank up -d subject-wl >"$work/wrong.log" 2>&1; then die "$1: it came up"; fi
    grep -q check "$work/wrong.log" || { cat "$work/wrong.log"; die "$1: up does not say where to look"; }
    told=$(bank logs --no-color check | sed -n 's/^check[-_]1 *| *//p' | grep -v ': the configuration is valid$') || true
    [ "$(wc -l <<<"$told")" = 1 ] && grep -q "$2" <<<"$told" || die "$1: ${told:-no word of it}"
    [ -z "$(containers -q subject-wl)" ] || die "$1: subject-wl runs"
    docker inspect -f '{{.State.ExitCode}}' "$(containers -aq check)" | grep -qx 64 || die "$1: not exit code 64"
    say "$1: $told"
    bank rm -fsv >/dev/null 2>&1
  }
  SUBJECT_WL__BANK__MODE=nonsense refuses 'a wrong value' SUBJECT_WL__BANK__MODE
  printf 'SUBJECT_WL__MODE=nonsense\n' >"$work/wrong.env"
  BANK_ENV=$work/wrong.env refuses 'an unknown name' SUBJECT_WL__MODE
}

bring_up() {
  local t0=$SECONDS last='' now
  bank up -d >"$work/up.log" 2>&1 &
  up=$!
  while kill -0 "$up" 2>/dev/null; do
    now=$(docker ps -a --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --format '{{.Status}}' \
      | sed -E 's/^Up.*\((.*)\)$/\1/; s/^Up.*/running/; s/^Exited \(([0-9]+)\).*/exit \1/; s/^Created$/created/' | sort | uniq -c | tr -s ' \n' ' ' | sed 's/health: //')
    if [ "$now" != "$last" ]; then say "$((SECONDS - t0)) s:$now"; last=$now; fi
    if ((SECONDS - t0 > 300)); then die "not up after 300 s"; fi
    sleep 1
  done
  wait "$up" || { cat "$work/up.log"; die "it does not come up"; }
  up=''
  say "up after $((SECONDS - t0)) s"
}

identities() { # each user gets its own identity, and another user none
  local socket pid
  socket=$(docker volume inspect -f '{{.Name}}' "${COMPOSE_PROJECT_NAME}_spire-agent-socket")
  pid=$(bank ps -q pidns)
  as() { # uid
    docker run --rm --network none --pid "container:$pid" --user "$1" --read-only --cap-drop ALL --tmpfs /tmp:mode=1777 \
      -v "$socket:/run/spire/agent/public:ro" -e SPIFFE_ENDPOINT_SOCKET=unix:/run/spire/agent/public/api.sock \
      "dasvid-cli:$DASVID_VERSION" svid write /tmp/svid 2>&1
  }
  as 20003 | grep -q '^spiffe://bank.example/middle-tier-1 ' || die "user 20003 is not middle-tier-1"
  as 20005 | grep -q '^spiffe://bank.example/target-wl ' || die "user 20005 is not target-wl"
  if timeout 20 docker run --rm --network none --pid "container:$pid" --user 20009 --read-only --tmpfs /tmp:mode=1777 \
      -v "$socket:/run/spire/agent/public:ro" -e SPIFFE_ENDPOINT_SOCKET=unix:/run/spire/agent/public/api.sock \
      "dasvid-cli:$DASVID_VERSION" svid write /tmp/svid >"$work/stranger.log" 2>&1; then
    cat "$work/stranger.log"; die "a stranger got an identity"
  fi
  say "each workload has its own identity, a stranger none"
}

logs() { # no token and no password is in any log
  bank logs --no-color >"$work/bank.log" 2>&1
  if grep -lE 'eyJ(hbGci|0eXAi|raWQi|4NXQj)' "$work/bank.log"; then die "a log holds a token"; fi
  local secret vault
  vault=$(docker volume inspect -f '{{.Mountpoint}}' "${COMPOSE_PROJECT_NAME}_vault")
  for secret in "$vault"/*.password; do
    if grep -qF "$(cat "$secret")" "$work/bank.log"; then die "a log holds $(basename "$secret")"; fi
  done
  say "no token and no password in $(wc -l <"$work/bank.log") lines of log"
}

watched() { # Prometheus finds every replica of every service
  bank --profile observe up -d --no-deps prometheus >"$work/observe.log" 2>&1 || { cat "$work/observe.log"; die "no Prometheus"; }
  local found='' expected='asserting-wl=2 middle-tier-1=2 middle-tier-2=2 prometheus=1 subject-wl=1 target-wl=2 '
  for _ in $(seq 60); do
    found=$(curl -fsS "http://127.0.0.1:$BANK_PROMETHEUS_PORT/api/v1/query?query=sum%20by%20(job)(up)" 2>/dev/null \
      | python3 -c 'import json, sys; print("".join(sorted(row["metric"]["job"] + "=" + row["value"][1] + " " for row in json.load(sys.stdin)["data"]["result"])))') || true
    [ "$found" != "$expected" ] || { say "Prometheus sees $found"; return; }
    sleep 0.5
  done
  die "Prometheus sees ${found:-nothing}, not $expected"
}

again() { # a second `up` changes nothing
  local before after
  before=$(bank ps -q | sort)
  bank up -d >"$work/again.log" 2>&1 || { cat "$work/again.log"; die "up again failed"; }
  after=$(bank ps -q | sort)
  [ "$before" = "$after" ] || { cat "$work/again.log"; die "up again made other containers"; }
}

left_over() {
  local what
  for what in container volume network; do
    [ -z "$(docker "$what" ls -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")" ] || die "down leaves a $what"
  done
}

full() {
  file=docker-compose.yml
  wrong_settings
  local t0=$SECONDS
  bring_up
  python3 -B "$here/story.py" "$front" --provider-logout "http://localhost:$BANK_IDP_PORT/realms/bank/protocol/openid-connect/logout"
  say "the story is told $((SECONDS - t0)) s after up"
  identities
  watched
  python3 -B "$here/kills.py" "$front" "$COMPOSE_PROJECT_NAME" --people "${PEOPLE:-6}" --each "${KILL_SECONDS:-4}" --roll "$root/deploy/compose/roll.sh"
  again
  logs
  [ $keep = 1 ] && return
  down; left_over
}

embedded() {
  file=docker-compose.embedded.yml
  bring_up
  python3 -B "$here/story.py" "$front" --provider-logout "http://localhost:$BANK_IDP_PORT/end-session"
  down; left_over
}

BANK_PORT=$(free_port) BANK_IDP_PORT=$(free_port) BANK_PROMETHEUS_PORT=$(free_port)
export BANK_PORT BANK_IDP_PORT BANK_PROMETHEUS_PORT
front=http://localhost:$BANK_PORT
start_engine
begun=$SECONDS
down
"$here/stand-ins.sh"
say "stand-ins after $((SECONDS - begun)) s"
images
for run in ${COMPOSE_RUNS:-full embedded}; do
  say "--- $run"
  "$run"
done
say "done in $((SECONDS - begun)) s"
