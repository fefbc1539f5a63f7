//! From an address and limits to a connection.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::{Settings, StoreError};

/// What may stand in the query of an address. Anything else may be a password with its name misspelt, and would be logged.
const PARAMETERS: [&str; 9] =
    ["host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "options"];

/// Whether the address can be read.
pub(crate) fn check(settings: &Settings) -> Result<(), StoreError> {
    connection(settings).map(drop)
}

/// How the connections of the pool are made.
pub(super) fn connection(settings: &Settings) -> Result<PgConnectOptions, StoreError> {
    known(&settings.url)?;
    let mut options = PgConnectOptions::from_str(&settings.url).map_err(|_| StoreError::Address)?;
    if let Some(password) = &settings.password {
        options = options.password(password);
    }
    let options = options.application_name("dasvid").options([
        ("statement_timeout", milliseconds(settings.statement_timeout)),
        ("idle_in_transaction_session_timeout", milliseconds(settings.idle_in_transaction_timeout)),
        // To read a whole table, however small, is to conflict with everybody who writes to it.
        ("enable_seqscan", "off".to_owned()),
    ]);
    Ok(options)
}

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().to_string()
}

fn known(url: &str) -> Result<(), StoreError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let known = |parameter: &str| PARAMETERS.contains(&parameter.split('=').next().unwrap_or_default());
    if query.split('&').filter(|parameter| !parameter.is_empty()).all(known) {
        Ok(())
    } else {
        Err(StoreError::Address)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn settings(url: &str) -> Settings {
        Settings::new(url)
    }

    #[test]
    fn takes_hosts_and_sockets() {
        let options = connection(&settings("postgres://bank@db.example:5433/bank?sslmode=verify-full")).unwrap();
        assert_eq!(
            (options.get_host(), options.get_port(), options.get_database()),
            ("db.example", 5433, Some("bank"))
        );
        assert!(matches!(options.get_ssl_mode(), sqlx::postgres::PgSslMode::VerifyFull));
        for url in ["postgres:///bank?host=/run/postgresql&user=bank", "postgresql://bank@%2Frun%2Fpostgresql/bank"] {
            let options = connection(&settings(url)).unwrap();
            assert_eq!(options.get_socket().map(PathBuf::as_path), Some(Path::new("/run/postgresql")), "{url}");
            assert_eq!((options.get_username(), options.get_database()), ("bank", Some("bank")), "{url}");
        }
    }

    #[test]
    fn sets_limits_on_every_connection() {
        let options = connection(&settings("postgres://bank@db/bank")).unwrap();
        let expected = "-c statement_timeout=5000 -c idle_in_transaction_session_timeout=10000 -c enable_seqscan=off";
        assert_eq!(options.get_options(), Some(expected));
    }

    #[test]
    fn refuses_parameters_it_does_not_know() {
        for url in [
            "postgres://bank@db/bank?passwort=hunter2",
            "postgres://bank@db/bank?password=hunter2",
            "postgres://bank@db/bank?sslmode=maybe",
            "postgres://bank@db:port/bank",
            "postgres://",
        ] {
            let refused = connection(&settings(url)).map(|_| ());
            if url == "postgres://" {
                refused.unwrap();
            } else {
                let error = refused.unwrap_err();
                assert!(matches!(error, StoreError::Address), "{url}: {error:?}");
                assert!(!format!("{error} {error:?}").contains("hunter2"));
            }
        }
    }
}
