//! Where the tests of the workspace are.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// The folders that are no source of ours.
const SKIPPED: [&str; 4] = ["target", "node_modules", ".git", "fuzz"];

/// Every test of the workspace by its name.
#[derive(Default)]
pub(super) struct Sources {
    /// Files in which a test of this name stands, once for each occurrence.
    files: HashMap<String, Vec<String>>,
}

impl Sources {
    /// Reads every Rust file below `root`.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut sources = Self::default();
        sources.walk(root, "")?;
        Ok(sources)
    }

    /// Takes note of the tests in the text of a file.
    pub(super) fn add(&mut self, file: &str, text: &str) {
        for name in tests(text) {
            self.files.entry(name.to_owned()).or_default().push(file.to_owned());
        }
    }

    /// The file of a test, written `crate::module::name`.
    ///
    /// # Errors
    /// What is wrong with the name, if it is not that of exactly one test.
    pub(super) fn find(&self, test: &str) -> Result<&str, String> {
        let mut parts: Vec<_> = test.split("::").collect();
        let name = parts.pop().unwrap_or_default();
        let named = self.files.get(name).map(Vec::as_slice).unwrap_or_default();
        let found: Vec<_> = named.iter().filter(|file| leads_through(file, &parts)).collect();
        match found.as_slice() {
            [file] => Ok(file),
            [] => Err(format!("there is no test {test}")),
            several => Err(format!("{test} may be any of {several:?}: name more modules")),
        }
    }

    fn walk(&mut self, root: &Path, folder: &str) -> anyhow::Result<()> {
        let place = root.join(folder);
        for entry in fs::read_dir(&place).with_context(|| place.display().to_string())? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if entry.file_type()?.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    self.walk(root, &path)?;
                }
            } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
                self.add(&path, &fs::read_to_string(entry.path()).with_context(|| path.clone())?);
            }
        }
        Ok(())
    }
}

/// Whether the path of a file goes through the crate's folder and then these modules, in this order.
fn leads_through(file: &str, parts: &[&str]) -> bool {
    let mut steps = file.trim_end_matches(".rs").split('/');
    let mut parts = parts.iter();
    parts.next().is_some_and(|krate| steps.next() == Some(*krate)) && parts.all(|part| steps.any(|step| step == *part))
}

/// The names of the functions that stand under a test attribute.
fn tests(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = is_test.then(|| function(line)).flatten() {
            names.push(name);
            is_test = false;
        }
    }
    names
}

/// The name of the function that is declared in this line.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start_matches("pub ").trim_start_matches("async ");
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}
