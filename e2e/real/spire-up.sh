#!/usr/bin/env bash
# Brings up a real SPIRE server and agent for the end-to-end suite, with the bank's workloads registered.
# Idempotent: running it again repairs what stopped and applies changed settings. spire-down.sh stops it.
#
#   spire-up.sh [STATE_DIR]          (default ./target/spire; everything lives below it)
#   spire-up.sh --build-only         builds the programs into the cache and ends
#
# Environment (all optional)
#   SPIRE_VERSION      v1.15.3         SPIRE_BIN        directory with spire-server/spire-agent
#                                                       (default ~/.cache/dasvid-real/spire-VERSION-GOVERSION; built if absent)
#   SPIRE_TD           bank.example    SPIRE_PORT       agent<->server port (default: a free one in 18081-19199)
#   SPIRE_SELECTOR     path|uid        which unix selector the workloads get (default path)
#   SPIRE_WL_DIR       directory of the workload binaries for 'path' (default STATE_DIR/wl)
#   SPIRE_WL_PATH_<name_with_underscores>   exact path of one workload binary (overrides SPIRE_WL_DIR)
#   SPIRE_UID_BASE     first uid for 'uid' (default 20001, then +1 per workload)
#   SPIRE_X509_TTL     seconds (3600)  SPIRE_JWT_TTL    seconds (300)    SPIRE_CA_TTL  e.g. 24h, 10m
#   SPIRE_AGENT_TTL    e.g. 24h (agent's own SVID; capped by the CA)     SPIRE_SYNC    1s
#   SPIRE_JWT_ISSUER   https://spire.<td>   SPIRE_LOG   INFO     SPIRE_JOBS  parallel compile jobs (go -p)
set -euo pipefail
umask 022

BUILD_ONLY=0; [ "${1:-}" != --build-only ] || { BUILD_ONLY=1; shift; }
STATE=${1:-./target/spire}
mkdir -p "$STATE"; STATE=$(cd "$STATE" && pwd -P)
VERSION=${SPIRE_VERSION:-v1.15.3}
BIN=${SPIRE_BIN:-${XDG_CACHE_HOME:-$HOME/.cache}/dasvid-real/spire-$VERSION-$(go env GOVERSION 2>/dev/null || echo nogo)}
TD=${SPIRE_TD:-bank.example}
SEL=${SPIRE_SELECTOR:-path}
WL_DIR=${SPIRE_WL_DIR:-$STATE/wl}
UID_BASE=${SPIRE_UID_BASE:-20001}
X509_TTL=${SPIRE_X509_TTL:-3600}
JWT_TTL=${SPIRE_JWT_TTL:-300}
CA_TTL=${SPIRE_CA_TTL:-24h}
AGENT_TTL=${SPIRE_AGENT_TTL:-24h}
SYNC=${SPIRE_SYNC:-1s}
ISSUER=${SPIRE_JWT_ISSUER:-https://spire.$TD}
LOG=${SPIRE_LOG:-INFO}
# One identity a program path: the two middle tiers and the two tools are copies of one program.
WORKLOADS=(subject-wl asserting-wl middle-tier-1 middle-tier-2 target-wl cli stranger)
NODE_ID=spiffe://$TD/node            # alias of whichever agent attests; the parent of all workloads
SSOCK=$STATE/run/server.sock
ASOCK=$STATE/sock/agent.sock             # alone in its directory, so that directory can be mounted into containers

say() { printf 'spire-up: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
[ "${#ASOCK}" -le 100 ] || die "state path too long for a Unix socket: $ASOCK"
case $SEL in path|uid) ;; *) die "SPIRE_SELECTOR must be path or uid" ;; esac

mkdir -p "$STATE"/{run,sock,log,conf,data/server,data/agent,wl} "$(dirname "$BIN")"
chmod 700 "$STATE/data/server" "$STATE/data/agent"      # CA keys and agent key live here
exec 9>"$STATE/lock"; flock 9                            # one spire-up/-down at a time

# ---------------------------------------------------------------- 1. binaries
build() {
  command -v go >/dev/null || die "go not found (needs go >= 1.26.6)"
  command -v "${CC:-gcc}" >/dev/null || die "no C compiler (the sqlite driver is cgo)"
  export CGO_ENABLED=1
  local p=(); [ -n "${SPIRE_JOBS:-}" ] && p=(-p "$SPIRE_JOBS")
  local mod=github.com/spiffe/spire t0=$SECONDS how
  mkdir -p "$BIN"
  if GOBIN=$BIN go install "${p[@]}" -trimpath -ldflags '-s -w' \
       $mod/cmd/spire-agent@"$VERSION" $mod/cmd/spire-server@"$VERSION" 2>"$STATE/log/build.log"; then
    how="go install, unmodified"
  else
    # Some module proxies refuse the version list (go install wants it, to look for deprecations) or
    # one optional dependency: the client of the EJBCA "UpstreamAuthority" plugin. Build the same
    # checksum-verified module source as the main module, with that one plugin left out.
    say "go install refused (see log/build.log); building from the module source without the ejbca plugin"
    local dir
    dir=$(cd "$STATE" && GOFLAGS='' go mod download -json $mod@"$VERSION" 2>>"$STATE/log/build.log" \
          | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
    [ -n "$dir" ] || die "cannot download $mod@$VERSION: see $STATE/log/build.log"
    rm -rf "$STATE/src"; mkdir -p "$STATE/src"; cp -r "$dir/." "$STATE/src/"; chmod -R u+w "$STATE/src"
    sed -i '/ejbca/d' "$STATE/src/pkg/server/catalog/upstreamauthority.go"
    rm -rf "$STATE/src/pkg/server/plugin/upstreamauthority/ejbca"
    ( cd "$STATE/src"
      GOFLAGS=-buildvcs=false GOWORK=off go build "${p[@]}" -mod=readonly -trimpath -ldflags '-s -w' \
        -o "$BIN/" ./cmd/spire-agent ./cmd/spire-server ) >>"$STATE/log/build.log" 2>&1 \
      || { tail -5 "$STATE/log/build.log" >&2; die "build failed"; }
    rm -rf "$STATE/src"
    how="module source, ejbca upstream-authority plugin left out"
  fi
  printf 'spire %s\nbuilt: %s\nseconds: %s\n%s\n' "$VERSION" "$how" $((SECONDS-t0)) "$(go version)" >"$BIN/BUILD-INFO"
  say "built in $((SECONDS-t0)) s ($how)"
}
exec 8>"$BIN.lock"; flock 8                             # builds of all states share one cache
if ! [ -x "$BIN/spire-server" ] || ! [ -x "$BIN/spire-agent" ]; then build; fi
flock -u 8; exec 8>&-
[ $BUILD_ONLY = 0 ] || { say "programs in $BIN"; exit 0; }
SERVER=$(readlink -f "$BIN/spire-server"); AGENT=$(readlink -f "$BIN/spire-agent")

# ---------------------------------------------------------------- helpers
alive() { # pidfile exe : is the recorded process still our process?
  local pid; pid=$(cat "$1" 2>/dev/null) || return 1
  [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$2" ]
}
start() { # name exe args...
  local name=$1 exe=$2; shift 2
  setsid "$exe" "$@" >>"$STATE/log/$name.log" 2>&1 </dev/null 9>&- &
  echo $! >"$STATE/run/$name.pid"
}
stop() { # name exe
  local pid
  if alive "$STATE/run/$1.pid" "$2"; then
    pid=$(cat "$STATE/run/$1.pid"); kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do alive "$STATE/run/$1.pid" "$2" || break; sleep 0.1; done
    if alive "$STATE/run/$1.pid" "$2"; then kill -9 "$pid"; fi
  fi
  rm -f "$STATE/run/$1.pid"
}
wait_for() { # seconds pidfile exe command...    command exits 0 = ready, 2 = will never be ready
  local end=$(( $(date +%s) + $1 )) pf=$2 exe=$3 rc; shift 3
  while :; do
    rc=0; "$@" >/dev/null 2>&1 || rc=$?
    [ $rc = 0 ] && return 0
    { [ $rc = 2 ] || ! alive "$pf" "$exe" || [ "$(date +%s)" -ge "$end" ]; } && return 1
    sleep 0.1
  done
}
srv() { "$SERVER" "$@" -socketPath "$SSOCK"; }
put_if_changed() { # file : content on stdin; true when it changed
  local tmp; tmp=$(mktemp "$1.XXXX"); cat >"$tmp"
  if cmp -s "$tmp" "$1"; then rm -f "$tmp"; return 1; fi
  mv "$tmp" "$1"
}
busy() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ---------------------------------------------------------------- 2. configuration
PORT=${SPIRE_PORT:-$(cat "$STATE/run/port" 2>/dev/null || true)}
if [ -z "$PORT" ]; then
  # start from a port derived from the path, so that two states started at once do not race for one
  PORT=$(( 18081 + $(cksum <<<"$STATE" | cut -d' ' -f1) % 900 ))
  while busy "$PORT"; do PORT=$((PORT+1)); [ $PORT -lt 19200 ] || die "no free port"; done
fi
echo "$PORT" >"$STATE/run/port"

schanged=0; achanged=0
put_if_changed "$STATE/conf/server.conf" <<CONF && schanged=1
server {
  bind_address = "127.0.0.1"
  bind_port = "$PORT"
  socket_path = "$SSOCK"
  trust_domain = "$TD"
  data_dir = "$STATE/data/server"
  log_level = "$LOG"
  ca_ttl = "$CA_TTL"
  agent_ttl = "$AGENT_TTL"
  default_x509_svid_ttl = "${X509_TTL}s"
  default_jwt_svid_ttl = "${JWT_TTL}s"
  jwt_issuer = "$ISSUER"
  ratelimit { attestation = false }
  experimental { cache_reload_interval = "$SYNC" }
}
plugins {
  DataStore "sql" { plugin_data {
    database_type = "sqlite3"
    connection_string = "$STATE/data/server/datastore.sqlite3"
  } }
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "disk" { plugin_data { keys_path = "$STATE/data/server/keys.json" } }
}
CONF
put_if_changed "$STATE/conf/agent.conf" <<CONF && achanged=1
agent {
  data_dir = "$STATE/data/agent"
  log_level = "$LOG"
  server_address = "127.0.0.1"
  server_port = "$PORT"
  socket_path = "$ASOCK"
  trust_bundle_path = "$STATE/conf/bootstrap.pem"
  trust_domain = "$TD"
  experimental { sync_interval = "$SYNC" }
}
plugins {
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "disk" { plugin_data { directory = "$STATE/data/agent" } }
  WorkloadAttestor "unix" { plugin_data {
    discover_workload_path = true      # gives unix:path; needs an agent that may readlink /proc/PID/exe
    workload_size_limit = -1           # no unix:sha256: hashing the binary costs ~1 ms per MB on every attestation
  } }
}
CONF

# ---------------------------------------------------------------- 3. server
[ $schanged = 0 ] || stop server "$SERVER"
if ! alive "$STATE/run/server.pid" "$SERVER"; then
  busy "$PORT" && die "port $PORT is in use (set SPIRE_PORT or remove $STATE/run/port)"
  start server "$SERVER" run -config "$STATE/conf/server.conf"
  wait_for 30 "$STATE/run/server.pid" "$SERVER" srv healthcheck \
    || { tail -5 "$STATE/log/server.log" >&2; die "server did not become healthy"; }
fi
srv bundle show -format pem >"$STATE/conf/bootstrap.pem"

# ---------------------------------------------------------------- 4. registration entries (before the agent: it gets them in its first sync)
known=$(srv entry show)
changed=0
put_entry() { # entry-id args...   create, or update when it differs from what we registered last time
  local id=$1 verb=create; shift
  if grep -qx "Entry ID  *: $id" <<<"$known"; then
    [ "$(cat "$STATE/conf/entry-$id" 2>/dev/null)" != "$*" ] || return 0
    verb=update
  fi
  srv entry $verb -entryID "$id" "$@" >"$STATE/log/entry-$id.log" 2>&1 || { cat "$STATE/log/entry-$id.log" >&2; die "entry $verb $id"; }
  printf '%s\n' "$*" >"$STATE/conf/entry-$id"; changed=1
  say "entry $verb: $*"
}
i=0
for w in "${WORKLOADS[@]}"; do
  if [ "$SEL" = path ]; then
    var=SPIRE_WL_PATH_${w//-/_}; path=${!var:-$WL_DIR/$w}
    # the kernel reports the resolved path, so symlinks must be resolved here as well
    selector="unix:path:$(readlink -m "$path")"
  else
    selector="unix:uid:$((UID_BASE+i))"
  fi
  i=$((i+1))
  put_entry "$w" -parentID "$NODE_ID" -spiffeID "spiffe://$TD/$w" -selector "$selector" \
            -x509SVIDTTL "$X509_TTL" -jwtSVIDTTL "$JWT_TTL"
done

# ---------------------------------------------------------------- 5. agent
agent_healthy() { "$AGENT" healthcheck -socketPath "$ASOCK"; }
agent_resumed() { # healthy, or 2 when this start (log from byte $log_at on) shows that its stored identity is of no use
  agent_healthy && return 0
  # expired SVID; SVID or trust bundle of another server incarnation; evicted or banned agent
  tail -c "+$((log_at+1))" "$STATE/log/agent.log" \
    | grep -qE 'join token was not provided|certificate signed by unknown authority|not attested|is banned|Agent crashed' && return 2
  return 1
}
[ $achanged = 0 ] || stop agent "$AGENT"
if ! alive "$STATE/run/agent.pid" "$AGENT"; then
  ok=0
  if [ -s "$STATE/data/agent/agent-data.json" ]; then       # known agent: its key and SVID are on disk
    log_at=$(stat -c %s "$STATE/log/agent.log" 2>/dev/null || echo 0)
    start agent "$AGENT" run -config "$STATE/conf/agent.conf"
    wait_for 20 "$STATE/run/agent.pid" "$AGENT" agent_resumed && ok=1
    [ $ok = 1 ] || { say "stored agent identity not usable (expired, or of another server); attesting anew"; stop agent "$AGENT"; }
  fi
  if [ $ok = 0 ]; then
    if [ -s "$STATE/run/agent-id" ]; then                   # forget the previous agent and its alias entry
      old=$(cat "$STATE/run/agent-id")
      srv agent evict -spiffeID "$old" >/dev/null 2>&1 || true
      for id in $(srv entry show -parentID "$old" 2>/dev/null | sed -n 's/^Entry ID *: *//p'); do
        srv entry delete -entryID "$id" >/dev/null 2>&1 || true
      done
    fi
    find "$STATE/data/agent" -mindepth 1 -delete
    ( umask 077; srv token generate -spiffeID "$NODE_ID" -ttl 120 | sed -n 's/^Token: //p' >"$STATE/run/join-token" )
    token=$(cat "$STATE/run/join-token"); [ -n "$token" ] || die "no join token"
    echo "spiffe://$TD/spire/agent/join_token/$token" >"$STATE/run/agent-id"
    start agent "$AGENT" run -config "$STATE/conf/agent.conf" -joinTokenFile "$STATE/run/join-token"
    wait_for 30 "$STATE/run/agent.pid" "$AGENT" agent_healthy \
      || { tail -5 "$STATE/log/agent.log" >&2; die "agent did not become healthy"; }
    rm -f "$STATE/run/join-token"
  fi
fi

# ---------------------------------------------------------------- 6. wait until the agent serves these entries
# Server cache and agent poll, so a changed entry is live only after up to 2 x SYNC, and until then a
# workload gets its *old* identity (or none). A canary entry, written last and matched by the agent CLI
# itself, tells when everything before it has arrived.
canary() { "$AGENT" api fetch x509 -socketPath "$ASOCK" 2>/dev/null | grep -q "/spire-up/$READY\$"; }
if [ $changed = 1 ] || [ ! -s "$STATE/conf/entry-spire-up" ]; then READY=$(date +%s%N)
else READY=$(sed -n 's|.*/spire-up/\([0-9]*\) .*|\1|p' "$STATE/conf/entry-spire-up"); fi
put_entry spire-up -parentID "$NODE_ID" -spiffeID "spiffe://$TD/spire-up/$READY" -selector "unix:path:$AGENT"
wait_for 30 "$STATE/run/agent.pid" "$AGENT" canary || die "entries did not reach the agent: see $STATE/log/agent.log"

cat >"$STATE/env" <<ENV
SPIFFE_ENDPOINT_SOCKET=unix://$ASOCK
SPIRE_SERVER_SOCKET=$SSOCK
SPIRE_TRUST_DOMAIN=$TD
ENV
say "up: server pid $(cat "$STATE/run/server.pid"), agent pid $(cat "$STATE/run/agent.pid"); source $STATE/env"
echo "SPIFFE_ENDPOINT_SOCKET=unix://$ASOCK"
