//! A second street beside a bank's: the same identities and Workload API, other settings, other databases.

use std::net::SocketAddr;

use asserting_wl::AssertingWl;
use chassis::{Handle, Workload};
use dasvid::place::{Endpoint, Place};
use middle_tier::MiddleTier;
use target_wl::TargetWl;
use url::Url;

use crate::Bank;
use crate::bank::id;

/// asserting-wl, two middle tiers and the target, with settings of their own.
pub struct Street {
    /// Where they are.
    pub place: Place,
    handles: Vec<Handle>,
}

impl Street {
    /// Starts the street; `edit` changes the settings of each workload, by its name.
    pub async fn build(bank: &Bank, edit: impl Fn(&str, String) -> String) -> Self {
        let place = bank.place();
        let mut street = Self { place: place.clone(), handles: Vec::new() };
        let text = |name| edit(name, bank.config(name).replace(".sqlite", "-beside.sqlite"));
        street.place.asserting = street.start::<AssertingWl>(bank, "asserting-wl", &text("asserting-wl")).await;
        let asserting = street.place.asserting.url.clone();
        let moved = |text: String, from: &Url, to: &Url| text.replace(from.as_str(), to.as_str());
        let text = |name| moved(text(name), &place.asserting.url, &asserting);
        street.place.target = street.start::<TargetWl>(bank, "target-wl", &text("target-wl")).await;
        let second = moved(text("middle-tier-2"), &place.target.url, &street.place.target.url);
        let second = street.start::<MiddleTier>(bank, "middle-tier-2", &second).await;
        let first = moved(text("middle-tier-1"), &bank.endpoint("middle-tier-2").url, &second.url);
        street.place.entry = street.start::<MiddleTier>(bank, "middle-tier-1", &first).await;
        street
    }

    async fn start<W: Workload>(&mut self, bank: &Bank, name: &str, text: &str) -> Endpoint {
        let handle = bank.spawn::<W>(text).await;
        let endpoint = endpoint(name, &handle);
        self.handles.push(handle);
        endpoint
    }

    /// Stops everything; every request under way must be able to finish.
    pub async fn close(self) {
        for handle in self.handles.into_iter().rev() {
            assert!(handle.shutdown().await, "a request did not finish");
        }
    }
}

/// Where a workload of the mesh listens that was started by hand.
#[must_use]
pub fn endpoint(name: &str, handle: &Handle) -> Endpoint {
    let (_, address): &(_, SocketAddr) = handle.addresses.first().unwrap();
    Endpoint { url: format!("https://{address}/").parse().unwrap(), id: id(name) }
}
