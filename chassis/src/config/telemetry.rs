//! `[telemetry]`: whether requests leave spans, and where these go.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::ConfigError;

/// The standard variable for the address of a collector; a path for traces is appended.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The standard variable for the address traces are posted to, as it stands.
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// The standard variable for what this process is called.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// The standard variable that turns all of it off.
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// `[telemetry]`: whether requests leave spans, and where these go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySettings {
    /// A collector of OTLP over HTTP (protobuf), as in `http://collector:4318`; no spans are made without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<Url>,
    /// The part of traces begun here that is recorded, 0 to 1. A trace that another began is recorded if it says so.
    pub sample_ratio: f64,
    /// Whose `traceparent` is believed.
    pub parents: Parents,
    /// What this process is called in traces and in the log; the workload's name when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// A PEM file of further certificate authorities for a collector at https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { otlp_endpoint: None, sample_ratio: 1.0, parents: Parents::Mesh, service_name: None, ca_file: None }
    }
}

/// Whose `traceparent` is believed: it says whether a request is recorded, so strangers could fill the collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parents {
    /// That of callers with a SPIFFE identity; others begin a new trace.
    #[default]
    Mesh,
    /// Everyone's, for a front end behind a proxy that makes traces itself.
    All,
}

impl TelemetrySettings {
    /// Finds what is wrong with the section.
    ///
    /// # Errors
    /// A ratio outside 0 to 1, an endpoint that is not HTTP, a name that is none.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Err(ConfigError::invalid("telemetry.sample_ratio", "from 0 to 1"));
        }
        if self.otlp_endpoint.as_ref().is_some_and(|url| !is_http(url)) {
            return Err(ConfigError::invalid("telemetry.otlp_endpoint", "an http or https URL"));
        }
        if self.service_name.as_ref().is_some_and(|name| !is_name(name)) {
            return Err(ConfigError::invalid("telemetry.service_name", "1 to 100 characters, no space among them"));
        }
        Ok(())
    }

    /// Where traces are posted to: the setting, else what the standard variables say, else nowhere.
    ///
    /// # Errors
    /// A variable that counts is not an HTTP URL.
    pub fn traces_endpoint(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Url>, ConfigError> {
        let is_off = variable(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if is_off {
            return Ok(None);
        }
        if let Some(url) = &self.otlp_endpoint {
            return Ok(Some(for_traces(url)));
        }
        let read = |name: &'static str| match variable(name).filter(|value| !value.is_empty()) {
            Some(value) => {
                let url = Url::parse(&value).ok().filter(is_http);
                url.map(Some).ok_or_else(|| ConfigError::invalid(name, "an http or https URL"))
            }
            None => Ok(None),
        };
        match read(TRACES_ENDPOINT)? {
            Some(url) => Ok(Some(url)),
            None => Ok(read(ENDPOINT)?.as_ref().map(for_traces)),
        }
    }

    /// What the process is called: the setting, else the standard variable, else `workload`.
    #[must_use]
    pub fn name(&self, workload: &str, variable: impl Fn(&str) -> Option<String>) -> String {
        let given = self.service_name.clone().or_else(|| variable(SERVICE_NAME));
        given.filter(|name| is_name(name)).unwrap_or_else(|| workload.to_owned())
    }
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.host().is_some()
}

fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.len()) && name.chars().all(|letter| !letter.is_whitespace() && !letter.is_control())
}

fn for_traces(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/v1/traces", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AdminSettings, LogSettings, Sources, load};

    fn settings(endpoint: Option<&str>) -> TelemetrySettings {
        let otlp_endpoint = endpoint.map(|url| url.parse().unwrap());
        TelemetrySettings { otlp_endpoint, ..TelemetrySettings::default() }
    }

    fn endpoint(set: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<String>, ConfigError> {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        settings(set).traces_endpoint(variable).map(|url| url.map(String::from))
    }

    #[test]
    fn without_an_endpoint_there_are_no_traces() {
        assert_eq!(endpoint(None, &[]), Ok(None));
        assert_eq!(endpoint(None, &[(ENDPOINT, "")]), Ok(None));
    }

    #[test]
    fn the_setting_wins_over_the_standard_variables() {
        let set = "http://a:4318/";
        assert_eq!(endpoint(Some(set), &[(ENDPOINT, "http://b:1")]), Ok(Some("http://a:4318/v1/traces".to_owned())));
        assert_eq!(endpoint(None, &[(ENDPOINT, "http://b:1/x/")]), Ok(Some("http://b:1/x/v1/traces".to_owned())));
        let both = [(ENDPOINT, "http://b:1"), (TRACES_ENDPOINT, "https://c:1/as-it-stands")];
        assert_eq!(endpoint(None, &both), Ok(Some("https://c:1/as-it-stands".to_owned())));
        assert_eq!(endpoint(Some(set), &[(DISABLED, "TRUE")]), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |error: ConfigError| error.to_string();
        let refused = endpoint(None, &[(ENDPOINT, "collector:4318")]).map_err(message);
        assert_eq!(refused, Err("`OTEL_EXPORTER_OTLP_ENDPOINT`: an http or https URL".to_owned()));
        let checked = |settings: TelemetrySettings| settings.check().map_err(message);
        let refused = checked(settings(Some("grpc://collector:4317")));
        assert_eq!(refused, Err("`telemetry.otlp_endpoint`: an http or https URL".to_owned()));
        let refused = checked(TelemetrySettings { sample_ratio: f64::NAN, ..settings(None) });
        assert_eq!(refused, Err("`telemetry.sample_ratio`: from 0 to 1".to_owned()));
        let refused = checked(TelemetrySettings { service_name: Some("a b".into()), ..settings(None) });
        assert_eq!(refused, Err("`telemetry.service_name`: 1 to 100 characters, no space among them".to_owned()));
    }

    #[test]
    fn the_files_say_what_the_defaults_are() {
        for workload in ["subject-wl", "asserting-wl", "middle-tier", "target-wl"] {
            let file = format!("{}/../config/{workload}.toml", env!("CARGO_MANIFEST_DIR"));
            let sources = Sources { file: Some(file.as_ref()), ..Sources::default() };
            let loaded = load::<serde_json::Value>(workload, &sources).unwrap();
            assert_eq!(loaded.telemetry, TelemetrySettings::default(), "{workload}");
            assert_eq!((loaded.admin, loaded.log), (AdminSettings::default(), LogSettings::default()), "{workload}");
        }
    }

    #[test]
    fn the_name_is_the_settings_then_the_variables_then_the_workloads() {
        let named = |set: Option<&str>, variable: Option<&str>| {
            let settings = TelemetrySettings { service_name: set.map(str::to_owned), ..settings(None) };
            settings.name("middle-tier", |_| variable.map(str::to_owned))
        };
        assert_eq!(named(Some("middle-tier-1"), Some("x")), "middle-tier-1");
        assert_eq!(named(None, Some("middle-tier-2")), "middle-tier-2");
        assert_eq!(named(None, Some("a b")), "middle-tier");
        assert_eq!(named(None, None), "middle-tier");
    }
}
