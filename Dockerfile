# One workload, or the tool `dasvid`, by build argument:
#
#   docker build --build-arg WORKLOAD=target-wl -t dasvid-target-wl .                      compiles it
#   docker build -f Dockerfile --target runtime --build-arg WORKLOAD=target-wl target/release      takes it as it is
#
# What comes out has no shell and runs as a user of its own, with a read-only root file system if you like; `--health`
# asks a running workload how it is. See docs/compose.md.

FROM gcr.io/distroless/cc-debian12:nonroot AS base
ENTRYPOINT ["/usr/local/bin/workload"]
CMD ["--config", "/etc/dasvid/config.toml"]

# The context is a folder with programs.
FROM base AS runtime
ARG WORKLOAD
COPY ${WORKLOAD} /usr/local/bin/workload

# All programs at once: the images that take one of them share this stage.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin dasvid --bin subject-wl --bin asserting-wl --bin middle-tier --bin target-wl \
 && install -D -t /out target/release/dasvid target/release/subject-wl target/release/asserting-wl \
      target/release/middle-tier target/release/target-wl

FROM base
ARG WORKLOAD
COPY --from=build /out/${WORKLOAD} /usr/local/bin/workload
