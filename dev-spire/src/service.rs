//! The gRPC service of one socket (SPIFFE Workload API).

use crate::{
    JwtError, Selectors, X509Material,
    attestation::Caller,
    clock,
    pb::{
        JwtBundlesRequest, JwtBundlesResponse, Jwtsvid, JwtsvidRequest, JwtsvidResponse, ValidateJwtsvidRequest,
        ValidateJwtsvidResponse, WitBundlesRequest, WitBundlesResponse, WitsvidRequest, WitsvidResponse,
        X509BundlesRequest, X509BundlesResponse, X509svid, X509svidRequest, X509svidResponse,
        spiffe_workload_api_server::SpiffeWorkloadApi,
    },
    registry::Registry,
    view::{Answers, Name, View, follow},
};
use prost_types::{ListValue, Struct, Value, value::Kind};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// The header that keeps a browser or a proxy from calling the Workload API by accident.
const HEADER: &str = "workload.spiffe.io";

/// An identity that a socket has for some callers.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) name: Name,
    /// Who gets it; whoever opens the socket when there are none.
    pub(crate) selectors: Option<Selectors>,
}

impl Offer {
    fn is_for(&self, caller: Option<&Caller>) -> bool {
        self.selectors.as_ref().is_none_or(|selectors| caller.is_some_and(|caller| selectors.admit(caller)))
    }
}

/// Answers one socket.
pub(crate) struct Service {
    pub(crate) registry: Arc<Registry>,
    /// In the order of the entries.
    pub(crate) offers: Vec<Offer>,
    pub(crate) stop: CancellationToken,
}

impl Service {
    /// Refuses a request without the header of SPIFFE Workload Endpoint §3, and finds out whose identities the caller has.
    fn admit<T>(&self, request: &Request<T>) -> Result<Vec<Name>, Status> {
        if request.metadata().get(HEADER).is_none_or(|value| value != "true") {
            return Err(Status::invalid_argument("security header missing from request"));
        }
        let caller = request.extensions().get::<Caller>();
        let mut names: Vec<Name> = Vec::new();
        for offer in self.offers.iter().filter(|offer| offer.is_for(caller)) {
            if !names.contains(&offer.name) {
                names.push(offer.name.clone());
            }
        }
        Ok(names)
    }

    /// What the caller may see now.
    fn view<T>(&self, request: &Request<T>) -> Result<View, Status> {
        let names = self.admit(request)?;
        let snapshot = self.registry.watch().borrow().clone();
        snapshot.of(&names)
    }

    /// What the caller may see, now and after every change. A caller without an identity is refused at once.
    fn stream<T: Send + 'static, R>(
        &self,
        request: &Request<R>,
        render: fn(&View) -> T,
    ) -> Result<Response<Answers<T>>, Status> {
        self.view(request)?;
        let names = self.admit(request)?;
        Ok(Response::new(follow(self.registry.watch(), names, self.stop.clone(), render)))
    }
}

#[tonic::async_trait]
impl SpiffeWorkloadApi for Service {
    type FetchX509SVIDStream = Answers<X509svidResponse>;
    type FetchX509BundlesStream = Answers<X509BundlesResponse>;
    type FetchJWTBundlesStream = Answers<JwtBundlesResponse>;
    type FetchWITSVIDStream = Answers<WitsvidResponse>;
    type FetchWITBundlesStream = Answers<WitBundlesResponse>;

    async fn fetch_x509svid(
        &self,
        request: Request<X509svidRequest>,
    ) -> Result<Response<Self::FetchX509SVIDStream>, Status> {
        self.stream(&request, x509_svid)
    }

    async fn fetch_x509_bundles(
        &self,
        request: Request<X509BundlesRequest>,
    ) -> Result<Response<Self::FetchX509BundlesStream>, Status> {
        self.stream(&request, |view| X509BundlesResponse { crl: Vec::new(), bundles: view.bundles.x509.clone() })
    }

    async fn fetch_jwtsvid(&self, request: Request<JwtsvidRequest>) -> Result<Response<JwtsvidResponse>, Status> {
        let view = self.view(&request)?;
        let request = request.into_inner();
        let mut svids = Vec::new();
        for svid in &view.svids {
            let spiffe_id = svid.id.to_string();
            if request.spiffe_id.is_empty() || request.spiffe_id == spiffe_id {
                let token = self.registry.issue_jwt(&svid.id, &request.audience).map_err(|error| status(&error))?;
                svids.push(Jwtsvid { spiffe_id, svid: token, hint: svid.hint.clone() });
            }
        }
        if svids.is_empty() {
            return Err(Status::permission_denied("no identity issued"));
        }
        Ok(Response::new(JwtsvidResponse { svids }))
    }

    async fn fetch_jwt_bundles(
        &self,
        request: Request<JwtBundlesRequest>,
    ) -> Result<Response<Self::FetchJWTBundlesStream>, Status> {
        self.stream(&request, |view| JwtBundlesResponse { bundles: view.bundles.jwt.clone() })
    }

    async fn validate_jwtsvid(
        &self,
        request: Request<ValidateJwtsvidRequest>,
    ) -> Result<Response<ValidateJwtsvidResponse>, Status> {
        self.view(&request)?;
        let request = request.into_inner();
        let now = clock::now().unix_timestamp();
        let (id, claims) =
            self.registry.validate_jwt(&request.svid, &request.audience, now).map_err(|error| status(&error))?;
        Ok(Response::new(ValidateJwtsvidResponse { spiffe_id: id.to_string(), claims: Some(object(claims)) }))
    }

    async fn fetch_witsvid(
        &self,
        request: Request<WitsvidRequest>,
    ) -> Result<Response<Self::FetchWITSVIDStream>, Status> {
        self.admit(&request)?;
        Err(Status::unimplemented("WIT SVIDs are not offered"))
    }

    async fn fetch_wit_bundles(
        &self,
        request: Request<WitBundlesRequest>,
    ) -> Result<Response<Self::FetchWITBundlesStream>, Status> {
        self.admit(&request)?;
        Err(Status::unimplemented("WIT SVIDs are not offered"))
    }
}

fn status(error: &JwtError) -> Status {
    match error {
        JwtError::Signing => Status::internal(error.to_string()),
        _ => Status::invalid_argument(error.to_string()),
    }
}

fn x509_svid(view: &View) -> X509svidResponse {
    let own = view.svids.first().map(|svid| svid.id.trust_domain().id_string()).unwrap_or_default();
    let mut federated_bundles = view.bundles.x509.clone();
    let bundle = federated_bundles.remove(&own).unwrap_or_default();
    let svid = |svid: &Arc<X509Material>| X509svid {
        spiffe_id: svid.id.to_string(),
        x509_svid: svid.chain.concat().into(),
        x509_svid_key: svid.key.clone().into(),
        bundle: bundle.clone(),
        hint: svid.hint.clone(),
    };
    X509svidResponse { svids: view.svids.iter().map(svid).collect(), crl: Vec::new(), federated_bundles }
}

fn object(members: serde_json::Map<String, serde_json::Value>) -> Struct {
    Struct { fields: members.into_iter().map(|(name, member)| (name, value(member))).collect() }
}

fn value(value: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    let kind = match value {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(value),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::StringValue(text),
        Json::Array(items) => Kind::ListValue(ListValue { values: items.into_iter().map(self::value).collect() }),
        Json::Object(members) => Kind::StructValue(object(members)),
    };
    Value { kind: Some(kind) }
}
