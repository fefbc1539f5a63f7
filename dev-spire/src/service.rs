//! The gRPC service of one socket (SPIFFE Workload API).

use crate::{
    JwtError, X509Material, clock,
    pb::{
        JwtBundlesRequest, JwtBundlesResponse, Jwtsvid, JwtsvidRequest, JwtsvidResponse, ValidateJwtsvidRequest,
        ValidateJwtsvidResponse, WitBundlesRequest, WitBundlesResponse, WitsvidRequest, WitsvidResponse,
        X509BundlesRequest, X509BundlesResponse, X509svid, X509svidRequest, X509svidResponse,
        spiffe_workload_api_server::SpiffeWorkloadApi,
    },
    registry::Registry,
    view::{Answers, Bundles, View, follow},
};
use prost_types::{ListValue, Struct, Value, value::Kind};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// The header that keeps a browser or a proxy from calling the Workload API by accident.
const HEADER: &str = "workload.spiffe.io";

/// Answers one socket.
pub(crate) struct Service {
    pub(crate) registry: Arc<Registry>,
    pub(crate) views: watch::Receiver<View>,
    pub(crate) stop: CancellationToken,
}

impl Service {
    fn stream<T: Send + 'static>(
        &self,
        render: fn(&X509Material, &Bundles) -> T,
    ) -> Result<Response<Answers<T>>, Status> {
        self.views.borrow().admit()?;
        Ok(Response::new(follow(self.views.clone(), self.stop.clone(), render)))
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
        check(&request)?;
        self.stream(x509_svid)
    }

    async fn fetch_x509_bundles(
        &self,
        request: Request<X509BundlesRequest>,
    ) -> Result<Response<Self::FetchX509BundlesStream>, Status> {
        check(&request)?;
        self.stream(|_, bundles| X509BundlesResponse { crl: Vec::new(), bundles: bundles.x509.clone() })
    }

    async fn fetch_jwtsvid(&self, request: Request<JwtsvidRequest>) -> Result<Response<JwtsvidResponse>, Status> {
        check(&request)?;
        let request = request.into_inner();
        let id = self.views.borrow().admit()?.0.id.clone();
        if !request.spiffe_id.is_empty() && request.spiffe_id != id.to_string() {
            return Err(Status::permission_denied("no identity issued"));
        }
        let svid = self.registry.issue_jwt(&id, &request.audience).map_err(|error| status(&error))?;
        let svid = Jwtsvid { spiffe_id: id.to_string(), svid, hint: String::new() };
        Ok(Response::new(JwtsvidResponse { svids: vec![svid] }))
    }

    async fn fetch_jwt_bundles(
        &self,
        request: Request<JwtBundlesRequest>,
    ) -> Result<Response<Self::FetchJWTBundlesStream>, Status> {
        check(&request)?;
        self.stream(|_, bundles| JwtBundlesResponse { bundles: bundles.jwt.clone() })
    }

    async fn validate_jwtsvid(
        &self,
        request: Request<ValidateJwtsvidRequest>,
    ) -> Result<Response<ValidateJwtsvidResponse>, Status> {
        check(&request)?;
        self.views.borrow().admit()?;
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
        check(&request)?;
        Err(Status::unimplemented("WIT SVIDs are not offered"))
    }

    async fn fetch_wit_bundles(
        &self,
        request: Request<WitBundlesRequest>,
    ) -> Result<Response<Self::FetchWITBundlesStream>, Status> {
        check(&request)?;
        Err(Status::unimplemented("WIT SVIDs are not offered"))
    }
}

/// SPIFFE Workload Endpoint §3: a request without the header is refused.
fn check<T>(request: &Request<T>) -> Result<(), Status> {
    match request.metadata().get(HEADER) {
        Some(value) if value == "true" => Ok(()),
        _ => Err(Status::invalid_argument("security header missing from request")),
    }
}

fn status(error: &JwtError) -> Status {
    match error {
        JwtError::Signing => Status::internal(error.to_string()),
        _ => Status::invalid_argument(error.to_string()),
    }
}

fn x509_svid(svid: &X509Material, bundles: &Bundles) -> X509svidResponse {
    let own = svid.id.trust_domain().id_string();
    let foreign = |(id, _): &(&String, &prost::bytes::Bytes)| **id != own;
    X509svidResponse {
        svids: vec![X509svid {
            spiffe_id: svid.id.to_string(),
            x509_svid: svid.chain.concat().into(),
            x509_svid_key: svid.key.clone().into(),
            bundle: bundles.x509.get(&own).cloned().unwrap_or_default(),
            hint: String::new(),
        }],
        crl: Vec::new(),
        federated_bundles: bundles
            .x509
            .iter()
            .filter(foreign)
            .map(|(id, anchors)| (id.clone(), anchors.clone()))
            .collect(),
    }
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
