//! Bodies and trailers stream: nothing waits for the end of anything.

use bytes::Bytes;
use futures::SinkExt as _;
use futures::channel::mpsc;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use mesh::AnswerBody;
use sha2::{Digest as _, Sha256};
use token::Mode;

use crate::street::{Plan, SOON, Street};

type Part = Result<Frame<Bytes>, std::io::Error>;

const ALL: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

pub(crate) fn channel() -> (mpsc::Sender<Part>, StreamBody<mpsc::Receiver<Part>>) {
    let (sender, receiver) = mpsc::channel(8);
    (sender, StreamBody::new(receiver))
}

#[expect(clippy::unnecessary_wraps, reason = "a part of a body is a result")]
pub(crate) fn data(bytes: impl Into<Bytes>) -> Part {
    Ok(Frame::data(bytes.into()))
}

/// The next bytes of an answer.
pub(crate) async fn next(response: &mut Response<AnswerBody>) -> Bytes {
    let frame = tokio::time::timeout(SOON, response.body_mut().frame()).await.unwrap();
    frame.unwrap().unwrap().into_data().unwrap()
}

async fn street(http1: (bool, bool)) -> Street {
    Street::new(Plan { http1, ..Plan::default() }).await
}

#[tokio::test]
async fn the_first_bytes_arrive_before_the_body_ends() {
    for http1 in ALL {
        let street = street(http1).await;
        let (mut sender, body) = channel();
        let request = street.head(Mode::Id, "POST", "/v1/echo", b"first,second", &[]).map(|()| body);
        sender.send(data("first,")).await.unwrap();
        let mut response = tokio::time::timeout(SOON, street.client.send(request)).await.unwrap().unwrap();
        assert_eq!(next(&mut response).await, "first,", "{http1:?}");
        sender.send(data("second")).await.unwrap();
        assert_eq!(next(&mut response).await, "second", "{http1:?}");
        drop(sender);
        let rest = tokio::time::timeout(SOON, response.into_body().collect()).await.unwrap();
        assert_eq!(rest.unwrap().to_bytes(), "", "{http1:?}");
        street.close().await;
    }
}

#[tokio::test]
async fn trailers_travel_both_ways() {
    for http1 in ALL {
        let street = street(http1).await;
        let (mut sender, body) = channel();
        let announced = [("trailer", "x-checksum"), ("te", "trailers")];
        let request = street.head(Mode::Id, "POST", "/v1/echo", b"body", &announced).map(|()| body);
        let trailers = HeaderMap::from_iter([("x-checksum".parse().unwrap(), HeaderValue::from_static("7"))]);
        sender.send(data("body")).await.unwrap();
        sender.send(Ok(Frame::trailers(trailers))).await.unwrap();
        drop(sender);
        let response = tokio::time::timeout(SOON, street.client.send(request)).await.unwrap().unwrap();
        let whole = tokio::time::timeout(SOON, response.into_body().collect()).await.unwrap().unwrap();
        assert_eq!(whole.trailers().and_then(|trailers| trailers.get("x-checksum")).unwrap(), "7", "{http1:?}");
        assert_eq!(whole.to_bytes(), "body");
        street.close().await;
    }
}

#[tokio::test]
async fn a_big_body_passes_in_both_directions_at_once() {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 128;
    for http1 in [(false, false), (true, true)] {
        let street = street(http1).await;
        let whole = vec![7_u8; PIECE * PIECES];
        let (mut sender, body) = channel();
        let request = street.head(Mode::Id, "POST", "/v1/echo", &whole, &[]).map(|()| body);
        let sending = tokio::spawn(async move {
            for _ in 0..PIECES {
                sender.send(data(vec![7_u8; PIECE])).await.unwrap();
            }
        });
        let mut response = tokio::time::timeout(SOON, street.client.send(request)).await.unwrap().unwrap();
        let (mut hasher, mut length) = (Sha256::new(), 0);
        while let Some(frame) = response.body_mut().frame().await {
            let bytes = frame.unwrap().into_data().unwrap();
            hasher.update(&bytes);
            length += bytes.len();
        }
        sending.await.unwrap();
        assert_eq!((length, hasher.finalize()), (whole.len(), Sha256::digest(&whole)), "{http1:?}");
        street.close().await;
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it() {
    let street = street((true, true)).await;
    let head = street.head(Mode::Id, "POST", "/v1/deposits", b"{}", &[("expect", "100-continue")]);
    let response = street.send(head.map(|()| http_body_util::Full::from("{}"))).await;
    assert_eq!(response.status(), 200);
    assert!(!street.target.only().headers.contains_key("expect"));
    street.close().await;
}

#[tokio::test]
async fn many_requests_share_one_connection() {
    let street = street((false, false)).await;
    let requests = (0..40).map(|_| street.send(street.request(Mode::Id, "GET", "/v1/balance", "")));
    let answers = futures::future::join_all(requests).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    assert!(street.target.seen().iter().all(|seen| seen.links == Ok(3)));
    street.close().await;
}
