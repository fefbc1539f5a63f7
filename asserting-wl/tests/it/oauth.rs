//! The doors for clients that speak OAuth: token exchange, revocation, metadata.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use token::{Chain, Mode};

use crate::bank::{Bank, now, request};
use crate::introspection::{anonymous_chain, ask, cut, id_chain, introspect, mint};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// An exchange that is in order, with changes: an empty value removes a parameter.
async fn exchange(bank: &Bank, caller: &str, changes: &[(&str, &str)]) -> (u16, Value) {
    let token = bank.token();
    let mut form = vec![
        ("grant_type", GRANT),
        ("subject_token", token.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", "urn:x-dasvid:token-type:id"),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    bank.post(caller, "/token", &form).await
}

#[tokio::test]
async fn an_access_token_is_exchanged_for_each_of_the_three_types() {
    let bank = Bank::open("rfc9068").await;
    for mode in Mode::ALL {
        let wanted = format!("urn:x-dasvid:token-type:{}", mode.name());
        let changes = [("requested_token_type", wanted.as_str()), ("scope", "accounts.read")];
        let (status, answer) = exchange(&bank, "subject-wl", &changes).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["issued_token_type"], wanted.as_str());
        assert_eq!((&answer["token_type"], &answer["scope"]), (&json!("N_A"), &json!("accounts.read")));
        assert_eq!(answer["expires_in"], 120);
        assert_eq!(answer.get("certificates").is_some(), mode == Mode::Id);
        let root = Chain::parse(answer["access_token"].as_str().unwrap()).unwrap();
        assert_eq!((root.mode(), root.root().sub.to_string()), (mode, "spiffe://bank.example/subject-wl".into()));
    }
    let named = [("client_id", "spiffe://bank.example/subject-wl")];
    assert_eq!(exchange(&bank, "subject-wl", &named).await.0, 200);
}

#[tokio::test]
async fn an_exchange_that_is_not_one_is_refused_in_the_words_of_oauth() {
    let bank = Bank::open("rfc9068").await;
    let target = "spiffe://bank.example/other-wl";
    for (change, error) in [
        (("grant_type", "client_credentials"), "unsupported_grant_type"),
        (("grant_type", ""), "invalid_request"),
        (("subject_token", ""), "invalid_request"),
        (("subject_token", "a.b.c"), "invalid_request"),
        (("subject_token_type", ""), "invalid_request"),
        (("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), "invalid_request"),
        (("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"), "invalid_request"),
        (("requested_token_type", ""), "invalid_request"),
        (("requested_token_type", ACCESS_TOKEN), "invalid_request"),
        (("requested_token_type", "urn:x-dasvid:token-type:ID"), "invalid_request"),
        (("actor_token", "a.b.c"), "invalid_request"),
        (("actor_token_type", ACCESS_TOKEN), "invalid_request"),
        (("resource", "https://target.example"), "invalid_target"),
        (("audience", target), "invalid_target"),
        (("scope", "two  spaces"), "invalid_scope"),
        (("client_id", "spiffe://bank.example/stranger"), "invalid_client"),
        (("rqd", "AAAA"), "invalid_request"),
    ] {
        let (status, answer) = exchange(&bank, "subject-wl", &[change]).await;
        assert_eq!((status, &answer["error"]), (400, &json!(error)), "{change:?}: {answer}");
        assert_eq!(answer["type"], "urn:x-dasvid:problem:invalid-request");
        assert_eq!(answer["error_description"], answer["detail"]);
        assert_eq!(answer.get("access_token"), None);
    }
    let (status, answer) = exchange(&bank, "stranger", &[]).await;
    assert_eq!((status, &answer["error"]), (400, &json!("unauthorized_client")), "{answer}");
}

#[tokio::test]
async fn a_chain_or_another_kind_of_token_is_not_exchanged() {
    let bank = Bank::open("rfc9068").await;
    let root = mint(&bank, "/mint").await["da_svid"].as_str().unwrap().to_owned();
    let id_token = bank.key.sign("JWT", &bank.claims());
    let expired = bank.token_with(json!({"exp": now() - 1}));
    for token in [root, id_token, expired] {
        let (status, answer) = exchange(&bank, "subject-wl", &[("subject_token", &token)]).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")), "{answer}");
    }
}

async fn revoke(bank: &Bank, caller: &str, token: &str) -> (u16, Value) {
    bank.post(caller, "/revoke", &[("token", token)]).await
}

async fn is_active(bank: &Bank, token: &str, certificates: &str) -> bool {
    ask(bank, "auditor", "/introspect", token, certificates).await.1["active"] == true
}

/// The version of the list of revocations: how many records were ever made.
async fn version(bank: &Bank) -> Value {
    let request = Request::builder().uri("/revocations").body(Bytes::new()).unwrap();
    let answer = bank.send("target-wl", request).await.unwrap();
    let jws = String::from_utf8(answer.body.to_vec()).unwrap();
    let payload = token::encoding::from_base64url(jws.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["version"].clone()
}

#[tokio::test]
async fn a_roots_holder_revokes_it_in_every_mode_and_no_other() {
    let bank = Bank::open("rfc9068").await;
    let plain = mint(&bank, "/mint").await["da_svid"].as_str().unwrap().to_owned();
    let sibling = mint(&bank, "/mint").await["da_svid"].as_str().unwrap().to_owned();
    assert_eq!(revoke(&bank, "subject-wl", &plain).await, (200, Value::Null));
    assert_eq!(introspect(&bank, "auditor", &plain).await.1, json!({"active": false}));
    assert_eq!(introspect(&bank, "auditor", &sibling).await.1["active"], true);
    for (token, revoked) in [(&plain, true), (&sibling, false)] {
        let (_, diagnosis) = bank.post("stranger", "/validate", &[("token", token)]).await;
        assert_eq!((&diagnosis["signature_valid"], &diagnosis["revoked"]), (&json!(true), &json!(revoked)));
    }

    let (chain, certificates) = id_chain(&bank).await;
    let root = chain.split('~').next().unwrap();
    assert!(is_active(&bank, &chain, &certificates).await);
    assert_eq!(revoke(&bank, "subject-wl", root).await.0, 200);
    assert!(!is_active(&bank, &chain, &certificates).await, "every chain on it is dead");

    let (sealed, root) = anonymous_chain(&bank).await;
    assert_eq!(introspect(&bank, "auditor", &sealed).await.1["active"], true);
    assert_eq!(revoke(&bank, "subject-wl", &cut(&root)).await.0, 200);
    assert_eq!(introspect(&bank, "auditor", &sealed).await.1, json!({"active": false}));
    assert_eq!(introspect(&bank, "auditor", &cut(&root)).await.1, json!({"active": false}));
    let (sealed, _) = anonymous_chain(&bank).await;
    assert_eq!(revoke(&bank, "auditor", &sealed).await.0, 200);
    assert_eq!(introspect(&bank, "auditor", &sealed).await.1, json!({"active": false}));
}

#[tokio::test]
async fn a_links_signer_revokes_its_own_link_and_what_was_built_on_it() {
    let bank = Bank::open("rfc9068").await;
    let (chain, certificates) = id_chain(&bank).await;
    assert_eq!(revoke(&bank, "middle-tier-1", &chain).await.0, 200);
    assert!(!is_active(&bank, &chain, &certificates).await);
    let (before, _) = chain.rsplit_once('~').unwrap();
    let own = certificates.rsplit_once(", ").unwrap().0;
    assert!(is_active(&bank, before, own).await, "what it was built on lives: {own}");
}

#[tokio::test]
async fn a_stranger_revokes_nothing_and_garbage_makes_no_record() {
    let bank = Bank::open("rfc9068").await;
    let (chain, certificates) = id_chain(&bank).await;
    let plain = mint(&bank, "/mint").await["da_svid"].as_str().unwrap().to_owned();
    for caller in ["stranger", "target-wl"] {
        for token in [&chain, &plain] {
            let (status, answer) = revoke(&bank, caller, token).await;
            assert_eq!((status, &answer["error"]), (403, &json!("unauthorized_client")), "{caller}: {answer}");
        }
    }
    // Nothing of it was minted here, so there is nothing to revoke.
    let [header, payload, _] = plain.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let claims = String::from_utf8(token::encoding::from_base64url(payload).unwrap()).unwrap();
    let changed = token::encoding::base64url(claims.replace("subject-wl", "stranger").as_bytes());
    let forged = format!("{header}.{changed}.{}", plain.rsplit_once('.').unwrap().1);
    for garbage in ["x", "a.b.c", &bank.token(), &forged] {
        assert_eq!(revoke(&bank, "stranger", garbage).await, (200, Value::Null), "{garbage}");
    }
    assert_eq!(version(&bank).await, 0);
    assert!(is_active(&bank, &chain, &certificates).await);
}

#[tokio::test]
async fn a_revoked_root_is_told_as_an_event_of_its_transaction() {
    let bank = Bank::open("rfc9068").await;
    let plain = mint(&bank, "/mint").await["da_svid"].as_str().unwrap().to_owned();
    revoke(&bank, "auditor", &plain).await;
    revoke(&bank, "auditor", &plain).await;
    let url = format!("sqlite://{}/asserting-wl.db", bank.folder.path().display());
    let store = store::open(&url).await.unwrap();
    let events = store.read().await.unwrap().pending_events(9).await.unwrap();
    let [told] = events.iter().filter(|one| one.event.kind == "assertion-revoked").collect::<Vec<_>>()[..] else {
        panic!("{events:?}")
    };
    let root = Chain::parse(&plain).unwrap();
    assert_eq!(told.event.txn, Some(root.root().txn.to_string()));
    assert_eq!(told.event.payload["cause"]["iss"], "spiffe://bank.example/auditor");
    assert_eq!(told.event.subject["jti"], root.root().jti.to_string());
}

#[tokio::test]
async fn the_metadata_names_every_door() {
    let bank = Bank::open("rfc9068").await;
    let path = "/.well-known/oauth-authorization-server";
    let metadata: Value = bank.client("stranger").await.get_json(path).await.unwrap();
    let base = format!("https://127.0.0.1:{}", bank.port());
    assert_eq!(
        metadata,
        json!({
            "issuer": base,
            "spiffe_id": "spiffe://bank.example/asserting-wl",
            "token_endpoint": format!("{base}/token"),
            "introspection_endpoint": format!("{base}/introspect"),
            "revocation_endpoint": format!("{base}/revoke"),
            "jwks_uri": format!("{base}/keys"),
            "response_types_supported": [],
            "grant_types_supported": [GRANT],
            "scopes_supported": ["accounts.read", "payments.write"],
            "token_endpoint_auth_methods_supported": ["tls_client_auth"],
            "introspection_endpoint_auth_methods_supported": ["tls_client_auth"],
            "revocation_endpoint_auth_methods_supported": ["tls_client_auth"],
            "dasvid_proofs_at": "introspect",
        })
    );
    for (path, parameters) in [("/revocations", "?token=a.b.c"), ("/revocations", "?after=x")] {
        let asked = request(Method::GET, &format!("{path}{parameters}"), "text/plain", "");
        assert_eq!(bank.send("stranger", asked).await.unwrap().status, 400);
    }
}
