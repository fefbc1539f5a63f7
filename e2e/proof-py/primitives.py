"""Encodings, padding and curves, straight from the standards, for the Python standard library alone.

Nothing here takes constant time: it checks and makes test proofs.
"""
import base64
import hashlib
import json
import re

E = 65537


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    """base64url without padding; only the one canonical encoding."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ValueError("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not the canonical base64url")
    return data


def read_object(data):
    """One JSON object without duplicate members."""
    def pairs(items):
        members = dict(items)
        if len(members) != len(items):
            raise ValueError("a member occurs twice")
        return members

    value = json.loads(data.decode("utf-8"), object_pairs_hook=pairs)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def lp(data):
    return len(data).to_bytes(8, "big") + data


def sha256(data):
    return hashlib.sha256(data).digest()


# ---- RSA (RFC 8017) ------------------------------------------------------------------------------

def pkcs1(message, n):
    width = (n.bit_length() + 7) // 8
    info = bytes.fromhex("3031300d060960864801650304020105000420") + sha256(message)
    return int.from_bytes(b"\0\1" + b"\xff" * (width - len(info) - 3) + b"\0" + info, "big")


def mgf1(seed, length):
    blocks = b"".join(sha256(seed + counter.to_bytes(4, "big")) for counter in range(-(-length // 32)))
    return blocks[:length]


def pss(message, salt, n):
    bits = n.bit_length() - 1
    length = (bits + 7) // 8
    h = sha256(bytes(8) + sha256(message) + salt)
    block = bytes(length - 32 - 32 - 2) + b"\1" + salt
    masked = int.from_bytes(bytes(a ^ b for a, b in zip(block, mgf1(h, length - 33))), "big")
    masked &= (1 << (bits - 8 * 33)) - 1
    return int.from_bytes(masked.to_bytes(length - 33, "big") + h + b"\xbc", "big")


# ---- P-256 (SEC 1, SEC 2) ------------------------------------------------------------------------

class P256:
    p = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
    n = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    g = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
         0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)

    @classmethod
    def on_curve(cls, point):
        x, y = point
        return 0 <= x < cls.p and 0 <= y < cls.p and (y * y - x ** 3 + 3 * x - cls.b) % cls.p == 0

    @classmethod
    def add(cls, a, b):
        if a is None or b is None:
            return a or b
        (x1, y1), (x2, y2) = a, b
        if x1 == x2 and (y1 + y2) % cls.p == 0:
            return None
        top, bottom = (3 * x1 * x1 - 3, 2 * y1) if a == b else (y2 - y1, x2 - x1)
        slope = top * pow(bottom, -1, cls.p) % cls.p
        x = (slope * slope - x1 - x2) % cls.p
        return x, (slope * (x1 - x) - y1) % cls.p

    @classmethod
    def mul(cls, k, point):
        total = None
        for bit in bin(k % cls.n)[2:]:
            total = cls.add(total, total)
            if bit == "1":
                total = cls.add(total, point)
        return total

    @classmethod
    def compress(cls, point):
        return bytes([2 + point[1] % 2]) + point[0].to_bytes(32, "big")

    @classmethod
    def decompress(cls, data):
        if len(data) != 33 or data[0] not in (2, 3):
            raise ValueError("not a compressed point")
        x = int.from_bytes(data[1:], "big")
        y = pow((x ** 3 - 3 * x + cls.b) % cls.p, (cls.p + 1) // 4, cls.p)
        y = y if y % 2 == data[0] % 2 else cls.p - y
        if not cls.on_curve((x, y)):
            raise ValueError("not on the curve")
        return x, y


# ---- edwards25519 (RFC 8032) ---------------------------------------------------------------------

class Ed25519:
    p = 2 ** 255 - 19
    n = 2 ** 252 + 27742317777372353535851937790883648493
    d = -121665 * pow(121666, -1, p) % p
    identity = (0, 1)

    @classmethod
    def add(cls, a, b):
        (x1, y1), (x2, y2) = a, b
        product = cls.d * x1 * x2 * y1 * y2 % cls.p
        return ((x1 * y2 + x2 * y1) * pow(1 + product, -1, cls.p) % cls.p,
                (y1 * y2 + x1 * x2) * pow(1 - product, -1, cls.p) % cls.p)

    @classmethod
    def mul(cls, k, point):
        total = cls.identity
        for bit in bin(k)[2:]:
            total = cls.add(total, total)
            if bit == "1":
                total = cls.add(total, point)
        return total

    @classmethod
    def neg(cls, point):
        return -point[0] % cls.p, point[1]

    @classmethod
    def compress(cls, point):
        return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")

    @classmethod
    def decompress(cls, data):
        """Refuses other encodings than the canonical one, and points of small order."""
        y = int.from_bytes(data, "little")
        sign, y = y >> 255, y & (1 << 255) - 1
        xx = (y * y - 1) * pow(cls.d * y * y + 1, -1, cls.p) % cls.p
        x = pow(xx, (cls.p + 3) // 8, cls.p)
        if (x * x - xx) % cls.p:
            x = x * pow(2, (cls.p - 1) // 4, cls.p) % cls.p
        point = (x if x & 1 == sign else -x % cls.p, y)
        if (x * x - xx) % cls.p or len(data) != 32 or cls.compress(point) != data or y >= cls.p:
            raise ValueError("not a canonical point")
        if cls.small(point):
            raise ValueError("a point of small order")
        return point

    @classmethod
    def small(cls, point):
        return cls.mul(8, point) == cls.identity


Ed25519.g = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
             4 * pow(5, -1, Ed25519.p) % Ed25519.p)
