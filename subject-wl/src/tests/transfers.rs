//! Transfers and transactions as people do and see them.

use wire::{bank::AccountNumber, problem::ProblemKind};

use super::{
    World,
    stub::{number, refused},
};
use crate::{
    bank::BankError,
    tests::visitor::{Page, VisitError, Visitor},
};

const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";
const BOB: &str = "b0b00000-0000-4000-8000-000000000002";

/// Alice with 100 dollars and bob with one.
async fn two_people(world: &World) -> (Visitor, Visitor) {
    let (mut alice, mut bob) = (world.logged_in("alice").await, world.logged_in("bob").await);
    alice.deposit("100", "USD", 1).await.unwrap();
    bob.deposit("1", "USD", 1).await.unwrap();
    (alice, bob)
}

/// The account number that somebody's account page shows.
async fn own_number(visitor: &mut Visitor) -> AccountNumber {
    visitor.get("/account").await.unwrap().attribute("data-account-number").unwrap().parse().unwrap()
}

type Fields = Vec<(String, String)>;

/// The fields of the form `name` on a page.
fn fields(page: &Page, name: &str) -> Fields {
    form_of(page, &format!("data-form=\"{name}\""))
}

/// The fields of the form that has this mark.
fn form_of(page: &Page, mark: &str) -> Fields {
    let form = page.html.split_once(mark).unwrap().1.split("</form>").next().unwrap();
    let mut fields = Vec::new();
    for input in form.split("<input").skip(1) {
        let value = |name: &str| {
            let (_, rest) = input.split_once(&format!(" {name}=\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        fields.push((value("name"), value("value")));
    }
    fields
}

fn with(mut fields: Fields, changes: &[(&str, &str)]) -> Fields {
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    fields
}

/// The form filled in.
async fn filled(visitor: &mut Visitor, to: &str, amount: &str) -> Fields {
    let page = visitor.get("/transfer").await.unwrap();
    with(fields(&page, "transfer"), &[("to", to), ("amount", amount), ("currency", "USD"), ("note", "for lunch")])
}

#[tokio::test]
async fn a_person_looks_a_transfer_over_and_sends_it_and_both_see_it() {
    let world = World::new().await;
    let (mut alice, mut bob) = two_people(&world).await;
    let to = own_number(&mut bob).await;
    assert_eq!((to, own_number(&mut alice).await), (number(BOB), number(ALICE)));
    let page = alice.transfer(&to.grouped(), "25.50", "USD", Some("for lunch"), 1).await.unwrap();
    assert_eq!(page.url.path(), "/transactions");
    assert!(page.html.contains(&format!("USD 25.50 sent to {}.", to.grouped())), "{}", page.html);
    assert_eq!((alice.balance("USD").await.unwrap(), bob.balance("USD").await.unwrap()), (Some(7450), Some(2650)));
    let page = bob.get("/transactions").await.unwrap();
    assert_eq!(page.attribute("data-transaction").as_deref(), Some("transfer-in"));
    assert_eq!(page.attribute("data-moved").as_deref(), Some("2550"));
    assert!(page.html.contains("for lunch") && page.html.contains(&number(ALICE).grouped()));
}

#[tokio::test]
async fn nothing_is_sent_before_it_is_looked_over() {
    let world = World::new().await;
    let (mut alice, _) = two_people(&world).await;
    let form = filled(&mut alice, &number(BOB).to_string(), "25").await;
    let review = alice.post("/transfer", &form).await.unwrap();
    assert_eq!(review.status, 200);
    for shown in ["USD 25.00", &number(BOB).grouped(), "for lunch"] {
        assert!(review.html.contains(shown), "{shown}");
    }
    let again = alice.post("/transfer", &fields(&review, "change")).await.unwrap();
    let kept = fields(&again, "transfer");
    for (name, value) in
        [("to", number(BOB).to_string()), ("amount", "25".to_owned()), ("note", "for lunch".to_owned())]
    {
        assert!(kept.contains(&(name.to_owned(), value)), "{name}");
    }
    assert!(world.bank.transfers.lock().unwrap().is_empty());
    for step in ["", "SEND", "sent"] {
        alice.post("/transfer", &with(form.clone(), &[("step", step)])).await.unwrap();
    }
    assert!(world.bank.transfers.lock().unwrap().is_empty(), "any other step looks it over");
}

#[tokio::test]
async fn a_double_clicked_transfer_is_one_transfer() {
    let world = World::new().await;
    let (mut alice, _) = two_people(&world).await;
    let form = filled(&mut alice, &number(BOB).to_string(), "25").await;
    let send = fields(&alice.post("/transfer", &form).await.unwrap(), "send");
    let (mut first, mut second) = (alice.clone(), alice.clone());
    let (first, second) = tokio::join!(first.post("/transfer", &send), second.post("/transfer", &send));
    assert_eq!((first.unwrap().status.as_u16(), second.unwrap().status.as_u16()), (200, 200));
    assert_eq!(world.bank.transfers.lock().unwrap().len(), 1);
    let page = alice.post("/transfer", &with(send, &[("amount", "99")])).await.unwrap();
    assert_eq!(page.status, 422);
    assert!(page.html.contains("already sent with something else"));
    assert_eq!(alice.balance("USD").await.unwrap(), Some(7500));
}

#[tokio::test]
async fn a_deposit_form_does_not_become_a_transfer() {
    let world = World::new().await;
    let (mut alice, _) = two_people(&world).await;
    let deposit = super::deposit_fields(&mut alice, "5").await;
    alice.post("/deposit", &deposit).await.unwrap();
    let form = with(deposit, &[("to", &number(BOB).to_string()), ("step", "send")]);
    assert_eq!(alice.post("/transfer", &form).await.unwrap().status, 422);
    assert!(world.bank.transfers.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_filled_in_wrongly_is_said_at_its_field() {
    let world = World::new().await;
    let (mut alice, _) = two_people(&world).await;
    let good = number(BOB).to_string();
    let swapped = format!("{}{}{}", &good[..10], &good[11..], &good[10..11]);
    let long = "x".repeat(141);
    for (changes, field) in [
        ([("to", swapped.as_str())], "to"),
        ([("to", "bob")], "to"),
        ([("to", "")], "to"),
        ([("amount", "-5")], "amount"),
        ([("amount", "0")], "amount"),
        ([("amount", "1.234")], "amount"),
        ([("note", long.as_str())], "note"),
        ([("note", "a\nb")], "note"),
    ] {
        for step in ["review", "send"] {
            let form = with(with(filled(&mut alice, &good, "25").await, &changes), &[("step", step)]);
            let page = alice.post("/transfer", &form).await.unwrap();
            assert_eq!(page.status, 422, "{changes:?}");
            assert!(page.html.contains(&format!("id=\"{field}-error\" role=\"alert\"")), "{changes:?}: {}", page.html);
        }
    }
    assert!(world.bank.transfers.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_overdraft_is_told_as_such_and_moves_nothing() {
    let world = World::new().await;
    let (mut alice, mut bob) = two_people(&world).await;
    let form = filled(&mut alice, &number(BOB).to_string(), "100.01").await;
    let send = fields(&alice.post("/transfer", &form).await.unwrap(), "send");
    let page = alice.post("/transfer", &send).await.unwrap();
    assert_eq!(
        (page.status.as_u16(), page.attribute("data-problem").as_deref()),
        (409, Some("urn:x-dasvid:problem:conflict"))
    );
    for told in ["The transfer cannot be made", "Nothing was sent", "the account holds less than this"] {
        assert!(page.html.contains(told), "{told}");
    }
    assert!(!page.html.contains("Try again") && page.html.contains("Change it"));
    let corrected = form_of(&page, "<form method=\"post\" action=\"/transfer\"");
    let page = alice.post("/transfer", &corrected).await.unwrap();
    let kept = fields(&page, "transfer");
    assert!(kept.contains(&("amount".to_owned(), "100.01".to_owned())), "what was typed is still there");
    assert!(kept.iter().all(|field| !(field.0 == "key" && send.contains(field))), "and it is another order");
    assert_eq!((alice.balance("USD").await.unwrap(), bob.balance("USD").await.unwrap()), (Some(10_000), Some(100)));
    alice.deposit("1", "USD", 1).await.unwrap();
    assert_eq!(alice.post("/transfer", &send).await.unwrap().status, 200, "the same form is good once there is enough");
    assert_eq!(bob.balance("USD").await.unwrap(), Some(10_101));
}

#[tokio::test]
async fn an_unknown_account_is_told_as_such() {
    let world = World::new().await;
    let (mut alice, _) = two_people(&world).await;
    let refused = alice.transfer(&AccountNumber::of(5).to_string(), "1", "USD", None, 1).await;
    assert!(
        matches!(&refused, Err(VisitError::Problem { kind, .. }) if kind == "urn:x-dasvid:problem:unknown-account"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_transfer_without_an_answer_can_be_sent_again_under_its_name() {
    let world = World::new().await;
    let (mut alice, _) = two_people(&world).await;
    let form = filled(&mut alice, &number(BOB).to_string(), "25").await;
    let send = fields(&alice.post("/transfer", &form).await.unwrap(), "send");
    world
        .bank
        .fail(BankError::NoAnswer { hop: "spiffe://bank.example/middle-tier-1".to_owned(), cause: "reset".to_owned() });
    let page = alice.post("/transfer", &send).await.unwrap();
    assert_eq!(page.status, 502);
    assert!(page.html.contains("action=\"/transfer\"") && page.html.contains("name=\"step\" value=\"send\""));
    alice.post("/transfer", &send).await.unwrap();
    let transfers = world.bank.transfers.lock().unwrap();
    assert_eq!((transfers.len(), &transfers[0]), (2, &transfers[1]), "the same order under the same key");
}

#[tokio::test]
async fn a_transfer_from_another_site_or_without_the_secret_is_refused() {
    let world = World::new().await;
    let (mut alice, mut bob) = two_people(&world).await;
    let form = with(filled(&mut alice, &number(BOB).to_string(), "25").await, &[("step", "send")]);
    let forged = filled(&mut bob, &number(BOB).to_string(), "25").await;
    let secret = &forged.iter().find(|(name, _)| name == "csrf").unwrap().1;
    for csrf in ["", "guess", secret] {
        let page = alice.post("/transfer", &with(form.clone(), &[("csrf", csrf)])).await.unwrap();
        assert_eq!(page.status, 403);
    }
    for key in ["", "short", "a name with blanks 1234"] {
        let page = alice.post("/transfer", &with(form.clone(), &[("key", key)])).await.unwrap();
        assert_eq!(page.status, 400);
    }
    let page = alice.post("/transfer", &with(form, &[("currency", "XXX")])).await.unwrap();
    assert_eq!(page.status, 400);
    assert!(world.bank.transfers.lock().unwrap().is_empty());
}

#[tokio::test]
async fn transactions_come_in_pages_and_a_note_is_shown_as_text() {
    let world = World::new().await;
    let (mut alice, mut bob) = two_people(&world).await;
    let note = "<script>alert(1)</script>";
    for amount in ["1", "2", "3", "4"] {
        alice.transfer(&number(BOB).to_string(), amount, "USD", Some(note), 1).await.unwrap();
    }
    let page = bob.get("/transactions").await.unwrap();
    assert_eq!(page.html.matches("data-transaction=").count(), 3);
    assert!(!page.html.contains(note) && page.html.contains("alert(1)"));
    let older = page.html.split_once("href=\"/transactions?after=").unwrap().1.split('"').next().unwrap().to_owned();
    alice.transfer(&number(BOB).to_string(), "5", "USD", None, 1).await.unwrap();
    let page = bob.get(&format!("/transactions?after={older}")).await.unwrap();
    assert_eq!(page.attribute("data-moved").as_deref(), Some("100"), "nothing shifts");
    assert!(page.html.contains(">Newest</a>") && !page.html.contains(">Older</a>"));
}

#[tokio::test]
async fn a_page_that_is_none_is_refused_here() {
    let world = World::new().await;
    let (mut alice, _) = two_people(&world).await;
    for after in ["a%26limit=100", "a%20b", "%3F", &"a".repeat(65)] {
        let page = alice.get(&format!("/transactions?after={after}")).await.unwrap();
        assert_eq!((page.status.as_u16(), page.attribute("data-problem")), (400, None), "{after}");
    }
    let page = alice.get("/transactions?after=unknown").await.unwrap();
    assert_eq!(page.attribute("data-problem").as_deref(), Some("urn:x-dasvid:problem:invalid-request"));
    world.bank.fail(refused(ProblemKind::UnknownAccount, false));
    let page = alice.get("/transactions").await.unwrap();
    assert!(page.html.contains("Nothing has moved"));
}
