//! Something of everything that figures tell of.

use crate::page::get;
use crate::support::client::post;
use crate::support::{BINARY, Client, JSON, Node};
use rookery_protocol::command::Command;
use rookery_protocol::ids::Name;
use rookery_protocol::reply::Reply;
use std::net::SocketAddr;

/// In no figure: names of a room and of users, and a body.
pub const CANARIES: [&str; 4] = ["roomcanary", "usercanary", "othercanary", "bodycanary"];
pub const POSTS: u64 = 20;

/// Two clients in a room, one of whom speaks; what they are refused; requests over REST.
pub struct Traffic {
    pub speaker: Client,
    pub listener: Client,
    /// Whose token is not good.
    _stranger: Client,
}

impl Traffic {
    pub fn drive(node: &Node) -> Traffic {
        let [name, one, other, body] = CANARIES;
        let mut speaker = Client::enter(node.address, JSON, &node.token(one));
        let mut listener = Client::enter(node.address, BINARY, &node.token(other));
        listener.subscribe(name, None);
        for _ in 0..POSTS {
            speaker.post(name, body);
        }
        for _ in 0..POSTS {
            assert_eq!(listener.body(), body);
        }
        // Refused: what only backends may, and what is no command at all.
        let disconnect = Command::Disconnect { user: Name::new(other).unwrap() };
        assert!(matches!(speaker.ask(&disconnect), Reply::Refused(_)));
        speaker.raw(&crate::support::client::masked(1, br#"{"do":"nothing of ours","id":99}"#)).unwrap();
        let number = speaker.say(&Command::Ping);
        assert!(matches!(speaker.reply(number), Reply::Pong { .. }));
        let mut stranger = Client::open(node.address, JSON);
        let token = format!("{}x", node.token(one));
        assert!(matches!(stranger.ask(&Command::Authenticate { token }), Reply::Refused(_)));
        Traffic::request(node.address, &node.token_with(one, &["--backend"]), name);
        Traffic { speaker, listener, _stranger: stranger }
    }

    fn request(address: SocketAddr, token: &str, name: &str) {
        let path = format!("/v1/rooms/{name}/messages");
        let good = format!("Authorization: Bearer {token}\r\n");
        assert_eq!(get(address, &path, &good).0, 200);
        assert_eq!(get(address, &path, "").0, 401);
    }

    /// One more, said and heard.
    pub fn go_on(&mut self) {
        let [name, _, _, body] = CANARIES;
        let number = self.speaker.say(&post(name, body, None));
        assert_eq!(self.listener.body(), body);
        assert!(matches!(self.speaker.reply(number), Reply::Placed { .. }));
    }
}
