//! A server of a few lines for each language, after the public descriptions of their protocols; and it does wrong if asked.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::ws::{frame, handshake};

/// What is done to every so many-th delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    Lose,
    Double,
    /// It comes after the next one.
    Swap,
    Damage,
}

pub const EVERY: u64 = 50;

/// How what is said goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Bare,
    Frames,
    /// Frames that end anywhere.
    Shreds,
}

/// What a server says and understands.
pub trait Speaks: Send + Sync + 'static {
    const CARRIER: Carrier;

    /// Whether what is said is a stream rather than messages.
    const STREAMS: bool = false;

    /// What is said first.
    fn hello(_: u64) -> Option<String> {
        None
    }

    /// Understands a message, or takes whole commands off the front of a stream.
    fn hear(hub: &Hub, me: &Arc<Conn>, said: &mut Vec<u8>);
}

pub struct Conn {
    pub id: u64,
    carrier: Carrier,
    stream: Mutex<TcpStream>,
    held: Mutex<Option<Vec<u8>>>,
}

impl Conn {
    pub fn say(&self, bytes: &[u8]) {
        let mut out = Vec::new();
        match self.carrier {
            Carrier::Bare => out = bytes.to_vec(),
            Carrier::Frames => frame::write_plain(&mut out, frame::TEXT, bytes),
            Carrier::Shreds => bytes.chunks(7).for_each(|shred| frame::write_plain(&mut out, frame::BINARY, shred)),
        }
        // Whoever is gone hears nothing.
        let _ = self.stream.lock().unwrap().write_all(&out);
    }

    fn close(&self) {
        let _ = self.stream.lock().unwrap().write_all(&[0x88, 0]);
    }
}

pub struct Hub {
    pub rooms: Mutex<HashMap<String, Vec<Arc<Conn>>>>,
    fault: Fault,
    delivered: AtomicU64,
}

impl Hub {
    pub fn join(&self, room: &str, me: &Arc<Conn>) {
        self.rooms.lock().unwrap().entry(room.to_owned()).or_default().push(me.clone());
    }

    pub fn leave(&self, room: Option<&str>, me: &Conn) {
        let mut rooms = self.rooms.lock().unwrap();
        for (_, members) in rooms.iter_mut().filter(|(name, _)| room.is_none_or(|room| room == *name)) {
            members.retain(|member| member.id != me.id);
        }
    }

    pub fn is_member(&self, room: &str, me: &Conn) -> bool {
        self.rooms.lock().unwrap().get(room).is_some_and(|members| members.iter().any(|member| member.id == me.id))
    }

    /// To every member but one.
    pub fn deliver(&self, room: &str, bytes: &[u8], but: Option<u64>) {
        let members = self.rooms.lock().unwrap().get(room).cloned().unwrap_or_default();
        for member in members.iter().filter(|member| but != Some(member.id)) {
            let nth = self.delivered.fetch_add(1, Ordering::Relaxed) + 1;
            let held = member.held.lock().unwrap().take();
            match if nth.is_multiple_of(EVERY) { self.fault } else { Fault::None } {
                Fault::None => member.say(bytes),
                Fault::Lose => {}
                Fault::Double => [(); 2].iter().for_each(|()| member.say(bytes)),
                Fault::Swap => *member.held.lock().unwrap() = Some(bytes.to_vec()),
                Fault::Damage => {
                    let letter = bytes.windows(4).position(|part| part == b"uvwx").unwrap();
                    member.say(&[&bytes[..letter], b"U", &bytes[letter + 1..]].concat());
                }
            }
            held.iter().for_each(|held| member.say(held));
        }
    }
}

/// Serves until the process ends.
pub fn start<S: Speaks>(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let hub = Arc::new(Hub { rooms: Mutex::default(), fault, delivered: AtomicU64::new(0) });
    thread::spawn(move || {
        for (id, stream) in listener.incoming().flatten().enumerate() {
            let hub = hub.clone();
            thread::spawn(move || serve::<S>(&hub, id as u64, stream));
        }
    });
    address
}

fn serve<S: Speaks>(hub: &Hub, id: u64, mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let (mut unread, mut said) = (Vec::new(), Vec::new());
    if S::CARRIER != Carrier::Bare {
        let head = loop {
            match handshake::head_len(&unread) {
                Some(head) => break head,
                None if !read(&mut stream, &mut unread) => return,
                None => {}
            }
        };
        stream.write_all(handshake::response(&unread[..head]).unwrap().as_bytes()).unwrap();
        unread.drain(..head);
    }
    let writer = Mutex::new(stream.try_clone().unwrap());
    let me = Arc::new(Conn { id, carrier: S::CARRIER, stream: writer, held: Mutex::default() });
    S::hello(id).iter().for_each(|hello| me.say(hello.as_bytes()));
    'open: while read(&mut stream, &mut unread) {
        if S::CARRIER == Carrier::Bare {
            said.append(&mut unread);
            S::hear(hub, &me, &mut said);
        }
        while let Ok(Some(header)) = frame::read_header(&unread)
            && unread.len() >= header.frame_len()
            && S::CARRIER != Carrier::Bare
        {
            let mut payload = unread[header.header_len..header.frame_len()].to_vec();
            frame::apply_mask(&mut payload, header.mask.unwrap());
            unread.drain(..header.frame_len());
            if header.opcode == frame::CLOSE {
                me.close();
                break 'open;
            }
            said.append(&mut payload);
            S::hear(hub, &me, &mut said);
            if !S::STREAMS {
                said.clear();
            }
        }
    }
    hub.leave(None, &me);
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

/// False: nothing more comes.
fn read(stream: &mut TcpStream, into: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4_096];
    let count = stream.read(&mut buffer).unwrap_or(0);
    into.extend_from_slice(&buffer[..count]);
    count > 0
}
