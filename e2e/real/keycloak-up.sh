#!/usr/bin/env bash
# Installs (once), prepares and starts a real Keycloak for the end-to-end suite, realm `bank`, Shared Signals on.
#
#   keycloak-up.sh STATE_DIR
#   keycloak-up.sh --install-only      downloads, builds and imports into the cache and ends
#
# Idempotent: a second call on a running state directory only prints its settings again.
# Everything a run writes is under STATE_DIR (database, log, pid, env file); the unpacked
# distribution is shared by all state directories and is not written to once it is built.
#
# Settings (environment, all optional):
#   KEYCLOAK_VERSION      26.7.4          Keycloak version on Maven Central
#   KEYCLOAK_DIST         ~/.cache/dasvid-real/keycloak   where the distribution is unpacked
#   KEYCLOAK_ARCHIVE      -               use this keycloak-quarkus-dist tar.gz instead of asking Maven
#   KEYCLOAK_JAVA_HOME    -               JDK to use (17 or newer); else JAVA_HOME, else the newest in /usr/lib/jvm, else PATH
#   KEYCLOAK_FEATURES     ssf             comma separated, build time
#   KEYCLOAK_HOST         127.0.0.1       address to listen on, also the host in the issuer
#   KEYCLOAK_PORT         18080           http port;  KEYCLOAK_MGMT_PORT (default KEYCLOAK_PORT-1) health and metrics
#   KEYCLOAK_REALM_JSON   bank-realm.json next to this script
#   KEYCLOAK_ADMIN, KEYCLOAK_ADMIN_PASSWORD     admin / admin   (bootstrap administrator of the master realm)
#   KEYCLOAK_DRAINER      250ms           how often the push outbox is looked at (Keycloak's default is 30s)
#   KEYCLOAK_PUSH_URLS    -               replaces ssf.validPushUrls of ssf-receiver-push ("##" between entries)
#   KEYCLOAK_TLS_CERT, KEYCLOAK_TLS_KEY         PEM files: serve https on KEYCLOAK_PORT instead of http (issuer becomes https)
#   KEYCLOAK_TLS_CA       -               PEM file: what this script's own calls and Keycloak's pushes trust in addition
#   KEYCLOAK_HEAP         512m            -Xmx
#   KEYCLOAK_READY_SECS   240             how long to wait until it answers
#   KEYCLOAK_EXTRA        -               further words for "kc.sh start"
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: $0 STATE_DIR | --install-only" >&2; exit 2; }
install_only=0
if [ "$1" = --install-only ]; then install_only=1; set -- "$(mktemp -d)"; fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"; state=$(cd "$1" && pwd)

KEYCLOAK_VERSION=${KEYCLOAK_VERSION:-26.7.4}
KEYCLOAK_DIST=${KEYCLOAK_DIST:-${XDG_CACHE_HOME:-$HOME/.cache}/dasvid-real/keycloak}
KEYCLOAK_FEATURES=${KEYCLOAK_FEATURES:-ssf}
KEYCLOAK_HOST=${KEYCLOAK_HOST:-127.0.0.1}
KEYCLOAK_PORT=${KEYCLOAK_PORT:-18080}
KEYCLOAK_MGMT_PORT=${KEYCLOAK_MGMT_PORT:-$((KEYCLOAK_PORT - 1))}
KEYCLOAK_REALM_JSON=${KEYCLOAK_REALM_JSON:-$here/bank-realm.json}
KEYCLOAK_ADMIN=${KEYCLOAK_ADMIN:-admin}
KEYCLOAK_ADMIN_PASSWORD=${KEYCLOAK_ADMIN_PASSWORD:-admin}
KEYCLOAK_DRAINER=${KEYCLOAK_DRAINER:-250ms}
KEYCLOAK_HEAP=${KEYCLOAK_HEAP:-512m}
KEYCLOAK_READY_SECS=${KEYCLOAK_READY_SECS:-240}
sha_26_7_4=04823c336b797a7e18889a44262a7a64e6bf624cbbcc518c85e2622176ff2eee

scheme=http; listen=(--http-enabled=true "--http-port=$KEYCLOAK_PORT")
if [ -n "${KEYCLOAK_TLS_CERT:-}" ]; then
  scheme=https
  listen=(--http-enabled=false "--https-port=$KEYCLOAK_PORT" "--https-certificate-file=$(realpath "$KEYCLOAK_TLS_CERT")" "--https-certificate-key-file=$(realpath "$KEYCLOAK_TLS_KEY")")
fi
ca=(); if [ -n "${KEYCLOAK_TLS_CA:-}" ]; then ca=(--cacert "$KEYCLOAK_TLS_CA"); listen+=("--truststore-paths=$(realpath "$KEYCLOAK_TLS_CA")"); fi
url=$scheme://$KEYCLOAK_HOST:$KEYCLOAK_PORT
realm=$(sed -n 's/^  "realm": *"\([^"]*\)".*/\1/p' "$KEYCLOAK_REALM_JSON" | head -1)
[ -n "$realm" ] || { echo "no realm name in $KEYCLOAK_REALM_JSON" >&2; exit 1; }
issuer=$url/realms/$realm
say() { printf '[keycloak-up] %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
get() { curl -fsS ${ca[@]+"${ca[@]}"} "$@"; }
answers() { get -o /dev/null --max-time 3 "$1" 2>/dev/null; }
ours() { # is the recorded process alive, and is it the one we started for this state directory?
  [ -s "$state/keycloak.pid" ] || return 1
  local p; p=$(cat "$state/keycloak.pid")
  [ -r "/proc/$p/cmdline" ] && tr '\0' ' ' <"/proc/$p/cmdline" | grep -qF "$state/home/"
}
write_env() {
  cat >"$state/keycloak.env" <<ENV
KEYCLOAK_URL=$url
KEYCLOAK_REALM=$realm
KEYCLOAK_ISSUER=$issuer
KEYCLOAK_OIDC_CONFIG_URL=$issuer/.well-known/openid-configuration
KEYCLOAK_SSF_CONFIG_URL=$url/.well-known/ssf-configuration/realms/$realm
KEYCLOAK_TOKEN_URL=$issuer/protocol/openid-connect/token
KEYCLOAK_JWKS_URL=$issuer/protocol/openid-connect/certs
KEYCLOAK_ADMIN_URL=$url/admin/realms/$realm
KEYCLOAK_MGMT_URL=$scheme://$KEYCLOAK_HOST:$KEYCLOAK_MGMT_PORT
KEYCLOAK_ADMIN=$KEYCLOAK_ADMIN
KEYCLOAK_ADMIN_PASSWORD=$KEYCLOAK_ADMIN_PASSWORD
KEYCLOAK_PID=$(cat "$state/keycloak.pid")
KEYCLOAK_LOG=$state/keycloak.log
ENV
  cat "$state/keycloak.env"
}

# ---- one instance per state directory at a time -------------------------------------------
exec 8>"$state/lock"; flock 8
if ours && answers "$issuer/.well-known/ssf-configuration"; then say "already up"; write_env; exit 0; fi
ours && die "process $(cat "$state/keycloak.pid") of this state directory runs but does not answer; use keycloak-down.sh first"

# ---- JDK ----------------------------------------------------------------------------------
java_major() { "$1" -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p'; }
pick_java() {
  local best='' bestv=16 c v
  for c in ${KEYCLOAK_JAVA_HOME:+"$KEYCLOAK_JAVA_HOME/bin/java"} ${JAVA_HOME:+"$JAVA_HOME/bin/java"}; do
    [ -x "$c" ] && v=$(java_major "$c") && [ "${v:-0}" -ge 17 ] && { echo "$c"; return; }
  done
  for c in /usr/lib/jvm/*/bin/java "$(command -v java || true)"; do
    [ -x "$c" ] || continue
    v=$(java_major "$c"); [ "${v:-0}" -gt "$bestv" ] && { best=$c; bestv=$v; }
  done
  [ -n "$best" ] && echo "$best"
}
JAVA=$(pick_java) || die "no JDK 17 or newer"
export JAVA
# ---- install, build and template, once for all state directories --------------------------
mkdir -p "$(dirname "$KEYCLOAK_DIST")"
exec 9>"$KEYCLOAK_DIST.lock"; flock 9
if ! grep -qsF "$KEYCLOAK_VERSION" "$KEYCLOAK_DIST/version.txt"; then
  tmp=$(mktemp -d "$KEYCLOAK_DIST.new.XXXXXX")
  if [ -n "${KEYCLOAK_ARCHIVE:-}" ]; then archive=$KEYCLOAK_ARCHIVE; else
    say "fetching keycloak-quarkus-dist $KEYCLOAK_VERSION with Maven (about 170 MB)"
    (cd "$tmp" && mvn -B -q -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
        "-Dartifact=org.keycloak:keycloak-quarkus-dist:$KEYCLOAK_VERSION:tar.gz" "-DoutputDirectory=$tmp/dl" >&2)
    archive=$tmp/dl/keycloak-quarkus-dist-$KEYCLOAK_VERSION.tar.gz
  fi
  if [ "$KEYCLOAK_VERSION" = 26.7.4 ]; then echo "$sha_26_7_4  $archive" | sha256sum -c --quiet - >&2 || die "checksum of $archive differs"; fi
  mkdir "$tmp/kc"; tar -xzf "$archive" -C "$tmp/kc" --strip-components=1
  rm -rf "$KEYCLOAK_DIST"; mv "$tmp/kc" "$KEYCLOAK_DIST"; rm -rf "$tmp"
fi
build_args="--db=dev-file --features=$KEYCLOAK_FEATURES --health-enabled=true --metrics-enabled=true"
if [ "$(cat "$KEYCLOAK_DIST/.built" 2>/dev/null || true)" != "$build_args" ]; then
  say "building the server image (30 to 60 s, once)"
  # shellcheck disable=SC2086
  "$KEYCLOAK_DIST/bin/kc.sh" build $build_args >"$KEYCLOAK_DIST.build.log" 2>&1 || { tail -20 "$KEYCLOAK_DIST.build.log" >&2; die "kc.sh build failed"; }
  printf '%s' "$build_args" >"$KEYCLOAK_DIST/.built"
fi
make_home() { # a home directory that shares the distribution and keeps its own data
  mkdir -p "$1/bin" "$1/data"
  local d; for d in lib conf providers themes version.txt; do ln -sfn "$KEYCLOAK_DIST/$d" "$1/$d"; done
  cp "$KEYCLOAK_DIST/bin/kc.sh" "$1/bin/kc.sh"   # a copy: kc.sh takes its home from its own resolved path
}
export JAVA_OPTS_KC_HEAP="-Xms64m -Xmx$KEYCLOAK_HEAP"
key=$( { echo "$KEYCLOAK_VERSION $build_args $KEYCLOAK_ADMIN $KEYCLOAK_ADMIN_PASSWORD"; cat "$KEYCLOAK_REALM_JSON"; } | sha256sum | cut -c1-16)
template=$KEYCLOAK_DIST.templates/$key
if [ ! -d "$state/home/data/h2" ] && [ ! -d "$template/h2" ]; then
  say "preparing the database with $(basename "$KEYCLOAK_REALM_JSON") (30 to 60 s, once per realm file)"
  rm -rf "$template.tmp"; make_home "$template.tmp/home"
  KC_BOOTSTRAP_ADMIN_USERNAME=$KEYCLOAK_ADMIN KC_BOOTSTRAP_ADMIN_PASSWORD=$KEYCLOAK_ADMIN_PASSWORD \
    "$template.tmp/home/bin/kc.sh" import --optimized --file "$KEYCLOAK_REALM_JSON" >"$template.tmp/import.log" 2>&1 \
    || { tail -20 "$template.tmp/import.log" >&2; die "import failed"; }
  grep -q "Realm '$realm' imported" "$template.tmp/import.log" || { tail -20 "$template.tmp/import.log" >&2; die "realm was not imported"; }
  mkdir -p "$template"; mv "$template.tmp/home/data/h2" "$template/h2"; mv "$template.tmp/import.log" "$template/"; rm -rf "$template.tmp"
fi
flock -u 9
if [ $install_only = 1 ]; then rm -rf "$state"; say "installed in $KEYCLOAK_DIST"; exit 0; fi

# ---- start --------------------------------------------------------------------------------
make_home "$state/home"
[ -d "$state/home/data/h2" ] || cp -a "$template/h2" "$state/home/data/h2"
answers "$url/" && die "something else answers on $url"
say "starting with $("$JAVA" -version 2>&1 | head -1)"
t0=$(date +%s%N)
# shellcheck disable=SC2086
setsid "$state/home/bin/kc.sh" start --optimized --cache=local \
  "${listen[@]}" --http-host="$KEYCLOAK_HOST" --hostname="$url" \
  --http-management-host="$KEYCLOAK_HOST" --http-management-port="$KEYCLOAK_MGMT_PORT" \
  --spi-ssf-transmitter--default--allow-insecure-push-targets=true \
  --spi-ssf-transmitter--default--outbox-drainer-interval="$KEYCLOAK_DRAINER" \
  --spi-ssf-transmitter--default--min-verification-interval-seconds=0 \
  ${KEYCLOAK_EXTRA:-} >"$state/keycloak.log" 2>&1 </dev/null 8>&- 9>&- &
echo $! >"$state/keycloak.pid"
for _ in $(seq 1 $((KEYCLOAK_READY_SECS * 5))); do
  kill -0 "$(cat "$state/keycloak.pid")" 2>/dev/null || { tail -25 "$state/keycloak.log" >&2; rm -f "$state/keycloak.pid"; die "Keycloak ended"; }
  answers "$issuer/.well-known/ssf-configuration" && { ready=1; break; }
  sleep 0.2
done
[ "${ready:-}" = 1 ] || { tail -25 "$state/keycloak.log" >&2; die "not ready after $KEYCLOAK_READY_SECS s (still running; see $state/keycloak.log)"; }
say "ready after $((($(date +%s%N) - t0) / 1000000)) ms"

# ---- optional: which receiver URLs may be pushed to ---------------------------------------
if [ -n "${KEYCLOAK_PUSH_URLS:-}" ]; then
  tok=$(get "$url/realms/master/protocol/openid-connect/token" -d grant_type=password -d client_id=admin-cli \
        --data-urlencode "username=$KEYCLOAK_ADMIN" --data-urlencode "password=$KEYCLOAK_ADMIN_PASSWORD" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  id=$(get -H "Authorization: Bearer $tok" "$url/admin/realms/$realm/clients?clientId=ssf-receiver-push" | sed 's/^\[{"id":"\([^"]*\)".*/\1/')
  get -X PUT -H "Authorization: Bearer $tok" -H 'Content-Type: application/json' "$url/admin/realms/$realm/clients/$id" \
       -d "{\"clientId\":\"ssf-receiver-push\",\"attributes\":{\"ssf.validPushUrls\":\"$KEYCLOAK_PUSH_URLS\"}}"
  say "ssf.validPushUrls = $KEYCLOAK_PUSH_URLS"
fi
write_env
