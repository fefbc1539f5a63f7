//! The outage matrix: what still works while one part is away. Every cell is measured.

mod column;
mod table;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::lab::StoreKind;
use crate::report::Report;
use crate::scenario::Options;
use column::Column;

/// What to do with the table besides printing it.
#[derive(Debug, Args)]
pub(crate) struct Matrix {
    /// Write it into this page, between its markers.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Fail if this page shows another table between its markers.
    #[arg(long, value_name = "FILE", conflicts_with = "write")]
    check: Option<PathBuf>,
}

impl Matrix {
    /// Measures every cell.
    ///
    /// # Errors
    /// The bank cannot be run, or the page cannot be read or written.
    pub(crate) async fn run(&self, options: &Options) -> anyhow::Result<Report> {
        let mut report = Report::new(&format!("matrix: what works while a part is away, {:?}", options.store));
        let mut columns = Vec::new();
        for away in Column::ALL {
            if away.needs_server() && options.store != StoreKind::Postgres {
                report.figure("not measured without PostgreSQL", away.title());
                continue;
            }
            columns.push((away.title(), away.measure(options, &mut report).await?));
        }
        let markdown = table::markdown(&column::ROWS, &columns);
        report.page(&markdown);
        if let Some(page) = &self.write {
            let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
            std::fs::write(page, table::replace(&text, &markdown)?)?;
        }
        if let Some(page) = &self.check {
            report.check("the page shows what was measured", is_shown(page, &markdown)?, "it is stale");
        }
        Ok(report)
    }
}

fn is_shown(page: &Path, markdown: &str) -> anyhow::Result<bool> {
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    Ok(table::replace(&text, markdown)? == text)
}
