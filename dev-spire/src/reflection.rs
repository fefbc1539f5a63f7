//! gRPC server reflection, so that `grpcurl` and its like know the Workload API without its proto file.

use crate::pb::DESCRIPTORS;
use tonic_reflection::server::{
    Builder,
    v1::{ServerReflection, ServerReflectionServer},
};

/// The service, version 1; nothing if the descriptors are not what they should be.
pub(crate) fn service() -> Option<ServerReflectionServer<impl ServerReflection>> {
    let built = Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS).build_v1();
    built.inspect_err(|error| tracing::error!(%error, "no gRPC reflection")).ok()
}
