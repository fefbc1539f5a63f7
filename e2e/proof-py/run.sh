#!/usr/bin/env bash
# The proof between two implementations: Python checks the vectors and what Rust makes afresh, Rust checks what Python
# makes. Needs Python's standard library alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
proofs() { cargo run --quiet --package token --example proofs -- "$@"; }

proofs write "$folder/rust.json"
python3 e2e/proof-py/make.py "$folder/python.json"
python3 e2e/proof-py/verify.py token/tests/vectors/{dasvid,proofs-python}.json "$folder"/{rust,python}.json
proofs check token/tests/vectors/proofs-python.json
proofs check "$folder/rust.json"
proofs check "$folder/python.json"
