//! Logging out: here first, then at the provider (OpenID Connect RP-Initiated Logout).

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;

use crate::{
    front::{Front, OwnForm},
    pages::{self, Frame, MessagePage},
    session,
};

/// Ends the session, whatever happens at the provider.
pub(crate) async fn leave(
    State(front): State<Arc<Front>>,
    jar: CookieJar,
    OwnForm { person, .. }: OwnForm,
) -> Response {
    if let Some(cookie) = jar.get(&front.origin.cookie_name(session::COOKIE)) {
        front.sessions.close(cookie.value());
    }
    let jar = jar.remove(front.origin.forget(session::COOKIE));
    let next = match front.oidc.farewell(&person.session.id_token).await {
        Ok(Some(address)) => address.to_string(),
        Ok(None) => "/signed-out".to_owned(),
        Err(error) => {
            tracing::warn!(%error, "the provider was not told of a logout");
            "/signed-out".to_owned()
        }
    };
    (jar, Redirect::to(&next)).into_response()
}

/// Where the provider sends the browser afterwards.
pub(crate) async fn left() -> Response {
    let template = MessagePage {
        frame: Frame::signed_out("Signed out"),
        text: "You are signed out. Thank you for banking with us.",
        action: Some(("/login", "Sign in again")),
    };
    pages::page(StatusCode::OK, &template)
}
