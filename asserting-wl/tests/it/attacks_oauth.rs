//! The row "OAuth" of the attacks that must fail: everything that is not an access token of a listed issuer for this
//! service, presented by a listed caller.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::jose::Algorithm;
use serde_json::{Value, json};

use crate::bank::{Bank, merged, now};
use crate::provider::{Key, Provider};

const INVALID_TOKEN: &str = "urn:x-dasvid:problem:invalid-token";
const NOT_AN_ACCESS_TOKEN: &str =
    "the token does not say that it is an access token; send the access token, not the ID token";

/// The mint endpoints all refuse `token` with this problem and these words.
async fn refused(bank: &Bank, token: &str, problem: &str, detail: &str) {
    for path in ["/mint", "/ecdsaassertion", "/mintassertion"] {
        let (status, body) = bank.post("subject-wl", path, &[("access_token", token)]).await;
        assert_eq!(body["type"], problem, "{path}: {body}");
        assert_eq!(body["detail"], detail, "{path}");
        assert_eq!(body["status"], status);
        assert_eq!(body.get("da_svid"), None);
    }
}

async fn invalid(bank: &Bank, token: &str, detail: &str) {
    refused(bank, token, INVALID_TOKEN, detail).await;
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let bank = Bank::open("rfc9068").await;
    let claims = merged(bank.claims(), json!({"nonce": "n", "at_hash": "h", "aud": ["asserting-wl", "bank-web"]}));
    invalid(&bank, &bank.key.sign("JWT", &claims), NOT_AN_ACCESS_TOKEN).await;
    // Even one that is dressed up as an access token.
    let detail = "the access token's claim `nonce` is missing, malformed or not accepted";
    invalid(&bank, &bank.key.sign("at+jwt", &claims), detail).await;
}

#[tokio::test]
async fn a_keycloak_id_token_is_no_access_token() {
    let bank = Bank::open("keycloak").await;
    let good = merged(bank.claims(), json!({"typ": "Bearer", "azp": "bank-web", "client_id": null}));
    assert_eq!(bank.mint(&bank.key.sign("JWT", &good)).await.0, 200);
    for typ in [json!("ID"), json!("Refresh"), json!("Logout"), json!(null)] {
        let claims = merged(good.clone(), json!({ "typ": typ }));
        invalid(&bank, &bank.key.sign("JWT", &claims), NOT_AN_ACCESS_TOKEN).await;
    }
}

#[tokio::test]
async fn a_logout_token_is_no_access_token() {
    let bank = Bank::open("rfc9068").await;
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let claims = merged(bank.claims(), json!({ "events": event }));
    invalid(&bank, &bank.key.sign("logout+jwt", &claims), NOT_AN_ACCESS_TOKEN).await;
    let detail = "the access token's claim `events` is missing, malformed or not accepted";
    invalid(&bank, &bank.key.sign("at+jwt", &claims), detail).await;
}

#[tokio::test]
async fn a_userinfo_jwt_is_no_access_token() {
    let bank = Bank::open("keycloak").await;
    let claims =
        json!({"iss": bank.provider.issuer, "aud": "asserting-wl", "sub": "alice", "email": "alice@bank.example"});
    invalid(&bank, &bank.key.sign("JWT", &claims), NOT_AN_ACCESS_TOKEN).await;
}

#[tokio::test]
async fn another_apis_access_token_is_refused() {
    let bank = Bank::open("rfc9068").await;
    let token = bank.token_with(json!({"aud": ["mail-api", "asserting-wl/", "spiffe://bank.example/asserting-wl"]}));
    invalid(&bank, &token, "the access token is for another audience").await;
}

#[tokio::test]
async fn a_wrong_aud_is_refused() {
    let bank = Bank::open("rfc9068").await;
    invalid(&bank, &bank.token_with(json!({"aud": "account"})), "the access token is for another audience").await;
    let detail = "the access token's claim `aud` is missing, malformed or not accepted";
    invalid(&bank, &bank.token_with(json!({"aud": null})), detail).await;
    let client = bank.token_with(json!({"client_id": "other-app"}));
    invalid(&bank, &client, "the access token was issued to a client that may not use this service").await;
}

#[tokio::test]
async fn a_caller_with_no_mint_row_is_refused() {
    let bank = Bank::open("rfc9068").await;
    for path in ["/mint", "/ecdsaassertion", "/mintassertion"] {
        let (status, body) = bank.post("stranger", path, &[("access_token", &bank.token())]).await;
        assert_eq!(status, 403);
        assert_eq!(body["type"], "urn:x-dasvid:problem:not-permitted");
        assert_eq!(body["detail"], "the policy of this service has no [[mint]] row for spiffe://bank.example/stranger");
        assert!(!body.to_string().contains("subject-wl"), "another row leaks: {body}");
    }
}

#[tokio::test]
async fn a_chain_as_subject_token_is_refused() {
    let bank = Bank::open("rfc9068").await;
    for path in ["/mint", "/ecdsaassertion", "/mintassertion"] {
        let (_, minted) = bank.post("subject-wl", path, &[("access_token", &bank.token())]).await;
        let root = minted["da_svid"].as_str().unwrap();
        let (status, body) = bank.mint(root).await;
        assert_eq!((status, &body["type"]), (401, &json!(INVALID_TOKEN)), "{path}");
        let (status, _) = bank.mint(&format!("{root}~{root}")).await;
        assert_eq!(status, 401);
    }
}

#[tokio::test]
async fn an_actor_token_as_subject_token_is_refused() {
    let bank = Bank::open("rfc9068").await;
    let token = bank.token_with(json!({"may_act": {"sub": "spiffe://bank.example/middle-tier-1"}}));
    invalid(&bank, &token, "the access token names another workload in `may_act`").await;
    let bound = bank.token_with(json!({"cnf": {"jkt": "x"}}));
    invalid(&bank, &bound, "the access token's claim `cnf` is missing, malformed or not accepted").await;
    let named = bank.token_with(json!({"may_act": {"sub": "spiffe://bank.example/subject-wl"}}));
    assert_eq!(bank.mint(&named).await.0, 200);
}

#[tokio::test]
async fn an_issuer_that_is_not_listed_is_refused_and_never_contacted() {
    let bank = Bank::open("rfc9068").await;
    let key = Key::generate("k1", Algorithm::Rs256);
    let own_idp = Provider::start(&[&key]).await;
    // The attacker's own provider, with the `sub` of the victim.
    let claims = merged(bank.claims(), json!({"iss": own_idp.issuer}));
    invalid(&bank, &key.sign("at+jwt", &claims), "the access token's issuer is not one this service trusts").await;
    assert_eq!((own_idp.requests(), bank.provider.requests()), (0, 0));
}

#[tokio::test]
async fn no_iss_makes_this_service_fetch_anything() {
    let bank = Bank::open("rfc9068").await;
    let key = Key::generate("k1", Algorithm::Rs256);
    let inside = Provider::start(&[&key]).await;
    let listed = bank.provider.issuer.clone();
    let near = [
        inside.issuer.clone(),
        format!("{listed}/"),
        format!("{listed}?"),
        format!("{listed}#{}", inside.issuer),
        listed.replace("127.0.0.1", "localhost"),
        listed.to_uppercase(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for iss in near {
        let claims = merged(bank.claims(), json!({ "iss": iss }));
        invalid(&bank, &key.sign("at+jwt", &claims), "the access token's issuer is not one this service trusts").await;
    }
    assert_eq!((inside.requests(), bank.provider.requests()), (0, 0));
}

#[tokio::test]
async fn no_header_member_brings_a_key_along() {
    let bank = Bank::open("rfc9068").await;
    let key = Key::generate("evil", Algorithm::Rs256);
    let evil = Provider::start(&[&key]).await;
    for (member, value) in [
        ("jwk", key.jwk()),
        ("jku", json!(format!("{}/jwks", evil.issuer))),
        ("x5u", json!(evil.issuer)),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
    ] {
        let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "k1", member: value});
        let token = key.sign_text(&header.to_string(), &bank.claims().to_string());
        invalid(&bank, &token, &format!("the access token's header member `{member}` is not accepted")).await;
    }
    assert_eq!(evil.requests(), 0);
}

#[tokio::test]
async fn an_empty_or_broken_jwks_mints_nothing() {
    for jwks in
        ["", "{}", "null", r#"{"keys":[]}"#, r#"{"keys":[{}]}"#, "<html>", r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#]
    {
        let bank = Bank::open("rfc9068").await;
        bank.provider.answers.lock().unwrap().jwks = jwks.to_owned();
        let (status, body) = bank.mint(&bank.token()).await;
        assert_eq!((status, &body["type"]), (502, &json!("urn:x-dasvid:problem:upstream-failed")), "{jwks}");
    }
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_mints_nothing() {
    let bank = Bank::open("rfc9068").await;
    let key = Key::generate("k1", Algorithm::Rs256);
    let evil = Provider::start(&[&key]).await;
    bank.provider.answers.lock().unwrap().discovery =
        Some(json!({"issuer": evil.issuer, "jwks_uri": format!("{}/jwks", evil.issuer)}));
    assert_eq!(bank.mint(&key.sign("at+jwt", &bank.claims())).await.0, 502);
    assert_eq!(evil.requests(), 0);
}

#[tokio::test]
async fn a_redirect_of_the_provider_is_not_followed() {
    let bank = Bank::open("rfc9068").await;
    let key = Key::generate("k1", Algorithm::Rs256);
    let evil = Provider::start(&[&key]).await;
    bank.provider.answers.lock().unwrap().redirect_to =
        Some(format!("{}/.well-known/openid-configuration", evil.issuer));
    assert_eq!(bank.mint(&bank.token()).await.0, 502);
    assert_eq!(evil.requests(), 0);
}

#[tokio::test]
async fn a_provider_that_answers_with_an_error_or_too_much_mints_nothing() {
    let bank = Bank::open("rfc9068").await;
    bank.provider.answers.lock().unwrap().status = StatusCode::INTERNAL_SERVER_ERROR;
    assert_eq!(bank.mint(&bank.token()).await.0, 502);
    let bank = Bank::open("rfc9068").await;
    bank.provider.answers.lock().unwrap().jwks = " ".repeat(300 * 1024);
    assert_eq!(bank.mint(&bank.token()).await.0, 502);
}

#[tokio::test]
async fn alg_none_is_refused() {
    let bank = Bank::open("rfc9068").await;
    for alg in ["none", "None", "NONE", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "at+jwt", "kid": "k1"}).to_string());
        let claims = URL_SAFE_NO_PAD.encode(bank.claims().to_string());
        for signature in ["AA", "AAAA"] {
            let token = format!("{header}.{claims}.{signature}");
            invalid(&bank, &token, "the access token's algorithm is not one its issuer may use here").await;
        }
        invalid(&bank, &format!("{header}.{claims}."), "the access token is not a signed JWT").await;
    }
}

#[tokio::test]
async fn hs256_with_the_public_key_is_refused() {
    let bank = Bank::open("rfc9068").await;
    let public = bank.key.jwk().to_string();
    let secret = jsonwebtoken::EncodingKey::from_secret(public.as_bytes());
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.typ = Some("at+jwt".into());
    header.kid = Some("k1".into());
    let token = jsonwebtoken::encode(&header, &bank.claims(), &secret).unwrap();
    invalid(&bank, &token, "the access token's algorithm is not one its issuer may use here").await;
}

#[tokio::test]
async fn an_algorithm_off_the_issuers_list_is_refused() {
    let key = Key::generate("k1", Algorithm::Ps256);
    let bank = Bank::open_with("rfc9068", "", key).await;
    invalid(&bank, &bank.token(), "the access token's algorithm is not one its issuer may use here").await;
}

#[tokio::test]
async fn a_missing_or_string_exp_is_refused() {
    let bank = Bank::open("rfc9068").await;
    let exp = now() + 300;
    for value in [json!(null), json!(exp.to_string()), json!(1e9 + 0.5), json!(-1), json!([exp]), json!(true)] {
        let detail = "the access token's claim `exp` is missing, malformed or not accepted";
        invalid(&bank, &bank.token_with(json!({ "exp": value })), detail).await;
    }
    let detail = "the access token's claim `iat` is missing, malformed or not accepted";
    invalid(&bank, &bank.token_with(json!({"iat": null})), detail).await;
    invalid(&bank, &bank.token_with(json!({"exp": now() - 1})), "the access token has expired").await;
    let long = bank.token_with(json!({"exp": now() + 3700}));
    invalid(&bank, &long, "the access token lives longer than an hour").await;
}

#[tokio::test]
async fn a_token_that_is_not_yet_valid_is_refused() {
    let bank = Bank::open("rfc9068").await;
    for claims in [json!({"nbf": now() + 60}), json!({"iat": now() + 60})] {
        invalid(&bank, &bank.token_with(claims), "the access token is not valid yet").await;
    }
}

#[tokio::test]
async fn duplicate_members_are_refused() {
    let bank = Bank::open("rfc9068").await;
    let claims = bank.claims().to_string();
    let twice = claims.replacen('{', r#"{"sub":"b0b00000-0000-4000-8000-000000000002","#, 1);
    let header = r#"{"alg":"RS256","typ":"at+jwt","kid":"k1"}"#;
    invalid(&bank, &bank.key.sign_text(header, &twice), "the access token is not a signed JWT").await;
    let escaped = claims.replacen('{', r#"{"\u0073ub":"b0b00000-0000-4000-8000-000000000002","#, 1);
    invalid(&bank, &bank.key.sign_text(header, &escaped), "the access token is not a signed JWT").await;
    let header = r#"{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"k1"}"#;
    invalid(&bank, &bank.key.sign_text(header, &claims), "the access token is not a signed JWT").await;
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let bank = Bank::open("rfc9068").await;
    let token = bank.token();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let victim = merged(bank.claims(), json!({"sub": "b0b00000-0000-4000-8000-000000000002"}));
    let swapped = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(victim.to_string()));
    invalid(&bank, &swapped, "the access token's signature is not valid").await;
    let zeros = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([0; 256]));
    invalid(&bank, &zeros, "the access token's signature is not valid").await;
}

#[tokio::test]
async fn a_jwks_swapped_during_a_request_changes_nothing() {
    let bank = Bank::open("rfc9068").await;
    assert_eq!(bank.mint(&bank.token()).await.0, 200);
    // The same name, another key: what was fetched stays, and a bad signature fetches nothing.
    let evil = Key::generate("k1", Algorithm::Rs256);
    bank.provider.publish(&[&evil]);
    let before = bank.provider.requests();
    let detail = "the access token's signature is not valid";
    invalid(&bank, &evil.sign("at+jwt", &bank.claims()), detail).await;
    assert_eq!(bank.provider.requests(), before);
    assert_eq!(bank.mint(&bank.token()).await.0, 200);
}

#[tokio::test]
async fn an_unknown_kid_fetches_once_and_not_again_at_once() {
    let bank = Bank::open("rfc9068").await;
    assert_eq!(bank.mint(&bank.token()).await.0, 200);
    let before = bank.provider.requests();
    let unknown = Key::generate("k9", Algorithm::Rs256);
    let detail = "the access token's key is not among its issuer's published keys";
    for _ in 0..3 {
        invalid(&bank, &unknown.sign("at+jwt", &bank.claims()), detail).await;
    }
    assert!(bank.provider.requests() - before <= 2, "an unknown kid must not flood the provider");
    assert_eq!(bank.mint(&bank.token()).await.0, 200);
}

#[tokio::test]
async fn a_person_is_never_found_by_dpr_alone() {
    let bank = Bank::open("rfc9068").await;
    let (_, minted) = bank.mint(&bank.token()).await;
    let payload = minted["da_svid"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(claims["dpa"], bank.provider.issuer);
    assert_eq!(claims["dpr"], "a11ce000-0000-4000-8000-000000000001");
    assert_eq!(claims["sub"], "spiffe://bank.example/subject-wl");
}
