//! As much of a client as reads the newest pages of rooms: binary frames over a blocking socket.

use rookery_protocol::command::{Command, HistoryFrom, RoomRef};
use rookery_protocol::dialect::contract::Incoming;
use rookery_protocol::dialect::native_binary::NativeBinary;
use rookery_protocol::dialect::speak::{Epochs, ServerFrame, Speak};
use rookery_protocol::ids::Name;
use rookery_protocol::reply::Reply;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

pub struct Client {
    socket: TcpStream,
    epochs: Epochs,
    number: u32,
    heard: VecDeque<ServerFrame>,
}

impl Client {
    pub fn enter(address: SocketAddr, token: &str) -> Client {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        let head = format!(
            "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: rookery.v1.binary\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"\r\n\r\n") {
            socket.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
        let mut client = Client { socket, epochs: Epochs::default(), number: 0, heard: VecDeque::new() };
        let reply = client.ask(&Command::Authenticate { token: token.to_owned() });
        assert!(matches!(reply, Reply::Welcome(_)), "{reply:?}");
        client
    }

    /// Messages of the newest page of a room.
    pub fn newest(&mut self, room: &str) -> usize {
        let room = RoomRef::Room { realm: None, name: Name::new(room).unwrap() };
        let reply = self.ask(&Command::History { room, from: HistoryFrom::Newest, limit: 50, thread: None });
        let Reply::History(page) = reply else { panic!("no page: {reply:?}") };
        page.messages.len()
    }

    fn ask(&mut self, command: &Command) -> Reply {
        self.number += 1;
        let mut payload = Vec::new();
        NativeBinary.say(self.number, command, &mut payload);
        // A mask of zeros leaves the payload as it is.
        let mut frame = vec![0x82];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&payload);
        self.socket.write_all(&frame).unwrap();
        loop {
            while let Some(heard) = self.heard.pop_front() {
                if let ServerFrame::Reply { number, reply } = heard
                    && number == self.number
                {
                    return reply;
                }
            }
            self.hear();
        }
    }

    fn hear(&mut self) {
        let mut head = [0; 2];
        self.socket.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut more = [0; 2];
                self.socket.read_exact(&mut more).unwrap();
                usize::from(u16::from_be_bytes(more))
            }
            127 => {
                let mut more = [0; 8];
                self.socket.read_exact(&mut more).unwrap();
                u64::from_be_bytes(more) as usize
            }
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.socket.read_exact(&mut payload).unwrap();
        assert!(matches!(head[0] & 15, 2 | 9), "the node closed");
        if head[0] & 15 == 2 {
            let mut heard = Vec::new();
            NativeBinary.hear(&mut self.epochs, Incoming::Binary(&payload), &mut heard).unwrap();
            self.heard.extend(heard);
        }
    }
}
