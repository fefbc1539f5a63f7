//! The story of the bank: a person logs in, looks, pays in, pays somebody; an attacker tries what once worked. In every mode.

mod attacks;
mod browser;
pub mod forms;
mod oauth;
mod person;
mod report;
mod teller_steps;

use std::time::Instant;

use anyhow::Context as _;
use token::Mode;

use crate::place::{Place, Stranger, Verification};
use crate::teller::{self, Teller};
use attacks::Attacker;
use oauth::Login;
pub use oauth::grant;
use person::AtTheFront;
pub use report::{ModeStory, Step, Story};
use teller_steps::AtTheBank;

/// The modes, in the order of the story.
const MODES: [Mode; 3] = [Mode::Plain, Mode::Id, Mode::Anonymous];

/// Tells the whole story at `place`; `tell` hears each step as it ends.
///
/// # Errors
/// When the story cannot begin: no identity, or no token from the provider. A step that goes wrong is in the story.
pub async fn run(place: &Place, tell: impl Fn(Mode, &Step)) -> anyhow::Result<Story> {
    let teller = Teller::connect(place.socket.as_deref(), &place.asserting.url, Some(&place.asserting.id)).await?;
    let log_in = async |person| oauth::log_in(place, person).await.context("the tool cannot log in");
    let (person, payee) = (log_in(&place.person).await?, log_in(&place.payee).await?);
    let stranger = match &place.stranger {
        Stranger::Socket(socket) => attacks::Accomplice::Identity(teller::identity(Some(socket)).await?),
        Stranger::Program(path) => attacks::Accomplice::Program(path.clone()),
    };
    let mut story = Story::default();
    for mode in MODES {
        let told = |step: &Step| tell(mode, step);
        let at =
            |login: &'_ Login| AtTheBank { place, mode, teller: &teller, access_token: login.access_token.clone() };
        let scene = Scene { place, mode, bank: &at(&person), payee: &at(&payee), stranger: &stranger };
        story.add(mode, scene.play(told).await);
    }
    Ok(story)
}

/// One mode's part of the story.
struct Scene<'a> {
    place: &'a Place,
    mode: Mode,
    bank: &'a AtTheBank<'a>,
    payee: &'a AtTheBank<'a>,
    stranger: &'a attacks::Accomplice,
}

impl Scene<'_> {
    async fn play(&self, tell: impl Fn(&Step)) -> ModeStory {
        let mut told = ModeStory::default();
        let mut front = match AtTheFront::new(self.place, self.mode) {
            Ok(front) => front,
            Err(error) => {
                told.add(Step::failed("log-in", &error), &tell);
                return told;
            }
        };
        let bank = self.bank;
        let attacker = Attacker { bank, stranger: self.stranger };
        told.add(step("log-in", front.log_in()).await, &tell);
        told.add(step("mint", bank.mint()).await, &tell);
        if self.place.verification != Verification::Offline {
            told.add(step("proof-verified", bank.proof()).await, &tell);
        }
        told.add(step("deposit", front.deposit()).await, &tell);
        told.add(step("balance", front.balance()).await, &tell);
        told.add(step("balance-of-the-tool", bank.balance_in_words()).await, &tell);
        told.add(step("tampered-chain-refused", attacker.tampered_chain()).await, &tell);
        told.add(step("stranger-refused", attacker.stranger()).await, &tell);
        told.add(step("links-stripped-refused", attacker.links_stripped()).await, &tell);
        told.add(step("unsealed-chain-refused", attacker.unsealed_chain()).await, &tell);
        told.add(step("repeated-deposit-answered-once", bank.repeated_deposit()).await, &tell);
        told.add(step("transfer", bank.transfer(self.payee)).await, &tell);
        told.add(step("overdraft-refused", bank.overdraft(self.payee)).await, &tell);
        told.add(step("sign-out", front.sign_out()).await, &tell);
        told.add(step("logout-ends-every-chain", bank.logout()).await, &tell);
        told
    }
}

/// Runs one step and takes its time.
async fn step(name: &'static str, work: impl Future<Output = anyhow::Result<String>>) -> Step {
    let begun = Instant::now();
    let outcome = work.await;
    let ms = begun.elapsed().as_secs_f64() * 1000.0;
    match outcome {
        Ok(seen) => Step { step: name, ok: true, ms, seen },
        Err(error) => Step { ms, ..Step::failed(name, &error) },
    }
}
