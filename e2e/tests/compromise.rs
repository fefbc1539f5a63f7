//! The drill of `docs/operations.md`, "When a key is stolen", run with the commands it names.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asserting_wl::keyring::Kind;
use asserting_wl::keyring::operator;
use asserting_wl::keyring::signer::{self, Signer};
use asserting_wl::keyring::vault::{SealedVault, Vault as _};
use clap::Parser as _;
use dasvid::cli::Cli;
use dasvid::input::ChainFile;
use dasvid::place::Endpoint;
use dasvid::teller::{self, Wanted};
use e2e::actor::{balance, bound, deposit};
use e2e::{Actor, Bank, MODES, refused};
use store::KeyState;
use store::seal::SealKey;
use token::claims::{RootClaims, TokenId};
use token::header::{KeyReference, RootHeader};
use token::mint::UnsignedRoot;
use token::{Chain, Mode, Timestamp};
use wire::problem::ProblemKind;

/// Lists are fetched every second, unknown keys every three at most.
const SOON: Duration = Duration::from_secs(8);

/// Who got at the database and the sealing key, and is a workload of the bank.
struct Thief {
    actor: Actor,
    keys: [Arc<dyn Signer>; 2],
    /// What was published when the keys were stolen.
    jwks: Vec<u8>,
}

impl Thief {
    async fn steal(bank: &Bank) -> Self {
        let url = format!("sqlite://{}", bank.folder().join("asserting-wl.sqlite").display());
        let vault = SealedVault::new(SealKey::of_store(&url, None).unwrap());
        let store = store::open(&url).await.unwrap();
        let mut keys = Vec::new();
        for record in operator::list(&*store).await.unwrap() {
            keys.push(vault.open(&record).await.unwrap());
        }
        let Ok(keys) = keys.try_into() else { panic!("one key a kind") };
        let actor = bank.actor("cli").await;
        let jwks = actor.teller.jwks(None).await.unwrap();
        Self { actor, keys, jwks }
    }

    fn kid(&self, kind: Kind) -> String {
        self.keys[usize::from(kind == Kind::Schnorr)].public().thumbprint()
    }

    /// A root nobody was asked for, signed with a stolen key and dated `at`, as the first hop is shown it.
    async fn forge(&self, bank: &Bank, mode: Mode, like: &RootClaims, at: Timestamp) -> ChainFile {
        let rqd = (mode == Mode::Plain).then(|| balance().rqd().unwrap());
        let key = &self.keys[usize::from(mode == Mode::Anonymous)];
        let jti = TokenId(std::array::from_fn(|at| mode.name().as_bytes().get(at).copied().unwrap_or(7)));
        let claims = RootClaims { iat: at, aat: at, exp: at.plus(600), jti, rqd, ..like.clone() };
        let header =
            RootHeader { alg: signer::algorithm(key.public()), key: KeyReference::Kid(key.public().thumbprint()) };
        let draft = UnsignedRoot::new(mode, &claims, &header).unwrap();
        let tail = key.sign(draft.message()).await.unwrap();
        let root = draft.signed(&tail).unwrap();
        let root = ChainFile { da_svid: root.as_str().to_owned(), certificates: None, proof: None };
        match mode {
            Mode::Anonymous => {
                let chain = Chain::parse(&root.da_svid).unwrap();
                teller::extend_anonymous(&root, &chain, &self.jwks, &bound(&balance(), None)).unwrap()
            }
            _ => self.actor.pass_on(&root, &balance(), &bank.place().entry.id).await,
        }
    }
}

/// One chain at each of the three services that verify it.
struct Copies {
    mode: Mode,
    at: [ChainFile; 3],
}

impl Copies {
    async fn of(bank: &Bank, hops: &[Actor; 2], entry: ChainFile) -> Self {
        let mode = Chain::parse(&entry.da_svid).unwrap().mode();
        let (second, target) = (bank.endpoint("middle-tier-2").id, bank.endpoint("target-wl").id);
        let at_second = hops[0].pass_on(&entry, &balance(), &second).await;
        let at_target = match mode {
            Mode::Anonymous => hops[1].seal(&at_second, &balance(), &target).await,
            _ => hops[1].pass_on(&at_second, &balance(), &target).await,
        };
        Self { mode, at: [entry, at_second, at_target] }
    }
}

/// Who presents a chain where.
fn stops<'a>(bank: &Bank, teller: &'a Actor, hops: &'a [Actor; 2]) -> [(&'a Actor, Endpoint); 3] {
    let at = |name| bank.endpoint(name);
    [(teller, at("middle-tier-1")), (&hops[0], at("middle-tier-2")), (&hops[1], at("target-wl"))]
}

/// Presents a chain until this very service refuses it for what was revoked, soon.
async fn dies_at(actor: &Actor, service: &Endpoint, chain: &ChainFile, what: &str) {
    let begun = Instant::now();
    loop {
        let answer = actor.present(service, &balance(), chain).await;
        if !answer.status.is_success() {
            let refusal = refused(&answer);
            // Whoever has fetched the keys since does not know the stolen one any more.
            let known =
                matches!(refusal.kind, ProblemKind::Revoked | ProblemKind::InvalidChain | ProblemKind::InvalidToken);
            assert!(known, "{what}: {refusal:?}");
            if service.id.to_string().ends_with(&refusal.culprit) {
                return;
            }
        }
        assert!(begun.elapsed() < SOON, "{what}: {} lets it pass: {}", service.id, answer.status);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A freshly minted chain of this mode is accepted at the target, soon.
async fn lives(teller: &Actor, bank: &Bank, mode: Mode, token: &str, number: usize) {
    let begun = Instant::now();
    let request = deposit(1, &format!("after-{number}"));
    loop {
        let chain = teller.teller.chain_for(mode, token, &request, &bank.place().entry.id).await;
        let told = match chain {
            Ok(chain) => {
                let answer = teller.present(&bank.place().entry, &request, &chain).await;
                if answer.status.is_success() {
                    return;
                }
                format!("{:?}", refused(&answer))
            }
            Err(error) => error.to_string(),
        };
        assert!(begun.elapsed() < SOON, "{mode} does not come back: {told}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Runs `dasvid` with these words and the settings of asserting-wl.
async fn dasvid(bank: &Bank, words: &[&str]) {
    let config: PathBuf = bank.folder().join("asserting-wl.toml");
    let config = config.to_str().unwrap();
    let words = [&["dasvid"], words, &["--config", config]].concat();
    let cli = Cli::try_parse_from(words.iter().copied()).unwrap();
    let code = tokio::task::spawn_blocking(move || dasvid::run(cli)).await.unwrap().unwrap();
    assert_eq!(code, std::process::ExitCode::SUCCESS, "{words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_key_and_all_its_time_minted_die_at_every_hop_in_every_mode_and_the_bank_goes_on() {
    let bank = Bank::open().await;
    let thief = Thief::steal(&bank).await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let hops = [bank.actor("middle-tier-1").await, bank.actor("middle-tier-2").await];
    assert!(teller.ask(Mode::Id, &token, &deposit(100, "first")).await.status.is_success());

    let root = teller.teller.mint(Mode::Id, &token, &Wanted::default()).await.unwrap();
    let like = Chain::parse(&root.da_svid).unwrap().root().clone();
    let mut chains = Vec::new();
    for mode in MODES {
        let honest = teller.chain(mode, &token, &balance()).await;
        chains.push(("honest", Copies::of(&bank, &hops, honest).await));
        let forged = thief.forge(&bank, mode, &like, like.iat).await;
        chains.push(("forged", Copies::of(&bank, &hops, forged).await));
        // Dated a little ahead, so that no moment of the drill is after it.
        let ahead = thief.forge(&bank, mode, &like, teller::now().plus(25)).await;
        chains.push(("forged ahead", Copies::of(&bank, &hops, ahead).await));
    }
    for (what, copies) in &chains {
        for ((actor, service), chain) in stops(&bank, &teller, &hops).into_iter().zip(&copies.at) {
            let answer = actor.present(&service, &balance(), chain).await;
            assert!(answer.status.is_success(), "{what} {} at {}: {:?}", copies.mode, service.id, refused(&answer));
        }
    }

    dasvid(&bank, &["keys", "list"]).await;
    dasvid(&bank, &["keys", "rotate", "--now"]).await;
    for kind in Kind::ALL {
        dasvid(&bank, &["keys", "retire", &thief.kid(kind)]).await;
    }
    dasvid(&bank, &["revoke", "--minted-before", "now"]).await;

    for (what, copies) in &chains {
        let what = format!("{what} {}", copies.mode);
        for ((actor, service), chain) in stops(&bank, &teller, &hops).into_iter().zip(&copies.at) {
            dies_at(actor, &service, chain, &what).await;
        }
    }
    for (number, mode) in MODES.into_iter().enumerate() {
        lives(&teller, &bank, mode, &token, number).await;
    }
    // What is forged after the drill is refused too.
    for mode in MODES {
        let late = thief.forge(&bank, mode, &like, teller::now()).await;
        dies_at(&teller, &bank.place().entry, &late, "forged late").await;
    }
    let url = format!("sqlite://{}", bank.folder().join("asserting-wl.sqlite").display());
    let left = operator::list(&*store::open(&url).await.unwrap()).await.unwrap();
    assert_eq!(left.iter().map(|key| key.state).collect::<Vec<_>>(), [KeyState::Current; 2]);
}
