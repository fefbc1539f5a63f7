//! The endpoints, declared together with their OpenAPI description.

mod certs;
mod oauth;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use chassis::form::Form;
use chassis::json::Json;
use chassis::{Clock, Rejected};
use mesh::Peer;
use spiffe::{SpiffeId, TrustDomain};
use store::Store;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::introspect::{IntrospectRequest, IntrospectResponse, ValidateRequest, ValidateResponse};
use wire::keys::Jwks;
use wire::mint::{MintRequest, MintResponse};
use wire::problem::ProblemDocument;
use wire::revocations::{MEDIA_TYPE, RevocationList};

use crate::admission::Admission;
use crate::api_error::{AdmissionRefused, KeysError};
use crate::certs::Shelf;
use crate::introspection::{IntrospectionError, Introspector};
use crate::keyring::{Keyring, Kind};
use crate::minting::{Endpoint, MintError, Minter};
use crate::rejections::Rejections;
use crate::revocations::list::{self, ListError};
use crate::validation::{ValidationError, Validator};
use crate::withdrawal::Withdrawals;

/// What the handlers share.
#[derive(Clone)]
pub struct App {
    /// Turns access tokens into DA-SVIDs.
    pub minter: Arc<Minter>,
    /// Answers `/introspect`.
    pub introspector: Arc<Introspector>,
    /// Answers `/validate`.
    pub validator: Arc<Validator>,
    /// This workload.
    pub me: SpiffeId,
    /// What is revoked.
    pub store: Arc<dyn Store>,
    /// Keeps signers' certificates.
    pub shelf: Arc<Shelf>,
    /// Answers `/revoke`.
    pub withdrawals: Arc<Withdrawals>,
    /// The URL this service is reached at, without a slash at its end.
    pub base: String,
    /// Publishes keys.
    pub keyring: Arc<Keyring>,
    /// Counts refusals.
    pub rejections: Arc<Rejections>,
    /// Counts requests by caller.
    pub admission: Arc<Admission>,
    /// Callers come from this trust domain.
    pub trust_domain: TrustDomain,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

/// The description of this version's API.
#[derive(OpenApi)]
#[openapi(info(
    title = "asserting-wl",
    description = "Turns an OAuth access token into a DA-SVID.\n\nEvery call is made over SPIFFE mTLS by a workload of the \
                   same trust domain, which accepts exactly asserting-wl's SPIFFE ID. Forms are read from the body only: \
                   a query is refused, so is a repeated parameter. Nothing may be cached but keys and certificates.\n\n\
                   `/introspect` with a `nonce` is answered with a zero-knowledge proof that the identity provider signed \
                   the OAuth token, for callers whose row of the policy says `oauth_claims`.",
))]
struct Description;

/// The routes with everything around them that is this workload's own.
pub fn router(app: App) -> Router {
    let (router, api) = described().split_for_parts();
    let document = Arc::new(document(&api));
    let openapi = async move || ([(header::CONTENT_TYPE, "application/json")], (*document).clone());
    router
        .route("/openapi.json", axum::routing::get(openapi))
        .layer(middleware::from_fn_with_state(app.clone(), admit))
        .with_state(app)
}

/// The OpenAPI document as it is served and checked in.
#[must_use]
pub fn openapi() -> String {
    document(described().get_openapi())
}

fn document(api: &utoipa::openapi::OpenApi) -> String {
    // Cannot fail: the description is made of strings and maps with string keys.
    api.to_pretty_json().map(|json| json + "\n").unwrap_or_default()
}

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(keys))
        .routes(routes!(mint))
        .routes(routes!(ecdsa_assertion))
        .routes(routes!(mint_assertion))
        .routes(routes!(validate))
        .routes(routes!(introspect))
        .routes(routes!(revocations))
        .routes(routes!(certs::leave))
        .routes(routes!(certs::give))
        .routes(routes!(oauth::token))
        .routes(routes!(oauth::revoke))
        .routes(routes!(oauth::metadata))
}

/// Lets workloads of the own trust domain in, each within its limits.
async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(peer) = request.extensions().get::<Peer>() else {
        return Rejected(AdmissionRefused::NoPeer).into_response();
    };
    if *peer.id.trust_domain() != app.trust_domain {
        return Rejected(AdmissionRefused::TrustDomain).into_response();
    }
    match app.admission.admit(&peer.id, Instant::now()) {
        Ok(_permit) => next.run(request).await,
        Err(error) => Rejected(AdmissionRefused::Limit(error)).into_response(),
    }
}

/// The public keys DA-SVIDs are signed with: those that will sign soon, those that do and those that did.
#[utoipa::path(
    get,
    path = "/keys",
    params(("alg" = Option<String>, Query, description = "Only keys of this `alg`, for libraries that refuse others")),
    responses(
        (status = 200, description = "A JWK Set", body = Jwks),
        (status = 400, description = "Another query than `alg`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn keys(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Rejected<KeysError>> {
    let algorithm = wanted_algorithm(query.as_deref())?;
    let jwks = app.keyring.jwks(algorithm.as_deref(), app.clock.moment()).await.map_err(KeysError::from)?;
    let cached = [(header::CACHE_CONTROL, "max-age=60")];
    Ok((cached, axum::Json(jwks)).into_response())
}

/// What is revoked, after a version or all of it, as a JWS signed with the minting key (`typ` `dasvid-revocations+jwt`).
///
/// Verifiers fetch all of it when they start and what is new every second; a list that continues none is complete by
/// itself. Records are gone when no DA-SVID they cover can be alive.
#[utoipa::path(
    get,
    path = "/revocations",
    params(("after" = Option<u64>, Query, description = "The version reached so far; without it, everything")),
    responses(
        (status = 200, description = "A compact JWS whose payload is this", body = RevocationList, content_type = "application/dasvid-revocations+jwt"),
        (status = 400, description = "Another query than `after`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn revocations(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Rejected<ListError>> {
    let after = list::wanted(query.as_deref())?;
    let list = list::read(&*app.store, &app.me, after, app.clock.now()).await?;
    let key = app.keyring.signer(Kind::Jose, app.clock.moment()).await.map_err(ListError::from)?;
    let signed = list::sign(&list, &*key, app.minter.signer_timeout).await?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")], signed).into_response())
}

/// `alg` and nothing else: a token sent by mistake is refused, not ignored.
fn wanted_algorithm(query: Option<&str>) -> Result<Option<String>, KeysError> {
    let Some(query) = query else { return Ok(None) };
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    match (parameters.next(), parameters.next()) {
        (Some((name, value)), None) if name == "alg" => Ok(Some(value.into_owned())),
        _ => Err(KeysError::Query),
    }
}

/// Mints a plain DA-SVID: one signed token that travels unchanged, optionally bound to one request.
#[utoipa::path(
    post,
    path = "/mint",
    request_body(content = MintRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The DA-SVID", body = MintResponse),
        (status = 401, description = "The access token is not valid", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "No row of the policy permits it", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn mint(state: State<App>, peer: Extension<Peer>, form: Form<MintRequest>) -> Minted {
    minted(Endpoint::Plain, &state, &peer, &form.0).await
}

/// Mints the root of an ID-mode chain, signed with asserting-wl's SVID; `certificates` goes into `DA-SVID-Certs`.
#[utoipa::path(
    post,
    path = "/ecdsaassertion",
    request_body(content = MintRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The DA-SVID and its signer's certificates", body = MintResponse),
        (status = 401, description = "The access token is not valid", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "No row of the policy permits it", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn ecdsa_assertion(state: State<App>, peer: Extension<Peer>, form: Form<MintRequest>) -> Minted {
    minted(Endpoint::Id, &state, &peer, &form.0).await
}

/// Mints the root of an anonymous chain, signed with a Schnorr key that signs nothing else.
#[utoipa::path(
    post,
    path = "/mintassertion",
    request_body(content = MintRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The DA-SVID", body = MintResponse),
        (status = 401, description = "The access token is not valid", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "No row of the policy permits it", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn mint_assertion(state: State<App>, peer: Extension<Peer>, form: Form<MintRequest>) -> Minted {
    minted(Endpoint::Anonymous, &state, &peer, &form.0).await
}

type Minted = Result<Json<MintResponse>, Rejected<MintError>>;

async fn minted(endpoint: Endpoint, app: &App, peer: &Peer, request: &MintRequest) -> Minted {
    app.minter.mint(endpoint, peer, request).await.map(Json).map_err(|error| {
        if let Some(rule) = error.rule() {
            app.rejections.note(rule, &peer.id, app.clock.now());
        }
        Rejected(error)
    })
}

/// Diagnoses a DA-SVID or a chain of this asserter. Never a basis for access: it does not know who presents it where.
///
/// The signers' certificates of an ID-mode chain go into the request's `DA-SVID-Certs` header field.
#[utoipa::path(
    post,
    path = "/validate",
    params(("DA-SVID-Certs" = Option<String>, Header, description = "The signers' certificates")),
    request_body(content = ValidateRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What was found", body = ValidateResponse),
        (status = 401, description = "Not a chain at all", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn validate(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(request): Form<ValidateRequest>,
) -> Result<Json<ValidateResponse>, Rejected<ValidationError>> {
    Ok(Json(app.validator.validate(&request.token, &headers, &peer, app.clock.now()).await?))
}

/// Tells whether a chain of this asserter is alive (RFC 7662), to its own workloads and whom the policy lists.
///
/// Everyone else, and every dead token, is answered `{"active": false}`. The signers' certificates of an ID-mode chain go
/// into the request's `DA-SVID-Certs` header field. Of an unsealed anonymous chain, send the root segment with its tail
/// cut to R, never the live chain. With a `nonce` (base64url of 16 to 64 random bytes, used once for a token) callers who may see
/// the OAuth claims get `zkp`.
#[utoipa::path(
    post,
    path = "/introspect",
    params(("DA-SVID-Certs" = Option<String>, Header, description = "The signers' certificates")),
    request_body(content = IntrospectRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Whether it is alive, its claims and who acted", body = IntrospectResponse),
        (status = 400, description = "The form or the nonce is malformed (RFC 6749 §5.2)", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "The nonce was used for this token already", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn introspect(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(request): Form<IntrospectRequest>,
) -> Result<Json<IntrospectResponse>, Rejected<IntrospectionError>> {
    Ok(Json(app.introspector.introspect(&peer, &request, &headers, app.clock.now()).await?))
}
