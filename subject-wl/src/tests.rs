//! The front end seen from a browser, with a real provider and a bank that only counts.

mod attacks;
mod journey;
mod pages;
mod stub;
mod transfers;
pub(crate) mod visitor;

use std::{sync::Arc, time::Duration};

use chassis::{Clock, MockClock};
use dev_idp::{DevIdp, Person, Settings};
use mesh::web::{WebSettings, client};
use reqwest::{Response, header};
use token::{Mode, Timestamp};
use tokio::net::TcpListener;
use url::Url;

use crate::{
    bank::Bank,
    config::{LoginSettings, SessionSettings},
    front::{Front, router},
    guard,
    oidc::Oidc,
    origin::Origin,
    session::Sessions,
    sign_in::{Departures, Logins},
};
use stub::StubBank;
use visitor::{Page, Visitor};

/// A front end and its provider under one clock, on ports of their own.
pub(crate) struct World {
    pub(crate) idp: DevIdp,
    pub(crate) bank: Arc<StubBank>,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) base: Url,
    pub(crate) port: u16,
    pub(crate) client: reqwest::Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// The same with other settings of the provider.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(MockClock::new(Timestamp(1_800_000_000)));
        let told = clock.clone();
        let mut settings = Settings { clock: dev_idp::Clock::new(move || told.now().0), ..Settings::default() };
        change(&mut settings);
        let idp = DevIdp::start(settings).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let base: Url = format!("http://127.0.0.1:{port}/").parse().unwrap();
        let client = client(WebSettings::default()).unwrap();
        let bank = Arc::new(StubBank::default());
        let front = front(&base, idp.issuer(), client.clone(), bank.clone(), clock.clone());
        tokio::spawn(async move { axum::serve(listener, router(front)).await.unwrap() });
        Self { idp, bank, clock, base, port, client }
    }

    pub(crate) fn browser(&self) -> Visitor {
        Visitor::new(self.client.clone(), self.base.clone())
    }

    pub(crate) async fn logged_in(&self, name: &str) -> Visitor {
        let mut browser = self.browser();
        browser.log_in(name, &format!("{name}-pw")).await.unwrap();
        browser
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn at(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    /// The name of one of the front end's cookies.
    pub(crate) fn cookie(&self, name: &str) -> (String, String) {
        ("127.0.0.1".to_owned(), format!("{name}_{}", self.port))
    }
}

pub(crate) fn front(
    base: &Url,
    issuer: &str,
    client: reqwest::Client,
    bank: Arc<dyn Bank>,
    clock: Arc<MockClock>,
) -> Arc<Front> {
    let origin = Origin::of(base);
    Arc::new(Front {
        content_policy: guard::content_policy(issuer),
        sessions: Sessions::new(&SessionSettings::default(), clock.clone()),
        departures: Departures::default(),
        logins: Logins::default(),
        oidc: Oidc::new(
            LoginSettings::new(issuer),
            client,
            clock.clone(),
            origin.at("/callback"),
            origin.at("/signed-out"),
        ),
        bank,
        clock,
        mode: Mode::Id,
        currencies: vec!["USD".to_owned(), "JPY".to_owned()],
        origin,
    })
}

/// A person whose claims attack whoever shows them.
pub(crate) fn mallory() -> Person {
    let name = "\"><script>alert(1)</script>";
    Person { name: name.to_owned(), password: "mallory-pw".to_owned(), ..Person::alice() }
}

/// Logs in by hand up to the point where the provider sends the browser back; the address it is sent to.
pub(crate) async fn about_to_return(world: &World, browser: &mut Visitor) -> Url {
    let away = browser.send(&world.at("/login"), None).await.unwrap();
    let authorize = location(&away);
    let page = browser.send(&authorize, None).await.unwrap();
    let page = Page { url: authorize.clone(), status: page.status(), html: page.text().await.unwrap() };
    let field = |name: &str| {
        let (_, rest) = page.html.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        (name.to_owned(), rest.split('"').next().unwrap().to_owned())
    };
    let fields = [
        field("login"),
        field("csrf"),
        ("username".to_owned(), "alice".to_owned()),
        ("password".to_owned(), "alice-pw".to_owned()),
    ];
    location(&browser.send(&authorize.join("/login").unwrap(), Some(&fields)).await.unwrap())
}

pub(crate) fn location(answer: &Response) -> Url {
    answer.headers()[header::LOCATION].to_str().unwrap().parse().unwrap()
}

/// The fields of the deposit form on its page, filled in.
pub(crate) async fn deposit_fields(browser: &mut Visitor, amount: &str) -> Vec<(String, String)> {
    let page = browser.get("/deposit").await.unwrap();
    let form = page.html.split_once("data-form=\"deposit\"").unwrap().1;
    let field = |name: &str| {
        let (_, rest) = form.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        (name.to_owned(), rest.split('"').next().unwrap().to_owned())
    };
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![field("csrf"), field("key"), own("amount", amount), own("currency", "USD")]
}
