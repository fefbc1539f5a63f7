//! What the provider remembers: who is logged in, which codes are out, which tokens are dead.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::{
    Algorithm, Client, Person, Settings,
    backchannel::Messenger,
    cookie::{random, same},
    keys::Keys,
};

/// How long a code may wait to be redeemed, in seconds.
pub(crate) const CODE_LIFE: u64 = 60;

/// How long a login page may stay open.
const LOGIN_LIFE: Duration = Duration::from_mins(10);

/// How many of anything are remembered at most.
const CAPACITY: u64 = 100_000;

/// A person's stay at the provider, from login to logout.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) sid: String,
    pub(crate) person: Person,
    pub(crate) auth_time: u64,
}

/// A checked authorization request (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) client: Client,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) login_hint: Option<String>,
}

/// A login page that is open in one browser.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) asked: Asked,
    pub(crate) browser: String,
    pub(crate) csrf: String,
}

/// A logout page that is open in one browser.
#[derive(Debug)]
pub(crate) struct Logout {
    pub(crate) sid: Option<String>,
    pub(crate) browser: String,
    pub(crate) csrf: String,
    pub(crate) next: Option<String>,
}

/// An authorization code and what it stands for. Its access token's `jti` is settled from the start, so that a
/// replay can revoke the token even while the first redemption is still being answered.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) asked: Asked,
    pub(crate) session: Session,
    pub(crate) issued_at: u64,
    pub(crate) jti: String,
    used: AtomicBool,
}

/// What became of a code that was presented.
#[derive(Debug)]
pub(crate) enum Redeemed {
    /// It is good, this once.
    Fresh(Arc<Code>),
    /// It was used before: what it gave is no longer safe.
    Replayed(Arc<Code>),
    /// Nobody has it, or no longer.
    Unknown,
}

/// What an access token is for, whatever its shape lets it say.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) jti: String,
    pub(crate) scope: String,
    pub(crate) sid: Option<String>,
}

/// The provider's state, shared by every request.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) settings: Settings,
    pub(crate) issuer: String,
    pub(crate) port: u16,
    pub(crate) keys: Keys,
    pub(crate) messenger: Messenger,
    /// Who was registered for logouts after the start: client and address.
    registered: RwLock<Vec<(String, String)>>,
    sessions: Cache<String, Session>,
    browsers: Cache<String, String>,
    logins: Cache<String, Arc<Login>>,
    logouts: Cache<String, Arc<Logout>>,
    codes: Cache<String, Arc<Code>>,
    issued: Cache<String, Issued>,
    revoked: Cache<String, ()>,
}

/// The name a token is remembered under.
fn digest(token: &str) -> String {
    BASE64.encode(Sha256::digest(token))
}

fn cache<V: Clone + Send + Sync + 'static>(life: Duration) -> Cache<String, V> {
    Cache::builder().max_capacity(CAPACITY).time_to_live(life).build()
}

impl Provider {
    pub(crate) fn new(settings: Settings, issuer: String, port: u16) -> Self {
        let keys = Keys::start(settings.clients.iter().filter_map(|client| client.alg).chain([settings.alg]));
        // Used codes outlive their tokens, so that a replay still finds what to revoke.
        let remembered = settings.token_life + LOGIN_LIFE;
        Self {
            sessions: cache(settings.session_life),
            browsers: cache(settings.session_life),
            logins: cache(LOGIN_LIFE),
            logouts: cache(LOGIN_LIFE),
            codes: cache(remembered),
            issued: cache(remembered),
            revoked: cache(remembered),
            settings,
            issuer,
            port,
            keys,
            messenger: Messenger::new(),
            registered: RwLock::default(),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.settings.clock.now()
    }

    pub(crate) fn client(&self, id: &str) -> Option<&Client> {
        self.settings.clients.iter().find(|client| client.id == id)
    }

    pub(crate) fn algorithm(&self, client: &Client) -> Algorithm {
        client.alg.unwrap_or(self.settings.alg)
    }

    /// The person with this name, if the password is theirs.
    pub(crate) fn authenticate(&self, name: &str, password: &str) -> Option<&Person> {
        self.person(name).filter(|person| same(&person.password, password))
    }

    pub(crate) fn person(&self, name: &str) -> Option<&Person> {
        self.settings.people.iter().find(|person| person.name == name)
    }

    /// Logs a person in: a new session, of an id that no token shares with a cookie.
    pub(crate) fn begin_session(&self, person: &Person) -> Session {
        let session = Session { sid: random::<18>(), person: person.clone(), auth_time: self.now() };
        self.sessions.insert(session.sid.clone(), session.clone());
        session
    }

    /// The secret a browser keeps for a session.
    pub(crate) fn remember_browser(&self, session: &Session) -> String {
        let secret = random::<32>();
        self.browsers.insert(secret.clone(), session.sid.clone());
        secret
    }

    pub(crate) fn session_of_browser(&self, secret: &str) -> Option<Session> {
        self.session(&self.browsers.get(secret)?)
    }

    pub(crate) fn session(&self, sid: &str) -> Option<Session> {
        let life = self.settings.session_life.as_secs();
        self.sessions.get(sid).filter(|session| self.now() < session.auth_time.saturating_add(life))
    }

    /// Ends a session and returns it, if there was one.
    pub(crate) fn end_session(&self, sid: &str) -> Option<Session> {
        self.sessions.remove(sid)
    }

    /// The sessions of the person called `name`.
    pub(crate) fn sessions_of(&self, name: &str) -> Vec<String> {
        let theirs = self.sessions.iter().filter(|(_, session)| session.person.name == name);
        theirs.map(|(sid, _)| sid.to_string()).collect()
    }

    /// Tells `client` of logouts at `uri`, too.
    pub(crate) fn register(&self, client: &str, uri: &str) {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        registered.push((client.to_owned(), uri.to_owned()));
    }

    /// Who is told of logouts: client and address.
    pub(crate) fn listeners(&self) -> Vec<(String, String)> {
        let of = |client: &Client| {
            let id = client.id.clone();
            client.backchannel_logout_uris.clone().into_iter().map(move |uri| (id.clone(), uri))
        };
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        self.settings.clients.iter().flat_map(of).chain(registered.iter().cloned()).collect()
    }

    pub(crate) fn open_login(&self, asked: Asked) -> (String, Arc<Login>) {
        let login = Arc::new(Login { asked, browser: random::<32>(), csrf: random::<32>() });
        let id = random::<16>();
        self.logins.insert(id.clone(), login.clone());
        (id, login)
    }

    pub(crate) fn login(&self, id: &str) -> Option<Arc<Login>> {
        self.logins.get(id)
    }

    pub(crate) fn close_login(&self, id: &str) {
        self.logins.invalidate(id);
    }

    pub(crate) fn open_logout(&self, sid: Option<String>, next: Option<String>) -> (String, Arc<Logout>) {
        let logout = Arc::new(Logout { sid, browser: random::<32>(), csrf: random::<32>(), next });
        let id = random::<16>();
        self.logouts.insert(id.clone(), logout.clone());
        (id, logout)
    }

    pub(crate) fn take_logout(&self, id: &str, browser: &str, csrf: &str) -> Option<Arc<Logout>> {
        let logout = self.logouts.get(id)?;
        let theirs = same(&logout.browser, browser) && same(&logout.csrf, csrf);
        theirs.then(|| self.logouts.remove(id))?
    }

    pub(crate) fn issue_code(&self, asked: Asked, session: Session) -> String {
        let code = random::<32>();
        let value = Code { asked, session, issued_at: self.now(), jti: random::<16>(), used: AtomicBool::new(false) };
        self.codes.insert(code.clone(), Arc::new(value));
        code
    }

    /// The code, the first time it is asked for; asked for again, it and the token it gave are dead
    /// (RFC 6749 §4.1.2), and so is the login it came from.
    pub(crate) fn redeem(&self, code: &str) -> Redeemed {
        let Some(found) = self.codes.get(code) else { return Redeemed::Unknown };
        if found.used.swap(true, Ordering::AcqRel) {
            tracing::warn!(client = found.asked.client.id, "a code was replayed; what it gave is revoked");
            self.revoked.insert(found.jti.clone(), ());
            return Redeemed::Replayed(found);
        }
        let in_time = self.now() < found.issued_at.saturating_add(CODE_LIFE);
        if in_time { Redeemed::Fresh(found) } else { Redeemed::Unknown }
    }

    pub(crate) fn remember_token(&self, token: &str, issued: Issued) {
        self.issued.insert(digest(token), issued);
    }

    /// What an access token of this provider is for.
    pub(crate) fn issued_token(&self, token: &str) -> Option<Issued> {
        self.issued.get(&digest(token))
    }

    pub(crate) fn is_revoked(&self, jti: &str) -> bool {
        self.revoked.contains_key(jti)
    }
}
