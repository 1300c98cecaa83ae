//! One row per command: its number and word on the wire, where it is decided, and what it asks of the principal.

use crate::command::Command;
use crate::reply::ReplyKind;

/// Where a command is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// At the connection's edge.
    Edge,
    /// At the home of the room it names.
    Room,
    /// At the principal's own inbox.
    Inbox,
    /// At the lobby of the principal's organisation or realm.
    Lobby,
    /// At the directory of the principal's organisation or realm.
    Directory,
}

/// What a command needs before anything else is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    Principal,
    Backend,
}

/// What a token's `can` claim may grant as a whole; see [`crate::principal::Grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Of the connection itself, or split into commands of rooms: always allowed.
    Session,
    /// Changes nothing that others see.
    Read,
    /// Speaks, and takes part.
    Write,
    /// Changes what a room is, and who may be in it; and what backends do.
    Manage,
}

/// One command of the vocabulary.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub number: u8,
    pub word: &'static str,
    pub home: Home,
    pub needs: Needs,
    pub group: Group,
    /// Places an event in its room, so the room's limits apply.
    pub places: bool,
    pub sentence: &'static str,
}

macro_rules! catalog {
    ($($number:literal $word:literal $variant:ident $home:ident $needs:ident $group:ident $places:literal $sentence:literal)+) => {
        pub const ROWS: &[Row] = &[$(Row {
            number: $number, word: $word, home: Home::$home, needs: Needs::$needs, group: Group::$group,
            places: $places, sentence: $sentence,
        }),+];

        /// The same rows as an enum, for tables that must not leave one out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum CommandKind { $($variant = $number),+ }

        impl CommandKind {
            pub const ALL: &'static [CommandKind] = &[$(CommandKind::$variant),+];

            pub const fn row(self) -> &'static Row {
                match self { $(CommandKind::$variant => const { row($number) }),+ }
            }

            pub fn from_word(word: &str) -> Option<CommandKind> {
                match word { $($word => Some(CommandKind::$variant),)+ _ => None }
            }

            pub fn from_number(number: u64) -> Option<CommandKind> {
                match number { $($number => Some(CommandKind::$variant),)+ _ => None }
            }
        }

        impl Command {
            pub fn kind(&self) -> CommandKind {
                match self { $(Command::$variant { .. } => CommandKind::$variant),+ }
            }

            pub fn row(&self) -> &'static Row {
                match self { $(Command::$variant { .. } => const { row($number) }),+ }
            }
        }
    };
}

catalog! {
    1  "authenticate"   Authenticate  Edge      Nothing   Session false "Say who you are; again, to become somebody else."
    2  "refresh"        Refresh       Edge      Principal Session false "A newer token for the same user."
    3  "resume"         Resume        Edge      Nothing   Session false "Authenticate and subscribe with cursors, in one frame."
    4  "ping"           Ping          Edge      Nothing   Session false "Answered with the node's time."
    5  "set_status"     SetStatus     Lobby     Principal Write   false "Online, away, busy or offline, with a text."
    6  "query_presence" QueryPresence Lobby     Principal Read    false "Status of up to 256 users."
    10 "subscribe"      Subscribe     Room      Principal Read    false "Receive the events of rooms, from now on or from a cursor."
    11 "unsubscribe"    Unsubscribe   Room      Principal Session false "Receive no more."
    12 "post"           Post          Room      Principal Write   true  "A message."
    13 "edit"           Edit          Room      Principal Write   true  "One's own message, anew."
    14 "delete"         Delete        Room      Principal Write   true  "One's own message, or any as admin; a stub stays."
    15 "react"          React         Room      Principal Write   true  "To a message."
    16 "unreact"        Unreact       Room      Principal Write   true  "Take a reaction back."
    17 "pin"            Pin           Room      Principal Manage  true  "A message, for the room."
    18 "unpin"          Unpin         Room      Principal Manage  true  "Take a pin back."
    19 "mark_read"      MarkRead      Room      Principal Read    false "Raise one's watermark."
    20 "typing"         Typing        Room      Principal Write   false "Told to the room, kept nowhere."
    21 "history"        History       Room      Principal Read    false "A page of messages."
    22 "roster"         Roster        Room      Principal Read    false "A page of members, or of who is here."
    23 "create"         Create        Room      Principal Manage  true  "A room, with its first members; the creator owns it."
    24 "update"         Update        Room      Principal Manage  true  "Title, topic, description, access, listing."
    25 "archive"        Archive       Room      Principal Manage  true  "Read-only, or writable again."
    26 "delete_room"    DeleteRoom    Room      Principal Manage  true  "With its messages and members."
    27 "join"           Join          Room      Principal Write   true  "Become a member."
    28 "leave"          Leave         Room      Principal Write   true  "Be a member no more."
    29 "invite"         Invite        Room      Principal Manage  true  "Make somebody a member."
    30 "remove_member"  RemoveMember  Room      Principal Manage  true  "Ends the user's subscriptions too."
    31 "set_role"       SetRole       Room      Principal Manage  true  "Member, admin or owner."
    32 "describe"       Describe      Room      Principal Read    false "What a room is, without subscribing to it."
    40 "list_rooms"     ListRooms     Directory Principal Read    false "Listed rooms of the realm, or one's own."
    41 "direct_room"    DirectRoom    Directory Principal Write   true  "The room of oneself and another user, the same from either side."
    42 "users"          Users         Directory Principal Read    false "Users that the realm has seen."
    43 "search"         Search        Directory Principal Read    false "Messages by their words."
    44 "unread_summary" UnreadSummary Inbox     Principal Read    false "One's rooms with unread counts and last lines."
    60 "broadcast"      Broadcast     Edge      Backend   Session true  "One message to many rooms."
    61 "disconnect"     Disconnect    Inbox     Backend   Manage  false "All connections of a user."
    62 "revoke"         Revoke        Directory Backend   Manage  true  "A token, a user, or a user's tokens issued before a time."
    63 "erase"          Erase         Inbox     Backend   Manage  true  "A user, with memberships and bodies."
    64 "take_name"      TakeName      Directory Backend   Manage  true  "A name that is unique in the realm."
    65 "release_name"   ReleaseName   Directory Backend   Manage  true  "By its holder."
    66 "take_numbers"   TakeNumbers   Directory Backend   Manage  true  "A block of rising numbers of a counter."
}

const fn row(number: u8) -> &'static Row {
    let mut i = 0;
    while i < ROWS.len() {
        if ROWS[i].number == number {
            return &ROWS[i];
        }
        i += 1;
    }
    panic!("no such row")
}

/// What a command gets when it is done. One that names several rooms gets one for each.
pub const fn answers(kind: CommandKind) -> &'static [ReplyKind] {
    use CommandKind as K;
    use ReplyKind as R;
    match kind {
        K::Authenticate => &[R::Welcome],
        K::Refresh | K::SetStatus | K::MarkRead | K::Typing => &[R::Done],
        K::Resume => &[R::Welcome, R::Subscribed],
        K::Ping => &[R::Pong],
        K::QueryPresence => &[R::Presence],
        K::Subscribe => &[R::Subscribed],
        K::Unsubscribe => &[R::Unsubscribed],
        K::History | K::Search => &[R::History],
        K::Roster => &[R::Roster],
        K::Describe => &[R::Described],
        K::ListRooms => &[R::Rooms],
        K::DirectRoom => &[R::Direct],
        K::Users => &[R::Users],
        K::UnreadSummary => &[R::Unread],
        K::Broadcast => &[R::Broadcast],
        K::Disconnect | K::Revoke | K::Erase => &[R::Counted],
        K::TakeNumbers => &[R::Numbers],
        K::Post | K::Edit | K::Delete | K::Create | K::DeleteRoom => &[R::Placed],
        K::React
        | K::Unreact
        | K::Pin
        | K::Unpin
        | K::Update
        | K::Archive
        | K::Join
        | K::Leave
        | K::Invite
        | K::RemoveMember
        | K::SetRole
        | K::TakeName
        | K::ReleaseName => &[R::Placed, R::Done],
    }
}

pub fn by_number(number: u64) -> Option<&'static Row> {
    CommandKind::from_number(number).map(CommandKind::row)
}

pub fn by_word(word: &str) -> Option<&'static Row> {
    CommandKind::from_word(word).map(CommandKind::row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_unique() {
        for (i, a) in ROWS.iter().enumerate() {
            for b in &ROWS[i + 1..] {
                assert!(a.number != b.number && a.word != b.word, "{a:?} {b:?}");
            }
        }
        assert_eq!(Command::Ping.row().word, "ping");
    }
}
