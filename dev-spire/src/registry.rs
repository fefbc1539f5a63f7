//! Who has which identity: the state behind all sockets.

use crate::{
    Authority, AuthorityError, Entry, JwtError, Settings, X509Material, clock,
    jwt::JwtAuthority,
    view::{Bundles, Name, Snapshot},
};
use prost::bytes::Bytes;
use serde_json::{Map, Value};
use spiffe::{SpiffeId, TrustDomain};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The state behind all sockets; every change is published to whoever watches before the call returns.
pub(crate) struct Registry {
    settings: Settings,
    snapshots: watch::Sender<Arc<Snapshot>>,
    state: Mutex<State>,
}

struct State {
    authority: Authority,
    jwt: JwtAuthority,
    /// Anchors (DER) of foreign trust domains.
    foreign: HashMap<TrustDomain, Vec<Vec<u8>>>,
    identities: HashMap<Name, Issued>,
    available: bool,
}

struct Issued {
    entry: Entry,
    svid: Arc<X509Material>,
    withdrawn: bool,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Registry {
    pub(crate) fn new(settings: Settings) -> Result<Self, AuthorityError> {
        let state = State {
            authority: Authority::new(settings.clone())?,
            jwt: JwtAuthority::new(settings.trust_domain.clone()).map_err(|_| AuthorityError::Key)?,
            foreign: HashMap::new(),
            identities: HashMap::new(),
            available: true,
        };
        Ok(Self { settings, snapshots: watch::Sender::default(), state: Mutex::new(state) })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Issues an identity, or issues it anew: whoever watches it goes on watching.
    pub(crate) fn enter(&self, entry: Entry) -> Result<Name, AuthorityError> {
        let mut state = self.state();
        let svid = Arc::new(state.authority.issue(&entry)?);
        let name = Name { id: entry.id.clone(), hint: entry.hint.clone() };
        state.identities.insert(name.clone(), Issued { entry, svid, withdrawn: false });
        self.publish(&state);
        Ok(name)
    }

    /// What there is to hand out, now and from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    pub(crate) fn reissue(&self) -> Result<(), AuthorityError> {
        let mut state = self.state();
        let State { authority, identities, .. } = &mut *state;
        for issued in identities.values_mut() {
            issued.svid = Arc::new(authority.issue(&issued.entry)?);
        }
        self.publish(&state);
        Ok(())
    }

    pub(crate) fn prepare_ca(&self) -> Result<(), AuthorityError> {
        let mut state = self.state();
        state.authority.prepare()?;
        self.publish(&state);
        Ok(())
    }

    pub(crate) fn activate_ca(&self) -> Result<(), AuthorityError> {
        {
            let mut state = self.state();
            state.authority.activate();
            state.jwt.rotate().map_err(|_| AuthorityError::Key)?;
        }
        self.reissue()
    }

    pub(crate) fn forget_old_cas(&self) {
        let mut state = self.state();
        state.authority.forget_old();
        state.jwt.forget_old();
        self.publish(&state);
    }

    pub(crate) fn set_available(&self, available: bool) {
        let mut state = self.state();
        state.available = available;
        self.publish(&state);
    }

    pub(crate) fn set_withdrawn(&self, id: &SpiffeId, withdrawn: bool) {
        let mut state = self.state();
        for (_, issued) in state.identities.iter_mut().filter(|(name, _)| name.id == *id) {
            issued.withdrawn = withdrawn;
        }
        self.publish(&state);
    }

    pub(crate) fn federate(&self, trust_domain: TrustDomain, anchors: Vec<Vec<u8>>) {
        let mut state = self.state();
        state.foreign.insert(trust_domain, anchors);
        self.publish(&state);
    }

    pub(crate) fn bundle(&self) -> Vec<Vec<u8>> {
        self.state().authority.bundle()
    }

    pub(crate) fn issue_jwt(&self, id: &SpiffeId, audience: &[String]) -> Result<String, JwtError> {
        let now = clock::now();
        let exp = (now + self.settings.jwt_ttl).unix_timestamp();
        self.state().jwt.issue(id, audience, now.unix_timestamp(), exp)
    }

    pub(crate) fn validate_jwt(
        &self,
        token: &str,
        audience: &str,
        now: i64,
    ) -> Result<(SpiffeId, Map<String, Value>), JwtError> {
        self.state().jwt.validate(token, audience, now)
    }

    fn publish(&self, state: &State) {
        self.snapshots.send_replace(Arc::new(state.snapshot()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn snapshot(&self) -> Snapshot {
        let issued = self.identities.iter().filter(|(_, issued)| !issued.withdrawn);
        Snapshot {
            available: self.available,
            svids: issued.map(|(name, issued)| (name.clone(), issued.svid.clone())).collect(),
            bundles: Arc::new(self.bundles()),
        }
    }

    fn bundles(&self) -> Bundles {
        let own = self.authority.trust_domain();
        let all = self.foreign.iter().map(|(domain, anchors)| (domain, anchors.as_slice()));
        let bundle = self.authority.bundle();
        let all = all.chain([(own, bundle.as_slice())]);
        Bundles {
            x509: all.map(|(domain, anchors)| (domain.id_string(), Bytes::from(anchors.concat()))).collect(),
            jwt: [(own.id_string(), Bytes::from(self.jwt.bundle()))].into(),
        }
    }
}
