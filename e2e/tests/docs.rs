//! The pages that must follow the code.

use wire::problem::ProblemKind;

const TROUBLESHOOTING: &str = include_str!("../../docs/troubleshooting.md");

#[test]
fn every_problem_has_an_entry_with_its_status_in_troubleshooting() {
    for kind in ProblemKind::ALL {
        let heading = format!("\n## {}\n\n{}. ", kind.slug(), kind.status().as_u16());
        assert!(TROUBLESHOOTING.contains(&heading), "{kind} has no entry");
    }
}
