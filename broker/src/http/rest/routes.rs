//! The one table of REST: which request asks which command. The router, the OpenAPI document and the reference page are
//! made from it, and where each field of a command stands follows from the row.

use hyper::Method;
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::rest::{self, Shape};
use std::fmt::Write;

pub struct Route {
    pub method: Method,
    /// A segment in braces is a field of the command.
    pub path: &'static str,
    pub command: CommandKind,
    pub says: &'static str,
    /// Something new comes of it: answered by 201, unless it was there already.
    pub makes: bool,
    /// A field that the row itself says, as JSON.
    pub fixed: Option<(&'static str, &'static str)>,
    pub example: Example,
}

/// One request that is right, in a story that the table tells from its first row to its last. `$PLACE` stands for the
/// place of the message that was posted last.
pub struct Example {
    pub path: &'static str,
    pub body: &'static str,
    pub key: Option<&'static str>,
}

/// Where a request has a field of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Path,
    Query,
    /// [`KEY_HEADER`].
    Header,
    Body,
    /// Nowhere: the row says it.
    Row,
}

/// A message's duplicate key.
pub const KEY_HEADER: &str = "idempotency-key";
const ROOM: &str = "/v1/rooms/{room}";
const DIRECT: &str = "/v1/direct/{direct}";

macro_rules! routes {
    ($($method:ident $path:literal $command:ident $says:literal $(makes $makes:literal)? $(fixed $field:literal $json:literal)?
       => $example:literal $($body:literal)? $(key $key:literal)?;)+) => {
        pub const ROUTES: &[Route] = &[$(Route {
            method: Method::$method,
            path: $path,
            command: CommandKind::$command,
            says: $says,
            makes: false $(|| $makes)?,
            fixed: first(&[$(($field, $json))?]),
            example: Example { path: $example, body: concat!($($body)?), key: first(&[$($key)?]) },
        }),+];
    };
}

const fn first<T: Copy>(of: &[T]) -> Option<T> {
    if of.is_empty() { None } else { Some(of[0]) }
}

routes! {
    POST "/v1/rooms" Create "Makes a room; who asks owns it." makes true
        => "/v1/rooms" r#"{"room":"general","settings":{"title":"General","listed":true},"members":["bob","carol"]}"#;
    GET "/v1/rooms" ListRooms "Listed rooms of the realm, or with `mine` one's own, by name."
        => "/v1/rooms?limit=10";
    GET "/v1/rooms/{room}" Describe "What a room is, how far it has got and how many belong to it."
        => "/v1/rooms/general";
    PATCH "/v1/rooms/{room}" Update "Changes what `settings` names; the rest stays."
        => "/v1/rooms/general" r#"{"settings":{"topic":"Birds"}}"#;
    PUT "/v1/rooms/{room}/archive" Archive "Makes a room read-only." fixed "archived" "true"
        => "/v1/rooms/general/archive";
    DELETE "/v1/rooms/{room}/archive" Archive "Makes a room writable again." fixed "archived" "false"
        => "/v1/rooms/general/archive";
    GET "/v1/rooms/{room}/members" Roster "Who belongs to a room, or with `of=present` who is there now."
        => "/v1/rooms/general/members?of=members";
    PUT "/v1/rooms/{room}/members/{user}" Invite "Makes a user a member."
        => "/v1/rooms/general/members/dave" r#"{"role":"member"}"#;
    PATCH "/v1/rooms/{room}/members/{user}" SetRole "Gives a member another role."
        => "/v1/rooms/general/members/bob" r#"{"role":"owner"}"#;
    DELETE "/v1/rooms/{room}/members/{user}" RemoveMember "Ends a membership, and the user's subscriptions to the room."
        => "/v1/rooms/general/members/dave";
    POST "/v1/rooms/{room}/join" Join "Becomes a member."
        => "/v1/rooms/general/join";
    POST "/v1/rooms/{room}/leave" Leave "Ends one's own membership."
        => "/v1/rooms/general/leave";
    POST "/v1/rooms/{room}/messages" Post "Posts a message. With the same `Idempotency-Key` it is posted once, however often it is sent." makes true
        => "/v1/rooms/general/messages?ack=local" r#"{"body":"The first swallow is here.","mentions":["bob"]}"# key "swallow-1";
    GET "/v1/rooms/{room}/messages" History "A page of messages, oldest first; the newest ones where nothing else is said. `Link` names the pages before and after."
        => "/v1/rooms/general/messages?limit=20";
    PUT "/v1/rooms/{room}/messages/{target}" Edit "Says one's own message anew."
        => "/v1/rooms/general/messages/$PLACE" r#"{"body":"The first two swallows are here."}"#;
    PUT "/v1/rooms/{room}/messages/{target}/reactions/{reaction}" React "Reacts to a message."
        => "/v1/rooms/general/messages/$PLACE/reactions/%2B1";
    DELETE "/v1/rooms/{room}/messages/{target}/reactions/{reaction}" Unreact "Takes a reaction back."
        => "/v1/rooms/general/messages/$PLACE/reactions/%2B1";
    PUT "/v1/rooms/{room}/messages/{target}/pin" Pin "Pins a message for the room."
        => "/v1/rooms/general/messages/$PLACE/pin";
    DELETE "/v1/rooms/{room}/messages/{target}/pin" Unpin "Takes a pin back."
        => "/v1/rooms/general/messages/$PLACE/pin";
    PUT "/v1/rooms/{room}/read" MarkRead "Raises one's own watermark."
        => "/v1/rooms/general/read" r#"{"place":[$PLACE]}"#;
    DELETE "/v1/rooms/{room}/messages/{target}" Delete "Deletes a message; a stub stays in its place."
        => "/v1/rooms/general/messages/$PLACE";
    POST "/v1/broadcasts" Broadcast "Posts one message to many rooms. `refused` names those that did not take it, by their position in `rooms`."
        => "/v1/broadcasts" r#"{"rooms":["general","random"],"body":"We restart at noon."}"# key "noon-17";
    GET "/v1/unread" UnreadSummary "One's own rooms with unread counts and last lines."
        => "/v1/unread";
    POST "/v1/presence" QueryPresence "What users do now."
        => "/v1/presence" r#"{"users":["bob","carol"]}"#;
    GET "/v1/users" Users "Users that the realm has seen."
        => "/v1/users?limit=10";
    POST "/v1/users/{user}/direct" DirectRoom "The room of oneself and this user, made when it is asked for first. Its name is for `/v1/direct/…`."
        => "/v1/users/bob/direct";
    POST "/v1/users/{user}/disconnect" Disconnect "Ends all connections of a user."
        => "/v1/users/bob/disconnect";
    POST "/v1/revocations" Revoke "Revokes a token, a user, or what a user was issued before a time (Unix milliseconds)."
        => "/v1/revocations" r#"{"token_id":"3f2c9a"}"#;
    PUT "/v1/names/{name}" TakeName "Takes a name that is unique in the realm."
        => "/v1/names/swallow" r#"{"holder":"general"}"#;
    DELETE "/v1/names/{name}" ReleaseName "Gives it back; only its holder can."
        => "/v1/names/swallow?holder=general";
    POST "/v1/counters/{counter}" TakeNumbers "Takes rising numbers that nobody else gets."
        => "/v1/counters/tickets" r#"{"count":5}"#;
    DELETE "/v1/rooms/{room}" DeleteRoom "Deletes a room with its messages and members."
        => "/v1/rooms/general";
    DELETE "/v1/users/{user}" Erase "Erases a user: memberships end, bodies go, in steps. `count`: of how many rooms it was a member."
        => "/v1/users/dave";
}

impl Route {
    /// The path of the same for a room of two.
    pub fn direct(&self) -> Option<String> {
        use CommandKind as K;
        let talk = matches!(
            self.command,
            K::Post
                | K::History
                | K::Edit
                | K::Delete
                | K::React
                | K::Unreact
                | K::Pin
                | K::Unpin
                | K::MarkRead
                | K::Roster
                | K::Describe
        );
        talk.then(|| self.path.replacen(ROOM, DIRECT, 1))
    }

    pub fn source(&self, word: &str) -> Source {
        if self.path.contains(&format!("{{{word}}}")) {
            Source::Path
        } else if self.fixed.is_some_and(|(field, _)| field == word) {
            Source::Row
        } else if word == "key" {
            Source::Header
        } else if word == "ack" || matches!(self.method, Method::GET | Method::DELETE) {
            Source::Query
        } else {
            Source::Body
        }
    }

    /// The example as a shell says it.
    pub fn curl(&self) -> String {
        let example = &self.example;
        let mut line = "curl -sS --fail-with-body".to_owned();
        if self.method != Method::GET {
            let _ = write!(line, " -X {}", self.method);
        }
        let _ = write!(line, " \"$ROOKERY{}\" -H \"Authorization: Bearer $TOKEN\"", example.path);
        if let Some(key) = example.key {
            let _ = write!(line, " -H 'Idempotency-Key: {key}'");
        }
        if !example.body.is_empty() {
            // The shell fills in a place; nothing else in the body means something to it.
            let body = example.body.replace("$PLACE", "'\"$PLACE\"'");
            let _ = write!(line, " \\\n    -H 'Content-Type: application/json' -d '{body}'");
        }
        line
    }

    /// The command's fields that come from there.
    pub fn fields(&self, source: Source) -> Vec<Shape> {
        rest::command(self.command).into_iter().filter(|shape| self.source(shape.word) == source).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_are_unique_and_name_fields_that_are_there() {
        let mut seen = HashSet::new();
        for route in ROUTES {
            assert!(seen.insert((route.method.clone(), route.path)), "{}", route.path);
            assert!(route.says.ends_with('.'), "{}", route.path);
            let words: Vec<_> = rest::command(route.command).iter().map(|shape| shape.word).collect();
            let named = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
            for word in named.chain(route.fixed.map(|(field, _)| field)) {
                assert!(words.contains(&word), "{}: {word}", route.path);
            }
            // A path cannot be without one of its segments.
            assert!(route.fields(Source::Path).iter().all(|shape| shape.required), "{}", route.path);
            assert_eq!(route.example.key.is_some(), !route.fields(Source::Header).is_empty(), "{}", route.path);
        }
    }

    /// What can be asked without a connection can be asked here, but for search, which no node offers yet.
    #[test]
    fn no_command_is_left_out() {
        use CommandKind as K;
        let absent = [
            K::Authenticate,
            K::Refresh,
            K::Resume,
            K::Ping,
            K::SetStatus,
            K::Subscribe,
            K::Unsubscribe,
            K::Typing,
            K::Search,
        ];
        for kind in CommandKind::ALL {
            let here = ROUTES.iter().any(|route| route.command == *kind);
            assert_eq!(here, !absent.contains(kind), "{kind:?}");
        }
    }
}
