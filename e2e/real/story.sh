#!/usr/bin/env bash
# The story of the bank on real parts: SPIRE attests every process by its path, Keycloak logs alice in, each workload is
# a process of its own that gets its own identity and no other. Every hop and the target have asserting-wl prove that
# Keycloak signed the OAuth token (rule 13), with Keycloak's own keys; PROOFS=offline leaves that out.
#
#   story.sh            brings everything up, tells the story, takes everything down
#   story.sh --keep     leaves it up; --down takes it down
#   story.sh --down
#
# Needs the programs in target/release (cargo build --release) and what spire-up.sh and keycloak-up.sh need.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
state=${REAL_STATE:-$root/target/real}
bin=${REAL_BIN:-$root/target/release}
base=${REAL_PORT:-19400}
proofs=${PROOFS:-introspect}
workloads=(asserting-wl target-wl middle-tier-2 middle-tier-1 subject-wl)
mkdir -p "$state/run" "$state/log" "$state/conf" "$state/data" "$state/wl"

say() { printf 'story: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

port() { # workload : its port; the admin listener is 50 above
  case $1 in
    subject-wl) echo $((base + 0)) ;; asserting-wl) echo $((base + 1)) ;; target-wl) echo $((base + 2)) ;;
    logout) echo $((base + 6)) ;;
    middle-tier-1) echo $((base + 3)) ;; middle-tier-2) echo $((base + 4)) ;;
  esac
}

down() {
  local name pid
  for name in subject-wl middle-tier-1 middle-tier-2 target-wl asserting-wl; do
    [ -s "$state/run/$name.pid" ] || continue
    pid=$(cat "$state/run/$name.pid")
    if [ "$(readlink "/proc/$pid/exe" 2>/dev/null | sed 's/ (deleted)$//')" = "$state/wl/$name" ]; then
      kill -TERM "$pid"
      for _ in $(seq 350); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
      kill -9 "$pid" 2>/dev/null && say "$name did not end on SIGTERM"
    fi
    rm -f "$state/run/$name.pid"
  done
  "$here/keycloak-down.sh" "$state/keycloak" || true
  [ ! -d "$state/spire" ] || "$here/spire-down.sh" "$state/spire" || true
}

# ---- identities ---------------------------------------------------------------------------
copy() { # program workload : a copy of its own, for SPIRE attests the path
  cmp -s "$bin/$1" "$state/wl/$2" || { rm -f "$state/wl/$2"; cp "$bin/$1" "$state/wl/$2"; }
}
programs() {
  local name
  for name in subject-wl asserting-wl middle-tier target-wl dasvid; do
    [ -x "$bin/$name" ] || die "$bin/$name is missing: cargo build --release"
  done
  copy subject-wl subject-wl; copy asserting-wl asserting-wl; copy target-wl target-wl
  copy middle-tier middle-tier-1; copy middle-tier middle-tier-2
  copy dasvid cli; copy dasvid stranger
}

# ---- configurations -------------------------------------------------------------------------
common() { # workload
  printf '[admin]\nlisten = "127.0.0.1:%d"\n\n[log]\nfilter = "info"\nformat = "json"\n\n' $(($(port "$1") + 50))
}
asserting() { printf '[asserting]\nurl = "https://127.0.0.1:%d"\nid = "spiffe://bank.example/asserting-wl"\n\n' "$(port asserting-wl)"; }
listen() { printf '[listen]\naddress = "127.0.0.1:%d"\n\n' "$(port "$1")"; }
accept() { # role neighbours...
  local role=$1 list=''; shift
  local id; for id in "$@"; do list+="\"spiffe://bank.example/$id\", "; done
  cat <<TOML
[policy.accept]
asserters = ["spiffe://bank.example/asserting-wl"]
subjects = ["spiffe://bank.example/subject-wl", "spiffe://bank.example/cli"]
issuers = ["$KEYCLOAK_ISSUER"]
modes = ["plain", "id", "anonymous"]
neighbours = [${list%, }]
role = "$role"
TOML
}
provenance() { # what a verifier demands of the proof of the OAuth signature
  printf '\n[policy.provenance]\nverification = "%s"\noauth_audience = ["asserting-wl"]\n' "$proofs"
}
routes() {
  cat <<'TOML'

[[policy.route]]
method = "GET"
path = "/v1/*"
scope = "accounts.read"
request_binding = "end-to-end"

[[policy.route]]
method = "POST"
path = "/v1/*"
scope = "payments.write"
request_binding = "end-to-end"
TOML
}
configure_asserting() {
  common asserting-wl; listen asserting-wl
  cat <<TOML
[logout]
listen = "127.0.0.1:$(port logout)"
audience = ["bank-web", "bank-cli"]

[store]
url = "sqlite://$state/data/asserting-wl.sqlite?mode=rwc"

[[policy.issuer]]
url = "$KEYCLOAK_ISSUER"
profile = "keycloak"
audience = ["asserting-wl"]
clients = ["bank-web", "bank-cli"]
algs = ["RS256"]
TOML
  local caller
  for caller in cli middle-tier-1 middle-tier-2 target-wl; do
    printf '\n[[policy.introspect]]\ncaller = "spiffe://bank.example/%s"\noauth_claims = true\n' "$caller"
  done
  for caller in subject-wl cli; do
    cat <<TOML

[[policy.mint]]
caller = "spiffe://bank.example/$caller"
issuer = "$KEYCLOAK_ISSUER"
scopes = ["accounts.read", "payments.write"]
audiences = ["spiffe://bank.example/target-wl"]
modes = ["plain", "id", "anonymous"]
max_life = "2m"
TOML
  done
}
configure_target() {
  common target-wl; listen target-wl; asserting
  printf '[store]\nurl = "sqlite://%s/data/target-wl.sqlite?mode=rwc"\n\n' "$state"
  accept end middle-tier-1 middle-tier-2
  provenance
}
configure_tier() { # number neighbours...
  local name=middle-tier-$1 next=target-wl seal=true
  if [ "$1" = 1 ]; then next=middle-tier-2; seal=false; fi
  shift
  common "$name"; listen "$name"; asserting
  printf '[next]\nurl = "https://127.0.0.1:%d"\nid = "spiffe://bank.example/%s"\n\n' "$(port $next)" $next
  accept hop "$@"
  printf 'seal = %s\n' $seal
  provenance
  routes
}
configure_subject() {
  common subject-wl; asserting
  cat <<TOML
[web]
listen = "127.0.0.1:$(port subject-wl)"

[login]
issuer = "$KEYCLOAK_ISSUER"

[bank]
target = "spiffe://bank.example/target-wl"

[bank.next_hop]
url = "https://127.0.0.1:$(port middle-tier-1)"
id = "spiffe://bank.example/middle-tier-1"
TOML
}
configure() {
  configure_asserting >"$state/conf/asserting-wl.toml"
  configure_target >"$state/conf/target-wl.toml"
  configure_tier 1 subject-wl cli >"$state/conf/middle-tier-1.toml"
  configure_tier 2 middle-tier-1 >"$state/conf/middle-tier-2.toml"
  configure_subject >"$state/conf/subject-wl.toml"
  cat >"$state/conf/bank.toml" <<TOML
verification = "$proofs"
front = "http://127.0.0.1:$(port subject-wl)/"
issuer = "$KEYCLOAK_ISSUER"
person = { name = "alice", password = "alice-pw" }
asserting = { url = "https://127.0.0.1:$(port asserting-wl)", id = "spiffe://bank.example/asserting-wl" }
entry = { url = "https://127.0.0.1:$(port middle-tier-1)", id = "spiffe://bank.example/middle-tier-1" }
target = { url = "https://127.0.0.1:$(port target-wl)", id = "spiffe://bank.example/target-wl" }
stranger = { program = "$state/wl/stranger" }
TOML
}

# ---- processes --------------------------------------------------------------------------------
start() { # workload
  local name=$1
  setsid "$state/wl/$name" --config "$state/conf/$name.toml" >"$state/log/$name.log" 2>&1 </dev/null &
  echo $! >"$state/run/$name.pid"
}
ready() { # workload
  local name=$1
  for _ in $(seq 300); do
    curl -fs --max-time 2 -o /dev/null "http://127.0.0.1:$(($(port "$name") + 50))/readyz" && return
    kill -0 "$(cat "$state/run/$name.pid")" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$state/log/$name.log" >&2
  die "$name does not get ready"
}

up() {
  programs
  "$here/keycloak-down.sh" "$state/keycloak" --wipe   # a realm as the file describes it, whatever ran here before
  SPIRE_WL_DIR=$state/wl "$here/spire-up.sh" "$state/spire" >/dev/null
  # Keycloak tells asserting-wl of logouts, wherever it listens this time.
  sed "s#http://127.0.0.1:19406/#http://127.0.0.1:$(port logout)/#" "$here/bank-realm.json" >"$state/conf/bank-realm.json"
  KEYCLOAK_REALM_JSON=$state/conf/bank-realm.json "$here/keycloak-up.sh" "$state/keycloak" >/dev/null
  set -a
  # shellcheck disable=SC1091
  . "$state/spire/env"
  # shellcheck disable=SC1091
  . "$state/keycloak/keycloak.env"
  set +a
  configure
  local name
  for name in "${workloads[@]}"; do start "$name"; done
  for name in "${workloads[@]}"; do ready "$name"; done
  say "up: http://127.0.0.1:$(port subject-wl)/ (alice, alice-pw)"
}

case ${1:-} in
  --down) down; exit 0 ;;
  --keep) up; exit 0 ;;
  '') ;;
  *) die "unknown word $1" ;;
esac
trap down EXIT
down
rm -rf "$state/data"; mkdir -p "$state/data"
up
"$state/wl/cli" journey "$state/conf/bank.toml" --json >"$state/journey.json"
python3 "$root/e2e/check_journey.py" "$state/journey.json" --no-ready "--$proofs"
# Each process has the identity of its own path and no other.
for name in cli stranger; do
  "$state/wl/$name" svid write "$state/run/svid-$name" 2>&1 | grep -q "^spiffe://bank.example/$name " || die "$name is attested as somebody else"
done
# No token and no chain in any log.
if grep -lE 'eyJ(hbGci|0eXAi|raWQi|4NXQj)' "$state"/log/*.log; then die "a log holds a token"; fi
say "every step on real SPIRE and real Keycloak went as it must"
