//! The front door.

use e2e::Bank;
use e2e::browser::Browser;
use e2e::museum::browser::Front;

use super::stopped;

#[tokio::test]
async fn a_login_nobody_asked_for() {
    // mallory sends alice a link that ends in mallory's own code: alice pays into mallory's account.
    let mut front = Front::default();
    assert!(front.callback("alice's browser", "code-of-mallory"));
    assert!(front.page("alice's browser").unwrap().contains("mallory"));

    let bank = Bank::open().await;
    let alice = Browser::new(bank.place());
    let page = alice.open("callback?code=code-of-mallory&state=guess").await;
    assert_eq!(alice.open("account").await.holds(), None);
    stopped("a_login_nobody_asked_for", format!("{}, and no session", page.status));
}
