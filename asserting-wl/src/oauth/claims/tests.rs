//! What an access token must say, claim by claim.

use super::*;
use crate::oauth::keys::SignatureAlgorithm;

const NOW: Timestamp = Timestamp(1_700_000_000);
const CALLER: &str = "spiffe://bank.example/subject-wl";

fn header(typ: &str) -> Header {
    Header { algorithm: SignatureAlgorithm::Rs256, typ: (!typ.is_empty()).then(|| typ.to_owned()), kid: None }
}

fn read_with(profile: Profile, clients: &[String], typ: &str, claims: &str) -> Result<AccessToken, OauthError> {
    let claims = token::json::read_object(claims.as_bytes()).unwrap();
    let audience = ["asserting-wl".to_owned()];
    read(&header(typ), &claims, &Expected { profile, audience: &audience, clients, caller: CALLER }, NOW)
}

/// A token of the RFC 9068 profile with one claim changed: `member` is text between the braces.
fn rfc9068(member: &str) -> Result<AccessToken, OauthError> {
    read_with(Profile::Rfc9068, &[], "at+jwt", &with(member))
}

fn keycloak(typ: &str, member: &str) -> Result<AccessToken, OauthError> {
    read_with(Profile::Keycloak, &[], typ, &with(member))
}

/// The usual claims; a member of the same name replaces one.
fn with(member: &str) -> String {
    let usual = [
        r#""iss":"https://idp.example""#,
        r#""sub":"alice""#,
        r#""aud":["asserting-wl","other"]"#,
        r#""iat":1699999990"#,
        r#""exp":1700000290"#,
        r#""scope":"openid accounts.read""#,
    ];
    let name = member.split(':').next().unwrap_or_default();
    let mut members: Vec<_> = usual.into_iter().filter(|m| !m.starts_with(name) || name.is_empty()).collect();
    if member.contains(':') {
        members.push(member);
    }
    format!("{{{}}}", members.join(","))
}

#[test]
fn reads_what_the_provider_says() {
    let token =
        rfc9068(r#""sid":"s1","auth_time":1699999980,"acr":"1","amr":["pwd"],"client_id":"bank-web","jti":"a:1""#);
    let token = token.unwrap();
    assert_eq!((token.issuer.as_str(), token.subject.as_str()), ("https://idp.example", "alice"));
    assert_eq!((token.issued_at, token.expires_at), (Timestamp(1_699_999_990), Timestamp(1_700_000_290)));
    assert_eq!(token.scopes, ["openid", "accounts.read"]);
    assert_eq!(token.client_id.as_deref(), Some("bank-web"));
    assert_eq!((token.sid.as_deref(), token.auth_time), (Some("s1"), Some(Timestamp(1_699_999_980))));
    assert_eq!(token.amr, Some(vec!["pwd".to_owned()]));
}

#[test]
fn takes_the_client_from_azp_as_keycloak_says_it() {
    let token = keycloak("JWT", r#""typ":"Bearer","azp":"bank-web""#).unwrap();
    assert_eq!(token.client_id.as_deref(), Some("bank-web"));
}

#[test]
fn recognises_access_tokens_positively() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert!(read_with(Profile::Rfc9068, &[], typ, &with("")).is_ok(), "{typ}");
    }
    for typ in ["", "JWT", "logout+jwt", "secevent+jwt", "text/at+jwt", "dasvid+jwt"] {
        let read = read_with(Profile::Rfc9068, &[], typ, &with(""));
        assert_eq!(read, Err(OauthError::NotAnAccessToken), "{typ}");
    }
    assert!(keycloak("JWT", r#""typ":"Bearer""#).is_ok());
    for (typ, member) in
        [("JWT", ""), ("JWT", r#""typ":"ID""#), ("JWT", r#""typ":"Logout""#), ("", r#""typ":"Bearer""#)]
    {
        assert_eq!(keycloak(typ, member), Err(OauthError::NotAnAccessToken), "{typ} {member}");
    }
    assert_eq!(rfc9068(r#""typ":"ID""#), Err(OauthError::NotAnAccessToken));
}

#[test]
fn refuses_the_claims_of_other_kinds_of_tokens() {
    for claim in REFUSED {
        assert_eq!(rfc9068(&format!(r#""{claim}":"x""#)), Err(OauthError::Claim(claim)));
    }
}

#[test]
fn refuses_a_may_act_that_does_not_name_the_caller() {
    assert!(rfc9068(&format!(r#""may_act":{{"sub":"{CALLER}"}}"#)).is_ok());
    for actor in [r#"{"sub":"spiffe://bank.example/other"}"#, "{}", r#""x""#, "null"] {
        assert_eq!(rfc9068(&format!(r#""may_act":{actor}"#)), Err(OauthError::MayAct), "{actor}");
    }
}

#[test]
fn refuses_another_audience() {
    assert!(rfc9068(r#""aud":"asserting-wl""#).is_ok());
    for audience in [r#""aud":"other""#, r#""aud":["other"]"#, r#""aud":[]"#, r#""aud":"asserting-wl ""#] {
        assert_eq!(rfc9068(audience), Err(OauthError::Audience), "{audience}");
    }
    for audience in [r#""aud""#, r#""aud":null"#, r#""aud":[1]"#] {
        assert_eq!(rfc9068(audience), Err(OauthError::Claim("aud")), "{audience}");
    }
}

#[test]
fn refuses_times_that_are_missing_or_not_integers() {
    for name in ["iat", "exp"] {
        for value in ["", r#":"1700000290""#, ":1700000290.5", ":17e8", ":-1", ":null"] {
            let name = if name == "iat" { "iat" } else { "exp" };
            assert_eq!(rfc9068(&format!(r#""{name}"{value}"#)), Err(OauthError::Claim(name)), "{name}{value}");
        }
    }
    assert_eq!(rfc9068(r#""nbf":"0""#), Err(OauthError::Claim("nbf")));
}

#[test]
fn refuses_a_token_outside_its_time() {
    assert_eq!(rfc9068(r#""exp":1700000000"#), Err(OauthError::Expired));
    assert!(rfc9068(r#""exp":1700000001"#).is_ok());
    assert_eq!(rfc9068(r#""iat":1700000031"#), Err(OauthError::NotYetValid));
    assert!(rfc9068(r#""iat":1700000030"#).is_ok());
    assert_eq!(rfc9068(r#""nbf":1700000031"#), Err(OauthError::NotYetValid));
    assert_eq!(rfc9068(r#""auth_time":1700000031"#), Err(OauthError::Claim("auth_time")));
    assert_eq!(rfc9068(r#""exp":1700003591"#), Err(OauthError::LivesTooLong));
    assert!(rfc9068(r#""exp":1700003590"#).is_ok());
}

#[test]
fn refuses_a_client_that_is_not_listed() {
    let clients = ["bank-web".to_owned()];
    let read = |member| read_with(Profile::Rfc9068, &clients, "at+jwt", &with(member));
    assert!(read(r#""client_id":"bank-web""#).is_ok());
    assert_eq!(read(r#""client_id":"other","azp":"bank-web""#), Err(OauthError::Client));
    assert_eq!(read(""), Err(OauthError::Client));
}

#[test]
fn refuses_a_person_without_a_name() {
    assert_eq!(rfc9068(r#""sub""#), Err(OauthError::Claim("sub")));
    assert_eq!(rfc9068(r#""sub":"""#), Err(OauthError::Claim("sub")));
    assert_eq!(rfc9068(r#""sub":7"#), Err(OauthError::Claim("sub")));
}
