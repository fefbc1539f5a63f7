//! Every shape: what its tokens look like on the wire, and that none of them is mistaken for another kind here.

use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::{ISSUER, World, asking, exchange, form, part};
use crate::{Algorithm, DevIdp, Settings, Shape, UnknownAlgorithm, UnknownShape};

/// A provider of this shape, and the tokens of a login at it.
async fn logged_in(shape: Shape) -> (World, Value) {
    let world = World::new(|settings| settings.shape = shape);
    let mut browser = world.browser();
    let (path, asked) = (shape.path(), asking(&[]));
    let path = path.trim_end_matches('/');
    let back = browser.log_in(&format!("{path}{asked}"), "alice").await;
    assert_eq!(back.sent("iss"), Some(format!("{ISSUER}{}", shape.path())));
    let tokens = browser.post(&format!("{path}/token"), &exchange(&back.sent("code").unwrap(), &[])).await.json();
    (world, tokens)
}

/// Header and claims, without what is drawn at random.
fn shown(token: &Value) -> Value {
    let mut shown = json!({"header": part(token, 0), "claims": part(token, 1)});
    shown["header"]["kid"] = json!("[kid]");
    for name in ["jti", "sid", "uti", "aio", "rh", "at_hash"] {
        if shown["claims"].get(name).is_some() {
            shown["claims"][name] = json!(format!("[{name}]"));
        }
    }
    shown
}

#[tokio::test]
async fn tokens_have_the_shape_of_the_imitated_provider() {
    for shape in Shape::ALL {
        let (_, tokens) = logged_in(shape).await;
        insta::assert_json_snapshot!(format!("{shape}_access_token"), shown(&tokens["access_token"]));
        insta::assert_json_snapshot!(format!("{shape}_id_token"), shown(&tokens["id_token"]));
    }
}

#[tokio::test]
async fn a_client_that_acts_for_itself_has_the_shape_too() {
    for (shape, person) in [(Shape::Okta, "uid"), (Shape::Entra, "scp")] {
        let world = World::new(|settings| settings.shape = shape);
        let fields = form(&[
            ("grant_type", "client_credentials"),
            ("client_id", "asserting-wl"),
            ("client_secret", "asserting-wl-secret"),
            ("scope", "accounts.read"),
        ]);
        let tokens = world.browser().post("/token", &fields).await.json();
        let claims = part(&tokens["access_token"], 1);
        assert_eq!((&claims["sub"], &claims[person]), (&json!("asserting-wl"), &Value::Null), "{shape}");
    }
    let world = World::new(|settings| settings.shape = Shape::Auth0);
    let fields = "grant_type=client_credentials&client_id=asserting-wl&client_secret=asserting-wl-secret";
    let claims = part(&world.browser().post("/token", fields).await.json()["access_token"], 1);
    assert_eq!((&claims["sub"], &claims["gty"]), (&json!("asserting-wl@clients"), &json!("client-credentials")));
}

#[tokio::test]
async fn userinfo_takes_access_tokens_of_every_shape_and_no_id_token() {
    for shape in Shape::ALL {
        let (world, tokens) = logged_in(shape).await;
        for (token, status) in [("access_token", StatusCode::OK), ("id_token", StatusCode::UNAUTHORIZED)] {
            let bearer = format!("Bearer {}", tokens[token].as_str().unwrap());
            let request = Request::get("/userinfo").header(header::AUTHORIZATION, bearer);
            assert_eq!(world.browser().send(request, String::new()).await.status, status, "{shape} {token}");
        }
    }
}

#[tokio::test]
async fn an_access_token_is_no_hint_whom_to_log_out() {
    for shape in Shape::ALL {
        let (world, tokens) = logged_in(shape).await;
        for (token, known) in [("access_token", false), ("id_token", true)] {
            let hint = tokens[token].as_str().unwrap();
            let answer = world.browser().get(&format!("/end-session?id_token_hint={hint}")).await;
            assert_eq!(answer.status.is_success(), known, "{shape} {token}");
        }
    }
}

#[tokio::test]
async fn discovery_is_found_at_the_issuer() {
    for shape in Shape::ALL {
        let world = World::new(|settings| settings.shape = shape);
        let path = shape.path();
        let path = path.trim_end_matches('/');
        let found = world.browser().get(&format!("{path}/.well-known/openid-configuration")).await.json();
        assert_eq!(found["issuer"], format!("{ISSUER}{}", shape.path()));
        assert_eq!(found["token_endpoint"], format!("{ISSUER}{path}/token"));
        assert_eq!(world.browser().get(&format!("{path}/jwks")).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_issuer_has_the_path_of_the_shape_unless_it_is_given() {
    for (shape, path) in [(Shape::Keycloak, "/realms/bank"), (Shape::Auth0, "/"), (Shape::Rfc9068, "")] {
        let idp = DevIdp::start(Settings { shape, ..Settings::default() }).await.unwrap();
        assert_eq!(idp.issuer(), format!("http://{}{path}", idp.addr));
    }
    let issuer = Some("http://127.0.0.1:8090".to_owned());
    let idp = DevIdp::start(Settings { shape: Shape::Okta, issuer, ..Settings::default() }).await.unwrap();
    assert_eq!(idp.issuer(), "http://127.0.0.1:8090");
}

#[test]
fn knows_its_shapes_by_name() {
    for shape in Shape::ALL {
        assert_eq!(shape.name().parse(), Ok(shape));
    }
    let unknown: UnknownShape = "ping".parse::<Shape>().unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "\"ping\" is no shape of dev-idp; it knows rfc9068, keycloak, okta, entra and auth0"
    );
    let unknown: UnknownAlgorithm = "HS256".parse::<Algorithm>().unwrap_err();
    assert!(unknown.to_string().contains("EdDSA"));
}
