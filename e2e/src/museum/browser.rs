//! The front door. Insecure on purpose.

use std::collections::HashMap;

/// The sessions, by browser.
#[derive(Default)]
pub struct Front {
    people: HashMap<&'static str, String>,
}

impl Front {
    /// Where the provider sends the browser back to. Wrong: nothing says that this browser ever wanted to log in.
    pub fn callback(&mut self, browser: &'static str, code: &str) -> bool {
        let Some(person) = code.strip_prefix("code-of-") else { return false };
        self.people.insert(browser, person.to_owned());
        true
    }

    /// The page of a browser. Wrong: what the claim says is pasted into it.
    #[must_use]
    pub fn page(&self, browser: &'static str) -> Option<String> {
        self.people.get(browser).map(|person| format!("<h1>Hello {person}</h1>"))
    }
}
