//! Just enough DER to take public keys apart: X.509 `SubjectPublicKeyInfo` and PKCS #1 `RSAPublicKey`.

use super::{Curve, KeyError, PublicKey};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
/// `rsaEncryption` with its NULL, `id-ecPublicKey` with each curve, `id-Ed25519`.
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const P256: &[u8] =
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// Reads a key out of a `SubjectPublicKeyInfo` (RFC 5280 §4.1, RFC 5480, RFC 8410).
pub(super) fn spki(der: &[u8]) -> Result<PublicKey, KeyError> {
    let mut fields = Reader(whole(der, SEQUENCE)?);
    let algorithm = fields.element(SEQUENCE)?;
    let bits = fields.element(BIT_STRING)?;
    fields.end()?;
    // The first byte of a BIT STRING counts unused bits: none.
    let key = bits.strip_prefix(&[0]).ok_or(KeyError::Malformed)?;
    match algorithm {
        RSA => rsa(key),
        P256 => point(Curve::P256, key),
        P384 => point(Curve::P384, key),
        ED25519 => PublicKey::ed25519(key),
        _ => Err(KeyError::Unsupported),
    }
}

/// Reads a key out of a PKCS #1 `RSAPublicKey` (RFC 8017 §A.1.1).
pub(super) fn rsa(der: &[u8]) -> Result<PublicKey, KeyError> {
    let mut fields = Reader(whole(der, SEQUENCE)?);
    let (n, e) = (fields.unsigned()?, fields.unsigned()?);
    fields.end()?;
    PublicKey::rsa(n, e)
}

/// Reads an uncompressed point (SEC 1 §2.3.3).
pub(super) fn point(curve: Curve, bytes: &[u8]) -> Result<PublicKey, KeyError> {
    let coordinates = bytes.strip_prefix(&[4]).ok_or(KeyError::Malformed)?;
    let (x, y) = coordinates.split_at_checked(curve.width()).ok_or(KeyError::Width)?;
    PublicKey::ec(curve, x, y)
}

fn whole(der: &[u8], tag: u8) -> Result<&[u8], KeyError> {
    let mut reader = Reader(der);
    let contents = reader.element(tag)?;
    reader.end()?;
    Ok(contents)
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Takes the next element, which must have this tag and the shortest form of its length.
    fn element(&mut self, tag: u8) -> Result<&'a [u8], KeyError> {
        let (&[found, first], rest) = self.0.split_first_chunk().ok_or(KeyError::Malformed)?;
        if found != tag {
            return Err(KeyError::Malformed);
        }
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&length, rest) = rest.split_first().ok_or(KeyError::Malformed)?;
                (usize::from(length), rest)
            }
            0x82 => {
                let (length, rest) = rest.split_first_chunk().ok_or(KeyError::Malformed)?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return Err(KeyError::Malformed),
        };
        let shortest = match first {
            0x81 => length >= 0x80,
            0x82 => length > 0xff,
            _ => true,
        };
        let (contents, rest) = rest.split_at_checked(length).filter(|_| shortest).ok_or(KeyError::Malformed)?;
        self.0 = rest;
        Ok(contents)
    }

    /// Takes a positive integer; the result has no leading zero bytes.
    fn unsigned(&mut self) -> Result<&'a [u8], KeyError> {
        match self.element(INTEGER)? {
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Ok(rest),
            contents @ [1..=0x7f, ..] => Ok(contents),
            _ => Err(KeyError::Malformed),
        }
    }

    fn end(&self) -> Result<(), KeyError> {
        if self.0.is_empty() { Ok(()) } else { Err(KeyError::Malformed) }
    }
}

#[cfg(test)]
mod tests;
