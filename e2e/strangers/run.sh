#!/usr/bin/env bash
# Foreign clients against a running demo: go-spiffe, Python's spiffe with PyJWT, curl, Node's jose; and OpenPubkey.
#
# usage: run.sh PATH-OF-DASVID
#
# Needs go, python3 with venv, node with npm, curl and openssl. Packages have exact versions and are installed under
# target/strangers. Prints one line a client; fails with the first one that fails; leaves nothing running.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dasvid=$(realpath "${1:?usage: run.sh PATH-OF-DASVID}")
work=$(realpath -m "$here/../../target/strangers")
scratch=$(mktemp -d /tmp/strangers.XXXXXX) # short: a socket's path has at most 107 bytes
started=()

finish() {
    local code=$?
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    if ((code)) && [[ -s $scratch/log ]]; then tail -n 20 "$scratch/log" >&2; fi
    rm -rf "$scratch"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Runs dasvid in the background until the end; what it prints goes to a file.
start() {
    local out=$1
    shift
    "$dasvid" "$@" >"$out" 2>>"$scratch/log" &
    started+=("$!")
}

# Waits until a file has that many lines.
await() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        if [[ -e $1 ]] && (($(wc -l <"$1") >= $2)); then return; fi
        kill -0 "${started[-1]}" 2>/dev/null || break
        sleep 0.05
    done
    echo "run.sh: dasvid does not get ready" >&2
    return 1
}

install() {
    mkdir -p "$work"
    (cd "$here/go" && go build -o "$work/stranger-go" .)
    (cd "$here/openpubkey" && go build -o "$work/openpubkey" .)
    if ! cmp -s "$here/python/requirements.txt" "$work/venv/requirements.txt"; then
        python3 -m venv --clear "$work/venv"
        "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/python/requirements.txt"
        cp "$here/python/requirements.txt" "$work/venv/"
    fi
    mkdir -p "$work/node"
    cp "$here"/node/* "$work/node/"
    (cd "$work/node" && npm ci --silent --no-audit --no-fund)
}

# The bank, from the login to the money.
bank() {
    start "$scratch/demo.out" demo --dir "$scratch/bank" --listen 127.0.0.1:0
    await "$scratch/bank/env" 4
    # shellcheck source=/dev/null
    source "$scratch/bank/env"
    "$dasvid" dev-idp token alice >"$scratch/token"

    "$work/stranger-go" bank "$scratch/token"
    "$work/venv/bin/python" "$here/python/stranger.py" bank "$scratch/token"

    "$dasvid" svid write "$scratch/me" >/dev/null 2>>"$scratch/log"
    "$here/curl.sh" "$scratch/me" "$scratch/token"

    "$dasvid" keys >"$scratch/jwks"
    "$dasvid" mint --mode plain --bare "$scratch/token" >"$scratch/plain"
    node "$work/node/verify.mjs" "$scratch/jwks" "$scratch/plain"
}

# dev-spire alone: one socket for all, and who calls decides.
workload_api() {
    cat >"$scratch/dev-spire.toml" <<TOML
trust_domain = "bank.example"
listen = ["unix:$scratch/api/api.sock", "tcp://127.0.0.1:0"]

[[entry]]
id = "spiffe://bank.example/go"
hint = "internal"
path = "$work/stranger-go"

[[entry]]
id = "spiffe://bank.example/go-public"
hint = "external"
uid = $(id -u)
path = "$work/stranger-go"

[[entry]]
id = "spiffe://bank.example/python"
path = "$(readlink -f "$work/venv/bin/python")"

[[entry]]
id = "spiffe://bank.example/open"
tcp = true
TOML
    start "$scratch/endpoints" dev-spire --config "$scratch/dev-spire.toml"
    await "$scratch/endpoints" 2
    local unix tcp found
    { read -r unix && read -r tcp; } <"$scratch/endpoints"

    found=$(SPIFFE_ENDPOINT_SOCKET=$unix "$work/stranger-go" identities | paste -sd, -)
    expect "$found" "spiffe://bank.example/go internal,spiffe://bank.example/go-public external"
    found=$(SPIFFE_ENDPOINT_SOCKET=$tcp "$work/stranger-go" identities)
    expect "$found" "spiffe://bank.example/open "
    echo "go-spiffe at dev-spire: two SVIDs with hints for its executable and user, another one over TCP"

    cp "$work/stranger-go" "$scratch/copy"
    if found=$(SPIFFE_ENDPOINT_SOCKET=$unix "$scratch/copy" identities 2>&1); then
        echo "run.sh: a copy of the executable got $found" >&2
        return 1
    fi
    [[ $found == *"PermissionDenied"*"no identity issued"* ]] || { echo "run.sh: $found" >&2; return 1; }
    found=$(SPIFFE_ENDPOINT_SOCKET=$unix "$work/venv/bin/python" "$here/python/stranger.py" identities)
    expect "$found" "spiffe://bank.example/python"
    echo "dev-spire: an SVID for Python's executable, no identity issued to a copy of the Go client"
}

expect() {
    [[ $1 == "$2" ]] || { echo "run.sh: found \"$1\" in place of \"$2\"" >&2; return 1; }
}

install
"$work/openpubkey" check "$here/../../crypto/tests/vectors/openpubkey.json"
bank
workload_api
