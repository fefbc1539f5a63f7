//! Who is at the other end of a connection, and which callers an entry is for.
//!
//! What the kernel says about a Unix socket's peer is read once, when the connection is accepted. An executable's path
//! comes from `/proc/PID/exe`, so the process must still be there, and dev-spire must be allowed to look at it: it runs
//! as root or as the user of its callers.

use crate::Entry;
use std::{fs, path::PathBuf};
use tokio::net::{UnixStream, unix::UCred};

/// An identity and who gets it on a shared socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The identity.
    pub entry: Entry,
    /// Who gets it.
    pub selectors: Selectors,
}

/// Who gets an identity. On a Unix socket every selector that is given must hold, and one must be given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors {
    /// The user the caller runs as.
    pub uid: Option<u32>,
    /// The caller's executable, as `/proc/PID/exe` names it.
    pub path: Option<PathBuf>,
    /// Whoever connects over TCP. Nothing is known about such a caller.
    pub tcp: bool,
}

impl Selectors {
    pub(crate) fn admit(&self, caller: &Caller) -> bool {
        let Caller::Unix { uid, path } = caller else { return self.tcp };
        let given = self.uid.is_some() || self.path.is_some();
        given && (self.uid.is_none() || self.uid == *uid) && (self.path.is_none() || self.path == *path)
    }
}

/// What is known about a caller.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Unix { uid: Option<u32>, path: Option<PathBuf> },
    Tcp,
}

impl Caller {
    pub(crate) fn of(stream: &UnixStream) -> Self {
        let credentials = stream.peer_cred().ok();
        let pid = credentials.as_ref().and_then(UCred::pid);
        let path = pid.and_then(|pid| fs::read_link(format!("/proc/{pid}/exe")).ok());
        let caller = Self::Unix { uid: credentials.map(|credentials| credentials.uid()), path };
        tracing::debug!(?caller, "attested");
        caller
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(uid: u32, path: &str) -> Caller {
        Caller::Unix { uid: Some(uid), path: Some(path.into()) }
    }

    fn selectors(uid: Option<u32>, path: Option<&str>) -> Selectors {
        Selectors { uid, path: path.map(PathBuf::from), tcp: false }
    }

    #[test]
    fn every_selector_that_is_given_must_hold() {
        let both = selectors(Some(1000), Some("/bin/a"));
        assert!(both.admit(&caller(1000, "/bin/a")));
        assert!(!both.admit(&caller(1000, "/bin/b")));
        assert!(!both.admit(&caller(1001, "/bin/a")));
        assert!(selectors(Some(1000), None).admit(&caller(1000, "/bin/b")));
        assert!(selectors(None, Some("/bin/a")).admit(&caller(7, "/bin/a")));
    }

    #[test]
    fn no_selector_admits_nobody() {
        assert!(!Selectors::default().admit(&caller(0, "/bin/a")));
        assert!(!Selectors { tcp: true, ..Selectors::default() }.admit(&caller(0, "/bin/a")));
    }

    #[test]
    fn what_is_unknown_matches_nothing() {
        let unknown = Caller::Unix { uid: None, path: None };
        assert!(!selectors(Some(0), None).admit(&unknown));
        assert!(!selectors(None, Some("/bin/a")).admit(&unknown));
    }

    #[test]
    fn a_caller_over_tcp_gets_only_what_says_so() {
        assert!(!selectors(Some(0), Some("/bin/a")).admit(&Caller::Tcp));
        assert!(Selectors { tcp: true, ..selectors(Some(0), None) }.admit(&Caller::Tcp));
    }
}
