//! Tokens and keys that others have made: RFC 7515, RFC 7520, RFC 8037.

use crate::auth::header::Parts;
use crate::auth::key::algorithm_named;
use crate::auth::key_set::{self, KeySet};

#[test]
fn every_algorithm_as_its_rfc_has_it() {
    let vectors: Vec<serde_json::Value> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let set = key_set::read(vector["key"].to_string().as_bytes(), true).unwrap();
        assert_eq!(Some(set.keys[0].algorithm), algorithm_named(text("algorithm")), "{}", text("source"));
        let id = vector["key"]["kid"].as_str();
        let keys = KeySet::new(set.keys);
        let parts = Parts::of(text("token")).unwrap();
        let check = |message: &[u8], signature: &str| keys.check(text("algorithm"), id, message, signature);
        assert_eq!(check(parts.message, parts.signature), Ok(()), "{}", text("source"));
        let mut other = parts.message.to_vec();
        other[20] ^= 1;
        assert!(check(&other, parts.signature).is_err(), "{}", text("source"));
        let cut = &parts.signature[..parts.signature.len() - 4];
        assert!(check(parts.message, cut).is_err(), "{}", text("source"));
    }
}
