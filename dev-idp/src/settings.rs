//! What a provider is started with: its people, its clients and how it signs.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use crate::{Algorithm, Clock, Shape};

/// Everything [`crate::DevIdp::start`] needs; the default is the bank's provider on a free port.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; anything but a loopback address is refused. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Any address is listened on: for a container whose port is published on loopback.
    pub danger_listen_anywhere: bool,
    /// The same over https, for whoever is told to go there in place of loopback.
    pub https: Option<Https>,
    /// The `iss` of every token; `http://`, the bound address and the shape's path unless given.
    pub issuer: Option<String>,
    /// Whose tokens are imitated.
    pub shape: Shape,
    /// Who can log in.
    pub people: Vec<Person>,
    /// Who may ask for tokens.
    pub clients: Vec<Client>,
    /// The `aud` of access tokens.
    pub audience: Vec<String>,
    /// How tokens are signed unless their client says otherwise.
    pub alg: Algorithm,
    /// How long access and ID tokens live.
    pub token_life: Duration,
    /// How long a person stays logged in at the provider.
    pub session_life: Duration,
    /// What time it is.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            danger_listen_anywhere: false,
            https: None,
            issuer: None,
            shape: Shape::Rfc9068,
            people: vec![Person::alice(), Person::bob()],
            clients: vec![Client::bank_web(), Client::bank_cli(), Client::asserting_wl()],
            audience: vec!["asserting-wl".to_owned()],
            alg: Algorithm::Es256,
            token_life: Duration::from_mins(5),
            session_life: Duration::from_hours(8),
            clock: Clock::system(),
        }
    }
}

/// A listener with TLS.
#[derive(Clone)]
pub struct Https {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Certificates, leaf first, PEM.
    pub certificates: Vec<u8>,
    /// Their key, PEM.
    pub key: Vec<u8>,
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// Someone who can log in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The `sub` of their tokens.
    pub sub: String,
    /// What they type as their name.
    pub name: String,
    /// What they type as their password; shown on the login page.
    pub password: String,
    /// Their e-mail address, for the scope `email`.
    pub email: String,
}

impl Person {
    /// The first demo person.
    #[must_use]
    pub fn alice() -> Self {
        Self::demo("alice", "a11ce000-0000-4000-8000-000000000001")
    }

    /// The second demo person.
    #[must_use]
    pub fn bob() -> Self {
        Self::demo("bob", "b0b00000-0000-4000-8000-000000000002")
    }

    fn demo(name: &str, sub: &str) -> Self {
        Self {
            sub: sub.to_owned(),
            name: name.to_owned(),
            password: format!("{name}-pw"),
            email: format!("{name}@bank.example"),
        }
    }
}

/// How a client may come by a token (RFC 6749 §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Through the browser, with PKCE.
    AuthorizationCode,
    /// For itself, with its secret.
    ClientCredentials,
    /// With a person's password, for tests.
    Password,
}

impl Grant {
    /// The `grant_type` on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
        }
    }
}

/// An application that may ask for tokens.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its secret; a client without one is public and must use PKCE.
    pub secret: Option<String>,
    /// Where codes may be sent, compared exactly; on loopback the port is free (RFC 8252 §7.3).
    pub redirect_uris: Vec<String>,
    /// Where a browser may be sent after logout, compared likewise.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it wants to be told of logouts (OpenID Connect Back-Channel Logout 1.0 §2.2).
    pub backchannel_logout_uris: Vec<String>,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// The grants it may use.
    pub grants: Vec<Grant>,
    /// How its tokens are signed, if not as the provider's others.
    pub alg: Option<Algorithm>,
}

/// Every scope the bank knows.
const BANK_SCOPES: [&str; 5] = ["openid", "profile", "email", "accounts.read", "payments.write"];

impl Client {
    /// The bank's web front end: public, code flow with PKCE, any loopback port.
    #[must_use]
    pub fn bank_web() -> Self {
        let on_loopback = |path: &str| {
            ["127.0.0.1", "[::1]", "localhost"].iter().map(|host| format!("http://{host}{path}")).collect()
        };
        Self {
            id: "bank-web".to_owned(),
            secret: None,
            redirect_uris: on_loopback("/callback"),
            post_logout_redirect_uris: on_loopback("/signed-out"),
            backchannel_logout_uris: Vec::new(),
            scopes: BANK_SCOPES.map(str::to_owned).to_vec(),
            grants: vec![Grant::AuthorizationCode],
            alg: None,
        }
    }

    /// The tests' client: public, direct grant.
    #[must_use]
    pub fn bank_cli() -> Self {
        Self {
            id: "bank-cli".to_owned(),
            secret: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uris: Vec::new(),
            scopes: BANK_SCOPES.map(str::to_owned).to_vec(),
            grants: vec![Grant::Password],
            alg: None,
        }
    }

    /// asserting-wl as an OAuth client of its own: confidential, client credentials.
    #[must_use]
    pub fn asserting_wl() -> Self {
        Self {
            id: "asserting-wl".to_owned(),
            secret: Some("asserting-wl-secret".to_owned()),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uris: Vec::new(),
            scopes: vec!["accounts.read".to_owned()],
            grants: vec![Grant::ClientCredentials],
            alg: None,
        }
    }

    pub(crate) fn may_use(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// Whether every scope of the space-separated list is one this client may ask for.
    pub(crate) fn may_ask(&self, scope: &str) -> bool {
        scope.split(' ').all(|one| one.is_empty() || self.scopes.iter().any(|known| known == one))
    }
}
