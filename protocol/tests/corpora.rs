//! The fuzz targets' kept corpora on stable: each input as it is, and many times with a few things changed.
//! The changes follow from a seed, so a failure is repeated by running the test again.
#![allow(clippy::unwrap_used)]

use rookery_protocol::testing::stability;
use std::path::Path;

/// Changed inputs per corpus; about two seconds in a test build.
const CHANGED: u64 = 300_000;

struct Random(u64);

impl Random {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// One to four changes: a byte, a bit, a cut, something doubled, something of another input.
fn changed(corpus: &[Vec<u8>], tokens: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let to = at + random.below(input.len() - at + 1).min(16);
        match random.below(7) {
            0 if at < input.len() => input[at] = random.next() as u8,
            1 if at < input.len() => input[at] ^= 1 << random.below(8),
            2 => input.truncate(at),
            3 => drop(input.drain(at..to)),
            4 => {
                let piece = input[at..to].to_vec();
                input.splice(at..at, piece);
            }
            5 => {
                let token = tokens[random.below(tokens.len())];
                input.splice(at..to, token.iter().copied());
            }
            _ => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
        }
    }
    input
}

fn hold(target: &str, tokens: &[&[u8]], check: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(corpus.len() >= 250, "{}", corpus.len());
    corpus.iter().for_each(|input| check(input));
    let mut random = Random(0x0072_6f6f_6b65_7279);
    for n in 0..CHANGED {
        let input = changed(&corpus, tokens, &mut random);
        let outcome = std::panic::catch_unwind(|| check(&input));
        assert!(outcome.is_ok(), "{target}: change {n}: {:?}", String::from_utf8_lossy(&input));
    }
}

#[test]
fn native_json() {
    let tokens: [&[u8]; 14] = [
        b"null",
        b"{}",
        b"[]",
        b"\"",
        b"\\u0000",
        b"\\ud83d\\udc26",
        b"9007199254740991",
        b"9007199254740992",
        b"-1",
        b"true",
        b"[1,2]",
        b",\"body\":\"x\"",
        b",\"id\":4294967295",
        b"1e5",
    ];
    hold("native_json", &tokens, stability::native_json);
}

#[test]
fn native_binary() {
    let tokens: [&[u8]; 10] = [
        &[0],
        &[1],
        &[0x80],
        &[0xff],
        &[0x80, 0],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
        &[2, 132, 7],
        b"null",
    ];
    hold("native_binary", &tokens, stability::native_binary);
}
