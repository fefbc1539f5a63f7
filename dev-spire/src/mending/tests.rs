//! The one header that is mended, and everything that passes as it was.

use super::*;

const PRI: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PATH: &[u8] = b"tmp%2Fbank%2Fcli.sock";
const MENDED: &[u8] = b"tmp-2Fbank-2Fcli-sock";

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let length = |text: &[u8]| u8::try_from(text.len()).unwrap();
    [&[0x40, length(name)], name, &[length(value)], value].concat()
}

/// Like gRPC's C core: indexed fields, a change of the table's size, a literal name of another field, `:authority`.
fn block(authority: &[u8]) -> Vec<u8> {
    [&[0x83, 0x3f, 0xe1, 0x1f, 0x86][..], &literal(b":path", b"/x"), &literal(b":authority", authority), b"\x40"]
        .concat()
}

fn mend(input: &[u8], chunk: usize) -> Vec<u8> {
    let mut mender = Mender::default();
    let mut output = Vec::new();
    input.chunks(chunk).for_each(|part| mender.feed(part, &mut output));
    output
}

#[test]
fn a_path_becomes_an_authority_of_the_same_length_however_it_is_cut() {
    let stream = |authority| {
        let data = frame(0, 1, b"tmp%2Fnot-a-header");
        [
            PRI,
            &frame(4, 0, &[0; 6]),
            &frame(HEADERS, 4, &block(authority)),
            &data,
            &frame(HEADERS, 4, &block(authority)),
        ]
        .concat()
    };
    let expected = stream(MENDED);
    for chunk in [1, 2, 7, 9, 33, 1000] {
        assert_eq!(mend(&stream(PATH), chunk), expected, "{chunk}");
    }
}

#[test]
fn an_indexed_name_padding_and_priority_are_understood() {
    let fields = |value: &[u8]| [&[0x01, 21], value].concat();
    let payload = |value| [&[3, 0, 0, 0, 0, 0][..], &fields(value), &[0; 3]].concat();
    let stream = |value| [PRI, &frame(HEADERS, PADDED | PRIORITY | 4, &payload(value))].concat();
    assert_eq!(mend(&stream(PATH), 50), stream(MENDED));
}

#[test]
fn what_is_an_authority_already_passes_as_it_is() {
    for authority in [&b"localhost"[..], b"127.0.0.1:8081", b"[::1]:80"] {
        let stream = [PRI, &frame(HEADERS, 4, &block(authority))].concat();
        assert_eq!(mend(&stream, 11), stream);
    }
}

#[test]
fn huffman_code_passes_as_it_is() {
    let stream = [PRI, &frame(HEADERS, 4, &[0x41, 0x83, b'%', b'%', b'%'])].concat();
    assert_eq!(mend(&stream, 11), stream);
}

#[test]
fn garbage_passes_as_it_is() {
    let whole = block(PATH);
    for end in 0..whole.len() - PATH.len() {
        let stream = [PRI, &frame(HEADERS, 4, &whole[..end]), &[0xff; 40]].concat();
        assert_eq!(mend(&stream, 13), stream, "{end}");
    }
    let padded = [PRI, &frame(HEADERS, PADDED | PRIORITY, &[0xff])].concat();
    assert_eq!(mend(&padded, 13), padded);
    let long = [PRI, &frame(HEADERS, 4, &vec![0xff; MAX_HEADERS + 1])].concat();
    assert_eq!(mend(&long, 1000), long);
}
