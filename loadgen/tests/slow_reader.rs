//! A subscriber that does not read while its room is busy still gets every byte, in order, from both floors.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use common::Floor;

const MESSAGES: usize = 300;
const BODY: usize = 50_000;

fn open(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").unwrap();
    let mut response = Vec::new();
    let mut byte = [0];
    while !response.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        response.push(byte[0]);
    }
    assert!(String::from_utf8_lossy(&response).contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    stream
}

/// Reads one unmasked frame and returns its first byte and its payload.
fn read_frame(stream: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            usize::from(u16::from_be_bytes(length))
        }
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).unwrap();
    (head[0], payload)
}

fn check(mode: &str, first: u8) {
    let floor = Floor::start(mode, 0);
    let mut subscriber = open(&floor.address);
    let mut publisher = open(&floor.address);

    // A mask of zeros keeps the bytes readable; the frames are otherwise what a client sends.
    subscriber.write_all(&[first, 0x83, 0, 0, 0, 0, b'S', 1, 2]).unwrap();
    assert_eq!(read_frame(&mut subscriber), (first, vec![b's', 1, 2]));

    // 15 MB: several times what the kernel buffers for a socket that nobody reads.
    for nth in 0..MESSAGES {
        let payload = [&[b'P', 1, 2, 0, 0][..], &vec![nth as u8; BODY]].concat();
        let mut frame = vec![first, 0xFE];
        frame.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&payload);
        publisher.write_all(&frame).unwrap();
    }
    let mut subscriber = BufReader::new(subscriber);
    for nth in 0..MESSAGES {
        let (kind, body) = read_frame(&mut subscriber);
        assert_eq!(kind, first, "a frame of the kind it came in");
        assert!(body == vec![nth as u8; BODY], "{mode}: message {nth} is not the published one");
    }
}

#[test]
fn batching_keeps_what_a_socket_does_not_take() {
    check("batching", 0x82);
}

#[test]
fn per_frame_keeps_what_a_socket_does_not_take() {
    check("per-frame", 0x81);
}
