//! The command line of a process.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::health::Question;

/// What the command line says.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) config: Option<PathBuf>,
    pub(super) check_config: bool,
    pub(super) health: Option<Question>,
    pub(super) set: Vec<(String, String)>,
}

impl Flags {
    /// Reads the command line of the workload called `name`.
    pub(super) fn read(
        name: &'static str,
        about: &'static str,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, clap::Error> {
        command(name, about).try_get_matches_from(arguments).map(|matches| Self::from_matches(&matches))
    }

    fn from_matches(matches: &ArgMatches) -> Self {
        Self {
            config: matches.get_one::<PathBuf>("config").cloned(),
            check_config: matches.get_flag("check-config"),
            health: matches.get_one::<Question>("health").copied(),
            set: matches.get_many("set").into_iter().flatten().cloned().collect(),
        }
    }
}

fn command(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .about(about)
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(examples(name))
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Reads settings from a TOML file"),
        )
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("KEY=VALUE")
                .action(ArgAction::Append)
                .value_parser(assignment)
                .help("Sets one setting; wins over file and environment. Not for secrets: other users see it"),
        )
        .arg(
            Arg::new("check-config")
                .long("check-config")
                .action(ArgAction::SetTrue)
                .help("Checks the settings and exits, without opening a port"),
        )
        .arg(
            Arg::new("health")
                .long("health")
                .value_name("QUESTION")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("ready")
                .value_parser(value_parser!(Question))
                .conflicts_with("check-config")
                .help("Asks the process that runs with these settings; exits 0 for yes, 1 for no"),
        )
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as log.filter=debug")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn examples(name: &str) -> String {
    let prefix = name.replace('-', "_").to_uppercase();
    format!(
        "Settings are read in this order, later ones winning: defaults, the file, the environment, --set.\n\
         \n\
         Examples:\n  \
           {name} --config config/{name}.toml\n  \
           {name} --config config/{name}.toml --check-config\n  \
           {prefix}__LOG__FILTER=debug {name} --config config/{name}.toml\n  \
           {name} --config config/{name}.toml --set admin.listen=127.0.0.1:9450\n  \
           {name} --config config/{name}.toml --health=live"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Flags, clap::Error> {
        Flags::read("target-wl", "Acts.", ["target-wl"].iter().chain(arguments).map(Into::into))
    }

    #[test]
    fn health_asks_for_readiness_unless_told_otherwise() {
        assert_eq!(read(&[]).unwrap().health, None);
        assert_eq!(read(&["--health"]).unwrap().health, Some(Question::Ready));
        assert_eq!(read(&["--health=live"]).unwrap().health, Some(Question::Live));
    }

    #[test]
    fn settings_may_hold_equal_signs() {
        let flags = read(&["--set", "store.url=sqlite://x?mode=rwc", "--set", "a.b=1"]).unwrap();
        assert_eq!(flags.set[0], ("store.url".to_owned(), "sqlite://x?mode=rwc".to_owned()));
        assert!(read(&["--set", "store.url"]).is_err());
    }

    #[test]
    fn help_shows_examples() {
        let help = command("target-wl", "Acts.").render_long_help().to_string();
        assert!(help.contains("TARGET_WL__LOG__FILTER=debug target-wl --config config/target-wl.toml"), "{help}");
    }
}
