//! Writing an event and an ack, beside a copy of the finished bytes.

use super::values::{DIALECTS, EPOCH, SIZES, body, key, on_wire, posted};
use super::{Pair, Visit};
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::dialect::contract::{Dialect, DialectId, Stage};
use rookery_protocol::dialect::registry;
use rookery_protocol::event::Event;
use rookery_protocol::ids::{AckLevel, Place, RoomHandle, RoomKey};
use rookery_protocol::reply::Reply;
use rookery_protocol::wire::frames::Frames;
use std::hint::black_box;

enum What {
    Event(Event),
    Ack(Reply),
}

struct Encode {
    dialect: &'static dyn Dialect,
    room: RoomKey,
    what: What,
    frames: Frames,
    finished: Vec<u8>,
    copy: Vec<u8>,
}

impl Encode {
    fn new(id: DialectId, what: What) -> Encode {
        let dialect = registry::get(id);
        let room = key("general");
        let (frames, finished, copy) = (Frames::with_capacity(32 << 10), Vec::new(), Vec::with_capacity(32 << 10));
        let mut encode = Encode { dialect, room, what, frames, finished, copy };
        encode.ours(());
        encode.finished = encode.frames.as_bytes().to_vec();
        encode
    }
}

impl Pair for Encode {
    type Input = ();

    fn input(&mut self) {}

    fn ours(&mut self, (): ()) {
        self.frames.clear();
        match black_box(&self.what) {
            What::Event(event) => {
                self.dialect.event(0, on_wire(&self.room, RoomHandle(300)), event, false, &mut self.frames);
            }
            What::Ack(reply) => {
                let row = CommandKind::Post.row();
                self.dialect.reply(&mut Stage::default(), 7, row, reply, &mut self.frames);
            }
        }
    }

    fn floor(&mut self, (): ()) {
        self.copy.clear();
        self.copy.extend_from_slice(black_box(&self.finished));
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        self.ours(());
        self.floor(());
        [self.frames.as_bytes().to_vec(), self.copy.clone()]
    }
}

pub fn pairs(visit: &mut impl Visit) {
    for (language, id) in DIALECTS {
        for bytes in SIZES {
            let make = || Encode::new(id, What::Event(posted(20_000, body(bytes).as_bytes().into())));
            visit.pair(&format!("encode {language} {bytes}"), "event", 1, make);
        }
        let place = Place::new(EPOCH, 20_000);
        let reply = || Reply::Placed { place, ordinal: Some(19_990), level: AckLevel::Local, duplicate: false };
        visit.pair(&format!("encode {language} ack"), "ack", 1, || Encode::new(id, What::Ack(reply())));
    }
}
