#!/usr/bin/env bash
# Builds stand-ins for the public images that docker-compose.yml names, for machines that cannot pull. Same names and
# tags, same users, entrypoints and paths, and no tool that the original lacks where the compose file could come to rely
# on it. Every one is labelled; an image without the label is never touched: then the original is there, and is used.
#
#   stand-ins.sh            builds what is missing or out of date
#   stand-ins.sh --rm       removes every stand-in
#
# Needs root, docker, debootstrap, a C compiler, a JDK 17 or newer, PostgreSQL 15, Prometheus, and what ../real/spire-up.sh
# and ../real/keycloak-up.sh leave in their caches.
set -euo pipefail
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dasvid-real
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
label=standin.of.published.image

debian=debian:bookworm-slim
distroless=gcr.io/distroless/cc-debian12:nonroot
pause=registry.k8s.io/pause:3.9
spire_server=ghcr.io/spiffe/spire-server:1.15.3
spire_agent=ghcr.io/spiffe/spire-agent:1.15.3
keycloak=quay.io/keycloak/keycloak:26.7.4
postgres=postgres:15
prometheus=prom/prometheus:v2.53.4

say() { printf 'stand-ins: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

label_of() { docker image inspect -f "{{ index .Config.Labels \"$label\" }}" "$1" 2>/dev/null || true; }

needed() { # image fingerprint : whether it is to be built
  local have; have=$(label_of "$1")
  if [ -z "$have" ] && docker image inspect "$1" >/dev/null 2>&1; then
    say "$1 is here and is no stand-in: it is used as it is"
    return 1
  fi
  [ "$have" != "$2" ]
}
print() { cat "${BASH_SOURCE[0]}" "$@" | cksum | cut -d' ' -f1; } # fingerprint of this script and of files

# ---- the base system ------------------------------------------------------------------------
base() {
  local tar=$cache/compose/bookworm.tar root
  root=$tmp/bookworm
  if [ ! -s "$tar" ]; then
    say "making a Debian base system from $mirror"
    mkdir -p "$(dirname "$tar")"
    debootstrap --variant=minbase bookworm "$root" "$mirror" >"$tmp/debootstrap.log" || { tail -5 "$tmp/debootstrap.log" >&2; die "debootstrap failed"; }
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,info,locale}/* "$root"/var/log/*
    tar -C "$root" --exclude=./dev/* --numeric-owner -cf "$tar.new" . && mv "$tar.new" "$tar"
  fi
  local print; print=$(print)
  needed "$debian" "$print" || return 0
  docker import --change 'CMD ["bash"]' --change "LABEL $label=$print" "$tar" "$debian" >/dev/null
  say "$debian"
}

# ---- images of files: no shell in them --------------------------------------------------------
bare() { # image fingerprint folder change... : imports a folder, its owners as they are
  local image=$1 print=$2 root=$3 change=(); shift 3
  for line in "$@"; do change+=(--change "$line"); done
  tar -C "$root" --numeric-owner -c . | docker import "${change[@]}" --change "LABEL $label=$print" - "$image" >/dev/null
  say "$image"
}
libraries() { # root file... : what the files are linked with, the loader too
  local root=$1 lib; shift
  { ldd "$@" 2>/dev/null || true; } | { grep -oE '/[^ :]+\.so[^ :]*' || true; } | sort -u | while read -r lib; do
    [ -e "$root$lib" ] || install -D -m 755 "$(readlink -f "$lib")" "$root$lib"
  done
}
authorities() { install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"; }

distroless() { # the C library, libgcc, certificates, a user; nothing that runs
  local root=$tmp/distroless print lib; print=$(print /lib/x86_64-linux-gnu/libc.so.6)
  needed "$distroless" "$print" || return 0
  install -d "$root"/{etc,lib64,lib/x86_64-linux-gnu,usr/bin,home/nonroot}
  install -d -m 1777 "$root/tmp"
  for lib in libc libm libdl libpthread librt libresolv libnss_dns libnss_files libgcc_s; do
    find /lib/x86_64-linux-gnu -name "$lib.so.*" -exec cp -P {} "$root/lib/x86_64-linux-gnu/" \;
  done
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
  printf 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n' >"$root/etc/group"
  printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
  chown 65532:65532 "$root/home/nonroot"
  authorities "$root"
  bare "$distroless" "$print" "$root" 'USER 65532' 'WORKDIR /home/nonroot' 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'
}

pause() { # waits, and reaps the orphans of a pid namespace
  local root=$tmp/pause print; print=$(print)
  needed "$pause" "$print" || return 0
  mkdir -p "$root"
  cat >"$tmp/pause.c" <<'C'
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int signal) { (void)signal; _exit(0); }
static void reap(int signal) { (void)signal; while (waitpid(-1, NULL, WNOHANG) > 0) {} }
int main(void) {
  signal(SIGINT, end);
  signal(SIGTERM, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
C
  cc -static -Os -o "$root/pause" "$tmp/pause.c"
  strip "$root/pause"
  bare "$pause" "$print" "$root" 'USER 65535:65535' 'ENTRYPOINT ["/pause"]'
}

spire() { # image program uid folder... : as SPIRE's own Dockerfile makes it
  local image=$1 program=$2 uid=$3 root=$tmp/$2 bin print dir; shift 3
  bin=$(ls -d "$cache"/spire-v1.15.3-*/ | tail -1)$program
  [ -x "$bin" ] || die "no $program in $cache: run ../real/spire-up.sh --build-only"
  print=$(print "$bin")
  needed "$image" "$print" || return 0
  for dir in /opt/spire/bin "$@"; do install -d -o "$uid" -g "$uid" "$root$dir"; done
  install -o "$uid" -g "$uid" -m 755 "$bin" "$root/opt/spire/bin/$program"
  libraries "$root" "$bin"
  authorities "$root"
  bare "$image" "$print" "$root" "USER $uid:$uid" 'WORKDIR /opt/spire' "ENTRYPOINT [\"/opt/spire/bin/$program\", \"run\"]"
}

prometheus() { # a program and a folder for its data
  local root=$tmp/prometheus bin print; bin=$(type -P prometheus) || die "no prometheus"
  print=$(print "$bin")
  needed "$prometheus" "$print" || return 0
  install -D -m 755 "$bin" "$root/bin/prometheus"
  libraries "$root" "$bin"
  install -d "$root/etc/prometheus"
  install -d -o 65534 -g 65534 "$root/prometheus"
  printf 'nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n' >"$root/etc/passwd"
  bare "$prometheus" "$print" "$root" 'USER nobody' 'WORKDIR /prometheus' 'ENTRYPOINT ["/bin/prometheus"]' 'EXPOSE 9090'
}

# ---- images with a system below ---------------------------------------------------------------
on_debian() { # image fingerprint folder : builds the folder's Dockerfile
  docker build -q -t "$1" --label "$label=$2" "$3" >/dev/null 2>"$tmp/build.log" || { cat "$tmp/build.log" >&2; die "no $1"; }
  say "$1"
}

jdk() { # the newest
  local dir best='' version newest=16
  for dir in /usr/lib/jvm/*/; do
    [ -x "$dir/bin/java" ] && [ ! -L "${dir%/}" ] || continue
    version=$("$dir/bin/java" -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p')
    if [ "${version:-0}" -gt "$newest" ]; then newest=$version; best=${dir%/}; fi
  done
  [ -n "$best" ] || die "no JDK 17 or newer in /usr/lib/jvm"
  echo "$best"
}

keycloak() {
  local dir=$tmp/keycloak java print; java=$(jdk)
  [ -s "$cache/keycloak/version.txt" ] || die "no Keycloak in $cache: run ../real/keycloak-up.sh --install-only"
  print=$(print "$cache/keycloak/version.txt" "$cache/compose/bookworm.tar" "$java/release")
  needed "$keycloak" "$print" || return 0
  mkdir -p "$dir/java"
  cp -rL "$java"/{bin,conf,lib} "$dir/java/"
  rm -rf "$dir/java/lib/src.zip" "$dir/java/lib/ct.sym"
  cp -r "$cache/keycloak" "$dir/keycloak"
  rm -rf "$dir/keycloak/.built" "$dir/keycloak/data"
  cat >"$dir/Dockerfile" <<DOCKERFILE
FROM $debian
RUN echo 'keycloak:x:1000:0:keycloak user:/opt/keycloak:/sbin/nologin' >>/etc/passwd
COPY java /usr/lib/jvm/java
COPY --chown=1000:0 keycloak /opt/keycloak
ENV LANG=C.UTF-8 PATH=/usr/lib/jvm/java/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER 1000
EXPOSE 8080 8443 9000
ENTRYPOINT ["/opt/keycloak/bin/kc.sh"]
DOCKERFILE
  on_debian "$keycloak" "$print" "$dir"
}

postgres() {
  local dir=$tmp/postgres root=$tmp/postgres/root pg=/usr/lib/postgresql/15 print file
  [ -x $pg/bin/postgres ] || die "no PostgreSQL 15 in $pg"
  print=$(print $pg/bin/postgres "$cache/compose/bookworm.tar" "$here/stand-ins/postgres-entrypoint.sh")
  needed "$postgres" "$print" || return 0
  mkdir -p "$root/usr/lib/postgresql" "$root/usr/share/postgresql"
  cp -r $pg "$root/usr/lib/postgresql/"
  rm -f "$root"/usr/lib/postgresql/15/lib/llvmjit*
  rm -rf "$root"/usr/lib/postgresql/15/lib/bitcode
  cp -rL /usr/share/postgresql/15 "$root/usr/share/postgresql/"
  cp -rL /usr/share/zoneinfo "$root/usr/share/"
  sed -i "s/^#listen_addresses = 'localhost'/listen_addresses = '*'/" "$root/usr/share/postgresql/15/postgresql.conf.sample"
  for file in "$root"/usr/lib/postgresql/15/{bin,lib}/*; do libraries "$root" "$file"; done
  rm -f "$root"/lib/x86_64-linux-gnu/{libc,libm,libpthread,libdl,librt}.so.* "$root"/lib64/*
  rmdir "$root/lib64" 2>/dev/null || true
  # The base system has /lib as a link.
  if [ -d "$root/lib" ]; then mkdir -p "$root/usr/lib"; cp -r "$root/lib/." "$root/usr/lib/"; rm -rf "${root:?}/lib"; fi
  install -D -m 755 "$here/stand-ins/postgres-entrypoint.sh" "$root/usr/local/bin/docker-entrypoint.sh"
  cat >"$dir/Dockerfile" <<DOCKERFILE
FROM $debian
COPY root /
RUN groupadd -r postgres --gid=999 \\
 && useradd -r -g postgres --uid=999 --home-dir=/var/lib/postgresql --shell=/bin/bash postgres \\
 && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data \\
 && install -d -o postgres -g postgres -m 3777 /var/run/postgresql \\
 && install -d /docker-entrypoint-initdb.d \\
 && ldconfig
ENV LANG=C.UTF-8 PG_MAJOR=15 PGDATA=/var/lib/postgresql/data \\
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
DOCKERFILE
  on_debian "$postgres" "$print" "$dir"
}

if [ "${1:-}" = --rm ]; then
  for image in $prometheus $postgres $keycloak $spire_agent $spire_server $pause $distroless $debian; do
    [ -z "$(label_of "$image")" ] || docker image rm "$image" >/dev/null
  done
  exit 0
fi
[ "$(id -u)" = 0 ] || die "debootstrap needs root"
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
export DOCKER_BUILDKIT=0
base
distroless
pause
spire "$spire_server" spire-server 1000 /etc/spire/server /run/spire/server/private /tmp/spire-server/private /var/lib/spire/server
spire "$spire_agent" spire-agent 0 /etc/spire/agent /run/spire/agent/public /tmp/spire-agent/public /var/lib/spire/agent
keycloak
postgres
prometheus
docker image prune -f --filter "label=$label" >/dev/null
