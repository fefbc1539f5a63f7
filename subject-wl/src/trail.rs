//! A chain as a person reads it: who said what and until when. Signatures and keys are left out.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Map, Value};
use time::{OffsetDateTime, macros::format_description};
use token::{Chain, Mode, Timestamp};

/// A chain without its tails: nothing in here signs, and nothing lets anybody in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trail {
    pub(crate) mode: Mode,
    /// How long the chain is as it travels, in bytes.
    pub(crate) size: usize,
    pub(crate) segments: Vec<Segment>,
}

/// One segment: the root or a link.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl Trail {
    /// What a chain says.
    pub(crate) fn of(chain: &Chain) -> Self {
        let segments = (0..chain.segments()).filter_map(|segment| Segment::read(chain.signed(segment))).collect();
        Self { mode: chain.mode(), size: chain.as_str().len(), segments }
    }

    /// Whether every segment still lives.
    pub(crate) fn lives(&self, now: Timestamp) -> bool {
        self.segments
            .iter()
            .all(|segment| segment.claims.get("exp").and_then(Value::as_u64).is_some_and(|exp| now.0 < exp))
    }
}

impl Segment {
    /// Reads `header.payload`.
    pub(crate) fn read(signed: &str) -> Option<Self> {
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| serde_json::from_slice(&BASE64.decode(part).ok()?).ok();
        Some(Self { header: object(header)?, claims: object(claims)? })
    }

    /// The segment for the page, at the position `index` and the time `now`.
    pub(crate) fn view(&self, index: usize, now: Timestamp) -> SegmentView {
        let title = if index == 0 { "Root".to_owned() } else { format!("Link {index}") };
        let exp = self.claims.get("exp").and_then(Value::as_u64).map(Timestamp);
        let rows = |members: &Map<String, Value>| {
            let mut rows: Vec<_> = members.iter().map(|(name, value)| Row::new(name, value, now)).collect();
            rows.sort_by_key(|row| ORDER.iter().position(|(known, _)| *known == row.name).unwrap_or(ORDER.len()));
            rows
        };
        SegmentView { title, left: left(exp, now), header: rows(&self.header), claims: rows(&self.claims) }
    }
}

/// A segment on the page.
#[derive(Debug, PartialEq)]
pub(crate) struct SegmentView {
    pub(crate) title: String,
    /// How long it still lives, in words.
    pub(crate) left: String,
    pub(crate) header: Vec<Row>,
    pub(crate) claims: Vec<Row>,
}

/// One claim on the page.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// What the claim means, in words; empty for one the protocol does not define.
    pub(crate) meaning: &'static str,
    pub(crate) value: String,
    /// The same for people, where the value is for machines.
    pub(crate) note: Option<String>,
}

impl Row {
    fn new(name: &str, value: &Value, now: Timestamp) -> Self {
        let meaning = ORDER.iter().find(|(known, _)| *known == name).map_or("", |(_, meaning)| meaning);
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) if items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        let moment = MOMENTS.contains(&name).then(|| value.as_u64()).flatten();
        Self {
            name: name.to_owned(),
            meaning,
            value: text,
            note: moment.map(|at| format!("{}, {}", clock_time(Timestamp(at)), relative(Timestamp(at), now))),
        }
    }
}

const MOMENTS: [&str; 5] = ["iat", "exp", "aat", "oat", "auth_time"];

/// Every claim and header member the protocol defines, in the order a person asks, with what it means.
const ORDER: [(&str, &str); 27] = [
    ("typ", "kind of segment"),
    ("alg", "how it is signed"),
    ("kid", "key that signed it"),
    ("x5t#S256", "certificate that signed it"),
    ("iss", "who says it"),
    ("sub", "the workload that may act"),
    ("aud", "for whom"),
    ("dpa", "the person's identity provider"),
    ("dpr", "the person there"),
    ("scope", "what may be done"),
    ("only", "restricted to"),
    ("rqd", "bound to one request"),
    ("cnf", "bound to a certificate"),
    ("iat", "made"),
    ("exp", "ends"),
    ("aat", "login checked"),
    ("oat", "login token made"),
    ("auth_time", "person logged in"),
    ("sid", "login session"),
    ("client_id", "application"),
    ("acr", "strength of the login"),
    ("amr", "means of the login"),
    ("jti", "this token"),
    ("txn", "this transaction"),
    ("prv", "hash of everything before"),
    ("fin", "nothing may follow"),
    ("crit", "must be understood"),
];

fn left(exp: Option<Timestamp>, now: Timestamp) -> String {
    match exp {
        Some(exp) if now < exp => format!("expires {}", relative(exp, now)),
        Some(_) => "expired".to_owned(),
        None => "without an end".to_owned(),
    }
}

/// `in 95 s` or `3 min ago`.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    let words = |seconds: u64| match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    };
    match (at.since(now), now.since(at)) {
        (0, 0) => "now".to_owned(),
        (ahead, 0) => format!("in {}", words(ahead)),
        (_, past) => format!("{} ago", words(past)),
    }
}

/// A moment as `2026-11-24 22:58:03 UTC`.
pub(crate) fn clock_time(at: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let time = i64::try_from(at.0).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.and_then(|time| time.format(format).ok()).unwrap_or_else(|| "beyond the calendar".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Segment, clock_time, relative};
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    use token::Timestamp;

    #[test]
    fn tells_times_as_people_do() {
        let now = Timestamp(1_000_000);
        for (at, text) in [
            (1_000_000, "now"),
            (1_000_095, "in 95 s"),
            (999_800, "3 min ago"),
            (1_010_000, "in 2 h"),
            (100_000, "10 days ago"),
        ] {
            assert_eq!(relative(Timestamp(at), now), text);
        }
        assert_eq!(clock_time(Timestamp(1_795_345_380)), "2026-11-22 11:03:00 UTC");
        assert_eq!(clock_time(Timestamp(u64::MAX)), "beyond the calendar");
    }

    #[test]
    fn shows_claims_in_their_order_with_their_meaning() {
        let part = |json: &str| BASE64.encode(json);
        let signed = format!("{}.{}", part(r#"{"alg":"ES256"}"#), part(r#"{"exp":130,"x":{"y":1},"aud":["a","b"]}"#));
        let view = Segment::read(&signed).unwrap().view(1, Timestamp(100));
        let rows: Vec<_> = view.claims.iter().map(|row| (row.name.as_str(), row.meaning, row.value.as_str())).collect();
        assert_eq!(rows, [("aud", "for whom", "a, b"), ("exp", "ends", "130"), ("x", "", r#"{"y":1}"#)]);
        assert_eq!((view.title.as_str(), view.left.as_str()), ("Link 1", "expires in 30 s"));
    }
}
