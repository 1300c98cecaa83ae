//! Every close code, provoked.

use crate::forge::{now, of};
use crate::stage::{Stage, closed};
use crate::support::client::{masked, post, read, room};
use crate::support::{BINARY, Client, Node};
use crate::{Proof, prove};
use rookery_protocol::command::{Command, HistoryFrom, Revocation};
use rookery_protocol::errors::DropReason::{self, *};
use rookery_protocol::ids::Name;
use rookery_protocol::limits;
use rookery_protocol::reply::Reply;
use std::time::Duration;

const ROWS: &[(DropReason, Proof<DropReason>)] = &[
    (Left, Proof::Script(left)),
    (ProtocolError, Proof::Script(protocol_error)),
    (WrongForm, Proof::Script(wrong_form)),
    (BadText, Proof::Script(bad_text)),
    (TooBig, Proof::Script(too_big)),
    (
        Internal,
        Proof::Elsewhere {
            // A node would have to have a fault; that it says so to its shards is seen in `stop.rs`.
            file: "broker/engine/tests/scripts/drain.rs",
            test: "a_node_at_fault_says_so_and_when_to_come_back",
            says: "hears_close(1011)",
        },
    ),
    (Draining, Proof::Script(draining)),
    (Slow, Proof::Script(slow)),
    (Silent, Proof::Script(silent)),
    (
        Lagged,
        Proof::Elsewhere {
            // The native languages are told of a gap instead.
            file: "broker/engine/src/edge/tests/catching_up.rs",
            test: "who_cannot_be_told_of_a_gap_is_closed",
            says: "DropReason::Lagged",
        },
    ),
    (
        Greedy,
        Proof::Elsewhere {
            // It takes many connections, and memory; at the binary `broker/tests/hostile` does it.
            file: "broker/engine/src/edge/tests/budget.rs",
            test: "who_holds_most_goes_first_and_only_as_many_as_it_takes",
            says: "DropReason::Greedy",
        },
    ),
    (Unfinished, Proof::Script(unfinished)),
    (Malformed, Proof::Once(malformed)),
    (Abusive, Proof::Script(abusive)),
    (Reset, Proof::Script(reset)),
    (TokenExpired, Proof::Script(token_expired)),
    (NotAuthenticated, Proof::Script(not_authenticated)),
    (Revoked, Proof::Script(revoked)),
    (Replaced, Proof::Script(replaced)),
    (TooManyConnections, Proof::Script(too_many_connections)),
];

#[test]
fn every_close_code_is_provoked() {
    prove(DropReason::ALL, ROWS);
}

/// Says bytes, and reads to the end.
fn after(mut client: Client, bytes: &[u8]) -> DropReason {
    client.raw(bytes).unwrap();
    closed(&mut client)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn left(stage: &Stage<'_>) -> DropReason {
    after(stage.enter("ann"), &masked(8, &1000u16.to_be_bytes()))
}

fn protocol_error(stage: &Stage<'_>) -> DropReason {
    // A client's frames are masked; this one is not.
    after(stage.enter("ann"), &[0x81, 2, b'{', b'}'])
}

fn wrong_form(stage: &Stage<'_>) -> DropReason {
    let client = stage.enter("ann");
    let other = 3 - client.opcode();
    after(client, &masked(other, b"{}"))
}

fn bad_text(stage: &Stage<'_>) -> DropReason {
    after(stage.enter("ann"), &masked(1, b"\xff\xfe"))
}

fn too_big(stage: &Stage<'_>) -> DropReason {
    let client = stage.enter("ann");
    // The length alone is enough; what it announces never comes.
    let mut head = vec![0x80 | client.opcode(), 0xff];
    head.extend((limits::MESSAGE_BYTES + 1).to_be_bytes());
    after(client, &[head.as_slice(), &[1, 2, 3, 4]].concat())
}

fn draining(stage: &Stage<'_>) -> DropReason {
    let mut node = Node::start(1);
    let mut client = stage.enter_at(&node, "ann");
    node.signal("-TERM");
    let reason = closed(&mut client);
    drop(client);
    assert!(node.wait(Duration::from_secs(20)).success());
    reason
}

/// Asks for much more than anybody takes, in one breath, and does not read meanwhile: its answers pile up.
fn slow(stage: &Stage<'_>) -> DropReason {
    let (mut client, den) = (stage.enter("ann"), stage.name("den"));
    for _ in 0..20 {
        client.post(&den, &"x".repeat(60_000));
    }
    let history = Command::History { room: room(&den), from: HistoryFrom::Newest, limit: 20, thread: None };
    let frames: Vec<u8> = (0..200).flat_map(|_| client.frame(&history).1).collect();
    after(client, &frames)
}

/// It reads, and answers no ping.
fn silent(stage: &Stage<'_>) -> DropReason {
    let node = Node::start_with(1, &["--set=limits.ping=200ms", "--set=limits.silence=1s"]);
    let client = stage.enter_at(&node, "ann");
    let (mut received, mut space) = (Vec::new(), [0; 1024]);
    loop {
        let count = read(client.socket(), &mut space).unwrap();
        assert!(count > 0, "cut without a word");
        received.extend_from_slice(&space[..count]);
        // Pings have no payload; the close frame follows them.
        while received.starts_with(&[0x89, 0]) {
            received.drain(..2);
        }
        if let [0x88, length, high, low, reason @ ..] = received.as_slice()
            && reason.len() + 2 >= usize::from(*length)
        {
            return crate::stage::known(u16::from_be_bytes([*high, *low]), &String::from_utf8_lossy(reason));
        }
    }
}

/// The node's patience with half a message is ten seconds.
fn unfinished(stage: &Stage<'_>) -> DropReason {
    let client = stage.enter("ann");
    let whole = masked(client.opcode(), b"{\"do\":\"ping\",\"id\":1}");
    after(client, &whole[..whole.len() - 1])
}

fn malformed(stage: &Stage<'_>) -> DropReason {
    // Of a message in JSON one knows where it ends; in binary, what follows a frame that is longer than its message is lost.
    let client = Client::enter(stage.node.address, BINARY, &stage.node.token("ann"));
    after(client, &masked(2, &[100, 129, 1]))
}

fn abusive(stage: &Stage<'_>) -> DropReason {
    let mut client = stage.enter("ann");
    let body = "x".repeat(limits::BODY_BYTES as usize + 1);
    let too_large = client.frame(&post(&stage.name("den"), &body, None)).1;
    for _ in 0..=limits::REFUSALS_ABUSIVE {
        // Its last words may come before our last bytes are taken.
        if client.raw(&too_large).is_err() {
            break;
        }
    }
    closed(&mut client)
}

fn reset(stage: &Stage<'_>) -> DropReason {
    let mut client = stage.enter("ann");
    let reply = stage.enter_backend().ask(&Command::Disconnect { user: name(&stage.name("ann")) });
    assert!(matches!(reply, Reply::Counted { count: 1 }), "{reply:?}");
    closed(&mut client)
}

fn token_expired(stage: &Stage<'_>) -> DropReason {
    let token = of("ann", &format!(r#","exp":{}"#, now() / 1000 + 2));
    closed(&mut Client::enter(stage.node.address, stage.tongue, &token))
}

fn not_authenticated(stage: &Stage<'_>) -> DropReason {
    let node = Node::start_with(1, &["--set=limits.auth_deadline=200ms"]);
    closed(&mut stage.open(&node))
}

fn revoked(stage: &Stage<'_>) -> DropReason {
    let user = stage.name("mallory");
    let mut client = stage.enter("mallory");
    stage.enter_backend().ask(&Command::Revoke(Revocation::User { user: name(&user) }));
    closed(&mut client)
}

fn replaced(stage: &Stage<'_>) -> DropReason {
    let node = Node::start_with(1, &["--set=room.second_connection=replaces"]);
    let mut first = stage.enter_at(&node, "ann");
    first.subscribe("den", None);
    let mut second = stage.enter_at(&node, "ann");
    second.subscribe("den", None);
    closed(&mut first)
}

fn too_many_connections(stage: &Stage<'_>) -> DropReason {
    let node = Node::start_with(1, &["--connections-per-user", "1"]);
    let _first = stage.enter_at(&node, "ann");
    let mut second = stage.open(&node);
    second.say(&Command::Authenticate { token: node.token(&stage.name("ann")) });
    closed(&mut second)
}
