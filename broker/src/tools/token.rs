//! `rookery token`: makes tokens with a node's secret, and says what is wrong with one.

use crate::auth::{Can, Claims, Tokens, explain};
use crate::cli::{Token, TokenExplain, TokenNew, TokenVerb};
use crate::config::flags::{Flags, Folder};
use crate::exit::Exit;
use crate::ports::Clock;
use crate::start::{Failure, MAIN_REALM, auth_settings};
use ring::rand::{SecureRandom, SystemRandom};
use rookery_protocol::ids::{Name, Realm};
use rookery_protocol::limits;
use rookery_protocol::principal::{Pattern, Verbs};
use std::fmt::Write as _;
use std::io::Read;

pub fn run(options: &Token) -> Result<(), Failure> {
    match &options.verb {
        Some(TokenVerb::New(new)) => make(new),
        Some(TokenVerb::Explain(token)) => tell(token),
        None => make(&options.new),
    }
}

fn make(options: &TokenNew) -> Result<(), Failure> {
    let user = options.user.as_deref().ok_or_else(|| Failure::config("which user? - rookery token new alice"))?;
    let name =
        |what: &str, text: &str| Name::new(text).map_err(|why| Failure::config(format!("{what} {text:?}: {why}")));
    name("user", user)?;
    let realm = options.realm.as_deref().map(|realm| name("--realm", realm)).transpose()?;
    for room in &options.room {
        // A place of another kind cannot ask for claims.
        if room.starts_with('@') && options.can.is_empty() {
            return Err(Failure::config(format!("--room {room:?}: only together with --can")));
        }
        pattern("--room", room)?;
    }
    let can = options.can.iter().map(|text| grant(text, &options.room)).collect::<Result<Vec<_>, _>>()?;
    let now = Clock::default().now().wall / 1000;
    let claims = Claims {
        sub: user.to_owned(),
        iat: Some(now),
        exp: Some(now.saturating_add(options.hours.saturating_mul(3600))),
        jti: Some(random_id()?),
        realm: realm.filter(|realm| *realm != MAIN_REALM).map(|realm| realm.as_str().to_owned()),
        rooms: options.room.iter().filter(|room| !room.starts_with('@')).cloned().collect(),
        can: (!can.is_empty()).then_some(can),
        backend: options.backend,
        ..Claims::default()
    };
    let token = tokens(&options.node)?.sign(&claims).map_err(Failure::config)?;
    if token.len() as u64 > limits::TOKEN_BYTES {
        return Err(Failure::config(format!("a token of {} bytes; it may have {}", token.len(), limits::TOKEN_BYTES)));
    }
    println!("{token}");
    Ok(())
}

fn tell(options: &TokenExplain) -> Result<(), Failure> {
    let token = match &options.token {
        Some(token) if token != "-" => token.clone(),
        Some(_) | None => {
            let mut text = String::new();
            let read = std::io::stdin().take(limits::TOKEN_BYTES * 8).read_to_string(&mut text);
            read.map_err(|error| Failure::config(format!("standard input: {error}")))?;
            text
        }
    };
    let realm = options.realm.as_deref().map(Realm::new).transpose();
    let realm = realm.map_err(|why| Failure::config(format!("--realm: {why}")))?;
    let explained = explain(&tokens(&options.node)?, token.trim(), realm.as_ref(), Clock::default().now().wall);
    for line in &explained.lines {
        println!("{line}");
    }
    if explained.accepted {
        return Ok(());
    }
    Err(Failure { message: "this node would refuse the token".to_owned(), status: Exit::Found })
}

/// `VERB,VERB` or `VERB,VERB:ROOM,ROOM`.
fn grant(text: &str, rooms: &[String]) -> Result<Can, Failure> {
    let (words, named) = text.split_once(':').map_or((text, None), |(words, rooms)| (words, Some(rooms)));
    let verbs: Vec<String> = words.split(',').map(str::to_owned).collect();
    for word in &verbs {
        Verbs::default().add(word).ok_or_else(|| {
            Failure::config(format!(
                "--can {text:?}: {word:?} is no verb - name commands, as in docs/protocol/commands.md, or read, write, manage"
            ))
        })?;
    }
    let rooms = match named {
        Some(named) => named.split(',').map(str::to_owned).collect(),
        None if rooms.is_empty() => vec!["*".to_owned()],
        None => rooms.to_vec(),
    };
    rooms.iter().try_for_each(|room| pattern("--can", room))?;
    Ok(Can { rooms, verbs })
}

fn pattern(flag: &str, text: &str) -> Result<(), Failure> {
    let wrong = "names no rooms - a name, a prefix with * behind it, or one of @direct, @inbox, @lobby, @directory";
    Pattern::parse(text).map(|_| ()).ok_or_else(|| Failure::config(format!("{flag} {text:?}: {wrong}")))
}

/// No lock: the node that runs on this folder holds it, and only its secret is read.
fn tokens(node: &Flags<Folder>) -> Result<Tokens, Failure> {
    let config = node.load()?;
    let data = &config.serve.data;
    std::fs::create_dir_all(data).map_err(|e| Failure::config(format!("{}: {e}", data.display())))?;
    Tokens::open(&auth_settings(&config)?).map_err(Failure::config)
}

fn random_id() -> Result<String, Failure> {
    let mut bytes = [0u8; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Failure::system("no randomness from the system"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
