//! What a deployment needs before its first start: certificate authorities, certificates, passwords, a sealing key.
//!
//! All of it is kept in one folder, the vault, which no service sees. Every service has a folder of its own, its share,
//! with copies of what it needs. A share that was lost, or a certificate that gets old, is there again after the next run.

mod authority;
mod share;
mod vault;

use std::collections::HashMap;
use std::path::PathBuf;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use authority::Purpose;
use share::Share;
use vault::Vault;

/// The databases, each with a user of the same name.
const DATABASES: [&str; 3] = ["asserting_wl", "target_wl", "keycloak"];

/// What is to be made, and where.
#[derive(Clone, Debug)]
pub struct Init {
    /// The folder of vault and shares.
    pub dir: PathBuf,
    /// The trust domain, in the names of the authorities.
    pub trust_domain: String,
    /// The name SPIRE's agent attests with (the common name of its certificate).
    pub node: String,
    /// The database server's name.
    pub postgres: String,
    /// The identity provider's name.
    pub keycloak: String,
    /// Who owns which share, by user number; the one who runs this unless said. A folder that is no share is made and
    /// given away empty.
    pub owners: HashMap<String, u32>,
}

impl Init {
    /// Makes what is not there yet; what is there stays as it is.
    ///
    /// # Errors
    /// When a file or folder cannot be read or written, or one in the vault is not what this made.
    pub fn run(&self, now: OffsetDateTime) -> anyhow::Result<()> {
        let vault = Vault::open(&self.dir.join("vault"), now)?;
        self.spire(&vault)?;
        self.web(&vault)?;
        self.databases(&vault)?;
        self.share("asserting-wl")?.secret("seal.key", &vault.key("seal.key")?)?;
        self.share("grafana")?.secret("admin.password", vault.password("grafana-admin")?.as_bytes())?;
        self.owners.keys().try_for_each(|name| self.share(name).map(drop))
    }

    fn share(&self, name: &str) -> anyhow::Result<Share> {
        Share::open(&self.dir.join(name), self.owners.get(name).copied())
    }

    /// SPIRE's trust root, and an authority of its own for nodes: with one for both, every workload's SVID could attest
    /// as a node.
    fn spire(&self, vault: &Vault) -> anyhow::Result<()> {
        let root = vault.authority("spire-root", &format!("{} trust root", self.trust_domain))?;
        let nodes = vault.authority("spire-nodes", &format!("{} nodes", self.trust_domain))?;
        let agent = vault.leaf("spire-agent", &nodes, &self.node, Purpose::Client)?;
        let share = self.share("spire-server")?;
        share.public("root.pem", &root.certificate)?;
        share.secret("root.key", root.key.as_bytes())?;
        share.public("nodes.pem", &nodes.certificate)?;
        let share = self.share("spire-agent")?;
        share.public("agent.pem", &agent.certificate)?;
        share.secret("agent.key", agent.key.as_bytes())?;
        share.public("bundle.pem", &root.certificate)
    }

    /// Ordinary https inside the deployment: the identity provider and the database server.
    fn web(&self, vault: &Vault) -> anyhow::Result<()> {
        let authority = vault.authority("web", &format!("{} web", self.trust_domain))?;
        self.share("web")?.public("ca.pem", &authority.certificate)?;
        for (share, name) in [("keycloak", &self.keycloak), ("postgres", &self.postgres)] {
            let leaf = vault.leaf(share, &authority, name, Purpose::Server)?;
            let share = self.share(share)?;
            share.public("tls.pem", &leaf.certificate)?;
            share.secret("tls.key", leaf.key.as_bytes())?;
        }
        Ok(())
    }

    /// A password for every user of the databases, for the server and for who uses it.
    fn databases(&self, vault: &Vault) -> anyhow::Result<()> {
        let server = self.share("postgres")?;
        server.secret("postgres.password", vault.password("postgres")?.as_bytes())?;
        for user in DATABASES {
            server.secret(&format!("{user}.password"), vault.password(user)?.as_bytes())?;
        }
        for (share, user) in [("asserting-wl", "asserting_wl"), ("target-wl", "target_wl")] {
            self.share(share)?.secret("database.password", vault.password(user)?.as_bytes())?;
        }
        let settings = Zeroizing::new(format!(
            "db-password={}\nbootstrap-admin-username=admin\nbootstrap-admin-password={}\n",
            *vault.password("keycloak")?,
            *vault.password("keycloak-admin")?
        ));
        self.share("keycloak")?.secret("keycloak.conf", settings.as_bytes())
    }
}

#[cfg(test)]
mod tests;
