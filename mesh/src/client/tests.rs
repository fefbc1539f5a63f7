//! The words of the client's errors.

use super::*;

#[test]
fn shows_no_query() {
    let error = request(Method::GET, "no target?token=secret", Bytes::new()).unwrap_err();
    assert_eq!(error.to_string(), "\"no target\" is not a request target");
}
