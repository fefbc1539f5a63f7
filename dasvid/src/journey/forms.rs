//! The forms of an HTML page, as a person would fill them in.

use std::convert::Infallible;

use html5gum::{Token, Tokenizer};

/// A start tag; where it stood in the page does not matter.
type StartTag = html5gum::StartTag<()>;

/// One form of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Where it goes; empty means the page itself.
    pub action: String,
    /// Its fields with what they hold when the page loads, in order.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The form with `value` in the field `name`, which is added when the page did not have it.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, held)) => value.clone_into(held),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Whether it has a field `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }
}

/// All forms of `page`, in order.
#[must_use]
pub fn forms(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for token in tokens(page) {
        match token {
            Token::StartTag(tag) => match (tag.name.as_slice(), forms.last_mut()) {
                (b"form", _) => {
                    open = true;
                    forms.push(Form { action: attribute(&tag, "action").unwrap_or_default(), fields: Vec::new() });
                }
                (b"input" | b"button", Some(form)) if open => form.fields.extend(field(&tag)),
                _ => {}
            },
            Token::EndTag(tag) if tag.name.as_slice() == b"form" => open = false,
            _ => {}
        }
    }
    forms
}

/// The values of two attributes, of every element of `page` that has both.
#[must_use]
pub fn pairs(page: &str, first: &str, second: &str) -> Vec<(String, String)> {
    tokens(page)
        .filter_map(|token| match token {
            Token::StartTag(tag) => Some((attribute(&tag, first)?, attribute(&tag, second)?)),
            _ => None,
        })
        .collect()
}

fn tokens(page: &str) -> impl Iterator<Item = Token> {
    Tokenizer::new(page).filter_map(|token: Result<Token, Infallible>| token.ok())
}

/// A control that is sent with its form: it has a name, and is no unchecked box.
fn field(tag: &StartTag) -> Option<(String, String)> {
    let kind = attribute(tag, "type").unwrap_or_default();
    let box_off = matches!(kind.as_str(), "checkbox" | "radio") && attribute(tag, "checked").is_none();
    let button = tag.name.as_slice() == b"button" || matches!(kind.as_str(), "submit" | "button" | "reset" | "image");
    if box_off || button {
        return None;
    }
    Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
}

fn attribute(tag: &StartTag, name: &str) -> Option<String> {
    tag.attributes.get(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_decodes_entities() {
        let page = r#"<form action="/a?x=1&amp;y=2" method=post><input name=csrf type=hidden value="a&quot;b">
            <input name="remember" type="checkbox"><button name="go">Go</button></form>"#;
        let expected = Form { action: "/a?x=1&y=2".into(), fields: vec![("csrf".into(), "a\"b".into())] };
        assert_eq!(forms(page), [expected]);
    }

    #[test]
    fn keeps_forms_apart_and_ignores_what_stands_outside() {
        let page =
            r#"<input name="q"><form action="/1"><input name="a"></form><form action="/2"></form><input name="b">"#;
        let read = forms(page);
        assert_eq!(
            read.iter().map(|form| (&*form.action, form.fields.len())).collect::<Vec<_>>(),
            [("/1", 1), ("/2", 0)]
        );
    }

    #[test]
    fn reads_amounts_from_attributes() {
        let page = r#"<li data-currency="USD" data-minor="2500">25.00</li><li data-minor="1">x</li>"#;
        assert_eq!(pairs(page, "data-currency", "data-minor"), [("USD".to_owned(), "2500".to_owned())]);
    }
}
