//! The last traces, in memory.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::span::Span;

/// Most traces kept; the oldest goes first.
const MAX_TRACES: usize = 200;
/// Most spans kept of a trace.
const MAX_SPANS: usize = 500;

/// All spans of one trace that have arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Its identifier, 32 hexadecimal digits.
    pub id: String,
    /// Its spans, in the order of their beginnings.
    pub spans: Vec<Span>,
}

impl Trace {
    /// The span without a parent here; the earliest if there are several.
    #[must_use]
    pub fn root(&self) -> Option<&Span> {
        self.spans.iter().find(|span| self.parent(span).is_none())
    }

    /// The parent of a span, if it has arrived.
    #[must_use]
    pub fn parent(&self, span: &Span) -> Option<&Span> {
        let parent = span.parent.as_deref()?;
        self.spans.iter().find(|other| other.id == parent)
    }

    /// The services that took part.
    #[must_use]
    pub fn services(&self) -> BTreeSet<&str> {
        self.spans.iter().map(|span| span.service.as_str()).collect()
    }

    /// From the first beginning to the last end, nanoseconds.
    #[must_use]
    pub fn duration(&self) -> u64 {
        let end = self.spans.iter().map(|span| span.end).max().unwrap_or_default();
        end.saturating_sub(self.start())
    }

    /// The first beginning, nanoseconds since the epoch.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.spans.first().map(|span| span.start).unwrap_or_default()
    }

    fn add(&mut self, span: Span) {
        if self.spans.len() >= MAX_SPANS || self.spans.iter().any(|known| known.id == span.id) {
            return;
        }
        let place = self.spans.partition_point(|known| known.start <= span.start);
        self.spans.insert(place, span);
    }
}

/// Keeps traces as they arrive.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<VecDeque<Trace>>);

impl Board {
    pub(crate) fn add(&self, spans: Vec<Span>) {
        let mut traces = self.lock();
        for span in spans {
            if let Some(trace) = traces.iter_mut().rev().find(|trace| trace.id == span.trace) {
                trace.add(span);
                continue;
            }
            if traces.len() >= MAX_TRACES {
                traces.pop_front();
            }
            traces.push_back(Trace { id: span.trace.clone(), spans: vec![span] });
        }
    }

    /// The traces, the newest first.
    pub(crate) fn all(&self) -> Vec<Trace> {
        self.lock().iter().rev().cloned().collect()
    }

    pub(crate) fn find(&self, id: &str) -> Option<Trace> {
        self.lock().iter().find(|trace| trace.id == id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Trace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
