//! The published form of a key.

use crypto::jose::JwkMembers;
use token::RootKey;
use token::encoding::base64url;
use token::mode::SCHOCO_R255;
use wire::keys::Jwk;

/// A key as `/keys` shows it.
pub(super) fn of(public: &RootKey) -> Jwk {
    let kid = public.thumbprint();
    match public {
        RootKey::Jose { alg, key } => jwk(key.members(), alg.name(), &kid),
        RootKey::Schoco(key) => jwk(&key.members(), SCHOCO_R255, &kid),
    }
}

/// The published form of a public key (RFC 7517 §4).
pub(crate) fn jwk(members: &JwkMembers, algorithm: &str, kid: &str) -> Jwk {
    let encode = |bytes: &Vec<u8>| Some(base64url(bytes));
    let jwk = Jwk {
        kty: members.kty().to_owned(),
        alg: Some(algorithm.to_owned()),
        r#use: Some("sig".to_owned()),
        kid: Some(kid.to_owned()),
        ..Jwk::default()
    };
    match members {
        JwkMembers::Ec { crv, x, y } => Jwk { crv: Some((*crv).to_owned()), x: encode(x), y: encode(y), ..jwk },
        JwkMembers::Rsa { e, n } => Jwk { n: encode(n), e: encode(e), ..jwk },
        JwkMembers::Okp { crv, x } => Jwk { crv: Some((*crv).to_owned()), x: encode(x), ..jwk },
    }
}
