//! Lets gRPC clients in that call a Unix socket by its path.
//!
//! The gRPC libraries for C++, Python and Java put the path, percent-encoded or plain, into `:authority`. That is no
//! authority (RFC 3986 §3.2), and the HTTP/2 library under this server refuses such requests. The Workload API has no
//! use for the field, so every byte of it that cannot stand there becomes a `-`. The length stays, and with it the state
//! of HPACK's table on both sides (RFC 7541 §4.1). Huffman-coded values are left alone: no such client sends them.

use tonic::codegen::http::uri::Authority;

/// The length of what a client sends first: `PRI * HTTP/2.0…` (RFC 9113 §3.4).
const PREFACE: usize = 24;
/// The length of a frame's header (RFC 9113 §4.1).
const FRAME_HEADER: usize = 9;
/// The type of a HEADERS frame.
const HEADERS: u8 = 1;
/// A HEADERS frame longer than this passes as it is: the server never allowed it.
const MAX_HEADERS: usize = 16_384;
/// Flags of a HEADERS frame (RFC 9113 §6.2).
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;
/// `:authority` in HPACK's static table (RFC 7541, appendix A).
const AUTHORITY_INDEX: usize = 1;

/// Follows what one client sends.
#[derive(Debug)]
pub(crate) struct Mender {
    /// Bytes that pass as they are before the next frame begins.
    passing: usize,
    /// The frame that is being collected: its header, and its payload if that is worth a look.
    frame: Vec<u8>,
}

impl Default for Mender {
    fn default() -> Self {
        Self { passing: PREFACE, frame: Vec::new() }
    }
}

impl Mender {
    /// Appends to `output` what of `input`, and of what was held back before, can be handed on.
    pub(crate) fn feed(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while !input.is_empty() {
            let wanted = if self.passing > 0 { self.passing } else { self.missing() };
            let (part, rest) = input.split_at(wanted.min(input.len()));
            input = rest;
            if self.passing > 0 {
                self.passing -= part.len();
                output.extend_from_slice(part);
            } else {
                self.frame.extend_from_slice(part);
                self.hand_on(output);
            }
        }
    }

    /// How many bytes the frame lacks.
    fn missing(&self) -> usize {
        let length = self.collected_payload().unwrap_or_default();
        (FRAME_HEADER + length).saturating_sub(self.frame.len())
    }

    /// The length of the payload that is collected before it is handed on, once the frame's header is there.
    fn collected_payload(&self) -> Option<usize> {
        let (length, kind) = frame_header(&self.frame)?;
        Some(if kind == HEADERS && length <= MAX_HEADERS { length } else { 0 })
    }

    fn hand_on(&mut self, output: &mut Vec<u8>) {
        let Some((length, _)) = frame_header(&self.frame) else { return };
        if self.missing() > 0 {
            return;
        }
        let collected = self.collected_payload().unwrap_or_default();
        if collected > 0 {
            mend_headers(&mut self.frame);
        }
        self.passing = length - collected;
        output.append(&mut self.frame);
    }
}

/// The length of the payload and the type of a frame.
fn frame_header(frame: &[u8]) -> Option<(usize, u8)> {
    match frame {
        [a, b, c, kind, _, _, _, _, _, ..] => {
            Some((usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c), *kind))
        }
        _ => None,
    }
}

/// Mends the `:authority` of a whole HEADERS frame; a frame that is not well formed is for the server to refuse.
fn mend_headers(frame: &mut [u8]) {
    let flags = frame.get(4).copied().unwrap_or_default();
    let padded = flags & PADDED != 0;
    let start = FRAME_HEADER + usize::from(padded) + if flags & PRIORITY == 0 { 0 } else { 5 };
    let padding = frame.get(FRAME_HEADER).copied().filter(|_| padded).unwrap_or_default();
    let end = frame.len().saturating_sub(usize::from(padding));
    if let Some(value) = frame.get(start..end).and_then(authority) {
        let value = frame.get_mut(start + value.start..start + value.end).unwrap_or_default();
        if Authority::try_from(&*value).is_err() {
            value.iter_mut().filter(|byte| !byte.is_ascii_alphanumeric()).for_each(|byte| *byte = b'-');
        }
    }
}

/// Where in a header block the literal value of `:authority` stands (RFC 7541 §6).
fn authority(block: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    loop {
        let first = *block.get(at)?;
        let prefix = match first {
            0x80.. => 7,
            0x40.. => 6,
            0x20.. => 5,
            _ => 4,
        };
        let index = integer(block, &mut at, prefix)?;
        if matches!(prefix, 5 | 7) {
            continue;
        }
        let named = if index == 0 {
            let (name, plain) = string(block, &mut at)?;
            plain && block.get(name) == Some(b":authority")
        } else {
            index == AUTHORITY_INDEX
        };
        let (value, plain) = string(block, &mut at)?;
        if named {
            return plain.then_some(value);
        }
    }
}

/// An integer with a prefix of so many bits (RFC 7541 §5.1).
fn integer(block: &[u8], at: &mut usize, prefix: u8) -> Option<usize> {
    let mask = (1_u8 << prefix) - 1;
    let mut value = usize::from(block.get(*at)? & mask);
    *at += 1;
    if value < usize::from(mask) {
        return Some(value);
    }
    for shift in [0, 7, 14] {
        let byte = *block.get(*at)?;
        *at += 1;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Where a string stands, and whether it stands there as it is and not in Huffman code (RFC 7541 §5.2).
fn string(block: &[u8], at: &mut usize) -> Option<(std::ops::Range<usize>, bool)> {
    let plain = block.get(*at)? & 0x80 == 0;
    let length = integer(block, at, 7)?;
    let range = *at..at.checked_add(length)?;
    *at = range.end;
    Some((range, plain))
}

#[cfg(test)]
mod tests;
