//! Who may mint what for whom: the `[[mint]]` rows of the policy. No row, no right.
//!
//! Rows are tried in their order; the first that admits caller, issuer, mode and every audience asked for decides alone.
//! Rights of several rows are never added up, for that would give the scope of one at the audience of another.

use spiffe::SpiffeId;
use token::Mode;
use token::claims::{Scope, spiffe_id};
use token::policy::Mint;

/// What a caller asks for, and what its access token says.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The mTLS peer.
    pub caller: &'a SpiffeId,
    /// The verified token's issuer.
    pub issuer: &'a str,
    /// The verified token's scopes.
    pub scopes: &'a [String],
    /// The mode asked for.
    pub mode: Mode,
    /// The form's `scope`.
    pub scope: Option<&'a str>,
    /// The form's `audience`.
    pub audience: Option<&'a str>,
}

/// What policy grants of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// OAuth scope ∩ policy ∩ request, in the token's order.
    pub scope: Scope,
    /// Where the chain may end; never empty.
    pub audience: Vec<SpiffeId>,
    /// Longest life, seconds.
    pub max_life: u64,
}

/// Why nothing is granted. The messages repeat what the caller asked for and name no row.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PermissionError {
    /// `scope` is not RFC 6749 §3.3.
    #[error("`scope` is not a list of scope tokens separated by single spaces")]
    Scope,
    /// `audience` is not a list of SPIFFE IDs without repeats.
    #[error("`audience` is not a list of different SPIFFE IDs separated by single spaces")]
    Audience,
    /// No row has this caller.
    #[error("the policy of this service has no [[mint]] row for {0}")]
    NoRowForCaller(SpiffeId),
    /// Rows have this caller and none has this issuer too.
    #[error("the policy of this service has no [[mint]] row for {0} and the issuer {1}")]
    NoRowForIssuer(SpiffeId, String),
    /// Rows have caller and issuer and none has this mode too.
    #[error("the policy of this service has no [[mint]] row for {0} and this issuer in mode {1}")]
    NoRowForMode(SpiffeId, Mode),
    /// Rows have caller, issuer and mode and none admits this audience too.
    #[error(
        "the policy of this service has no [[mint]] row for {0} and this issuer in this mode with all these audiences"
    )]
    NoRowForAudience(SpiffeId),
}

/// Finds the row that decides, and what it grants.
///
/// # Errors
/// [`PermissionError`]; the variant says up to where rows matched.
pub fn grant(rows: &[Mint], wish: &Wish<'_>) -> Result<Grant, PermissionError> {
    let asked: Option<Scope> = wish.scope.map(str::parse).transpose().map_err(|_| PermissionError::Scope)?;
    let audience = wish.audience.map(spiffe_ids).transpose()?;
    let caller = || wish.caller.clone();
    let rows = narrow(rows.iter(), |row| row.caller == *wish.caller)
        .ok_or_else(|| PermissionError::NoRowForCaller(caller()))?;
    let rows = narrow(rows, |row| row.issuer == wish.issuer)
        .ok_or_else(|| PermissionError::NoRowForIssuer(caller(), wish.issuer.to_owned()))?;
    let rows = narrow(rows, |row| row.modes.contains(&wish.mode))
        .ok_or_else(|| PermissionError::NoRowForMode(caller(), wish.mode))?;
    let admits = |row: &&Mint| audience.iter().flatten().all(|wanted| covers(&row.audiences, wanted));
    let row = rows.into_iter().find(admits).ok_or_else(|| PermissionError::NoRowForAudience(caller()))?;
    let scope = scope(wish.scopes, row, asked.as_ref())?;
    Ok(Grant { scope, audience: audience.unwrap_or_else(|| row.audiences.clone()), max_life: row.max_life })
}

/// OAuth scope ∩ row ∩ request, each once, in the token's order.
fn scope(oauth: &[String], row: &Mint, asked: Option<&Scope>) -> Result<Scope, PermissionError> {
    let mut granted: Vec<&str> = Vec::new();
    for token in oauth {
        let admitted = row.scopes.contains(token) && asked.is_none_or(|asked| asked.contains(token));
        if admitted && !granted.contains(&token.as_str()) {
            granted.push(token);
        }
    }
    granted.join(" ").parse().map_err(|_| PermissionError::Scope)
}

/// The rows that satisfy a condition, unless there are none.
fn narrow<'a>(rows: impl IntoIterator<Item = &'a Mint>, condition: impl Fn(&Mint) -> bool) -> Option<Vec<&'a Mint>> {
    let rows: Vec<_> = rows.into_iter().filter(|row| condition(row)).collect();
    (!rows.is_empty()).then_some(rows)
}

/// A row's audience admits itself; a whole trust domain admits its workloads, never the other way round.
fn covers(audiences: &[SpiffeId], wanted: &SpiffeId) -> bool {
    let domain = |entry: &SpiffeId| entry.path().is_empty() && entry.trust_domain() == wanted.trust_domain();
    audiences.iter().any(|entry| entry == wanted || domain(entry))
}

fn spiffe_ids(audience: &str) -> Result<Vec<SpiffeId>, PermissionError> {
    let mut ids: Vec<SpiffeId> = Vec::new();
    for text in audience.split(' ') {
        let id = spiffe_id(text).filter(|id| !ids.contains(id)).ok_or(PermissionError::Audience)?;
        ids.push(id);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests;
