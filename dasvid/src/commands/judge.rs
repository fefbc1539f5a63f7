//! Judging a chain as a service would, with what the command line says to believe.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use spiffe::SpiffeId;
use token::certificates::CertificateError;
use token::policy::{Policy, Proof, RequestBinding, Role, Verification};
use token::{
    Accept, Arrival, Bundles, Certificates, Chain, Fetched, Mode, Reason, Refusal, Request, RevocationTable, RootKeys,
    RouteRule, Timestamp, Trust, Verifier,
};

use super::mint::connect;
use crate::cli::Believe;
use crate::input::{self, ChainFile};
use crate::outgoing::Outgoing;
use crate::proof::{self, Expected};
use crate::{folder, output, references, teller};

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
    let policy = believe.policy.as_deref().map(policy).transpose()?;
    let fetched = fetched(file, chain, believe).await?;
    let me = believe.me.clone().unwrap_or_else(|| last_audience(chain).clone());
    let peer = believe.peer.clone().unwrap_or_else(|| last_signer(chain).clone());
    let verifier = Verifier::new(me, accept(chain, believe, policy.as_ref(), &trust, &peer));
    let now = believe.at.map_or_else(teller::now, Timestamp);
    let case = Case { verifier, file, fetched, peer, trust, now };
    let judged = match &believe.request {
        Some(request) => case.arrive(believe, &Outgoing::parse(request)?),
        None => case.examine(chain),
    };
    let judged = match (judged, policy) {
        (Ok(()), Some(policy)) => proven(file, &policy, now).await?,
        (judged, _) => judged,
    };
    Ok(judged.map_or_else(Verdict::Refused, |()| Verdict::Believed))
}

/// A chain, and what it is judged with.
struct Case<'a> {
    verifier: Verifier,
    file: &'a ChainFile,
    fetched: Fetched,
    peer: SpiffeId,
    trust: Trust,
    now: Timestamp,
}

impl Case<'_> {
    /// Rules 3 to 8: genuine and alive.
    fn examine(&self, chain: &Chain) -> Result<(), Refusal> {
        let inline = inline(self.file)
            .map_err(|error| Refusal::new(token::Rule::Form, None, Reason::CertificateField(error)))?;
        let (shown, peer) = ((inline, &self.fetched), (&self.peer, [0; 32]));
        self.verifier.examine(chain, shown, peer, &self.trust, &RevocationTable::local(), self.now)
    }

    /// Rules 1 to 10: what a service does with a request.
    fn arrive(&self, believe: &Believe, outgoing: &Outgoing) -> Result<(), Refusal> {
        let certificates: Vec<_> = self.file.certificates.iter().map(String::as_bytes).collect();
        let request = Request {
            method: &outgoing.method,
            target: &outgoing.target,
            headers: &[],
            trailers: &[],
            body: token::Body::Absent,
        };
        let arrival = Arrival {
            chain: &[self.file.da_svid.as_bytes()],
            certificates: &certificates,
            peer: &self.peer,
            peer_x5t: [0; 32],
            request: &request,
            route: &RouteRule { scope: believe.scope.clone(), request_binding: RequestBinding::EndToEnd },
        };
        let none = RevocationTable::local();
        self.verifier.verify_with(&arrival, &self.fetched, &self.trust, &none, self.now).map(drop)
    }
}

fn inline(file: &ChainFile) -> Result<Certificates, CertificateError> {
    file.certificates
        .as_ref()
        .map_or_else(|| Ok(Certificates::default()), |field| Certificates::parse(field.as_bytes()))
}

/// What the chain names and does not carry, from asserting-wl where there is a socket.
async fn fetched(file: &ChainFile, chain: &Chain, believe: &Believe) -> anyhow::Result<Fetched> {
    match inline(file) {
        Ok(inline)
            if believe.asserting.socket.socket.is_some()
                && chain.references().any(|reference| !inline.holds(reference.x5t)) =>
        {
            references::fetch(&connect(&believe.asserting).await?, chain, &inline).await
        }
        _ => Ok(Fetched::default()),
    }
}

/// Rule 13 as far as the policy asks for the proof that travels with the chain.
async fn proven(file: &ChainFile, policy: &Policy, now: Timestamp) -> anyhow::Result<Result<(), Refusal>> {
    let demanded = &policy.provenance;
    if demanded.verification == Verification::Introspect {
        output::note("the policy also has asserting-wl asked about every chain; dasvid introspect --nonce does that");
    }
    if demanded.proof == Proof::None {
        return Ok(Ok(()));
    }
    let expected = Expected { audience: demanded.oauth_audience.clone(), rounds: demanded.rounds, ca: None };
    let judged = proof::judge_embedded(file, &expected, now).await?;
    Ok(judged.map_err(|reason| Refusal::new(token::Rule::Provenance, 0, reason)))
}

fn policy(path: &Path) -> anyhow::Result<Policy> {
    toml::from_str(&input::text(path)?).with_context(|| format!("{} is not a policy", path.display()))
}

/// What the policy accepts; without one, what the chain itself names.
fn accept(chain: &Chain, believe: &Believe, policy: Option<&Policy>, trust: &Trust, peer: &SpiffeId) -> Accept {
    if let Some(policy) = policy {
        return policy.accept.clone();
    }
    let root = chain.root();
    Accept {
        asserters: vec![root.iss.clone()],
        subjects: vec![root.sub.clone()],
        issuers: vec![root.dpa.clone()],
        modes: Mode::ALL.to_vec(),
        neighbours: vec![peer.clone()],
        trust_domains: trust.bundles.trust_domains().cloned().collect(),
        role: if believe.hop { Role::Hop } else { Role::End },
        ..Accept::default()
    }
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
