//! Who is logged in: sessions kept on this side, of which the browser holds only a random name.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use chassis::{Clock, Metrics};
use moka::sync::Cache;
use openidconnect::core::CoreIdToken;
use prometheus_client::metrics::gauge::Gauge;
use sha2::{Digest, Sha256};
use token::{Mode, Timestamp};
use wire::bank::{DepositRequest, TransferRequest};

use crate::{bank::Holder, config::SessionSettings, random};

/// The cookie that names a session.
pub(crate) const COOKIE: &str = "bank_session";

/// How many forms of one session are remembered.
const MAX_FORMS: usize = 64;

/// What the provider said about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// The provider, and the person's name there: the pair is the person.
    pub(crate) iss: String,
    pub(crate) sub: String,
    /// For greeting only.
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    /// When they last typed their password.
    pub(crate) auth_time: Option<Timestamp>,
}

/// One login in one browser.
pub(crate) struct Session {
    pub(crate) person: Person,
    pub(crate) csrf: String,
    pub(crate) holder: Holder,
    pub(crate) id_token: CoreIdToken,
    pub(crate) began: Timestamp,
    seen: AtomicU64,
    state: Mutex<State>,
}

/// What the person chose and did.
#[derive(Debug)]
struct State {
    mode: Mode,
    flash: Option<String>,
    forms: VecDeque<(String, Arc<Form>)>,
}

/// What a form orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Deposit(DepositRequest),
    Transfer(TransferRequest),
}

/// One form: sent twice, it is one order.
#[derive(Debug)]
pub(crate) struct Form {
    order: Order,
    /// Once it is carried out, what the person was told.
    pub(crate) done: tokio::sync::Mutex<Option<String>>,
}

/// The form was sent before with another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the form was sent before with another order")]
pub(crate) struct FormChanged;

impl Session {
    pub(crate) fn new(person: Person, holder: Holder, id_token: CoreIdToken, mode: Mode, now: Timestamp) -> Self {
        Self {
            person,
            csrf: random::name::<32>(),
            holder,
            id_token,
            began: now,
            seen: AtomicU64::new(now.0),
            state: Mutex::new(State { mode, flash: None, forms: VecDeque::new() }),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half-done in here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn mode(&self) -> Mode {
        self.state().mode
    }

    pub(crate) fn set_mode(&self, mode: Mode) {
        self.state().mode = mode;
    }

    /// Leaves a line for the next page.
    pub(crate) fn say(&self, line: String) {
        self.state().flash = Some(line);
    }

    /// The line left for this page.
    pub(crate) fn hear(&self) -> Option<String> {
        self.state().flash.take()
    }

    /// The form called `key`: the one already sent, or a new one.
    pub(crate) fn form(&self, key: &str, order: &Order) -> Result<Arc<Form>, FormChanged> {
        let mut state = self.state();
        if let Some((_, form)) = state.forms.iter().find(|(known, _)| known == key) {
            return if form.order == *order { Ok(form.clone()) } else { Err(FormChanged) };
        }
        if state.forms.len() >= MAX_FORMS {
            state.forms.pop_front();
        }
        let form = Arc::new(Form { order: order.clone(), done: tokio::sync::Mutex::new(None) });
        state.forms.push_back((key.to_owned(), form.clone()));
        Ok(form)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("began", &self.began).finish_non_exhaustive()
    }
}

/// All sessions. Looked up by the hash of what the browser holds, so that nothing in here lets anybody in.
pub(crate) struct Sessions {
    clock: Arc<dyn Clock>,
    settings: SessionSettings,
    known: Cache<[u8; 32], Arc<Session>>,
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

impl Sessions {
    pub(crate) fn new(settings: &SessionSettings, clock: Arc<dyn Clock>) -> Self {
        let known = Cache::builder()
            .max_capacity(settings.max)
            .time_to_idle(settings.idle.0)
            .time_to_live(settings.absolute.0)
            .build();
        Self { clock, settings: settings.clone(), known }
    }

    /// The same sessions, whose number `metrics` shows.
    pub(crate) fn measured(self, metrics: &Metrics) -> Self {
        let open: Gauge = metrics.register("sessions", "Sessions of people who are signed in", Gauge::default());
        let known = self.known.clone();
        metrics.before_each_scrape(move || {
            known.run_pending_tasks();
            open.set(i64::try_from(known.entry_count()).unwrap_or(i64::MAX));
        });
        self
    }

    /// Remembers a session under a new name, which is returned for the browser to keep.
    pub(crate) fn open(&self, session: Session) -> String {
        let secret = random::name::<32>();
        self.known.insert(hash(&secret), Arc::new(session));
        secret
    }

    /// The session of that name, unless it idled or lasted too long.
    pub(crate) fn find(&self, secret: &str) -> Option<Arc<Session>> {
        let key = hash(secret);
        let session = self.known.get(&key)?;
        let now = self.clock.now();
        let idle = now.since(Timestamp(session.seen.load(Ordering::Relaxed)));
        if idle >= self.settings.idle.0.as_secs() || now.since(session.began) >= self.settings.absolute.0.as_secs() {
            self.known.invalidate(&key);
            return None;
        }
        session.seen.store(now.0, Ordering::Relaxed);
        Some(session)
    }

    /// Forgets the session of that name.
    pub(crate) fn close(&self, secret: &str) {
        self.known.invalidate(&hash(secret));
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("count", &self.known.entry_count()).finish_non_exhaustive()
    }
}
