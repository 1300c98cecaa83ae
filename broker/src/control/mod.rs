//! What a running node is asked from the same machine: a socket in its data folder, for its own user only.
//!
//! A question is one JSON line, `{"do":"backup","target":"/backups/monday"}`; lines of progress may follow, and one last
//! line says that it is done or why not. Whoever asked and goes away gives up what was asked; only a move goes on.

mod door;

pub use door::Door;

use crate::data::CONTROL;
use crate::exit::Exit;
use crate::ports::store::DatabaseAt;
use crate::start::Failure;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// A line of either side.
const LINE_BYTES: u64 = 64 * 1024;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// A copy that a node can be started on, in a folder that is not there yet.
    Backup { target: String },
    /// What was deleted is to be in no file any more.
    Compact,
    /// The history is to move to a database; or how far that is.
    Move { to: DatabaseAt },
    /// It is to stay in the folder after all.
    StopMove,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Bytes so far.
    Progress(u64),
    /// How far it is, in words.
    Says(String),
    Done,
    Failed {
        status: u8,
        why: String,
    },
}

/// A socket's name has to be short, and a folder's may be long: it is reached through an open folder.
struct Address {
    folder: File,
}

impl Address {
    fn of(data: &Path) -> io::Result<Address> {
        Ok(Address { folder: File::open(data)? })
    }

    fn path(&self) -> PathBuf {
        Path::new("/proc/self/fd").join(self.folder.as_raw_fd().to_string()).join(CONTROL)
    }
}

/// Asks the node that has this folder, and waits until it is done.
pub fn ask(data: &Path, request: &Request, progress: &mut dyn FnMut(Answer)) -> Result<(), Failure> {
    let no_answer = |why: &dyn std::fmt::Display| Failure {
        message: format!("{}: the process that uses this folder does not answer: {why} - try again", data.display()),
        status: Exit::Later,
    };
    let io = |error: io::Error| no_answer(&error);
    let address = Address::of(data).map_err(io)?;
    let mut stream = UnixStream::connect(address.path()).map_err(io)?;
    let mut line = serde_json::to_vec(request).map_err(Failure::system)?;
    line.push(b'\n');
    stream.write_all(&line).map_err(io)?;
    let mut lines = BufReader::new(stream);
    loop {
        match read_line::<Answer>(&mut lines).map_err(io)? {
            Some(answer @ (Answer::Progress(_) | Answer::Says(_))) => progress(answer),
            Some(Answer::Done) => return Ok(()),
            // A node of another version may know more of them.
            Some(Answer::Failed { status, why }) => {
                return Err(Failure { message: why, status: Exit::from_number(status).unwrap_or(Exit::Unavailable) });
            }
            None => return Err(no_answer(&"it has ended")),
        }
    }
}

/// One line. None: there is no more.
fn read_line<T: for<'a> Deserialize<'a>>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(LINE_BYTES).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line that does not end"));
    }
    serde_json::from_slice(&line).map(Some).map_err(io::Error::from)
}
