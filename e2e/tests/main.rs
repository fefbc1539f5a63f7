//! The whole bank, attacked: every workload with its own identity, real mTLS, real signatures, real SQL.

#[cfg(test)]
mod attacks_anonymous;
#[cfg(test)]
mod attacks_bank;
#[cfg(test)]
mod attacks_id;
#[cfg(test)]
mod attacks_oauth;
#[cfg(test)]
mod attacks_services;
#[cfg(test)]
mod attacks_transfers;
#[cfg(test)]
mod compromise;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod garbage;
#[cfg(test)]
mod journey;
#[cfg(test)]
mod logout;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod museum;
#[cfg(test)]
mod provenance;
#[cfg(test)]
mod references;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod shared_store;
