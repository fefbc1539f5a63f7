//! What a story leaves behind.

use serde::Serialize;
use token::Mode;

/// The whole story.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// Every step of every mode went as it must.
    pub ok: bool,
    /// How long the bank took until it was ready, in milliseconds; absent when it was already up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_ms: Option<f64>,
    /// Each mode's part.
    pub modes: Modes,
}

impl Default for Story {
    fn default() -> Self {
        Self { ok: true, ready_ms: None, modes: Modes::default() }
    }
}

/// Each mode's part of the story.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Modes {
    /// One signed token.
    pub plain: ModeStory,
    /// Links signed with SVID keys.
    pub id: ModeStory,
    /// Links signed with part of the signature before.
    pub anonymous: ModeStory,
}

/// One mode's steps.
#[derive(Clone, Debug, Serialize)]
pub struct ModeStory {
    /// Every step went as it must.
    pub ok: bool,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

impl Default for ModeStory {
    fn default() -> Self {
        Self { ok: true, steps: Vec::new() }
    }
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name.
    pub step: &'static str,
    /// It went as it must.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// What was seen, or what went wrong.
    pub seen: String,
}

impl Step {
    /// A step that went wrong before its time was taken.
    #[must_use]
    pub fn failed(step: &'static str, error: &anyhow::Error) -> Self {
        Self { step, ok: false, ms: 0.0, seen: format!("{error:#}") }
    }
}

impl Story {
    /// Adds a mode's part.
    pub fn add(&mut self, mode: Mode, part: ModeStory) {
        self.ok &= part.ok;
        match mode {
            Mode::Plain => self.modes.plain = part,
            Mode::Id => self.modes.id = part,
            Mode::Anonymous => self.modes.anonymous = part,
        }
    }
}

impl ModeStory {
    /// Adds a step after telling it.
    pub fn add(&mut self, step: Step, tell: impl Fn(&Step)) {
        tell(&step);
        self.ok &= step.ok;
        self.steps.push(step);
    }
}
