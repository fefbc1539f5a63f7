//! The login page: who is at the browser?

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use axum_extra::extract::cookie::CookieJar;

use crate::{
    authorize, cookie,
    pages::{self, LoginPage},
    params::Params,
    provider::{Asked, Login, Provider},
};

/// The cookie of a logged-in browser.
pub(crate) const SESSION: &str = "dev_idp_session";
/// The cookie of a browser that is asked to log in.
const PRE_LOGIN: &str = "dev_idp_login";

/// Shows the login page for a checked request.
pub(crate) fn ask(provider: &Provider, jar: CookieJar, asked: Asked) -> Response {
    let (id, login) = provider.open_login(asked);
    let jar = jar.add(cookie::make(PRE_LOGIN, provider.port, login.browser.clone()));
    let hint = login.asked.login_hint.clone().unwrap_or_default();
    (jar, form(provider, &id, &login, &hint, false)).into_response()
}

/// Takes the login form: name, password, and proof that it is our page in the same browser.
pub(crate) async fn post(State(provider): State<Arc<Provider>>, jar: CookieJar, body: Bytes) -> Response {
    let Ok(params) = Params::parse(&body) else { return pages::refusal("The form has a field twice.") };
    let field = |name| params.find(name).unwrap_or_default();
    let id = field("login");
    let browser = jar.get(&cookie::named(PRE_LOGIN, provider.port)).map_or("", |cookie| cookie.value());
    let Some(login) = provider
        .login(id)
        .filter(|login| cookie::same(&login.browser, browser) && cookie::same(&login.csrf, field("csrf")))
    else {
        return pages::refusal("This login page is no longer valid. Go back to the application and log in again.");
    };
    let Some(person) = provider.authenticate(field("username"), field("password")) else {
        return form(&provider, id, &login, field("username"), true);
    };
    provider.close_login(id);
    let session = provider.begin_session(person);
    let jar = jar.remove(cookie::gone(PRE_LOGIN, provider.port)).add(cookie::make(
        SESSION,
        provider.port,
        provider.remember_browser(&session),
    ));
    (jar, authorize::granted(&provider, login.asked.clone(), session)).into_response()
}

fn form(provider: &Provider, id: &str, login: &Login, name: &str, failed: bool) -> Response {
    let template = LoginPage {
        client: &login.asked.client.id,
        login: id,
        csrf: &login.csrf,
        name,
        failed,
        people: &provider.settings.people,
    };
    let status = if failed { StatusCode::FORBIDDEN } else { StatusCode::OK };
    pages::page(status, &template, Some(&login.asked.redirect_uri))
}
