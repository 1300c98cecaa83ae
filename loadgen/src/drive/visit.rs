//! A client that says one thing and waits for the answer: it fills rooms before a run, and looks promises up after it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Orders;
use super::acked::{Acked, Audit};
use crate::adapter::{self, Adapter, Heard, Who};
use crate::marker::{self, Mark};
use crate::record::Acks;
use crate::ws::{frame, handshake};

/// Whoever says nothing for so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Posts on their way at once while rooms are filled.
const FILLING: u32 = 32;

/// The largest page that is asked for.
const PAGE: u32 = 200;

/// Numbers of messages that were there before the run: above all that a run says.
const PREPARED: u64 = 1 << 47;

const MASK: [u8; 4] = [0x5A, 0x33, 0x71, 0x19];

struct Visitor {
    stream: TcpStream,
    adapter: Box<dyn Adapter>,
    unread: Vec<u8>,
}

impl Visitor {
    fn new(orders: &Orders) -> io::Result<Visitor> {
        let (target, language) = (orders.targets[0], &orders.languages[0]);
        let adapter = adapter::make(language, &orders.settings);
        // A user of its own, behind those of the run.
        let Some((path, more)) = adapter.upgrade(u32::MAX as usize) else {
            return Err(io::Error::other(format!("{} has no history", language.name())));
        };
        let mut stream = TcpStream::connect(target)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        stream.write_all(handshake::request(&target.to_string(), &path, &more).as_bytes())?;
        let mut visitor = Visitor { stream, adapter, unread: Vec::new() };
        let head = loop {
            if let Some(head) = handshake::head_len(&visitor.unread) {
                break head;
            }
            visitor.read()?;
        };
        let accept = handshake::accept_value(handshake::CLIENT_KEY);
        handshake::check_response(&visitor.unread[..head], &accept).map_err(io::Error::other)?;
        visitor.unread.drain(..head);
        Ok(visitor)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 64 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn say<T>(&mut self, write: impl FnOnce(&mut dyn Adapter, &mut Vec<u8>) -> T) -> io::Result<T> {
        let (mut payload, mut bytes) = (Vec::new(), Vec::new());
        let said = write(self.adapter.as_mut(), &mut payload);
        frame::write_masked(&mut bytes, self.adapter.opcode(), &payload, MASK);
        self.stream.write_all(&bytes)?;
        Ok(said)
    }

    /// What the next message says; refusals are errors.
    fn hear(&mut self) -> io::Result<Vec<Heard>> {
        loop {
            let header = frame::read_header(&self.unread).map_err(|_| io::Error::other("a frame too long"))?;
            let Some(header) = header.filter(|header| self.unread.len() >= header.frame_len()) else {
                self.read()?;
                continue;
            };
            let mut heard = Vec::new();
            if matches!(header.opcode, frame::TEXT | frame::BINARY) {
                self.adapter.hear(&self.unread[header.header_len..header.frame_len()], &mut heard);
            } else if header.opcode == frame::CLOSE {
                return Err(io::Error::other("closed by the target"));
            }
            self.unread.drain(..header.frame_len());
            for one in &heard {
                if let Heard::Refused { why, .. } = one {
                    return Err(io::Error::other(format!("refused: {why}")));
                }
            }
            return Ok(heard);
        }
    }
}

/// Writes messages into every room, so that there is history to read.
pub fn prepare(orders: &Orders) -> io::Result<()> {
    let each = u64::from(orders.scenario.pages.prepared);
    if each == 0 {
        return Ok(());
    }
    let mut visitor = Visitor::new(orders)?;
    let mut body = marker::template(orders.scenario.posts.body as usize);
    for room in 0..orders.scenario.rooms.count as u16 {
        let (mut said, mut answered) = (0, 0);
        while answered < each {
            while said < each && said - answered < u64::from(FILLING) {
                marker::stamp(&mut body, &Mark { room, number: PREPARED + said }.encode());
                visitor.say(|adapter, out| adapter.publish(Who::default(), room, &body, None, out))?;
                said += 1;
            }
            let acks = visitor.hear()?.into_iter().filter(|heard| matches!(heard, Heard::Acked { .. }));
            answered += acks.count() as u64;
        }
    }
    Ok(())
}

/// Looks every ack up in history. None: this language has none.
pub fn audit(orders: &Orders, acked: &[(u16, Acked)]) -> io::Result<Option<(Acks, Option<String>)>> {
    let mut visitor = Visitor::new(orders)?;
    if !visitor.adapter.has_places() {
        return Ok(None);
    }
    let (mut acks, mut first) = (Acks::default(), None);
    for (room, acked) in acked.iter().filter(|(_, acked)| acked.count() > 0) {
        let mut audit = Audit::new(*room, acked);
        let mut skip = 0;
        loop {
            let asked = visitor.say(|adapter, out| adapter.page(*room, Some(skip), PAGE, out))?;
            let (items, more) = loop {
                let mut heard = visitor.hear()?.into_iter();
                if let Some(Heard::Page { command, items, more }) = heard.next()
                    && Some(command) == asked
                {
                    break (items, more);
                }
            };
            if let Some(oldest) = items.first().filter(|_| skip == 0) {
                audit.begin(oldest.place);
            }
            skip += items.len() as u64;
            items.iter().for_each(|item| audit.item(item.place, item.mark));
            if !more || items.is_empty() {
                break;
            }
        }
        audit.end();
        acks.given += acked.count();
        acks.checked += audit.checked;
        acks.expired += audit.expired;
        acks.broken += audit.broken;
        first = first.or(audit.first);
    }
    Ok(Some((acks, first)))
}
