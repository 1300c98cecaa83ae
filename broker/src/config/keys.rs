//! Every key there is. `configs/rookery.toml`, `configs/rookery.schema.json` and `docs/reference/configuration.md`
//! are made from this list and checked against it.

use super::table::{Section, sections};
use super::value::{Bytes, Hidden, HookVerb, LogLevel, SecretAlgorithm, Shards, Span, StoreEngine};
use crate::auth::hook::OnNoRuling;
use crate::net::network::Network;
use crate::net::origin::Allowed;
use rookery_engine::settings::{Deliver, OnFailure, SecondConnection};
use rookery_protocol::command::Access;
use std::net::SocketAddr;
use std::path::PathBuf;

sections! {
    /// Where the node listens and what it runs on.
    "serve" SERVE Serve {
        /// Address to listen on; port 0 lets the system choose.
        listen: SocketAddr = "\"127.0.0.1:8080\"", restart, "listen";
        /// Folder for what survives a restart; one process at a time.
        data: PathBuf = "\"./data\"", restart, "data";
        /// Threads, each with its own core; 0: one per core.
        shards: Shards = "0", restart, "shards";
        /// First core to pin shards to; the others follow.
        first_core: Option<u32> = none "1", restart, "first-core";
        /// Write to many connections in one system call, where the kernel can (Linux 6.1) and lets us.
        io_uring: bool = "true", restart, "io-uring";
        /// Load balancers, as addresses or networks: what they say of a client in a PROXY header (version 1 or 2) is believed. A header from elsewhere is refused.
        trusted_proxies: Vec<Network> = "[]", restart, "trusted-proxies";
        /// How long connections may take to read that the node stops; a second SIGTERM does not wait for it.
        last_words: Span = "\"2s\"", restart;
    }

    /// TLS, on an address of its own. Certificate and key are read again on SIGHUP.
    "tls" TLS Tls {
        /// Address to listen on for https:// and wss://; port 0 lets the system choose.
        listen: Option<SocketAddr> = none "\"0.0.0.0:8443\"", restart, "tls-listen";
        /// The certificate and those above it, as a PEM file.
        certificate: Option<PathBuf> = none "\"certificate.pem\"", restart, "tls-certificate";
        /// Its private key, as a PEM file.
        key: Option<PathBuf> = none "\"key.pem\"", restart, "tls-key";
    }

    /// Where history goes.
    "store" STORE Store {
        /// "embedded": in the data folder. "scylla": there first, then in ScyllaDB. "memory": kept while the process runs.
        engine: StoreEngine = "\"embedded\"", restart, "store";
    }

    /// ScyllaDB, for `store.engine = "scylla"`, `rookery migrate` and `rookery store move`.
    "scylla" SCYLLA Scylla {
        /// Addresses of some of its nodes, as host:port.
        nodes: Vec<String> = "[]", restart, "scylla-nodes";
        /// Keyspace; `rookery migrate` makes it. One node at a time holds it.
        keyspace: String = "\"rookery\"", restart, "scylla-keyspace";
        /// Data centre whose quorum is asked.
        datacenter: Option<String> = none "\"dc1\"", restart, "scylla-datacenter";
        /// Copies of everything, when `rookery migrate` makes the keyspace.
        replicas: u8 = "3", restart, "scylla-replicas";
        /// User.
        user: Option<String> = none "\"rookery\"", restart, "scylla-user";
        /// Password. Better in the environment than in a file.
        password: Option<Hidden> = none "\"…\"", restart;
    }

    /// Who may come in. Holds for every realm that does not say otherwise under `[realms.NAME]`.
    "auth" AUTH Auth {
        /// Signs and verifies tokens: at least 32 bytes. Better in the environment than in a file. Without any key the node makes a secret of its own in the data folder, for development.
        secret: Option<Hidden> = none "\"…\"", restart;
        /// What the secret signs with: "HS256", "HS384" (48 bytes) or "HS512" (64 bytes).
        algorithm: SecretAlgorithm = "\"HS256\"", restart;
        /// Public keys that verify tokens, as PEM files: RS256, ES256 or EdDSA, as the key is.
        public_keys: Vec<PathBuf> = "[]", restart;
        /// Sets of keys (JWKS) that verify tokens: files, or addresses with http:// or https://. Read again every five minutes, and when a token names a key that is not there.
        key_sets: Vec<String> = "[]", restart;
        /// Certificates to trust for those addresses instead of the public ones, as a PEM file.
        key_set_roots: Option<PathBuf> = none "\"ca.pem\"", restart;
        /// What a token's `iss` has to be.
        issuer: Option<String> = none "\"https://id.example.org\"", restart;
        /// One of these has to be in a token's `aud`; none: it is not looked at.
        audience: Vec<String> = "[]", restart;
        /// How much the clocks of whoever signs and of the node may differ; a minute at most.
        leeway: Span = "\"30s\"", restart;
        /// Claims that a token has to have, whatever they say.
        required_claims: Vec<String> = "[]", restart;
        /// Most time between `iat` and `exp`, which then have to be there. Revocations are forgotten after that.
        token_life: Option<Span> = none "\"1d\"", restart;
        /// Whether a token may let its user into other realms (`any_realm`). Not set: those of the node's keys may, those of a realm's own may not.
        any_realm: Option<bool> = none "false", restart;
        /// Web pages that may connect, as "https://chat.example.org"; "*" for all. None: browsers of pages elsewhere are refused, programs (which send no origin) are not.
        allow_origin: Vec<Allowed> = "[]", hot, "allow-origin";
    }

    /// A backend of yours that is asked who may come in, and what may be read and said: docs/reference/hook.md. Holds for every realm that does not say otherwise under `[realms.NAME.hook]`.
    "hook" HOOK Hook {
        /// Address that is asked, with http:// or https://. None: nobody is asked.
        url: Option<String> = none "\"https://backend.example.org/rookery\"", restart;
        /// What it decides: "connect" (who comes in), "subscribe" (who reads in a room), "post" (what is said there).
        decides: Vec<HookVerb> = "[]", restart;
        /// The backend says who a client is: it gets what the client shows instead of a token, as it is, and no key is asked. It has to decide "connect".
        authenticates: bool = "false", restart;
        /// A post's body goes with the question; then no answer about a post is kept.
        send_body: bool = "false", restart;
        /// From a question to the last byte of its answer; ten seconds at most.
        deadline: Span = "\"1s\"", restart;
        /// What becomes of a question without an answer that can be used: "refuse" or "allow".
        on_failure: OnNoRuling = "\"refuse\"", restart;
        /// How long something that was allowed is not asked about again; a minute at most, 0: it always is. A revocation ends it at once.
        keep: Span = "\"5s\"", restart;
        /// Questions under way at a time, each on a connection of its own; 1 to 1024. 1024 more wait.
        at_once: u32 = "64", restart;
        /// Signs the questions, so that the backend sees that they come from here: at least 32 bytes. Better in the environment than in a file.
        secret: Option<Hidden> = none "\"…\"", restart;
        /// Certificates to trust for that address instead of the public ones, as a PEM file.
        roots: Option<PathBuf> = none "\"ca.pem\"", restart;
    }

    /// What set-ups differ in; 0 means no limit. docs/reference/limits.md has the others.
    "limits" LIMITS Limits {
        /// Commands of a connection per second.
        commands_per_second: u32 = "200", hot, "commands-per-second";
        /// So many at once; not set: what five seconds allow.
        commands_burst: Option<u32> = none "1000", hot;
        /// Commands of a user per second, over all its connections.
        user_commands_per_second: u32 = "400", hot, "user-commands-per-second";
        /// So many at once; not set: what five seconds allow.
        user_commands_burst: Option<u32> = none "2000", hot;
        /// Connections of one user.
        connections_per_user: u32 = "10", hot, "connections-per-user";
        /// Connections of one address, and of one network of 64 bits for IPv6; 0: no limit.
        connections_per_address: u32 = "0", hot, "connections-per-address";
        /// Subscriptions of one connection; at least 1.
        rooms_per_connection: u32 = "256", hot;
        /// From the upgrade to an accepted token.
        auth_deadline: Span = "\"10s\"", hot;
        /// A connection that was silent for so long is asked whether it is there; less than half of `silence`.
        ping: Span = "\"25s\"", restart;
        /// A connection that was silent for so long is closed.
        silence: Span = "\"1m\"", restart;
        /// A connection whose socket took no byte for so long is cut.
        slow: Span = "\"10s\"", hot;
        /// What clients may make the node hold: half of it for events that wait for slow readers, who then catch up from history; half for replies that wait and messages that are not finished, above which the connections that hold most are cut. Not set: half of what the machine, or the node's container, has.
        memory: Option<Bytes> = none "\"512MiB\"", hot;
        /// Cap of the kernel's send buffer of a connection; 0: the kernel decides.
        send_buffer: Bytes = "0", restart, "send-buffer";
    }

    /// How rooms behave. Holds for every room that no class under `[realms.NAME.classes.CLASS]` describes otherwise.
    "room" ROOM Room {
        /// Who may enter a room that nobody created: "open" (everybody of the realm), "claims" (whose token names it), "members".
        access: Access = "\"open\"", restart;
        /// The first to subscribe or post makes the room.
        implicit: bool = "true", hot;
        /// When an event is told: "placed" (at once) or "stored" (when it would survive a crash).
        deliver: Deliver = "\"placed\"", restart;
        /// While the store fails: "refuse" (read-only, said aloud) or "keep" (accepted within a bound, and tried again).
        on_failure: OnFailure = "\"refuse\"", restart;
        /// Messages that are kept; 0: all.
        keep_messages: u64 = "0", hot;
        /// How long messages are kept; 0: for ever.
        keep: Span = "0", hot;
        /// How far back a client that returns may resume: edits, deletions and reactions that are older are not replayed. 0: for ever.
        resume: Span = "\"30d\"", hot;
        /// Who leaves is told as gone after this.
        presence_grace: Span = "\"10s\"", hot;
        /// A user's second connection in the room: "allowed", or it "replaces" the first.
        second_connection: SecondConnection = "\"allowed\"", hot;
        /// Events of a room per second; 0: no limit.
        events_per_second: u32 = "5000", hot, "room-events-per-second";
        /// So many at once; not set: what two seconds allow.
        events_burst: Option<u32> = none "10000", hot;
        /// Members of a room.
        max_members: u32 = "100000", restart;
        /// In direct rooms: tell the sender what was delivered and read.
        reports: bool = "true", hot;
    }

    /// Logs, on standard error: for people on a terminal, as JSON otherwise.
    "log" LOG Log {
        /// error, warn, info, debug or trace; by part: "info,scylla=debug".
        level: LogLevel = "\"info,lsm_tree=warn,scylla=off\"", hot, "log-level";
    }

    /// What operators see.
    "watch" WATCH Watch {
        /// Address of its own for /metrics, /livez, /readyz and /health: whoever can reach it sees everything there, also while the node stops. Without one, figures are shown on the main address to programs on the same machine.
        listen: Option<SocketAddr> = none "\"127.0.0.1:9464\"", restart, "watch-listen";
    }

    /// A class of rooms: everything of `[room]`, and the rooms it holds for.
    "class" CLASS Class {
        /// Names of rooms: one name, or a beginning and "*". Where several fit a name, the longest does.
        pattern: String = none "\"support-*\"", restart;
    }
}

/// The sections of a file, in the order in which it shows them. [`AUTH`], [`HOOK`] and [`ROOM`] stand under realms, too.
pub static SECTIONS: [&Section; 10] = [&SERVE, &TLS, &STORE, &SCYLLA, &AUTH, &HOOK, &LIMITS, &ROOM, &LOG, &WATCH];
