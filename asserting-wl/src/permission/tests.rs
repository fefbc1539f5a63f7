//! Which row decides, and what it grants.

use super::*;

const ISSUER: &str = "https://idp.example";

fn id(text: &str) -> SpiffeId {
    SpiffeId::new(text).unwrap()
}

fn row() -> Mint {
    Mint {
        caller: id("spiffe://bank.example/subject-wl"),
        issuer: ISSUER.into(),
        scopes: vec!["accounts.read".into(), "payments.write".into()],
        audiences: vec![id("spiffe://bank.example/target-wl"), id("spiffe://bank.example/archive")],
        modes: vec![Mode::Plain, Mode::Id],
        max_life: 60,
    }
}

/// What `change` makes of an ordinary wish, granted by these rows.
fn granted(rows: &[Mint], change: impl FnOnce(&mut Wish<'_>)) -> Result<Grant, PermissionError> {
    let caller = id("spiffe://bank.example/subject-wl");
    let scopes = ["openid", "payments.write", "accounts.read", "payments.write"].map(str::to_owned);
    let mut wish =
        Wish { caller: &caller, issuer: ISSUER, scopes: &scopes, mode: Mode::Id, scope: None, audience: None };
    change(&mut wish);
    grant(rows, &wish)
}

#[test]
fn grants_what_token_and_row_have_in_common() {
    let grant = granted(&[row()], |_| {}).unwrap();
    assert_eq!(grant.scope.as_str(), "payments.write accounts.read");
    assert_eq!(grant.audience, row().audiences);
    assert_eq!(grant.max_life, 60);
}

#[test]
fn a_request_narrows_and_never_widens() {
    let grant = granted(&[row()], |wish| wish.scope = Some("accounts.read admin openid")).unwrap();
    assert_eq!(grant.scope.as_str(), "accounts.read");
    let nothing = granted(&[row()], |wish| wish.scope = Some("admin")).unwrap();
    assert_eq!(nothing.scope.as_str(), "");
    let one = granted(&[row()], |wish| wish.audience = Some("spiffe://bank.example/archive")).unwrap();
    assert_eq!(one.audience, [id("spiffe://bank.example/archive")]);
}

#[test]
fn refuses_a_caller_with_no_mint_row() {
    for caller in ["spiffe://bank.example/other", "spiffe://bank.example/subject-wl", "spiffe://bank.example/subject"] {
        let rows = [Mint { caller: id(&format!("{caller}/x")), ..row() }];
        assert_eq!(granted(&rows, |_| {}), Err(PermissionError::NoRowForCaller(row().caller)), "{caller}");
    }
    assert_eq!(
        PermissionError::NoRowForCaller(row().caller).to_string(),
        "the policy of this service has no [[mint]] row for spiffe://bank.example/subject-wl"
    );
}

#[test]
fn refuses_another_issuer() {
    let refused = granted(&[row()], |wish| wish.issuer = "https://idp.example/");
    assert!(matches!(refused, Err(PermissionError::NoRowForIssuer(_, issuer)) if issuer == "https://idp.example/"));
}

#[test]
fn refuses_another_mode() {
    let refused = granted(&[row()], |wish| wish.mode = Mode::Anonymous);
    assert_eq!(refused, Err(PermissionError::NoRowForMode(row().caller, Mode::Anonymous)));
}

#[test]
fn refuses_another_audience() {
    for audience in
        ["spiffe://bank.example/other", "spiffe://bank.example", "spiffe://bank.example/target-wl spiffe://x.example/y"]
    {
        let refused = granted(&[row()], |wish| wish.audience = Some(audience));
        assert_eq!(refused, Err(PermissionError::NoRowForAudience(row().caller)), "{audience}");
    }
}

#[test]
fn a_whole_trust_domain_admits_its_workloads() {
    let rows = [Mint { audiences: vec![id("spiffe://bank.example")], ..row() }];
    assert!(granted(&rows, |wish| wish.audience = Some("spiffe://bank.example/any")).is_ok());
    assert!(granted(&rows, |wish| wish.audience = Some("spiffe://bank.example")).is_ok());
    assert!(granted(&rows, |wish| wish.audience = Some("spiffe://bank.example.evil/any")).is_err());
}

#[test]
fn never_adds_up_two_rows() {
    let read =
        Mint { scopes: vec!["accounts.read".into()], audiences: vec![id("spiffe://bank.example/archive")], ..row() };
    let write =
        Mint { scopes: vec!["payments.write".into()], audiences: vec![id("spiffe://bank.example/target-wl")], ..row() };
    let rows = [read, write];
    let both = "spiffe://bank.example/archive spiffe://bank.example/target-wl";
    assert!(matches!(granted(&rows, |wish| wish.audience = Some(both)), Err(PermissionError::NoRowForAudience(_))));
    let second = granted(&rows, |wish| wish.audience = Some("spiffe://bank.example/target-wl")).unwrap();
    assert_eq!(second.scope.as_str(), "payments.write");
    assert_eq!(granted(&rows, |_| {}).unwrap().scope.as_str(), "accounts.read");
}

#[test]
fn refuses_what_is_no_scope_or_audience() {
    for scope in ["a  b", " a", "a ", "a\"b", "a\\b"] {
        assert_eq!(granted(&[row()], |wish| wish.scope = Some(scope)), Err(PermissionError::Scope), "{scope:?}");
    }
    let twice = "spiffe://bank.example/archive spiffe://bank.example/archive";
    for audience in ["archive", "SPIFFE://bank.example/archive", "spiffe://bank.example/archive ", twice] {
        assert_eq!(
            granted(&[row()], |wish| wish.audience = Some(audience)),
            Err(PermissionError::Audience),
            "{audience:?}"
        );
    }
}
