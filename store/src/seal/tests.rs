//! Sealing, and the life of the key file.

use tempfile::TempDir;

use super::*;

fn key() -> SealKey {
    SealKey::from_bytes([7; KEY_BYTES])
}

#[test]
fn opens_what_it_sealed() {
    for text in [b"".as_slice(), b"secret", &[0; 4096]] {
        let sealed = key().seal(b"kid", text).unwrap();
        assert_eq!(sealed.len(), NONCE_LEN + text.len() + MAX_TAG_LEN);
        assert_eq!(key().open(b"kid", &sealed).unwrap().as_slice(), text);
    }
}

#[test]
fn never_seals_alike() {
    assert_ne!(key().seal(b"kid", b"secret").unwrap(), key().seal(b"kid", b"secret").unwrap());
}

#[test]
fn refuses_another_context_key_or_text() {
    let sealed = key().seal(b"kid", b"secret").unwrap();
    assert!(matches!(key().open(b"other", &sealed), Err(SealError::Open)));
    assert!(matches!(SealKey::from_bytes([8; KEY_BYTES]).open(b"kid", &sealed), Err(SealError::Open)));
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(matches!(key().open(b"kid", &changed), Err(SealError::Open)), "{index}");
        assert!(matches!(key().open(b"kid", &sealed[..index]), Err(SealError::Open)), "{index}");
    }
}

#[test]
fn opens_for_another_key_and_seals_with_its_own_only() {
    let other = || SealKey::from_bytes([8; KEY_BYTES]);
    let (old, new) = (other().seal(b"kid", b"old").unwrap(), key().seal(b"kid", b"new").unwrap());
    let both = key().opening_too(other());
    assert_eq!(both.open(b"kid", &old).unwrap().as_slice(), b"old");
    assert_eq!(both.open(b"kid", &new).unwrap().as_slice(), b"new");
    assert!(matches!(both.open(b"other", &old), Err(SealError::Open)));
    let sealed = both.seal(b"kid", b"secret").unwrap();
    assert_eq!(key().open(b"kid", &sealed).unwrap().as_slice(), b"secret");
    assert!(matches!(other().open(b"kid", &sealed), Err(SealError::Open)));
    let third = SealKey::from_bytes([9; KEY_BYTES]).opening_too(both);
    assert_eq!(third.open(b"kid", &old).unwrap().as_slice(), b"old");
}

#[test]
fn makes_a_key_file_for_its_owner_only_and_reads_it_again() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/bank.db?mode=rwc", folder.path().display());
    let sealed = SealKey::for_store(&url, None).unwrap().seal(b"", b"secret").unwrap();
    let path = folder.path().join("bank.db.key");
    let metadata = std::fs::metadata(&path).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o7777, metadata.len()), (0o600, 32));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    assert_eq!(SealKey::for_store(&url, None).unwrap().open(b"", &sealed).unwrap().as_slice(), b"secret");
    assert_eq!(SealKey::for_store("postgres://db", Some(&path)).unwrap().open(b"", &sealed).unwrap().len(), 6);
}

#[test]
fn processes_that_start_together_agree_on_the_key() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    let keys: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..16).map(|_| scope.spawn(|| SealKey::read_or_create(&path).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let sealed = keys[0].seal(b"", b"secret").unwrap();
    assert!(keys.iter().all(|key| key.open(b"", &sealed).is_ok()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn refuses_a_key_file_that_is_not_32_bytes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    for length in [0, 31, 33, 4096] {
        std::fs::write(&path, vec![1; length]).unwrap();
        assert!(matches!(SealKey::read_or_create(&path), Err(SealError::Length(_))), "{length}");
    }
}

#[test]
fn refuses_a_given_key_file_that_is_not_there() {
    let folder = TempDir::new().unwrap();
    let given = folder.path().join("none");
    assert!(matches!(SealKey::for_store("memory:", Some(&given)), Err(SealError::File { .. })));
    assert!(!given.exists());
}

#[test]
fn refuses_to_make_up_a_key_for_a_shared_store() {
    assert!(matches!(SealKey::for_store("postgres://db", None), Err(SealError::Missing)));
}

#[test]
fn tells_nothing_when_printed() {
    assert_eq!(format!("{:?}", key()), "SealKey(..)");
}
