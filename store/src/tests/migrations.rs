//! Versions N and N+1 run side by side: `migrations/README.md`.

use std::path::Path;

use tempfile::TempDir;

use crate::conformance;

/// Statements that do what the rule forbids, each with the reason why it may.
const ALLOWED: [&str; 2] = [
    // Who makes a key that another replica was faster with is refused, and starts again with that one.
    "CREATE UNIQUE INDEX MINTING_KEYS_ONE_CURRENT ON MINTING_KEYS (KIND) WHERE STATE = 'CURRENT'",
    "CREATE UNIQUE INDEX MINTING_KEYS_ONE_NEXT ON MINTING_KEYS (KIND) WHERE STATE = 'NEXT'",
];

/// What a version after this one may do to the schema while this one runs.
pub(super) fn of_the_next_version() -> String {
    let tables = [
        "accounts",
        "account_numbers",
        "ledger",
        "once_keys",
        "once_links",
        "mints",
        "minting_keys",
        "outbox",
        "revocations",
        "received_tokens",
    ];
    let mut sql: String = tables
        .map(|table| {
            format!("ALTER TABLE {table} ADD COLUMN colour TEXT; ALTER TABLE {table} ADD COLUMN size INTEGER NOT NULL DEFAULT 7;")
        })
        .concat();
    sql.push_str(
        "CREATE TABLE colours (id INTEGER NOT NULL PRIMARY KEY); CREATE INDEX mints_by_colour ON mints (colour);",
    );
    sql
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_the_version_before_keeps_working_on_a_newer_sqlite() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/bank.db?mode=rwc", folder.path().display());
    let running = crate::open(&url).await.unwrap();
    conformance::check_all(running.clone()).await.unwrap();
    let newer = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(of_the_next_version())).execute(&newer).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'next', true, x'00', 0)",
    )
    .execute(&newer)
    .await
    .unwrap();
    newer.close().await;
    conformance::check_all(running).await.unwrap();
    conformance::check_all(crate::open(&url).await.unwrap()).await.unwrap();
}

#[test]
fn every_migration_leaves_the_version_before_it_working() {
    for database in ["sqlite", "postgres"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        let mut found = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = format!("{database}/{}", path.file_name().unwrap().to_str().unwrap());
            let breaks = breaking(&std::fs::read_to_string(&path).unwrap());
            let breaks: Vec<_> =
                breaks.into_iter().filter(|statement| !ALLOWED.contains(&statement.as_str())).collect();
            assert!(breaks.is_empty(), "{name} breaks processes of the version before: {breaks:#?}");
            found += 1;
        }
        assert!(found >= 3, "no migrations in {database}");
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn finds_what_breaks_the_version_before() {
    for statement in [
        "DROP TABLE accounts",
        "ALTER TABLE accounts DROP COLUMN balance",
        "ALTER TABLE accounts RENAME COLUMN balance TO minor",
        "ALTER TABLE accounts RENAME TO books",
        "ALTER TABLE accounts ADD COLUMN colour TEXT NOT NULL",
        "ALTER TABLE accounts ADD COLUMN a TEXT, ADD COLUMN b TEXT NOT NULL",
        "ALTER TABLE accounts ALTER COLUMN balance TYPE integer",
        "ALTER TABLE accounts ADD CONSTRAINT rich CHECK (balance > 100)",
        "CREATE UNIQUE INDEX one_balance ON accounts (balance)",
        "alter table accounts add column colour text\n  not null",
    ] {
        assert_eq!(breaking(&format!("-- DROP nothing\n{statement}; SELECT 1;")).len(), 1, "{statement}");
    }
    for statement in [
        "ALTER TABLE accounts ADD COLUMN colour TEXT",
        "ALTER TABLE accounts ADD COLUMN colour TEXT NOT NULL DEFAULT 'none'",
        "CREATE TABLE drops (rename TEXT NOT NULL)",
        "CREATE TABLE a (b TEXT); CREATE UNIQUE INDEX a_by_b ON a (b)",
        "CREATE INDEX by_balance ON accounts (balance)",
        "INSERT INTO accounts SELECT 1",
    ] {
        assert_eq!(breaking(statement), Vec::<String>::new());
    }
}

/// The statements of a migration that a process which does not know it cannot live with.
fn breaking(migration: &str) -> Vec<String> {
    let code: Vec<_> = migration.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let code = code.join(" ").to_uppercase();
    let statements: Vec<String> =
        code.split(';').map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let made: Vec<_> = statements.iter().filter_map(|statement| word_after(statement, "CREATE TABLE ")).collect();
    let breaks = |statement: &&String| {
        let on_a_new_table = |before: &str| word_after(statement, before).is_some_and(|table| made.contains(&table));
        if let Some(change) = statement.strip_prefix("ALTER TABLE ") {
            return !on_a_new_table("ALTER TABLE ") && change.split(',').any(alters);
        }
        let unique = statement.starts_with("CREATE UNIQUE INDEX ") && !on_a_new_table(" ON ");
        statement.starts_with("DROP ") || statement.starts_with("CREATE TRIGGER") || unique
    };
    statements.iter().filter(breaks).cloned().collect()
}

/// Whether one change to a table that others use breaks them.
fn alters(change: &str) -> bool {
    let has = |word: &str| format!(" {change} ").contains(&format!(" {word} "));
    let adds_column = has("ADD COLUMN") && (!has("NOT NULL") || has("DEFAULT"));
    // A comma inside parentheses cuts a change in two; what is left of it says nothing of its own.
    let says_something = ["ADD", "DROP", "RENAME", "ALTER", "SET"].iter().any(|word| has(word));
    says_something && !adds_column
}

fn word_after<'a>(statement: &'a str, before: &str) -> Option<&'a str> {
    statement.split_once(before)?.1.split([' ', '(']).next()
}

#[test]
fn no_query_selects_whatever_there_is() {
    for database in ["sqlite", "postgres"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(database);
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            assert!(!std::fs::read_to_string(&path).unwrap().contains("SELECT *"), "{}", path.display());
        }
    }
}
