//! The first SVID, what it holds, and what is said when there is none.

use crate::fixture::{SOON, Spire, domain, eventually, id};
use crypto::jose::Algorithm;
use dev_spire::{DevSpire, Entry, KeyKind};
use mesh::{Identity, IdentityError};
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

const BRIEFLY: Duration = Duration::from_millis(200);

#[tokio::test]
async fn holds_the_svid_its_key_and_the_anchors() {
    let spire = Spire::start().await;
    for (name, kind, algorithm) in [
        ("p256", KeyKind::P256, Algorithm::Es256),
        ("p384", KeyKind::P384, Algorithm::Es384),
        ("rsa", KeyKind::Rsa2048, Algorithm::Ps256),
    ] {
        let mut entry = Entry::new(id(name));
        entry.key = kind;
        let path = spire.socket(entry).await;
        let identity = Identity::connect(Some(&DevSpire::endpoint(&path)), SOON).await.unwrap();
        assert_eq!(identity.id().unwrap(), id(name));
        assert!(identity.is_usable());

        let svid = identity.svid().unwrap();
        let (_, leaf) = X509Certificate::from_der(&svid.chain[0]).unwrap();
        let public = crypto::jose::PublicKey::from_spki(leaf.public_key().raw).unwrap();
        assert_eq!(public, svid.key.public_key());
        let signature = svid.key.sign(algorithm, b"message").unwrap();
        public.verify(algorithm, b"message", &signature).unwrap();
        assert_eq!(i64::try_from(svid.not_after.0).unwrap(), leaf.validity().not_after.timestamp());

        let bundles = identity.bundles().unwrap();
        assert!(bundles.trust_domains().eq([&domain("bank.example")]));
    }
}

#[tokio::test]
async fn tells_of_a_rotation_and_parses_an_svid_once() {
    let spire = Spire::start().await;
    let identity = spire.identity(id("alice")).await;
    let (mut updates, before) = (identity.updates(), identity.svid().unwrap());
    assert!(std::sync::Arc::ptr_eq(&before, &identity.svid().unwrap()));
    spire.api.rotate().unwrap();
    tokio::time::timeout(SOON, updates.changed()).await.unwrap().unwrap();
    assert_ne!(identity.svid().unwrap().x5t, before.x5t);
}

#[tokio::test]
async fn says_that_the_socket_is_missing_and_what_to_do() {
    let error = Identity::connect(Some("unix:///nowhere/api.sock"), BRIEFLY).await.unwrap_err();
    assert!(matches!(error, IdentityError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("unix:///nowhere/api.sock (No such file"), "{error}");
    assert!(error.to_string().contains("start the SPIRE agent or `dasvid dev-spire`"), "{error}");
}

#[tokio::test]
async fn says_that_no_identity_is_issued_and_what_to_do() {
    let spire = Spire::start().await;
    let path = spire.socket(Entry::new(id("alice"))).await;
    spire.api.withdraw(&id("alice"));
    let error = Identity::connect(Some(&DevSpire::endpoint(&path)), BRIEFLY).await.unwrap_err();
    assert!(matches!(error, IdentityError::NotIssued { .. }), "{error}");
    assert!(error.to_string().contains("register an entry"), "{error}");
}

#[tokio::test]
async fn refuses_an_address_that_is_none() {
    let error = Identity::connect(Some("/run/agent.sock"), BRIEFLY).await.unwrap_err();
    assert!(matches!(error, IdentityError::Endpoint { .. }), "{error}");
}

#[tokio::test]
async fn waits_for_an_identity_that_comes_later() {
    let spire = Spire::start().await;
    let path = spire.socket(Entry::new(id("alice"))).await;
    spire.api.outage(Duration::from_millis(150));
    let identity = Identity::connect(Some(&DevSpire::endpoint(&path)), SOON).await.unwrap();
    assert!(identity.is_usable());
}

#[tokio::test]
async fn a_withdrawn_identity_is_not_usable_until_it_is_back() {
    let spire = Spire::start().await;
    let identity = spire.identity(id("alice")).await;
    spire.api.withdraw(&id("alice"));
    eventually("the identity goes", async || !identity.is_usable()).await;
    assert!(matches!(identity.svid(), Err(IdentityError::Withdrawn)));
    assert!(matches!(identity.id(), Err(IdentityError::Withdrawn)));
    spire.api.restore(&id("alice"));
    eventually("the identity is back", async || identity.svid().is_ok()).await;
}
