//! The first link: this workload hands the root on, for one request, towards one target.

use mesh::Svid;
use spiffe::SpiffeId;
use token::{
    Chain, Timestamp,
    claims::{Only, TokenId},
    encoding::Digest,
    hop::{self, Extension, HopError, Signer},
};

use super::{BankError, call::Call};
use crate::random;
use crypto::schoco;

/// Where chains go.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) next: SpiffeId,
    pub(crate) target: SpiffeId,
    /// How long a link lives, in seconds.
    pub(crate) life: u64,
}

impl Route {
    /// What the first link says: this request, this target, this amount, nothing else.
    fn extension(&self, call: &Call, rqd: Digest) -> Extension {
        let only = Only {
            scope: Some(vec![call.scope.to_owned()]),
            methods: Some(vec![call.method.to_string()]),
            paths: Some(vec![call.path.to_owned()]),
            aud: Some(vec![self.target.clone()]),
            max_amount: call.amount.clone(),
            ..Only::default()
        };
        Extension { next: Some(self.next.clone()), only: Some(only), rqd: Some(rqd), seal: false, life: self.life }
    }
}

fn unmade(error: &HopError) -> BankError {
    BankError::Chain(error.to_string())
}

/// An ID chain with this workload's signed link, for the next hop by name.
pub(crate) fn signed(
    root: &Chain,
    svid: &Svid,
    route: &Route,
    call: &Call,
    now: Timestamp,
) -> Result<String, BankError> {
    let signer = Signer { id: &svid.id, key: &svid.key, x5t: Digest(svid.x5t), not_after: svid.not_after };
    let extension = route.extension(call, call.rqd()?);
    hop::extend_id(root, &signer, &extension, TokenId(random::bytes()), now).map_err(|error| unmade(&error))
}

/// An anonymous chain with a link that names nobody; sealed when the next hop is the target.
pub(crate) fn anonymous(
    root: &Chain,
    key: &schoco::RootKey,
    route: &Route,
    call: &Call,
    now: Timestamp,
) -> Result<String, BankError> {
    let extension = Extension { seal: route.next == route.target, ..route.extension(call, call.rqd()?) };
    loop {
        let (jti, fresh) = (TokenId(random::bytes()), random::bytes());
        match hop::extend_anonymous(root, key, &extension, jti, &fresh, now) {
            Err(HopError::DrawAgain) => {}
            other => return other.map_err(|error| unmade(&error)),
        }
    }
}
