//! Keys as they are given: PEM files, key sets, secrets, and what is none of ours.

use super::forge::{By, Forge, MAIN, settings, url, verdict};
use crate::auth::key::{Key, word_of};
use crate::auth::key_set;
use crate::auth::settings::KeySource;
use crate::auth::{RealmAuth, Secret, Tokens};
use jsonwebtoken::Algorithm;

#[test]
fn a_pem_file_says_what_its_key_is_for() {
    let keys: serde_json::Value = serde_json::from_str(include_str!("public-keys.json")).unwrap();
    let pem = |name: &str| Key::pem(None, keys[name].as_str().unwrap().as_bytes()).map(|key| word_of(key.algorithm));
    assert_eq!(pem("rsa-2048"), Ok("RS256"));
    assert_eq!(pem("p256"), Ok("ES256"));
    assert_eq!(pem("ed25519"), Ok("EdDSA"));
    assert!(pem("rsa-1024").unwrap_err().contains("1024 bits"));
    for other in ["p384", "secp256k1", "ed448", "x25519"] {
        assert!(pem(other).unwrap_err().contains("another kind"), "{other}");
    }
    let good = keys["p256"].as_str().unwrap();
    let certificate = good.replace("PUBLIC KEY", "CERTIFICATE");
    for bad in ["", "x", &certificate, &format!("{good}{good}"), &good[..good.len() / 2]] {
        assert!(Key::pem(None, bad.as_bytes()).is_err(), "{bad:.40}");
    }
}

#[test]
fn a_key_set_gives_what_can_be_used_and_says_what_cannot() {
    let forge = Forge::new();
    let (x, y) = forge.point()[1..].split_at(32);
    let (x, y, n) = (url(x), url(y), forge.rsa_jwk["n"].as_str().unwrap());
    let cases = [
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#), Ok("ES256")),
        (
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","alg":"ES256","use":"sig","x5t":"a"}}"#),
            Ok("ES256"),
        ),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","key_ops":["verify"]}}"#), Ok("ES256")),
        (format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"}}"#), Ok("RS256")),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}","alg":"Ed25519"}}"#, url([7; 32])), Ok("EdDSA")),
        (format!(r#"{{"kty":"oct","k":"{}"}}"#, url([7; 32])), Ok("HS256")),
        (format!(r#"{{"kty":"oct","k":"{}","alg":"HS512"}}"#, url([7; 64])), Ok("HS512")),
        (format!(r#"{{"kty":"oct","k":"{}","alg":"HS512"}}"#, url([7; 63])), Err("needs at least 64")),
        (format!(r#"{{"kty":"oct","k":"{}"}}"#, url([7; 31])), Err("needs at least 32")),
        (format!(r#"{{"kty":"oct","k":"{}","alg":"RS256"}}"#, url([7; 32])), Err("a secret is for HS256")),
        (format!(r#"{{"kty":"oct","k":"{}","alg":"A128KW"}}"#, url([7; 32])), Err("A128KW")),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{x}"}}"#), Err("not on the curve")),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{}"}}"#, url([1; 31])), Err("not of P-256")),
        (format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{y}"}}"#), Err("its type is none of")),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","alg":"RS256"}}"#), Err("RS256")),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","use":"enc"}}"#), Err("(`use`)")),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","key_ops":["encrypt"]}}"#), Err("(`key_ops`)")),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","kty":"RSA"}}"#), Err("more than once")),
        (format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","alg":"PS256"}}"#), Err("PS256")),
        (format!(r#"{{"kty":"RSA","n":"{n}","e":"AQ"}}"#), Err("exponent")),
        (format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, &n[..168]), Err("bits")),
        (format!(r#"{{"kty":"RSA","n":"{n}"}}"#), Err("no `e`")),
        (format!(r#"{{"kty":"OKP","crv":"X25519","x":"{}"}}"#, url([7; 32])), Err("its type is none of")),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, url([7; 33])), Err("33 bytes")),
        (r#"{"kid":"a"}"#.to_owned(), Err("no `kty`")),
        (r#"{"kty":"EC","kid":7}"#.to_owned(), Err("`kid` is not a text")),
    ];
    let mut all = Vec::new();
    for (jwk, expected) in &cases {
        let alone = key_set::read(jwk.as_bytes(), true);
        match (alone, expected) {
            (Ok(read), Ok(word)) => assert_eq!(word_of(read.keys[0].algorithm), *word, "{jwk}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{jwk}: {why}"),
            (read, _) => panic!("{jwk}: {read:?}"),
        }
        all.push(jwk.as_str());
    }
    // Together the good ones stay.
    let set = key_set::read(format!("{{\"keys\":[{}]}}", all.join(",")).as_bytes(), true);
    // One of them says something twice, and then the whole is not to be trusted.
    assert!(set.unwrap_err().contains("more than once"));
    let fine: Vec<_> =
        all.into_iter().filter(|jwk| !jwk.contains(r#""kty":"RSA"}"#) || jwk.starts_with(r#"{"kty":"RSA""#)).collect();
    let set = key_set::read(format!("{{\"keys\":[{}]}}", fine.join(",")).as_bytes(), true).unwrap();
    assert_eq!((set.keys.len(), set.left_out.len()), (7, fine.len() - 7));
    // Over the network no secret is taken.
    let set = key_set::read(format!("{{\"keys\":[{}]}}", fine.join(",")).as_bytes(), false).unwrap();
    assert_eq!(set.keys.len(), 5);
    for bad in ["", "{}", "[]", r#"{"keys":[]}"#, r#"{"keys":{}}"#, r#"{"keys":[1]}"#, "<html>", &"[".repeat(300_000)] {
        assert!(key_set::read(bad.as_bytes(), true).is_err(), "{bad:.30}");
    }
}

#[test]
fn a_set_of_too_many_keys_is_read_as_far_as_it_may_be() {
    let key = |n: usize| format!(r#"{{"kty":"oct","kid":"{n}","k":"{}"}}"#, url([n as u8; 32]));
    let keys: Vec<_> = (0..70).map(key).collect();
    let set = key_set::read(format!("{{\"keys\":[{}]}}", keys.join(",")).as_bytes(), true).unwrap();
    assert_eq!((set.keys.len(), set.left_out.len()), (64, 1));
}

#[test]
fn a_token_that_names_no_key_is_tried_with_few() {
    let key = |n: usize| format!(r#"{{"kty":"oct","kid":"{n}","k":"{}"}}"#, url([n as u8; 32]));
    let forge = Forge::new();
    let keys: Vec<_> = (0..5).map(key).collect();
    let path = forge.file("many.json", &format!("{{\"keys\":[{}]}}", keys.join(",")));
    let realm = RealmAuth::with_keys(MAIN, vec![KeySource::KeySetFile { path }]);
    let tokens = Tokens::open(&settings(vec![realm])).unwrap();
    let token = forge.token(r#"{"alg":"HS256"}"#, r#"{"sub":"ann"}"#, By::Secret);
    assert_eq!(verdict(&tokens, &token, &MAIN).unwrap_err(), crate::auth::Why::NoKeyNamed);
}

#[test]
fn a_pem_file_verifies() {
    let forge = Forge::new();
    let source = KeySource::PemFile { id: Some("p".to_owned()), path: forge.file("ec.pem", &forge.pem()) };
    let tokens = Tokens::open(&settings(vec![RealmAuth::with_keys(MAIN, vec![source])])).unwrap();
    for header in [r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","kid":"p"}"#] {
        assert!(verdict(&tokens, &forge.token(header, r#"{"sub":"ann"}"#, By::Ec), &MAIN).is_ok());
        assert!(verdict(&tokens, &forge.token(header, r#"{"sub":"ann"}"#, By::OtherEc), &MAIN).is_err());
    }
    let confused = forge.token(r#"{"alg":"HS256"}"#, r#"{"sub":"ann"}"#, By::PublicPem);
    assert!(verdict(&tokens, &confused, &MAIN).is_err());
}

#[test]
fn what_cannot_be_read_at_the_start_is_said_with_its_file() {
    let forge = Forge::new();
    let short = Secret::given("x".repeat(40)).unwrap();
    let sources = [
        (KeySource::PemFile { id: None, path: forge.file("a.pem", "no key") }, "a.pem: no PUBLIC KEY in it"),
        (KeySource::KeySetFile { path: forge.file("b.json", "{") }, "b.json: its key set is not the JSON object"),
        (KeySource::KeySetFile { path: "/nowhere/c.json".into() }, "/nowhere/c.json: No such file"),
        (KeySource::Secret { id: None, algorithm: Algorithm::HS512, secret: short }, "has 40 bytes, and HS512 needs"),
    ];
    for (source, expected) in sources {
        let Err(fault) = Tokens::open(&settings(vec![RealmAuth::with_keys(MAIN, vec![source])])) else { panic!() };
        assert!(fault.to_string().contains(expected), "{fault}");
        assert!(fault.to_string().starts_with("keys of main: "), "{fault}");
    }
}
