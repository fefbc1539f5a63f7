//! Settings: defaults, then a TOML file, then the environment, then flags; an unknown key anywhere is an error.
//!
//! The environment variable of `store.url` of target-wl is `TARGET_WL__STORE__URL`. Its value is read as TOML where it
//! looks like a number, a boolean, an array or a table, and as text otherwise or where the setting is text.
//!
//! The sections `[admin]`, `[log]` and `[telemetry]` belong to the chassis; all others to the workload. Secrets are never
//! repeated in an error.

mod error;
pub mod https;
mod layers;
mod period;
mod sections;
pub mod spiffe_id;
mod store;
mod telemetry;

use std::path::Path;

use figment::Figment;
use serde::de::DeserializeOwned;

pub use self::store::StoreSettings;
pub use error::ConfigError;
use layers::Layer;
pub use period::Period;
pub use sections::{
    AdminSettings, AssertingSettings, IdentitySettings, ListenSettings, LogFormat, LogSettings, PolicySource,
    ProviderSettings, RevocationSettings,
};
pub use telemetry::{Parents, TelemetrySettings};

/// The sections the chassis reads itself.
const OWN: [&str; 3] = ["admin", "log", "telemetry"];

/// The settings of one process.
#[derive(Clone, Debug)]
pub struct Loaded<C> {
    /// The workload's own settings.
    pub workload: C,
    /// The admin listener.
    pub admin: AdminSettings,
    /// The log.
    pub log: LogSettings,
    /// Traces.
    pub telemetry: TelemetrySettings,
}

/// Where settings come from, later ones winning over earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Sources<'a> {
    /// A TOML file.
    pub file: Option<&'a Path>,
    /// The environment; only variables with the workload's prefix are read.
    pub environment: Vec<(String, String)>,
    /// Settings given as flags: a dotted key and a value, written as in the environment.
    pub flags: Vec<(String, String)>,
}

impl<'a> Sources<'a> {
    /// The file and the environment of this process.
    #[must_use]
    pub fn ambient(file: Option<&'a Path>) -> Self {
        // A variable that is not Unicode cannot be one of ours: names are ASCII, and values are text.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { file, environment, flags: Vec::new() }
    }
}

/// Reads the settings of the workload called `name`.
///
/// # Errors
/// The first thing that is wrong, in one line: what, where, and what it should be.
pub fn load<C: DeserializeOwned>(name: &str, sources: &Sources<'_>) -> Result<Loaded<C>, ConfigError> {
    let layers = layers::read(name, sources)?;
    let (own, workload) = layers::split(&layers, &OWN);
    let Own { admin, log, telemetry } = extract(own, &[])?;
    Ok(Loaded { workload: extract(workload, &OWN)?, admin, log, telemetry })
}

/// Reads settings from TOML text alone, without the chassis's sections: for tests and tools.
///
/// # Errors
/// As [`load`].
pub fn parse<C: DeserializeOwned>(text: &str) -> Result<C, ConfigError> {
    let layers = vec![Layer::toml("the text", text)?];
    let (_, workload) = layers::split(&layers, &OWN);
    extract(workload, &OWN)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    #[serde(default)]
    admin: AdminSettings,
    #[serde(default)]
    log: LogSettings,
    #[serde(default)]
    telemetry: TelemetrySettings,
}

/// Merges the layers into `C`. A value from the environment that looks like a number but belongs to a text setting is
/// tried again as text.
fn extract<C: DeserializeOwned>(mut layers: Vec<Layer>, also_known: &[&str]) -> Result<C, ConfigError> {
    loop {
        let figment = layers.iter().cloned().fold(Figment::new(), Figment::merge);
        let error = match figment.extract::<C>() {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        if !layers.iter_mut().any(|layer| layer.reread_as_text(&error)) {
            return Err(ConfigError::from_figment(&error, also_known));
        }
    }
}

#[cfg(test)]
mod tests;
