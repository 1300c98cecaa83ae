//! A language that a file describes: what is said, with placeholders, and what answers mean.

mod answer;
mod file;
mod shipped;
mod text;

#[cfg(test)]
mod vectors;

use std::sync::Arc;

use super::token::Tokens;
use super::{Adapter, Framing, Heard, Key, Place, Who};
use answer::Means;
pub use file::{Template, load};
pub use shipped::{SHIPPED, shipped};
use text::{Slot, Text, Values};

/// One thread's use of a template.
pub struct Speaker {
    template: Arc<Template>,
    tokens: Tokens,
    next_id: u32,
}

impl Speaker {
    pub fn new(template: Arc<Template>, tokens: Tokens) -> Speaker {
        Speaker { template, tokens, next_id: 1 }
    }

    /// Writes a text and returns the number of its command; 0: it has none.
    fn write(&mut self, pick: impl Fn(&Template) -> Option<&Text>, values: Values<'_>, out: &mut Vec<u8>) -> u32 {
        let Some(text) = pick(&self.template) else { return 0 };
        let id = self.next_id;
        text.write(&Values { id, sign: self.template.sign.as_ref(), tokens: &self.tokens, ..values }, out);
        if !text.has(Slot::Id) {
            return 0;
        }
        self.next_id = if id >= i32::MAX as u32 { 1 } else { id + 1 };
        id
    }
}

impl Adapter for Speaker {
    fn upgrade(&self, connection: usize) -> Option<(String, String)> {
        let who = Who { connection, voucher: "" };
        let values = Values { tokens: &self.tokens, sign: self.template.sign.as_ref(), ..Values::of(who) };
        let filled = |text: &Text| {
            let mut out = Vec::new();
            text.write(&values, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        let headers = self.template.headers.iter().map(|line| filled(line) + "\r\n").collect();
        Some((filled(&self.template.path), headers))
    }

    fn opcode(&self) -> u8 {
        self.template.opcode
    }

    fn framing(&self) -> Framing {
        self.template.separator.map_or(Framing::Messages, Framing::Separated)
    }

    fn opening(&mut self, who: Who<'_>, out: &mut Vec<u8>) -> bool {
        self.write(|template| template.opening.as_ref(), Values::of(who), out);
        self.template.hears(&[Means::Ready])
    }

    fn say(&mut self, nth: usize, who: Who<'_>, out: &mut Vec<u8>) {
        self.write(|template| template.answers.get(nth)?.say.as_ref(), Values::of(who), out);
    }

    fn subscribe(&mut self, who: Who<'_>, room: u16, _: Option<Place>, out: &mut Vec<u8>) {
        self.write(|template| Some(&template.subscribe), Values { room, ..Values::of(who) }, out);
    }

    fn leave(&mut self, who: Who<'_>, room: u16, out: &mut Vec<u8>) -> bool {
        self.write(|template| template.leave.as_ref(), Values { room, ..Values::of(who) }, out);
        self.template.leave.is_some() && self.template.hears(&[Means::Left, Means::Done])
    }

    fn publish(&mut self, who: Who<'_>, room: u16, body: &[u8], _: Option<Key>, out: &mut Vec<u8>) -> u32 {
        let values = Values { room, body, ..Values::of(who) };
        let id = self.write(|template| Some(&template.publish), values, out);
        if self.template.hears(&[Means::Acked]) { id } else { 0 }
    }

    fn senders_join(&self) -> bool {
        self.template.senders_join
    }

    fn echoes(&self) -> bool {
        self.template.echo
    }

    fn hear(&mut self, payload: &[u8], heard: &mut Vec<Heard>) {
        let found = self.template.answers.iter().enumerate().find(|(_, answer)| answer.is(payload));
        if let Some((nth, answer)) = found {
            answer.understand(nth, payload, heard);
        }
    }

    fn typing(&mut self, who: Who<'_>, room: u16, on: bool, out: &mut Vec<u8>) -> bool {
        self.write(|template| template.typing.as_ref(), Values { room, on, ..Values::of(who) }, out);
        self.template.typing.is_some()
    }
}

impl Template {
    fn hears(&self, any: &[Means]) -> bool {
        self.answers.iter().any(|answer| any.contains(&answer.means))
    }

    pub fn wants_token(&self) -> bool {
        let said = [&self.path, &self.subscribe, &self.publish].into_iter();
        let said = said.chain(&self.headers).chain(&self.opening).chain(&self.leave).chain(&self.typing);
        said.chain(self.answers.iter().filter_map(|answer| answer.say.as_ref())).any(|text| text.has(Slot::Token))
    }
}
