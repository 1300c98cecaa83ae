//! From options to a running node: each step says why it stands where it stands.

use crate::auth::{Secret, Tokens};
use crate::cli::{self, LimitOptions, StoreEngine};
use crate::control::Door;
use crate::data::{DataFolder, STORE};
use crate::http::FrontSettings;
use crate::http::rest::Rest;
use crate::net::listen::{self, ListenOptions};
use crate::net::origin::{Origin, OriginPolicy};
use crate::ports::{
    Clock,
    store::{NodeStore, bring_up, check_database},
};
use crate::shard::calls::Desk;
use crate::shard::cell::{self, Doors, ShardCounters};
use crate::shard::thread;
use crate::{banner, stop};
use ring::rand::{SecureRandom, SystemRandom};
use rookery_engine::message::ShardId;
use rookery_engine::settings::{Limits, RealmSettings, RoomClass, Settings};
use rookery_protocol::ids::{Name, Realm, RoomKey};
use rookery_protocol::limits;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Why nothing was started, in one line, and the exit status that says so.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub status: u8,
}

/// `EX_CONFIG` of sysexits.h: something that was set is wrong.
const CONFIG: u8 = 78;
/// `EX_OSERR`: the system did not give what a node needs.
const SYSTEM: u8 = 71;
/// A node holds one bit per shard in a word.
const SHARDS_MAX: usize = 64;

impl Failure {
    pub fn config(message: impl std::fmt::Display) -> Failure {
        Failure { message: message.to_string(), status: CONFIG }
    }

    pub fn system(message: impl std::fmt::Display) -> Failure {
        Failure { message: message.to_string(), status: SYSTEM }
    }
}

/// The realm of native clients that name none.
pub const MAIN_REALM: Realm = Name::literal("main");

/// Runs a node until it is told to stop.
pub fn serve(options: cli::Serve) -> Result<(), Failure> {
    if options.store == StoreEngine::Scylla {
        check_database(&options.scylla).map_err(Failure::config)?;
    }
    // The folder first: its lock keeps a second process from everything that follows.
    let data = Arc::new(DataFolder::open(&options.data).map_err(Failure::config)?);
    check_place(&data, options.store)?;
    let secret = secret(data.path())?;
    let clock = Clock::default();
    let shards = shard_count(options.shards)?;
    let send_buffer = Some(options.limits.send_buffer_bytes).filter(|bytes| *bytes > 0);
    let listeners = listen::listen(options.listen, shards, ListenOptions { send_buffer, ..ListenOptions::default() })
        .map_err(|error| {
        Failure::config(format!("{}: {error} - choose another address with --listen", options.listen))
    })?;
    let shards = shards.get() as u8;
    let address = listeners.first().and_then(|l| l.local_addr().ok()).unwrap_or(options.listen);
    let tokens = Arc::new(Tokens::new(&secret, MAIN_REALM));
    let placement_key = random().ok_or_else(|| Failure::system("no randomness from the system"))?;
    let realms = vec![RealmSettings { realm: MAIN_REALM, classes: vec![Arc::new(class(&options.limits))] }];

    let (doors, mailboxes): (Vec<_>, Vec<_>) = (0..shards).map(|_| cell::door()).unzip();
    let doors: Doors = doors.into();
    let mut store = NodeStore::open(&options, &data, &doors)
        .map_err(|error| Failure::system(format!("{}: {error}", data.path().display())))?;
    // Durable before the first event of this run can be numbered.
    let run = store.take_run(&data, clock.now().wall / 1000).map_err(Failure::system)?;
    let (ended, endings) = mpsc::unbounded_channel();
    thread::report_panics(&ended);
    let counters: Arc<[Arc<ShardCounters>]> = (0..shards).map(|_| Arc::default()).collect();
    let rest = Rest::new(Desk::new(doors.clone(), placement_key), tokens.clone(), run.0);
    let origins = origins(&options.allow_origin)?;
    let front = FrontSettings { realm: MAIN_REALM, origins, shards: counters.clone(), rest };
    let cores = cores(options.first_core);
    let runs = store.runs(run, &data);
    let mut threads = Vec::new();
    let mut classes = None;
    for (id, ((listener, mailbox), counted)) in (0..shards).zip(listeners.into_iter().zip(mailboxes).zip(&*counters)) {
        let port = store.shard(ShardId(id), runs.clone()).ok_or_else(|| Failure::system("a shard without a store"))?;
        let settings = Settings {
            shard: ShardId(id),
            shards,
            run,
            placement_key,
            reach: port.reach(),
            confirms: port.confirms(),
            realms: realms.clone(),
            limits: engine_limits(&options.limits),
        };
        let settings = Arc::new(settings);
        classes.get_or_insert_with(|| settings.clone());
        let plan = thread::Plan {
            settings,
            core: cores.get(usize::from(id)).copied(),
            listener,
            mailbox,
            doors: doors.clone(),
            tokens: tokens.clone(),
            store: port,
            clock: clock.clone(),
            counters: counted.clone(),
            front: front.clone(),
            io_uring: options.io_uring,
            ended: ended.clone(),
        };
        threads.push(thread::spawn(plan).map_err(Failure::system)?);
    }
    store.wake_undone(&doors, placement_key);
    store.say_again(&doors, placement_key, clock.clone());
    if let Some(classes) = classes {
        let keep = move |room: &RoomKey, now| classes.class_of(room).map(|class| class.keep(now));
        store.keep(Box::new(keep), clock.clone());
    }
    store.take_up_move(runs, &data);
    // Without it the node serves all the same; a backup is made when it is stopped.
    let control = Door::open(data.path(), store.reader(), store.mover());
    let control = control.inspect_err(|error| tracing::error!(event = "control_not_open", %error)).ok();
    banner::print(&banner::Facts {
        address,
        shards,
        cores: &cores,
        data: data.path(),
        store: options.store,
        development: secret.development,
        tokens: &tokens,
        clock,
        limits: &options.limits,
    });
    let ended = stop::wait(doors, threads, endings);
    // Behind the shards: nothing is handed in any more. A node at fault leaves it to the next start, which finds the
    // same: it might wait for what is gone.
    if ended.is_ok() {
        if let Some(control) = control {
            control.close();
        }
        store.close();
    }
    ended
}

/// A folder's history is in its files, or in a database, and not looked for elsewhere.
fn check_place(data: &DataFolder, store: StoreEngine) -> Result<(), Failure> {
    match store {
        StoreEngine::Memory => Ok(()),
        StoreEngine::Embedded => data.check_not_moved().map_err(Failure::config),
        StoreEngine::Scylla => {
            let is_moved = data.database().map_err(Failure::config)?.is_some();
            if is_moved || !data.path().join(STORE).exists() {
                return Ok(());
            }
            Err(Failure::config(format!(
                "{}: the history of this folder is in its own files - start with --store embedded, and move it with \
                 `rookery store move`",
                data.path().display()
            )))
        }
    }
}

/// Makes or renews the tables of a database.
pub fn migrate(options: &cli::Migrate) -> Result<(), Failure> {
    let steps = bring_up(&options.scylla).map_err(Failure::config)?;
    for step in steps {
        let done = if step.by_us { "done" } else { "was done already" };
        println!("step {}, {}: {done}", step.number, step.what);
    }
    Ok(())
}

/// Prints a token for one user.
pub fn token(options: &cli::Token) -> Result<(), Failure> {
    // No lock: the node that runs on this folder holds it, and only its secret is read.
    std::fs::create_dir_all(&options.data).map_err(|e| Failure::config(format!("{}: {e}", options.data.display())))?;
    let tokens = Tokens::new(&secret(&options.data)?, MAIN_REALM);
    Name::new(&options.user).map_err(|why| Failure::config(format!("user {:?}: {why}", options.user)))?;
    let seconds = options.hours.saturating_mul(3600);
    let token = tokens
        .token_for(&options.user, options.backend, Clock::default().now().wall, seconds)
        .map_err(Failure::system)?;
    println!("{token}");
    Ok(())
}

/// The environment's secret, or the development secret of the folder. Read by name, so that it is never in a flag.
fn secret(data: &Path) -> Result<Secret, Failure> {
    match std::env::var("ROOKERY_AUTH__SECRET") {
        Ok(text) => Secret::given(text).map_err(Failure::config),
        Err(std::env::VarError::NotPresent) => Secret::of_folder(data).map_err(Failure::config),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::config("ROOKERY_AUTH__SECRET is not UTF-8")),
    }
}

fn shard_count(wanted: u8) -> Result<NonZeroUsize, Failure> {
    let wanted = NonZeroUsize::new(usize::from(wanted));
    let shards = wanted.or(std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    if wanted.is_some() && shards.get() > SHARDS_MAX {
        return Err(Failure::config(format!("--shards {shards}: at most {SHARDS_MAX}")));
    }
    Ok(NonZeroUsize::new(shards.get().min(SHARDS_MAX)).unwrap_or(NonZeroUsize::MIN))
}

fn origins(allowed: &[String]) -> Result<OriginPolicy, Failure> {
    match allowed {
        [] => Ok(OriginPolicy::None),
        [all] if all == "*" => Ok(OriginPolicy::Any),
        list => {
            let parse = |text: &String| {
                Origin::parse(text).map_err(|_| {
                    Failure::config(format!(
                        "--allow-origin {text:?}: not an origin - write it as https://chat.example.org"
                    ))
                })
            };
            Ok(OriginPolicy::List(list.iter().map(parse).collect::<Result<_, _>>()?))
        }
    }
}

fn cores(first: Option<usize>) -> Vec<core_affinity::CoreId> {
    let mut cores = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(first) = first {
        cores.retain(|core| core.id >= first);
    }
    cores
}

fn random() -> Option<u64> {
    let mut bytes = [0u8; 8];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}

fn engine_limits(options: &LimitOptions) -> Limits {
    let (commands, commands_burst) =
        bucket(options.commands_per_second, limits::COMMANDS_BURST, limits::COMMANDS_PER_SECOND);
    let (user, user_burst) =
        bucket(options.user_commands_per_second, limits::USER_COMMANDS_BURST, limits::USER_COMMANDS_PER_SECOND);
    Limits {
        commands_per_second: commands,
        commands_burst,
        user_commands_per_second: user,
        user_commands_burst: user_burst,
        connections_per_user: options.connections_per_user,
        ..Limits::default()
    }
}

fn class(options: &LimitOptions) -> RoomClass {
    let (events_per_second, events_burst) =
        bucket(options.room_events_per_second, limits::ROOM_EVENTS_BURST, limits::ROOM_EVENTS_PER_SECOND);
    RoomClass { events_per_second, events_burst, ..RoomClass::default() }
}

/// A rate with a burst in the proportion of the defaults. None: a rate that nobody reaches.
fn bucket(rate: u32, default_burst: u64, default_rate: u64) -> (u32, u32) {
    const NONE: u32 = 1_000_000_000;
    let rate = if rate == 0 { NONE } else { rate };
    let burst = u64::from(rate).saturating_mul(default_burst) / default_rate;
    (rate, u32::try_from(burst).unwrap_or(NONE).min(NONE))
}
