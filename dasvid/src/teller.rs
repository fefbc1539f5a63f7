//! A workload that acts for a person: asks for DA-SVIDs, appends its links, calls services.

use std::time::Duration;

use anyhow::{Context as _, bail};
use mesh::{Answer, Client, ClientSettings, Identity, Svid};
use spiffe::SpiffeId;
use token::claims::TokenId;
use token::header::KeyReference;
use token::hop::{self, Extension, HopError, Signer};
use token::{Certificates, Chain, Mode, RootKey, RootKeys, Timestamp};
use wire::mint::MintResponse;
use wire::problem::ProblemDocument;
use zeroize::Zeroizing;

use crate::input::ChainFile;
use crate::outgoing::Outgoing;
use crate::place::Endpoint;

/// How long to wait for an SVID.
const WAIT: Duration = Duration::from_secs(10);

/// What to ask asserting-wl for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Where the chain may end.
    pub audience: Vec<SpiffeId>,
    /// OAuth scopes.
    pub scope: Vec<String>,
    /// Plain mode: the request the token is good for.
    pub rqd: Option<String>,
}

/// A workload with an SVID and a way to asserting-wl.
#[derive(Clone, Debug)]
pub struct Teller {
    identity: Identity,
    asserting: Client,
    url: url::Url,
}

impl Teller {
    /// Connects to the Workload API. asserting-wl is `/asserting-wl` of the own trust domain unless `id` says otherwise.
    ///
    /// # Errors
    /// When there is no SVID, or the URL is not one of a server.
    pub async fn connect(socket: Option<&str>, url: &url::Url, id: Option<&SpiffeId>) -> anyhow::Result<Self> {
        let identity = identity(socket).await?;
        let id = match id {
            Some(id) => id.clone(),
            None => SpiffeId::from_segments(identity.id()?.trust_domain().clone(), &["asserting-wl"])?,
        };
        let asserting = Client::new(&identity, id, url, ClientSettings::default())?;
        Ok(Self { identity, asserting, url: url.clone() })
    }

    /// The client for asserting-wl.
    #[must_use]
    pub const fn asserting(&self) -> &Client {
        &self.asserting
    }

    /// The identity it acts with.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A client for asserting-wl with connections of its own.
    pub(crate) fn another_client(&self) -> anyhow::Result<Client> {
        let server = self.asserting.server().clone();
        Ok(Client::new(&self.identity, server, &self.url, ClientSettings::default())?)
    }

    /// The own SPIFFE ID.
    ///
    /// # Errors
    /// When the SVID is gone.
    pub fn id(&self) -> anyhow::Result<SpiffeId> {
        Ok(self.identity.id()?)
    }

    /// Trades an OAuth access token for a DA-SVID.
    ///
    /// # Errors
    /// What asserting-wl refuses, in its words.
    pub async fn mint(&self, mode: Mode, access_token: &str, wanted: &Wanted) -> anyhow::Result<ChainFile> {
        let path = match mode {
            Mode::Plain => wire::mint::MINT,
            Mode::Id => wire::mint::ECDSA_ASSERTION,
            Mode::Anonymous => wire::mint::MINT_ASSERTION,
        };
        let audience = wanted.audience.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let scope = wanted.scope.join(" ");
        let mut fields = vec![("access_token", access_token)];
        let optional = [("audience", audience.as_str()), ("scope", scope.as_str())];
        fields.extend(optional.into_iter().filter(|(_, value)| !value.is_empty()));
        fields.extend(wanted.rqd.as_deref().map(|rqd| ("rqd", rqd)));
        let answer = self.asserting.post_form(path, &fields).await?;
        let minted: MintResponse = read(&answer).context("asserting-wl does not mint")?;
        Ok(ChainFile { da_svid: minted.da_svid, certificates: minted.certificates, proof: minted.proof })
    }

    /// asserting-wl's keys, as published.
    ///
    /// # Errors
    /// When they cannot be fetched.
    pub async fn jwks(&self, alg: Option<&str>) -> anyhow::Result<Vec<u8>> {
        let path = alg.map_or_else(|| wire::keys::KEYS.to_owned(), |alg| format!("{}?alg={alg}", wire::keys::KEYS));
        let request = http::Request::get(path).body(bytes::Bytes::new())?;
        let answer = self.asserting.call(request).await?;
        if !answer.status.is_success() {
            bail!("asserting-wl does not show its keys: {}", refusal(&answer));
        }
        Ok(answer.body.to_vec())
    }

    /// Appends a link of this workload.
    ///
    /// # Errors
    /// When the chain cannot be extended.
    pub async fn extend(&self, file: &ChainFile, extension: &Extension) -> anyhow::Result<ChainFile> {
        let chain = Chain::parse(&file.da_svid)?;
        match chain.mode() {
            Mode::Plain => bail!("a plain DA-SVID has no links: it travels as it is"),
            Mode::Id => extend_id(file, &chain, &*self.identity.svid()?, extension),
            Mode::Anonymous => extend_anonymous(file, &chain, &self.jwks(None).await?, extension),
        }
    }

    /// The request with a chain of its own: minted, bound and, where the mode has links, extended for `next`.
    ///
    /// # Errors
    /// When there is no such chain.
    pub async fn chain_for(
        &self,
        mode: Mode,
        access_token: &str,
        outgoing: &Outgoing,
        next: &SpiffeId,
    ) -> anyhow::Result<ChainFile> {
        let rqd = outgoing.rqd()?;
        if mode == Mode::Plain {
            return self.mint(mode, access_token, &Wanted { rqd: Some(rqd.to_string()), ..Wanted::default() }).await;
        }
        let root = self.mint(mode, access_token, &Wanted::default()).await?;
        let next = (mode == Mode::Id).then(|| next.clone());
        self.extend(&root, &Extension { next, only: None, rqd: Some(rqd), seal: false, life: 60 }).await
    }

    /// Sends a request to a service.
    ///
    /// # Errors
    /// When no answer comes; a refusal is an answer.
    pub async fn call(
        &self,
        service: &Endpoint,
        outgoing: &Outgoing,
        chain: Option<&ChainFile>,
    ) -> anyhow::Result<Answer> {
        call(&self.identity, service, outgoing, chain).await
    }
}

/// The identity the Workload API gives this process.
///
/// # Errors
/// When there is none; the message says what to do.
pub async fn identity(socket: Option<&str>) -> anyhow::Result<Identity> {
    mesh::install_crypto();
    Ok(Identity::connect(socket, WAIT).await?)
}

/// Sends a request to a service as `identity`.
///
/// # Errors
/// When no answer comes; a refusal is an answer.
pub async fn call(
    identity: &Identity,
    service: &Endpoint,
    outgoing: &Outgoing,
    chain: Option<&ChainFile>,
) -> anyhow::Result<Answer> {
    let client = Client::new(identity, service.id.clone(), &service.url, ClientSettings::default())?;
    Ok(client.call(outgoing.request(chain)?).await?)
}

/// An ID link by `svid`, and its certificates beside those the chain has.
///
/// # Errors
/// When the chain cannot be extended.
pub fn extend_id(file: &ChainFile, chain: &Chain, svid: &Svid, extension: &Extension) -> anyhow::Result<ChainFile> {
    let signer =
        Signer { id: &svid.id, key: &svid.key, x5t: token::encoding::Digest(svid.x5t), not_after: svid.not_after };
    let da_svid = hop::extend_id(chain, &signer, extension, token_id()?, now())?;
    let mut certificates = match &file.certificates {
        Some(value) => Certificates::parse(value.as_bytes())?,
        None => Certificates::default(),
    };
    svid.chain.iter().for_each(|der| certificates.push(der));
    Ok(ChainFile { da_svid, certificates: Some(certificates.to_header()), ..file.clone() })
}

/// An anonymous link, under the root key that the asserter's `jwks` has.
///
/// # Errors
/// When the key is not there or the chain cannot be extended.
pub fn extend_anonymous(
    file: &ChainFile,
    chain: &Chain,
    jwks: &[u8],
    extension: &Extension,
) -> anyhow::Result<ChainFile> {
    let keys = RootKeys::parse(jwks)?;
    let KeyReference::Kid(kid) = &chain.root_header().key else { bail!("an anonymous root names its key") };
    let Some(RootKey::Schoco(key)) = keys.find(kid) else { bail!("asserting-wl has no anonymous key {kid}") };
    loop {
        let mut fresh = Zeroizing::new([0; 32]);
        fill(&mut *fresh)?;
        match hop::extend_anonymous(chain, key, extension, token_id()?, &fresh, now()) {
            Err(HopError::DrawAgain) => {}
            extended => return Ok(ChainFile { da_svid: extended?, ..file.clone() }),
        }
    }
}

/// Reads a JSON answer, or the refusal in its place.
///
/// # Errors
/// A refusal, or another shape.
pub fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> anyhow::Result<T> {
    if !answer.status.is_success() {
        bail!("{}", refusal(answer));
    }
    serde_json::from_slice(&answer.body).context("the answer has another shape")
}

/// A refusal in one line.
#[must_use]
pub fn refusal(answer: &Answer) -> String {
    let Some(problem) = problem(answer) else { return answer.status.to_string() };
    let mut text = format!("{} ({})", problem.title, problem.r#type);
    for (before, part) in [(": ", problem.detail), ("; refused by ", problem.culprit)] {
        if let Some(part) = part {
            text.push_str(before);
            text.push_str(&part);
        }
    }
    text
}

/// The problem document of an answer, if it is one.
#[must_use]
pub fn problem(answer: &Answer) -> Option<ProblemDocument> {
    serde_json::from_slice(&answer.body).ok()
}

/// The time of day.
#[must_use]
pub fn now() -> Timestamp {
    chassis::Clock::now(&chassis::SystemClock)
}

/// A fresh `jti`.
///
/// # Errors
/// When the system has no random bytes.
pub fn token_id() -> anyhow::Result<TokenId> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(TokenId(bytes))
}

fn fill(bytes: &mut [u8]) -> anyhow::Result<()> {
    getrandom::fill(bytes).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))
}
