//! The matrix as Markdown, and its place in a page.

use std::fmt::Write as _;

use anyhow::Context as _;

/// What stands before the table in a page.
const BEGIN: &str = "<!-- outage matrix: written by `faults matrix --write` -->\n";
/// What stands after it.
const END: &str = "<!-- end of the outage matrix -->";

/// The table: a row a question, a column a part that is away.
pub(super) fn markdown(rows: &[&str], columns: &[(&str, Vec<String>)]) -> String {
    let titles: Vec<&str> = columns.iter().map(|(title, _)| *title).collect();
    let mut text = format!("| away: | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(titles.len()));
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<&str> = columns.iter().map(|(_, cells)| cells.get(number).map_or("", String::as_str)).collect();
        // Cannot fail: writing to a String does not.
        let _ = writeln!(text, "| {row} | {} |", cells.join(" | "));
    }
    text
}

/// The page with this table between its markers.
///
/// # Errors
/// The page has no markers.
pub(super) fn replace(page: &str, markdown: &str) -> anyhow::Result<String> {
    let (before, rest) = page.split_once(BEGIN).context("the page has no place for the outage matrix")?;
    let (_, after) = rest.split_once(END).context("the outage matrix has no end in the page")?;
    Ok(format!("{before}{BEGIN}{markdown}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_a_question_and_a_column_a_part() {
        let columns = [("SPIRE", vec!["works".to_owned(), "503".to_owned()]), ("PostgreSQL", vec!["no".to_owned()])];
        let expected =
            "| away: | SPIRE | PostgreSQL |\n|---|---|---|\n| balance | works | no |\n| deposit | 503 |  |\n";
        assert_eq!(markdown(&["balance", "deposit"], &columns), expected);
    }

    #[test]
    fn only_the_table_of_a_page_is_replaced() {
        let page = format!("before\n{BEGIN}old\n{END}\nafter");
        assert_eq!(replace(&page, "new\n").unwrap(), format!("before\n{BEGIN}new\n{END}\nafter"));
        assert!(replace("nothing", "new").is_err());
    }
}
