//! Where every span of a trace is drawn: one row each, a child under its parent, time from left to right.

use std::collections::BTreeMap;

use crate::board::Trace;
use crate::span::Span;

/// Width of the drawing, in its own units.
const WIDTH: f64 = 1280.0;
/// Width of the names at its left.
const LEFT: f64 = 380.0;
/// What is kept free at its right, for the last bar's time.
const RIGHT: f64 = 210.0;
/// Height of a row.
const ROW: f64 = 28.0;
/// Height of the times above the rows.
const HEAD: f64 = 34.0;
/// How many colours there are.
const COLOURS: usize = 8;
/// About how many lines of time.
const LINES: f64 = 6.0;

/// A trace as it is drawn.
#[derive(Debug)]
pub(crate) struct Waterfall {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) lines: Vec<Line>,
    pub(crate) rows: Vec<Row>,
    pub(crate) services: Vec<Service>,
}

/// A line of time.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) x: String,
    pub(crate) label: String,
}

/// A service with its colour.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) colour: usize,
    pub(crate) spans: usize,
}

/// A span.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) y: f64,
    pub(crate) is_odd: bool,
    pub(crate) indent: f64,
    pub(crate) name: String,
    pub(crate) note: String,
    pub(crate) colour: usize,
    pub(crate) failed: bool,
    pub(crate) x: String,
    pub(crate) width: String,
    pub(crate) after: String,
    pub(crate) time: String,
    pub(crate) details: String,
}

impl Waterfall {
    pub(crate) fn of(trace: &Trace) -> Self {
        let services = services(trace);
        let scale = (WIDTH - LEFT - RIGHT) / millis(trace.duration()).max(0.001);
        let ordered = ordered(trace);
        let rows = ordered.iter().enumerate().map(|(index, (depth, span))| {
            let colour = services.iter().find(|service| service.name == span.service).map_or(0, |known| known.colour);
            row(trace, span, index, *depth, colour, scale)
        });
        let rows: Vec<_> = rows.collect();
        let height = HEAD + ROW * f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX)) + 8.0;
        Self { width: WIDTH, height, lines: lines(millis(trace.duration()), scale), rows, services }
    }
}

fn row(trace: &Trace, span: &Span, index: usize, depth: usize, colour: usize, scale: f64) -> Row {
    let from = LEFT + millis(span.start.saturating_sub(trace.start())) * scale;
    let width = (millis(span.duration()) * scale).max(2.0);
    let number = |value: usize| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
    let details: Vec<_> = span.attributes.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    Row {
        y: HEAD + ROW * number(index),
        is_odd: index % 2 == 1,
        indent: 14.0 + 14.0 * number(depth.min(12)),
        name: span.name.clone(),
        note: note(span),
        colour,
        failed: span.failed,
        x: format!("{from:.1}"),
        width: format!("{width:.1}"),
        after: format!("{:.1}", from + width + 6.0),
        time: time(millis(span.duration())),
        details: details.join("\n"),
    }
}

/// What the span was about, in a few words.
fn note(span: &Span) -> String {
    let request = span.attribute("http.request.method").zip(span.attribute("url.path"));
    let request = request.map(|(method, path)| format!("{method} {path}"));
    let said = ["dasvid.rule", "dasvid.mode"].into_iter().find_map(|key| span.attribute(key)).map(str::to_owned);
    let status = span.attribute("http.response.status_code").map(str::to_owned);
    [request, said, status].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Depth first, children in the order of their beginnings. A span whose parent has not arrived stands at the left.
fn ordered(trace: &Trace) -> Vec<(usize, &Span)> {
    let mut children: BTreeMap<Option<&str>, Vec<&Span>> = BTreeMap::new();
    for span in &trace.spans {
        children.entry(trace.parent(span).map(|parent| parent.id.as_str())).or_default().push(span);
    }
    let mut ordered = Vec::new();
    let mut waiting: Vec<(usize, &Span)> = Vec::new();
    let push = |waiting: &mut Vec<_>, depth, parent| {
        let below = children.get(&parent).into_iter().flatten().rev();
        waiting.extend(below.map(|span| (depth, *span)));
    };
    push(&mut waiting, 0, None);
    while let Some((depth, span)) = waiting.pop() {
        ordered.push((depth, span));
        push(&mut waiting, depth + 1, Some(span.id.as_str()));
    }
    ordered
}

/// The services in the order in which they began.
fn services(trace: &Trace) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    for span in &trace.spans {
        if let Some(known) = services.iter_mut().find(|service| service.name == span.service) {
            known.spans += 1;
            continue;
        }
        let colour = services.len() % COLOURS;
        services.push(Service { name: span.service.clone(), colour, spans: 1 });
    }
    services
}

/// Lines at round times: 1, 2 or 5 times a power of ten apart.
fn lines(total: f64, scale: f64) -> Vec<Line> {
    let rough = (total / LINES).max(0.000_001);
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * magnitude).find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let at = (0..=12_u32).map(|index| f64::from(index) * step).take_while(|at| *at <= total);
    at.map(|at| Line { x: format!("{:.1}", LEFT + at * scale), label: time(at) }).collect()
}

fn millis(nanos: u64) -> f64 {
    std::time::Duration::from_nanos(nanos).as_secs_f64() * 1000.0
}

/// Milliseconds as people write them.
pub(crate) fn time(millis: f64) -> String {
    match millis {
        0.0 => "0".to_owned(),
        ..1.0 => format!("{:.0} µs", millis * 1000.0),
        ..10.0 => format!("{millis:.1} ms"),
        ..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1000.0),
    }
}

/// The same for nanoseconds.
pub(crate) fn time_of(nanos: u64) -> String {
    time(millis(nanos))
}
