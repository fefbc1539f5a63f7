//! The configurations the demo's workloads run with: the same TOML a process of its own would read.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use token::policy::Certs;

use super::Settings;
use super::home::Home;
use crate::place::{Endpoint, Verification};

/// What every configuration needs to know.
pub(super) struct Plan<'a> {
    home: &'a Home,
    issuer: &'a str,
    middle_tiers: u8,
    verification: Verification,
    idp_alg: &'static str,
    certs: &'static str,
    target_store: Option<&'a str>,
    /// Where asserting-wl listens, once it does.
    pub(super) asserting_url: String,
}

impl<'a> Plan<'a> {
    pub(super) fn new(home: &'a Home, issuer: &'a str, settings: &'a Settings) -> Self {
        Self {
            home,
            issuer,
            middle_tiers: settings.middle_tiers,
            verification: settings.verification,
            idp_alg: settings.idp_alg.name(),
            certs: match settings.certs {
                Certs::Inline => "inline",
                Certs::ByReference => "by-reference",
            },
            target_store: settings.target_store.as_deref(),
            asserting_url: String::new(),
        }
    }

    pub(super) fn asserting(&self, listen: SocketAddr, logouts: SocketAddr) -> String {
        let (issuer, store) = (self.issuer, self.home.database("asserting-wl"));
        let mut text = format!(
            r#"{identity}
[listen]
address = "{listen}"

[logout]
listen = "{logouts}"
audience = ["bank-web"]

[store]
url = "{store}"

[zkp]
at = "{at}"

[[policy.issuer]]
url = "{issuer}"
profile = "rfc9068"
audience = ["asserting-wl"]
clients = ["bank-web", "bank-cli"]
algs = {algs:?}
"#,
            algs = Vec::from_iter(BTreeSet::from(["RS256", "ES256", self.idp_alg])),
            at = if self.verification == Verification::Embedded { "mint" } else { "introspect" },
            identity = self.identity("asserting-wl"),
        );
        let asks = self.verification == Verification::Introspect;
        let hops = (1..=self.middle_tiers).filter(|_| asks).map(|number| format!("middle-tier-{number}"));
        let end = asks.then(|| "target-wl".to_owned());
        for caller in ["cli".to_owned()].into_iter().chain(hops).chain(end) {
            // Cannot fail: writing to a String does not.
            let _ = write!(
                text,
                "\n[[policy.introspect]]\ncaller = \"spiffe://bank.example/{caller}\"\noauth_claims = true\n"
            );
        }
        for caller in ["subject-wl", "cli"] {
            // Cannot fail: writing to a String does not.
            let _ = write!(
                text,
                r#"
[[policy.mint]]
caller = "spiffe://bank.example/{caller}"
issuer = "{issuer}"
scopes = ["accounts.read", "payments.write"]
audiences = ["spiffe://bank.example/target-wl"]
modes = ["plain", "id", "anonymous"]
max_life = "2m"
"#
            );
        }
        text
    }

    pub(super) fn target(&self, listen: SocketAddr) -> String {
        let neighbours: Vec<_> =
            (1..=self.middle_tiers).map(|number| format!("spiffe://bank.example/middle-tier-{number}")).collect();
        format!(
            r#"{identity}
[listen]
address = "{listen}"

{asserting}
[store]
{store}

{accept}neighbours = {neighbours:?}
role = "end"
{provenance}"#,
            identity = self.identity("target-wl"),
            asserting = self.asserting_section(),
            store = self
                .target_store
                .map_or_else(|| format!("url = {:?}", self.home.database("target-wl")), ToOwned::to_owned),
            accept = self.accept(),
            provenance = self.provenance(),
        )
    }

    pub(super) fn middle_tier(&self, number: u8, listen: SocketAddr, next: &Endpoint) -> String {
        let neighbours: Vec<_> = match number {
            1 => ["subject-wl", "cli"].map(|name| format!("spiffe://bank.example/{name}")).to_vec(),
            _ => vec![format!("spiffe://bank.example/middle-tier-{}", number - 1)],
        };
        format!(
            r#"{identity}
[listen]
address = "{listen}"

{asserting}
[next]
url = "{url}"
id = "{id}"

{accept}neighbours = {neighbours:?}
role = "hop"
seal = {seal}
{provenance}
[[policy.route]]
method = "GET"
path = "/v1/*"
scope = "accounts.read"
request_binding = "end-to-end"

[[policy.route]]
method = "POST"
path = "/v1/*"
scope = "payments.write"
request_binding = "end-to-end"
"#,
            identity = self.identity(&format!("middle-tier-{number}")),
            asserting = self.asserting_section(),
            url = next.url,
            id = next.id,
            accept = self.accept(),
            seal = number == self.middle_tiers,
            provenance = self.provenance(),
        )
    }

    pub(super) fn subject(&self, listen: SocketAddr, next: &Endpoint) -> String {
        format!(
            r#"{identity}
[web]
listen = "{listen}"

[login]
issuer = "{issuer}"

{asserting}
[bank]
target = "spiffe://bank.example/target-wl"
certs = "{certs}"

[bank.next_hop]
url = "{url}"
id = "{id}"
"#,
            identity = self.identity("subject-wl"),
            certs = self.certs,
            issuer = self.issuer,
            asserting = self.asserting_section(),
            url = next.url,
            id = next.id,
        )
    }

    fn identity(&self, name: &str) -> String {
        format!("[identity]\nsocket = \"{}\"\n", self.home.socket(name))
    }

    fn asserting_section(&self) -> String {
        format!("[asserting]\nurl = \"{}\"\nid = \"spiffe://bank.example/asserting-wl\"\n", self.asserting_url)
    }

    /// What services demand of the proof of the OAuth signature.
    const fn provenance(&self) -> &'static str {
        match self.verification {
            Verification::Offline => "",
            Verification::Introspect => {
                "\n[policy.provenance]\nverification = \"introspect\"\noauth_audience = [\"asserting-wl\"]\n"
            }
            Verification::Embedded => {
                "\n[policy.provenance]\nproof = \"embedded\"\noauth_audience = [\"asserting-wl\"]\n"
            }
        }
    }

    fn accept(&self) -> String {
        format!(
            r#"[policy.accept]
asserters = ["spiffe://bank.example/asserting-wl"]
subjects = ["spiffe://bank.example/subject-wl", "spiffe://bank.example/cli"]
issuers = ["{}"]
modes = ["plain", "id", "anonymous"]
certs = "{}"
"#,
            self.issuer, self.certs
        )
    }
}
