//! What holds for every chain, not only for those somebody thought of.

use proptest::prelude::*;
use token::Mode;
use token::claims::Only;
use token::hop::Extension;

use crate::fixture::*;

/// The deliveries an attacker changes.
fn honest() -> [Delivery; 3] {
    [Delivery::plain(), Delivery::id(), Delivery::anonymous()]
}

#[test]
fn answers_the_same_whenever_it_is_asked() {
    for delivery in honest() {
        assert!(delivery.verify().is_ok() && delivery.verify().is_ok());
        let mut stolen = delivery;
        stolen.peer = id("mallory");
        assert_eq!(stolen.verify().unwrap_err(), stolen.verify().unwrap_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn refuses_a_chain_with_any_character_changed(
        mode in 0..3_usize,
        at in any::<prop::sample::Index>(),
        character in "[A-Za-z0-9_.~-]",
    ) {
        let [plain, by_id, anonymous] = honest();
        let delivery = [plain, by_id, anonymous].into_iter().nth(mode).unwrap();
        let mut chain = delivery.chain().to_owned();
        let at = at.index(chain.len());
        prop_assume!(chain[at..=at] != character);
        chain.replace_range(at..=at, &character);
        prop_assert!(delivery.with_chain(chain).verify().is_err());
    }

    #[test]
    fn refuses_a_chain_cut_anywhere(mode in 0..3_usize, at in any::<prop::sample::Index>()) {
        let delivery = honest().into_iter().nth(mode).unwrap();
        let chain = delivery.chain()[..at.index(delivery.chain().len())].to_owned();
        prop_assert!(delivery.with_chain(chain).verify().is_err());
    }

    #[test]
    fn refuses_segments_in_any_other_order(
        anonymous in any::<bool>(),
        order in Just([0, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        prop_assume!(order != [0, 1, 2, 3, 4]);
        let ask = Ask::balance();
        let path = [SUBJECT, HOP, HOP_2, HOP, TARGET];
        let chain = if anonymous { anonymous_chain(4, true, &ask) } else { id_chain(&path, &ask) };
        let parts: Vec<_> = chain.split('~').collect();
        let shuffled: Vec<_> = order.iter().map(|index| parts[*index]).collect();
        let signers: &[&str] = if anonymous { &[] } else { &[SUBJECT, HOP, HOP_2] };
        prop_assert!(Delivery::new(shuffled.join("~"), HOP, signers, ask).verify().is_err());
    }

    #[test]
    fn narrows_and_never_widens(first in scopes(), second in scopes()) {
        let ask = Ask::balance();
        let narrow = |scope: &Option<Vec<String>>| Some(Only { scope: scope.clone(), ..Only::default() });
        let link = |next, scope| Extension { only: narrow(scope), ..extension(Some(next), ask.rqd()) };
        let chain = extend_id(&root(Mode::Id, &root_claims()), SUBJECT, &link(HOP, &first)).unwrap();
        let chain = extend_id(&chain, HOP, &link(TARGET, &second)).unwrap();
        let admits = |scope: &Option<Vec<String>>, token: &str| {
            scope.as_ref().is_none_or(|scope| scope.iter().any(|known| known == token))
        };
        let expected: Vec<_> = ["accounts.read", "payments.write"]
            .into_iter()
            .filter(|token| admits(&first, token) && admits(&second, token))
            .collect();
        match Delivery::new(chain, HOP, &[SUBJECT, HOP], ask).verify() {
            Ok(verified) => prop_assert_eq!(verified.authority().scope(), expected),
            Err(_) => prop_assert!(!expected.contains(&"accounts.read")),
        }
    }
}

fn scopes() -> impl Strategy<Value = Option<Vec<String>>> {
    let tokens = ["accounts.read", "payments.write", "admin"].map(ToOwned::to_owned).to_vec();
    prop::option::of(prop::sample::subsequence(tokens, 0..=3))
}
