#!/usr/bin/env python3
"""Verifies a plain DA-SVID with PyJWT and nothing of ours: the demo's own mint, checked against its /keys.

usage: check_plain.py PATH-OF-DASVID
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import jwt

ISSUER = "spiffe://bank.example/asserting-wl"
TARGET = "spiffe://bank.example/target-wl"


def environment(folder, demo):
    """Waits for the file in which the demo says how to reach it."""
    path = os.path.join(folder, "env")
    for _ in range(200):
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                pairs = (line.strip().split("=", 1) for line in file if "=" in line)
                return dict(os.environ, **{name.removeprefix("export "): value.strip("'\"") for name, value in pairs})
        if demo.poll() is not None:
            sys.exit(f"the demo ended with {demo.returncode}")
        time.sleep(0.05)
    sys.exit("the demo does not get ready")


def main():
    dasvid = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="jose-") as folder:
        demo = subprocess.Popen([dasvid, "demo", "--dir", folder, "--listen", "127.0.0.1:0"], stderr=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL)
        try:
            env = environment(folder, demo)
            run = lambda *words, **more: subprocess.run([dasvid, *words], env=env, check=True, text=True,
                                                        stdout=subprocess.PIPE, **more).stdout.strip()
            access_token = run("dev-idp", "token", "alice")
            token = run("mint", "--mode", "plain", "--bare", "-", input=access_token)
            keys = {key["kid"]: key for key in json.loads(run("keys", "--alg", "ES256"))["keys"]}
        finally:
            demo.terminate()
            code = demo.wait(timeout=30)
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWK(keys[header["kid"]])
    claims = jwt.decode(token, key, algorithms=["ES256"], audience=TARGET, issuer=ISSUER,
                        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti"]})
    assert header["typ"] == "dasvid+jwt", header
    assert claims["dpr"] and claims["dpa"], claims
    head, payload, tail = token.split(".")
    forged = ".".join((head, payload, ("A" if tail[0] != "A" else "B") + tail[1:]))
    try:
        jwt.decode(forged, key, algorithms=["ES256"], audience=TARGET, issuer=ISSUER)
    except jwt.InvalidSignatureError:
        pass
    else:
        sys.exit("PyJWT accepts a forged signature")
    assert code == 0, f"the demo ended with {code}"
    print(f"PyJWT {jwt.__version__} verifies the plain DA-SVID of {claims['dpr']} and refuses a forged one")


main()
