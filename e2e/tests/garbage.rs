//! Every endpoint of every service against everything that is no request of its kind.

use e2e::actor::deposit;
use e2e::browser::Browser;
use e2e::{Bank, MODES};

mod bodies;
mod front;
mod services;

/// Every service still does its work, for the tool and in a browser.
async fn still_works(bank: &Bank) {
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    for mode in MODES {
        let answer = teller.ask(mode, &token, &deposit(1, &format!("after-{}", mode.name()))).await;
        assert!(answer.status.is_success(), "{mode}: {:?}", dasvid::teller::problem(&answer));
    }
    assert_eq!(teller.holds(&token).await, 3, "nothing but this was booked");
    let page = Browser::new(bank.place()).log_in("alice").await;
    assert_eq!((page.status.as_u16(), page.holds()), (200, Some(3)), "{}", page.text);
}

/// Bytes that mean nothing, the same in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}
