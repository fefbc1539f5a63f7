//! The embedded Workload API as a whole.

use crate::{AuthorityError, Entry, Settings};
use spiffe::SpiffeId;
use std::{path::Path, time::Duration};

/// Why the embedded Workload API could not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevSpireError {
    /// Nothing was issued.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// An embedded SPIFFE Workload API. Dropping it ends it; [`shutdown`](Self::shutdown) does so tidily.
#[derive(Debug)]
pub struct DevSpire {}

impl DevSpire {
    /// Makes a CA and starts the rotation.
    ///
    /// # Errors
    /// When no CA could be made.
    pub async fn start(settings: Settings) -> Result<Self, DevSpireError> {
        todo!()
    }

    /// Serves `entry` on a Unix socket at `path`.
    ///
    /// # Errors
    /// When the entry or the path does not do.
    pub async fn issue_socket(&self, path: &Path, entry: Entry) -> Result<(), DevSpireError> {
        todo!()
    }

    /// Issues every SVID anew.
    ///
    /// # Errors
    /// When no certificate could be made.
    pub fn rotate(&self) -> Result<(), DevSpireError> {
        todo!()
    }

    /// Makes a new CA, waits until it is known, and lets it issue. The old anchor stays in the bundle.
    ///
    /// # Errors
    /// When no certificate could be made.
    pub async fn rotate_ca(&self) -> Result<(), DevSpireError> {
        todo!()
    }

    /// Ends an outage, or begins one: streams end and calls are answered `UNAVAILABLE`.
    pub fn set_available(&self, available: bool) {
        todo!()
    }

    /// An outage of this length.
    pub fn outage(&self, length: Duration) {
        todo!()
    }

    /// Takes an identity away: `PERMISSION_DENIED`, "no identity issued".
    pub fn withdraw(&self, id: &SpiffeId) {
        todo!()
    }

    /// Gives a withdrawn identity back, with a fresh SVID.
    ///
    /// # Errors
    /// When no certificate could be made.
    pub fn restore(&self, id: &SpiffeId) -> Result<(), DevSpireError> {
        todo!()
    }

    /// The anchors (DER), oldest first.
    #[must_use]
    pub fn bundle(&self) -> Vec<Vec<u8>> {
        todo!()
    }

    /// Ends all streams, removes the sockets and waits for both.
    pub async fn shutdown(self) {
        todo!()
    }
}
