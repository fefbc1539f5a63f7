//! One encoding of a key, the shortest.

use super::*;

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let head = match length {
        ..=0x7f => vec![tag, u8::try_from(length).unwrap()],
        0x80..=0xff => vec![tag, 0x81, u8::try_from(length).unwrap()],
        _ => [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
    };
    [head, contents.to_vec()].concat()
}

fn rsa_key(n: &[u8], e: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[element(INTEGER, n), element(INTEGER, e)].concat())
}

/// A modulus of this many bytes as an INTEGER's contents: the high bit is set, so a zero byte precedes it.
fn modulus(bytes: usize) -> Vec<u8> {
    [vec![0], vec![0xc5; bytes]].concat()
}

const E: &[u8] = &[1, 0, 1];

#[test]
fn reads_lengths_of_one_two_and_three_bytes() {
    assert!(rsa(&rsa_key(&modulus(256), E)).is_ok());
    // Short keys are read and then refused for what they are.
    for bytes in [64, 128, 192] {
        assert_eq!(rsa(&rsa_key(&modulus(bytes), E)), Err(KeyError::Modulus), "{bytes}");
    }
}

#[test]
fn refuses_a_length_that_is_not_the_shortest() {
    for contents in [1, 0x7f, 0x80, 0xff, 0x100] {
        let bytes = vec![7; contents];
        let length = u16::try_from(contents).unwrap().to_be_bytes();
        let two = [&[BIT_STRING, 0x81, length[1]][..], &bytes].concat();
        let three = [&[BIT_STRING, 0x82][..], &length, &bytes].concat();
        assert_eq!(Reader(&two).element(BIT_STRING).is_ok(), (0x80..=0xff).contains(&contents), "{contents}");
        assert_eq!(Reader(&three).element(BIT_STRING).is_ok(), contents > 0xff, "{contents}");
    }
}

#[test]
fn refuses_integers_that_are_negative_zero_or_padded() {
    assert_eq!(Reader(&element(INTEGER, E)).unsigned(), Ok(E));
    assert_eq!(Reader(&element(INTEGER, &[0, 0x80])).unsigned(), Ok(&[0x80][..]));
    for contents in [&[0, 1, 0, 1][..], &[0, 0, 0x80], &[0x80], &[0xff, 1], &[0], &[]] {
        assert_eq!(Reader(&element(INTEGER, contents)).unsigned(), Err(KeyError::Malformed), "{contents:?}");
    }
    assert_eq!(rsa(&rsa_key(&modulus(256), &[0, 1, 0, 1])), Err(KeyError::Malformed));
}
