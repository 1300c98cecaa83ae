//! `rookery store export`: rooms of a stopped node's folder as JSON lines, the same bytes whenever they are the same rooms.

use super::frozen::{self, Stopped};
use super::lines::{EndLine, Head, Line, VERSION, of_record, of_room, of_row};
use super::{failure, names};
use crate::cli::ExportOptions;
use crate::exit::Exit;
use crate::start::Failure;
use ring::digest::{Context, SHA256};
use rookery_storage::walk::{self, Asker, END};
use rookery_storage::{Fault, Name, RoomKey};
use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

/// Why an export ended early.
enum Stop {
    Store(Fault),
    Output(io::Error),
    Record(String),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Store(fault)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Output(error)
    }
}

pub fn run(options: &ExportOptions) -> Result<(), Failure> {
    let name = |flag: &str, text: &Option<String>| {
        let name = text.as_deref().map(Name::new).transpose();
        name.map_err(|why| Failure::config(format!("{flag} {:?}: {why}", text.as_deref().unwrap_or_default())))
    };
    let (realm, room) = (name("--realm", &options.realm)?, name("--room", &options.room)?);
    let wanted = |key: &RoomKey| {
        realm.as_ref().is_none_or(|realm| *realm == key.realm) && room.as_ref().is_none_or(|room| *room == key.name)
    };
    let stopped = Stopped::open(&options.folder.data)?;
    let (settled, ..) = stopped.whole()?;
    let mut out = Output::new(BufWriter::with_capacity(1 << 20, io::stdout().lock()));
    let done = export(&mut frozen::answer(&settled), &wanted, &mut out);
    match done {
        Ok(0) if realm.is_some() || room.is_some() => Err(failure(Exit::Found, "there is no such room")),
        Ok(_) => Ok(()),
        Err(Stop::Store(fault)) => {
            Err(failure(Exit::Disk, format!("{fault} - `rookery store verify` says all that is damaged")))
        }
        Err(Stop::Output(error)) => Err(failure(Exit::Disk, format!("the export cannot be written: {error}"))),
        Err(Stop::Record(what)) => Err(failure(Exit::Data, format!("{what} - `rookery store verify` says more"))),
    }
}

fn export<W: Write>(ask: &mut Asker<'_>, wanted: &dyn Fn(&RoomKey) -> bool, out: &mut Output<W>) -> Result<u64, Stop> {
    out.line(&Line::Export(Head { version: VERSION }))?;
    let (mut rooms, mut rows, mut records) = (0, 0, 0);
    walk::rooms::<Stop>(ask, &mut |ask, room| {
        if !wanted(&room) {
            return Ok(());
        }
        let state = walk::state(ask, &room)?;
        out.line(&of_room(&room, &state))?;
        for row in &state.rows {
            out.line(&of_row(row))?;
        }
        rooms += 1;
        rows += state.rows.len() as u64;
        walk::records(ask, &room, &state, END, &mut |record| {
            records += 1;
            let at = || names::at(&room, Some(record.place));
            let line = of_record(&record).map_err(|why| Stop::Record(format!("{}: {why}", at())))?;
            out.line(&line).map_err(Stop::from)
        })
    })?;
    out.end(EndLine { rooms, rows, records, sha256: String::new() })?;
    Ok(rooms)
}

/// Lines, and a sum of all their bytes.
pub struct Output<W> {
    out: W,
    sum: Context,
    line: Vec<u8>,
}

impl<W: Write> Output<W> {
    pub fn new(out: W) -> Output<W> {
        Output { out, sum: Context::new(&SHA256), line: Vec::new() }
    }

    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.sum.update(&self.line);
        self.out.write_all(&self.line)
    }

    fn end(&mut self, end: EndLine) -> io::Result<()> {
        let sha256 = hex(&self.sum);
        self.line(&Line::End(EndLine { sha256, ..end }))?;
        self.out.flush()
    }
}

/// What a sum says by now.
pub fn hex(sum: &Context) -> String {
    sum.clone().finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
