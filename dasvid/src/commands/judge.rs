//! Judging a chain as a service would, with what the command line says to believe.

use std::collections::HashMap;

use anyhow::Context as _;
use spiffe::SpiffeId;
use token::policy::{Policy, RequestBinding, Role};
use token::{
    Accept, Arrival, Bundles, Certificates, Chain, Fetched, Mode, Reason, Refusal, Request, RevocationTable, RootKeys,
    RouteRule, Timestamp, Trust, Verifier,
};

use super::mint::connect;
use crate::cli::Believe;
use crate::input::{self, ChainFile};
use crate::outgoing::Outgoing;
use crate::{folder, teller};

/// What came of it.
pub(super) enum Verdict {
    /// There is nothing to check signatures with.
    Unchecked,
    /// Every rule that was asked for holds.
    Believed,
    /// One does not.
    Refused(Refusal),
}

/// Judges a chain whose form is good.
pub(super) async fn judge(file: &ChainFile, chain: &Chain, believe: &Believe) -> anyhow::Result<Verdict> {
    let Some(trust) = trust(chain, believe).await? else { return Ok(Verdict::Unchecked) };
    let me = believe.me.clone().unwrap_or_else(|| last_audience(chain).clone());
    let peer = believe.peer.clone().unwrap_or_else(|| last_signer(chain).clone());
    let verifier = Verifier::new(me, accept(chain, believe, &trust, &peer)?);
    let now = believe.at.map_or_else(teller::now, Timestamp);
    let judged = match &believe.request {
        Some(request) => arrive(&verifier, file, believe, &Outgoing::parse(request)?, (&peer, &trust, now)),
        None => examine(&verifier, file, chain, (&peer, &trust, now)),
    };
    Ok(judged.map_or_else(Verdict::Refused, |()| Verdict::Believed))
}

/// Rules 3 to 8: genuine and alive.
fn examine(
    verifier: &Verifier,
    file: &ChainFile,
    chain: &Chain,
    (peer, trust, now): (&SpiffeId, &Trust, Timestamp),
) -> Result<(), Refusal> {
    let certificates = match &file.certificates {
        Some(value) => Certificates::parse(value.as_bytes())
            .map_err(|error| Refusal::new(token::Rule::Form, None, Reason::CertificateField(error)))?,
        None => Certificates::default(),
    };
    verifier.examine(chain, (certificates, &Fetched::default()), (peer, [0; 32]), trust, &RevocationTable::local(), now)
}

/// Rules 1 to 10: what a service does with a request.
fn arrive(
    verifier: &Verifier,
    file: &ChainFile,
    believe: &Believe,
    outgoing: &Outgoing,
    (peer, trust, now): (&SpiffeId, &Trust, Timestamp),
) -> Result<(), Refusal> {
    let certificates: Vec<_> = file.certificates.iter().map(String::as_bytes).collect();
    let request = Request {
        method: &outgoing.method,
        target: &outgoing.target,
        headers: &[],
        trailers: &[],
        body: token::Body::Absent,
    };
    let arrival = Arrival {
        chain: &[file.da_svid.as_bytes()],
        certificates: &certificates,
        peer,
        peer_x5t: [0; 32],
        request: &request,
        route: &RouteRule { scope: believe.scope.clone(), request_binding: RequestBinding::EndToEnd },
    };
    verifier.verify(&arrival, trust, &RevocationTable::local(), now).map(drop)
}

/// What the policy file accepts; without one, what the chain itself names.
fn accept(chain: &Chain, believe: &Believe, trust: &Trust, peer: &SpiffeId) -> anyhow::Result<Accept> {
    if let Some(path) = &believe.policy {
        let text = input::text(path)?;
        let policy: Policy = toml::from_str(&text).with_context(|| format!("{} is not a policy", path.display()))?;
        return Ok(policy.accept);
    }
    let root = chain.root();
    Ok(Accept {
        asserters: vec![root.iss.clone()],
        subjects: vec![root.sub.clone()],
        issuers: vec![root.dpa.clone()],
        modes: Mode::ALL.to_vec(),
        neighbours: vec![peer.clone()],
        trust_domains: trust.bundles.trust_domains().cloned().collect(),
        role: if believe.hop { Role::Hop } else { Role::End },
        ..Accept::default()
    })
}

/// Keys and bundle from files, or from asserting-wl and the Workload API; none when neither is given.
async fn trust(chain: &Chain, believe: &Believe) -> anyhow::Result<Option<Trust>> {
    let is_online = believe.asserting.socket.socket.is_some();
    if believe.keys.is_none() && believe.bundle.is_none() && !is_online {
        return Ok(None);
    }
    let jwks = match &believe.keys {
        Some(path) => Some(input::bytes(path)?),
        None if is_online => Some(connect(&believe.asserting).await?.jwks(None).await?),
        None => None,
    };
    let mut keys = HashMap::new();
    if let Some(jwks) = jwks {
        keys.insert(chain.root().iss.clone(), RootKeys::parse(&jwks)?);
    }
    let bundles = match &believe.bundle {
        Some(path) => {
            let mut bundles = Bundles::default();
            bundles.insert(chain.root().iss.trust_domain().clone(), folder::read_certificates(path)?);
            bundles
        }
        None if is_online => teller::identity(believe.asserting.socket.socket.as_deref()).await?.bundles()?,
        None => Bundles::default(),
    };
    Ok(Some(Trust { keys, bundles }))
}

fn last_audience(chain: &Chain) -> &SpiffeId {
    let named = chain.last().and_then(|link| link.claims.aud());
    // Cannot fail: a root has at least one audience.
    named.or_else(|| chain.root().aud.first()).unwrap_or(&chain.root().sub)
}

fn last_signer(chain: &Chain) -> &SpiffeId {
    chain.last().and_then(|link| link.claims.iss()).unwrap_or(&chain.root().sub)
}
