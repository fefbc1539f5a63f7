//! Dependency arrows between the workspace's crates point downwards only.
//!
//! The order is the house of ARCHITECTURE.md, written down once as [`BANDS`] and compared with what
//! `cargo metadata` says. Development dependencies are free: a test may use any tool.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// One band of the house, from the bottom up.
struct Band {
    name: &'static str,
    crates: &'static [&'static str],
    /// Whether a crate may use those to its left in the same band.
    ordered: bool,
}

static BANDS: [Band; 4] = [
    Band { name: "mathematics", crates: &["crypto"], ordered: true },
    Band {
        name: "what workloads are built from",
        crates: &["wire", "token", "store", "mesh", "chassis"],
        ordered: true,
    },
    Band { name: "workloads", crates: &["subject-wl", "asserting-wl", "middle-tier", "target-wl"], ordered: false },
    Band { name: "tools", crates: &["dev-spire", "dev-idp", "dev-traces", "dasvid", "e2e", "xtask"], ordered: true },
];

/// Checks the workspace around the current directory.
///
/// # Errors
/// When `cargo metadata` fails, a crate stands in no band, or an arrow points upwards; the message names the edge.
pub(crate) fn run() -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cargo metadata could not be started")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    check(&output.stdout)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Checks the arrows in the JSON of `cargo metadata --no-deps`.
fn check(metadata: &[u8]) -> anyhow::Result<()> {
    let metadata: Metadata = serde_json::from_slice(metadata).context("cargo metadata printed something else")?;
    let places = places();
    let mut offences = Vec::new();
    for package in &metadata.packages {
        let Some(&from) = places.get(package.name.as_str()) else {
            bail!("{} stands in no band: add it to xtask/src/layers.rs", package.name);
        };
        let arrows = package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
        for dependency in arrows {
            let Some(&to) = places.get(dependency.name.as_str()) else { continue };
            if !points_down(from, to) {
                offences.push(format!(
                    "{} -> {}: {} may not use {}",
                    package.name,
                    dependency.name,
                    describe(from),
                    describe(to)
                ));
            }
        }
    }
    ensure!(offences.is_empty(), "arrows that do not point downwards:\n{}", offences.join("\n"));
    Ok(())
}

/// Band and position in it.
type Place = (usize, usize);

fn places() -> BTreeMap<&'static str, Place> {
    let of_band = |(row, band): (usize, &'static Band)| {
        band.crates.iter().enumerate().map(move |(column, name)| (*name, (row, column)))
    };
    BANDS.iter().enumerate().flat_map(of_band).collect()
}

fn points_down(from: Place, to: Place) -> bool {
    let ordered = BANDS.get(from.0).is_some_and(|band| band.ordered);
    to.0 < from.0 || (to.0 == from.0 && ordered && to.1 < from.1)
}

fn describe(place: Place) -> &'static str {
    BANDS.get(place.0).map_or("nothing", |band| band.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workspace(edges: &[(&str, &str, Option<&str>)]) -> Vec<u8> {
        let packages: Vec<_> = edges
            .iter()
            .map(|(from, to, kind)| json!({"name": from, "dependencies": [{"name": to, "kind": kind}]}))
            .collect();
        json!({"packages": packages}).to_string().into_bytes()
    }

    fn refusal(edges: &[(&str, &str, Option<&str>)]) -> String {
        check(&workspace(edges)).unwrap_err().to_string()
    }

    #[test]
    fn accepts_arrows_downwards_and_to_the_left() {
        let edges = [
            ("token", "crypto", None),
            ("mesh", "token", None),
            ("target-wl", "store", None),
            ("dasvid", "dev-idp", None),
            ("token", "serde", None),
        ];
        check(&workspace(&edges)).unwrap();
    }

    #[test]
    fn names_an_arrow_that_points_upwards() {
        let message = refusal(&[("token", "crypto", None), ("crypto", "token", None)]);
        assert!(
            message.contains("crypto -> token: mathematics may not use what workloads are built from"),
            "{message}"
        );
        assert!(!message.contains("token -> crypto"), "{message}");
    }

    #[test]
    fn names_an_arrow_to_the_right_in_an_ordered_band() {
        assert!(refusal(&[("token", "mesh", None)]).contains("token -> mesh"));
    }

    #[test]
    fn refuses_a_workload_that_uses_another() {
        assert!(refusal(&[("target-wl", "subject-wl", None)]).contains("target-wl -> subject-wl"));
    }

    #[test]
    fn refuses_a_build_dependency_upwards() {
        assert!(refusal(&[("mesh", "xtask", Some("build"))]).contains("mesh -> xtask"));
    }

    #[test]
    fn leaves_development_dependencies_alone() {
        check(&workspace(&[("mesh", "dev-spire", Some("dev"))])).unwrap();
    }

    #[test]
    fn refuses_a_crate_without_a_band() {
        assert!(refusal(&[("utils", "crypto", None)]).starts_with("utils stands in no band"));
    }

    #[test]
    fn this_workspace_points_downwards() {
        run().unwrap();
    }
}
