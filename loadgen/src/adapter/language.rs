//! Languages by their names: those that are coded, those that come with the program as templates, and files of one's own.

use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;

use super::template::{self, Template};
use super::{Adapter, Settings, make};
use crate::scenario::{Pace, Scenario};

/// Languages that no template can describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Floor,
    RookeryJson,
    RookeryBinary,
    Nats,
    NatsWebsocket,
}

#[derive(Clone, Debug)]
pub enum Language {
    Coded(Kind),
    Template(Arc<Template>),
}

impl From<Kind> for Language {
    fn from(kind: Kind) -> Language {
        Language::Coded(kind)
    }
}

impl Language {
    /// The language of this name, or of this file.
    pub fn find(text: &str) -> Result<Language, String> {
        if let Ok(kind) = Kind::from_str(text, false) {
            return Ok(Language::Coded(kind));
        }
        let template = match template::shipped(text) {
            Some(template) => template?,
            None if Path::new(text).exists() => template::load(Path::new(text))?,
            None => return Err(format!("--language {text}: neither a file nor one of {}", Self::names().join(", "))),
        };
        Ok(Language::Template(Arc::new(template)))
    }

    /// What [`Language::find`] knows without a file.
    pub fn names() -> Vec<String> {
        let coded = Kind::value_variants().iter().map(|kind| Language::Coded(*kind).name());
        coded.chain(template::SHIPPED.iter().map(|(name, _)| (*name).to_owned())).collect()
    }

    pub fn name(&self) -> String {
        match self {
            Language::Coded(kind) => {
                kind.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
            }
            Language::Template(template) => template.name.clone(),
        }
    }

    /// What keeps this language from saying what a scenario asks for.
    pub fn fits(&self, scenario: &Scenario, settings: &Settings) -> Result<(), String> {
        let name = self.name();
        let adapter: Box<dyn Adapter> = make(self, settings);
        let posts = &scenario.posts;
        if posts.from_seats && posts.pace() != Pace::Silent {
            let hint = "take a scenario whose senders have connections of their own";
            if !adapter.echoes() {
                return Err(format!("posts.from_seats: with {name} nobody hears what they say themselves; {hint}"));
            }
            if adapter.senders_join() && posts.senders < scenario.rooms.count {
                return Err(format!("posts.from_seats: with {name} senders join all rooms they speak in; {hint}"));
            }
        }
        if (scenario.pages.rate > 0.0 || scenario.pages.prepared > 0) && !adapter.has_places() {
            return Err(format!("pages: {name} has no history to read; take another scenario, or a Rookery language"));
        }
        match self {
            Language::Template(template) if template.wants_token() && settings.tokens.of(0).is_none() => {
                Err(format!("{name} shows a token: give one with --token, or a secret to make them with --secret"))
            }
            Language::Template(_) | Language::Coded(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    #[test]
    fn every_name_is_found_by_itself_and_nothing_else_is() {
        let names = Language::names();
        for name in &names {
            assert_eq!(Language::find(name).unwrap().name(), *name);
        }
        assert_eq!(names.len(), names.iter().collect::<std::collections::BTreeSet<_>>().len());
        let error = Language::find("socket.oi").unwrap_err();
        assert!(error.contains("socket.oi") && error.contains("socketio"), "{error}");
    }

    #[test]
    fn what_a_language_cannot_say_is_refused_before_anything_is_connected() {
        let pusher = Language::find("pusher").unwrap();
        let fits = |scenario: &str, language: &Language| {
            language.fits(&scenario::shipped(scenario).unwrap().unwrap(), &Settings::default())
        };
        let error = fits("a", &pusher).unwrap_err();
        assert!(error.contains("posts.from_seats") && error.contains("pusher"), "{error}");
        assert_eq!(fits("f1", &pusher), Ok(()));
        for name in ["websocket", "socketio", "centrifugo", "nats", "nats-websocket", "floor"] {
            let language = Language::find(name).unwrap();
            assert_eq!(fits("a", &language), Ok(()), "{name}");
            assert!(fits("pages", &language).unwrap_err().contains("history"), "{name}");
        }
        assert_eq!(fits("pages", &Kind::RookeryJson.into()), Ok(()));
    }
}
