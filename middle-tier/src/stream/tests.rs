//! Bodies watched while they stream.

use futures::{SinkExt as _, channel::mpsc, stream};
use http::{HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full, StreamBody};

use super::*;

const IDLE: Duration = Duration::from_millis(300);

type Part = Result<Frame<Bytes>, &'static str>;

fn body<const N: usize>(frames: [Part; N]) -> StreamBody<stream::Iter<std::array::IntoIter<Part, N>>> {
    StreamBody::new(stream::iter(frames))
}

fn channel() -> (mpsc::Sender<Part>, StreamBody<mpsc::Receiver<Part>>) {
    let (sender, receiver) = mpsc::channel(8);
    (sender, StreamBody::new(receiver))
}

#[expect(clippy::unnecessary_wraps, reason = "a part of a body is a result")]
fn data(text: &'static str) -> Part {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

#[expect(clippy::unnecessary_wraps, reason = "a part of a body is a result")]
fn trailers(name: &'static str) -> Part {
    let fields = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static("1"))]);
    Ok(Frame::trailers(fields))
}

fn expecting(digest: Option<&str>) -> Expectation {
    Expectation { digest: digest.map(|text| Sha256::digest(text).into()), max_bytes: 1000, idle: IDLE }
}

fn through<B: Body<Data = Bytes> + Unpin>(inner: B, digest: Option<&str>) -> RequestBody<B> {
    RequestBody::new(inner, expecting(digest), Exchange::default())
}

/// Every frame's bytes until the end or the first error.
async fn drain<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> (Vec<Bytes>, Option<B::Error>) {
    let mut passed = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => passed.extend(frame.into_data()),
            Err(error) => return (passed, Some(error)),
        }
    }
    (passed, None)
}

#[tokio::test]
async fn passes_a_body_whose_digest_matches() {
    let mut stream = through(body([data("ab"), data("cd")]), Some("abcd"));
    assert_eq!(drain(&mut stream).await, (vec![Bytes::from("ab"), Bytes::from("cd")], None));
    assert!(stream.is_end_stream());
}

#[tokio::test]
async fn ends_a_body_of_another_digest_with_an_error() {
    let mut stream = through(body([data("ab"), data("ce")]), Some("abcd"));
    assert_eq!(drain(&mut stream).await.1, Some(Ended::DigestMismatch));
}

#[tokio::test]
async fn holds_the_last_bytes_back_when_the_length_is_declared() {
    let mut stream = through(Full::new(Bytes::from("abce")), Some("abcd"));
    assert_eq!(drain(&mut stream).await, (vec![], Some(Ended::DigestMismatch)));
}

#[tokio::test]
async fn refuses_an_empty_body_for_the_digest_of_another() {
    let mut stream = through(Full::new(Bytes::new()), Some("abcd"));
    assert!(!stream.is_end_stream());
    assert_eq!(drain(&mut stream).await, (vec![], Some(Ended::DigestMismatch)));
}

#[tokio::test]
async fn refuses_a_body_cut_short() {
    let mut stream = through(body([data("ab"), Err("reset")]), Some("abcd"));
    assert_eq!(drain(&mut stream).await, (vec![Bytes::from("ab")], Some(Ended::ClientGone)));
    let mut stream = through(body([data("ab")]), Some("abcd"));
    assert_eq!(drain(&mut stream).await, (vec![Bytes::from("ab")], Some(Ended::DigestMismatch)));
}

#[tokio::test]
async fn refuses_more_bytes_than_allowed() {
    let mut stream = RequestBody::new(
        body([data("ab"), data("cd")]),
        Expectation { max_bytes: 3, ..expecting(None) },
        Exchange::default(),
    );
    assert_eq!(drain(&mut stream).await, (vec![Bytes::from("ab")], Some(Ended::TooLarge(3))));
}

#[tokio::test]
async fn checks_the_digest_before_the_trailers_pass() {
    let mut stream = through(body([data("ab"), trailers("x-checksum")]), Some("abcd"));
    assert_eq!(drain(&mut stream).await.1, Some(Ended::DigestMismatch));
}

#[tokio::test]
async fn passes_ordinary_trailers() {
    let stream = through(body([data("ab"), trailers("x-checksum")]), Some("ab"));
    let whole = stream.collect().await.unwrap();
    assert_eq!(whole.trailers().unwrap().get("x-checksum").unwrap(), "1");
}

#[tokio::test]
async fn refuses_a_digest_in_trailers() {
    for name in ["content-digest", "repr-digest", "da-svid", "da-svid-certs"] {
        let mut stream = through(body([data("ab"), trailers(name)]), None);
        assert_eq!(drain(&mut stream).await.1, Some(Ended::ForbiddenTrailer(HeaderName::from_static(name))));
    }
}

#[tokio::test]
async fn gives_up_on_a_silent_client() {
    let (mut sender, silent) = channel();
    let mut stream = RequestBody::new(silent, expecting(None), Exchange::default());
    sender.send(data("ab")).await.unwrap();
    let start = Instant::now();
    assert_eq!(drain(&mut stream).await, (vec![Bytes::from("ab")], Some(Ended::RequestStalled(IDLE))));
    assert!(start.elapsed() >= IDLE);
    drop(sender);
}

#[tokio::test]
async fn bears_with_a_slow_client_that_never_stops() {
    let (mut sender, slow) = channel();
    let mut stream = RequestBody::new(slow, expecting(None), Exchange::default());
    let client = tokio::spawn(async move {
        for _ in 0..10 {
            sleep(IDLE / 5).await;
            sender.send(data("a")).await.unwrap();
        }
    });
    assert_eq!(drain(&mut stream).await.1, None);
    client.await.unwrap();
}

#[tokio::test]
async fn a_slow_reader_is_not_a_slow_sender() {
    let (mut sender, inner) = channel();
    let mut stream = RequestBody::new(inner, expecting(None), Exchange::default());
    let client = tokio::spawn(async move {
        sender.send(data("a")).await.unwrap();
        sender.send(data("b")).await.unwrap();
    });
    stream.frame().await.unwrap().unwrap();
    sleep(IDLE * 2).await;
    assert_eq!(drain(&mut stream).await, (vec![Bytes::from("b")], None));
    client.await.unwrap();
}

#[tokio::test]
async fn both_bodies_stop_when_the_exchange_ends() {
    let exchange = Exchange::default();
    let (_client, inner) = channel();
    let mut request = RequestBody::new(inner, expecting(None), exchange.clone());
    let (_upstream, inner) = channel();
    let mut response = ResponseBody::new(inner, IDLE, exchange.clone(), ());
    exchange.end(Ended::Revoked);
    assert_eq!(drain(&mut request).await.1, Some(Ended::Revoked));
    assert_eq!(drain(&mut response).await.1, Some(Ended::Revoked));
}

#[tokio::test]
async fn gives_up_on_a_silent_next_hop() {
    let (_upstream, inner) = channel();
    let mut response = ResponseBody::new(inner, IDLE, Exchange::default(), ());
    assert_eq!(drain(&mut response).await.1, Some(Ended::ResponseStalled));
}

#[tokio::test]
async fn an_answer_cut_short_stays_cut_short() {
    let mut response = ResponseBody::new(body([data("ab"), Err("reset")]), IDLE, Exchange::default(), ());
    assert_eq!(drain(&mut response).await, (vec![Bytes::from("ab")], Some(Ended::UpstreamGone)));
}

#[tokio::test]
async fn a_chain_in_the_answers_trailers_is_dropped() {
    let response = ResponseBody::new(body([data("ab"), trailers("da-svid")]), IDLE, Exchange::default(), ());
    assert!(response.collect().await.unwrap().trailers().unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_an_answer_takes_its_request_along() {
    let exchange = Exchange::default();
    let (_upstream, inner) = channel();
    let response = ResponseBody::new(inner, IDLE, exchange.clone(), ());
    assert_eq!(exchange.reason(), None);
    drop(response);
    assert_eq!(exchange.reason(), Some(Ended::ClientGone));
}

#[tokio::test]
async fn an_answer_read_to_its_end_ends_nothing_else() {
    let exchange = Exchange::default();
    let mut response = ResponseBody::new(body([data("ab")]), IDLE, exchange.clone(), ());
    assert_eq!(drain(&mut response).await.1, None);
    drop(response);
    assert_eq!(exchange.reason(), None);
}
