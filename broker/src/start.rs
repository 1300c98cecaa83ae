//! From options to a running node: each step says why it stands where it stands.

use crate::auth::{self, AuthSettings, Secret, TokenPort, Tokens, hook};
use crate::cli;
use crate::config::value::{Shards, StoreEngine};
use crate::config::{self, Config, Problems, settings};
use crate::control::Door;
use crate::data::{DataFolder, STORE};
use crate::exit::Exit;
use crate::health::Health;
use crate::http::rest::Rest;
use crate::http::watch::{self, Pages};
use crate::http::{FrontSettings, Guests};
use crate::live::{Classes, Live};
use crate::manager::{Manager, Stage};
use crate::metrics::Figures;
use crate::net::addresses::Addresses;
use crate::net::descriptors;
use crate::net::entrance::Entrance;
use crate::net::front::FrontLimits;
use crate::net::listen::{self, ListenOptions};
use crate::net::tls::{CertificateFiles, Tls};
use crate::ports::{
    Clock,
    store::{DatabaseAt, NodeStore, bring_up},
};
use crate::shard::calls::Desk;
use crate::shard::cell::{self, Doors, ShardCounters};
use crate::shard::thread::{self, Listener};
use crate::{banner, observe, stop};
use parking_lot::RwLock;
use ring::rand::{SecureRandom, SystemRandom};
use rookery_engine::message::ShardId;
use rookery_engine::settings::{Settings, class_of};
use rookery_protocol::ids::{Name, Realm, RoomKey};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Why it was not done, in one line, and the exit status that says so.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub status: Exit,
}

impl Failure {
    pub fn config(message: impl std::fmt::Display) -> Failure {
        Failure { message: message.to_string(), status: Exit::Config }
    }

    pub fn system(message: impl std::fmt::Display) -> Failure {
        Failure { message: message.to_string(), status: Exit::System }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        Failure::config(problems)
    }
}

/// The realm of native clients that name none.
pub const MAIN_REALM: Realm = Name::literal("main");

/// Runs a node until it is told to stop.
pub fn serve(options: &cli::Serve) -> Result<(), Failure> {
    let config = options.flags.load()?;
    observe::log(&config.log.level);
    // While there is one thread only.
    if let Err(error) = descriptors::make_room() {
        tracing::warn!(event = "descriptors_not_reserved", %error);
    }
    let Config { serve, limits, .. } = &config;
    // The folder first: its lock keeps a second process from everything that follows.
    let data = Arc::new(DataFolder::open(&serve.data).map_err(Failure::config)?);
    check_place(&data, config.store.engine)?;
    let auth = auth_settings(&config)?;
    let clock = Clock::default();
    let shards = shard_count(serve.shards);
    let send_buffer = usize::try_from(limits.send_buffer.0).ok().filter(|bytes| *bytes > 0);
    let listening = ListenOptions { send_buffer, ..ListenOptions::default() };
    let tls = tls(&config.tls)?;
    let (address, plain) = open(serve.listen, shards, listening, "--listen")?;
    let mut listeners: Vec<_> = plain.into_iter().map(|socket| vec![Listener { socket, tls: None }]).collect();
    let mut encrypted = None;
    if let (Some(at), Some(tls)) = (config.tls.listen, &tls) {
        let (address, sealed) = open(at, shards, listening, "--tls-listen")?;
        tracing::info!(event = "tls_open", %address);
        encrypted = Some(address);
        for (listeners, socket) in listeners.iter_mut().zip(sealed) {
            listeners.push(Listener { socket, tls: Some(tls.clone()) });
        }
    }
    let shards = shards.get() as u8;
    let tokens = Arc::new(Tokens::open(&auth).map_err(Failure::config)?);
    let keeper = auth::keep(&tokens).map_err(Failure::system)?;
    let asking = hook::begin(settings::hooks(&config), &auth).map_err(Failure::config)?;
    let placement_key = random().ok_or_else(|| Failure::system("no randomness from the system"))?;

    let (doors, mailboxes): (Vec<_>, Vec<_>) = (0..shards).map(|_| cell::door()).unzip();
    let doors: Doors = doors.into();
    let mut store = NodeStore::open(&config, &data, &doors)
        .map_err(|error| Failure::system(format!("{}: {error}", data.path().display())))?;
    // Durable before the first event of this run can be numbered.
    let run = store.take_run(&data, clock.now().wall / 1000).map_err(Failure::system)?;
    let (ended, endings) = mpsc::unbounded_channel();
    thread::report_panics(&ended);
    // Before anybody is answered: whoever was may tell the node to stop.
    let signals = stop::Signals::hear()?;
    let counters: Arc<[Arc<ShardCounters>]> = (0..shards).map(|_| Arc::default()).collect();
    let health = Health::new(&clock, counters.clone(), store.reader());
    let figures =
        Figures::new(counters.clone(), doors.clone(), health.clone(), store.reader(), tokens.clone(), data.path());
    let requests = figures.requests.clone();
    let pages = Pages { health: health.clone(), figures };
    if let Some(address) = config.watch.listen {
        watch(address, pages.clone())?;
    }
    let realms = settings::realms(&config);
    let addresses = Addresses::new(limits.connections_per_address);
    let front = FrontSettings {
        origins: settings::origins(&config).into(),
        guests: auth.is_development().then(|| Guests { tokens: tokens.clone(), clock: clock.clone() }),
        pages,
        entrance: Entrance {
            trusted: serve.trusted_proxies.as_slice().into(),
            addresses: addresses.clone(),
            header_within: FrontLimits::default().head_within,
        },
        rest: Rest::new(Desk::new(doors.clone(), placement_key), tokens.clone(), run.0, requests),
    };
    let cores = cores(serve.first_core);
    let runs = store.runs(run, &data);
    let mut threads = Vec::new();
    for (id, ((listeners, mailbox), counted)) in (0..shards).zip(listeners.into_iter().zip(mailboxes).zip(&*counters)) {
        let port = store.shard(ShardId(id), runs.clone()).ok_or_else(|| Failure::system("a shard without a store"))?;
        let settings = Arc::new(Settings {
            shard: ShardId(id),
            shards,
            run,
            placement_key,
            reach: port.reach(),
            confirms: port.confirms(),
            realms: realms.clone(),
            limits: settings::limits(limits, shards),
        });
        let plan = thread::Plan {
            settings,
            core: cores.get(usize::from(id)).copied(),
            listeners,
            mailbox,
            doors: doors.clone(),
            tokens: TokenPort::new(tokens.clone(), keeper.asks.clone()),
            hooks: asking.hooks.clone(),
            store: port,
            clock: clock.clone(),
            counters: counted.clone(),
            front: front.clone(),
            io_uring: serve.io_uring,
            ended: ended.clone(),
        };
        threads.push(thread::spawn(plan).map_err(Failure::system)?);
    }
    store.wake_undone(&doors, placement_key);
    store.say_again(&doors, placement_key, clock.clone());
    let classes: Classes = Arc::new(RwLock::new(realms));
    let kept = classes.clone();
    let keep = move |room: &RoomKey, now| class_of(&kept.read(), room).map(|class| class.keep(now));
    store.keep(Box::new(keep), clock.clone());
    store.take_up_move(runs, &data, &config);
    // Without it the node serves all the same; a backup is made when it is stopped.
    let control = Door::open(data.path(), store.reader(), store.mover());
    let control = control.inspect_err(|error| tracing::error!(event = "control_not_open", %error)).ok();
    let token = || tokens.token_for("alice", false, clock.now().wall, 24 * 3600).unwrap_or_else(|why| why);
    banner::show(&banner::Facts {
        address,
        shards,
        cores: &cores.iter().map(|core| core.id).collect::<Vec<_>>(),
        config: &config,
        tls: encrypted,
        development: auth.is_development().then(token),
    });
    let overrides = options.flags.overrides.clone();
    let last_words = config.serve.last_words.0;
    let mut live = Live { config, overrides, doors: doors.clone(), classes, addresses, tls };
    let manager = Manager::of_environment();
    manager.keep_telling(&health).map_err(Failure::system)?;
    manager.tell(Stage::Ready);
    let reload = || {
        manager.tell(Stage::Reloading);
        live.reload();
        manager.tell(Stage::Ready);
    };
    let going = || {
        // Whoever sends traffic is told before anybody is sent away.
        health.stop();
        manager.tell(Stage::Stopping);
    };
    let ended = stop::wait(signals, doors, threads, endings, last_words, reload, going);
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

/// A listener for each shard, and the address that all of them have.
fn open(
    at: SocketAddr,
    shards: NonZeroUsize,
    options: ListenOptions,
    flag: &str,
) -> Result<(SocketAddr, Vec<TcpListener>), Failure> {
    let opened = listen::listen(at, shards, options);
    let listeners =
        opened.map_err(|error| Failure::config(format!("{at}: {error} - choose another address with {flag}")))?;
    Ok((listeners.first().and_then(|l| l.local_addr().ok()).unwrap_or(at), listeners))
}

fn tls(config: &config::Tls) -> Result<Option<Arc<Tls>>, Failure> {
    let (Some(_), Some(certificate), Some(key)) = (config.listen, &config.certificate, &config.key) else {
        return Ok(None);
    };
    let files = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
    Tls::open(files).map(Some).map_err(Failure::config)
}

/// The pages for operators on an address of their own.
fn watch(address: SocketAddr, pages: Pages) -> Result<(), Failure> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let bound = listener.local_addr()?;
        watch::spawn(listener, pages)?;
        Ok(bound)
    });
    let bound =
        bound.map_err(|error| Failure::config(format!("watch.listen: {address}: {error} - choose another one")))?;
    tracing::info!(event = "watch_open", address = %bound);
    Ok(())
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
    let steps = bring_up(&DatabaseAt::from(&options.flags.load()?.scylla)).map_err(Failure::config)?;
    for step in steps {
        let done = if step.by_us { "done" } else { "was done already" };
        println!("step {}, {}: {done}", step.number, step.what);
    }
    Ok(())
}

/// Whose tokens are accepted: the one place where that is put together, for the node and for its tools.
pub fn auth_settings(config: &Config) -> Result<AuthSettings, Failure> {
    let own = || Secret::of_folder(&config.serve.data);
    settings::auth(config, MAIN_REALM, own).map_err(Failure::config)
}

fn shard_count(wanted: Shards) -> NonZeroUsize {
    let wanted = NonZeroUsize::new(usize::from(wanted.0));
    let shards = wanted.or(std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    NonZeroUsize::new(shards.get().min(usize::from(Shards::MOST))).unwrap_or(NonZeroUsize::MIN)
}

fn cores(first: Option<u32>) -> Vec<core_affinity::CoreId> {
    let mut cores = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(first) = first {
        cores.retain(|core| core.id >= first as usize);
    }
    cores
}

fn random() -> Option<u64> {
    let mut bytes = [0u8; 8];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}
