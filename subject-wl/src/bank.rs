//! The bank as the front end uses it: a person's account, through the mesh, in one of three modes.

use std::fmt;

use chassis::{async_trait, trace::TraceParent};
use secrecy::SecretString;
use token::{Mode, Timestamp};
use wire::{
    bank::{Account, DepositReceipt, DepositRequest, Transactions, TransferReceipt, TransferRequest},
    problem::{ProblemDocument, ProblemKind},
};

use crate::trail::Trail;

mod asserter;
mod call;
mod link;
mod references;
mod remote;
#[cfg(test)]
mod tests;
mod wallet;

pub(crate) use remote::RemoteBank;
pub(crate) use wallet::Wallet;

/// With less life than this left, in seconds, a token is no longer used.
pub(crate) const MARGIN: u64 = 30;

/// A person's OAuth access token, and what was made of it. Never leaves the session.
pub(crate) struct Holder {
    pub(crate) access_token: SecretString,
    pub(crate) expires: Timestamp,
    pub(crate) wallet: Wallet,
}

impl Holder {
    pub(crate) fn new(access_token: SecretString, expires: Timestamp) -> Self {
        Self { access_token, expires, wallet: Wallet::default() }
    }

    /// Whether the access token is still good for a request.
    pub(crate) fn lives(&self, now: Timestamp) -> bool {
        now.plus(5) < self.expires
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Why the bank did not do it. Holds no token and no key.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BankError {
    /// The access token has expired; a new login gives a new one.
    #[error("the login has expired")]
    LoginExpired,
    /// A workload on the way refused, and said why.
    #[error("{hop} refused: {}", document.r#type)]
    Refused {
        /// Who refused.
        hop: String,
        /// Whether it was asserting-wl, asked to mint.
        minting: bool,
        /// What it said.
        document: Box<ProblemDocument>,
    },
    /// No answer: the request may or may not have had its effect.
    #[error("{hop} did not answer: {cause}")]
    NoAnswer {
        /// Who should have answered.
        hop: String,
        /// What the client says.
        cause: String,
    },
    /// An answer that is none of the protocol's.
    #[error("{hop} answered {status} with something that is not understood")]
    NotUnderstood {
        /// Who answered.
        hop: String,
        /// The HTTP status.
        status: u16,
    },
    /// The chain could not be made here.
    #[error("no chain could be made: {0}")]
    Chain(String),
}

impl BankError {
    /// The kind of a refusal.
    pub(crate) fn kind(&self) -> Option<ProblemKind> {
        match self {
            Self::Refused { document, .. } => document.kind(),
            _ => None,
        }
    }

    /// Whether the request certainly had no effect. A service that failed, or found none behind it, does not know.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::LoginExpired | Self::Chain(_) => true,
            Self::Refused { document, .. } => (400..500).contains(&document.status),
            Self::NoAnswer { .. } | Self::NotUnderstood { .. } => false,
        }
    }

    /// Whether a new login is the way out: what the person's login gave is expired or revoked.
    pub(crate) fn wants_login(&self) -> bool {
        match self {
            Self::LoginExpired => true,
            Self::Refused { minting: true, .. } => {
                matches!(self.kind(), Some(ProblemKind::Revoked | ProblemKind::InvalidToken))
            }
            _ => self.kind() == Some(ProblemKind::Revoked),
        }
    }
}

/// On whose behalf, how, and in which trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand<'a> {
    pub(crate) holder: &'a Holder,
    pub(crate) mode: Mode,
    pub(crate) trace: &'a TraceParent,
}

/// The bank.
#[async_trait]
pub(crate) trait Bank: Send + Sync + 'static {
    /// What the person has.
    async fn account(&self, errand: &Errand<'_>) -> Result<Account, BankError>;

    /// Puts money in, under the name `key`.
    async fn deposit(
        &self,
        errand: &Errand<'_>,
        key: &str,
        request: &DepositRequest,
    ) -> Result<DepositReceipt, BankError>;

    /// Pays somebody, under the name `key`.
    async fn transfer(
        &self,
        errand: &Errand<'_>,
        key: &str,
        request: &TransferRequest,
    ) -> Result<TransferReceipt, BankError>;

    /// What moved on the account: the newest, or what is older than a page that said `after`.
    async fn transactions(&self, errand: &Errand<'_>, after: Option<&str>) -> Result<Transactions, BankError>;

    /// The token at hand: the last chain sent, or a new root.
    async fn token(&self, errand: &Errand<'_>) -> Result<Trail, BankError>;
}
