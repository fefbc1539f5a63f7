//! `cargo xtask protobuf`: Rust types of the SPIFFE Workload API, without a `protoc` to install.

use anyhow::{Context as _, bail};
use protox::prost_reflect::{prost::Message as _, prost_types::FileDescriptorSet};
use std::{
    fs,
    path::{Path, PathBuf},
};

const PROTO: &str = "dev-spire/proto/workload.proto";
const OUTPUT: &str = "dev-spire/src/pb/workload.rs";
const DESCRIPTORS: &str = "dev-spire/src/pb/workload.binpb";

/// Flags of `cargo xtask protobuf`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fail if the generated file is not up to date; write nothing.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
    let proto = root.join(PROTO);
    let folder = proto.parent().context("the proto file has no folder")?;
    let mut descriptors = protox::compile([&proto], [folder])?;
    let types = generate(root, descriptors.clone())?;
    // Where things stand in the source is of no use to a client.
    descriptors.file.iter_mut().for_each(|file| file.source_code_info = None);
    for (path, generated) in [(OUTPUT, types.into_bytes()), (DESCRIPTORS, descriptors.encode_to_vec())] {
        let output = root.join(path);
        if !arguments.check {
            fs::write(&output, generated).with_context(|| format!("cannot write {path}"))?;
        } else if fs::read(&output).ok() != Some(generated) {
            bail!("{path} is not what {PROTO} generates; run `cargo xtask protobuf`");
        }
    }
    Ok(())
}

fn generate(root: &Path, descriptors: FileDescriptorSet) -> anyhow::Result<String> {
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
