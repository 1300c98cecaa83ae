//! The closed lists of what can go wrong: errors that answer a command, and close codes that end a connection.
//!
//! Each list stands once, as rows; the enums, the documents and the wire follow from it.

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client's program.
    Client,
    /// What the user or its token may do, or the state of the room.
    Policy,
    /// The node or what it leans on.
    Server,
}

/// Whether the same command may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// After something else changed: a membership, a name, a token.
    AfterChange,
    /// After the delay in the refusal, with the same duplicate key.
    Later,
}

macro_rules! error_table {
    ($($number:literal $variant:ident $word:literal $fault:ident $retry:ident $status:literal $sentence:literal $advice:literal)+) => {
        /// Why a command was refused. From 40 on: what only a request over HTTP can do wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum ErrorCode { $($variant = $number),+ }

        impl ErrorCode {
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),+];
            pub const fn word(self) -> &'static str { match self { $(ErrorCode::$variant => $word),+ } }
            pub const fn fault(self) -> Fault { match self { $(ErrorCode::$variant => Fault::$fault),+ } }
            pub const fn retry(self) -> Retry { match self { $(ErrorCode::$variant => Retry::$retry),+ } }
            /// What HTTP says of it.
            pub const fn status(self) -> u16 { match self { $(ErrorCode::$variant => $status),+ } }
            pub const fn sentence(self) -> &'static str { match self { $(ErrorCode::$variant => $sentence),+ } }
            /// What a client does about it.
            pub const fn advice(self) -> &'static str { match self { $(ErrorCode::$variant => $advice),+ } }
            pub fn from_number(n: u64) -> Option<ErrorCode> { match n { $($number => Some(ErrorCode::$variant),)+ _ => None } }
            pub fn from_word(word: &str) -> Option<ErrorCode> { match word { $($word => Some(ErrorCode::$variant),)+ _ => None } }
        }
    };
}

// Each row: number, name, whose fault, whether again, status, what it means, what a client does about it. 30 was taken once.
error_table! {
    1  Malformed          "malformed"            Client Never       400 "The frame or a field of it does not follow the protocol; the detail names which."
        "Mend the program; the detail names the field."
    2  UnknownCommand     "unknown_command"      Client Never       404 "There is no command of this name or number."
        "Mend the program, or do without what this node does not know."
    3  TooLarge           "too_large"            Client Never       413 "The body, a field or a list is larger than the limit that the detail names."
        "Send less, or in parts; the detail names the limit."
    4  NotAuthenticated   "not_authenticated"    Policy AfterChange 401 "Authenticate first."
        "Send `authenticate` (a request: the header `Authorization`) first."
    5  BadToken           "bad_token"            Policy AfterChange 401 "The token is not one that this realm accepts."
        "Get another token; `rookery token explain` says to an operator what is wrong."
    6  TokenExpired       "token_expired"        Policy AfterChange 401 "The token has ended; get a new one."
        "Get a newer token, and authenticate with it."
    7  Revoked            "revoked"              Policy AfterChange 401 "The token or its user was revoked."
        "Sign in anew; the old token never works again."
    8  NotAllowed         "not_allowed"          Policy AfterChange 403 "The principal may not do this here."
        "Tell the user; ask for rights or a token that grants it."
    9  NoSuchRoom         "no_such_room"         Policy AfterChange 404 "There is no such room, or it may not be known to you."
        "Tell the user; create the room, or ask for an invitation."
    10 RoomExists         "room_exists"          Policy Never       409 "A room of this name exists already."
        "Take another name, or use the room that is there."
    11 RoomArchived       "room_archived"        Policy AfterChange 409 "The room is archived: it can be read, not written."
        "Show the room as read-only."
    12 NotAMember         "not_a_member"         Policy AfterChange 403 "The user is not a member of the room."
        "Join, or ask to be invited."
    13 NoSuchMessage      "no_such_message"      Policy Never       404 "There is no message at this place, or it is deleted."
        "Take it off the screen."
    14 NoSuchUser         "no_such_user"         Policy Never       404 "There is no such user in the realm."
        "Tell the user."
    15 NotSubscribed      "not_subscribed"       Client AfterChange 409 "This connection is not subscribed to the room."
        "Subscribe first, or name the room instead of its number."
    16 RateLimited        "rate_limited"         Policy Later       429 "Faster than the limit that the detail names."
        "Wait for `retry_ms`, and send less."
    17 TooManyRooms       "too_many_rooms"       Policy AfterChange 409 "The connection is subscribed to as many rooms as it may be."
        "Unsubscribe from rooms that nobody looks at."
    18 TooManyConnections "too_many_connections" Policy AfterChange 429 "The user has as many connections as it may have."
        "Close another connection of the user first."
    19 NameTaken          "name_taken"           Policy Never       409 "Somebody else holds this name."
        "Take another name."
    20 Unexpected         "unexpected"           Policy AfterChange 412 "The room's last place is not the expected one."
        "Read what is new, and decide again."
    21 LevelUnavailable   "level_unavailable"    Client Never       400 "The configured store cannot reach this ack level."
        "Ask for a lower level, or for none."
    22 NotAvailable       "not_available"        Server Never       501 "This node does not offer it."
        "Do without it on this node."
    23 Overtaken          "overtaken"            Policy AfterChange 409 "Another event came between and the command no longer holds."
        "Read what is new, and decide again."
    24 Busy               "busy"                 Server Later       503 "A queue on the way is full; nothing was done."
        "Wait, and send it again with its key."
    25 ReadOnly           "read_only"            Server Later       503 "The store does not take writes at present; nothing was done."
        "Keep it, say that nothing can be written at present, and try again."
    26 NotStored          "not_stored"           Server Later       503 "The event had a place but could not be stored; it was taken back."
        "Send it again with its key."
    27 Unsure             "unsure"               Server Later       503 "Nobody can say whether it was done; the same duplicate key makes a retry safe."
        "Send it again with its key: it is done once."
    28 Draining           "draining"             Server Later       503 "The node is about to stop; come back and resume."
        "Go to another node, or come back, and send it again with its key."
    29 LastOwner          "last_owner"           Policy AfterChange 409 "A room keeps at least one owner."
        "Make somebody else an owner first."
    31 NotDurable         "not_durable"          Server Later       503 "It is on this node's disk and not yet where the store makes it durable; it will be. The same duplicate key asks again."
        "Nothing is lost: ask again with its key, or be content with `local`."
    32 NoRuling           "no_ruling"            Server Later       503 "The backend that decides on this gave no answer that can be used; nothing was done."
        "Wait, and send it again with its key; the operator sees to the backend."
    40 NoSuchPath         "no_such_path"         Client Never       404 "There is nothing at this path."
        "Mend the program; `/v1/docs` shows all paths."
    41 WrongMethod        "wrong_method"         Client Never       405 "The path is there, but not for this method; the header Allow names those it takes."
        "Mend the program."
    42 WrongType          "wrong_type"           Client Never       415 "A request's body is JSON, and its Content-Type says so."
        "Send JSON, and say `Content-Type: application/json`."
    43 TooSlow            "too_slow"             Client Later       408 "The request's body did not come in time; nothing was done."
        "Send it again, in one go."
}

macro_rules! close_table {
    ($($code:literal $variant:ident $word:literal $sentence:literal $advice:literal)+) => {
        /// Why a connection ended, as seen by the node; each has one close code in the native languages.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DropReason { $($variant),+ }

        impl DropReason {
            pub const ALL: &'static [DropReason] = &[$(DropReason::$variant),+];
            /// 4000-4099: come back and resume. 4100-4199: come back afresh. 4200-4299: get a new token first. 4300-4399: do not come back.
            pub const fn close_code(self) -> u16 { match self { $(DropReason::$variant => $code),+ } }
            pub const fn word(self) -> &'static str { match self { $(DropReason::$variant => $word),+ } }
            pub const fn sentence(self) -> &'static str { match self { $(DropReason::$variant => $sentence),+ } }
            /// What a client does about it.
            pub const fn advice(self) -> &'static str { match self { $(DropReason::$variant => $advice),+ } }
        }
    };
}

// Each row: code, name, what it means, what a client does about it.
close_table! {
    1000 Left               "left"                 "The client closed the connection, or its socket ended."
        "Whatever it meant to do."
    1002 ProtocolError      "protocol_error"       "The bytes were no WebSocket messages as RFC 6455 wants them."
        "Mend the program or the proxy between; come back afresh."
    1003 WrongForm          "wrong_form"           "Text where the language is binary, or binary where it is text."
        "Mend the program: text for `rookery.v1.json`, binary for `rookery.v1.binary`."
    1007 BadText            "bad_text"             "A text message or close reason was not UTF-8."
        "Mend the program; come back afresh."
    1009 TooBig             "too_big"              "A message was larger than the limit, or had too many fragments."
        "Send less at once; come back afresh."
    1011 Internal           "internal"             "The node met a fault of its own and stops."
        "Come back and resume; the operator finds the reason in the log."
    4000 Draining           "draining"             "The node is about to stop: come back (elsewhere) and resume."
        "Come back after the time that the reason names, and resume."
    4001 Slow               "slow"                 "The connection took no byte for too long: come back and resume."
        "Come back and resume; read faster, or subscribe to less."
    4002 Silent             "silent"               "Nothing was heard for too long: come back and resume."
        "Come back and resume; answer pings."
    4003 Lagged             "lagged"               "The connection lagged further behind than its language can be told."
        "Come back and resume."
    4004 Greedy             "greedy"               "The node is short of memory, and this connection held the most of it: come back and resume."
        "Come back and resume; read what is asked for, and finish what is begun."
    4100 Unfinished         "unfinished"           "A message was begun and not finished in time."
        "Come back afresh; send whole messages."
    4101 Malformed          "malformed"            "A frame could not be read, so what follows it cannot be either."
        "Mend the program; come back afresh."
    4102 Abusive            "abusive"              "Too many refused commands in a short time."
        "Mend the program: heed refusals; come back afresh."
    4103 Reset              "reset"                "The user was disconnected by a backend: come back afresh."
        "Come back afresh."
    4200 TokenExpired       "token_expired"        "The token ended and was not refreshed."
        "Get a newer token, come back and resume; `refresh` in time avoids it."
    4201 NotAuthenticated   "not_authenticated"    "No token was given in time, or it was refused."
        "Get a token, and send it within the time that `limits.auth_deadline` gives."
    4202 Revoked            "revoked"              "The token or its user was revoked."
        "Sign in anew."
    4300 Replaced           "replaced"             "A newer connection of this user took this one's place."
        "Stay away: the user is elsewhere now."
    4301 TooManyConnections "too_many_connections" "The user has as many connections as it may have."
        "Stay away until another connection of the user is closed."
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_are_unique_and_say_something() {
        let words: HashSet<_> = ErrorCode::ALL.iter().map(|e| e.word()).collect();
        assert_eq!(words.len(), ErrorCode::ALL.len());
        for e in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(u64::from(*e as u16)), Some(*e));
            assert_eq!(ErrorCode::from_word(e.word()), Some(*e));
            assert!(e.sentence().ends_with('.') && e.advice().ends_with('.'));
            assert!((400..600).contains(&e.status()), "{e:?}");
            // Whoever is told to come back later is not told that it was the request.
            let later = matches!(e.status(), 408 | 429 | 503);
            assert_eq!(later, e.retry() == Retry::Later || *e == ErrorCode::TooManyConnections, "{e:?}");
        }
        let codes: HashSet<_> = DropReason::ALL.iter().map(|d| d.close_code()).collect();
        assert_eq!(codes.len(), DropReason::ALL.len());
        for d in DropReason::ALL {
            assert!(matches!(d.close_code(), 1000..=1011 | 4000..=4399), "{d:?}");
            assert!(d.sentence().ends_with('.') && d.advice().ends_with('.'));
        }
    }
}
