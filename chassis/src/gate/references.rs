//! Certificates that a chain names and does not carry: fetched when nothing else is known to be wrong with it.

use std::collections::HashSet;

use futures::future::join_all;
use token::certificates::Reference;
use token::{Arrival, Chain, Fetched, Reason, Refusal, Rule, Verified};

use super::Gate;
use crate::certificates::Fetcher;

/// The root's certificate comes first, then those of the links.
const ROUNDS: usize = 2;

impl Gate {
    /// Verifies a chain that was refused for want of a certificate again, with what can be fetched.
    pub(super) async fn verify_fetching(
        &self,
        arrival: &Arrival<'_>,
        refusal: Refusal,
    ) -> Result<Verified<Chain>, Refusal> {
        let Some(source) = &self.certificates else { return Err(refusal) };
        let (mode, mut fetched, mut outcome) = (refusal.mode, Fetched::default(), Err(refusal));
        for _ in 0..ROUNDS {
            let (trust, now) = (self.inner.trust.snapshot(), self.inner.clock.now());
            let wanted = self.inner.verifier.references(arrival, &fetched, &trust, now)?;
            if wanted.is_empty() {
                break;
            }
            let got = fetch(source, wanted, arrival, &mut fetched).await;
            got.map_err(|refusal| Refusal { mode, ..refusal })?;
            outcome = self.verify_now(arrival, &fetched);
            if !outcome.as_ref().is_err_and(Refusal::wants_certificate) {
                break;
            }
        }
        outcome
    }
}

/// Fetches all at once; the first segment whose certificate cannot be had is to blame.
async fn fetch(
    source: &Fetcher,
    wanted: Vec<Reference>,
    arrival: &Arrival<'_>,
    fetched: &mut Fetched,
) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    let distinct: Vec<_> = wanted.into_iter().filter(|reference| seen.insert(reference.x5t)).collect();
    let answers = join_all(distinct.iter().map(|reference| source.get(reference.x5t, arrival.peer))).await;
    for (reference, answer) in distinct.iter().zip(answers) {
        let rule = if reference.segment == 0 { Rule::Root } else { Rule::Signers };
        let refuse = |error| Refusal::new(rule, reference.segment, Reason::Certificate(error));
        fetched.insert(answer.map_err(refuse)?);
    }
    Ok(())
}
