//! Where the replicas of one workload are.

use std::{fmt, str::FromStr};

use http::uri::Authority;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

/// Why text does not say where a workload is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It is a URL, but not that of a server.
    #[error("{0} is not the https URL of a server, without a path")]
    Url(
        /// The URL, without password and query.
        Url,
    ),
    /// It is no URL.
    #[error("expected the https URL of a server, or a list of them")]
    Text,
    /// The list is empty.
    #[error("expected at least one https URL of a server")]
    Empty,
}

/// Where the replicas of one workload are: one or more `https://host[:port]`.
///
/// A host name may stand for several replicas. Hosts only say where to connect; who answers there is decided by the
/// SPIFFE ID. In settings it is one text, several separated by commas, or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    urls: Vec<Url>,
    all: Vec<Origin>,
}

/// One host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// As a request names it.
    pub(crate) authority: Authority,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origins {
    /// Several places of one workload; what is named twice counts once.
    ///
    /// # Errors
    /// [`OriginError::Empty`] for none, [`OriginError::Url`] for one that is more or less than `https://host[:port]/`.
    pub fn new(urls: impl IntoIterator<Item = Url>) -> Result<Self, OriginError> {
        let mut origins = Self { urls: Vec::new(), all: Vec::new() };
        for url in urls {
            let origin = origin(&url)?;
            if !origins.all.contains(&origin) {
                origins.urls.push(url);
                origins.all.push(origin);
            }
        }
        if origins.all.is_empty() { Err(OriginError::Empty) } else { Ok(origins) }
    }

    /// The URLs, in the order given.
    pub fn urls(&self) -> impl Iterator<Item = &Url> {
        self.urls.iter()
    }

    pub(crate) fn all(&self) -> &[Origin] {
        &self.all
    }
}

impl TryFrom<&Url> for Origins {
    type Error = OriginError;

    fn try_from(url: &Url) -> Result<Self, OriginError> {
        Self::new([url.clone()])
    }
}

impl FromStr for Origins {
    type Err = OriginError;

    /// Reads URLs separated by commas.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let urls = text.split(',').map(|part| part.trim().parse().map_err(|_| OriginError::Text));
        Self::new(urls.collect::<Result<Vec<Url>, _>>()?)
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.urls.iter().map(Url::as_str).collect();
        f.write_str(&texts.join(","))
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Origins;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the https URL of a server, or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Origins, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Origins, A::Error> {
                let mut urls = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    urls.push(text.parse().map_err(|_| de::Error::custom(OriginError::Text))?);
                }
                Origins::new(urls).map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Origins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.urls.as_slice() {
            [url] => url.serialize(serializer),
            urls => urls.serialize(serializer),
        }
    }
}

fn origin(url: &Url) -> Result<Origin, OriginError> {
    let refused = || OriginError::Url(without_secrets(url));
    let bare = url.scheme() == "https" && url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| bare && anonymous).ok_or_else(refused)?;
    let port = url.port_or_known_default().unwrap_or(443);
    let authority = format!("{host}:{port}").parse().map_err(|_| refused())?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Origin { authority, host, port })
}

/// The URL as it may stand in a log.
fn without_secrets(url: &Url) -> Url {
    let mut url = url.clone();
    // A URL that has no place for a password has none to hide.
    let _ = url.set_password(None);
    url.set_query(None);
    url
}

#[cfg(test)]
mod tests;
