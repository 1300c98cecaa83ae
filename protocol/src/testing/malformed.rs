//! Inputs that are wrong, each with a name and what must become of it. Class "JSON and binary packets" of the corpus.

mod binary;
mod json;

use crate::errors::{DropReason, ErrorCode};

/// One message of a client, and the one right answer to it.
#[derive(Clone, Debug)]
pub struct Malformed {
    pub name: String,
    /// The subprotocol that it is sent under.
    pub subprotocol: &'static str,
    /// Sent as a text message; as a binary one otherwise.
    pub text: bool,
    pub payload: Vec<u8>,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One refusal under this number, nothing done, and the connection goes on.
    Refused(u32, ErrorCode),
    Close(DropReason),
}

pub fn malformed() -> Vec<Malformed> {
    let mut all = json::malformed();
    all.extend(binary::malformed());
    all
}

/// One line per command, with the fields that it cannot do without.
pub const SHORTEST: &[&str] = &[
    r#"{"do":"authenticate","id":7,"token":"t"}"#,
    r#"{"do":"refresh","id":7,"token":"t"}"#,
    r#"{"do":"resume","id":7,"rooms":[{"room":"a"}]}"#,
    r#"{"do":"ping","id":7}"#,
    r#"{"do":"set_status","id":7,"status":"away"}"#,
    r#"{"do":"query_presence","id":7,"users":["bob"]}"#,
    r#"{"do":"subscribe","id":7,"rooms":[{"room":"a"}]}"#,
    r#"{"do":"unsubscribe","id":7,"rooms":["a"]}"#,
    r#"{"do":"post","id":7,"room":"a","body":"hi"}"#,
    r#"{"do":"edit","id":7,"room":"a","target":[1,2],"body":"hi"}"#,
    r#"{"do":"delete","id":7,"room":"a","target":[1,2]}"#,
    r#"{"do":"react","id":7,"room":"a","target":[1,2],"reaction":"+"}"#,
    r#"{"do":"unreact","id":7,"room":"a","target":[1,2],"reaction":"+"}"#,
    r#"{"do":"pin","id":7,"room":"a","target":[1,2]}"#,
    r#"{"do":"unpin","id":7,"room":"a","target":[1,2]}"#,
    r#"{"do":"mark_read","id":7,"room":"a","place":[1,2]}"#,
    r#"{"do":"typing","id":7,"room":"a"}"#,
    r#"{"do":"history","id":7,"room":"a"}"#,
    r#"{"do":"roster","id":7,"room":"a"}"#,
    r#"{"do":"create","id":7,"room":"a"}"#,
    r#"{"do":"update","id":7,"room":"a","settings":{}}"#,
    r#"{"do":"archive","id":7,"room":"a"}"#,
    r#"{"do":"delete_room","id":7,"room":"a"}"#,
    r#"{"do":"join","id":7,"room":"a"}"#,
    r#"{"do":"leave","id":7,"room":"a"}"#,
    r#"{"do":"invite","id":7,"room":"a","user":"bob"}"#,
    r#"{"do":"remove_member","id":7,"room":"a","user":"bob"}"#,
    r#"{"do":"set_role","id":7,"room":"a","user":"bob","role":"admin"}"#,
    r#"{"do":"describe","id":7,"room":"a"}"#,
    r#"{"do":"list_rooms","id":7}"#,
    r#"{"do":"direct_room","id":7,"user":"bob"}"#,
    r#"{"do":"users","id":7}"#,
    r#"{"do":"search","id":7,"query":"q"}"#,
    r#"{"do":"unread_summary","id":7}"#,
    r#"{"do":"broadcast","id":7,"rooms":["a"],"body":"hi"}"#,
    r#"{"do":"disconnect","id":7,"user":"bob"}"#,
    r#"{"do":"revoke","id":7,"user":"bob"}"#,
    r#"{"do":"erase","id":7,"user":"bob"}"#,
    r#"{"do":"take_name","id":7,"name":"n","holder":"h"}"#,
    r#"{"do":"release_name","id":7,"name":"n","holder":"h"}"#,
    r#"{"do":"take_numbers","id":7,"counter":"c","count":1}"#,
];
