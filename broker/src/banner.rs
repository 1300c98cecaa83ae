//! What a person sees when a node has started: six lines of at most 80 columns, the first of which programs may read. The
//! same is one event of the log, for whoever reads that.

use crate::config::Config;
use crate::config::value::StoreEngine;
use crate::net::origin::Allowed;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::net::SocketAddr;

pub struct Facts<'a> {
    pub address: SocketAddr,
    pub shards: u8,
    /// Those that shards are pinned to; fewer than shards: the others are pinned to none.
    pub cores: &'a [usize],
    pub config: &'a Config,
    /// Where what comes over the network is encrypted by this node.
    pub tls: Option<SocketAddr>,
    /// The node made its secret itself, and this is a token to try.
    pub development: Option<String>,
}

const COLUMNS: usize = 80;
/// Of what stands in front of each line.
const LABEL: usize = 11;

/// Shows it, at once even into a pipe, because a starting script waits for the first line.
pub fn show(facts: &Facts<'_>) {
    // Nobody may be there to read it, and that is no reason to stop.
    let _ = std::io::stdout().write_all(text(facts).as_bytes());
    // A person at a terminal has just read the same.
    if !std::io::stderr().is_terminal() {
        log(facts);
    }
}

fn text(facts: &Facts<'_>) -> String {
    let Facts { address, config, .. } = facts;
    let warnings: Vec<&str> = warnings(facts).into_iter().map(|(short, _)| short).collect();
    let warnings = if warnings.is_empty() { "none".to_owned() } else { listed(&warnings, "; ", "in the log") };
    let differing = differing(config);
    let limits = if differing.is_empty() {
        "as by default".to_owned()
    } else {
        listed(&differing, ", ", "(rookery config print)")
    };
    // Of long addresses the paths are left out, never a part of an address.
    let listening = match facts.tls {
        None => [format!("{address}  http://{address}/  ws://{address}/v1/ws"), address.to_string()],
        Some(tls) => [format!("{address}  http://{address}/  wss://{tls}/v1/ws"), format!("{address}  wss://{tls}")],
    };
    let fits = |line: &String| line.chars().count() + LABEL <= COLUMNS;
    let listening = listening.into_iter().find(fits).unwrap_or_else(|| address.to_string());
    let (label, tokens) = tokens(facts);
    let lines = [
        ("listening", listening),
        ("rookery", format!("{}, {}", env!("CARGO_PKG_VERSION"), shards(facts))),
        ("acks", acks(config)),
        ("limits", limits),
        ("warnings", warnings),
        (label, tokens),
    ];
    lines.iter().fold(String::new(), |mut text, (label, line)| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{label:LABEL$}{line}");
        text
    })
}

fn shards(facts: &Facts<'_>) -> String {
    let shards = facts.shards;
    let plural = if shards == 1 { "shard" } else { "shards" };
    match facts.cores.iter().take(usize::from(shards)).copied().collect::<Vec<_>>().as_slice() {
        [] => format!("{shards} {plural}, not pinned"),
        [only] => format!("{shards} {plural} on core {only}"),
        cores => format!("{shards} {plural} on cores {}", ranges(cores)),
    }
}

/// 0-3, 6: a machine has many, and a line has few columns.
fn ranges(cores: &[usize]) -> String {
    let runs = cores.chunk_by(|a, b| a + 1 == *b);
    let runs = runs.filter_map(|run| match run {
        [] => None,
        [only] => Some(only.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
    });
    cut(&runs.collect::<Vec<_>>().join(", "), COLUMNS - 40)
}

/// What an ack can say, and where history is.
fn acks(config: &Config) -> String {
    let (level, place) = reach(config);
    let begun = format!("{level} ({place}); data folder ");
    let data: String =
        config.serve.data.to_string_lossy().chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let room = COLUMNS - LABEL - begun.chars().count();
    let count = data.chars().count();
    if count <= room {
        return begun + &data;
    }
    // Its end says more than its beginning.
    begun + "…" + &data.chars().skip(count + 1 - room).collect::<String>()
}

fn reach(config: &Config) -> (&'static str, &'static str) {
    match config.store.engine {
        StoreEngine::Embedded => ("up to durable", "embedded"),
        StoreEngine::Scylla => ("up to durable", "ScyllaDB"),
        StoreEngine::Memory => ("accepted", "memory"),
    }
}

/// Limits and rules of rooms that somebody has set to something else.
fn differing(config: &Config) -> Vec<String> {
    let limits = config.differing("limits").map(|(name, value)| format!("{name} = {value}"));
    let rooms = config.differing("room").map(|(name, value)| format!("room.{name} = {value}"));
    limits.chain(rooms).collect()
}

/// What is right for trying, and not for strangers: in a word or two, and in a sentence.
fn warnings(facts: &Facts<'_>) -> Vec<(&'static str, &'static str)> {
    let Facts { address, config, .. } = facts;
    let limits = &config.limits;
    let any_page = config.realms.iter().any(|realm| realm.auth.allow_origin.contains(&Allowed::All));
    let all = [
        (
            facts.development.is_some(),
            "development secret",
            "The node has made the secret of tokens itself: set auth.secret, auth.public_keys or auth.key_sets.",
        ),
        (
            !address.ip().is_loopback() && facts.tls.is_none(),
            "plain text beyond this machine",
            "Tokens and messages cross the network as they are: put TLS before the node, or listen on 127.0.0.1.",
        ),
        (any_page, "any web page may connect", "auth.allow_origin names all web pages: name those that are yours."),
        (
            limits.commands_per_second == 0 || limits.user_commands_per_second == 0,
            "command rates without limit",
            "One client may take the node's whole time: set limits.commands_per_second and limits.user_commands_per_second.",
        ),
        (
            config.store.engine == StoreEngine::Memory,
            "history ends with the process",
            "store.engine is \"memory\": nothing that was said is there after a restart.",
        ),
        (
            config.watch.listen.is_some_and(|address| !address.ip().is_loopback()),
            "figures for whoever asks",
            "watch.listen is no address of this machine alone: whoever can reach it sees all figures.",
        ),
    ];
    all.into_iter().filter(|(holds, ..)| *holds).map(|(_, short, sentence)| (short, sentence)).collect()
}

/// The only line that may be longer: half a token is none.
fn tokens(facts: &Facts<'_>) -> (&'static str, String) {
    let signs = |auth: &crate::config::Auth| auth.secret.is_some();
    let config = facts.config;
    match &facts.development {
        Some(token) => ("try", format!("rookery token NAME makes tokens; alice's for a day: {token}")),
        None if signs(&config.auth) || config.realms.iter().any(|realm| signs(&realm.auth)) => {
            ("tokens", "rookery token NAME makes one, with the secret of auth.secret".to_owned())
        }
        None => ("tokens", "of whoever has the keys that are configured".to_owned()),
    }
}

/// As many as fit into a line, and how many more there are.
fn listed(all: &[impl AsRef<str>], between: &str, elsewhere: &str) -> String {
    let mut text = String::new();
    for (index, one) in all.iter().enumerate() {
        let one = one.as_ref();
        let left = all.len() - index - 1;
        let before = if index == 0 { "" } else { between };
        let more = if left == 0 { 0 } else { format!("{between}{left} more {elsewhere}").chars().count() };
        if LABEL + (text.chars().count() + before.len() + one.chars().count() + more) > COLUMNS {
            let _ = write!(text, "{before}{} more {elsewhere}", left + 1);
            return cut(&text, COLUMNS - LABEL);
        }
        text.push_str(before);
        text.push_str(one);
    }
    text
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// Without the token: none is ever in a log.
fn log(facts: &Facts<'_>) {
    let (ack, place) = reach(facts.config);
    let warnings: Vec<&str> = warnings(facts).into_iter().map(|(_, sentence)| sentence).collect();
    tracing::info!(
        event = "started",
        version = env!("CARGO_PKG_VERSION"),
        address = %facts.address,
        shards = facts.shards,
        cores = ?facts.cores.get(..usize::from(facts.shards)).unwrap_or(facts.cores),
        acks = ack,
        history = place,
        data = %facts.config.serve.data.display(),
        limits = differing(facts.config).join(", "),
        warnings = warnings.join(" "),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn config(set: &[(&str, &str)]) -> Config {
        let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned(), "set".to_owned())).collect();
        Config::load(&Overrides { file: None, set }).unwrap()
    }

    fn shown(config: &Config, address: &str, cores: &[usize], development: Option<&str>) -> Vec<String> {
        let development = development.map(str::to_owned);
        let shards = u8::try_from(cores.len()).unwrap().max(1);
        let address = address.parse().unwrap();
        let text = text(&Facts { address, shards, cores, config, tls: None, development });
        assert!(text.ends_with('\n') && !text.contains('\u{1b}'), "{text}");
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 6, "{text}");
        for line in &lines {
            assert!(line.chars().count() <= COLUMNS || line.starts_with("try"), "{line}");
        }
        lines
    }

    #[test]
    fn six_lines_say_what_there_is() {
        let secret = ("auth.secret", "a test's secret of more than thirty-two bytes");
        let lines = shown(&config(&[secret]), "127.0.0.1:65535", &[0, 1], None);
        assert_eq!(
            lines,
            [
                "listening  127.0.0.1:65535  http://127.0.0.1:65535/  ws://127.0.0.1:65535/v1/ws",
                concat!("rookery    ", env!("CARGO_PKG_VERSION"), ", 2 shards on cores 0-1"),
                "acks       up to durable (embedded); data folder ./data",
                "limits     as by default",
                "warnings   none",
                "tokens     rookery token NAME makes one, with the secret of auth.secret",
            ]
        );
    }

    #[test]
    fn an_address_with_tls_is_the_one_to_connect_to() {
        let listening = |address: &str, tls: &str| {
            let (config, cores) = (config(&[]), []);
            let (address, tls) = (address.parse().unwrap(), Some(tls.parse().unwrap()));
            let text = text(&Facts { address, shards: 1, cores: &cores, config: &config, tls, development: None });
            text.lines().next().unwrap().to_owned()
        };
        let short = listening("127.0.0.1:8080", "127.0.0.1:8443");
        assert_eq!(short, "listening  127.0.0.1:8080  http://127.0.0.1:8080/  wss://127.0.0.1:8443/v1/ws");
        let long = listening("192.168.100.101:65535", "192.168.100.101:65534");
        assert_eq!(long, "listening  192.168.100.101:65535  wss://192.168.100.101:65534");
        let longest = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";
        assert_eq!(listening(longest, longest), format!("listening  {longest}"));
    }

    #[test]
    fn what_is_set_and_what_is_risky_is_named() {
        let set = [
            ("store.engine", "memory"),
            ("limits.ping", "10s"),
            ("limits.slow", "10s"),
            ("room.keep", "30d"),
            ("auth.allow_origin", "*"),
        ];
        let lines = shown(&config(&set), "0.0.0.0:80", &[3], Some("a.b.c"));
        assert_eq!(lines[1].split_once(", ").unwrap().1, "1 shard on core 3");
        assert_eq!(lines[2], "acks       accepted (memory); data folder ./data");
        // What was set to its default is no difference.
        assert_eq!(lines[3], "limits     ping = \"10s\", room.keep = \"30d\"");
        assert_eq!(lines[4], "warnings   development secret; plain text beyond this machine; 2 more in the log");
        assert_eq!(lines[5], "try        rookery token NAME makes tokens; alice's for a day: a.b.c");
    }

    #[test]
    fn however_much_there_is_to_say_it_fits() {
        let many: Vec<(String, String)> = ["commands_per_second", "user_commands_per_second", "connections_per_user"]
            .into_iter()
            .chain(["commands_burst", "user_commands_burst", "rooms_per_connection"])
            .map(|key| (format!("limits.{key}"), "123456789".to_owned()))
            .collect();
        let long = format!("/{}/the-end\n", "folder/".repeat(30));
        let mut set: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        set.extend([("serve.data", long.as_str()), ("watch.listen", "0.0.0.0:1")]);
        let cores: Vec<usize> = (0..64).map(|core| core * 2).collect();
        let lines = shown(&config(&set), "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535", &cores, None);
        assert_eq!(lines[0], "listening  [2001:db8:1234:5678:9abc:def0:1234:5678]:65535");
        assert!(lines[1].contains("64 shards on cores 0, 2, 4") && lines[1].ends_with('…'), "{}", lines[1]);
        assert!(lines[2].contains("data folder …") && lines[2].ends_with("/the-end?"), "{}", lines[2]);
        assert_eq!(lines[3], "limits     commands_per_second = 123456789, 5 more (rookery config print)");
        assert!(lines[4].starts_with("warnings   plain text beyond this machine; "), "{}", lines[4]);
        assert_eq!(lines[5], "tokens     of whoever has the keys that are configured");
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2, 5, 7-8");
    }
}
