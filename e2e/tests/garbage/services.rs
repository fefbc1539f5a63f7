//! The services of the mesh: wrong methods, paths, peers, field lines, and bytes that are no HTTP.

use bytes::Bytes;
use e2e::{Bank, raw, refused};
use http::{HeaderValue, Method, Request};
use wire::problem::ProblemKind;

use super::{noise, still_works};

/// Every endpoint: the service, its method, its path.
const ENDPOINTS: [(&str, &str, &str); 15] = [
    ("asserting-wl", "GET", "/keys"),
    ("asserting-wl", "POST", "/mint"),
    ("asserting-wl", "POST", "/ecdsaassertion"),
    ("asserting-wl", "POST", "/mintassertion"),
    ("asserting-wl", "POST", "/introspect"),
    ("asserting-wl", "POST", "/validate"),
    ("asserting-wl", "GET", "/openapi.json"),
    ("middle-tier-1", "GET", "/v1/balance"),
    ("middle-tier-1", "POST", "/v1/deposits"),
    ("middle-tier-2", "GET", "/v1/balance"),
    ("middle-tier-2", "POST", "/v1/deposits"),
    ("target-wl", "GET", "/v1/balance"),
    ("target-wl", "POST", "/v1/deposits"),
    ("target-wl", "POST", "/v1/transfers"),
    ("target-wl", "GET", "/v1/transactions"),
];

/// The services of the mesh.
const SERVICES: [&str; 4] = ["asserting-wl", "middle-tier-1", "middle-tier-2", "target-wl"];

fn request(method: &str, target: &str, fields: &[(&'static str, &[u8])], body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::new(body.into());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = target.parse().unwrap();
    for (name, value) in fields {
        request.headers_mut().append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    request
}

#[tokio::test]
async fn every_other_method_is_a_problem() {
    let bank = Bank::open().await;
    let teller = bank.actor("cli").await;
    for (service, own, path) in ENDPOINTS {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if method == own {
                continue;
            }
            let answer = teller.send(&bank.endpoint(service), request(method, path, &[], "")).await.unwrap();
            let answer = refused(&answer);
            let expected: &[ProblemKind] = match (service.starts_with("middle-tier"), method) {
                // A hop passes a GET and a POST on to any path of its routes, if the chain is good.
                (true, "GET") => &[ProblemKind::InvalidToken],
                (true, "POST") => &[ProblemKind::InvalidToken, ProblemKind::InvalidRequest],
                (true, "TRACE") | (false, _) => &[ProblemKind::MethodNotAllowed],
                (true, _) => &[ProblemKind::NotPermitted],
            };
            assert!(expected.contains(&answer.kind), "{method} {path} at {service}: {answer:?}");
        }
    }
    still_works(&bank).await;
}

#[tokio::test]
async fn a_path_that_is_none_is_a_problem() {
    let bank = Bank::open().await;
    let teller = bank.actor("cli").await;
    let long = format!("/{}", "a".repeat(9000));
    for service in SERVICES {
        for path in ["/", "/nowhere", "/v1/balance/", "/v1/../keys", "/v1//balance", "/%00", "/v1/%2e%2e/mint", &long] {
            let answer = teller.send(&bank.endpoint(service), request("GET", path, &[], "")).await.unwrap();
            let answer = refused(&answer);
            assert!(answer.kind.status().is_client_error(), "{path} at {service}: {answer:?}");
        }
    }
    still_works(&bank).await;
}

#[tokio::test]
async fn garbage_in_place_of_a_chain_is_a_problem_at_every_verifier() {
    let bank = Bank::open().await;
    let teller = bank.actor("cli").await;
    let huge = "A".repeat(17_000);
    let many = ["a.b.c"; 20].join("~");
    let deep = format!(
        "{}.AAAA.AAAA",
        token::encoding::base64url(format!("{{\"typ\":{}1{}}}", "[".repeat(900), "]".repeat(900)).as_bytes())
    );
    let noise: Vec<u8> = noise(2, 300).into_iter().filter(|byte| *byte > 0x1f && *byte != 0x7f).collect();
    let chains: [(&str, &[u8]); 12] = [
        ("nothing", b""),
        ("a space", b"a b"),
        ("a letter", b"A"),
        ("dots", b"..~..~.."),
        ("empty objects", b"e30.e30.e30"),
        ("tildes", b"~~~~"),
        ("bad UTF-8", b"\xff\xfe\xfd.\xff.\xff"),
        ("quotes", b"\"a.b.c\""),
        ("noise", &noise),
        ("depth", deep.as_bytes()),
        ("a huge one", huge.as_bytes()),
        ("many segments", many.as_bytes()),
    ];
    for service in ["middle-tier-1", "middle-tier-2", "target-wl"] {
        for (what, chain) in chains {
            let request = request("GET", "/v1/balance", &[("da-svid", chain)], "");
            let answer = refused(&teller.send(&bank.endpoint(service), request).await.unwrap());
            assert!(
                matches!(answer.kind, ProblemKind::InvalidToken | ProblemKind::TooLarge),
                "{what} at {service}: {answer:?}"
            );
        }
        for certificates in [&b":AAAA:, :AAAA:"[..], b"AAAA", b":*:", b"\xff", b":AAAA:;a=1"] {
            let fields: [(&str, &[u8]); 2] = [("da-svid", b"e30.e30.e30~e30.e30.e30"), ("da-svid-certs", certificates)];
            let answer =
                teller.send(&bank.endpoint(service), request("GET", "/v1/balance", &fields, "")).await.unwrap();
            assert_eq!(refused(&answer).kind, ProblemKind::InvalidToken, "{service}");
        }
    }
    still_works(&bank).await;
}

#[tokio::test]
async fn garbage_in_place_of_a_token_is_a_problem_or_a_dead_token() {
    let bank = Bank::open().await;
    let teller = bank.actor("cli").await;
    let huge = "A".repeat(60_000);
    let texts = ["x", "a.b.c", "e30.e30.e30", "\0\0\0", "\u{fffd}", "~", "..~..", &huge];
    for (path, name) in [
        ("/mint", "access_token"),
        ("/ecdsaassertion", "access_token"),
        ("/mintassertion", "access_token"),
        ("/validate", "token"),
        ("/introspect", "token"),
    ] {
        for text in texts {
            let answer = teller.teller.asserting().post_form(path, &[(name, text)]).await.unwrap();
            let shown = String::from_utf8_lossy(&answer.body).into_owned();
            match path {
                "/introspect" if answer.status == 200 => assert_eq!(shown, "{\"active\":false}"),
                _ => assert!(refused(&answer).kind.status().is_client_error(), "{path}: {shown}"),
            }
        }
        for _ in 0..3 {
            let body = noise(3, 400);
            let form = [("content-type", &b"application/x-www-form-urlencoded"[..])];
            let answer = teller.send(&bank.place().asserting, request("POST", path, &form, body)).await.unwrap();
            assert_eq!(refused(&answer).kind, ProblemKind::InvalidRequest, "{path}");
        }
    }
    still_works(&bank).await;
}

#[tokio::test]
async fn a_stranger_with_a_stolen_chain_and_token_gets_nothing_anywhere() {
    let bank = Bank::open().await;
    let (stranger, teller) = (bank.actor("stranger").await, bank.actor("cli").await);
    let token = bank.token("alice").await;
    let chain = teller.chain(token::Mode::Id, &token, &e2e::actor::balance()).await.da_svid;
    for (service, method, path) in ENDPOINTS {
        let form: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");
        let fields = [form, ("da-svid", chain.as_bytes())];
        let is_mint = path.contains("assertion") || path == "/mint";
        let body = if is_mint { format!("access_token={token}") } else { format!("token={chain}") };
        let answer = stranger.send(&bank.endpoint(service), request(method, path, &fields, body)).await.unwrap();
        match path {
            // These tell everyone in the trust domain the same.
            "/keys" | "/openapi.json" => assert!(answer.status.is_success()),
            // Diagnostics: reads back what is written in the chain it was shown, for whoever holds it.
            "/validate" => assert!(String::from_utf8_lossy(&answer.body).contains("\"signature_valid\":false")),
            "/introspect" => assert_eq!(answer.body, "{\"active\":false}"),
            _ => {
                let answer = refused(&answer);
                assert!(matches!(answer.kind.status().as_u16(), 400 | 401 | 403), "{path} at {service}: {answer:?}");
            }
        }
    }
    still_works(&bank).await;
}

#[tokio::test]
async fn bytes_that_are_no_http_end_their_own_connection_only() {
    let bank = Bank::open().await;
    let long = format!("GET /v1/balance HTTP/1.1\r\nHost: x\r\nDA-SVID: {}\r\n\r\n", "A".repeat(200_000));
    let heads: [&[u8]; 9] = [
        b"\r\n\r\n\r\nnonsense\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/balance HTTP/1.1\r\nHost: x\r\nDA-SVID: a\0b\r\n\r\n",
        b"GET /v1/balance HTTP/1.1\r\nHost: x\r\nDA-SVID : a\r\n\r\n",
        b"GET /v1/balance HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /v1/balance HTTP/9.9\r\nHost: x\r\n\r\n",
        b"POST /mint HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"\xff\xff\xff\xff /\xff HTTP/1.1\r\n\r\n",
        long.as_bytes(),
    ];
    for service in SERVICES {
        let (socket, at) = (bank.socket("cli"), bank.endpoint(service));
        for (number, head) in heads.iter().enumerate() {
            let answer = raw::over_mtls(&socket, &at, head).await;
            let status = raw::status(&answer);
            assert!(status.is_none_or(|status| matches!(status, 400 | 431)), "{service} {number}: {status:?}");
        }
        for seed in 0..8 {
            let bytes = [noise(seed, 2000), b"\r\n\r\n".to_vec()].concat();
            let answer = raw::over_mtls(&socket, &at, &bytes).await;
            assert!(raw::status(&answer).is_none_or(|status| status == 400), "{service} {seed}");
            // And where a TLS handshake is expected.
            raw::over_tcp(&at.url, &bytes).await;
        }
    }
    still_works(&bank).await;
}
