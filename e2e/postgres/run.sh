#!/usr/bin/env bash
# Runs the tests that share a database on a PostgreSQL of their own: a cluster in a temporary folder, on loopback and a
# Unix socket, with TLS and passwords, as an unprivileged user; stopped and removed at the end, however that comes.
#
#   e2e/postgres/run.sh              the conformance suite, the bank's concurrency attacks, two replicas on one store
#   e2e/postgres/run.sh COMMAND…     this command instead, with DASVID_TEST_POSTGRES set
#
# Needs Debian's postgresql package (any version from 13 on) and openssl.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bin=${PG_BIN:-$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)}
[ -x "${bin:-/nowhere}/initdb" ] || { echo 'postgres: no initdb under /usr/lib/postgresql; install postgresql' >&2; exit 1; }
work=$(mktemp -d)
chmod 755 "$work"

# PostgreSQL refuses to run as root.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid="$(id -u postgres 2>/dev/null || id -u nobody)" --regid="$(id -g nobody)" --clear-groups -- "$@"
  else
    "$@"
  fi
}
stop() {
  local rc=$?
  trap - EXIT
  as_server "$bin/pg_ctl" stop -s -m immediate -D "$work/data" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit $rc
}
trap stop EXIT
trap 'exit 130' INT TERM

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start() {
  port=$(free_port)
  local password
  password=$(openssl rand -hex 16)
  mkdir "$work/data" "$work/socket"
  printf '%s\n' "$password" >"$work/password"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=CA of the test' \
    -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
    -CA "$work/ca.pem" -CAkey "$work/ca.key" -keyout "$work/server.key" -out "$work/server.pem" 2>/dev/null
  chmod 600 "$work/server.key"
  [ "$(id -u)" != 0 ] || chown "$(id -u postgres 2>/dev/null || id -u nobody)" "$work"/{data,socket,password,server.key}
  # Any locale may rule in production; here one whose order is not that of bytes, so that a forgotten COLLATE shows.
  as_server "$bin/initdb" -D "$work/data" -U bank --auth=scram-sha-256 --pwfile="$work/password" -E UTF8 \
    --locale-provider=icu --icu-locale=en --locale=C.UTF-8 >/dev/null
  cat >>"$work/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$work/socket'
max_connections = 200
ssl = on
ssl_cert_file = '$work/server.pem'
ssl_key_file = '$work/server.key'
CONF
  as_server "$bin/pg_ctl" start -s -w -t 30 -D "$work/data" -l "$work/socket/log"
  export DASVID_TEST_POSTGRES="postgres://bank:$password@localhost:$port/postgres?sslmode=verify-full&sslrootcert=$work/ca.pem"
  export DASVID_TEST_POSTGRES_SOCKET="postgres://bank:$password@${work//\//%2F}%2Fsocket:$port/postgres"
  export DASVID_TEST_POSTGRES_RESTART="$work/restart"
}

start
if [ $# -gt 0 ]; then "$@"; exit; fi
