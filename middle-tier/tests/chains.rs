//! What the target finds when everything is as it should be: a chain one link longer a hop, and the request untouched.

use http::{Version, header};
use token::{Chain, Mode};

use crate::street::{Plan, Street, text};

const ALL: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

fn chain(seen: &crate::target::Seen) -> Chain {
    Chain::parse(seen.headers["da-svid"].to_str().unwrap()).unwrap()
}

#[tokio::test]
async fn each_hop_appends_its_own_link_in_id_mode() {
    let street = Street::usual().await;
    let response = street.send(street.request(Mode::Id, "GET", "/v1/balance?x=1", "")).await;
    assert_eq!(text(response).await, "seen");
    let seen = street.target.only();
    assert_eq!(seen.links, Ok(3));
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/v1/balance?x=1"));
    assert_eq!(seen.peer, "spiffe://bank.example/middle-tier-2");
    let chain = chain(&seen);
    let names: Vec<_> = chain.links().iter().map(|link| link.claims.iss().unwrap().path().to_owned()).collect();
    assert_eq!(names, ["/subject-wl", "/middle-tier-1", "/middle-tier-2"]);
    assert!(chain.links().iter().all(|link| link.claims.rqd == chain.links()[0].claims.rqd));
    assert_eq!(seen.headers["da-svid-certs"].to_str().unwrap().split(',').count(), 3);
    street.close().await;
}

#[tokio::test]
async fn the_last_hop_seals_an_anonymous_chain() {
    let street = Street::usual().await;
    let response = street.send(street.request(Mode::Anonymous, "POST", "/v1/deposits", "{}")).await;
    assert_eq!(text(response).await, "seen");
    let seen = street.target.only();
    assert_eq!(seen.links, Ok(3));
    let chain = chain(&seen);
    let last = &chain.links()[2].claims;
    assert!(last.fin() && last.rqd.is_some());
    assert_eq!(last.aud().unwrap().path(), "/target-wl");
    street.close().await;
}

#[tokio::test]
async fn a_plain_da_svid_passes_unchanged() {
    let street = Street::usual().await;
    let request = street.request(Mode::Plain, "POST", "/v1/deposits", "{}");
    let sent = request.headers()["da-svid"].clone();
    assert_eq!(text(street.send(request).await).await, "seen");
    assert_eq!(street.target.only().headers["da-svid"], sent);
    assert_eq!(street.target.only().links, Ok(0));
    street.close().await;
}

#[tokio::test]
async fn speaks_both_versions_of_http_on_both_sides() {
    for http1 in ALL {
        let street = Street::new(Plan { http1, ..Plan::default() }).await;
        let response = street.send(street.request(Mode::Id, "POST", "/v1/deposits", "{\"minor\":1}")).await;
        assert_eq!(text(response).await, "seen", "{http1:?}");
        let (body, _) = street.target.body().await.unwrap();
        assert_eq!(body, "{\"minor\":1}");
        let seen = street.target.only();
        assert_eq!(seen.links, Ok(3), "{http1:?}");
        assert_eq!(seen.version, if http1.1 { Version::HTTP_11 } else { Version::HTTP_2 });
        street.close().await;
    }
}

#[tokio::test]
async fn hands_on_any_method_with_its_path_and_fields() {
    let street = Street::usual().await;
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PURGE"] {
        let head =
            street.head(Mode::Id, method, "/v1/a%20b/~c?d=%3F&e", b"", &[("x-request-id", "7"), ("accept", "*/*")]);
        let response = street.send(head.map(|()| http_body_util::Full::default())).await;
        assert_eq!(response.status(), 200, "{method}");
        let seen = street.target.seen().pop().unwrap();
        assert_eq!((seen.method.as_str(), seen.target.as_str()), (method, "/v1/a%20b/~c?d=%3F&e"));
        assert_eq!(seen.headers["x-request-id"], "7");
        assert_eq!(seen.links, Ok(3), "{method}");
    }
    street.close().await;
}

#[tokio::test]
async fn stands_in_via_and_passes_the_trace_on() {
    let street = Street::usual().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let head = street.head(Mode::Id, "GET", "/v1/balance", b"", &[("traceparent", parent), ("tracestate", "a=b")]);
    let response = street.send(head.map(|()| http_body_util::Full::default())).await;
    let via: Vec<_> = response.headers().get_all(header::VIA).iter().cloned().collect();
    assert_eq!(via, ["2 middle-tier-2", "2 middle-tier-1"]);
    let seen = street.target.only();
    assert_eq!(
        (&seen.headers["traceparent"], &seen.headers["tracestate"]),
        (&parent.parse().unwrap(), &"a=b".parse().unwrap())
    );
    let via: Vec<_> = seen.headers.get_all(header::VIA).iter().cloned().collect();
    assert_eq!(via, ["2 middle-tier-1", "2 middle-tier-2"]);
    street.close().await;
}

#[tokio::test]
async fn an_unbound_route_passes_a_chain_that_is_not_bound() {
    let street = Street::usual().await;
    let mut request = street.request(Mode::Id, "GET", "/open/news", "");
    let root = street.keys.mint(Mode::Id, None, chassis::Clock::now(&chassis::SystemClock));
    let (chain, _) = street.first_link(&root, "middle-tier-1", None, chassis::Clock::now(&chassis::SystemClock));
    request.headers_mut().insert("da-svid", chain.parse().unwrap());
    assert_eq!(street.send(request).await.status(), 200);
    let seen = street.target.only();
    assert!(self::chain(&seen).links().iter().all(|link| link.claims.rqd.is_none()));
    street.close().await;
}

#[tokio::test]
async fn a_hop_narrows_what_it_passes_on() {
    let narrow = "[link.only]\nmethods = [\"GET\"]\n";
    let street = Street::new(Plan { modes: r#""id""#, settings: narrow, ..Plan::default() }).await;
    assert_eq!(street.send(street.request(Mode::Id, "GET", "/v1/balance", "")).await.status(), 200);
    let response = street.send(street.request(Mode::Id, "POST", "/v1/deposits", "{}")).await;
    let problem = crate::street::problem(response).await;
    assert_eq!(problem.kind, wire::problem::ProblemKind::NotPermitted);
    assert_eq!(problem.culprit, "spiffe://bank.example/middle-tier-2");
    street.close().await;
}

#[tokio::test]
async fn an_embedded_proof_travels_on() {
    let street = Street::usual().await;
    let head = street.head(Mode::Id, "GET", "/v1/balance", b"", &[("da-svid-proof", "eyJ4IjoxfQ")]);
    street.send(head.map(|()| http_body_util::Full::default())).await;
    assert_eq!(street.target.only().headers["da-svid-proof"], "eyJ4IjoxfQ");
    street.close().await;
}

#[tokio::test]
async fn max_forwards_says_which_hop_answers_options() {
    let street = Street::usual().await;
    for (allowed, seen) in [("0", 0), ("1", 0), ("5", 1)] {
        let mut head = street.head(Mode::Id, "OPTIONS", "/v1/balance", b"", &[]);
        head.headers_mut().insert(header::MAX_FORWARDS, allowed.parse().unwrap());
        let response = street.send(head.map(|()| http_body_util::Full::default())).await;
        assert_eq!(response.status(), if seen == 0 { 204 } else { 200 }, "{allowed}");
        assert_eq!(street.target.seen().len(), seen, "{allowed}");
    }
    assert_eq!(street.target.only().headers[header::MAX_FORWARDS], "3");
    street.close().await;
}
