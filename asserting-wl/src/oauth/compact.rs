//! The compact form of a JWT (RFC 7515 §3.1) and its JOSE header, before anything in it is believed.

use token::encoding::from_base64url;
use token::json::{self, Object, Value};

use super::OauthError;
use super::keys::SignatureAlgorithm;

/// Longest access token, bytes.
pub(crate) const MAX_TOKEN: usize = 16 * 1024;

/// Header members that would bring a key or a rule of the sender's own. `nonce` is Microsoft Graph's: whoever is not
/// Graph cannot check what such a header was signed over.
const REFUSED_HEADER: [&str; 9] = ["crit", "jku", "jwk", "x5u", "x5c", "zip", "b64", "enc", "nonce"];

/// A JWT that has been read and not checked.
pub(crate) struct Compact<'a> {
    /// ASCII of header "." payload: what is signed.
    pub(crate) message: &'a str,
    /// base64url signature.
    pub(crate) signature: &'a str,
    pub(crate) header: Header,
    pub(crate) claims: Object,
}

/// The members of a JOSE header that an access token may be judged by.
pub(crate) struct Header {
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) typ: Option<String>,
    pub(crate) kid: Option<String>,
}

impl<'a> Compact<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self, OauthError> {
        if token.len() > MAX_TOKEN {
            return Err(OauthError::TooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(OauthError::Form)?;
        let (header, payload) = message.split_once('.').ok_or(OauthError::Form)?;
        if payload.contains('.') || signature.is_empty() {
            return Err(OauthError::Form);
        }
        Ok(Self { message, signature, header: Header::read(&object(header)?)?, claims: object(payload)? })
    }
}

impl Header {
    fn read(header: &Object) -> Result<Self, OauthError> {
        if let Some(member) = REFUSED_HEADER.into_iter().find(|member| header.contains_key(*member)) {
            return Err(OauthError::HeaderMember(member));
        }
        let alg = text(header, "alg").map_err(|()| OauthError::Algorithm)?.ok_or(OauthError::Algorithm)?;
        Ok(Self {
            algorithm: SignatureAlgorithm::from_name(&alg).ok_or(OauthError::Algorithm)?,
            typ: text(header, "typ").map_err(|()| OauthError::NotAnAccessToken)?,
            kid: text(header, "kid").map_err(|()| OauthError::Form)?,
        })
    }
}

/// A member that must be a string where it is present.
fn text(object: &Object, member: &str) -> Result<Option<String>, ()> {
    match object.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(()),
    }
}

fn object(segment: &str) -> Result<Object, OauthError> {
    let bytes = from_base64url(segment).ok_or(OauthError::Form)?;
    json::read_object(&bytes).map_err(|_| OauthError::Form)
}
