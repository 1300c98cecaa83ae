//! Bad tokens, as data: what is wrong with each, its header, its claims and who signed it. All of them are shown to a realm
//! that has a key of every kind, so that each could be accepted if one check were left out.

use super::forge::{AT, By, Forge, MAIN, NOW, url, verdict};
use crate::auth::Why;
use std::collections::BTreeSet;

const HS: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const RS: &str = r#"{"alg":"RS256","kid":"r1"}"#;
const ES: &str = r#"{"alg":"ES256","kid":"e1"}"#;
const ED: &str = r#"{"alg":"EdDSA","kid":"d1"}"#;

/// With these claims and the right signature each key's token is good.
const GOOD: &str = r#""sub":"ann","iss":"https://issuer.example","aud":"chat","iat":1699999990,"exp":1700003600"#;

fn claims(more: &str) -> String {
    if more.is_empty() { format!("{{{GOOD}}}") } else { format!("{{{GOOD},{more}}}") }
}

/// Everything but this claim, and this in its place.
fn instead(name: &str, said: &str) -> String {
    let start = format!("\"{name}\":");
    let mut kept: Vec<String> = GOOD.split(',').filter(|field| !field.starts_with(&start)).map(str::to_owned).collect();
    assert_eq!(kept.len(), 4, "{name}");
    if !said.is_empty() {
        kept.push(format!("\"{name}\":{said}"));
    }
    format!("{{{}}}", kept.join(","))
}

/// (what, header, who signed it); the claims are good.
const HEADERS: &[(&str, &str, By)] = &[
    ("none", r#"{"alg":"none"}"#, By::Nobody),
    ("None", r#"{"alg":"None"}"#, By::Nobody),
    ("NONE", r#"{"alg":"NONE"}"#, By::Nobody),
    ("nOnE with a signature", r#"{"alg":"nOnE"}"#, By::Secret),
    ("no signature", HS, By::Nobody),
    ("no algorithm", r#"{"typ":"JWT"}"#, By::Secret),
    ("an empty algorithm", r#"{"alg":""}"#, By::Secret),
    ("an algorithm in small letters", r#"{"alg":"hs256"}"#, By::Secret),
    ("an algorithm that is null", r#"{"alg":null}"#, By::Secret),
    ("an algorithm that is a list", r#"{"alg":["HS256"]}"#, By::Secret),
    ("two algorithms", r#"{"alg":"HS256","alg":"none"}"#, By::Secret),
    ("two algorithms, one in disguise", r#"{"alg":"HS256","\u0061lg":"none"}"#, By::Secret),
    ("another secret", HS, By::OtherSecret),
    ("HS384 with the secret of HS256", r#"{"alg":"HS384"}"#, By::Secret384),
    ("HS512 with the secret of HS256", r#"{"alg":"HS512"}"#, By::Secret512),
    ("HS with the modulus of RSA", HS, By::PublicModulus),
    ("HS with the modulus, and the key named", r#"{"alg":"HS256","kid":"r1"}"#, By::PublicModulus),
    ("HS with the point", HS, By::PublicPoint),
    ("HS with the point, and the key named", r#"{"alg":"HS256","kid":"e1"}"#, By::PublicPoint),
    ("HS with the PEM text", HS, By::PublicPem),
    ("HS with the PEM text, and the key named", r#"{"alg":"HS256","kid":"e1"}"#, By::PublicPem),
    ("a good RS256 that names the EC key", r#"{"alg":"RS256","kid":"e1"}"#, By::Rsa),
    ("a good ES256 that names the RSA key", r#"{"alg":"ES256","kid":"r1"}"#, By::Ec),
    ("a good EdDSA that names the RSA key", r#"{"alg":"EdDSA","kid":"r1"}"#, By::Ed),
    ("PS256", r#"{"alg":"PS256","kid":"r1"}"#, By::Rsa),
    ("RS512", r#"{"alg":"RS512","kid":"r1"}"#, By::Rsa),
    ("ES384", r#"{"alg":"ES384","kid":"e1"}"#, By::Ec),
    ("another curve's key", ES, By::OtherEc),
    ("another Ed25519 key", ED, By::OtherEd),
    ("ES256 with r and s zero", ES, By::Bytes(&[0; 64])),
    (
        "ES256 with an r of zero",
        ES,
        By::Bytes(&[
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        ]),
    ),
    ("ES256 in DER, r and s zero", ES, By::Bytes(&[0x30, 6, 2, 1, 0, 2, 1, 0])),
    ("EdDSA with zeros", ED, By::Bytes(&[0; 64])),
    ("EdDSA of 32 bytes", ED, By::Bytes(&[7; 32])),
    ("RS256 with zeros", RS, By::Bytes(&[0; 256])),
    ("RS256 of one byte", RS, By::Bytes(&[1])),
    ("HS256 of no length", r#"{"alg":"HS256"}"#, By::Bytes(&[])),
    ("a key that is a path", r#"{"alg":"HS256","kid":"../../../../dev/null"}"#, By::OtherSecret),
    ("a key that is SQL", r#"{"alg":"HS256","kid":"x' UNION SELECT 'key' --"}"#, By::OtherSecret),
    ("a key that is a URL", r#"{"alg":"RS256","kid":"http://127.0.0.1:1/keys"}"#, By::Rsa),
    ("a key that is a command", r#"{"alg":"RS256","kid":"r1; cat /etc/passwd"}"#, By::Rsa),
    ("a key that is a number", r#"{"alg":"RS256","kid":1}"#, By::Rsa),
    ("a key that is nobody's", r#"{"alg":"ES256","kid":"e2"}"#, By::Ec),
    ("a key that is named twice", r#"{"alg":"ES256","kid":"e1","kid":"r1"}"#, By::Ec),
    ("keys that lie elsewhere (jku)", r#"{"alg":"ES256","kid":"e1","jku":"http://127.0.0.1:1/keys"}"#, By::OtherEc),
    ("a certificate that lies elsewhere (x5u)", r#"{"alg":"ES256","x5u":"http://127.0.0.1:1/x"}"#, By::OtherEc),
    ("a key that it brings itself (jwk)", r#"{"alg":"HS256","jwk":{"kty":"oct","k":"YQ"}}"#, By::OtherSecret),
    ("a certificate that it brings itself", r#"{"alg":"ES256","x5c":["MIIB"]}"#, By::OtherEc),
    ("extensions", r#"{"alg":"HS256","crit":["exp"],"exp":1}"#, By::Secret),
    ("no extensions, but asked for", r#"{"alg":"HS256","crit":[]}"#, By::Secret),
    ("claims that are not encoded", r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, By::Secret),
    ("claims that are packed", r#"{"alg":"HS256","zip":"DEF"}"#, By::Secret),
    ("encrypted", r#"{"alg":"HS256","enc":"A128GCM"}"#, By::Secret),
    ("a token in a token", r#"{"alg":"HS256","cty":"JWT"}"#, By::Secret),
    ("a token for a logout", r#"{"alg":"HS256","typ":"logout+jwt"}"#, By::Secret),
    ("a type that is none", r#"{"alg":"HS256","typ":7}"#, By::Secret),
    ("a header that is a list", r#"["HS256"]"#, By::Secret),
    ("a header that is empty", "", By::Secret),
    ("a header with something behind it", r#"{"alg":"HS256"}{}"#, By::Secret),
];

/// (what, the claim, what it says instead); well signed with the secret.
const CLAIMS: &[(&str, &str, &str)] = &[
    ("no user", "sub", ""),
    ("an empty user", "sub", r#""""#),
    ("a user with a line in it", "sub", r#""ann\nbob""#),
    ("a user that is a number", "sub", "1"),
    ("a user that is null", "sub", "null"),
    ("a user that is a list", "sub", r#"["ann"]"#),
    ("no end", "exp", ""),
    ("an end long ago", "exp", "1"),
    ("an end just past the leeway", "exp", "1699999970"),
    ("an end that is a text", "exp", r#""1700003600""#),
    ("an end that is null", "exp", "null"),
    ("an end before 1970", "exp", "-1"),
    ("an end that is not a number", "exp", "NaN"),
    ("an end beyond all numbers", "exp", "1e400"),
    ("an end beyond all times", "exp", "99999999999999999999999"),
    ("an end that is a list", "exp", "[1700003600]"),
    ("an end that is true", "exp", "true"),
    ("not issued yet", "iat", "1700000031"),
    ("issued at a text", "iat", r#""1699999990""#),
    ("issued never", "iat", ""),
    ("another issuer", "iss", r#""https://issuer.example.evil""#),
    ("an issuer with a slash more", "iss", r#""https://issuer.example/""#),
    ("an issuer in capitals", "iss", r#""https://ISSUER.example""#),
    ("issuers", "iss", r#"["https://issuer.example"]"#),
    ("no issuer", "iss", ""),
    ("another audience", "aud", r#""mail""#),
    ("audiences without ours", "aud", r#"["mail","news"]"#),
    ("no audience", "aud", ""),
    ("an audience of nobody", "aud", "[]"),
    ("an audience that is a number", "aud", "1"),
    ("audiences that are no texts", "aud", r#"["chat",1]"#),
    ("an audience that is an object", "aud", r#"{"chat":true}"#),
];

/// (what, more claims beside the good ones); well signed with the secret.
const MORE: &[(&str, &str)] = &[
    ("not good yet", r#""nbf":1700000031"#),
    ("good from a text on", r#""nbf":"0""#),
    ("another user too", r#""sub":"bob""#),
    ("another user too, in disguise", r#""s\u0075b":"bob""#),
    ("two ends", r#""exp":1900000000"#),
    ("something unknown, twice", r#""x":1,"x":2"#),
    ("something unknown, twice, inside", r#""x":[{"y":1,"y":1}]"#),
    ("another realm", r#""realm":"other""#),
    ("a realm that is none", r#""realm":"""#),
    ("an organisation that is none", r#""org":"a\u0000b""#),
    ("an id that is a number", r#""jti":7"#),
    ("a power that is a text", r#""backend":"true""#),
    ("a power that is a number", r#""backend":1"#),
    ("every realm, from keys of one", r#""any_realm":true"#),
    ("rooms that are no list", r#""rooms":"general""#),
    ("a room that is none", r#""rooms":[""]"#),
    ("grants that are no list", r#""can":{"rooms":["*"],"verbs":["read"]}"#),
    ("a grant without rooms", r#""can":[{"verbs":["read"]}]"#),
    ("a grant without verbs", r#""can":[{"rooms":["*"]}]"#),
    ("a grant with a word too many", r#""can":[{"rooms":["a"],"verbs":["read"],"also":1}]"#),
    ("a grant of an unknown verb", r#""can":[{"rooms":["a"],"verbs":["fly"]}]"#),
    ("a grant of an unknown place", r#""can":[{"rooms":["@attic"],"verbs":["read"]}]"#),
    ("grants that are null", r#""can":null"#),
];

/// Whole tokens, made from a good one.
fn mangled(good: &str) -> Vec<(&'static str, String)> {
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let last = signature.as_bytes()[signature.len() - 1];
    // 32 bytes leave two bits of the last letter unused: letters next to each other say the same bytes.
    let spare = char::from(last + 1);
    let swapped = |text: &str| if text.contains('-') { text.replace('-', "+") } else { format!("{text}+") };
    vec![
        ("nothing", String::new()),
        ("a dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("one part", header.to_owned()),
        ("two parts", message.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("a dot behind it", format!("{good}.")),
        ("a dot before it", format!(".{good}")),
        ("a space before it", format!(" {good}")),
        ("a line behind it", format!("{good}\n")),
        ("padding behind the signature", format!("{good}=")),
        ("padding behind the claims", format!("{header}.{claims}=.{signature}")),
        ("the alphabet of plain base64", format!("{}.{claims}.{signature}", swapped(header))),
        ("a slash in the signature", format!("{message}./{}", &signature[1..])),
        ("bits to spare in the signature", format!("{message}.{}{spare}", &signature[..signature.len() - 1])),
        ("a signature without its last letter", good[..good.len() - 1].to_owned()),
        ("half a signature", format!("{message}.{}", &signature[..signature.len() / 2])),
        ("a signature twice", format!("{good}{signature}")),
        ("claims of another", format!("{header}.{}.{signature}", url(r#"{"sub":"eve"}"#))),
        ("header and claims swapped", format!("{claims}.{header}.{signature}")),
        ("no claims", format!("{header}..{signature}")),
        ("no header", format!(".{claims}.{signature}")),
        ("a bearer's word before it", format!("Bearer {good}")),
        ("as JSON", format!(r#"{{"payload":"{claims}","protected":"{header}","signature":"{signature}"}}"#)),
        ("not ASCII", format!("{header}.{claims}💥.{signature}")),
        ("64 KiB", format!("{header}.{}.{signature}", "A".repeat(65_536))),
        ("one byte too long", format!("{message}.{}", "A".repeat(8193 - message.len() - 1))),
        ("five parts, as if encrypted", format!("{header}.{claims}.{signature}.{claims}.{signature}")),
    ]
}

/// (what, the claims as bytes).
fn strange() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |depth: usize| format!("{{{GOOD},\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    let many: Vec<String> = (0..300).map(|n| format!("\"{n}\"")).collect();
    vec![
        ("nested 17 deep", nested(17)),
        ("nested 2,000 deep", nested(2000)),
        ("brackets that never close", format!("{{{GOOD},\"x\":{}", "[".repeat(2000)).into_bytes()),
        ("claims that are a text", br#""ann""#.to_vec()),
        ("claims that are a list", br#"[{"sub":"ann"}]"#.to_vec()),
        ("claims that are null", b"null".to_vec()),
        ("claims that are not JSON", b"sub=ann".to_vec()),
        ("claims that are not UTF-8", [claims("").as_bytes(), b"\xff"].concat()),
        ("claims with something behind them", format!("{}x", claims("")).into_bytes()),
        ("a name of 2 KiB", claims(&format!("\"name\":\"{}\"", "n".repeat(2048))).into_bytes()),
        ("300 rooms", claims(&format!("\"rooms\":[{}]", many.join(","))).into_bytes()),
        ("half a character in the user", instead("sub", r#""\ud800""#).into_bytes()),
    ]
}

#[test]
fn none_of_them_is_accepted() {
    let forge = Forge::new();
    let tokens = forge.strict();
    // What the table leaves as it is must be good, or its refusals would say nothing.
    for (header, by) in [(HS, By::Secret), (RS, By::Rsa), (ES, By::Ec), (ED, By::Ed)] {
        let good = forge.token(header, claims(""), by);
        let who = verdict(&tokens, &good, &MAIN).unwrap_or_else(|why| panic!("{header}: {why}"));
        assert_eq!((who.user.as_str(), who.expires_at), ("ann", Some(1_700_003_600_000)));
    }
    for more in ["\"jku\":\"http://127.0.0.1:1/\"", "\"typ\":\"at+jwt\"", "\"x5t\":\"abc\""] {
        let header = format!("{{\"alg\":\"ES256\",\"kid\":\"e1\",{more}}}");
        assert!(verdict(&tokens, &forge.token(&header, claims(""), By::Ec), &MAIN).is_ok(), "{more}");
    }
    let mut bad: Vec<(String, String)> = Vec::new();
    let mut add = |what: &str, token: String| bad.push((what.to_owned(), token));
    for (what, header, by) in HEADERS {
        add(what, forge.token(header, claims(""), *by));
    }
    for (what, name, said) in CLAIMS {
        add(what, forge.token(HS, instead(name, said), By::Secret));
    }
    for (what, more) in MORE {
        add(what, forge.token(HS, claims(more), By::Secret));
    }
    for (what, said) in strange() {
        add(what, forge.token(HS, said, By::Secret));
    }
    for (what, token) in mangled(&forge.token(HS, claims(""), By::Secret)) {
        add(what, token);
    }
    assert!(bad.len() >= 150, "{}", bad.len());
    let names: BTreeSet<_> = bad.iter().map(|(what, _)| what).collect();
    assert_eq!(names.len(), bad.len(), "each once");
    let accepted: Vec<_> = bad.iter().filter(|(_, token)| verdict(&tokens, token, &MAIN).is_ok()).collect();
    assert!(accepted.is_empty(), "accepted: {accepted:#?}");
}

#[test]
fn the_reason_is_the_one_that_it_was_made_for() {
    let forge = Forge::new();
    let tokens = forge.strict();
    let refused =
        |header: &str, claims: String, by| verdict(&tokens, &forge.token(header, claims, by), &MAIN).unwrap_err();
    assert_eq!(refused(HS, claims(""), By::OtherSecret), Why::Signature);
    assert_eq!(refused(r#"{"alg":"ES256","kid":"e2"}"#, claims(""), By::Ec), Why::UnknownKey { id: "e2".to_owned() });
    assert_eq!(refused(HS, instead("exp", "1699999970"), By::Secret), Why::Expired { at: NOW - 30 });
    assert_eq!(refused(HS, claims("\"nbf\":1700000031"), By::Secret), Why::NotYet { claim: "nbf", at: NOW + 31 });
    assert_eq!(refused(HS, claims(r#""realm":"other""#), By::Secret), Why::OtherRealm { realm: "other".to_owned() });
    assert_eq!(refused(HS, instead("iat", ""), By::Secret), Why::Missing { name: "iat".to_owned() });
    assert!(matches!(refused(HS, claims(r#""x":1,"x":1"#), By::Secret), Why::Repeated { .. }));
    assert!(matches!(refused(r#"{"alg":"PS256"}"#, claims(""), By::Rsa), Why::Algorithm { .. }));
}

#[test]
fn within_the_leeway_a_token_is_good_and_ends_with_it() {
    let forge = Forge::new();
    let tokens = forge.strict();
    let late = forge.token(HS, instead("exp", "1699999971"), By::Secret);
    assert_eq!(verdict(&tokens, &late, &MAIN).unwrap().expires_at, Some(AT + 1000));
    let early = forge.token(HS, claims("\"nbf\":1700000030"), By::Secret);
    assert!(verdict(&tokens, &early, &MAIN).is_ok());
}
