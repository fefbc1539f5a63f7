//! The judge notices what is wrong with a set of books.

use super::*;
use crate::driver::order::Kind;

fn movement(id: &str, kind: &str, minor: i64, balance: i64, transfer: Option<&str>) -> Movement {
    let dpr = if kind == "transfer-in" { "bob" } else { "alice" };
    Movement {
        id: id.to_owned(),
        dpa: "https://idp.example".to_owned(),
        dpr: dpr.to_owned(),
        currency: "USD".to_owned(),
        kind: kind.to_owned(),
        minor,
        balance,
        transfer: transfer.map(str::to_owned),
    }
}

fn kept(key: &str, id: &str) -> Kept {
    let body = format!(r#"{{"id":"{id}"}}"#).into_bytes();
    Kept { key: key.to_owned(), status: Some(201), body: Some(body) }
}

fn holding(dpr: &str, balance: i64) -> Holding {
    Holding { dpa: "https://idp.example".to_owned(), dpr: dpr.to_owned(), currency: "USD".to_owned(), balance }
}

fn event(kind: &str, id: &str) -> ((String, String), usize) {
    ((kind.to_owned(), id.to_owned()), 1)
}

/// A deposit of 10 and a transfer of 4.
fn honest() -> Evidence {
    Evidence {
        movements: vec![
            movement("1", "deposit", 10, 10, None),
            movement("2", "transfer-out", -4, 6, Some("2")),
            movement("3", "transfer-in", 4, 4, Some("2")),
        ],
        kept: vec![kept("a", "1"), kept("b", "2")],
        holdings: vec![holding("alice", 6), holding("bob", 4)],
        told: BTreeMap::from([event("bank-deposit", "1"), event("bank-transfer", "2")]),
    }
}

fn orders() -> Vec<Order> {
    let order = |key: &str, kind, minor, fate| Order { key: key.to_owned(), fate, ..Order::new("alice", kind, minor) };
    vec![
        order("a", Kind::Deposit, 10, Fate::Acknowledged),
        order("b", Kind::Transfer { to: "1".to_owned() }, 4, Fate::Acknowledged),
        order("c", Kind::Deposit, 7, Fate::Refused { problem: "conflict".to_owned() }),
        order("d", Kind::Deposit, 8, Fate::Open),
    ]
}

fn broken(evidence: &Evidence, orders: &[Order]) -> Vec<String> {
    let mut report = Report::new("test");
    evidence.orders(orders, &mut report);
    evidence.effects(&mut report);
    evidence.balances(&mut report);
    evidence.transfers(&mut report);
    evidence.events(&mut report);
    report.broken().to_vec()
}

#[test]
fn honest_books_break_no_promise() {
    assert_eq!(broken(&honest(), &orders()), Vec::<String>::new());
}

#[test]
fn a_lost_deposit_is_noticed() {
    let mut books = honest();
    books.kept.remove(0);
    assert_eq!(broken(&books, &orders()).len(), 2);
}

#[test]
fn a_deposit_done_twice_is_noticed() {
    let mut books = honest();
    books.movements.push(movement("4", "deposit", 10, 16, None));
    assert!(broken(&books, &orders()).iter().any(|what| what.contains("nothing doubled")));
}

#[test]
fn a_refused_order_that_was_carried_out_is_noticed() {
    let mut books = honest();
    books.kept.push(kept("c", "1"));
    assert!(broken(&books, &orders()).iter().any(|what| what.contains("refused order")));
}

#[test]
fn one_side_of_a_transfer_alone_is_noticed() {
    let mut books = honest();
    books.movements.pop();
    let broken = broken(&books, &orders());
    assert!(broken.iter().any(|what| what.contains("both sides")), "{broken:?}");
    assert!(broken.iter().any(|what| what.contains("sum of its ledger")), "{broken:?}");
}

#[test]
fn an_event_that_is_missing_doubled_or_invented_is_noticed() {
    for told in [
        BTreeMap::from([event("bank-deposit", "1")]),
        BTreeMap::from([event("bank-deposit", "1"), event("bank-transfer", "2"), event("bank-deposit", "9")]),
        BTreeMap::from([(("bank-deposit".to_owned(), "1".to_owned()), 2), event("bank-transfer", "2")]),
    ] {
        let books = Evidence { told, ..honest() };
        assert!(broken(&books, &orders()).iter().any(|what| what.contains("told of exactly once")));
    }
}

#[test]
fn an_answer_without_its_movement_is_noticed() {
    let mut books = honest();
    books.kept.push(Kept { status: None, body: None, ..kept("e", "") });
    assert!(broken(&books, &orders()).iter().any(|what| what.contains("half-written")));
}
