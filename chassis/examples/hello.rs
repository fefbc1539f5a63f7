//! The smallest workload: greets, slowly if asked to.
//!
//! `cargo run -p chassis --example hello -- --set admin.listen=127.0.0.1:0`

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chassis::config::Period;
use chassis::{ConfigError, Process, Running, Workload, service};
use serde::Deserialize;
use tokio::net::TcpListener;

/// The settings of the greeter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    /// Where it listens.
    listen: SocketAddr,
    /// How long `/slow` takes.
    pause: Period,
    /// How long the listener lives by itself; it breaks after that.
    life: Option<Period>,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 0).into(), pause: Period::seconds(1), life: None }
    }
}

struct Hello;

#[chassis::async_trait]
impl Workload for Hello {
    const NAME: &'static str = "hello";
    const ABOUT: &'static str = "Greets, slowly if asked to";
    type Config = Config;

    fn check(config: &Config) -> Result<(), ConfigError> {
        if config.pause.0 > Duration::from_mins(1) {
            return Err(ConfigError::invalid("pause", "at most 1m"));
        }
        Ok(())
    }

    async fn start(config: Config, process: &Process) -> anyhow::Result<Running> {
        let pause = config.pause.0;
        let slow = async move || {
            tokio::time::sleep(pause).await;
            "hello at last\n"
        };
        let router = Router::new().route("/", get(async || "hello\n")).route("/slow", get(slow));
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let stop = process.stop.clone();
        let serving = axum::serve(listener, service::wrap(router, process))
            .with_graceful_shutdown(async move { stop.cancelled().await });
        match config.life {
            None => process.run("http", serving.into_future()),
            Some(life) => process.run("http", async move {
                tokio::time::timeout(life.0, serving.into_future())
                    .await
                    .map_err(|_| "it is over")?
                    .map_err(|_| "broken")
            }),
        }
        Ok(Running { addresses: vec![("http", address)] })
    }
}

fn main() -> ExitCode {
    chassis::run::<Hello>()
}
