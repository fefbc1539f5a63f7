//! The bank's story, told whole, and what a bank keeps.

use std::collections::BTreeSet;

use dasvid::journey::{self, Story};
use e2e::actor::deposit;
use e2e::{Actor, Bank, MODES};
use serde_json::Value;
use token::Mode;

/// What the story must hold, in every mode.
const STEPS: [&str; 14] = [
    "log-in",
    "mint",
    "deposit",
    "balance",
    "balance-of-the-tool",
    "tampered-chain-refused",
    "stranger-refused",
    "links-stripped-refused",
    "unsealed-chain-refused",
    "repeated-deposit-answered-once",
    "transfer",
    "overdraft-refused",
    "sign-out",
    "logout-ends-every-chain",
];

async fn story(bank: &Bank) -> Story {
    journey::run(bank.place(), |_, _| {}).await.unwrap()
}

async fn goes_well_with(middle_tiers: u8) {
    let bank = Bank::with_middle_tiers(middle_tiers).await;
    let told = story(&bank).await;
    assert!(told.ok, "{told:#?}");
    bank.close().await;
}

#[tokio::test]
async fn the_story_goes_well_with_one_middle_tier() {
    goes_well_with(1).await;
}

#[tokio::test]
async fn the_story_goes_well_with_two_middle_tiers() {
    goes_well_with(2).await;
}

#[tokio::test]
async fn the_story_goes_well_with_five_middle_tiers() {
    goes_well_with(5).await;
}

#[tokio::test]
async fn the_printed_story_holds_every_step_of_every_mode() {
    let bank = Bank::open().await;
    let mut told = story(&bank).await;
    told.ready_ms = Some(bank.demo.ready_ms);
    let document: Value = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
    assert_eq!(document["ok"], true, "{document:#}");
    assert!(document["ready_ms"].as_f64().is_some_and(|ms| ms > 0.0));
    for mode in ["plain", "id", "anonymous"] {
        let part = &document["modes"][mode];
        assert_eq!(part["ok"], true, "{part:#}");
        let steps = part["steps"].as_array().unwrap();
        let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
        assert_eq!(names, STEPS, "{mode}");
        for step in steps {
            assert!(step["ok"] == true && step["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{mode}: {step}");
        }
    }
}

#[tokio::test]
async fn two_banks_side_by_side_do_not_know_each_other() {
    let (left, right) = tokio::join!(Bank::open(), Bank::open());
    let (first, second) = tokio::join!(story(&left), story(&right));
    assert!(first.ok && second.ok, "{first:#?} {second:#?}");
    // The same names, another authority: the neighbour's tool does not even connect.
    let (teller, neighbour) = (left.actor("cli").await, right.actor("cli").await);
    let asked = neighbour.teller.call(&left.place().entry, &e2e::actor::balance(), None).await;
    assert!(asked.is_err(), "{asked:?}");
    let token = left.token("alice").await;
    let chain = neighbour.teller.mint(Mode::Id, &token, &dasvid::teller::Wanted::default()).await;
    assert!(chain.is_err(), "a token of the neighbour's provider was traded");
    assert!(teller.holds(&token).await > 0);
}

#[tokio::test]
async fn a_bank_started_again_keeps_its_accounts_and_keys() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("bank");
    let mut known: Option<(BTreeSet<String>, i64)> = None;
    for _ in 0..2 {
        let bank = Bank::at(&folder, 2).await;
        let teller = bank.actor("cli").await;
        let keys = kids(&teller).await;
        assert_eq!(keys.len(), 2, "one minting key and one for anonymous chains");
        // The provider has another port now, so it is another authority, and its alice another person.
        let token = bank.token("alice").await;
        for mode in MODES {
            assert!(teller.ask(mode, &token, &deposit(100, mode.name())).await.status.is_success());
        }
        let holds = booked(&folder).await;
        if let Some((before, held)) = known.replace((keys.clone(), holds)) {
            assert_eq!(keys, before, "the keys are those of before");
            assert_eq!(holds, held + 300, "what was booked before is still there");
        }
        bank.close().await;
    }
}

async fn kids(teller: &Actor) -> BTreeSet<String> {
    let jwks: Value = serde_json::from_slice(&teller.teller.jwks(None).await.unwrap()).unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The sum of everything in the target's database.
async fn booked(folder: &std::path::Path) -> i64 {
    let url = format!("sqlite://{}", folder.join("target-wl.sqlite").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query_scalar("SELECT COALESCE(SUM(balance), 0) FROM accounts").fetch_one(&pool).await.unwrap()
}
