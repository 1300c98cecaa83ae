//! The node's side: a thread that listens, and one for each who asks. No shard has anything to do with it.

use super::{Address, Answer, Request, read_line};
use crate::data::CONTROL;
use crate::exit::Exit;
use crate::ports::store::moving::Mover;
use crate::start::Failure;
use crate::tools::copy_store;
use rookery_storage::Fault;
use rookery_storage::persistent::Reader;
use std::io::{self, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Who asks at the same time. A third waits for nothing: it is told to come later.
const AT_ONCE: usize = 2;
/// How long somebody may take to say what is asked, and to take an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is said again how far a move is.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Open as long as the node runs.
pub struct Door {
    shared: Arc<Shared>,
    address: Address,
    thread: JoinHandle<()>,
}

struct Shared {
    data: PathBuf,
    /// None: this node's history is in memory.
    reader: Option<Reader>,
    /// None: its history is not in the folder.
    mover: Option<Arc<Mover>>,
    closing: AtomicBool,
    asking: AtomicUsize,
}

impl Door {
    pub fn open(data: &Path, reader: Option<Reader>, mover: Option<Arc<Mover>>) -> io::Result<Door> {
        let address = Address::of(data)?;
        match std::fs::remove_file(data.join(CONTROL)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(address.path())?;
        // Until here others may have come to the door; who they are is asked of each.
        std::fs::set_permissions(data.join(CONTROL), std::fs::Permissions::from_mode(0o600))?;
        let (closing, asking) = (AtomicBool::new(false), AtomicUsize::new(0));
        let shared = Arc::new(Shared { data: data.to_owned(), reader, mover, closing, asking });
        let inside = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("control".to_owned()).spawn(move || listen(&inside, &listener))?;
        Ok(Door { shared, address, thread })
    }

    /// What is under way is given up.
    pub fn close(self) {
        self.shared.closing.store(true, Ordering::Release);
        // The listening thread sees it when somebody comes.
        let _ = UnixStream::connect(self.address.path());
        let _ = self.thread.join();
        let _ = std::fs::remove_file(self.shared.data.join(CONTROL));
    }
}

fn listen(shared: &Arc<Shared>, listener: &UnixListener) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for stream in listener.incoming() {
        if shared.closing.load(Ordering::Acquire) {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let Ok(stream) = stream else { continue };
        let inside = Arc::clone(shared);
        let spawned = std::thread::Builder::new().name("asked".to_owned()).spawn(move || serve(&inside, stream));
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(error) => tracing::error!(event = "control_not_served", %error),
        }
    }
    for thread in threads {
        // A panic was reported by its hook.
        let _ = thread.join();
    }
}

fn serve(shared: &Shared, stream: UnixStream) {
    let before = shared.asking.fetch_add(1, Ordering::AcqRel);
    let answer = if before < AT_ONCE {
        answer(shared, &stream)
    } else {
        Err(Failure { message: "others ask already - try again later".to_owned(), status: Exit::Later })
    };
    let last = match answer {
        Ok(()) => Answer::Done,
        Err(Failure { message, status }) => Answer::Failed { status: status as u8, why: message },
    };
    // Whoever has gone is told nothing.
    let _ = say(&stream, &last);
    shared.asking.fetch_sub(1, Ordering::AcqRel);
}

fn answer(shared: &Shared, stream: &UnixStream) -> Result<(), Failure> {
    let usage = |why: &dyn std::fmt::Display| Failure { message: why.to_string(), status: Exit::Usage };
    stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
        .map_err(|e| usage(&e))?;
    let peer = rustix::net::sockopt::socket_peercred(stream).map_err(Failure::system)?;
    if peer.uid != rustix::process::geteuid() && !peer.uid.is_root() {
        return Err(usage(&"another user's process"));
    }
    let request: Request = match read_line(&mut BufReader::new(stream)) {
        Ok(Some(request)) => request,
        Ok(None) => return Ok(()),
        Err(error) => return Err(usage(&format!("not understood: {error}"))),
    };
    tracing::info!(event = "control", ?request);
    let Some(reader) = &shared.reader else {
        let message = "this node keeps its history in memory: there are no files of it".to_owned();
        return Err(Failure { message, status: Exit::Unavailable });
    };
    // It goes on only as long as somebody waits for it.
    let mut progress =
        |bytes: u64| !shared.closing.load(Ordering::Acquire) && say(stream, &Answer::Progress(bytes)).is_ok();
    match request {
        Request::Backup { target } => {
            let mut copy = |store: &Path, journal: &Path, progress: &mut dyn FnMut(u64) -> bool| {
                reader.copy_to(store, journal, progress)
            };
            let target = Path::new(&target);
            if !target.is_absolute() {
                return Err(usage(&"the target's path is not absolute"));
            }
            copy_store(&shared.data, target, &mut copy, &mut progress)
        }
        Request::Compact => {
            let compacted: Result<(), Fault> = reader.compact();
            compacted.map_err(|fault| Failure { message: fault.to_string(), status: Exit::Unavailable })
        }
        Request::Move { to } => mover(shared)?.begin(&to).map_err(unavailable).and_then(|()| watch(shared, stream)),
        Request::StopMove => {
            let was = mover(shared)?.stop();
            let line = if was { "stopped" } else { "nothing is being moved" };
            // Whoever has gone is told nothing.
            let _ = say(stream, &Answer::Says(line.to_owned()));
            Ok(())
        }
    }
}

fn unavailable(message: String) -> Failure {
    Failure { message, status: Exit::Unavailable }
}

fn mover(shared: &Shared) -> Result<&Mover, Failure> {
    let elsewhere = || unavailable("this node's history is in a database already".to_owned());
    shared.mover.as_deref().ok_or_else(elsewhere)
}

/// Says how far a move is, once a second or when something is new, until it is over or nobody listens.
fn watch(shared: &Shared, stream: &UnixStream) -> Result<(), Failure> {
    let (mover, mut seen) = (mover(shared)?, 0);
    while !shared.closing.load(Ordering::Acquire) {
        let now = mover.watch(seen, LOOK_EVERY);
        if (now.number > seen || now.over.is_none()) && say(stream, &Answer::Says(now.line)).is_err() {
            // The move goes on.
            return Ok(());
        }
        if let Some(over) = now.over {
            return over.map_err(unavailable);
        }
        seen = now.number;
    }
    Err(Failure { message: "the node stops; the move goes on with its next start".to_owned(), status: Exit::Later })
}

fn say(mut stream: &UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line)
}
