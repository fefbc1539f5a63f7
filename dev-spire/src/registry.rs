//! Who has which identity: the state behind all sockets.

use crate::{
    Authority, AuthorityError, Entry, JwtError, Settings, X509Material, clock,
    jwt::JwtAuthority,
    view::{Bundles, View},
};
use prost::bytes::Bytes;
use serde_json::{Map, Value};
use spiffe::{SpiffeId, TrustDomain};
use std::{
    collections::{HashMap, hash_map},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The state behind all sockets; every change is published to the identities' watchers before the call returns.
pub(crate) struct Registry {
    settings: Settings,
    state: Mutex<State>,
}

struct State {
    authority: Authority,
    jwt: JwtAuthority,
    /// Anchors (DER) of foreign trust domains.
    foreign: HashMap<TrustDomain, Vec<Vec<u8>>>,
    identities: HashMap<SpiffeId, Issued>,
    available: bool,
}

struct Issued {
    entry: Entry,
    svid: Arc<X509Material>,
    withdrawn: bool,
    views: watch::Sender<View>,
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
        Ok(Self { settings, state: Mutex::new(state) })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Issues an identity, or issues it anew, and returns what its socket watches.
    pub(crate) fn enter(&self, entry: Entry) -> Result<watch::Receiver<View>, AuthorityError> {
        let mut state = self.state();
        let svid = Arc::new(state.authority.issue(&entry)?);
        let id = entry.id.clone();
        let issued = Issued { entry, svid, withdrawn: false, views: watch::Sender::new(View::Unavailable) };
        let views = match state.identities.entry(id.clone()) {
            hash_map::Entry::Occupied(mut known) => {
                // Whoever watches goes on watching.
                let views = known.get().views.clone();
                known.insert(Issued { views: views.clone(), ..issued });
                views
            }
            hash_map::Entry::Vacant(free) => free.insert(issued).views.clone(),
        };
        state.publish(Some(&id));
        Ok(views.subscribe())
    }

    pub(crate) fn reissue(&self) -> Result<(), AuthorityError> {
        let mut state = self.state();
        let State { authority, identities, .. } = &mut *state;
        for issued in identities.values_mut() {
            issued.svid = Arc::new(authority.issue(&issued.entry)?);
        }
        state.publish(None);
        Ok(())
    }

    pub(crate) fn prepare_ca(&self) -> Result<(), AuthorityError> {
        let mut state = self.state();
        state.authority.prepare()?;
        state.publish(None);
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
        state.publish(None);
    }

    pub(crate) fn set_available(&self, available: bool) {
        let mut state = self.state();
        state.available = available;
        state.publish(None);
    }

    pub(crate) fn set_withdrawn(&self, id: &SpiffeId, withdrawn: bool) {
        let mut state = self.state();
        if let Some(issued) = state.identities.get_mut(id) {
            issued.withdrawn = withdrawn;
        }
        state.publish(Some(id));
    }

    pub(crate) fn federate(&self, trust_domain: TrustDomain, anchors: Vec<Vec<u8>>) {
        let mut state = self.state();
        state.foreign.insert(trust_domain, anchors);
        state.publish(None);
    }

    pub(crate) fn bundle(&self) -> Vec<Vec<u8>> {
        self.state().authority.bundle().to_vec()
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells the watchers of one identity, or of all.
    fn publish(&self, only: Option<&SpiffeId>) {
        let bundles = Arc::new(self.bundles());
        for (id, issued) in &self.identities {
            if only.is_some_and(|only| only != id) {
                continue;
            }
            let view = match (self.available, issued.withdrawn) {
                (false, _) => View::Unavailable,
                (true, true) => View::Withdrawn,
                (true, false) => View::Issued(issued.svid.clone(), bundles.clone()),
            };
            issued.views.send_replace(view);
        }
    }

    fn bundles(&self) -> Bundles {
        let own = self.authority.trust_domain();
        let all = self.foreign.iter().map(|(domain, anchors)| (domain, anchors.as_slice()));
        let all = all.chain([(own, self.authority.bundle())]);
        Bundles {
            x509: all.map(|(domain, anchors)| (domain.id_string(), Bytes::from(anchors.concat()))).collect(),
            jwt: [(own.id_string(), Bytes::from(self.jwt.bundle()))].into(),
        }
    }
}
