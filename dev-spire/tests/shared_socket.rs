//! One address for several callers: who gets what, and what is told to a caller that gets nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use dev_spire::{
    Config, DevSpire,
    pb::{JwtsvidRequest, X509svidRequest, X509svidResponse, spiffe_workload_api_client::SpiffeWorkloadApiClient},
};
use spiffe::{SpiffeId, X509Source};
use std::{os::unix::fs::MetadataExt as _, path::PathBuf, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};
use tonic::{
    Code, Request, Status, Streaming,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const SOON: Duration = Duration::from_secs(5);

struct Fixture {
    spire: DevSpire,
    endpoints: Vec<String>,
    home: TempDir,
}

impl Fixture {
    /// Serves these entries on a Unix socket and on a TCP port.
    async fn start(entries: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("agent/api.sock");
        let listen = format!(r#"listen = ["unix:{}", "tcp://127.0.0.1:0"]"#, socket.display());
        let text = format!("trust_domain = \"bank.example\"\n{listen}\n{entries}");
        let (spire, endpoints) = DevSpire::configured(&Config::parse(&text).unwrap()).await.unwrap();
        Self { spire, endpoints, home }
    }

    async fn channel(&self, index: usize) -> Channel {
        let endpoint = self.endpoints[index].replace("tcp://", "http://");
        Endpoint::from_shared(endpoint).unwrap().connect().await.unwrap()
    }

    async fn svids(&self, index: usize) -> Result<Streaming<X509svidResponse>, Status> {
        let mut client = SpiffeWorkloadApiClient::new(self.channel(index).await);
        client.fetch_x509svid(with_header(X509svidRequest {})).await.map(tonic::Response::into_inner)
    }

    /// IDs, hints, in the order in which they came.
    async fn first(&self, index: usize) -> Vec<(String, String)> {
        let answer = self.svids(index).await.unwrap().message().await.unwrap().unwrap();
        answer.svids.into_iter().map(|svid| (svid.spiffe_id, svid.hint)).collect()
    }

    async fn refusal(&self, index: usize) -> (Code, String) {
        let status = self.svids(index).await.unwrap_err();
        (status.code(), status.message().to_owned())
    }
}

fn with_header<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
    request
}

fn my_uid() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}

fn my_path() -> PathBuf {
    std::env::current_exe().unwrap().canonicalize().unwrap()
}

fn entry(name: &str, selectors: &str) -> String {
    format!("[[entry]]\nid = \"spiffe://bank.example/{name}\"\n{selectors}\n")
}

fn me() -> String {
    format!("uid = {}\npath = '{}'", my_uid(), my_path().display())
}

fn pair(name: &str, hint: &str) -> (String, String) {
    (format!("spiffe://bank.example/{name}"), hint.to_owned())
}

const UNIX: usize = 0;
const TCP: usize = 1;

#[tokio::test]
async fn a_caller_gets_every_entry_that_is_its_own_in_their_order() {
    let entries = [
        entry("z", &format!("hint = \"internal\"\n{}", me())),
        entry("other-user", &format!("uid = {}", my_uid() + 1)),
        entry("other-program", "path = \"/usr/bin/other\""),
        entry("half", &format!("uid = {}\npath = \"/usr/bin/other\"", my_uid())),
        entry("a", &format!("hint = \"external\"\nkey = \"p384\"\nuid = {}", my_uid())),
        entry("a", &format!("hint = \"external\"\nkey = \"p384\"\npath = {:?}", my_path())),
        entry("m", &format!("path = {:?}", my_path())),
    ];
    let fixture = Fixture::start(&entries.concat()).await;
    assert_eq!(fixture.first(UNIX).await, [pair("z", "internal"), pair("a", "external"), pair("m", "")]);
    fixture.spire.shutdown().await;
}

#[tokio::test]
async fn a_caller_that_matches_nothing_is_refused() {
    let fixture = Fixture::start(&entry("other", &format!("uid = {}", my_uid() + 1))).await;
    let refusal = (Code::PermissionDenied, "no identity issued".to_owned());
    assert_eq!(fixture.refusal(UNIX).await, refusal);
    assert_eq!(fixture.refusal(TCP).await, refusal);
}

#[tokio::test]
async fn only_entries_that_say_so_are_given_out_over_tcp() {
    let entries = [entry("mine", &me()), entry("open", "tcp = true"), entry("both", &format!("tcp = true\n{}", me()))];
    let fixture = Fixture::start(&entries.concat()).await;
    assert_eq!(fixture.first(TCP).await, [pair("open", ""), pair("both", "")]);
    assert_eq!(fixture.first(UNIX).await, [pair("mine", ""), pair("both", "")]);
}

#[tokio::test]
async fn the_spiffe_crate_finds_an_identity_over_tcp() {
    let fixture = Fixture::start(&entry("open", "tcp = true")).await;
    let source = X509Source::builder().endpoint(&fixture.endpoints[TCP]).initial_sync_timeout(SOON).build().await;
    assert_eq!(source.unwrap().svid().unwrap().spiffe_id().to_string(), "spiffe://bank.example/open");
}

#[tokio::test]
async fn jwt_svids_come_for_every_identity_or_for_the_one_asked_for() {
    let entries = [entry("a", &format!("hint = \"h\"\n{}", me())), entry("b", &me()), entry("c", "tcp = true")];
    let fixture = Fixture::start(&entries.concat()).await;
    let mut client = SpiffeWorkloadApiClient::new(fixture.channel(UNIX).await);
    let mut fetch = async |name: &str| {
        let request = JwtsvidRequest { audience: vec!["x".to_owned()], spiffe_id: name.to_owned() };
        let answer = client.fetch_jwtsvid(with_header(request)).await?.into_inner();
        Ok::<_, Status>(answer.svids.into_iter().map(|svid| (svid.spiffe_id, svid.hint)).collect::<Vec<_>>())
    };
    assert_eq!(fetch("").await.unwrap(), [pair("a", "h"), pair("b", "")]);
    assert_eq!(fetch("spiffe://bank.example/b").await.unwrap(), [pair("b", "")]);
    let refused = fetch("spiffe://bank.example/c").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "no identity issued"));
}

#[tokio::test]
async fn a_stream_tells_of_changes_to_its_own_identities_only() {
    let fixture = Fixture::start(&[entry("a", &me()), entry("b", &me()), entry("c", "tcp = true")].concat()).await;
    let id = |name: &str| SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap();
    let mut stream = fixture.svids(UNIX).await.unwrap();
    let mut next = async || timeout(SOON, stream.message()).await.unwrap();
    assert_eq!(next().await.unwrap().unwrap().svids.len(), 2);
    fixture.spire.withdraw(&id("c"));
    fixture.spire.withdraw(&id("a"));
    let left = next().await.unwrap().unwrap().svids;
    assert_eq!(left.iter().map(|svid| svid.spiffe_id.as_str()).collect::<Vec<_>>(), ["spiffe://bank.example/b"]);
    fixture.spire.withdraw(&id("b"));
    assert_eq!(next().await.unwrap_err().code(), Code::PermissionDenied);
}

/// Like gRPC's C core, which no Rust client can be made to imitate: `:authority` is the path, percent-encoded.
#[tokio::test]
async fn a_client_that_names_the_path_as_authority_is_answered() {
    let fixture = Fixture::start(&entry("a", &me())).await;
    let mut stream = UnixStream::connect(fixture.home.path().join("agent/api.sock")).await.unwrap();
    let literal = |name: &str, value: &str| {
        let length = |text: &str| [u8::try_from(text.len()).unwrap()];
        [b"\x40", &length(name)[..], name.as_bytes(), &length(value), value.as_bytes()].concat()
    };
    let fields = [
        literal(":method", "POST"),
        literal(":scheme", "http"),
        literal(":path", "/SpiffeWorkloadAPI/FetchX509SVID"),
        literal(":authority", "tmp%2Fagent%2Fapi.sock"),
        literal("content-type", "application/grpc"),
        literal("te", "trailers"),
    ]
    .concat();
    let length = u8::try_from(fields.len()).unwrap();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let headers = [0, 0, length, 1, 5, 0, 0, 0, 1];
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &headers, &fields].concat()).await.unwrap();
    // The first frame on the stream of the request: HEADERS, with the status, and not RST_STREAM.
    let kind = loop {
        let mut frame = [0; 9];
        timeout(SOON, stream.read_exact(&mut frame)).await.unwrap().unwrap();
        let mut payload = vec![0; usize::from(frame[2])];
        stream.read_exact(&mut payload).await.unwrap();
        if frame[8] == 1 {
            break frame[3];
        }
    };
    assert_eq!(kind, 1);
}

#[tokio::test]
async fn the_socket_is_for_everyone_and_goes_with_the_process() {
    let fixture = Fixture::start(&entry("a", &me())).await;
    let socket = fixture.home.path().join("agent/api.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().mode() & 0o777, 0o666);
    fixture.spire.shutdown().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let fixture = Fixture::start(&entry("a", "tcp = true")).await;
    let taken = &fixture.endpoints[TCP];
    let text = format!("trust_domain = \"bank.example\"\nlisten = [{taken:?}]\n{}", entry("a", "tcp = true"));
    let error = DevSpire::configured(&Config::parse(&text).unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen at {taken}"));
}

#[tokio::test]
async fn reflection_describes_the_service_to_whoever_asks() {
    let fixture = Fixture::start(&entry("a", &me())).await;
    let mut client = ServerReflectionClient::new(fixture.channel(UNIX).await);
    let ask = |what| ServerReflectionRequest { host: String::new(), message_request: Some(what) };
    let requests = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("SpiffeWorkloadAPI".to_owned())),
    ];
    let mut answers = client.server_reflection_info(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list");
    };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert_eq!(names, ["SpiffeWorkloadAPI", "grpc.reflection.v1.ServerReflection"]);
    let Some(MessageResponse::FileDescriptorResponse(file)) =
        answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no file");
    };
    assert!(!file.file_descriptor_proto.is_empty());
}
