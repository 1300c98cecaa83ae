//! What the shipped templates say and understand, beside bytes as the public descriptions of their protocols give them.

use super::*;
use crate::adapter::Start;

struct Talk {
    speaker: Speaker,
    voucher: String,
}

fn talk(name: &str) -> Talk {
    let template = Arc::new(shipped(name).unwrap().unwrap());
    Talk { speaker: Speaker::new(template, Tokens::None), voucher: String::new() }
}

impl Talk {
    fn said<T>(&mut self, write: impl FnOnce(&mut Speaker, Who<'_>, &mut Vec<u8>) -> T) -> (String, T) {
        let mut out = Vec::new();
        let who = Who { connection: 5, voucher: &self.voucher };
        let returned = write(&mut self.speaker, who, &mut out);
        (String::from_utf8(out).unwrap(), returned)
    }

    fn joins(&mut self, room: u16) -> String {
        self.said(|speaker, who, out| speaker.subscribe(who, room, None, out)).0
    }

    fn leaves(&mut self, room: u16) -> (String, bool) {
        self.said(|speaker, who, out| speaker.leave(who, room, out))
    }

    fn posts(&mut self, room: u16) -> (String, u32) {
        self.said(|speaker, who, out| speaker.publish(who, room, b"lg-mark:abc", None, out))
    }

    /// What is heard, and what is said back.
    fn hears(&mut self, message: &str) -> (Vec<Heard>, String) {
        let (mut heard, mut back) = (Vec::new(), String::new());
        self.speaker.hear(message.as_bytes(), &mut heard);
        let (said, heard): (Vec<Heard>, Vec<Heard>) = heard.into_iter().partition(|one| matches!(one, Heard::Say(_)));
        for one in said {
            if let Heard::Say(nth) = one {
                back += &self.said(|speaker, who, out| speaker.say(nth, who, out)).0;
            }
        }
        (heard, back)
    }

    fn means(&mut self, message: &str) -> Heard {
        let (heard, back) = self.hears(message);
        assert!(heard.len() == 1 && back.is_empty(), "{message}: {heard:?} {back}");
        heard[0].clone()
    }

    fn answers(&mut self, message: &str) -> String {
        let (heard, back) = self.hears(message);
        assert_eq!(heard, [], "{message}");
        back
    }
}

const SUBSCRIBED: Heard = Heard::Subscribed { start: Start::Live, from: None };

fn refused(command: Option<u32>, why: &str) -> Heard {
    Heard::Refused { command, why: why.to_owned() }
}

#[test]
fn plain_websocket() {
    let mut talk = talk("websocket");
    assert_eq!(talk.speaker.upgrade(0), Some(("/".to_owned(), String::new())));
    assert_eq!(talk.said(|speaker, who, out| speaker.opening(who, out)), (String::new(), false));
    assert_eq!(talk.joins(3), r#"{"subscribe":"load-3"}"#);
    assert_eq!(talk.leaves(3), (r#"{"unsubscribe":"load-3"}"#.to_owned(), true));
    assert_eq!(talk.posts(3), (r#"{"publish":"load-3","body":"lg-mark:abc"}"#.to_owned(), 0));
    assert_eq!(talk.means(r#"{"subscribed":"load-3"}"#), SUBSCRIBED);
    assert_eq!(talk.means(r#"{"unsubscribed":"load-3"}"#), Heard::Left);
    assert_eq!(talk.means(r#"{"error":"no"}"#), refused(None, r#"{"error":"no"}"#));
}

/// Engine.IO 4 and Socket.IO 5 as their protocol documents show a session.
#[test]
fn socket_io() {
    let mut talk = talk("socketio");
    assert_eq!(talk.speaker.upgrade(0).map(|(path, _)| path).as_deref(), Some("/socket.io/?EIO=4&transport=websocket"));
    assert_eq!(talk.said(|speaker, who, out| speaker.opening(who, out)), (String::new(), true));
    let open = r#"0{"sid":"lv_VI97HAXpY6yYWAAAB","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
    assert_eq!(talk.answers(open), "40");
    assert_eq!(talk.means(r#"40{"sid":"wZX3oN0bSVIhsaknAAAI"}"#), Heard::Ready);
    assert_eq!(talk.answers("2"), "3");
    assert_eq!(talk.joins(3), r#"421["join","load-3"]"#);
    assert_eq!(talk.leaves(3), (r#"422["leave","load-3"]"#.to_owned(), true));
    assert_eq!(talk.posts(3), (r#"42["post","load-3","lg-mark:abc"]"#.to_owned(), 0));
    assert_eq!(talk.means("431[]"), Heard::Done);
    assert_eq!(talk.hears(r#"42["post","of somebody else"]"#), (Vec::new(), String::new()));
    let error = r#"44{"message":"Not authorized"}"#;
    assert_eq!(talk.means(error), refused(None, error));
    assert_eq!(talk.means("41"), refused(None, "41"));
}

/// The commands, replies and pushes of Centrifugo's description of its client protocol.
#[test]
fn centrifugo() {
    let mut talk = talk("centrifugo");
    assert_eq!(talk.speaker.framing(), Framing::Separated(b'\n'));
    assert_eq!(talk.said(|speaker, who, out| speaker.opening(who, out)), (r#"{"id":1,"connect":{}}"#.to_owned(), true));
    assert_eq!(
        talk.means(r#"{"id":1,"connect":{"client":"42717a","version":"6.0.0","ping":25,"pong":true}}"#),
        Heard::Ready
    );
    assert_eq!(talk.joins(3), r#"{"id":2,"subscribe":{"channel":"load-3"}}"#);
    assert_eq!(talk.means(r#"{"id":2,"subscribe":{}}"#), SUBSCRIBED);
    assert_eq!(talk.leaves(3), (r#"{"id":3,"unsubscribe":{"channel":"load-3"}}"#.to_owned(), true));
    assert_eq!(talk.means(r#"{"id":3,"unsubscribe":{}}"#), Heard::Left);
    let (post, number) = talk.posts(3);
    assert_eq!(post, r#"{"id":4,"publish":{"channel":"load-3","data":{"body":"lg-mark:abc"}}}"#);
    assert_eq!(number, 4);
    assert_eq!(talk.means(r#"{"id":4,"publish":{}}"#), Heard::Acked { command: 4, place: None });
    let error = r#"{"id":5,"error":{"code":103,"message":"permission denied"}}"#;
    assert_eq!(talk.means(error), refused(Some(5), error));
    assert_eq!(talk.answers("{}"), "{}");
    let other = r#"{"push":{"channel":"load-3","pub":{"data":{"input":"subscribe"},"offset":8}}}"#;
    assert_eq!(talk.hears(other), (Vec::new(), String::new()));
    let ended = r#"{"push":{"channel":"load-3","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}"#;
    assert_eq!(talk.means(ended), refused(None, ended));
}

/// The events of the Pusher Channels protocol, and the example of its description of authentication.
#[test]
fn pusher() {
    let mut talk = talk("pusher");
    assert_eq!(
        talk.speaker.upgrade(0).map(|(path, _)| path).as_deref(),
        Some("/app/app-key?protocol=7&client=loadgen&version=1")
    );
    assert!(talk.speaker.senders_join() && !talk.speaker.echoes());
    assert_eq!(talk.said(|speaker, who, out| speaker.opening(who, out)), (String::new(), true));
    let hello =
        r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1234.1234\",\"activity_timeout\":120}"}"#;
    assert_eq!(talk.hears(hello), (vec![Heard::Voucher("1234.1234".into()), Heard::Ready], String::new()));
    talk.voucher = "1234.1234".to_owned();
    // HMAC-SHA256 of `1234.1234:private-load-3` with `app-secret`, as openssl has it.
    let auth = "app-key:d718c516b0c6de13329bd816fac9d4fe97f9684731ebce2510544c510bd377e8";
    assert_eq!(
        talk.joins(3),
        format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"private-load-3","auth":"{auth}"}}}}"#)
    );
    assert_eq!(
        talk.means(r#"{"event":"pusher_internal:subscription_succeeded","channel":"private-load-3","data":"{}"}"#),
        SUBSCRIBED
    );
    let (leave, is_answered) = talk.leaves(3);
    assert_eq!(leave, r#"{"event":"pusher:unsubscribe","data":{"channel":"private-load-3"}}"#);
    assert!(!is_answered);
    let post = r#"{"event":"client-post","channel":"private-load-3","data":{"body":"lg-mark:abc"}}"#;
    assert_eq!(talk.posts(3), (post.to_owned(), 0));
    assert_eq!(talk.answers(r#"{"event":"pusher:ping","data":{}}"#), r#"{"event":"pusher:pong","data":{}}"#);
    let error = r#"{"event":"pusher:error","data":{"message":"Invalid signature","code":4009}}"#;
    assert_eq!(talk.means(error), refused(None, error));
    let example = "about = ''\nsubscribe = '{room}{auth}'\npublish = '{room}{body}'\n\
                   sign = { key = '278d425bdf160c739803', secret = '7ad3773142a6692b25b8', text = '{voucher}:private-foobar' }\n\
                   [[answers]]\nis = 'ok'\nmeans = 'done'\n";
    let template = Arc::new(file::parse("example.toml", "example".to_owned(), example).unwrap());
    talk.speaker = Speaker::new(template, Tokens::None);
    let signature = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
    assert_eq!(talk.joins(9), format!("9278d425bdf160c739803:{signature}"));
}
