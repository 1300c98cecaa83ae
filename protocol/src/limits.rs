//! Every limit of the core, in one table: name, default, unit, and why it is what it is.
//!
//! `docs/reference/limits.md` is made from this table and checked against it.

macro_rules! limits {
    ($($name:ident = $value:literal $unit:literal $why:literal)+) => {
        $(#[doc = $why] pub const $name: u64 = $value;)+
        /// (name, default, unit, why)
        pub const ALL: &[(&str, u64, &str, &str)] = &[$((stringify!($name), $value, $unit, $why)),+];
    };
}

limits! {
    MESSAGE_BYTES = 65536 "bytes" "Largest message on a connection, all fragments together; larger is closed with 1009."
    MESSAGE_BYTES_BEFORE_AUTH = 16384 "bytes" "A stranger gets less room than a user."
    MESSAGE_FRAGMENTS = 64 "fragments" "Fragments of one message; empty ones count."
    MESSAGE_FINISH_MS = 10000 "ms" "From a message's first byte to its last."
    BODY_BYTES = 61440 "bytes" "Largest body of a post or edit; leaves room for what stands around it in a message."
    METADATA_BYTES = 8192 "bytes" "Largest opaque JSON value of a message or a room."
    TEXT_FIELD_BYTES = 1024 "bytes" "Titles, topics, status texts, display names, addresses of attachments."
    TOKEN_BYTES = 8192 "bytes" "Largest token."
    TOKEN_PATTERNS = 256 "patterns" "Room patterns of a token, in all its claims."
    TOKEN_LEEWAY_S = 60 "s" "Most that the clocks of a signer and a node may be configured to differ."
    KEY_SET_BYTES = 262144 "bytes" "Largest key set (JWKS) that is read."
    KEY_SET_KEYS = 64 "keys" "Keys of one key set; the others are left out, and logged."
    HOOK_ANSWER_BYTES = 65536 "bytes" "Largest answer of a hook that is read."
    HOOK_WAITING = 1024 "questions" "Questions to one realm's hook that wait for their turn; more are without a ruling at once."
    HOOK_AT_ONCE = 1024 "questions" "Most questions to one hook that may be configured to be under way at a time."
    HOOK_DEADLINE_MS = 10000 "ms" "Longest deadline of a hook that may be configured."
    HOOK_KEEP_MS = 60000 "ms" "Longest time that a hook's answer may be configured to be kept."
    HOOK_KEPT = 16384 "answers" "Allowed before, and not asked about again: per realm and shard; the oldest goes first."
    MENTIONS = 32 "users" "Users mentioned by one message."
    ATTACHMENTS = 16 "attachments" "Attachments of one message."
    JSON_DEPTH = 16 "levels" "Nesting of a JSON message, metadata included."
    ROOMS_PER_FRAME = 256 "rooms" "Rooms in one subscribe, resume or broadcast."
    ROOMS_PER_CONNECTION = 256 "rooms" "Subscriptions of one connection."
    FRAMES_PER_MESSAGE = 64 "frames" "Binary frames in one WebSocket message."
    CREATE_MEMBERS = 256 "users" "Members named when a room is created."
    PRESENCE_QUERY_USERS = 256 "users" "Users in one presence query."
    PAGE_LIMIT = 200 "rows" "Rows of one page of history, roster, rooms, users or unread; more is cut to this."
    PAGE_DEFAULT = 50 "rows" "Rows of a page when no limit is given."
    CONNECTIONS_PER_USER = 10 "connections" "Live connections of one user, unless the class says otherwise."
    AUTH_DEADLINE_MS = 10000 "ms" "From the upgrade to an accepted token."
    PING_MS = 25000 "ms" "The server pings a connection that was silent for this long."
    SILENCE_MS = 60000 "ms" "A connection silent for this long is closed."
    COMMANDS_PER_SECOND = 200 "commands/s" "Token bucket of a connection."
    COMMANDS_BURST = 1000 "commands" "Depth of that bucket."
    USER_COMMANDS_PER_SECOND = 400 "commands/s" "Token bucket of a user, over all its connections."
    USER_COMMANDS_BURST = 2000 "commands" "Depth of that bucket."
    ROOM_EVENTS_PER_SECOND = 5000 "events/s" "Token bucket of a room."
    ROOM_EVENTS_BURST = 10000 "events" "Depth of that bucket."
    IN_FLIGHT_PER_CONNECTION = 1024 "commands" "Commands of a connection that are not answered yet; more are `busy`."
    TURN_MICROS = 1000 "µs" "A turn ends after this time."
    TURN_COMMANDS = 512 "commands" "A turn ends after this many commands."
    AWAKE_MICROS = 100 "µs" "A shard that serves one conversation waits this long for its next message before it sleeps."
    AWAKE_TURNS = 8 "turns" "Turns of one command each, this close to each other, make such a conversation."
    TURN_FRAMES_PER_CONNECTION = 64 "frames" "One connection gives at most this many frames to a turn."
    STRANGERS_AT_A_TIME = 4 "sockets" "Sockets that are not upgraded yet and go on before the shard looks at all of them."
    CHUNK_BYTES = 65536 "bytes" "Largest chunk; a larger event is a chunk of its own."
    CALLS_PER_SHARD = 1024 "requests" "Commands without a connection (REST) that wait for their answer on one shard; more are `busy`."
    CALL_WAIT_MS = 30000 "ms" "How long such a command waits for its answer; then it is `unsure`."
    REQUEST_BODY_MS = 10000 "ms" "From a request's head to the last byte of its body."
    LANE_BYTES = 8388608 "bytes" "From one shard to another: bytes under way."
    LANE_PARCELS = 1024 "parcels" "From all shards to one: parcels under way."
    LANE_COMMANDS = 16384 "commands" "From one shard to another: commands without their reply."
    OUTBOX_SHED_BYTES = 65536 "bytes" "Above this a connection gets no signals."
    OUTBOX_HIGH_BYTES = 262144 "bytes" "Above this its subscriptions fall back to catching up."
    OUTBOX_LOW_BYTES = 65536 "bytes" "Below this they pull the next page."
    OUTBOX_CUT_BYTES = 1048576 "bytes" "Replies alone above this cut the connection."
    PINNED_BYTES = 268435456 "bytes" "Of chunks that wait in outboxes, per home shard; above this only outboxes below their low mark are pushed to."
    ALONE_BYTES = 268435456 "bytes" "Of replies that wait and messages that are not finished, per shard; above this the connections that hold most are cut."
    SLOW_MS = 10000 "ms" "A connection whose socket took no byte for this long is cut."
    DRAIN_SPREAD_MS = 5000 "ms" "Clients of a node that stops are told to come back at different times within this."
    RECENT_EVENTS = 1024 "events" "Events of a room that replay without the store."
    RECENT_BYTES = 1048576 "bytes" "Bytes of those events."
    REPLAY_PAGE_EVENTS = 64 "events" "Events of one page of replay; pages have fixed boundaries."
    ROOM_IN_FLIGHT = 1024 "proposals" "Proposals of a room that have no place yet, or are not confirmed; more are `busy`."
    ROOM_WAITING = 1024 "commands" "Commands that wait for a room that is loading, or for a proposal in flight."
    STREAMS_PER_ROOM = 4096 "streams" "Duplicate streams that a room keeps at hand; others are looked up."
    EFFECTS_PENDING = 1024 "effects" "Effects on other rooms that a room keeps until they are confirmed."
    RESUME_MS = 2592000000 "ms" "How far back a resume may reach: changes that are older go, unless the class says otherwise."
    PRESENCE_GRACE_MS = 10000 "ms" "Leaving is announced after this, unless the class or dialect says otherwise."
    PRESENCE_SMALL = 32 "users" "Up to this size comings and goings are told one by one."
    PRESENCE_MEDIUM = 1000 "users" "Up to this size they are told in batches; above, as a count and a sample."
    PRESENCE_BATCH_MS = 1000 "ms" "Batches of a medium room and counts of a huge one come this often."
    PRESENCE_SAMPLE = 16 "users" "Users of a huge room's sample."
    SUMMARY_MS = 1000 "ms" "A summary subscription is told at most this often."
    SUMMARY_LINE_BYTES = 160 "bytes" "Of a summary's line."
    NUMBER_BLOCK = 64 "numbers" "Numbers that the directory hands out at once."
    MEMORY_STORE_MESSAGES = 65536 "messages" "Per room, in the memory store; older ones go."
    REFUSALS_ABUSIVE = 1000 "refusals" "Malformed or rate-limited commands within a minute that cut a connection."
}

// Relations that the design leans on.
const _: () = {
    assert!(OUTBOX_LOW_BYTES <= OUTBOX_SHED_BYTES && OUTBOX_SHED_BYTES < OUTBOX_HIGH_BYTES);
    assert!(OUTBOX_HIGH_BYTES < OUTBOX_CUT_BYTES);
    // A page must fit between the marks, or a lagging subscription could never be fed below its high mark.
    assert!(OUTBOX_LOW_BYTES + CHUNK_BYTES <= OUTBOX_HIGH_BYTES);
    assert!(BODY_BYTES < MESSAGE_BYTES && MESSAGE_BYTES_BEFORE_AUTH > TOKEN_BYTES);
    assert!(PING_MS * 2 < SILENCE_MS);
    assert!(REPLAY_PAGE_EVENTS <= RECENT_EVENTS);
    assert!(PAGE_DEFAULT <= PAGE_LIMIT);
};
