//! Sizes and counts of a command's fields, for all dialects alike: their decoders need not know them.

use rookery_protocol::command::{Command, Post, RoomSettings};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::AckLevel;
use rookery_protocol::limits;
use rookery_protocol::reply::Refusal;

/// Refuses what is too large and cuts page limits. `reach`: the highest ack level of this node's store.
pub(super) fn check(command: &mut Command, reach: AckLevel) -> Result<(), Refusal> {
    match command {
        Command::Authenticate { token } | Command::Refresh { token } => {
            at_most(token.len(), limits::TOKEN_BYTES, "bytes of a token")
        }
        Command::Resume { token, rooms } => {
            at_most(token.as_ref().map_or(0, String::len), limits::TOKEN_BYTES, "bytes of a token")?;
            at_most(rooms.len(), limits::ROOMS_PER_FRAME, "rooms of a frame")
        }
        Command::SetStatus { text, .. } => text_field(text),
        Command::QueryPresence { users } => {
            at_most(users.len(), limits::PRESENCE_QUERY_USERS, "users of a presence query")
        }
        Command::Subscribe { rooms } => rooms_of_frame(rooms.len()),
        Command::Unsubscribe { rooms } => rooms_of_frame(rooms.len()),
        Command::Post(p) => post(p, reach),
        Command::Broadcast { rooms, post: p } => {
            rooms_of_frame(rooms.len())?;
            post(p, reach)
        }
        Command::Edit { body, metadata, ack, .. } => {
            at_most(body.len(), limits::BODY_BYTES, "bytes of a body")?;
            metadata.as_deref().map_or(Ok(()), opaque)?;
            level(*ack, reach)
        }
        Command::Delete { ack, .. } => level(*ack, reach),
        Command::Create { settings: s, members, .. } => {
            at_most(members.len(), limits::CREATE_MEMBERS, "first members")?;
            settings(s)
        }
        Command::Update { settings: s, .. } => settings(s),
        Command::Search { query, limit } => {
            page(limit);
            text_field(query)
        }
        Command::History { limit, .. }
        | Command::Roster { limit, .. }
        | Command::ListRooms { limit, .. }
        | Command::Users { limit, .. }
        | Command::UnreadSummary { limit, .. } => {
            page(limit);
            Ok(())
        }
        Command::Ping
        | Command::React { .. }
        | Command::Unreact { .. }
        | Command::Pin { .. }
        | Command::Unpin { .. }
        | Command::MarkRead { .. }
        | Command::Typing { .. }
        | Command::Archive { .. }
        | Command::DeleteRoom { .. }
        | Command::Join { .. }
        | Command::Leave { .. }
        | Command::Invite { .. }
        | Command::RemoveMember { .. }
        | Command::SetRole { .. }
        | Command::Describe { .. }
        | Command::DirectRoom { .. }
        | Command::Disconnect { .. }
        | Command::Revoke(_)
        | Command::Erase { .. }
        | Command::TakeName { .. }
        | Command::ReleaseName { .. }
        | Command::TakeNumbers { .. } => Ok(()),
    }
}

/// 0 asks for the usual page.
fn page(limit: &mut u32) {
    *limit = match u64::from(*limit) {
        0 => limits::PAGE_DEFAULT,
        n => n.min(limits::PAGE_LIMIT),
    } as u32;
}

/// Every room gets a reply; a list of none would get none.
fn rooms_of_frame(rooms: usize) -> Result<(), Refusal> {
    if rooms == 0 {
        return Err(Refusal::because(ErrorCode::Malformed, "no rooms"));
    }
    at_most(rooms, limits::ROOMS_PER_FRAME, "rooms of a frame")
}

fn post(post: &Post, reach: AckLevel) -> Result<(), Refusal> {
    at_most(post.body.len(), limits::BODY_BYTES, "bytes of a body")?;
    level(post.ack, reach)?;
    let Some(extra) = &post.extra else { return Ok(()) };
    at_most(extra.mentions.len(), limits::MENTIONS, "mentions")?;
    at_most(extra.attachments.len(), limits::ATTACHMENTS, "attachments")?;
    for attachment in &extra.attachments {
        text_field(&attachment.name)?;
        text_field(&attachment.media_type)?;
        text_field(&attachment.url)?;
    }
    opaque(&extra.metadata)
}

fn settings(settings: &RoomSettings) -> Result<(), Refusal> {
    for text in [&settings.title, &settings.topic, &settings.description].into_iter().flatten() {
        text_field(text)?;
    }
    settings.metadata.as_deref().map_or(Ok(()), opaque)
}

fn level(asked: Option<AckLevel>, reach: AckLevel) -> Result<(), Refusal> {
    match asked {
        Some(level) if level > reach => {
            Err(Refusal::because(ErrorCode::LevelUnavailable, format!("this node reaches `{}`", reach.word())))
        }
        Some(_) | None => Ok(()),
    }
}

fn text_field(text: &str) -> Result<(), Refusal> {
    at_most(text.len(), limits::TEXT_FIELD_BYTES, "bytes of a text field")
}

fn opaque(json: &str) -> Result<(), Refusal> {
    at_most(json.len(), limits::METADATA_BYTES, "bytes of metadata")
}

fn at_most(is: usize, limit: u64, of_what: &str) -> Result<(), Refusal> {
    if is as u64 <= limit {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::TooLarge, format!("at most {limit} {of_what}")))
}
