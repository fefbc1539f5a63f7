//! Attacks on the services: hops that were broken into, impostors, and what comes in through the wrong door.

use asserting_wl::AssertingWl;
use bytes::Bytes;
use dasvid::teller::{self, Teller, Wanted};
use dev_spire::{DevSpire, Entry, Settings};
use e2e::actor::{balance, deposit};
use e2e::browser::Browser;
use e2e::street::endpoint;
use e2e::{Bank, MODES, raw, refused};
use http::{Method, Request, StatusCode};
use middle_tier::MiddleTier;
use serde_json::Value;
use spiffe::{SpiffeId, TrustDomain};
use token::Mode;
use wire::problem::ProblemKind;

#[tokio::test]
async fn the_same_deposit_repeated_by_a_middle_tier_with_a_new_key_is_refused() {
    let bank = Bank::open().await;
    let (teller, hop) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let (token, next) = (bank.token("alice").await, bank.endpoint("middle-tier-2"));
    for (mode, booked) in MODES.into_iter().zip([100, 200, 300]) {
        let asked = deposit(100, &format!("asked-{}", mode.name()));
        let chain = teller.chain(mode, &token, &asked).await;
        assert_eq!(teller.present(&bank.place().entry, &asked, &chain).await.status, StatusCode::CREATED);

        // The hop kept the chain and tries once more under another key.
        let again = deposit(100, "another-key");
        let forged = hop.pass_on(&chain, &again, &next.id).await;
        let answer = refused(&hop.present(&next, &again, &forged).await);
        answer.is("middle-tier-2", ProblemKind::NotPermitted);

        // The very same request once more is no second deposit either.
        let repeated = hop.pass_on(&chain, &asked, &next.id).await;
        assert_eq!(hop.present(&next, &asked, &repeated).await.status, StatusCode::CREATED);
        assert_eq!(teller.holds(&token).await, booked, "{mode}");
    }
}

#[tokio::test]
async fn a_middle_tier_cannot_turn_a_balance_enquiry_into_a_deposit() {
    let bank = Bank::open().await;
    let (teller, hop) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let (token, next) = (bank.token("alice").await, bank.endpoint("middle-tier-2"));
    for mode in MODES {
        let chain = teller.chain(mode, &token, &balance()).await;
        let forged = hop.pass_on(&chain, &deposit(1, "k"), &next.id).await;
        let answer = refused(&hop.present(&next, &deposit(1, "k"), &forged).await);
        answer.is("middle-tier-2", ProblemKind::NotPermitted);
    }
    assert_eq!(teller.holds(&token).await, 0);
}

#[tokio::test]
async fn a_stolen_chain_is_worth_nothing_at_another_hop() {
    let bank = Bank::open().await;
    let (teller, thief) = (bank.actor("cli").await, bank.actor("thief").await);
    let token = bank.token("alice").await;
    for mode in MODES {
        let chain = teller.chain(mode, &token, &balance()).await;
        for name in ["middle-tier-1", "middle-tier-2", "target-wl"] {
            let answer = refused(&thief.present(&bank.endpoint(name), &balance(), &chain).await);
            assert_eq!(answer.culprit, name, "{mode}: {answer:?}");
            assert_eq!(answer.kind.status(), StatusCode::UNAUTHORIZED, "{mode} at {name}: {answer:?}");
        }
        // Nor where its own holder must not bring it; a plain one is good wherever its subject is let in.
        for name in ["middle-tier-2", "target-wl"] {
            let answer = refused(&teller.present(&bank.endpoint(name), &balance(), &chain).await);
            let expected = if mode == Mode::Plain { StatusCode::NOT_FOUND } else { StatusCode::UNAUTHORIZED };
            assert_eq!(answer.kind.status(), expected, "{mode} at {name}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn asserting_wl_impersonated_by_a_workload_with_a_valid_svid_gets_no_token() {
    let bank = Bank::open().await;
    bank.issue("impostor").await;
    let settings = bank.config("asserting-wl").replace("asserting-wl.", "impostor.");
    let impostor = bank.spawn::<AssertingWl>(&settings).await;
    let at = endpoint("asserting-wl", &impostor);
    let teller = Teller::connect(Some(&bank.socket("cli")), &at.url, Some(&at.id)).await.unwrap();
    let minted = teller.mint(Mode::Id, &bank.token("alice").await, &Wanted::default()).await.unwrap_err();
    assert!(format!("{minted:#}").contains("spiffe://bank.example/impostor"), "{minted:#}");

    // A hop that is sent there for its keys takes none, and lets nobody in.
    let settings = bank.config("middle-tier-1").replace(bank.place().asserting.url.as_str(), at.url.as_str());
    let hop = bank.spawn_at::<MiddleTier>(&settings, std::sync::Arc::new(chassis::SystemClock)).await;
    let refused = tokio::net::TcpStream::connect(hop.address("https").unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(!hop.ready.is_ready());
}

#[tokio::test]
async fn what_an_impostor_of_asserting_wl_mints_is_believed_nowhere() {
    let bank = Bank::open().await;
    bank.issue("impostor").await;
    let settings = bank.config("asserting-wl").replace("asserting-wl.", "impostor.");
    let impostor = bank.spawn::<AssertingWl>(&settings).await;
    let mut place = bank.place().clone();
    place.asserting = e2e::street::endpoint("impostor", &impostor);
    let teller = e2e::Actor::connect(&bank.socket("cli"), &place).await;
    let token = bank.token("alice").await;
    for mode in MODES {
        let chain = teller.chain(mode, &token, &balance()).await;
        let answer = refused(&teller.present(&place.entry, &balance(), &chain).await);
        assert_eq!((answer.culprit.as_str(), answer.kind.status()), ("middle-tier-1", StatusCode::UNAUTHORIZED));
    }
}

#[tokio::test]
async fn a_caller_from_another_trust_domain_reaches_no_workload() {
    let bank = Bank::open().await;
    let elsewhere = DevSpire::start(Settings::new(TrustDomain::new("evil.example").unwrap())).await.unwrap();
    // Even when the trust domains know each other's authorities.
    elsewhere.federate(TrustDomain::new("bank.example").unwrap(), bank.demo.spire.bundle());
    bank.demo.spire.federate(TrustDomain::new("evil.example").unwrap(), elsewhere.bundle());
    let folder = tempfile::tempdir().unwrap();
    for name in ["subject-wl", "cli", "middle-tier-1", "asserting-wl"] {
        let socket = folder.path().join("s").join(name);
        let evil = SpiffeId::from_segments(TrustDomain::new("evil.example").unwrap(), &[name]).unwrap();
        elsewhere.issue_socket(&socket, Entry::new(evil)).await.unwrap();
        let evil = teller::identity(Some(&DevSpire::endpoint(&socket))).await.unwrap();
        for service in ["asserting-wl", "middle-tier-1", "middle-tier-2", "target-wl"] {
            let answer = teller::call(&evil, &bank.endpoint(service), &balance(), None).await;
            assert!(answer.is_err(), "evil {name} is answered by {service}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_client_supplied_da_svid_at_the_front_door_changes_nothing() {
    let bank = Bank::open().await;
    let (teller, alice) = (bank.actor("cli").await, bank.token("alice").await);
    assert!(teller.ask(Mode::Id, &alice, &deposit(777, "k")).await.status.is_success());
    let bob = Browser::new(bank.place());
    bob.log_in("bob").await;
    for mode in MODES {
        let chain = teller.chain(mode, &alice, &balance()).await;
        let mut fields = vec![("da-svid", chain.da_svid.as_str()), ("Connection", "da-svid")];
        fields.extend(chain.certificates.as_deref().map(|value| ("da-svid-certs", value)));
        let page = bob.open_with("account", &fields).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.holds().is_none_or(|holds| holds == 0) && !page.text.contains("777"), "{}", page.text);
        // Without a session there is nobody, chain or not: the bank asks for a login.
        let nobody = Browser::new(bank.place()).open_with("account", &fields).await;
        assert_eq!(nobody.holds(), None, "{}", nobody.text);
    }
}

#[tokio::test]
async fn a_token_in_the_url_opens_nothing() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let place = bank.place();
    for mode in MODES {
        let chain = teller.chain(mode, &token, &balance()).await.da_svid;
        for service in ["middle-tier-1", "middle-tier-2", "target-wl"] {
            for name in ["da_svid", "DA-SVID", "access_token", "token"] {
                let request = get(&format!("/v1/balance?{name}={chain}"));
                let answer = refused(&teller.send(&bank.endpoint(service), request).await.unwrap());
                answer.is(service, ProblemKind::InvalidToken);
            }
        }
    }
    for path in ["/mint", "/ecdsaassertion", "/mintassertion", "/introspect", "/validate"] {
        for name in ["access_token", "token", "AccessToken"] {
            let answer = teller.send(&place.asserting, get(&format!("{path}?{name}={token}"))).await.unwrap();
            assert_eq!(refused(&answer).kind, ProblemKind::MethodNotAllowed, "{path}");
        }
    }
    let page = Browser::new(place).open(&format!("account?access_token={token}&token={token}")).await;
    assert_eq!(page.holds(), None);
    assert!(!page.text.contains(&token));
}

#[tokio::test]
async fn every_answer_is_one_document_and_a_refused_one_holds_no_account() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let entry = &bank.place().entry;
    assert!(teller.ask(Mode::Id, &token, &deposit(4242, "k")).await.status.is_success());
    for mode in MODES {
        let chain = teller.chain(mode, &token, &balance()).await;
        let good = teller.present(entry, &balance(), &chain).await;
        let document: Value = serde_json::from_slice(&good.body).expect("one document");
        assert_eq!(document["balances"][0]["minor"], 4242);
        for mut bad in [chain.clone(), chain.clone(), chain] {
            bad.da_svid.insert(bad.da_svid.len() / 2, 'A');
            let answer = teller.present(entry, &balance(), &bad).await;
            let document: Value = serde_json::from_slice(&answer.body).expect("one document");
            assert!(document["type"].is_string() && document.get("balances").is_none(), "{document}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("4242"));
        }
    }
}

#[tokio::test]
async fn a_request_smuggled_in_a_body_is_not_answered() {
    let bank = Bank::open().await;
    let inner = "GET /v1/balance HTTP/1.1\r\nHost: x\r\n\r\n";
    let framings = [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}", inner.len() + 5),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n{inner}"),
        format!("Content-Length: 0\r\nContent-Length: {}\r\n\r\n{inner}", inner.len()),
        format!("Content-Length: +0\r\n\r\n{inner}"),
        format!("Content-Length: 0\r\n Transfer-Encoding: chunked\r\n\r\n{inner}"),
    ];
    for service in ["middle-tier-1", "target-wl", "asserting-wl"] {
        for framing in &framings {
            let bytes = format!("POST /v1/deposits HTTP/1.1\r\nHost: x\r\n{framing}");
            let answer = raw::over_mtls(&bank.socket("cli"), &bank.endpoint(service), bytes.as_bytes()).await;
            let text = String::from_utf8_lossy(&answer);
            assert!(raw::answers(&answer) <= 1, "{service} answers what was smuggled: {text}");
            assert!(raw::status(&answer).is_none_or(|status| (400..500).contains(&status)), "{service}: {text}");
        }
    }
}

#[tokio::test]
async fn an_unknown_user_is_told_so_by_the_target_through_every_hop() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("bob").await);
    for mode in MODES {
        let answer = refused(&teller.ask(mode, &token, &balance()).await);
        assert_eq!(answer.kind, ProblemKind::UnknownAccount, "{answer:?}");
        assert_eq!(answer.culprit, "target-wl", "{answer:?}");
        assert!(answer.detail.contains("no account yet"), "{answer:?}");
    }
}

#[tokio::test]
async fn hearsay_about_the_caller_makes_no_one_else_of_it() {
    let bank = Bank::open().await;
    let (teller, thief) = (bank.actor("cli").await, bank.actor("thief").await);
    let token = bank.token("alice").await;
    for mode in MODES {
        let chain = teller.chain(mode, &token, &balance()).await;
        let mut request = balance().request(Some(&chain)).unwrap();
        for (name, value) in [
            ("forwarded", "for=127.0.0.1;by=spiffe://bank.example/cli"),
            ("x-forwarded-client-cert", "URI=spiffe://bank.example/cli"),
            ("x-forwarded-for", "127.0.0.1"),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = thief.send(&bank.place().entry, request).await.unwrap();
        assert_eq!(refused(&answer).kind.status(), StatusCode::UNAUTHORIZED, "{mode}");
    }
}

fn get(target: &str) -> Request<Bytes> {
    Request::builder().method(Method::GET).uri(target).body(Bytes::new()).unwrap()
}
