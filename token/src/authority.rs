//! What a verified chain lets a handler do: the effective scope and the limits on amounts.

use crate::claims::{MaxAmount, Only, Scope};
use crate::mode::Mode;
use crate::refusal::{Reason, Refusal, Rule};

/// The authority a chain leaves after every `only`.
///
/// A handler that moves money calls [`Authority::consume`] with the amount before the effect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a handler consumes the amount it is about to move"]
pub struct Authority {
    mode: Mode,
    scope: Vec<String>,
    limits: Vec<(usize, MaxAmount)>,
}

impl Authority {
    pub(crate) fn new<'a>(
        mode: Mode,
        scope: &Scope,
        restrictions: &(impl Iterator<Item = (usize, &'a Only)> + Clone),
    ) -> Self {
        let admitted = |token: &&str| {
            let mut scopes = restrictions.clone().filter_map(|(_, only)| only.scope.as_ref());
            scopes.all(|scope| scope.iter().any(|known| known == token))
        };
        Self {
            mode,
            scope: scope.tokens().filter(admitted).map(ToOwned::to_owned).collect(),
            limits: restrictions
                .clone()
                .filter_map(|(segment, only)| Some((segment, only.max_amount.clone()?)))
                .collect(),
        }
    }

    /// The effective scope: the root's ∩ every `only.scope`.
    #[must_use]
    pub fn scope(&self) -> &[String] {
        &self.scope
    }

    /// Checks one operation's amount, in minor units, against every `max_amount` of the chain.
    ///
    /// # Errors
    /// A [`Refusal`] of rule `authority` that blames the first segment whose limit is lower or in another currency.
    pub fn consume(&self, currency: &str, minor: u64) -> Result<(), Refusal> {
        for (segment, limit) in &self.limits {
            let reason = if limit.currency != currency {
                Reason::Currency
            } else if minor > limit.minor {
                Reason::Amount
            } else {
                continue;
            };
            return Err(Refusal { mode: Some(self.mode), ..Refusal::new(Rule::Authority, *segment, reason) });
        }
        Ok(())
    }
}
