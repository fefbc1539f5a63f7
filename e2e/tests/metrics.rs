//! docs/metrics.md names every metric, and none that is not there.

use std::collections::{BTreeMap, BTreeSet};

use dasvid::place::Verification;
use e2e::actor::balance;
use e2e::browser::Browser;
use e2e::{Bank, MODES};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");

/// A row of the page.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    name: String,
    kind: String,
    help: String,
    workloads: String,
}

/// The rows of the page, and the labels each metric has.
fn page() -> (BTreeSet<Row>, BTreeMap<String, BTreeSet<String>>) {
    let (mut rows, mut labels) = (BTreeSet::new(), BTreeMap::new());
    let page = std::fs::read_to_string(PAGE).unwrap();
    for line in page.lines().filter(|line| line.starts_with("| `dasvid_")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect();
        let [name, kind, known, workloads, help] = cells.as_slice() else { panic!("{line}") };
        labels.insert(name.clone(), known.split(", ").filter(|label| *label != "–").map(str::to_owned).collect());
        let [name, kind, help, workloads] = [name, kind, help, workloads].map(Clone::clone);
        assert!(rows.insert(Row { name, kind, help, workloads }), "twice: {line}");
    }
    (rows, labels)
}

/// What the workloads of banks that between them need every metric have registered.
fn registered(banks: [&Bank; 2]) -> BTreeSet<Row> {
    let mut found: BTreeMap<(String, String, String), BTreeSet<&str>> = BTreeMap::new();
    for (workload, metrics) in banks.into_iter().flat_map(|bank| bank.demo.metrics()) {
        let workload = if workload.starts_with("middle-tier") { "middle-tier" } else { workload };
        for metric in metrics.described() {
            found.entry((metric.name, metric.kind, metric.help)).or_default().insert(workload);
        }
    }
    let rows = found.into_iter().map(|((name, kind, help), workloads)| {
        let workloads = if workloads.len() == 4 { "all".to_owned() } else { Vec::from_iter(workloads).join(", ") };
        Row { name, kind, help, workloads }
    });
    rows.collect()
}

/// The labels of every sample in a scrape, by metric.
fn scraped(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = sample.split_once('{').map_or_else(
            || (sample.split(' ').next().unwrap_or_default(), ""),
            |(name, rest)| (name, rest.rsplit_once('}').map_or("", |(labels, _)| labels)),
        );
        let name = ["_bucket", "_sum", "_count"].iter().fold(name, |name, end| name.strip_suffix(end).unwrap_or(name));
        let names = labels.split("\",").filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
        found.entry(name.to_owned()).or_default().extend(names.filter(|name| name != "le"));
    }
    found
}

#[tokio::test]
async fn the_page_of_metrics_is_true() {
    let bank = Bank::proving(Verification::Introspect, dev_idp::Algorithm::Es256).await;
    let by_reference = Bank::by_reference(1).await;
    let (said, labels) = page();
    let there = registered([&bank, &by_reference]);
    by_reference.close().await;
    let missing: Vec<_> = there.difference(&said).collect();
    let invented: Vec<_> = said.difference(&there).collect();
    assert!(missing.is_empty() && invented.is_empty(), "docs/metrics.md lacks {missing:#?} and has {invented:#?}");

    let browser = Browser::new(bank.place());
    browser.log_in("alice").await;
    browser.open("account").await;
    let (teller, stranger) = (bank.actor("cli").await, bank.actor("stranger").await);
    let token = bank.token("alice").await;
    for mode in MODES {
        let chain = teller.chain(mode, &token, &balance()).await;
        stranger.present(&bank.place().entry, &balance(), &chain).await;
    }
    for (workload, metrics) in bank.demo.metrics() {
        for (name, found) in scraped(&metrics.encode()) {
            assert_eq!(labels.get(&name), Some(&found), "{name} of {workload}");
        }
    }
    bank.close().await;
}
