//! Nothing that opens a door is ever in the log, however much is logged, or in a trace; and no person is in a trace.

#![cfg(test)]

mod spans;

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use chassis::traces::Traces;
use dasvid::input::ChainFile;
use dasvid::place::Verification;
use dasvid::teller::Wanted;
use e2e::actor::{balance, deposit};
use e2e::browser::Browser;
use e2e::{Bank, MODES, raw};
use http::{Method, Request};
use serde_json::{Value, json};
use token::encoding;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// Everything this process logs, as finely as the processes of the bank can be told to.
static LOG: LazyLock<Captured> = LazyLock::new(Captured::default);

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The most a person can ask `DASVID_LOG` for, with spans.
fn capture(traces: &Traces) {
    let lines = tracing_subscriber::fmt::layer()
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(LOG.clone())
        .with_filter(chassis::telemetry::parse("trace").unwrap());
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines).with(traces.layer())).unwrap();
}

/// What must not be found.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    /// Payloads and signatures of a token or chain; headers say nothing.
    fn token(&mut self, token: &str) {
        let segments = token.split('~');
        self.0.extend(segments.flat_map(|segment| segment.split('.').skip(1)).map(str::to_owned));
    }

    fn chain(&mut self, chain: &ChainFile) {
        self.token(&chain.da_svid);
    }

    /// A key in the notations a careless line would have.
    fn key(&mut self, bytes: &[u8]) {
        let listed: Vec<_> = bytes.iter().map(u8::to_string).collect();
        self.0.push(listed.join(", "));
        let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.push(hex.concat());
        self.0.extend(
            [encoding::base64(bytes), encoding::base64url(bytes)].map(|text| text[1..text.len() - 4].to_owned()),
        );
    }

    fn are_not_in(&self, what: &str, text: &str) {
        for secret in &self.0 {
            assert!(secret.len() >= 8, "too short to look for: {secret:?}");
            is_not_in(what, text, secret);
        }
    }
}

/// How the parts of a JWT begin, in base64url: random identifiers have `eyJ` in them now and then.
fn beginnings_of_jwts() -> impl Iterator<Item = String> {
    let members = [
        r#"{"alg""#,
        r#"{"typ""#,
        r#"{"kid""#,
        r#"{"x5t#"#,
        r#"{"iss""#,
        r#"{"sub""#,
        r#"{"aud""#,
        r#"{"exp""#,
        r#"{"iat""#,
        r#"{"jti""#,
        r#"{"azp""#,
        r#"{"sid""#,
    ];
    members.into_iter().map(|member| encoding::base64url(member.as_bytes()))
}

fn is_not_in(what: &str, text: &str, mark: &str) {
    let line = text.lines().find(|line| line.contains(mark));
    assert!(line.is_none(), "{mark:?} is in {what}: {}", line.unwrap_or_default());
}

#[tokio::test]
async fn no_token_cookie_code_password_or_key_is_ever_logged_or_traced() {
    let collector = spans::Collector::start().await;
    capture(collector.traces());
    // Introspection at every hop: the OAuth signature is used all the time and must never be seen.
    let bank = Bank::proving(Verification::Introspect, dev_idp::Algorithm::Rs256).await;
    let mut secrets = Secrets::default();
    people(&bank, &mut secrets).await;
    tellers(&bank, &mut secrets).await;
    intruders(&bank, &mut secrets).await;
    keys(&bank, &mut secrets).await;
    bank.close().await;

    let log = String::from_utf8_lossy(&LOG.0.lock().unwrap()).into_owned();
    for expected in ["answered", "refused", "TRACE", "chassis::", "subject_wl::", "mesh::", "spiffe::"] {
        assert!(log.contains(expected), "the log is too thin to prove anything: no {expected}");
    }
    assert!(secrets.0.len() > 50, "{}", secrets.0.len());
    secrets.are_not_in("the log", &log);
    for mark in ["alice-pw", "bob-pw", "PRIVATE KEY"] {
        is_not_in("the log", &log, mark);
    }
    let (traces, spans) = collector.told().await;
    for mark in beginnings_of_jwts() {
        assert_eq!(mark.len(), 8, "whole groups of three bytes");
        is_not_in("the log", &log, &mark);
        is_not_in("a trace", &spans, &mark);
    }
    spans::one_request_is_one_trace(&traces);
    spans::routine_is_not_recorded(&traces);
    secrets.are_not_in("a trace", &spans);
    for mark in ["alice", "bob-pw", &dev_idp::Person::alice().sub, &dev_idp::Person::bob().sub, "code="] {
        is_not_in("a trace", &spans, mark);
    }
}

/// Logging in, every page, every mode, a wrong password, signing out.
async fn people(bank: &Bank, secrets: &mut Secrets) {
    for mode in MODES {
        let browser = Browser::new(bank.place());
        let page = browser.log_in("alice").await;
        let page = browser.submit(&page, &page.form_to("/mode").with("mode", mode.name())).await;
        assert!(page.status.is_success(), "{}", page.text);
        let page = browser.open("deposit").await;
        browser.submit(&page, &page.form("amount").with("amount", "25.00").with("currency", "USD")).await;
        for path in ["account", "profile", "token", "nowhere"] {
            browser.open(path).await;
        }
        let page = browser.open("account").await;
        assert!(page.holds().is_some_and(|holds| holds > 0), "{}", page.text);
        browser.submit(&page, &page.form_to("/logout")).await;
        secrets.0.extend(browser.secrets());
    }
    let browser = Browser::new(bank.place());
    let page = browser.open("login").await;
    let form = page.form("password").with("username", "alice").with("password", "alice-pw-mistyped");
    browser.submit(&page, &form).await;
    browser.open("callback?code=a-code-of-somebody&state=a-state-of-somebody").await;
    secrets.0.extend(browser.secrets());
    secrets.0.extend(["a-code-of-somebody", "a-state-of-somebody"].map(str::to_owned));
}

/// Good chains, and the same chains where they must not go.
async fn tellers(bank: &Bank, secrets: &mut Secrets) {
    let (teller, stranger) = (bank.actor("cli").await, bank.actor("stranger").await);
    let (place, token) = (bank.place(), bank.token("bob").await);
    secrets.token(&token);
    for mode in MODES {
        for outgoing in [balance(), deposit(100, &format!("secret-{}", mode.name()))] {
            let chain = teller.chain(mode, &token, &outgoing).await;
            teller.present(&place.entry, &outgoing, &chain).await;
            stranger.present(&place.entry, &outgoing, &chain).await;
            teller.present(&place.target, &outgoing, &chain).await;
            let mut broken = chain.clone();
            broken.da_svid.insert(40, 'A');
            teller.present(&place.entry, &outgoing, &broken).await;
            for path in ["/introspect", "/validate"] {
                let fields = [("token", chain.da_svid.as_str()), ("nonce", "AAAAAAAAAAAAAAAAAAAAAA")];
                let fields = if path == "/introspect" { &fields[..] } else { &fields[..1] };
                teller.teller.asserting().post_form(path, fields).await.unwrap();
            }
            secrets.chain(&chain);
        }
        let refused = stranger.teller.mint(mode, &token, &Wanted::default()).await;
        assert!(refused.is_err(), "a stranger mints");
    }
}

/// Tokens in URLs, in fields of other protocols, in bodies that are none.
async fn intruders(bank: &Bank, secrets: &mut Secrets) {
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let chain = teller.chain(token::Mode::Id, &token, &balance()).await;
    secrets.token(&token);
    secrets.chain(&chain);
    let place = bank.place();
    for service in [&place.asserting, &place.entry, &place.target] {
        for name in ["access_token", "token", "da_svid"] {
            let target = format!("/v1/balance?{name}={token}&chain={}", chain.da_svid);
            let request = Request::builder().uri(target).header("authorization", format!("Bearer {token}"));
            drop(teller.send(service, request.body(bytes::Bytes::new()).unwrap()).await);
            let mint = Request::builder().method(Method::POST).uri(format!("/mint?{name}={token}"));
            drop(teller.send(service, mint.body(token.clone().into()).unwrap()).await);
        }
        let claims = json!({"iss": place.issuer, "nonsense": "x".repeat(40)});
        let odd = bank.demo.idp.danger_sign(dev_idp::Algorithm::Rs256, "at+jwt", &claims).await.unwrap();
        drop(teller.teller.asserting().post_form("/mint", &[("access_token", &odd)]).await);
        secrets.token(&odd);
        let bytes = format!("GET /{token} HTTP/1.1\r\nHost: x\r\nCookie: bank_session={token}\r\nbad header\r\n\r\n");
        raw::over_mtls(&bank.socket("cli"), service, bytes.as_bytes()).await;
    }
    raw::over_tcp(
        &place.front,
        format!("GET /account?t={token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes(),
    )
    .await;
    let page = Browser::new(place).open_with("account", &[("da-svid", &chain.da_svid)]).await;
    assert!(!page.text.contains(&chain.da_svid));
}

/// The keys of SVIDs, and what seals the minting keys.
async fn keys(bank: &Bank, secrets: &mut Secrets) {
    for name in ["subject-wl", "asserting-wl", "middle-tier-1", "middle-tier-2", "target-wl", "cli"] {
        let source = spiffe::X509Source::builder().endpoint(bank.socket(name)).build().await.unwrap();
        let svid = source.svid().unwrap();
        // PKCS#8 of P-256: the scalar stands at 36.
        secrets.key(&svid.private_key().as_ref()[38..62]);
    }
    let teller = bank.actor("cli").await;
    let jwks: Value = serde_json::from_slice(&teller.teller.jwks(None).await.unwrap()).unwrap();
    assert!(jwks["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none()), "{jwks}");
    for file in bank.files() {
        if file.extension().is_some_and(|end| end == "key") {
            secrets.key(&std::fs::read(file).unwrap()[4..24]);
        }
    }
}
