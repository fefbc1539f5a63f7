#!/usr/bin/env python3
"""Uses the bank with the PyPI packages spiffe, PyJWT and cryptography and what docs/protocol.md says.

usage: stranger.py bank TOKEN-FILE    a deposit and a balance in ID mode, a balance in plain mode
       stranger.py identities         prints the SVIDs it gets, one a line
"""
import base64
import hashlib
import http.client
import json
import os
import secrets
import ssl
import sys
import tempfile
import time
import urllib.parse

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from spiffe import WorkloadApiClient

# The order n of P-256.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BOUND_FIELDS = ("content-digest", "content-type", "content-encoding", "idempotency-key")


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sha256(data):
    return hashlib.sha256(data).digest()


def rqd(method, target, fields):
    """The hash of the request's signature base (docs/protocol.md, "Request binding")."""
    covered = [("@method", method), ("@request-target", target)]
    covered += [(name, fields[name]) for name in BOUND_FIELDS if name in fields]
    lines = [f'"{name}": {value}' for name, value in covered]
    names = " ".join(f'"{name}"' for name, _ in covered)
    lines.append(f'"@signature-params": ({names});tag="dasvid-rqd"')
    return b64url(sha256("\n".join(lines).encode()))


def low_s(token):
    """A JOSE library signs with either s; links carry the lower one."""
    head, payload, tail = token.split(".")
    raw = unb64url(tail)
    s = int.from_bytes(raw[32:], "big")
    raw = raw[:32] + min(s, ORDER - s).to_bytes(32, "big")
    return ".".join((head, payload, b64url(raw)))


class Workload:
    """This process: its SVID, and connections to exactly one SPIFFE ID at a time."""

    def __init__(self, folder):
        client = WorkloadApiClient()
        self.svid = client.fetch_x509_svid()
        bundle = client.fetch_x509_bundles().get_bundle_for_trust_domain(self.svid.spiffe_id.trust_domain)
        client.close()
        self.id = str(self.svid.spiffe_id)
        self.domain = "spiffe://" + self.svid.spiffe_id.trust_domain.name
        self.leaf = self.svid.leaf.public_bytes(serialization.Encoding.DER)
        paths = [os.path.join(folder, name) for name in ("svid.pem", "key.pem")]
        self.svid.save(*paths, serialization.Encoding.PEM)
        anchors = [anchor.public_bytes(serialization.Encoding.PEM).decode() for anchor in bundle.x509_authorities]
        self.tls = ssl.create_default_context(cadata="".join(anchors))
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self.tls.check_hostname = False  # SPIFFE: the name is in the URI SAN; `send` compares it
        self.tls.load_cert_chain(*paths)

    def send(self, server, url, method, target, body=None, fields=None, status=200):
        """Sends one request to the workload with this SPIFFE ID and returns its JSON."""
        place = urllib.parse.urlsplit(url)
        connection = http.client.HTTPSConnection(place.hostname, place.port, context=self.tls, timeout=15)
        try:
            connection.connect()
            names = connection.sock.getpeercert()["subjectAltName"]
            uris = [value for kind, value in names if kind == "URI"]
            if uris != [server]:
                sys.exit(f"{uris} answers in place of {server}")
            connection.request(method, target, body=body, headers=fields or {})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != status:
            sys.exit(f"{method} {target}: {answer.status} {text.decode()}")
        return json.loads(text)

    def mint(self, path, access_token, **more):
        form = urllib.parse.urlencode({"access_token": access_token, **more})
        fields = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send(self.domain + "/asserting-wl", os.environ["DASVID_ASSERTING_URL"], "POST", path, form, fields)

    def append(self, chain, certificates, following, bound):
        """Adds a link that lets `following` continue the chain (docs/protocol.md, "Links, ID mode")."""
        last = json.loads(unb64url(chain.split("~")[-1].split(".")[1]))
        now = int(time.time())
        ends = int(self.svid.leaf.not_valid_after_utc.timestamp())
        claims = {
            "iss": self.id,
            "aud": following,
            "iat": now,
            "exp": min(last["exp"], now + 60, ends),
            "jti": b64url(secrets.token_bytes(16)),
            "prv": b64url(sha256(chain.encode())),
            "rqd": bound,
        }
        header = {"typ": "dasvid-link+jwt", "x5t#S256": b64url(sha256(self.leaf))}
        link = low_s(jwt.encode(claims, self.svid.private_key, algorithm="ES256", headers=header))
        chained = [certificate.public_bytes(serialization.Encoding.DER) for certificate in self.svid.cert_chain]
        items = certificates.split(", ") if certificates else []
        items += [":" + base64.b64encode(certificate).decode() + ":" for certificate in chained]
        # An intermediate may have issued more than one signer, and nothing is sent twice.
        return f"{chain}~{link}", ", ".join(dict.fromkeys(items))

    def call(self, access_token, method, target, body=None, fields=None, status=200, mode="id"):
        """One request to the bank's first middle tier, with a chain of its own."""
        entry, fields = self.domain + "/middle-tier-1", dict(fields or {})
        bound = rqd(method, target, fields)
        if mode == "plain":
            fields["DA-SVID"] = self.mint("/mint", access_token, rqd=bound)["da_svid"]
        else:
            root = self.mint("/ecdsaassertion", access_token)
            chain, certificates = self.append(root["da_svid"], root.get("certificates"), entry, bound)
            fields.update({"DA-SVID": chain, "DA-SVID-Certs": certificates})
        return self.send(entry, os.environ["DASVID_ENTRY"], method, target, body, fields, status)


def bank(token_file):
    with open(token_file, encoding="utf-8") as file:
        access_token = file.read().strip()
    with tempfile.TemporaryDirectory(prefix="stranger-") as folder:
        me = Workload(folder)
        if not isinstance(me.svid.private_key.curve, ec.SECP256R1):
            sys.exit("this program signs with P-256 only")
        body = json.dumps({"currency": "USD", "minor": 103}).encode()
        fields = {
            "content-type": "application/json",
            "content-digest": "sha-256=:" + base64.b64encode(sha256(body)).decode() + ":",
            "idempotency-key": "python-" + secrets.token_hex(8),
        }
        receipt = me.call(access_token, "POST", "/v1/deposits", body, fields, 201)
        balances = [me.call(access_token, "GET", "/v1/balance", mode=mode)["balances"] for mode in ("id", "plain")]
    if balances != [[{"currency": "USD", "minor": receipt["balance_minor"]}]] * 2:
        sys.exit(f"the receipt says {receipt}, the account {balances}")
    print(f"Python: a root and own links, a deposit of 103, a balance of {receipt['balance_minor']} in ID and in plain mode")


def identities():
    with WorkloadApiClient() as client:
        for svid in client.fetch_x509_svids():
            print(svid.spiffe_id)


match sys.argv[1:]:
    case ["bank", token_file]:
        bank(token_file)
    case ["identities"]:
        identities()
    case _:
        sys.exit(__doc__)
