#!/usr/bin/env bash
# Reads the balance with curl and openssl: a plain DA-SVID over verified mutual TLS.
#
# usage: curl.sh SVID-FOLDER TOKEN-FILE      (SVID-FOLDER: what `dasvid svid write` wrote)
#
# curl verifies the bundle and the DNS name. It cannot compare the SPIFFE ID, so it asks openssl who answered.
set -euo pipefail

folder=$1 token_file=$2
target=/v1/balance

# "https://127.0.0.1:8443/" -> "127.0.0.1:8443"
address() { local url=${1#https://}; echo "${url%/}"; }
asserting=$(address "$DASVID_ASSERTING_URL")
entry=$(address "$DASVID_ENTRY")

# Refuses a server whose certificate names another workload.
expect() {
    local found
    found=$(openssl s_client -connect "$1" -cert "$folder/svid.pem" -key "$folder/key.pem" -CAfile "$folder/bundle.pem" \
        -verify_return_error -verify_hostname localhost </dev/null 2>/dev/null |
        openssl x509 -noout -ext subjectAltName)
    grep -q "URI:$2\$\|URI:$2," <<<"$found" || { echo "curl: $1 is not $2: $found" >&2; exit 1; }
}

# Sends a request to localhost, as the certificate says, wherever that is.
bank() {
    local place=$1 path=$2
    shift 2
    curl --silent --show-error --fail-with-body --tlsv1.3 --max-time 15 \
        --cert "$folder/svid.pem" --key "$folder/key.pem" --cacert "$folder/bundle.pem" \
        --connect-to "localhost:${place##*:}:$place" "$@" "https://localhost:${place##*:}$path"
}

# The signature base of a request without body, hashed.
rqd=$(printf '"@method": GET\n"@request-target": %s\n"@signature-params": ("@method" "@request-target");tag="dasvid-rqd"' \
    "$target" | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d '=')

expect "$asserting" spiffe://bank.example/asserting-wl
expect "$entry" spiffe://bank.example/middle-tier-1
# Secrets go through pipes: arguments are for everyone to see.
minted=$(tr -d '\n' <"$token_file" |
    bank "$asserting" /mint --data-urlencode access_token@- --data-urlencode "rqd=$rqd") || { echo "curl: $minted" >&2; exit 1; }
dasvid=$(sed -n 's/.*"da_svid" *: *"\([^"]*\)".*/\1/p' <<<"$minted")
balance=$(bank "$entry" "$target" --header @- <<<"DA-SVID: $dasvid") || { echo "curl: $balance" >&2; exit 1; }
echo "curl: plain mode over verified TLS: $balance"
