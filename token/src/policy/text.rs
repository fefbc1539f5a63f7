//! SPIFFE IDs, trust domains and durations as text in policy.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use spiffe::{SpiffeId, TrustDomain};

use crate::claims::spiffe_id;

fn read_id<E: serde::de::Error>(text: &str) -> Result<SpiffeId, E> {
    spiffe_id(text).ok_or_else(|| E::custom(format!("{text:?} is not a SPIFFE ID in its canonical form")))
}

fn read_trust_domain<E: serde::de::Error>(text: &str) -> Result<TrustDomain, E> {
    let domain = TrustDomain::new(text).ok().filter(|domain| domain.as_str() == text);
    domain.ok_or_else(|| E::custom(format!("{text:?} is not the name of a trust domain")))
}

pub(super) mod id {
    use super::{Deserialize as _, Deserializer, Serializer, SpiffeId, read_id};

    pub(crate) fn serialize<S: Serializer>(id: &SpiffeId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SpiffeId, D::Error> {
        read_id(&String::deserialize(deserializer)?)
    }
}

pub(super) mod ids {
    use super::{Deserialize as _, Deserializer, Serializer, SpiffeId, read_id};

    pub(crate) fn serialize<S: Serializer>(ids: &[SpiffeId], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(ids.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SpiffeId>, D::Error> {
        Vec::<String>::deserialize(deserializer)?.iter().map(|text| read_id(text)).collect()
    }
}

pub(super) mod trust_domain {
    use super::{Deserialize as _, Deserializer, Serializer, TrustDomain, read_trust_domain};

    pub(crate) fn serialize<S: Serializer>(domain: &TrustDomain, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(domain)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TrustDomain, D::Error> {
        read_trust_domain(&String::deserialize(deserializer)?)
    }
}

pub(super) mod trust_domains {
    use super::{Deserialize as _, Deserializer, Serializer, TrustDomain, read_trust_domain};

    pub(crate) fn serialize<S: Serializer>(domains: &[TrustDomain], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(domains.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TrustDomain>, D::Error> {
        Vec::<String>::deserialize(deserializer)?.iter().map(|text| read_trust_domain(text)).collect()
    }
}

/// Seconds, written `90s`, `2m` or `1h`.
pub(super) mod seconds {
    use super::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use serde::de::Error as _;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn serialize<S: Serializer>(seconds: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        format!("{seconds}s").serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is not a duration such as 90s, 2m or 1h")))
    }

    fn read(text: &str) -> Option<u64> {
        let unit = match text.bytes().next_back()? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            _ => return None,
        };
        let number = text.get(..text.len() - 1)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| number.parse::<u64>().ok()?.checked_mul(unit)).flatten()
    }
}

/// 8 or 16.
pub(super) mod rounds {
    use super::{Deserialize as _, Deserializer, Serializer};
    use crate::provenance::Rounds;
    use serde::de::Error as _;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn serialize<S: Serializer>(rounds: &Rounds, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(rounds.count() as u64)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rounds, D::Error> {
        Rounds::try_from(u64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
