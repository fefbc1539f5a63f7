//! What an operator does to the keys while replicas run.

use super::operator::{Operator, OperatorError};
use super::*;
use token::revocation::RevocationKey;

fn operator<'a>(store: &'a dyn Store, vault: &'a SealedVault) -> Operator<'a> {
    Operator { store, vault, schedule: SCHEDULE, algorithm: None }
}

/// Keys by state, and what is refused.
async fn seen(store: &dyn Store) -> (Vec<(String, KeyState)>, Vec<String>) {
    let keys = stored(store).await.into_iter().filter(|key| key.kind == "jose").map(|key| (key.kid, key.state));
    let revoked = store.read().await.unwrap().revocations().after(0, NOW, 99).await.unwrap();
    let refused = revoked.into_iter().filter(|one| one.revocation.scope == "minting-key");
    (keys.collect(), refused.flat_map(|one| one.revocation.key).collect())
}

#[tokio::test]
async fn a_rotation_publishes_now_and_signs_later() {
    let (store, vault) = (memory().await, sealed(1));
    let replica = open(&store).await;
    let old = signs(&replica, Kind::Jose, NOW).await;
    let rotation = operator(&*store, &vault).rotate(Kind::Jose, NOW).await.unwrap();
    assert_eq!((rotation.waited, rotation.key.not_before), (false, NOW.plus_seconds(660)));
    let again = operator(&*store, &vault).rotate(Kind::Jose, NOW.plus_seconds(5)).await.unwrap();
    assert_eq!((again.waited, &again.key), (true, &rotation.key), "one waits already");
    assert!(kids(&replica.jwks(None, NOW).await.unwrap()).contains(&rotation.key.kid.as_str()));
    replica.tend(NOW.plus_seconds(659)).await.unwrap();
    assert_eq!(signs(&replica, Kind::Jose, NOW.plus_seconds(659)).await, old);
    replica.tend(NOW.plus_seconds(660)).await.unwrap();
    assert_eq!(signs(&replica, Kind::Jose, NOW.plus_seconds(660)).await, rotation.key.kid);
}

#[tokio::test]
async fn an_emergency_signs_with_a_fresh_key_and_trusts_none_that_waited() {
    let (store, vault) = (memory().await, sealed(1));
    let replica = open(&store).await;
    let old = signs(&replica, Kind::Jose, NOW).await;
    let waited = operator(&*store, &vault).rotate(Kind::Jose, NOW).await.unwrap().key.kid;
    let fresh = operator(&*store, &vault).rotate_now(Kind::Jose, NOW).await.unwrap().key.kid;
    replica.look(NOW).await.unwrap();
    assert_eq!(signs(&replica, Kind::Jose, NOW).await, fresh);
    let (mut keys, refused) = seen(&*store).await;
    keys.sort_by_key(|(kid, _)| *kid != old);
    assert_eq!(keys, [(old, KeyState::Retiring), (fresh.clone(), KeyState::Current)]);
    assert_eq!(refused, [waited], "verifiers may know it already");
}

#[tokio::test]
async fn a_retired_key_is_gone_at_once_and_refused_and_another_signs() {
    for kind in Kind::ALL {
        let (store, vault) = (memory().await, sealed(1));
        let replica = open(&store).await;
        let stolen = signs(&replica, kind, NOW).await;
        let fresh = operator(&*store, &vault).retire(&stolen, NOW).await.unwrap().unwrap().kid;
        assert!(!kids(&replica.jwks(None, NOW).await.unwrap()).contains(&stolen.as_str()));
        assert_eq!(signs(&replica, kind, NOW).await, fresh);
        assert_eq!(seen(&*store).await.1.join(" "), stolen);
        let revoked = store.read().await.unwrap().revocations().after(0, NOW, 9).await.unwrap().remove(0).revocation;
        let key = RevocationKey::from_parts(&revoked.scope, &revoked.key).unwrap();
        assert_eq!(key, RevocationKey::MintingKey(stolen.parse().unwrap()));
        assert_eq!(revoked.expires, NOW.plus_seconds(3660), "no verifier believes old keys for longer");
        let told = store.read().await.unwrap().pending_events(9).await.unwrap();
        assert_eq!(told[0].event.payload["reason"], "key-retired");
    }
}

#[tokio::test]
async fn a_key_that_does_not_sign_is_retired_without_another() {
    let (store, vault) = (memory().await, sealed(1));
    open(&store).await;
    let waiting = operator(&*store, &vault).rotate(Kind::Jose, NOW).await.unwrap().key.kid;
    assert_eq!(operator(&*store, &vault).retire(&waiting, NOW).await.unwrap(), None);
    let (keys, refused) = seen(&*store).await;
    assert_eq!((keys.len(), refused), (1, vec![waiting]));
}

#[tokio::test]
async fn a_sealing_key_follows_another_while_replicas_sign() {
    let key = |byte| SealKey::from_bytes([byte; 32]);
    let store = memory().await;
    let start = async |seal, now| {
        let vault = Arc::new(SealedVault::new(seal));
        Keyring::open(Arc::clone(&store), vault, Algorithm::Es256, SCHEDULE, now).await
    };
    let old = start(key(1), NOW).await.unwrap();
    // Every replica opens with the new key before one of them seals with it.
    let prepared = start(key(1).opening_too(key(2)), NOW).await.unwrap();
    let changed = start(key(2).opening_too(key(1)), NOW).await.unwrap();
    for kind in Kind::ALL {
        assert_eq!(signs(&changed, kind, NOW).await, signs(&old, kind, NOW).await);
    }
    let vault = SealedVault::new(key(2).opening_too(key(1)));
    for kind in Kind::ALL {
        operator(&*store, &vault).rotate_now(kind, NOW).await.unwrap();
    }
    prepared.look(NOW).await.unwrap();
    changed.look(NOW).await.unwrap();
    for kind in Kind::ALL {
        assert_eq!(signs(&prepared, kind, NOW).await, signs(&changed, kind, NOW).await);
    }
    // What the old key sealed is published for as long as a verifier may need it, and then gone.
    assert!(start(key(2), NOW).await.is_err());
    let later = NOW.plus_seconds(life::RETIREMENT + 1);
    changed.tend(later).await.unwrap();
    let alone = start(key(2), later).await.unwrap();
    assert_eq!(signs(&alone, Kind::Jose, later).await, signs(&changed, Kind::Jose, later).await);
    assert!(start(key(1), later).await.is_err());
}

#[tokio::test]
async fn an_operator_with_another_sealing_key_changes_nothing() {
    let (store, wrong) = (memory().await, sealed(2));
    let kid = signs(&open(&store).await, Kind::Jose, NOW).await;
    let before = (stored(&*store).await, seen(&*store).await);
    let operator = operator(&*store, &wrong);
    for refused in [
        operator.rotate(Kind::Jose, NOW).await.err(),
        operator.rotate_now(Kind::Schnorr, NOW).await.err(),
        operator.retire(&kid, NOW).await.err(),
    ] {
        let Some(OperatorError::Keyring(KeyringError::Vault(VaultError::Seal(_)))) = refused else {
            panic!("{refused:?}")
        };
    }
    assert_eq!((stored(&*store).await, seen(&*store).await), before);
}

#[tokio::test]
async fn an_operator_is_told_of_a_key_or_a_store_that_is_none() {
    let (store, vault) = (memory().await, sealed(1));
    let refused = operator(&*store, &vault).rotate(Kind::Jose, NOW).await;
    assert!(matches!(refused, Err(OperatorError::Empty(Kind::Jose))), "{refused:?}");
    open(&store).await;
    let refused = operator(&*store, &vault).retire("nothing", NOW).await;
    assert!(matches!(&refused, Err(OperatorError::Unknown(kid)) if kid == "nothing"), "{refused:?}");
}
