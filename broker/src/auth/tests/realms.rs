//! Realms and their keys: a token of one is good for no other.

use super::forge::{By, Forge, MAIN, SECRET, secret, settings, verdict};
use crate::auth::settings::{KeySource, Trust};
use crate::auth::{Claims, RealmAuth, Secret, Tokens, Why, explain};
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::ids::{Name, Realm, RoomKey, RoomKind};

const GUILD: Realm = Name::literal("guild");
const TAVERN: Realm = Name::literal("tavern");

const HS: &str = r#"{"alg":"HS256"}"#;

/// `main` and `tavern` of the node's keys, `guild` with its own.
fn three(forge: &Forge) -> Tokens {
    let keys = vec![KeySource::KeySetFile { path: forge.file("guild.json", &forge.key_set()) }];
    let realms = vec![RealmAuth::of_node(MAIN), RealmAuth::of_node(TAVERN), RealmAuth::with_keys(GUILD, keys)];
    let mut settings = settings(realms);
    settings.keys = vec![secret(SECRET)];
    Tokens::open(&settings).unwrap()
}

#[test]
fn each_token_is_good_for_one_realm() {
    let forge = Forge::new();
    let tokens = three(&forge);
    let ec = r#"{"alg":"ES256","kid":"e1"}"#;
    let cases = [
        (forge.token(HS, r#"{"sub":"ann"}"#, By::Secret), Some(MAIN)),
        (forge.token(HS, r#"{"sub":"ann","realm":"main"}"#, By::Secret), Some(MAIN)),
        (forge.token(HS, r#"{"sub":"ann","realm":"tavern"}"#, By::Secret), Some(TAVERN)),
        // The node's keys do not speak for a realm that has its own.
        (forge.token(HS, r#"{"sub":"ann","realm":"guild"}"#, By::Secret), None),
        (forge.token(ec, r#"{"sub":"ann"}"#, By::Ec), Some(GUILD)),
        (forge.token(ec, r#"{"sub":"ann","realm":"guild"}"#, By::Ec), Some(GUILD)),
        (forge.token(ec, r#"{"sub":"ann","realm":"main"}"#, By::Ec), None),
        (forge.token(ec, r#"{"sub":"ann","realm":"tavern"}"#, By::Ec), None),
        (forge.token(HS, r#"{"sub":"ann","realm":"attic"}"#, By::Secret), None),
    ];
    for (token, good_for) in &cases {
        for realm in [MAIN, TAVERN, GUILD] {
            let answer = verdict(&tokens, token, &realm);
            assert_eq!(answer.is_ok(), good_for.as_ref() == Some(&realm), "{realm}: {answer:?}");
            if let Ok(who) = answer {
                assert_eq!(who.realm, realm);
            }
        }
        // Over HTTP nobody but the token says where it belongs.
        let by_itself = tokens.verify_where_it_belongs(token).map(|who| who.realm);
        let is_named = *good_for == Some(MAIN) || token != &cases[4].0;
        assert_eq!(by_itself.ok(), good_for.clone().filter(|_| is_named));
        let attic = Name::literal("attic");
        assert_eq!(verdict(&tokens, token, &attic), Err(Why::NoSuchRealm { realm: attic }));
    }
}

#[test]
fn keys_that_two_realms_share_must_be_told_apart() {
    let forge = Forge::new();
    let path = forge.file("shared.json", &forge.key_set());
    let realm = |realm: Realm| RealmAuth::with_keys(realm, vec![KeySource::KeySetFile { path: path.clone() }]);
    let open = |a: RealmAuth, b: RealmAuth| Tokens::open(&settings(vec![a, b])).map(|_| ());
    let fault = open(realm(MAIN), realm(GUILD)).unwrap_err();
    assert!(fault.to_string().contains("main and guild"), "{fault}");
    let of = |name: Realm, audience: &str| RealmAuth { audience: vec![audience.to_owned()], ..realm(name) };
    assert!(open(of(MAIN, "a"), of(GUILD, "a")).is_err());
    assert!(open(of(MAIN, "a"), realm(GUILD)).is_err());
    assert_eq!(open(of(MAIN, "a"), of(GUILD, "b")), Ok(()));
    let by = |name: Realm, issuer: &str| RealmAuth { issuer: Some(issuer.to_owned()), ..realm(name) };
    assert_eq!(open(by(MAIN, "a"), by(GUILD, "b")), Ok(()));
    // The node's own secret, given to a realm once more.
    let mut settings = settings(vec![RealmAuth::of_node(MAIN), RealmAuth::with_keys(GUILD, vec![secret(SECRET)])]);
    settings.keys = vec![secret(SECRET)];
    assert!(Tokens::open(&settings).is_err());
    let at = |url: &str| vec![KeySource::KeySetUrl { url: url.to_owned(), roots: None }];
    let two = |a, b| open(RealmAuth::with_keys(MAIN, at(a)), RealmAuth::with_keys(GUILD, at(b)));
    assert!(two("https://keys.example/1", "https://keys.example/1").is_err());
    assert_eq!(two("https://keys.example/1", "https://keys.example/2"), Ok(()));
}

#[test]
fn every_realm_is_a_claim_for_those_that_may() {
    let forge = Forge::new();
    let tokens = three(&forge);
    let claims = r#"{"sub":"ann","any_realm":true,"backend":true}"#;
    let who = verdict(&tokens, &forge.token(HS, claims, By::Secret), &MAIN).unwrap();
    assert!(who.powers.any_realm && who.powers.backend);
    let own = forge.token(r#"{"alg":"ES256","kid":"e1"}"#, claims, By::Ec);
    assert!(matches!(verdict(&tokens, &own, &GUILD), Err(Why::Claim { .. })));
}

#[test]
fn an_unsigned_realm_believes_all_but_powers() {
    let forge = Forge::new();
    let open = RealmAuth { trust: Trust::Unsigned, ..RealmAuth::with_keys(GUILD, Vec::new()) };
    let tokens = Tokens::open(&settings(vec![RealmAuth::of_node(MAIN), open])).unwrap();
    let claims = r#"{"sub":"ann","backend":true,"any_realm":true}"#;
    for (header, by) in [(r#"{"alg":"none"}"#, By::Nobody), (HS, By::OtherSecret)] {
        let token = forge.token(header, claims, by);
        let who = verdict(&tokens, &token, &GUILD).unwrap();
        assert!(who.user.as_str() == "ann" && !who.powers.backend && !who.powers.any_realm);
        assert!(verdict(&tokens, &token, &MAIN).is_err());
    }
    let old = forge.token(HS, r#"{"sub":"ann","exp":1}"#, By::Nobody);
    assert!(matches!(verdict(&tokens, &old, &GUILD), Err(Why::Expired { .. })));
}

#[test]
fn a_bounded_life_wants_both_ends() {
    let forge = Forge::new();
    let realm = RealmAuth { token_life_s: Some(3600), ..RealmAuth::with_keys(MAIN, vec![secret(SECRET)]) };
    let tokens = Tokens::open(&settings(vec![realm])).unwrap();
    let judge = |claims: &str| verdict(&tokens, &forge.token(HS, claims, By::Secret), &MAIN);
    assert!(judge(r#"{"sub":"ann","iat":1700000000,"exp":1700003600}"#).is_ok());
    assert!(matches!(judge(r#"{"sub":"ann","iat":1700000000,"exp":1700003601}"#), Err(Why::Claim { .. })));
    for claims in [r#"{"sub":"ann","exp":1700003600}"#, r#"{"sub":"ann","iat":1700000000}"#, r#"{"sub":"ann"}"#] {
        assert!(matches!(judge(claims), Err(Why::Missing { .. })), "{claims}");
    }
}

#[test]
fn what_a_token_is_good_for_is_what_it_grants() {
    let forge = Forge::new();
    let tokens = three(&forge);
    let claims = r#"{"sub":"ann","rooms":["den","team-*"],
        "can":[{"rooms":["team-*","@inbox"],"verbs":["read"]},{"rooms":["team-a"],"verbs":["post","react"]}]}"#;
    let who = verdict(&tokens, &forge.token(HS, claims, By::Secret), &MAIN).unwrap();
    assert_eq!(who.claims.len(), 2);
    let can =
        |command, kind, name: &str| who.can(command, &RoomKey { realm: MAIN, kind, name: Name::new(name).unwrap() });
    assert!(can(CommandKind::Subscribe, RoomKind::Room, "team-b"));
    assert!(can(CommandKind::Post, RoomKind::Room, "team-a"));
    assert!(!can(CommandKind::Post, RoomKind::Room, "team-b"));
    assert!(!can(CommandKind::Edit, RoomKind::Room, "team-a"));
    assert!(can(CommandKind::History, RoomKind::Inbox, "ann"));
    assert!(!can(CommandKind::Users, RoomKind::Directory, "*"));
    let nothing = verdict(&tokens, &forge.token(HS, r#"{"sub":"ann","can":[]}"#, By::Secret), &MAIN).unwrap();
    assert!(
        !nothing.can(CommandKind::Subscribe, &RoomKey { realm: MAIN, kind: RoomKind::Room, name: Name::literal("x") })
    );
}

#[test]
fn an_explanation_says_what_is_there_and_what_is_wrong() {
    let secret = Secret::given(SECRET.to_owned()).unwrap();
    let tokens = Tokens::new(&secret, MAIN);
    let now = super::forge::NOW;
    let token = tokens.sign(&Claims {
        sub: "ann".to_owned(),
        exp: Some(now + 60),
        jti: Some("t1".to_owned()),
        ..Claims::default()
    });
    let token = token.unwrap();
    let good = explain(&tokens, &token, None, super::forge::AT);
    let text = good.lines.join("\n");
    assert!(good.accepted, "{text}");
    for part in
        [r#""alg":"HS256""#, r#""sub":"ann""#, "realm      main", "user       ann", "in 60 s", r#"by its id "t1""#]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let signature = token.rsplit_once('.').unwrap().1;
    assert!(!text.contains(signature), "what makes it a token is not shown");
    let late = explain(&tokens, &token, None, super::forge::AT + 600_000);
    assert!(!late.accepted && late.lines.join("\n").contains("it ended (`exp`) at 1700000060"));
    let elsewhere = explain(&tokens, &token, Some(&GUILD), super::forge::AT);
    assert!(elsewhere.lines.join("\n").contains(r#"this node has no realm "guild" (bad_token)"#));
    let none = explain(&tokens, "\u{1b}[2J", None, super::forge::AT);
    assert!(!none.accepted && none.lines.iter().all(|line| !line.contains('\u{1b}')));
}
