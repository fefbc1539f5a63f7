//! One source of settings each: a file, a variable, a flag.

use figment::error::{Actual, Kind};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Metadata, Profile, Provider};

use super::{ConfigError, Sources};

/// The settings of one source.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// What an error calls the source.
    name: String,
    settings: Dict,
    /// The key and text of a single value that was read as something else than text.
    reread: Option<(Vec<String>, String)>,
}

impl Layer {
    /// Reads TOML text.
    pub(super) fn toml(name: &str, text: &str) -> Result<Self, ConfigError> {
        let syntax = |line, message: &str| ConfigError::Syntax {
            source_name: name.to_owned(),
            line,
            message: message.lines().next().unwrap_or_default().to_owned(),
        };
        let table: toml::Table = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            syntax(before.matches('\n').count() + 1, error.message())
        })?;
        match Value::serialize(table) {
            Ok(Value::Dict(_, settings)) => Ok(Self { name: name.to_owned(), settings, reread: None }),
            _ => Err(syntax(1, "not a table of settings")),
        }
    }

    /// Reads one value, from the environment or a flag.
    fn single(name: String, key: &[String], text: &str) -> Self {
        // Cannot fail: figment takes as text what it cannot read as anything else.
        let value: Value = text.parse().unwrap_or_else(|_| Value::from(text));
        let reread = (!matches!(value, Value::String(..))).then(|| (key.to_vec(), text.to_owned()));
        Self { name, settings: nest(key, value), reread }
    }

    /// If `error` says that this layer's one value should be text, makes it text.
    pub(super) fn reread_as_text(&mut self, error: &figment::Error) -> bool {
        let is_text_wanted =
            matches!(&error.kind, Kind::InvalidType(actual, _) if !matches!(actual, Actual::Str(_) | Actual::Option));
        let is_ours = |layer: &Self| layer.reread.as_ref().is_some_and(|(key, _)| *key == error.path);
        if !is_text_wanted || !is_ours(self) {
            return false;
        }
        self.reread.take().is_some_and(|(key, text)| {
            self.settings = nest(&key, Value::from(text));
            true
        })
    }

    /// The same layer with only those top-level sections for which `keep` says so.
    fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let settings = self.settings.iter().filter(|(key, _)| keep(key.as_str()));
        Self { settings: settings.map(|(key, value)| (key.clone(), value.clone())).collect(), ..self.clone() }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.settings.clone()))
    }
}

/// All layers of the sources, weakest first.
pub(super) fn read(workload: &str, sources: &Sources<'_>) -> Result<Vec<Layer>, ConfigError> {
    let mut layers = Vec::new();
    if let Some(path) = sources.file {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::File { path: name.clone(), message: error.to_string() })?;
        layers.push(Layer::toml(&name, &text)?);
    }
    let prefix = format!("{}__", workload.replace('-', "_").to_uppercase());
    for (variable, text) in &sources.environment {
        if let Some(key) = variable.strip_prefix(&prefix) {
            let key: Vec<String> = key.to_lowercase().split("__").map(str::to_owned).collect();
            layers.push(Layer::single(variable.clone(), &key, text));
        }
    }
    for (key, text) in &sources.flags {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        layers.push(Layer::single(format!("--set {key}"), &path, text));
    }
    Ok(layers)
}

/// Each layer twice: with only the sections `own`, and without them.
pub(super) fn split(layers: &[Layer], own: &[&str]) -> (Vec<Layer>, Vec<Layer>) {
    let mine = layers.iter().map(|layer| layer.filtered(|key| own.contains(&key))).collect();
    let rest = layers.iter().map(|layer| layer.filtered(|key| !own.contains(&key))).collect();
    (mine, rest)
}

fn nest(key: &[String], value: Value) -> Dict {
    let mut dict = Dict::new();
    if let Some((first, rest)) = key.split_first() {
        let value = if rest.is_empty() { value } else { Value::Dict(Tag::Default, nest(rest, value)) };
        dict.insert(first.clone(), value);
    }
    dict
}
