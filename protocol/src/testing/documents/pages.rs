//! The pages themselves.

use super::fields::{self, Field};
use crate::catalog::{self, CommandKind, Group, Home, Needs};
use crate::errors::{DropReason, ErrorCode, Fault, Retry};
use crate::event::{FactKind, Kind};
use crate::limits;
use crate::reply::{MarkKind, ReplyKind};
use crate::words::Worded;
use std::fmt::Write;

const MADE: &str = "<!-- Made from the tables of `protocol/src/`; a test compares. To change it, change the tables and run\n     `UPDATE_DOCS=1 cargo test -p rookery-protocol --test documents`. -->\n";

fn page(title: &str, introduction: &str) -> String {
    format!("# {title}\n\n{MADE}\n{introduction}\n")
}

fn table(out: &mut String, fields: &[Field]) {
    if fields.is_empty() {
        out.push_str("\nNo fields.\n");
        return;
    }
    out.push_str("\n| field | type | left out in JSON |\n| --- | --- | --- |\n");
    for field in fields {
        let absent = field.absent.as_deref().unwrap_or("–");
        let _ = writeln!(out, "| `{}` | {} | {absent} |", field.word, field.form);
    }
}

/// Numbers and words of a closed list.
fn list<T: Worded>(out: &mut String) {
    let values: Vec<_> = T::all().iter().map(|v| format!("{} `{}`", v.number(), v.word())).collect();
    let _ = writeln!(out, "| {} | {} |", T::LIST, values.join(", "));
}

pub fn commands() -> String {
    let mut out = page(
        "Commands",
        "What a client can ask. A command's fields stand in this order in binary, behind its kind and number; in JSON they\n\
         are the fields of the object beside `do` and `id`. [Types](types.md) says how each type is written in either\n\
         encoding; a dash in the last column means that the field must be there. [Rules](rules.md) says what they do.\n\
         A token with the claim `can` grants commands by these words, or by one of three for many: see\n\
         [tokens](../reference/tokens.md).",
    );
    for kind in CommandKind::ALL {
        let row = kind.row();
        let needs = match row.needs {
            Needs::Nothing => "nothing",
            Needs::Principal => "an authenticated connection",
            Needs::Backend => "a backend's token",
        };
        let home = match row.home {
            Home::Edge => "by the connection",
            Home::Room => "by the room",
            Home::Inbox => "by the user's inbox",
            Home::Lobby => "by the lobby",
            Home::Directory => "by the directory",
        };
        let granted = match row.group {
            Group::Session => "",
            Group::Read => "; granted with `read`",
            Group::Write => "; granted with `write`",
            Group::Manage => "; granted with `manage`",
        };
        let _ = writeln!(out, "\n## `{}`\n\n{}\n", row.word, row.sentence);
        let _ = writeln!(
            out,
            "Binary kind {}. Needs {needs}; decided {home}{}{granted}. Answered by {}, or `refused`.",
            128 + u16::from(row.number),
            if row.places { "; places an event" } else { "" },
            answers(*kind),
        );
        table(&mut out, &fields::command(*kind));
    }
    out
}

/// What a command gets when it is done, in words.
fn answers(kind: CommandKind) -> String {
    use CommandKind as K;
    // A command that names several rooms gets one reply for each.
    let special = [
        (K::Resume, "`welcome` if it has a token, then one `subscribed` per room"),
        (K::Subscribe, "one `subscribed` per room"),
        (K::Unsubscribe, "one `unsubscribed` per room"),
    ];
    if let Some((_, words)) = special.iter().find(|(special, _)| *special == kind) {
        return (*words).to_owned();
    }
    let words: Vec<_> = catalog::answers(kind).iter().map(|reply| format!("`{}`", reply.word())).collect();
    words.join("; if it was so already by ")
}

pub fn replies() -> String {
    let mut out = page(
        "Replies, marks and structures",
        "What a connection is told: one reply per command (one per room, where a command names several), and marks of its\n\
         subscriptions. In JSON a reply has `re`, the command's number, and `ok`, its word, except for `refused`, which has\n\
         `error` instead; a mark has `mark`. In binary the fields follow the kind, and in replies the number.",
    );
    out.push_str("\n## Replies\n");
    for kind in ReplyKind::ALL {
        let _ = writeln!(out, "\n### `{}`\n\nBinary kind {}.", kind.word(), *kind as u8);
        table(&mut out, &fields::reply(*kind));
    }
    out.push_str("\n## Marks\n");
    for kind in MarkKind::ALL {
        let _ = writeln!(out, "\n### `{}`\n\nBinary kind {}.", kind.word(), *kind as u8);
        table(&mut out, &fields::mark(*kind));
    }
    out.push_str("\n## Structures\n\nA JSON object; in binary a length and the fields.\n");
    for (name, fields) in fields::records() {
        let _ = writeln!(out, "\n### {}", name.replace("structure ", ""));
        table(&mut out, &fields);
    }
    out
}

pub fn events() -> String {
    let mut out = page(
        "Events and signals",
        "What happens in a room. An event has a place and is kept; a signal has none and may be shed. In JSON an event has\n\
         `ev`, `room`, `epoch` if it opens one, `seq`, `at`, `by`, and then these fields; a signal has `ev`, `room` and\n\
         these. In binary they stand in this order behind the same ([binary](binary.md), rules B12 and B13).",
    );
    out.push_str("\n## Events\n");
    for (kind, fields) in Kind::ALL.into_iter().filter_map(|kind| Some((kind, fields::event(kind)?))) {
        let _ = writeln!(out, "\n### `{}`\n\n{} Binary kind {}.", kind.word(), says(kind), kind as u8);
        table(&mut out, &fields);
    }
    out.push_str("\n### Facts\n\nWhat `recorded` goes on with, by its `fact`.\n");
    for kind in FactKind::ALL {
        let _ = writeln!(out, "\n#### {} `{}`", *kind as u8, kind.word());
        table(&mut out, &fields::fact(*kind));
    }
    out.push_str("\n## Signals\n");
    for (kind, fields) in Kind::ALL.into_iter().filter_map(|kind| Some((kind, fields::signal(kind)?))) {
        let _ = writeln!(out, "\n### `{}`\n\n{} Binary kind {}.", kind.word(), says(kind), kind as u8);
        table(&mut out, &fields);
    }
    out
}

fn says(kind: Kind) -> &'static str {
    match kind {
        Kind::Posted => "A message. Replay shows it as it is now, with a `version` if it was changed since.",
        Kind::Edited => "The message at `target`, as a whole and as it is now.",
        Kind::Deleted => "The message at `target` is a stub from here on.",
        Kind::Reacted => "`by` reacted to the message at `target`.",
        Kind::Unreacted => "`by` took a reaction back.",
        Kind::Pinned => "The message at `target` is pinned.",
        Kind::Unpinned => "The message at `target` is pinned no more.",
        Kind::Joined => "`user` is a member, by its own command or by that of `by`.",
        Kind::Left => "`user` is a member no more.",
        Kind::RoleSet => "`user` has another role.",
        Kind::Updated => "The room as it presents itself now; also the first event of a room that was created.",
        Kind::Notified => "Of one's own inbox: something elsewhere concerns this user.",
        Kind::Recorded => "Of a directory: what it decided.",
        Kind::Void => "A place without content and ordinal. It only keeps the numbering whole.",
        Kind::Typing => "`user` types, or stopped.",
        Kind::Presence => "Of a lobby: a user's status.",
        Kind::Connected => "The first connection of these users subscribed.",
        Kind::Disconnected => "The last connection of these users is gone, and the grace time is over.",
        Kind::Crowd => "Of a huge room, instead of the two before: how many are here, and some of them.",
        Kind::ReadUpTo => "`user` has read, or been delivered, everything up to `place`.",
        Kind::Report => "Of one's own inbox: `by` was delivered, or read, one's message at `place` of a direct room.",
        Kind::Replaced => "Of one's own inbox: a newer connection takes an older one's place.",
        Kind::Summary => "For a subscription that wants `summary_only`: the room's last message.",
        Kind::Retract => "What stood above `above` is gone and was promised to nobody; the room goes on at `next`.",
    }
}

pub fn errors() -> String {
    let mut out = page(
        "Errors and close codes",
        "Errors answer a command; the connection goes on, but for `too_many_connections` (4301), for a token that ends or is\n\
         revoked (4200, 4202), and for who is refused too often (4102). Numbers are for binary, names for JSON, statuses for\n\
         requests over HTTP, which alone know the errors from 40 on. `broker/tests/catalog/` sees each error and close code at\n\
         the real binary; the statuses that the binary itself ends with are in [exit codes](../reference/exit-codes.md).",
    );
    out.push_str(
        "\n## Errors\n\n| number | name | status | whose fault | the same command again | meaning | what a client does |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for code in ErrorCode::ALL {
        let fault = match code.fault() {
            Fault::Client => "the client's program",
            Fault::Policy => "rights, or the room's state",
            Fault::Server => "the node",
        };
        let retry = match code.retry() {
            Retry::Never => "never",
            Retry::AfterChange => "after something else changed",
            Retry::Later => "after `retry_ms`, or a growing delay, with the same key",
        };
        let _ = writeln!(
            out,
            "| {} | `{}` | {} | {fault} | {retry} | {} | {} |",
            *code as u16,
            code.word(),
            code.status(),
            code.sentence(),
            code.advice()
        );
    }
    out.push_str(
        "\nAn error that a client does not know is treated as one that is never tried again.\n\n\
         ## Close codes\n\n\
         The reason of the close frame is the name, a colon, and a sentence for people.\n\n\
         | range | the client |\n| --- | --- |\n\
         | 1000 to 1015 | as RFC 6455 says; 1011: comes back and resumes |\n\
         | 4000 to 4099 | comes back and resumes |\n\
         | 4100 to 4199 | comes back afresh: what it sent, or its state here, was the trouble |\n\
         | 4200 to 4299 | gets a new token first |\n\
         | 4300 to 4399 | does not come back |\n\n\
         | code | name | meaning | what a client does |\n| --- | --- | --- | --- |\n",
    );
    for reason in DropReason::ALL {
        let (code, word) = (reason.close_code(), reason.word());
        let _ = writeln!(out, "| {code} | `{word}` | {} | {} |", reason.sentence(), reason.advice());
    }
    out.push_str(
        "\nA code that a client does not know means what its range means. A connection that ends without a close frame\n\
         is one to resume. Coming back: after a random part of a second, then twice as long each time, up to 30 s.\n",
    );
    out
}

pub fn limits() -> String {
    let mut out = page(
        "Limits",
        "Every limit of the core with its default. Where a room class or an older service has its own, that is said there.",
    );
    out.push_str("\n| limit | default | unit | why |\n| --- | --- | --- | --- |\n");
    for (name, value, unit, why) in limits::ALL {
        let _ = writeln!(out, "| `{}` | {value} | {unit} | {why} |", name.to_lowercase());
    }
    out
}

pub fn words() -> String {
    let mut out = page(
        "Words",
        "The closed lists. Binary writes the number, JSON the word. Errors are in [errors.md](errors.md).",
    );
    out.push_str("\n| list | numbers and words |\n| --- | --- |\n");
    list::<crate::ids::AckLevel>(&mut out);
    list::<crate::message::BodyKind>(&mut out);
    list::<crate::ids::RoomKind>(&mut out);
    list::<crate::command::ReadMark>(&mut out);
    list::<crate::command::Status>(&mut out);
    list::<crate::command::Role>(&mut out);
    list::<crate::command::RosterOf>(&mut out);
    list::<crate::command::Access>(&mut out);
    list::<crate::event::Departure>(&mut out);
    list::<crate::event::NoticeKind>(&mut out);
    list::<FactKind>(&mut out);
    list::<crate::reply::GapReason>(&mut out);
    list::<crate::reply::EndReason>(&mut out);
    out
}
