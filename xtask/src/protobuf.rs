//! `cargo xtask protobuf`: Rust types of the SPIFFE Workload API, without a `protoc` to install.

use anyhow::{Context as _, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

const PROTO: &str = "dev-spire/proto/workload.proto";
const OUTPUT: &str = "dev-spire/src/pb/workload.rs";

/// Flags of `cargo xtask protobuf`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fail if the generated file is not up to date; write nothing.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
    let generated = generate(root)?;
    let output = root.join(OUTPUT);
    if !arguments.check {
        return fs::write(&output, generated).with_context(|| format!("cannot write {OUTPUT}"));
    }
    if fs::read_to_string(&output).ok().as_deref() != Some(&generated) {
        bail!("{OUTPUT} is not what {PROTO} generates; run `cargo xtask protobuf`");
    }
    Ok(())
}

fn generate(root: &Path) -> anyhow::Result<String> {
    let proto = root.join(PROTO);
    let folder = proto.parent().context("the proto file has no folder")?;
    let descriptors = protox::compile([&proto], [folder])?;
    let scratch = Scratch::new(root)?;
    tonic_prost_build::configure()
        .bytes(".")
        .emit_rerun_if_changed(false)
        .out_dir(&scratch.0)
        .compile_fds(descriptors)?;
    // The service has no package, hence the name.
    fs::read_to_string(scratch.0.join("_.rs")).context("the generator wrote nothing")
}

/// A folder for the generator's output, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(root: &Path) -> anyhow::Result<Self> {
        let path = root.join("target").join(format!("xtask-protobuf-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_file_is_up_to_date() {
        run(&Arguments { check: true }).unwrap();
    }
}
