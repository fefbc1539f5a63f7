//! `dasvid policy`: a policy file checked, tried and put in words.

use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;
use asserting_wl::oauth::OauthVerifier;
use asserting_wl::permission::{self, Wish};
use chassis::config;
use spiffe::SpiffeId;
use token::Mode;
use token::policy::{Certs, Policy, Proof, Verification};

use crate::cli::{PolicyCommand, PolicyTest};
use crate::{input, output};

/// Does what the command says; exit code 1 when the policy or the wish is refused.
pub(super) fn run(command: &PolicyCommand) -> anyhow::Result<ExitCode> {
    match command {
        PolicyCommand::Check { file } => check(file),
        PolicyCommand::Test(arguments) => test(arguments),
        PolicyCommand::Explain { file } => explain(file),
    }
}

fn read(file: &Path) -> anyhow::Result<Policy> {
    Ok(config::parse(&input::text(file)?)?)
}

fn check(file: &Path) -> anyhow::Result<ExitCode> {
    let policy = read(file)?;
    let findings = findings(&policy);
    for finding in &findings {
        output::line(finding)?;
    }
    if findings.is_empty() {
        output::line(&format!("{}: valid", file.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// Rows that can never apply, and lists that admit nobody.
fn findings(policy: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    for row in &policy.mint {
        if !policy.issuer.iter().any(|issuer| issuer.url == row.issuer) {
            found.push(format!("[[mint]] for {}: the issuer {} has no [[issuer]]", row.caller, row.issuer));
        }
        if row.modes.is_empty() || row.audiences.is_empty() || row.scopes.is_empty() {
            found.push(format!("[[mint]] for {}: without modes, audiences or scopes it grants nothing", row.caller));
        }
    }
    if let Err(error) = OauthVerifier::check(&policy.issuer) {
        found.push(format!("[[issuer]]: {error}"));
    }
    let accept = &policy.accept;
    if !accept.asserters.is_empty() && (accept.subjects.is_empty() || accept.issuers.is_empty()) {
        found.push("[accept]: without subjects and issuers no chain is believed".to_owned());
    }
    if policy.provenance.believes_nothing() {
        found.push("[provenance]: without oauth_audience no proof can hold".to_owned());
    }
    found
}

fn test(arguments: &PolicyTest) -> anyhow::Result<ExitCode> {
    let policy = read(&arguments.file)?;
    let scopes: Vec<_> = arguments.scope.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let audience = words(&arguments.audience);
    ensure!(
        policy.issuer.iter().any(|issuer| issuer.url == arguments.issuer),
        "refused: tokens of {} do not count here: no [[issuer]]",
        arguments.issuer
    );
    let wish = Wish {
        caller: &arguments.caller,
        issuer: &arguments.issuer,
        scopes: &scopes,
        mode: Mode::from(arguments.mode),
        scope: None,
        audience: (!audience.is_empty()).then_some(audience.as_str()),
    };
    match permission::grant(&policy.mint, &wish) {
        Ok(grant) => {
            output::line(&format!("granted   {} mode for {} s at most", wish.mode, grant.max_life))?;
            output::line(&format!("scope     {}", grant.scope))?;
            output::line(&format!("audience  {}", words(&grant.audience)))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            output::line(&format!("refused   {error}"))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn explain(file: &Path) -> anyhow::Result<ExitCode> {
    let policy = read(file)?;
    for issuer in &policy.issuer {
        let clients = if issuer.clients.is_empty() { "any client".to_owned() } else { issuer.clients.join(" or ") };
        output::line(&format!(
            "Access tokens of {} count when they are {:?} tokens signed with {}, meant for {} and issued to {clients}.",
            issuer.url,
            issuer.profile,
            issuer.algs.join(" or "),
            issuer.audience.join(" or "),
        ))?;
    }
    for row in &policy.mint {
        output::line(&format!(
            "{} may mint for people of {}: modes {}, scopes {}, ending at {}, living {} s at most.",
            row.caller,
            row.issuer,
            row.modes.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(", "),
            row.scopes.join(", "),
            words(&row.audiences),
            row.max_life,
        ))?;
    }
    explain_accept(&policy)?;
    explain_provenance(&policy)?;
    for row in &policy.introspect {
        let also = if row.oauth_claims { ", and see the claims of the OAuth token with a proof" } else { "" };
        output::line(&format!("{} may introspect any chain{also}.", row.caller))?;
    }
    for row in &policy.revoke {
        output::line(&format!("{} may revoke any chain.", row.caller))?;
    }
    for route in &policy.route {
        let method = route.method.as_deref().unwrap_or("Any method");
        output::line(&format!(
            "{method} at {} needs the scope {} and a chain bound to the request: {:?}.",
            route.path, route.scope, route.request_binding
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn explain_accept(policy: &Policy) -> anyhow::Result<()> {
    let accept = &policy.accept;
    if accept.asserters.is_empty() {
        return Ok(());
    }
    output::line(&format!(
        "Chains in mode {} are believed when {} asserted them, for people of {}, begun by {}.",
        accept.modes.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(" or "),
        words(&accept.asserters),
        accept.issuers.join(" or "),
        words(&accept.subjects),
    ))?;
    if !accept.neighbours.is_empty() {
        output::line(&format!("Plain and anonymous chains may be brought by {}.", words(&accept.neighbours)))?;
    }
    output::line(&format!("This service is a {:?} of the chain; {} links at most.", accept.role, accept.max_links))?;
    if accept.certs == Certs::ByReference {
        output::line("Signers' certificates that a chain does not carry are fetched from asserting-wl by their hash.")?;
    }
    Ok(())
}

/// Rule 13, where it asks for anything.
fn explain_provenance(policy: &Policy) -> anyhow::Result<()> {
    let demanded = &policy.provenance;
    if demanded.proof == Proof::Embedded {
        output::line("A chain brings a proof, made at mint, that the identity provider signed the OAuth token.")?;
    }
    if demanded.verification == Verification::Introspect {
        output::line("asserting-wl is asked about every chain, and proves that the provider signed the OAuth token.")?;
    }
    if demanded.is_demanded() {
        let audience = demanded.oauth_audience.join(" or ");
        output::line(&format!(
            "That token is meant for {audience}; a proof for an RSA key has {} rounds.",
            demanded.rounds.count()
        ))?;
    }
    Ok(())
}

fn words(ids: &[SpiffeId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
