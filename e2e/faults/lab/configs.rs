//! The configurations of the laboratory's processes.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

/// What every configuration needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The identity provider.
    pub(crate) issuer: String,
    /// asserting-wl's replicas.
    pub(crate) asserting: Vec<SocketAddr>,
    /// The last hop's replicas.
    pub(crate) target: Vec<SocketAddr>,
    /// The middle tiers' replicas, the first tier first.
    pub(crate) tiers: [Vec<SocketAddr>; 2],
    /// asserting-wl's database.
    pub(crate) asserting_store: String,
    /// target-wl's database.
    pub(crate) target_store: String,
    /// The file that seals what asserting-wl keeps.
    pub(crate) seal: String,
    /// The age at which connections are closed.
    pub(crate) max_age: Duration,
    /// How long a verifier does without a list of revocations.
    pub(crate) max_silence: Duration,
}

/// What one process has of its own.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    /// The Workload API it asks.
    pub(crate) socket: String,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Its admin listener.
    pub(crate) admin: SocketAddr,
}

impl Plan {
    /// asserting-wl, which hears of logouts at `logouts`.
    pub(crate) fn asserting(&self, own: &Own, logouts: SocketAddr) -> String {
        format!(
            r#"{head}
{listen}
[logout]
listen = "{logouts}"
audience = ["bank-web"]

[store]
url = "{store}"

[seal]
key_file = "{seal}"

[limits]
per_second = 5000
burst = 10000
concurrent = 512

[[policy.issuer]]
url = "{issuer}"
profile = "rfc9068"
audience = ["asserting-wl"]
clients = ["bank-web"]
algs = ["ES256"]

[[policy.mint]]
caller = "spiffe://bank.example/subject-wl"
issuer = "{issuer}"
scopes = ["accounts.read", "payments.write"]
audiences = ["spiffe://bank.example/target-wl"]
modes = ["plain", "id", "anonymous"]
max_life = "2m"
"#,
            head = own.head(),
            listen = self.listen(own),
            store = self.asserting_store,
            seal = self.seal,
            issuer = self.issuer,
        )
    }

    /// target-wl.
    pub(crate) fn target(&self, own: &Own) -> String {
        format!(
            r#"{head}
{listen}
{asserting}
{revocations}
[store]
url = "{store}"

{accept}neighbours = ["spiffe://bank.example/middle-tier-2"]
role = "end"
"#,
            head = own.head(),
            listen = self.listen(own),
            asserting = self.asserting_section(),
            revocations = self.revocations(),
            store = self.target_store,
            accept = self.accept(),
        )
    }

    /// A replica of middle tier 1 or 2.
    pub(crate) fn middle_tier(&self, tier: usize, own: &Own) -> String {
        let [_, second] = &self.tiers;
        let (next, id, before, seals) = match tier {
            1 => (second, "middle-tier-2", "subject-wl", false),
            _ => (&self.target, "target-wl", "middle-tier-1", true),
        };
        let mut text = format!(
            r#"{head}
{listen}
{asserting}
{revocations}
[next]
url = {url}
id = "spiffe://bank.example/{id}"

{accept}neighbours = ["spiffe://bank.example/{before}"]
role = "hop"
seal = {seals}
"#,
            head = own.head(),
            listen = self.listen(own),
            asserting = self.asserting_section(),
            revocations = self.revocations(),
            url = urls(next),
            accept = self.accept(),
        );
        for (method, scope) in [("GET", "accounts.read"), ("POST", "payments.write")] {
            // Cannot fail: writing to a String does not.
            let _ = write!(
                text,
                "\n[[policy.route]]\nmethod = \"{method}\"\npath = \"/v1/*\"\nscope = \"{scope}\"\nrequest_binding = \"end-to-end\"\n"
            );
        }
        text
    }

    /// The front end.
    pub(crate) fn subject(&self, own: &Own) -> String {
        let [first, _] = &self.tiers;
        format!(
            r#"{head}
[web]
listen = "{listen}"

[login]
issuer = "{issuer}"

{asserting}
[bank]
target = "spiffe://bank.example/target-wl"

[bank.next_hop]
url = {url}
id = "spiffe://bank.example/middle-tier-1"
"#,
            head = own.head(),
            listen = own.listen,
            issuer = self.issuer,
            asserting = self.asserting_section(),
            url = urls(first),
        )
    }

    fn listen(&self, own: &Own) -> String {
        format!("[listen]\naddress = \"{}\"\nmax_age = \"{}s\"\n", own.listen, self.max_age.as_secs())
    }

    fn revocations(&self) -> String {
        format!("[revocations]\nmax_silence = \"{}s\"\n", self.max_silence.as_secs())
    }

    fn asserting_section(&self) -> String {
        format!("[asserting]\nurl = {}\nid = \"spiffe://bank.example/asserting-wl\"\n", urls(&self.asserting))
    }

    fn accept(&self) -> String {
        format!(
            r#"[policy.accept]
asserters = ["spiffe://bank.example/asserting-wl"]
subjects = ["spiffe://bank.example/subject-wl"]
issuers = ["{}"]
modes = ["plain", "id", "anonymous"]
"#,
            self.issuer
        )
    }
}

impl Own {
    fn head(&self) -> String {
        let Self { socket, admin, .. } = self;
        format!("[identity]\nsocket = \"{socket}\"\n\n[admin]\nlisten = \"{admin}\"\n")
    }
}

/// One address as a text, several as a list.
fn urls(replicas: &[SocketAddr]) -> String {
    let urls: Vec<_> = replicas.iter().map(|address| format!("https://{address}")).collect();
    match urls.as_slice() {
        [only] => format!("{only:?}"),
        several => format!("{several:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_replicas_are_a_list() {
        let [a, b] = ["127.0.0.1:1", "127.0.0.1:2"].map(|address| address.parse().unwrap());
        assert_eq!(urls(&[a]), r#""https://127.0.0.1:1""#);
        assert_eq!(urls(&[a, b]), r#"["https://127.0.0.1:1", "https://127.0.0.1:2"]"#);
    }
}
