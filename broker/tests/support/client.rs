//! A client over a blocking socket: its own WebSocket framing, the native languages' client side on top.

use super::Tongue;
use rookery_protocol::command::{Command, Post, RoomRef, SubscribeRoom, Wants};
use rookery_protocol::dialect::contract::Incoming;
use rookery_protocol::dialect::speak::{Epochs, ServerFrame};
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{DuplicateKey, Name, Place};
use rookery_protocol::message::BodyKind;
use rookery_protocol::reply::{Reply, Subscribed};
use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What a client hears next.
#[derive(Debug)]
pub enum Heard {
    Frame(ServerFrame),
    /// The server closed, with this code and reason; none if the socket just ended.
    Closed(Option<(u16, String)>),
}

pub struct Client {
    socket: TcpStream,
    pub tongue: Tongue,
    epochs: Epochs,
    received: Vec<u8>,
    heard: VecDeque<ServerFrame>,
    /// Frames set aside while waiting for something else.
    pub aside: VecDeque<ServerFrame>,
    number: u32,
    closed: Option<Option<(u16, String)>>,
    /// Bytes that are read before the socket is cut; none: it never is.
    pub cut_after: Option<usize>,
}

/// No test waits longer than this for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads what has come. A machine that is frozen and thawed interrupts every read that has a time limit; nothing is
/// wrong with the socket then.
pub fn read(mut socket: &TcpStream, space: &mut [u8]) -> Result<usize, Error> {
    loop {
        match socket.read(space) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl Client {
    /// Connected and upgraded, with nobody's name yet.
    pub fn open(address: SocketAddr, tongue: Tongue) -> Client {
        Client::open_at(address, tongue, "/v1/ws").unwrap()
    }

    pub fn open_at(address: SocketAddr, tongue: Tongue, path: &str) -> Result<Client, Error> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {}\r\n\r\n",
            tongue.subprotocol
        )?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if read(&socket, &mut byte)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 101") {
            return Err(Error::other(String::from_utf8_lossy(&head).into_owned()));
        }
        Ok(Client {
            socket,
            tongue,
            epochs: Epochs::default(),
            received: Vec::new(),
            heard: VecDeque::new(),
            aside: VecDeque::new(),
            number: 0,
            closed: None,
            cut_after: None,
        })
    }

    /// Connected and welcomed.
    pub fn enter(address: SocketAddr, tongue: Tongue, token: &str) -> Client {
        let mut client = Client::open(address, tongue);
        match client.ask(&Command::Authenticate { token: token.to_owned() }) {
            Reply::Welcome(_) => client,
            other => panic!("not welcome: {other:?}"),
        }
    }

    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Says a command without waiting; its number.
    pub fn say(&mut self, command: &Command) -> u32 {
        let (number, frame) = self.frame(command);
        self.socket.write_all(&frame).unwrap();
        number
    }

    /// The bytes of a command, not sent yet, and its number.
    pub fn frame(&mut self, command: &Command) -> (u32, Vec<u8>) {
        let (number, payload) = self.payload(command);
        (number, masked(self.opcode(), &payload))
    }

    /// The message of a command, without its frame.
    pub fn payload(&mut self, command: &Command) -> (u32, Vec<u8>) {
        self.number += 1;
        let mut payload = Vec::new();
        self.tongue.speak.say(self.number, command, &mut payload);
        (self.number, payload)
    }

    pub fn opcode(&self) -> u8 {
        if self.tongue.text { 1 } else { 2 }
    }

    /// Bytes as they are, for those who do it wrong.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.socket.write_all(bytes)
    }

    /// Says a command and waits for its reply; events meanwhile are set aside in order.
    pub fn ask(&mut self, command: &Command) -> Reply {
        let number = self.say(command);
        self.reply(number)
    }

    pub fn reply(&mut self, number: u32) -> Reply {
        self.reply_or_end(number).unwrap_or_else(|why| panic!("closed instead of reply {number}: {why:?}"))
    }

    /// The reply, or how the connection ended before it.
    pub fn reply_or_end(&mut self, number: u32) -> Result<Reply, Option<(u16, String)>> {
        loop {
            match self.next() {
                Heard::Frame(ServerFrame::Reply { number: n, reply }) if n == number => return Ok(reply),
                Heard::Frame(frame) => self.aside.push_back(frame),
                Heard::Closed(why) => return Err(why),
            }
        }
    }

    /// What was set aside first, then what comes.
    pub fn next_unasked(&mut self) -> Heard {
        match self.aside.pop_front() {
            Some(frame) => Heard::Frame(frame),
            None => self.next(),
        }
    }

    /// The next event, whatever else comes before it.
    pub fn event(&mut self) -> Event {
        loop {
            match self.next_unasked() {
                Heard::Frame(ServerFrame::Event { event, .. }) => return event,
                Heard::Frame(_) => {}
                Heard::Closed(why) => panic!("closed instead of an event: {why:?}"),
            }
        }
    }

    /// The next message's body, whatever else comes before it.
    pub fn body(&mut self) -> String {
        loop {
            if let EventBody::Posted(message) = self.event().body {
                return String::from_utf8(message.body.to_vec()).unwrap();
            }
        }
    }

    pub fn subscribe(&mut self, room: &str, cursor: Option<Place>) -> Subscribed {
        let rooms = vec![SubscribeRoom { room: self::room(room), cursor, wants: Wants::default() }];
        match self.ask(&Command::Subscribe { rooms }) {
            Reply::Subscribed(subscribed) => *subscribed,
            other => panic!("not subscribed to {room}: {other:?}"),
        }
    }

    pub fn post(&mut self, room: &str, body: &str) -> Place {
        match self.ask(&post(room, body, None)) {
            Reply::Placed { place, .. } => place,
            other => panic!("not placed in {room}: {other:?}"),
        }
    }

    pub fn next(&mut self) -> Heard {
        loop {
            if let Some(frame) = self.heard.pop_front() {
                return Heard::Frame(frame);
            }
            if let Some(closed) = &self.closed {
                return Heard::Closed(closed.clone());
            }
            match self.message() {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("nothing heard for {PATIENCE:?}")
                }
                Err(_) => self.closed = Some(None),
            }
        }
    }

    /// Reads one WebSocket frame of the server (which never fragments).
    fn message(&mut self) -> Result<(), Error> {
        let (opcode, payload) = loop {
            if let Some((opcode, start, end)) = frame_in(&self.received) {
                let payload = self.received[start..end].to_vec();
                self.received.drain(..end);
                break (opcode, payload);
            }
            let mut space = [0; 16 * 1024];
            let most = self.cut_after.unwrap_or(usize::MAX).min(space.len());
            let count = read(&self.socket, &mut space[..most])?;
            self.cut_after = self.cut_after.map(|left| left - count);
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.received.extend_from_slice(&space[..count]);
        };
        let mut heard = Vec::new();
        match opcode {
            1 => {
                let text = std::str::from_utf8(&payload).unwrap();
                self.tongue.speak.hear(&mut self.epochs, Incoming::Text(text), &mut heard).unwrap();
            }
            2 => self.tongue.speak.hear(&mut self.epochs, Incoming::Binary(&payload), &mut heard).unwrap(),
            8 => {
                let said = payload
                    .split_first_chunk::<2>()
                    .map(|(code, reason)| (u16::from_be_bytes(*code), String::from_utf8_lossy(reason).into_owned()));
                self.closed = Some(said);
            }
            9 => self.socket.write_all(&masked(10, &payload))?,
            10 => {}
            other => panic!("opcode {other}"),
        }
        self.heard.extend(heard);
        Ok(())
    }
}

/// A client's frame; the mask is fixed, since nobody between us looks.
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x5a, 0x17, 0xc3, 0x88];
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        n @ 0..=125 => frame.push(0x80 | n as u8),
        n @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Opcode and payload's range of the first frame, if it is whole.
fn frame_in(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (start, length) = match second {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        n => (2, usize::from(n)),
    };
    (bytes.len() >= start + length).then_some((first & 15, start, start + length))
}

pub fn room(name: &str) -> RoomRef {
    RoomRef::Room { realm: None, name: Name::new(name).unwrap() }
}

pub fn post(room: &str, body: &str, key: Option<DuplicateKey>) -> Command {
    Command::Post(Post {
        room: self::room(room),
        kind: BodyKind::Text,
        body: body.as_bytes().into(),
        key,
        ack: None,
        extra: None,
    })
}
