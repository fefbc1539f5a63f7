//! The exhibition: each attack made on the model of `e2e::museum`, where it succeeds, and on dasvid, where it fails.
//!
//! The signs are in `e2e/attacks`; what dasvid says must be what is written there, and `docs/attacks.md` is made of it.

mod anonymous;
mod bank;
mod browser;
mod id;
mod oauth;
mod ours;
mod proof;
mod services;

use std::fmt::Display;

/// The lists of `e2e/attacks`.
const LISTS: [&str; 7] = [
    include_str!("../attacks/proof.toml"),
    include_str!("../attacks/oauth.toml"),
    include_str!("../attacks/id.toml"),
    include_str!("../attacks/anonymous.toml"),
    include_str!("../attacks/services.toml"),
    include_str!("../attacks/bank.toml"),
    include_str!("../attacks/browser.toml"),
];

/// Asserts that what dasvid says is what the exhibit's sign says.
fn stopped(exhibit: &str, words: impl Display) {
    let lists = LISTS.map(|text| text.parse::<toml::Table>().unwrap());
    let all = lists.iter().filter_map(|list| list.get("exhibit")?.as_array()).flatten();
    let sign = all.into_iter().find(|sign| sign["name"].as_str() == Some(exhibit));
    let sign = sign.unwrap_or_else(|| panic!("{exhibit} has no sign in e2e/attacks"));
    assert_eq!(sign["on_dasvid"].as_str(), Some(words.to_string().as_str()), "{exhibit}");
}
