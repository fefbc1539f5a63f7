//! `dasvid inspect`: a chain as a tree of root and links.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use token::claims::LinkClaims;
use token::{Chain, Timestamp};

use super::judge::{Verdict, judge};
use crate::cli::Inspect;
use crate::input::ChainFile;
use crate::{output, teller};

/// Shows the chain; exit code 1 when it is refused.
pub(super) async fn run(arguments: &Inspect) -> anyhow::Result<ExitCode> {
    let file = ChainFile::read(&arguments.chain)?;
    let chain = Chain::parse(&file.da_svid)?;
    let verdict = judge(&file, &chain, &arguments.trust).await?;
    let now = arguments.trust.at.map_or_else(teller::now, Timestamp);
    if arguments.json {
        output::json(&document(&file, &chain, &verdict))?;
    } else {
        output::line(tree(&file, &chain, &verdict, now).trim_end())?;
    }
    Ok(if matches!(verdict, Verdict::Refused(_)) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn tree(file: &ChainFile, chain: &Chain, verdict: &Verdict, now: Timestamp) -> String {
    let mut text = String::new();
    let certificates = file.certificates.as_ref().map_or(0, String::len);
    // Cannot fail: writing to a String does not. The results below are dropped for that reason.
    let links = chain.links().len();
    let _ = writeln!(
        text,
        "mode {}, 1 root and {links} link{}, {} bytes of chain, {certificates} bytes of certificates",
        chain.mode(),
        if links == 1 { "" } else { "s" },
        chain.as_str().len(),
    );
    root(&mut text, chain, verdict, now);
    for (index, link) in chain.links().iter().enumerate() {
        let segment = index + 1;
        let (branch, stem) = if segment == chain.links().len() { ("└─", "   ") } else { ("├─", "│  ") };
        let _ = writeln!(text, "{branch} link {segment}  {}", facts(chain, segment, link.header.alg.name(), verdict));
        lines(&mut text, stem, &link_lines(&link.claims, now));
    }
    let _ = writeln!(text, "{}", in_words(verdict));
    text
}

fn root(text: &mut String, chain: &Chain, verdict: &Verdict, now: Timestamp) {
    let claims = chain.root();
    let _ = writeln!(text, "root  {}", facts(chain, 0, chain.root_header().alg.name(), verdict));
    let audience = claims.aud.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut list = vec![
        ("person", format!("{} at {}", claims.dpr, claims.dpa)),
        ("may act", claims.sub.to_string()),
        ("asserted by", claims.iss.to_string()),
        ("may end at", audience),
        ("scope", claims.scope.to_string()),
        ("life", life(claims.iat, claims.exp, now)),
    ];
    list.extend(claims.only.as_ref().map(|only| ("only", only.to_json().to_string())));
    list.extend(claims.rqd.map(|rqd| ("bound to", rqd.to_string())));
    lines(text, if chain.links().is_empty() { "   " } else { "│  " }, &list);
}

fn link_lines(claims: &LinkClaims, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut list = Vec::new();
    list.extend(claims.iss().map(|iss| ("signed by", iss.to_string())));
    list.extend(claims.aud().map(|aud| (if claims.fin() { "sealed for" } else { "next" }, aud.to_string())));
    list.push(("life", life(claims.iat, claims.exp, now)));
    list.extend(claims.only.as_ref().map(|only| ("only", only.to_json().to_string())));
    list.extend(claims.rqd.map(|rqd| ("bound to", rqd.to_string())));
    list
}

fn lines(text: &mut String, stem: &str, list: &[(&str, String)]) {
    for (name, value) in list {
        let _ = writeln!(text, "{stem}{name:<12} {value}");
    }
}

/// Algorithm, size and verdict of a segment.
fn facts(chain: &Chain, segment: usize, alg: &str, verdict: &Verdict) -> String {
    let size = chain.segment(segment).len();
    let judged = match verdict {
        Verdict::Unchecked => "not checked",
        Verdict::Believed => "believed",
        Verdict::Refused(refusal) if refusal.segment == Some(segment) => "REFUSED",
        Verdict::Refused(_) => "",
    };
    format!("{alg}  {size} bytes  {judged}").trim_end().to_owned()
}

fn life(from: Timestamp, to: Timestamp, now: Timestamp) -> String {
    let left = match to.since(now) {
        0 => format!("ended {} s ago", now.since(to)),
        seconds => format!("{seconds} s left"),
    };
    format!("{} to {} UTC ({left})", clock(from), clock(to))
}

fn clock(moment: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let known = i64::try_from(moment.0).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    known.and_then(|moment| moment.format(format).ok()).unwrap_or_else(|| moment.to_string())
}

fn in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Unchecked => {
            "verdict  not checked: give --keys and --bundle, or set SPIFFE_ENDPOINT_SOCKET".to_owned()
        }
        Verdict::Believed => "verdict  genuine and alive".to_owned(),
        Verdict::Refused(refusal) => format!("verdict  REFUSED by rule {refusal}"),
    }
}

fn document(file: &ChainFile, chain: &Chain, verdict: &Verdict) -> Value {
    let links: Vec<_> = (chain.links().iter().enumerate())
        .map(|(index, link)| {
            json!({
                "alg": link.header.alg.name(),
                "bytes": chain.segment(index + 1).len(),
                "claims": link.claims.to_json(),
            })
        })
        .collect();
    let verdict = match verdict {
        Verdict::Unchecked => json!({"result": "UNCHECKED"}),
        Verdict::Believed => json!({"result": "ACCEPT"}),
        Verdict::Refused(refusal) => json!({
            "result": "REFUSED",
            "rule": refusal.rule.name(),
            "segment": refusal.segment,
            "reason": refusal.reason.to_string(),
        }),
    };
    json!({
        "mode": chain.mode().name(),
        "bytes": chain.as_str().len(),
        "certificate_bytes": file.certificates.as_ref().map_or(0, String::len),
        "root": {
            "alg": chain.root_header().alg.name(),
            "bytes": chain.segment(0).len(),
            "claims": chain.root().to_json(),
        },
        "links": links,
        "verdict": verdict,
    })
}
