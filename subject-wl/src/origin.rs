//! The origin browsers see, and everything that follows from it: cookie names, redirect addresses, who may post.

use axum_extra::extract::cookie::{Cookie, SameSite};
use url::{Position, Url};

/// The public origin of the front end.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    url: Url,
    text: String,
}

impl Origin {
    /// The origin of `url`, whose path is ignored.
    pub(crate) fn of(url: &Url) -> Self {
        Self { url: url.clone(), text: url.origin().ascii_serialization() }
    }

    /// As a browser writes it in the field `Origin`.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// As a browser writes it in the field `Host`.
    pub(crate) fn host(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// The address of `path` here.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The name of a cookie: bound to this very host where TLS is on, else to the port, which browsers would ignore.
    pub(crate) fn cookie_name(&self, name: &str) -> String {
        if self.is_https() {
            format!("__Host-{name}")
        } else {
            format!("{name}_{}", self.url.port_or_known_default().unwrap_or_default())
        }
    }

    /// A cookie no script reads and no other site's form sends.
    pub(crate) fn cookie(&self, name: &str, value: String) -> Cookie<'static> {
        Cookie::build((self.cookie_name(name), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.is_https())
            .build()
    }

    /// The cookie that makes a browser forget `name`.
    pub(crate) fn forget(&self, name: &str) -> Cookie<'static> {
        Cookie::build(self.cookie_name(name)).path("/").secure(self.is_https()).build()
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    fn origin(url: &str) -> Origin {
        Origin::of(&url.parse().unwrap())
    }

    #[test]
    fn a_cookie_under_https_is_bound_to_the_host() {
        let cookie = origin("https://bank.example/").cookie("session", "v".to_owned()).to_string();
        assert_eq!(cookie, "__Host-session=v; HttpOnly; SameSite=Lax; Secure; Path=/");
    }

    #[test]
    fn a_cookie_under_http_is_bound_to_the_port() {
        let cookie = origin("http://127.0.0.1:8080").cookie("session", "v".to_owned()).to_string();
        assert_eq!(cookie, "session_8080=v; HttpOnly; SameSite=Lax; Path=/");
    }

    #[test]
    fn knows_how_browsers_write_it() {
        let origin = origin("http://127.0.0.1:8080/");
        assert_eq!((origin.as_str(), origin.host()), ("http://127.0.0.1:8080", "127.0.0.1:8080"));
        assert_eq!(origin.at("/callback"), "http://127.0.0.1:8080/callback");
        assert_eq!(self::origin("https://bank.example").host(), "bank.example");
    }
}
