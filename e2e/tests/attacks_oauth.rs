//! What a real provider gives out and asserting-wl must not take.

use dasvid::teller::Wanted;
use dev_idp::{Algorithm, DevIdp};
use e2e::actor::{balance, deposit};
use e2e::{Bank, MODES, refused};
use serde_json::{Value, json};
use token::Mode;
use token::encoding;
use wire::problem::ProblemKind;

/// Asks for a DA-SVID of every mode as the tool, and is refused each time.
async fn is_no_access_token(bank: &Bank, token: &str) {
    let teller = bank.actor("cli").await;
    for path in [wire::mint::MINT, wire::mint::ECDSA_ASSERTION, wire::mint::MINT_ASSERTION] {
        let answer = teller.teller.asserting().post_form(path, &[("access_token", token)]).await.unwrap();
        assert_eq!(refused(&answer).kind, ProblemKind::InvalidToken, "{path}");
    }
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&encoding::from_base64url(payload).unwrap()).unwrap()
}

async fn granted(bank: &Bank, fields: &[(&str, &str)]) -> Value {
    let http = mesh::web::client(mesh::web::WebSettings::default()).unwrap();
    let answer = http.post(format!("{}/token", bank.place().issuer)).form(fields).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.unwrap()
}

#[tokio::test]
async fn the_id_token_of_the_same_login_is_no_access_token() {
    let bank = Bank::open().await;
    let fields = [
        ("grant_type", "password"),
        ("client_id", "bank-cli"),
        ("username", "alice"),
        ("password", "alice-pw"),
        ("scope", e2e::bank::SCOPE),
    ];
    let granted = granted(&bank, &fields).await;
    is_no_access_token(&bank, granted["id_token"].as_str().unwrap()).await;
    let access = granted["access_token"].as_str().unwrap();
    assert!(bank.actor("cli").await.teller.mint(Mode::Id, access, &Wanted::default()).await.is_ok());
}

#[tokio::test]
async fn a_token_a_client_got_for_itself_names_no_person() {
    let bank = Bank::open().await;
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "asserting-wl"),
        ("client_secret", "asserting-wl-secret"),
        ("scope", "accounts.read"),
    ];
    let granted = granted(&bank, &fields).await;
    is_no_access_token(&bank, granted["access_token"].as_str().unwrap()).await;
}

#[tokio::test]
async fn what_the_providers_key_signs_besides_access_tokens_is_refused() {
    let bank = Bank::open().await;
    let good = claims(&bank.token("alice").await);
    let iat = good["iat"].as_u64().unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut claims = good.clone();
        change(&mut claims);
        claims
    };
    let cases: [(&str, &str, Value); 10] = [
        ("an ID token", "JWT", changed(&|claims| claims["nonce"] = json!("n"))),
        ("a logout token", "logout+jwt", changed(&|claims| claims["events"] = json!({}))),
        ("a logout token in disguise", "at+jwt", changed(&|claims| claims["events"] = json!({}))),
        ("an ID token in disguise", "at+jwt", changed(&|claims| claims["at_hash"] = json!("h"))),
        ("a userinfo answer", "JWT", changed(&|_| ())),
        ("another API's", "at+jwt", changed(&|claims| claims["aud"] = json!("another-api"))),
        ("an expired one", "at+jwt", changed(&|claims| claims["exp"] = json!(iat - 60))),
        ("one not yet valid", "at+jwt", changed(&|claims| claims["nbf"] = json!(iat + 3600))),
        ("one that lives a day", "at+jwt", changed(&|claims| claims["exp"] = json!(iat + 86_400))),
        ("another client's", "at+jwt", changed(&|claims| claims["client_id"] = json!("asserting-wl"))),
    ];
    for (what, typ, claims) in &cases {
        let token = bank.demo.idp.danger_sign(Algorithm::Es256, typ, claims).await.unwrap();
        println!("{what}");
        is_no_access_token(&bank, &token).await;
    }
    // The claims as they are, to show that it is the change that counts.
    let token = bank.demo.idp.danger_sign(Algorithm::Es256, "at+jwt", &good).await.unwrap();
    assert!(bank.actor("cli").await.teller.mint(Mode::Id, &token, &Wanted::default()).await.is_ok());
}

#[tokio::test]
async fn the_victims_sub_from_an_own_provider_mints_nothing() {
    let bank = Bank::open().await;
    let own = DevIdp::start(dev_idp::Settings::default()).await.unwrap();
    is_no_access_token(&bank, &own.direct_grant("alice", e2e::bank::SCOPE).await.unwrap()).await;
    // The listed issuer's name over the own provider's key.
    let mut claims = claims(&bank.token("alice").await);
    let forged = own.danger_sign(Algorithm::Es256, "at+jwt", &claims).await.unwrap();
    is_no_access_token(&bank, &forged).await;
    // And an own provider that calls itself by the listed name.
    let settings = dev_idp::Settings { issuer: Some(bank.place().issuer.clone()), ..dev_idp::Settings::default() };
    let namesake = DevIdp::start(settings).await.unwrap();
    is_no_access_token(&bank, &namesake.direct_grant("alice", e2e::bank::SCOPE).await.unwrap()).await;
    claims["iss"] = json!(format!("{}/", bank.place().issuer));
    let token = bank.demo.idp.danger_sign(Algorithm::Es256, "at+jwt", &claims).await.unwrap();
    is_no_access_token(&bank, &token).await;
}

#[tokio::test]
async fn only_listed_callers_may_mint_with_a_good_token() {
    let bank = Bank::open().await;
    let token = bank.token("alice").await;
    for name in ["middle-tier-1", "middle-tier-2", "target-wl", "asserting-wl", "stranger"] {
        let actor = bank.actor(name).await;
        for path in [wire::mint::MINT, wire::mint::ECDSA_ASSERTION, wire::mint::MINT_ASSERTION] {
            let answer = actor.teller.asserting().post_form(path, &[("access_token", &token)]).await.unwrap();
            assert_eq!(refused(&answer).kind, ProblemKind::NotPermitted, "{name} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_without_a_scope_buys_no_deposit() {
    let bank = Bank::open().await;
    let teller = bank.actor("cli").await;
    let reading = bank.demo.idp.direct_grant("alice", "openid accounts.read").await.unwrap();
    let asked = deposit(1, "k");
    for mode in MODES {
        assert_eq!(refused(&teller.ask(mode, &reading, &balance()).await).kind, ProblemKind::UnknownAccount, "{mode}");
        refused(&teller.ask(mode, &reading, &asked).await).is("middle-tier-1", ProblemKind::NotPermitted);
    }
}

#[tokio::test]
async fn an_audience_nobody_allows_is_not_minted() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    for audience in ["middle-tier-1", "stranger", "target-wl/x", "target-w"] {
        let wanted = format!("spiffe://bank.example/{audience}");
        let fields = [("access_token", token.as_str()), ("audience", wanted.as_str())];
        let answer = teller.teller.asserting().post_form(wire::mint::MINT, &fields).await.unwrap();
        assert_eq!(refused(&answer).kind, ProblemKind::NotPermitted, "{audience}");
    }
}
