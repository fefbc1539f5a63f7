//! The strict JSON reader of exact.md, "Form": RFC 8259 with one meaning a document.
//!
//! Refused, besides what RFC 8259 refuses: a byte order mark, duplicate members (compared after unescaping, at
//! every level), lone surrogates, anything deeper than [`MAX_DEPTH`], bytes after the document.

use std::collections::BTreeMap;

/// Levels of objects and arrays; the outermost is 1.
pub const MAX_DEPTH: usize = 8;

/// The largest integer two readers agree on: 2⁵³ − 1 (RFC 7493 §2.2).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// The members of an object, by name after unescaping.
pub type Object = BTreeMap<String, Value>;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number written as an integer of 0…2⁵³ − 1, without sign, fraction and exponent.
    Integer(u64),
    /// Any other number; what it stands for is nobody's business here.
    OtherNumber,
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object without duplicate members.
    Object(Object),
}

impl Value {
    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of an integer of 0…2⁵³ − 1.
    #[must_use]
    pub const fn as_integer(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The elements of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members of an object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }
}

/// Why a document is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not UTF-8, or a byte order mark.
    #[error("not UTF-8 without a byte order mark")]
    Utf8,
    /// Not the grammar of RFC 8259.
    #[error("not JSON at byte {0}")]
    Syntax(usize),
    /// The outermost value is not an object.
    #[error("not an object")]
    NotAnObject,
    /// Bytes other than white space after the document.
    #[error("bytes after the document")]
    Trailing,
    /// Deeper than [`MAX_DEPTH`].
    #[error("deeper than 8 levels")]
    TooDeep,
    /// A member occurs twice in one object.
    #[error("a member occurs twice")]
    DuplicateMember,
    /// An escape names half of a surrogate pair.
    #[error("a lone surrogate")]
    LoneSurrogate,
}

/// Reads one document whose outermost value is an object.
///
/// # Errors
/// [`JsonError`] for anything that is not exactly one such document.
pub fn read_object(bytes: &[u8]) -> Result<Object, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Utf8)?;
    if text.starts_with('\u{feff}') {
        return Err(JsonError::Utf8);
    }
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(1)?;
    reader.skip_white_space();
    if reader.at != text.len() {
        return Err(JsonError::Trailing);
    }
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

struct Reader<'a> {
    text: &'a str,
    /// Always at a character boundary.
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    const fn syntax(&self) -> JsonError {
        JsonError::Syntax(self.at)
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.syntax());
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if !self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.skip_white_space();
        match self.peek() {
            Some(b'{' | b'[') if depth > MAX_DEPTH => Err(JsonError::TooDeep),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.syntax()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.take(b'{')?;
        let mut members = Object::new();
        self.skip_white_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_white_space();
            let name = self.string()?;
            self.skip_white_space();
            self.take(b':')?;
            let value = self.value(depth + 1)?;
            if members.insert(name, value).is_some() {
                return Err(JsonError::DuplicateMember);
            }
            if !self.another(b'}')? {
                return Ok(Value::Object(members));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.take(b'[')?;
        let mut elements = Vec::new();
        self.skip_white_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if !self.another(b']')? {
                return Ok(Value::Array(elements));
            }
        }
    }

    /// Takes a comma (true) or `end` (false).
    fn another(&mut self, end: u8) -> Result<bool, JsonError> {
        self.skip_white_space();
        let more = match self.peek() {
            Some(b',') => true,
            Some(byte) if byte == end => false,
            _ => return Err(self.syntax()),
        };
        self.at += 1;
        Ok(more)
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.take(b'"')?;
        let mut text = String::new();
        loop {
            let character =
                self.text.get(self.at..).and_then(|rest| rest.chars().next()).ok_or_else(|| self.syntax())?;
            match character {
                '"' => {
                    self.at += 1;
                    return Ok(text);
                }
                '\\' => text.push(self.escape()?),
                '\0'..='\x1f' => return Err(self.syntax()),
                _ => {
                    self.at += character.len_utf8();
                    text.push(character);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.take(b'\\')?;
        let simple = match self.peek().ok_or_else(|| self.syntax())? {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.syntax()),
        };
        self.at += 1;
        Ok(simple)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.code_unit()?;
        let code = match first {
            0xd800..=0xdbff => {
                self.take(b'\\').map_err(|_| JsonError::LoneSurrogate)?;
                if self.peek() != Some(b'u') {
                    return Err(JsonError::LoneSurrogate);
                }
                let second = self.code_unit()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(JsonError::LoneSurrogate);
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or(JsonError::LoneSurrogate)
    }

    /// `uXXXX`
    fn code_unit(&mut self) -> Result<u32, JsonError> {
        self.take(b'u')?;
        let digits = self.text.get(self.at..self.at + 4).ok_or_else(|| self.syntax())?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.syntax());
        }
        let unit = u32::from_str_radix(digits, 16).map_err(|_| self.syntax())?;
        self.at += 4;
        Ok(unit)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.syntax());
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        // Only digits parse as an integer: a sign, a fraction or an exponent does not.
        let written = self.text.get(start..self.at).unwrap_or_default();
        let integer = written.parse().ok().filter(|number| *number <= MAX_INTEGER);
        Ok(integer.map_or(Value::OtherNumber, Value::Integer))
    }
}

#[cfg(test)]
mod tests;
