//! `/certs`: who leaves which certificate, and who finds it.

use bytes::Bytes;
use dev_spire::{DevSpire, Entry, Settings};
use http::{Method, Request};
use mesh::{Answer, Identity};
use serde_json::Value;
use spiffe::{SpiffeId, TrustDomain};
use token::SignerChain;
use token::encoding::Digest;
use wire::certs::MEDIA_TYPE;

use crate::bank::{Bank, client, identity, read, request, socket};
use crate::introspection::{ask, id_chain, mint};

fn pem(identity: &Identity) -> String {
    SignerChain::new(identity.svid().unwrap().chain.clone()).unwrap().to_pem()
}

fn x5t(identity: &Identity) -> Digest {
    Digest(identity.svid().unwrap().x5t)
}

async fn me(bank: &Bank, name: &str) -> Identity {
    identity(bank.folder.path(), name).await
}

/// Posts as an identity, over a new connection.
async fn leave(bank: &Bank, caller: &Identity, body: impl Into<Bytes>) -> Answer {
    client(caller, bank.port()).call(request(Method::POST, "/certs", MEDIA_TYPE, body)).await.unwrap()
}

async fn find(bank: &Bank, caller: &str, last: &str) -> Answer {
    let request = Request::get(format!("/certs/{last}")).body(Bytes::new()).unwrap();
    bank.send(caller, request).await.unwrap()
}

/// Status and problem.
fn refused(answer: &Answer) -> (u16, String) {
    let (status, body) = read(answer);
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{body}");
    let slug = body["type"].as_str().unwrap().strip_prefix("urn:x-dasvid:problem:").unwrap();
    (status, slug.to_owned())
}

/// Issues new certificates to everybody and waits until `caller` has its own.
async fn rotate(bank: &Bank, caller: &Identity) {
    let before = x5t(caller);
    bank.spire.rotate().unwrap();
    let changed = async {
        while x5t(caller) == before {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), changed).await.unwrap();
}

#[tokio::test]
async fn what_its_owner_leaves_is_found_by_everybody() {
    let bank = Bank::open("rfc9068").await;
    let middle = me(&bank, "middle-tier-1").await;
    let left = leave(&bank, &middle, pem(&middle)).await;
    assert_eq!((left.status.as_u16(), left.body.len()), (201, 0));
    let place = format!("/certs/{}", x5t(&middle));
    assert_eq!(left.headers["location"], place);
    assert_eq!(leave(&bank, &middle, pem(&middle)).await.status, 204, "it was there already");

    for caller in ["subject-wl", "stranger"] {
        let found = find(&bank, caller, &x5t(&middle).to_string()).await;
        assert_eq!((found.status.as_u16(), &found.headers["content-type"]), (200, &MEDIA_TYPE.parse().unwrap()));
        let cached = found.headers["cache-control"].to_str().unwrap();
        let life: u64 = cached.strip_prefix("max-age=").unwrap().strip_suffix(", immutable").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&life), "{cached}");
        assert_eq!(SignerChain::parse(&found.body).unwrap().der(), middle.svid().unwrap().chain);
    }
}

#[tokio::test]
async fn refuses_a_certificate_that_is_left_for_another_workload() {
    let bank = Bank::open("rfc9068").await;
    let (subject, middle) = (me(&bank, "subject-wl").await, me(&bank, "middle-tier-1").await);
    assert_eq!(refused(&leave(&bank, &subject, pem(&middle)).await), (403, "not-permitted".into()));
    assert_eq!(find(&bank, "subject-wl", &x5t(&middle).to_string()).await.status, 404);

    // Not even an older one of its own: the connection shows which it is.
    let old = pem(&subject);
    rotate(&bank, &subject).await;
    assert_eq!(refused(&leave(&bank, &subject, old).await), (403, "not-permitted".into()));
}

#[tokio::test]
async fn refuses_whatever_is_not_a_chain_that_leads_to_the_bundle() {
    let bank = Bank::open("rfc9068").await;
    let subject = me(&bank, "subject-wl").await;
    let own = pem(&subject);
    let elsewhere = DevSpire::start(Settings::new(TrustDomain::new("bank.example").unwrap())).await.unwrap();
    let path = socket(bank.folder.path(), "impostor");
    elsewhere
        .issue_socket(&path, Entry::new(SpiffeId::new("spiffe://bank.example/subject-wl").unwrap()))
        .await
        .unwrap();
    let impostor =
        Identity::connect(Some(&DevSpire::endpoint(&path)), std::time::Duration::from_secs(10)).await.unwrap();
    let unrelated = pem(&impostor);
    let cases: [(&str, String, u16, &str); 8] = [
        ("nothing", String::new(), 400, "invalid-request"),
        ("garbage", "garbage".into(), 400, "invalid-request"),
        ("half", own[..own.len() / 2].into(), 400, "invalid-request"),
        ("a key", own.replace("CERTIFICATE", "PRIVATE KEY"), 400, "invalid-request"),
        ("twice", own.repeat(2), 400, "invalid-request"),
        ("one that leads nowhere beside it", format!("{own}{unrelated}"), 400, "invalid-request"),
        ("one of another authority", unrelated, 403, "not-permitted"),
        ("a huge one", format!("{own}{}", "#".repeat(20_000)), 413, "too-large"),
    ];
    for (what, body, status, slug) in cases {
        assert_eq!(refused(&leave(&bank, &subject, body).await), (status, slug.into()), "{what}");
    }
    let send = async |request| refused(&bank.send("subject-wl", request).await.unwrap());
    let form = request(Method::POST, "/certs", "application/x-www-form-urlencoded", own.clone());
    assert_eq!(send(form).await, (415, "unsupported-media-type".into()));
    let query = request(Method::POST, "/certs?token=a.b.c", MEDIA_TYPE, own.clone());
    assert_eq!(send(query).await, (400, "invalid-request".into()));
    for (method, path) in [(Method::GET, "/certs".to_owned()), (Method::POST, format!("/certs/{}", x5t(&subject)))] {
        assert_eq!(send(request(method, &path, MEDIA_TYPE, own.clone())).await, (405, "method-not-allowed".into()));
    }
}

#[tokio::test]
async fn a_hash_is_a_hash_and_nothing_else() {
    let bank = Bank::open("rfc9068").await;
    let own = x5t(&me(&bank, "asserting-wl").await).to_string();
    for last in ["x", &own[1..], &format!("{own}="), &format!("{own}A"), "..", "%2e%2e", &own.replace(&own[..1], "%41")]
    {
        assert_eq!(refused(&find(&bank, "subject-wl", last).await), (400, "invalid-request".into()), "{last}");
    }
    assert_eq!(
        refused(&find(&bank, "subject-wl", &format!("{own}?token=a.b.c")).await),
        (400, "invalid-request".into())
    );
    let unknown = Digest::of("unknown").to_string();
    assert_eq!(refused(&find(&bank, "subject-wl", &unknown).await), (404, "not-found".into()));
}

#[tokio::test]
async fn the_ninth_certificate_of_an_id_is_refused_and_evicts_none() {
    let bank = Bank::open("rfc9068").await;
    let (subject, middle) = (me(&bank, "subject-wl").await, me(&bank, "middle-tier-1").await);
    assert_eq!(leave(&bank, &middle, pem(&middle)).await.status, 201);
    let theirs = x5t(&middle).to_string();
    let mut own = Vec::new();
    for number in 0..9 {
        let left = leave(&bank, &subject, pem(&subject)).await;
        if number < 8 {
            assert_eq!(left.status, 201);
            own.push(x5t(&subject).to_string());
            rotate(&bank, &subject).await;
        } else {
            assert_eq!(refused(&left), (409, "conflict".into()));
            assert_eq!(read(&left).1["detail"].as_str().map(|told| told.starts_with("8 certificates")), Some(true));
        }
    }
    for kept in own.iter().chain([&theirs]) {
        assert_eq!(find(&bank, "stranger", kept).await.status, 200);
    }
    assert_eq!(find(&bank, "stranger", &x5t(&subject).to_string()).await.status, 404);
    rotate(&bank, &middle).await;
    assert_eq!(leave(&bank, &middle, pem(&middle)).await.status, 201, "whoever else has how many");
}

#[tokio::test]
async fn its_own_certificate_is_kept_also_after_a_rotation() {
    let bank = Bank::open("rfc9068").await;
    let own = me(&bank, "asserting-wl").await;
    for _ in 0..2 {
        let kept = async {
            while find(&bank, "subject-wl", &x5t(&own).to_string()).await.status != 200 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), kept).await.unwrap();
        rotate(&bank, &own).await;
    }
}

#[tokio::test]
async fn a_chain_is_introspected_and_diagnosed_by_what_is_kept() {
    let bank = Bank::open("rfc9068").await;
    let (chain, certificates) = id_chain(&bank).await;
    let (_, answer) = ask(&bank, "middle-tier-1", "/introspect", &chain, "").await;
    assert_eq!(answer["active"], false, "nobody left them");
    for name in ["subject-wl", "middle-tier-1"] {
        let owner = me(&bank, name).await;
        assert_eq!(leave(&bank, &owner, pem(&owner)).await.status, 201);
    }
    for inline in ["", &certificates] {
        let (_, answer) = ask(&bank, "middle-tier-1", "/introspect", &chain, inline).await;
        assert_eq!(answer["active"], true, "{answer}");
        let (status, answer) = ask(&bank, "middle-tier-1", "/validate", &chain, inline).await;
        assert_eq!((status, &answer["signature_valid"]), (200, &Value::Bool(true)), "{answer}");
    }
}

#[tokio::test]
async fn what_is_kept_survives_a_restart() {
    let bank = Bank::open("rfc9068").await;
    let middle = me(&bank, "middle-tier-1").await;
    assert_eq!(leave(&bank, &middle, pem(&middle)).await.status, 201);
    let root = mint(&bank, "/ecdsaassertion").await;
    assert!(root["certificates"].is_string(), "it may always travel inline");
    let (folder, issuer) = (bank.folder.path(), &bank.provider.issuer);
    let again = crate::bank::start(folder, issuer, "rfc9068", "").await;
    let request = Request::get(format!("/certs/{}", x5t(&middle))).body(Bytes::new()).unwrap();
    let found = client(&middle, again.addresses[0].1.port()).call(request).await.unwrap();
    assert_eq!(found.status, 200);
    again.shutdown().await;
}
