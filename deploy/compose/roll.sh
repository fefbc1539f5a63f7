#!/usr/bin/env bash
# Replaces the replicas of services without anybody noticing: new ones beside the old, and when they are healthy the old
# ones finish what they have and go. Not for what there is one of: subject-wl, postgres, keycloak, SPIRE.
#
#   deploy/compose/roll.sh asserting-wl target-wl middle-tier-2 middle-tier-1       after `docker compose build`
#
# Settings: COMPOSE, the command (default `docker compose`, else docker-compose), and Compose's own: COMPOSE_FILE,
# COMPOSE_PROJECT_NAME.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ -z "${COMPOSE:-}" ]; then
  COMPOSE=docker-compose
  if docker compose version >/dev/null 2>&1; then COMPOSE='docker compose'; fi
fi

say() { printf 'roll: %s\n' "$*"; }
die() { say "error: $*" >&2; exit 1; }

roll() { # service
  local service=$1 old new t0=$SECONDS container
  old=$($COMPOSE ps -q "$service")
  [ -n "$old" ] || die "$service does not run"
  $COMPOSE up -d --no-deps --no-recreate --scale "$service=$((2 * $(wc -w <<<"$old")))" "$service" >/dev/null 2>&1
  new=$($COMPOSE ps -q "$service" | grep -vFx "$old")
  for container in $new; do
    until [ "$(docker inspect -f '{{.State.Health.Status}}' "$container")" = healthy ]; do
      ((SECONDS - t0 < 120)) || die "a new replica of $service does not become healthy; the old ones serve on"
      sleep 0.5
    done
  done
  # shellcheck disable=SC2086
  docker stop -t 35 $old >/dev/null
  # shellcheck disable=SC2086
  docker rm $old >/dev/null
  say "$service: $(wc -w <<<"$new") replicas replaced in $((SECONDS - t0)) s"
}

[ $# -gt 0 ] || die "which services?"
for service in "$@"; do roll "$service"; done
