//! What a scenario found: figures, and promises that held or did not.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write as _;
use std::time::Duration;

use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::driver::outcome::Record;

/// The result of one scenario.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    scenario: String,
    figures: Vec<(String, String)>,
    promises: Vec<Promise>,
    broken: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
}

/// Something that must hold.
#[derive(Clone, Debug, Serialize)]
struct Promise {
    what: String,
    broken: usize,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(scenario: &str) -> Self {
        Self {
            scenario: scenario.to_owned(),
            figures: Vec::new(),
            promises: Vec::new(),
            broken: Vec::new(),
            page: None,
        }
    }

    /// Adds a figure.
    pub(crate) fn figure(&mut self, name: impl Display, value: impl Display) {
        self.figures.push((name.to_string(), value.to_string()));
    }

    /// Adds a promise and how often it was broken.
    pub(crate) fn promise(&mut self, what: impl Display, broken: usize) {
        let what = what.to_string();
        if broken > 0 {
            self.broken.push(format!("{what}: {broken} times not"));
        }
        self.promises.push(Promise { what, broken });
    }

    /// Adds a promise that holds or does not, and what was seen instead.
    pub(crate) fn check(&mut self, what: impl Display, holds: bool, seen: impl Display) {
        if !holds {
            self.broken.push(format!("{what}: {seen}"));
        }
        self.promises.push(Promise { what: what.to_string(), broken: usize::from(!holds) });
    }

    /// Adds Markdown for a page.
    pub(crate) fn page(&mut self, markdown: &str) {
        self.page = Some(markdown.to_owned());
    }

    /// Counts requests by what became of them.
    pub(crate) fn requests(&mut self, records: &[Record]) {
        let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for record in records {
            *counts.entry((record.action.name(), record.outcome.label())).or_default() += 1;
        }
        self.figure("requests", records.len());
        for ((action, label), count) in counts.into_iter().filter(|((_, label), _)| label != "done") {
            self.figure(format!("  {action}: {label}"), count);
        }
        if let Some(slowest) = records.iter().max_by_key(|record| record.took) {
            let what = format!("longest request, a {}: {}", slowest.action.name(), slowest.outcome.label());
            self.figure(what, millis(slowest.took));
        }
    }

    /// What did not hold.
    #[cfg(test)]
    pub(crate) fn broken(&self) -> &[String] {
        &self.broken
    }

    /// Prints the report for people, or as one line of JSON; whether everything held.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn print(&self, as_json: bool) -> anyhow::Result<bool> {
        let mut out = std::io::stdout().lock();
        if as_json {
            writeln!(out, "{}", serde_json::to_string(self)?)?;
            return Ok(self.broken.is_empty());
        }
        writeln!(out, "\n== {}", self.scenario)?;
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        for (name, value) in &self.figures {
            table.add_row([name, value]);
        }
        for promise in &self.promises {
            let held = if promise.broken == 0 { "held" } else { "BROKEN" };
            table.add_row([promise.what.as_str(), held]);
        }
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(out, "{table}")?;
        if let Some(page) = &self.page {
            writeln!(out, "\n{page}")?;
        }
        for what in &self.broken {
            writeln!(out, "BROKEN: {what}")?;
        }
        Ok(self.broken.is_empty())
    }
}

/// A time in whole milliseconds.
pub(crate) fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
