#!/usr/bin/env python3
"""Makes OAuth tokens of its own keys, proves them, and writes the section `proofs` of a vector file.

usage: make.py FILE
"""
import hashlib
import json
import secrets
import sys

from primitives import E, Ed25519, P256, decode, encode, pkcs1, pss, sha256
from proofs import Key, Statement, Token, check_case, prove

ISSUER = "https://idp.example/realms/bank"
NOW = 1800000000
SMALL_PRIMES = [p for p in range(3, 2000) if all(p % d for d in range(2, int(p ** 0.5) + 1))]


def is_prime(n):
    """Trial division, then Miller and Rabin."""
    if any(n % p == 0 for p in SMALL_PRIMES):
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(24):
        x = pow(secrets.randbelow(n - 3) + 2, odd, n)
        if x not in (1, n - 1) and not any((x := x * x % n) == n - 1 for _ in range(twos - 1)):
            return False
    return True


def prime(bits):
    while True:
        n = secrets.randbits(bits) | 3 << bits - 2 | 1
        if (n - 1) % E and is_prime(n):
            return n


class Signer:
    """A provider's key of one algorithm."""

    def __init__(self, alg, bits=2048):
        self.alg, self.kid = alg, f"{alg.lower()}-{secrets.token_hex(4)}"
        if alg in ("RS256", "PS256"):
            p, q = prime(bits // 2), prime(bits - bits // 2)
            self.n, self.d = p * q, pow(E, -1, (p - 1) * (q - 1))
            width = (bits + 7) // 8
            jwk = {"kty": "RSA", "n": encode(self.n.to_bytes(width, "big")), "e": "AQAB"}
        elif alg == "ES256":
            self.d = secrets.randbelow(P256.n - 1) + 1
            x, y = (encode(value.to_bytes(32, "big")) for value in P256.mul(self.d, P256.g))
            jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        else:
            self.seed = hashlib.sha512(secrets.token_bytes(32)).digest()
            self.d = int.from_bytes(self.seed[:32], "little") & ~7 & (1 << 254) - 1 | 1 << 254
            jwk = {"kty": "OKP", "crv": "Ed25519", "x": encode(Ed25519.compress(Ed25519.mul(self.d, Ed25519.g)))}
        self.jwk = {**jwk, "alg": alg, "use": "sig", "kid": self.kid}

    def sign(self, message):
        if self.alg in ("RS256", "PS256"):
            em = pss(message, secrets.token_bytes(32), self.n) if self.alg == "PS256" else pkcs1(message, self.n)
            return pow(em, self.d, self.n).to_bytes((self.n.bit_length() + 7) // 8, "big")
        if self.alg == "ES256":
            k = secrets.randbelow(P256.n - 1) + 1
            r = P256.mul(k, P256.g)[0] % P256.n
            s = pow(k, -1, P256.n) * (int.from_bytes(sha256(message), "big") + r * self.d) % P256.n
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        hashed = lambda *parts: int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % Ed25519.n
        r = hashed(self.seed[32:], message)
        point = Ed25519.compress(Ed25519.mul(r, Ed25519.g))
        h = hashed(point, Ed25519.compress(Ed25519.mul(self.d, Ed25519.g)), message)
        return point + ((r + h * self.d) % Ed25519.n).to_bytes(32, "little")


def compact(value):
    return encode(json.dumps(value, separators=(",", ":")).encode())


def situation(signer):
    """A verifier that has asked, and what it knows."""
    return {
        "jwks": {ISSUER: {"keys": [signer.jwk]}}, "policy": {"oauth_audience": "asserting-wl"},
        "root": {
            "iss": "spiffe://bank.example/asserting-wl", "sub": "spiffe://bank.example/subject-wl",
            "aud": ["spiffe://bank.example/target-wl", "spiffe://bank.example"], "dpa": ISSUER, "dpr": "alice",
            "aat": NOW - 3, "oat": NOW - 60, "iat": NOW - 2, "exp": NOW + 118, "jti": encode(secrets.token_bytes(16)),
            "txn": encode(secrets.token_bytes(16)), "scope": "accounts.read"},
        "me": "spiffe://bank.example/target-wl", "prover": "spiffe://bank.example/asserting-wl",
        "nonce": encode(secrets.token_bytes(32)), "now": NOW, "rounds": 8,
    }


def prepared(signer, times=(NOW, NOW + 60), header=None, payload=None, embedded=False, **known):
    """A case whose proof is honest; `header` and `payload` replace members, None removes one."""
    case = {**situation(signer), **known}
    root = case["root"]
    members = lambda base, change: {k: v for k, v in {**base, **(change or {})}.items() if v is not None}
    header = members({"alg": signer.alg, "kid": signer.kid, "typ": "at+jwt"}, header)
    payload = members({"iss": ISSUER, "sub": "alice", "aud": ["asserting-wl"], "iat": NOW - 60, "exp": NOW + 300},
                      payload)
    signing_input = f"{compact(header)}.{compact(payload)}"
    prover, verifier, nonce = case["prover"], case["me"], case["nonce"]
    if embedded:
        times, prover, verifier = (root["iat"], root["exp"]), root["iss"], " ".join(root["aud"])
        nonce = case["nonce"] = encode(root["jti"].encode())
    token = Token(signing_input)
    statement = Statement(token, Key(signer.jwk), root, prover, verifier, decode(nonce), times)
    proof = prove(statement, signer.sign(signing_input.encode()), case["rounds"])
    case["zkp"] = {"input": signing_input, "iat": times[0], "exp": times[1], "proof": encode(proof)}
    return case


def accepted(name, case):
    return {"name": name, "input": case, "expect": "ACCEPT", "trace": check_case(case)}


def refused(name, case, **changes):
    """`zkp_x` replaces a member of zkp, `root_x` one of the root, anything else one of the situation."""
    case = json.loads(json.dumps(case))
    for key, value in changes.items():
        part, _, member = key.partition("_")
        (case[part] if part in ("zkp", "root") else case)[member or part] = value
    return {"name": name, "input": case, "expect": "REFUSED"}


def honest(signers):
    for alg, signer in signers.items():
        yield accepted(alg, prepared(signer))
        yield accepted(f"{alg}, embedded", prepared(signer, embedded=True))
        yield accepted(f"{alg}, no kid", prepared(signer, header={"kid": None}))
    yield accepted("EdDSA", prepared(signers["Ed25519"], header={"alg": "EdDSA"}))
    yield accepted("PS256, 16 rounds", prepared(signers["PS256"], rounds=16))
    for bits in (2049, 2056):
        for alg in ("RS256", "PS256"):
            yield accepted(f"{alg}, {bits} bits", prepared(Signer(alg, bits)))
    keys = [signer.jwk for signer in signers.values()] + [{"kty": "oct", "kid": "x"}, {"kty": "EC", "crv": "P-521"}]
    yield accepted("a key set of many kinds", prepared(signers["ES256"], jwks={ISSUER: {"keys": keys}}))
    yield accepted("the longest life", prepared(signers["Ed25519"], times=(NOW, NOW + 300)))


def spoilt(signers):
    for alg, signer in signers.items():
        case = prepared(signer)
        proof = case["zkp"]["proof"]
        forger = prepared(Signer(alg))
        forger["zkp"]["input"], forger["jwks"] = case["zkp"]["input"], case["jwks"]
        yield refused(f"{alg}, signed by another key", forger)
        yield refused(f"{alg}, empty proof", case, zkp_proof="")
        yield refused(f"{alg}, all zero", case, zkp_proof="A" * len(proof))
        yield refused(f"{alg}, another nonce", case, nonce=encode(bytes(32)))
        yield refused(f"{alg}, another verifier", case, me="spiffe://bank.example/subject-wl")
        yield refused(f"{alg}, alice's claims for bob", case, root_dpr="bob")
    signer = signers["Ed25519"]
    case = prepared(signer)
    zkp = case["zkp"]
    yield refused("a fifth member", case, zkp={**zkp, "key": signer.jwk})
    yield refused("life of 301 s", prepared(signer, times=(NOW, NOW + 301)))
    yield refused("no life", prepared(signer, times=(NOW, NOW)))
    yield refused("from the future", prepared(signer, times=(NOW + 31, NOW + 60)))
    yield refused("expired", case, now=NOW + 65)
    yield refused("a nonce of 15 bytes", prepared(signer, nonce=encode(bytes(15))))
    yield refused("OAuth token not yet valid", prepared(signer, payload={"nbf": NOW + 31}))
    yield refused("iat is not oat", prepared(signer, payload={"iat": NOW - 59}))
    yield refused("another issuer", prepared(signer, payload={"iss": "https://mallory.example"}))
    yield refused("embedded, other times", prepared(signer, embedded=True), root_exp=NOW + 119)
    yield refused("embedded, other audience", prepared(signer, embedded=True),
                  root_aud=["spiffe://bank.example/target-wl"])
    yield refused("two keys of one kid", case, jwks={ISSUER: {"keys": [signer.jwk] * 2}})
    with_header = lambda header: f"{compact({'kid': signer.kid, **header})}.{zkp['input'].split('.')[1]}"
    yield refused("HS256", case, zkp_input=with_header({"alg": "HS256"}))
    yield refused("none", case, zkp_input=with_header({"alg": "none"}))
    yield refused("critical header", case, zkp_input=with_header({"alg": "Ed25519", "crit": ["b64"], "b64": False}))
    rsa = prepared(signers["RS256"])
    yield refused("e is 3", rsa, jwks={ISSUER: {"keys": [{**signers["RS256"].jwk, "e": "Aw"}]}})


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    signers = {alg: Signer(alg) for alg in ("RS256", "PS256", "ES256", "Ed25519")}
    about = ["Made by e2e/proof-py/make.py with the Python standard library alone; the shape is that of dasvid.json."]
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump({"about": about, "proofs": [*honest(signers), *spoilt(signers)]}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
