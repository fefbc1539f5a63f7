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
server=$(id -u postgres 2>/dev/null || id -u nobody)
as_server_words() {
  [ "$(id -u)" != 0 ] || echo "setpriv --reuid=$server --regid=$(id -g nobody) --clear-groups -- "
}
as_server() {
  # shellcheck disable=SC2046
  $(as_server_words) "$@"
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
  [ "$(id -u)" != 0 ] || chown "$server" "$work"/{data,socket,password,server.key}
  # Any locale may rule in production; here one whose order is not that of bytes, so that a forgotten COLLATE shows.
  as_server "$bin/initdb" -D "$work/data" -U bank --auth=scram-sha-256 --pwfile="$work/password" -E UTF8 \
    --locale-provider=icu --icu-locale=en --locale=C.UTF-8 >/dev/null
  cat >>"$work/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$work/socket'
max_connections = 200
# Processes are killed here, machines are not.
fsync = off
ssl = on
ssl_cert_file = '$work/server.pem'
ssl_key_file = '$work/server.key'
CONF
  as_server "$bin/pg_ctl" start -s -w -t 30 -D "$work/data" -l "$work/socket/log"
  export DASVID_TEST_POSTGRES="postgres://bank:$password@localhost:$port/postgres?sslmode=verify-full&sslrootcert=$work/ca.pem"
  export DASVID_TEST_POSTGRES_SOCKET="postgres://bank:$password@${work//\//%2F}%2Fsocket:$port/postgres"
  # What a test calls to have the server killed and started again.
  printf '#!/bin/sh\nexec %s%s/pg_ctl restart -s -w -t 30 -m immediate -D %s/data -l %s/socket/log\n' \
    "$(as_server_words)" "$bin" "$work" "$work" >"$work/restart"
  chmod 755 "$work/restart"
  export DASVID_TEST_POSTGRES_RESTART="$work/restart"
}

start
if [ $# -gt 0 ]; then "$@"; exit; fi

# What runs, by the names of the tests. Those of the whole workspace are built the way `cargo test --workspace` builds them.
log=$work/log
# Transaction identifiers given out, which is what shows that the tests wrote here.
written() { "$bin/psql" "$DASVID_TEST_POSTGRES" -qAtc 'SELECT pg_snapshot_xmax(pg_current_snapshot())'; }
tests() { # name, least number of tests, arguments of cargo test
  local name=$1 least=$2 passed before
  shift 2
  before=$(written)
  cargo test --workspace --locked --no-fail-fast "$@" 2>&1 | tee "$log"
  passed=$(awk '/^test result: ok/ { sum += $4 } END { print sum + 0 }' "$log")
  # A test that found no server says so; here every one must have found it.
  if grep -q '^skipped: ' "$log"; then echo "postgres: $name: a test was skipped" >&2; exit 1; fi
  if [ "$passed" -lt "$least" ]; then echo "postgres: $name: $passed tests passed, expected at least $least" >&2; exit 1; fi
  summary+=$(printf '\npostgres: %-48s %4d tests passed, %6d transactions wrote' "$name" "$passed" $(($(written) - before)))
}
summary=
tests 'the store: conformance, faults, mixed versions' 22 --lib -- tests::postgres tests::migrations
tests 'the bank and its keys' 30 --lib -- bank::tests keyring
tests 'attacks on the bank, replicas' 17 --test bank --test it -- attacks_bank attacks_transfers replicas shared_store
tests 'a server that is killed and comes back' 1 --lib -- --ignored --test-threads 1 tests::postgres
echo "$summary"
