"""The zero-knowledge proof of an OAuth signature, verified and made with plain integers.

An independent implementation of docs/protocol.md and docs/exact.md, "The zero-knowledge proof". Everything that is wrong
raises ValueError.
"""
import hashlib
import secrets

from primitives import E, Ed25519, P256, decode, encode, lp, mgf1, pkcs1, pss, read_object, sha256

SCHEMES = {"RS256": "GQ1-RS256", "PS256": "GQ1-PS256", "ES256": "POK-ES256", "Ed25519": "POK-Ed25519",
           "EdDSA": "POK-Ed25519"}
MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
KINDS = {"GQ1-RS256": "RSA", "GQ1-PS256": "RSA", "POK-ES256": "EC", "POK-Ed25519": "OKP"}


def require(condition, what):
    if not condition:
        raise ValueError(what)


def integer(value, what):
    require(type(value) is int and 0 <= value < 2 ** 53, what)
    return value


def text(value, what):
    require(isinstance(value, str), what)
    return value


class Token:
    """Header and payload of an OAuth token."""

    def __init__(self, signing_input):
        parts = signing_input.split(".")
        require(len(parts) == 2, "not header.payload")
        header, payload = (read_object(decode(part)) for part in parts)
        require("crit" not in header, "crit")
        self.input = signing_input.encode()
        self.alg = text(header.get("alg"), "alg")
        require(self.alg in SCHEMES, "no proof for this alg")
        self.scheme = SCHEMES[self.alg]
        self.kid = header.get("kid")
        require(self.kid is None or isinstance(self.kid, str), "kid")
        self.iss, self.sub = text(payload.get("iss"), "iss"), text(payload.get("sub"), "sub")
        aud = payload.get("aud")
        self.aud = [aud] if isinstance(aud, str) else aud
        require(isinstance(self.aud, list) and all(isinstance(entry, str) for entry in self.aud), "aud")
        self.iat, self.exp = integer(payload.get("iat"), "iat"), integer(payload.get("exp"), "exp")
        self.nbf = integer(payload.get("nbf", 0), "nbf")


def find_key(keys, token):
    """The one key of the issuer that serves the token."""
    def fits(key):
        return (key.get("kty") == KINDS[token.scheme] and key.get("use", "sig") == "sig"
                and SCHEMES.get(key.get("alg", token.alg)) == token.scheme
                and (token.kid is None or key.get("kid") == token.kid))

    fitting = [key for key in keys if fits(key)]
    require(len(fitting) == 1, "not exactly one key")
    return fitting[0]


class Key:
    """A public key, from its JWK."""

    def __init__(self, jwk):
        self.kty = jwk["kty"]
        values = [jwk[name].encode() if name in ("kty", "crv") else decode(jwk[name]) for name in MEMBERS[self.kty]]
        self.members = values
        if self.kty == "RSA":
            e, _, n = values
            self.n, self.width = int.from_bytes(n, "big"), len(n)
            require(e == b"\1\0\1", "e is not 65537")
            require(n[:1] != b"\0" and 2048 <= self.n.bit_length() <= 4096 and self.n % 2, "the modulus")
        elif self.kty == "EC":
            crv, _, x, y = values
            self.point = int.from_bytes(x, "big"), int.from_bytes(y, "big")
            require(crv == b"P-256" and len(x) == len(y) == 32 and P256.on_curve(self.point), "the point")
        else:
            crv, _, self.encoded = values
            require(crv == b"Ed25519", "the curve")
            self.point = Ed25519.decompress(self.encoded)


class Statement:
    """What a proof is bound to."""

    def __init__(self, token, key, root, prover, verifier, nonce, times):
        self.token, self.key, self.root = token, key, root
        self.prover, self.verifier, self.nonce, self.times = prover, verifier, nonce, times

    def input(self, published):
        token = self.token
        fields = [b"dasvid provenance v1", token.scheme.encode(), token.iss.encode(), *self.key.members,
                  token.alg.encode(), (token.kid or "").encode(), token.input, self.root["iss"].encode(),
                  self.root["jti"].encode(), self.prover.encode(), self.verifier.encode(), self.nonce,
                  b"".join(time.to_bytes(8, "big") for time in self.times), published]
        return b"".join(map(lp, fields))


def challenge(challenge_input, commitments, length):
    return hashlib.shake_256(challenge_input + b"".join(commitments)).digest(length)


def p256_sum(statement, r):
    h = int.from_bytes(sha256(statement.token.input), "big")
    return P256.add(P256.mul(h, P256.g), P256.mul(r, statement.key.point))


def ed25519_sum(statement, encoded):
    digest = hashlib.sha512(encoded + statement.key.encoded + statement.token.input).digest()
    h = int.from_bytes(digest, "little") % Ed25519.n
    total = Ed25519.add(Ed25519.decompress(encoded), Ed25519.mul(h, statement.key.point))
    require(not Ed25519.small(total), "P is of small order")
    return total


def open_proof(statement, rounds, proof):
    """(published, challenge, commitments) of a proof."""
    scheme, key = statement.token.scheme, statement.key
    if scheme.startswith("GQ1"):
        salt_length = 32 if scheme == "GQ1-PS256" else 0
        require(len(proof) == salt_length + rounds * (2 + key.width), "count or width of responses")
        salt, c, responses = proof[:salt_length], proof[salt_length:][:2 * rounds], proof[salt_length + 2 * rounds:]
        em = pss(statement.token.input, salt, key.n) if salt else pkcs1(statement.token.input, key.n)
        commitments = []
        for j in range(rounds):
            z = int.from_bytes(responses[j * key.width:(j + 1) * key.width], "big")
            word = int.from_bytes(c[2 * j:2 * j + 2], "big")
            require(0 < z < key.n, "a response is out of range")
            w = pow(z, E, key.n) * pow(em, word, key.n) % key.n
            commitments.append(w.to_bytes(key.width, "big"))
        return salt, c, commitments
    if scheme == "POK-ES256":
        require(len(proof) == 81, "width")
        published, c, z = proof[:33], proof[33:49], int.from_bytes(proof[49:], "big")
        point = P256.decompress(published)
        r = point[0] % P256.n
        require(r != 0 and 0 < z < P256.n, "range")
        total = p256_sum(statement, r)
        require(total is not None, "P is the identity")
        minus = P256.mul(-int.from_bytes(c, "big"), total)
        commitment = P256.add(P256.mul(z, point), minus)
        require(commitment is not None, "the commitment is the identity")
        return published, c, [P256.compress(commitment)]
    require(len(proof) == 80, "width")
    published, c, z = proof[:32], proof[32:48], int.from_bytes(proof[48:], "little")
    require(0 < z < Ed25519.n, "range")
    minus = Ed25519.neg(Ed25519.mul(int.from_bytes(c, "big"), ed25519_sum(statement, published)))
    commitment = Ed25519.add(Ed25519.mul(z, Ed25519.g), minus)
    require(commitment != Ed25519.identity, "the commitment is the identity")
    return published, c, [Ed25519.compress(commitment)]


def check_proof(statement, rounds, proof):
    """The trace of a proof that holds."""
    require(proof, "an empty proof")
    published, c, commitments = open_proof(statement, rounds, proof)
    challenge_input = statement.input(published)
    require(challenge(challenge_input, commitments, len(c)) == c, "the challenge")
    return {"input": challenge_input.hex(), "commitments": [w.hex() for w in commitments], "c": c.hex()}


def check_case(case):
    """What a verifier in the situation of a vector says: the trace, or ValueError."""
    zkp, root, now = case["zkp"], case["root"], case["now"]
    require(isinstance(zkp, dict) and set(zkp) == {"input", "iat", "exp", "proof"}, "the envelope's members")
    times = integer(zkp["iat"], "iat"), integer(zkp["exp"], "exp")
    token = Token(text(zkp["input"], "input"))
    require(token.iss == root["dpa"] and token.iss in case["jwks"], "iss is not dpa")
    key = Key(find_key(case["jwks"][token.iss]["keys"], token))
    require(token.sub == root["dpr"], "sub is not dpr")
    audience = case["policy"]["oauth_audience"]
    audience = [audience] if isinstance(audience, str) else audience
    require(set(audience) & set(token.aud), "the OAuth audience")
    require(token.nbf <= now + 30 and now < token.exp + 5, "the OAuth token's time")
    require(token.iat == root["oat"], "iat is not oat")
    nonce = decode(case["nonce"])
    embedded = nonce == root["jti"].encode()
    require(0 < times[1] - times[0] <= (600 if embedded else 300), "the proof's life")
    if embedded:
        require(times == (root["iat"], root["exp"]), "an embedded proof has the root's times")
    require(times[0] <= now + 30 and now < times[1] + 5, "the proof's time")
    require(16 <= len(nonce) <= 64, "the nonce")
    prover, verifier = (root["iss"], " ".join(root["aud"])) if embedded else (case["prover"], case["me"])
    statement = Statement(token, key, root, prover, verifier, nonce, times)
    return check_proof(statement, case["rounds"], decode(zkp["proof"]))


# ---- the prover --------------------------------------------------------------------------------------

def prove(statement, signature, rounds):
    """A proof of a signature that was verified."""
    scheme, key = statement.token.scheme, statement.key
    if scheme.startswith("GQ1"):
        salt = pss_salt(statement, signature) if scheme == "GQ1-PS256" else b""
        inverse = pow(int.from_bytes(signature, "big"), -1, key.n)
        randoms = [secrets.randbelow(key.n - 2) + 2 for _ in range(rounds)]
        commitments = [pow(r, E, key.n).to_bytes(key.width, "big") for r in randoms]
        c = challenge(statement.input(salt), commitments, 2 * rounds)
        words = [int.from_bytes(c[2 * j:2 * j + 2], "big") for j in range(rounds)]
        responses = [(r * pow(inverse, word, key.n) % key.n).to_bytes(key.width, "big")
                     for r, word in zip(randoms, words)]
        return salt + c + b"".join(responses)
    if scheme == "POK-ES256":
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        point = P256.mul(pow(s, -1, P256.n), p256_sum(statement, r))
        require(point[0] % P256.n == r, "the signature")
        a = secrets.randbelow(P256.n - 1) + 1
        published = P256.compress(point)
        c = challenge(statement.input(published), [P256.compress(P256.mul(a, point))], 16)
        return published + c + ((a + int.from_bytes(c, "big") * s) % P256.n).to_bytes(32, "big")
    published, s = signature[:32], int.from_bytes(signature[32:], "little")
    require(Ed25519.mul(s, Ed25519.g) == ed25519_sum(statement, published), "the signature")
    a = secrets.randbelow(Ed25519.n - 1) + 1
    c = challenge(statement.input(published), [Ed25519.compress(Ed25519.mul(a, Ed25519.g))], 16)
    return published + c + ((a + int.from_bytes(c, "big") * s) % Ed25519.n).to_bytes(32, "little")


def pss_salt(statement, signature):
    """The salt in a PS256 signature, which must be one."""
    n, message = statement.key.n, statement.token.input
    em = pow(int.from_bytes(signature, "big"), E, n)
    length = (n.bit_length() + 6) // 8
    masked, h = em >> 8 * 33, (em >> 8 & (1 << 256) - 1).to_bytes(32, "big")
    salt = ((masked ^ int.from_bytes(mgf1(h, length - 33), "big")) & (1 << 256) - 1).to_bytes(32, "big")
    require(pss(message, salt, n) == em, "the signature")
    return salt


__all__ = ["Key", "Statement", "Token", "check_case", "encode", "prove"]
