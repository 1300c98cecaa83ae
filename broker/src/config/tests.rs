//! What is shipped follows from the list of keys, and every layer is read as it says.

use super::given::Place;
use super::keys::{AUTH, CLASS, ROOM};
use super::layers::variable;
use super::value::{Bytes, Hidden, Shards, Span, StoreEngine};
use super::*;
use rookery_engine::settings::RoomClass;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

fn load(file: &str, environment: &[(&str, &str)], set: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rookery.toml");
    std::fs::write(&path, file).unwrap();
    let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned(), "set".to_owned())).collect();
    let overrides = Overrides { file: Some(path), set };
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let own = format!("{}/", folder.path().display());
    Config::of(Layers::of(&overrides, environment))
        .map_err(|problems| problems.0.iter().map(|problem| problem.to_string().replace(&own, "")).collect())
}

fn shipped(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "{file}: `UPDATE_DOCS=1 cargo test -p rookery --lib config` writes it anew");
}

#[test]
fn what_is_shipped_is_made_from_the_list() {
    shipped("configs/rookery.toml", &print::defaults());
    shipped("configs/rookery.schema.json", &schema::schema());
    shipped("docs/reference/configuration.md", &print::reference());
}

#[test]
fn the_defaults_are_those_of_the_engine() {
    let config = load("limits.memory = \"1GiB\"", &[], &[]).unwrap();
    assert_eq!(settings::limits(&config.limits, 2), rookery_engine::settings::Limits::default());
    let realms = settings::realms(&config);
    assert_eq!(realms.len(), 1);
    assert_eq!(realms[0].realm.as_str(), MAIN_REALM);
    assert_eq!(*realms[0].classes[0], RoomClass::default());
}

#[test]
fn every_key_has_a_sentence_and_a_value_of_its_form() {
    for section in SECTIONS.iter().copied().chain([&CLASS]) {
        for row in section.rows {
            let key = format!("{}.{}", section.name, row.name);
            assert!(row.sentence.ends_with('.'), "{key}");
            if let Some(flag) = row.flag {
                let same = SECTIONS.iter().flat_map(|s| s.rows).filter(|other| other.flag == Some(flag)).count();
                assert_eq!(same, 1, "--{flag}");
            }
            let (table::Default::Is(value) | table::Default::None { example: value }) = row.default;
            assert!(toml::de::DeValue::parse(value).is_ok(), "{key}: {value}");
        }
    }
    assert_eq!(variable("limits.auth_deadline"), "ROOKERY_LIMITS__AUTH_DEADLINE");
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let file = "[limits]\nping = \"5s\"\nsilence = \"40s\"\nslow = \"3s\"\n";
    let environment = [("ROOKERY_LIMITS__PING", "6s"), ("ROOKERY_LIMITS__SILENCE", "50s"), ("OTHERS__PING", "1s")];
    let config = load(file, &environment, &[("limits.ping", "7s")]).unwrap();
    let seconds = |span: Span| span.0.as_secs();
    let limits = &config.limits;
    assert_eq!((seconds(limits.ping), seconds(limits.silence), seconds(limits.slow)), (7, 50, 3));
    assert_eq!(seconds(limits.auth_deadline), 10);
    let shown = config.print(true);
    for line in [
        "ping = \"7s\"  # --set",
        "silence = \"50s\"  # ROOKERY_LIMITS__SILENCE",
        "rookery.toml:4:1",
        "auth_deadline = \"10s\"\n",
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
}

#[test]
fn what_is_printed_is_read_as_the_same() {
    let file = "[serve]\nfirst_core = 3\nshards = 2\n[auth]\nallow_origin = [\"https://a.example\", \"http://b.example:81\"]\n\
                [realms.main.classes.support]\npattern = \"support-*\"\naccess = \"members\"\n[realms.other]\n";
    let config = load(file, &[], &[]).unwrap();
    let again = load(&config.print(false), &[], &[]).unwrap();
    assert_eq!((&again.serve, &again.limits, &again.realms), (&config.serve, &config.limits, &config.realms));
    assert_eq!(config.serve.shards, Shards(2));
    assert_eq!(config.realms[1].name, "other");
}

#[test]
fn secrets_are_shown_nowhere() {
    let secret = "a secret of more than thirty-two bytes, really";
    let config = load(&format!("[auth]\nsecret = \"{secret}\"\n"), &[], &[]).unwrap();
    assert_eq!(config.realms[0].auth.secret, Some(Hidden(secret.to_owned())));
    for text in [config.print(true), config.print(false), format!("{config:?}")] {
        assert!(!text.contains("thirty-two"), "{text}");
    }
    // Nor when it is wrong.
    for (file, environment) in [("[auth]\nsecret = 123456\n", "canary"), ("[auth]\nsecret = [\"canary\"]\n", "canary")]
    {
        let said = load(file, &[("ROOKERY_AUTH__SECRET", environment)], &[]).unwrap_err().join("\n");
        assert!(!said.contains("canary") && !said.contains("123456"), "{said}");
    }
}

#[test]
fn realms_and_classes_say_only_what_differs() {
    let file = "[auth]\nallow_origin = [\"https://all.example\"]\n[room]\nkeep = \"7d\"\nmax_members = 50\n\
                [realms.shop]\nallow_origin = [\"*\"]\n\
                [realms.main.classes.long]\npattern = \"support-eu-*\"\nkeep = \"1d\"\n\
                [realms.main.classes.short]\npattern = \"support-*\"\naccess = \"claims\"\nevents_per_second = 0\n\
                [realms.main.classes.one]\npattern = \"support-eu-1\"\n";
    let config = load(file, &[("ROOKERY_REALMS__MAIN__CLASSES__SHORT__KEEP", "2d")], &[]).unwrap();
    let realms = settings::realms(&config);
    let classes: Vec<_> =
        realms[0].classes.iter().map(|class| (class.pattern.as_str(), class.keep_ms / 86_400_000)).collect();
    assert_eq!(classes, [("support-eu-1", 7), ("support-eu-*", 1), ("support-*", 2), ("*", 7)]);
    assert!(realms[0].classes.iter().all(|class| class.max_members == 50));
    assert!(realms[0].classes[2].events_per_second > 1_000_000);
    let origins: Vec<_> = config.realms.iter().map(|realm| realm.auth.allow_origin.len()).collect();
    assert_eq!(origins, [1, 1]);
    assert_eq!(config.realms[1].auth.allow_origin, [crate::net::origin::Allowed::All]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let file = "[limits]\nping = 7\nslwo = \"3s\"\n\n[room]\n  deliver = \"later\"\n";
    let said =
        load(file, &[("ROOKERY_SERVE__SHARDZ", "2"), ("ROOKERY_STORE__ENGINE", "disk")], &[("serve.listen", "here")]);
    let mut said = said.unwrap_err();
    said.sort();
    let expected = [
        "--set: serve.listen: \"here\" has to be an address and a port, as \"127.0.0.1:8080\" or \"[::1]:8080\"",
        "ROOKERY_SERVE__SHARDZ: serve.shardz: unknown key - did you mean ROOKERY_SERVE__SHARDS?",
        "ROOKERY_STORE__ENGINE: store.engine: \"disk\" has to be one of these: \"embedded\" \"scylla\" \"memory\"",
        "rookery.toml:2:1: limits.ping: 7 has to be a length of time, as \"250ms\", \"10s\", \"5m\", \"12h\", \"30d\", or 0",
        "rookery.toml:3:1: limits.slwo: unknown key - did you mean limits.slow?",
        "rookery.toml:6:3: room.deliver: \"later\" has to be one of these: \"placed\" \"stored\"",
    ];
    assert_eq!(said, expected);
}

#[test]
fn values_are_shown_as_they_are_read() {
    fn both<T: value::Value + PartialEq + std::fmt::Debug>(value: T, shown: &str) {
        assert_eq!(value.show().as_deref(), Some(shown));
        let file = format!("x = {shown}");
        let (_, given) = layers::parsed(&file);
        assert_eq!(T::of(&given), Ok(value), "{shown}");
    }
    both(Span(Duration::from_millis(1500)), "\"1500ms\"");
    both(Span(Duration::from_secs(90)), "\"90s\"");
    both(Span(Duration::from_secs(86_400 * 30)), "\"30d\"");
    both(Span(Duration::ZERO), "0");
    both(Bytes(64 << 10), "\"64KiB\"");
    both(Bytes(1000), "\"1000B\"");
    both("a \"quoted\"\n\u{1}\u{7f} text".to_owned(), "\"a \\\"quoted\\\"\\n\\u0001\\u007f text\"");
    both(vec![1u32, 2], "[1, 2]");
    both(StoreEngine::Scylla, "\"scylla\"");
    both(true, "true");
}

#[test]
fn the_shared_sections_have_no_key_in_common() {
    for row in AUTH.rows {
        assert_ne!(row.name, names::CLASSES);
    }
    for row in CLASS.rows {
        assert!(ROOM.row(row.name).is_none(), "{}", row.name);
    }
    assert_eq!(Place::Default.to_string(), "default");
}
