//! Servers as child processes: started on their core, asked for their address, ended and reaped by their id;
//! if the yardstick itself is killed, they end with it.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::disk::DiskWork;
use super::plan::History;
use crate::floor::Mode;
use crate::measure;
use crate::sys;

/// Signs the tokens of the broker under test, which lives for seconds and on loopback only.
pub const SECRET: &str = "the yardstick's own, for a broker that lives for seconds";

/// A yardstick measures what the core costs, not how it says no.
const WITHOUT_LIMITS: [&str; 4] = [
    "ROOKERY_LIMITS__COMMANDS_PER_SECOND",
    "ROOKERY_LIMITS__USER_COMMANDS_PER_SECOND",
    "ROOKERY_ROOM__EVENTS_PER_SECOND",
    "ROOKERY_LIMITS__CONNECTIONS_PER_USER",
];

const START_LIMIT: Duration = Duration::from_secs(20);

/// How to start the broker.
pub struct Broker {
    pub path: PathBuf,
    /// Further arguments, behind those of the yardstick.
    pub more: Vec<String>,
}

/// A running server. Dropping it ends the process.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    disk: Option<DiskWork>,
    /// Its data and its output; gone with it.
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only if it has ended already; the wait then reaps it all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn floor(mode: Mode, overhead: u16, cores: &Cores) -> io::Result<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        let mode = match mode {
            Mode::Batching => "batching",
            Mode::PerFrame => "per-frame",
        };
        command.args(["floor", "--mode", mode, "--frame-overhead", &overhead.to_string()]);
        Server::start(command, TempDir::new()?, cores)
    }

    pub fn broker(broker: &Broker, shards: usize, history: History, cores: &Cores) -> io::Result<Server> {
        let folder = TempDir::new()?;
        let mut command = Command::new(&broker.path);
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--store",
            match history {
                History::Memory | History::MemoryBesideDisk => "memory",
                History::SameCore | History::OtherCore => "embedded",
            },
            "--shards",
            &shards.to_string(),
            "--data",
        ]);
        command.arg(folder.path().join("data")).args(&broker.more);
        command.env("ROOKERY_AUTH__SECRET", SECRET).envs(WITHOUT_LIMITS.map(|limit| (limit, "0")));
        let mut server = Server::start(command, folder, cores)?;
        if history == History::MemoryBesideDisk {
            server.disk = Some(DiskWork::begin(server.folder.path(), &cores.driver)?);
        }
        if history == History::OtherCore {
            for (thread, name) in measure::threads(server.pid())? {
                if !measure::is_shard(&name) {
                    match sys::pin_thread(thread, &cores.driver) {
                        // A thread that has done its work since it was listed needs no core.
                        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                        pinned => pinned?,
                    }
                }
            }
        }
        Ok(server)
    }

    /// The output goes to a file: nobody has to keep reading a pipe, and a failed start can be quoted.
    fn start(mut command: Command, folder: TempDir, cores: &Cores) -> io::Result<Server> {
        let output = folder.path().join("output");
        let file = File::create(&output)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        sys::end_with_parent(&mut command);
        let child = cores.on_server_cores(|| command.spawn())?;
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { child, address: unknown, disk: None, folder };
        server.await_address(&output)?;
        Ok(server)
    }

    fn await_address(&mut self, output: &Path) -> io::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let text = String::from_utf8_lossy(&fs::read(output)?).into_owned();
            if let Some(address) = find_address(&text) {
                self.address = address;
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("the server ended at once ({status}): {}", tail(&text))));
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("the server printed no address: {}", tail(&text))));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The first loopback address with a port in a complete line of output.
fn find_address(text: &str) -> Option<SocketAddr> {
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).find_map(|line| {
        let (_, rest) = line.split_once("127.0.0.1:")?;
        let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
        let port = digits.parse().ok().filter(|&port| port != 0)?;
        Some(SocketAddr::from(([127, 0, 0, 1], port)))
    })
}

/// The end of a server's output, short enough for an error message.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

/// Which cores the two sides may use.
#[derive(Clone, Debug)]
pub struct Cores {
    pub server: Vec<usize>,
    pub driver: Vec<usize>,
}

impl Cores {
    /// A child inherits the cores of the thread that starts it, so this thread visits the server's for a moment.
    fn on_server_cores<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        sys::pin_to(&self.server)?;
        let started = start();
        sys::pin_to(&self.driver)?;
        started
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_what_a_server_prints() {
        let text = "rookery 0.1.0\n  WebSocket  ws://127.0.0.1:41234/v1/ws\n";
        assert_eq!(find_address(text), Some(SocketAddr::from(([127, 0, 0, 1], 41234))));
        // A line that is still being written may lack half its port.
        assert_eq!(find_address("ws://127.0.0.1:412"), None);
        assert_eq!(find_address("listen 127.0.0.1:0\n"), None);
    }

    #[test]
    fn a_server_that_does_not_come_up_is_quoted() {
        let cores = Cores { server: sys::allowed_cores().unwrap(), driver: sys::allowed_cores().unwrap() };
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such store; exit 3"]);
        let error = Server::start(command, TempDir::new().unwrap(), &cores).err().unwrap().to_string();
        assert!(error.contains("no such store") && error.contains('3'), "{error}");
    }
}
