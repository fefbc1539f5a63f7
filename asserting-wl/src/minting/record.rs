//! What is remembered of a mint, and the event that tells of it, in one transaction.

use mesh::Peer;
use serde_json::{Map, Value, json};
use store::{Event, MintRecord, Moment, Person, retry};
use token::claims::RootClaims;
use token::encoding::Digest;
use token::refusal::{Reason, RevokedBy};
use token::revocation::{RevocationQuery, Revocations};
use token::{Chain, Mode};

use super::{MintError, Minter};
use crate::introspection::cut_root_digest;

/// The event's kind in the outbox.
const KIND: &str = "assertion-minted";

/// Records the mint of `root` for `peer` and the event, unless something of it is revoked.
pub(super) async fn commit(
    minter: &Minter,
    root: &Chain,
    peer: &Peer,
    sealed: Option<Vec<u8>>,
) -> Result<(), MintError> {
    let claims = root.root();
    let record = MintRecord { sealed_oauth: sealed, ..mint_record(root) };
    let at = Moment::from_seconds(claims.iat.0);
    let event = Event::new(KIND, subject(claims), payload(root.mode(), claims), Some(claims.txn.to_string()), at);
    retry(|| write(minter, root, peer, &record, &event)).await?;
    tracing::info!(
        mode = root.mode().name(),
        caller = %peer.id,
        dpa = claims.dpa,
        dpr = claims.dpr,
        jti = %claims.jti,
        txn = %claims.txn,
        "minted"
    );
    Ok(())
}

async fn write(
    minter: &Minter,
    root: &Chain,
    peer: &Peer,
    record: &MintRecord,
    event: &Event,
) -> Result<(), MintError> {
    let mut tx = minter.store.begin().await?;
    minter.revocations.catch_up(&mut *tx, minter.clock.now()).await?;
    refuse_revoked(minter, root, peer)?;
    tx.mints().record(record).await?;
    tx.emit(event).await?;
    Ok(tx.commit().await?)
}

/// Refuses to mint for a person, a session or a caller that is revoked.
fn refuse_revoked(minter: &Minter, root: &Chain, peer: &Peer) -> Result<(), MintError> {
    let (peer, peer_x5t, now) = (&peer.id, Digest(peer.x5t), minter.clock.now());
    let query = RevocationQuery { chain: root, signers: &[], peer, peer_x5t, is_unsafe: true, now };
    minter.revocations.check(&query).map_err(|refusal| match refusal.reason {
        // Signed with what an operator took out of use a moment ago; another attempt is signed with what follows it.
        Reason::Revoked(RevokedBy::MintingKey | RevokedBy::MintingTime) => MintError::KeyRetired,
        _ => MintError::Revocation(refusal),
    })
}

fn mint_record(root: &Chain) -> MintRecord {
    let (mode, claims, signed) = (root.mode(), root.root(), root.signed(0));
    // Of R ‖ s, only R is remembered: s is the key that continues the chain.
    let commitment = (mode == Mode::Anonymous).then(|| root.tail(0).first_chunk::<32>().copied()).flatten();
    MintRecord {
        jti: claims.jti.to_string(),
        txn: claims.txn.to_string(),
        mode: mode.name().to_owned(),
        sub: claims.sub.to_string(),
        person: Person::new(&claims.dpa, &claims.dpr),
        sid: claims.sid.clone(),
        aud: claims.aud.iter().map(ToString::to_string).collect(),
        iat: Moment::from_seconds(claims.iat.0),
        exp: Moment::from_seconds(claims.exp.0),
        commitment,
        digest: match &commitment {
            Some(commitment) => cut_root_digest(signed, commitment),
            None => Digest::of(signed).0,
        },
        sealed_oauth: None,
    }
}

/// RFC 9493: the root, its session and its person.
fn subject(claims: &RootClaims) -> Value {
    let mut members = Map::new();
    members.insert("format".into(), "complex".into());
    let token = json!({"format": "jwt_id", "iss": claims.iss.to_string(), "jti": claims.jti.to_string()});
    members.insert("token".into(), token);
    members.insert("user".into(), person(claims));
    if let Some(sid) = &claims.sid {
        members.insert("session".into(), json!({"format": "opaque", "id": sid}));
    }
    members.into()
}

fn person(claims: &RootClaims) -> Value {
    json!({"format": "iss_sub", "iss": claims.dpa, "sub": claims.dpr})
}

fn payload(mode: Mode, claims: &RootClaims) -> Value {
    json!({
        "mode": mode.name(),
        "jti": claims.jti.to_string(),
        "aud": claims.aud.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "iat": claims.iat,
        "exp": claims.exp,
        "actor": {"format": "uri", "uri": claims.sub.to_string()},
        "delegator": person(claims),
        "scope": claims.scope.as_str(),
    })
}
