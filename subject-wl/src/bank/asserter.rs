//! asserting-wl as a caller sees it: it makes a DA-SVID of an OAuth token, and publishes its keys.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chassis::trace::{TraceParent, carry};
use crypto::schoco;
use http::{HeaderValue, Request, header};
use secrecy::ExposeSecret;
use spiffe::SpiffeId;
use token::{Certificates, Chain, Mode, RootKey, RootKeys, encoding::Digest, header::KeyReference};
use tracing::Instrument;
use url::form_urlencoded;
use wire::{
    header::TRACEPARENT,
    keys::KEYS,
    mint::{ECDSA_ASSERTION, MINT, MINT_ASSERTION, MintResponse},
};

use super::{BankError, Holder, call, wallet::Root};

/// The asserting workload.
pub(crate) struct Asserter {
    client: mesh::Client,
    keys: Mutex<Option<Arc<RootKeys>>>,
}

/// What to ask for.
pub(crate) struct Wanted<'a> {
    pub(crate) mode: Mode,
    pub(crate) target: &'a SpiffeId,
    /// Plain mode: the scope and the one request the DA-SVID is for; a link says it in the other modes.
    pub(crate) bound: Option<(&'static str, Digest)>,
}

impl Asserter {
    pub(crate) const fn new(client: mesh::Client) -> Self {
        Self { client, keys: Mutex::new(None) }
    }

    fn name(&self) -> String {
        self.client.server().to_string()
    }

    fn no_answer(&self, error: &mesh::ClientError) -> BankError {
        BankError::NoAnswer { hop: self.name(), cause: error.to_string() }
    }

    /// Mints a root from the person's access token.
    ///
    /// Asked again elsewhere when the connection dies: a root whose answer was lost is known to nobody, changes nothing,
    /// and expires by itself.
    pub(crate) async fn mint(
        &self,
        holder: &Holder,
        wanted: &Wanted<'_>,
        trace: &TraceParent,
    ) -> Result<Root, BankError> {
        let mut request = Self::request(holder, wanted, trace)?;
        let (server, mode) = (self.name(), wanted.mode.name());
        let span = chassis::span!("asserter.mint", otel.kind = "client", dasvid.server = server, dasvid.mode = mode);
        let calling = async {
            carry(request.headers_mut());
            self.client.call_repeatable(request).await
        };
        let answer = calling.instrument(span).await.map_err(|error| self.no_answer(&error))?;
        let minted: MintResponse = call::read(&self.name(), true, answer.status, &answer.headers, &answer.body)?;
        let not_understood = || BankError::NotUnderstood { hop: self.name(), status: answer.status.as_u16() };
        let chain = Chain::parse(&minted.da_svid).map_err(|_| not_understood())?;
        let ours = chain.mode() == wanted.mode && chain.links().is_empty();
        let certificates = match &minted.certificates {
            Some(value) => Certificates::parse(value.as_bytes()).map_err(|_| not_understood())?,
            None => Certificates::default(),
        };
        if ours { Ok(Root { chain, certificates, proof: minted.proof }) } else { Err(not_understood()) }
    }

    fn request(holder: &Holder, wanted: &Wanted<'_>, trace: &TraceParent) -> Result<Request<Bytes>, BankError> {
        let path = match wanted.mode {
            Mode::Plain => MINT,
            Mode::Id => ECDSA_ASSERTION,
            Mode::Anonymous => MINT_ASSERTION,
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("access_token", holder.access_token.expose_secret());
        form.append_pair("audience", &wanted.target.to_string());
        if let Some((scope, rqd)) = &wanted.bound {
            form.append_pair("scope", scope).append_pair("rqd", &rqd.to_string());
        }
        let unfit = |error: http::Error| BankError::Chain(error.to_string());
        Request::post(path)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .header(TRACEPARENT, trace.as_str())
            .body(Bytes::from(form.finish()))
            .map_err(unfit)
    }

    /// The public key of an anonymous root, from asserting-wl's own `/keys`; asked again when it is not known yet.
    pub(crate) async fn anonymous_key(&self, root: &Root) -> Result<schoco::RootKey, BankError> {
        let KeyReference::Kid(kid) = &root.chain.root_header().key else {
            return Err(BankError::Chain("an anonymous root names its key by `kid`".to_owned()));
        };
        if let Some(key) = find(self.known().as_deref(), kid) {
            return Ok(key);
        }
        let keys = Some(Arc::new(self.fetch().await?));
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&keys);
        find(keys.as_deref(), kid)
            .ok_or_else(|| BankError::Chain("asserting-wl does not publish the root's key".to_owned()))
    }

    fn known(&self) -> Option<Arc<RootKeys>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self) -> Result<RootKeys, BankError> {
        let mut request = Request::get(KEYS).body(Bytes::new()).map_err(|error| BankError::Chain(error.to_string()))?;
        carry(request.headers_mut());
        let answer = self.client.call(request).await.map_err(|error| self.no_answer(&error))?;
        let not_understood = || BankError::NotUnderstood { hop: self.name(), status: answer.status.as_u16() };
        if !answer.status.is_success() {
            return Err(not_understood());
        }
        RootKeys::parse(&answer.body).map_err(|_| not_understood())
    }
}

fn find(keys: Option<&RootKeys>, kid: &str) -> Option<schoco::RootKey> {
    match keys?.find(kid)? {
        RootKey::Schoco(key) => Some(key.clone()),
        RootKey::Jose { .. } => None,
    }
}
