//! Policy: one TOML file a service; no row, no right (tokens.md, "Policy").

use serde::{Deserialize, Serialize};
use spiffe::{SpiffeId, TrustDomain};

use crate::chain::MAX_LINKS;
use crate::mode::Mode;
use crate::path;

mod provenance;
mod text;

pub use provenance::{Proof, Provenance, Verification};

/// Everything a service may be told about who may do what. Unknown keys are errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whose OAuth tokens count (asserting-wl).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issuer: Vec<Issuer>,
    /// Who may mint for whom (asserting-wl).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mint: Vec<Mint>,
    /// What a verifier believes.
    pub accept: Accept,
    /// Whether a verifier also asks for the proof of the identity provider's signature (rule 13).
    pub provenance: Provenance,
    /// What each route requires.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<Route>,
    /// Who besides the chain's own workloads may introspect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub introspect: Vec<Introspect>,
    /// Who besides the chain's own workloads may revoke.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revoke: Vec<Revoke>,
    /// Other trust domains' callers, hops and asserters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub federate: Vec<Federate>,
}

/// An identity provider whose access tokens count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The OAuth `iss`, compared bytewise.
    pub url: String,
    /// How an access token is told from anything else.
    pub profile: Profile,
    /// One of these is required in the token's `aud`.
    pub audience: Vec<String>,
    /// `azp` / `client_id` / `cid`: additionally, never instead; empty asks for none.
    #[serde(default)]
    pub clients: Vec<String>,
    /// The signature algorithms of its access tokens.
    pub algs: Vec<String>,
}

/// How an issuer marks its access tokens, and where they name client and scope. The person is `sub` in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// RFC 9068: header `typ` is `at+jwt`; `client_id`, `scope`.
    Rfc9068,
    /// Keycloak: payload `typ` is `Bearer`; `azp`, `scope`.
    Keycloak,
    /// Okta, a custom authorization server: no header `typ`; `cid`, `scp` as an array.
    Okta,
    /// Microsoft Entra ID, version 2.0: `ver`, `azp` and `azpacr`; `azp`, `scp` as text.
    Entra,
    /// Auth0: `azp` and `scope`, or the RFC 9068 dialect with `client_id`.
    Auth0,
}

/// A caller's right to mint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mint {
    /// The mTLS peer that asks.
    #[serde(with = "text::id")]
    pub caller: SpiffeId,
    /// The issuer of the OAuth token it shows.
    pub issuer: String,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// Where the chain may end.
    #[serde(with = "text::ids")]
    pub audiences: Vec<SpiffeId>,
    /// The modes it may ask for.
    pub modes: Vec<Mode>,
    /// The longest life of a root, in seconds (written `90s`, `2m`); at most 10 minutes.
    #[serde(with = "text::seconds", default = "two_minutes")]
    pub max_life: u64,
}

const fn two_minutes() -> u64 {
    120
}

/// What a verifier believes, and where it stands in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Accept {
    /// Whose roots count.
    #[serde(with = "text::ids")]
    pub asserters: Vec<SpiffeId>,
    /// Which workloads may start a chain.
    #[serde(with = "text::ids")]
    pub subjects: Vec<SpiffeId>,
    /// Which identity providers' people may be acted for.
    pub issuers: Vec<String>,
    /// Which modes are accepted.
    pub modes: Vec<Mode>,
    /// Which mTLS peers may bring a plain or anonymous chain.
    #[serde(with = "text::ids")]
    pub neighbours: Vec<SpiffeId>,
    /// Whose workloads may sign links; empty: only this service's own trust domain.
    #[serde(with = "text::trust_domains")]
    pub trust_domains: Vec<TrustDomain>,
    /// Where this service stands: in the middle of a chain or at its end.
    pub role: Role,
    /// Whether an audience that is this service's whole trust domain covers it.
    pub allow_domain_audience: bool,
    /// The most links a chain may have here, 0…16.
    pub max_links: usize,
    /// A hop before the target: whether it seals anonymous chains.
    pub seal: bool,
    /// How signers' certificates travel.
    pub certs: Certs,
}

impl Default for Accept {
    fn default() -> Self {
        Self {
            asserters: Vec::new(),
            subjects: Vec::new(),
            issuers: Vec::new(),
            modes: vec![Mode::Id],
            neighbours: Vec::new(),
            trust_domains: Vec::new(),
            role: Role::End,
            allow_domain_audience: false,
            max_links: MAX_LINKS,
            seal: false,
            certs: Certs::Inline,
        }
    }
}

/// Where a service stands in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Passes the chain on with a link of its own.
    Hop,
    /// Acts on it.
    End,
}

/// How signers' certificates travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certs {
    /// In `DA-SVID-Certs`.
    Inline,
    /// Left with asserting-wl, fetched by hash.
    ByReference,
}

/// How far a request is bound to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestBinding {
    /// Every link (plain: the root) carries this request's `rqd`.
    EndToEnd,
    /// The last segment does: the previous hop rewrites requests.
    LastHop,
    /// Not looked at; an unsafe method is refused.
    None,
}

/// What a route requires of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRule {
    /// The OAuth scope that must be in the effective scope.
    pub scope: String,
    /// How far the request is bound.
    pub request_binding: RequestBinding,
}

/// A route as policy declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The method; absent: every method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The whole raw path, or everything below one that ends in `/*`.
    pub path: String,
    /// The OAuth scope it needs.
    pub scope: String,
    /// How far the request is bound.
    #[serde(default = "end_to_end")]
    pub request_binding: RequestBinding,
}

const fn end_to_end() -> RequestBinding {
    RequestBinding::EndToEnd
}

impl Route {
    /// What the route requires.
    #[must_use]
    pub fn rule(&self) -> RouteRule {
        RouteRule { scope: self.scope.clone(), request_binding: self.request_binding }
    }
}

impl Policy {
    /// The first route that admits a request; `None` refuses it.
    #[must_use]
    pub fn route(&self, method: &str, target: &str) -> Option<&Route> {
        let path = path::raw_path(target);
        let fits = |route: &&Route| {
            route.method.as_deref().is_none_or(|declared| declared == method) && path::admits(&route.path, path)
        };
        self.route.iter().find(fits)
    }
}

/// A caller that may introspect any chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introspect {
    /// The mTLS peer.
    #[serde(with = "text::id")]
    pub caller: SpiffeId,
    /// Whether it may see the OAuth token's claims, as a proof shows them.
    #[serde(default)]
    pub oauth_claims: bool,
}

/// A caller that may revoke any chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// The mTLS peer.
    #[serde(with = "text::id")]
    pub caller: SpiffeId,
}

/// What workloads of another trust domain may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Federate {
    /// The other trust domain.
    #[serde(with = "text::trust_domain")]
    pub trust_domain: TrustDomain,
    /// Its workloads that may call.
    #[serde(with = "text::ids", default)]
    pub callers: Vec<SpiffeId>,
    /// Whether its workloads may sign links.
    #[serde(default)]
    pub hops: bool,
    /// Its asserters whose roots count.
    #[serde(with = "text::ids", default)]
    pub asserters: Vec<SpiffeId>,
}

#[cfg(test)]
mod tests;
