//! The lines of a file, one after the other; what is wrong with one is said with its number.

use crate::exit::Exit;
use crate::start::Failure;
use crate::tools::export::hex;
use crate::tools::failure;
use crate::tools::lines::{EndLine, Line, RoomLine, VERSION};
use ring::digest::{Context, SHA256};
use rookery_storage::{Record, RowWrite};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// A record at its limit, in base64 and with everything escaped, with room to grow.
const LINE_BYTES: u64 = 16 << 20;

pub enum Piece {
    Room(Box<RoomLine>),
    Row(RowWrite),
    Record(Record),
}

pub struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    number: u64,
    line: Vec<u8>,
    sum: Context,
    seen: EndLine,
}

impl Reader {
    /// With the first line read.
    pub fn open(path: &Path) -> Result<Reader, Failure> {
        let file = File::open(path).map_err(|error| failure(Exit::Input, format!("{}: {error}", path.display())))?;
        let mut reader = Reader {
            path: path.to_owned(),
            file: BufReader::with_capacity(1 << 20, file),
            number: 0,
            line: Vec::new(),
            sum: Context::new(&SHA256),
            seen: EndLine { rooms: 0, rows: 0, records: 0, sha256: String::new() },
        };
        match reader.line()? {
            Some(Line::Export(head)) if head.version == VERSION => Ok(reader),
            Some(Line::Export(head)) => Err(reader.bad(&format!(
                "the export has version {}, this program knows {VERSION} - use the program that wrote it, or a newer one",
                head.version
            ))),
            Some(_) | None => Err(reader.bad("no export: it begins with a line {\"export\":{\"version\":1}}")),
        }
    }

    /// None: the file has come to its end, and is whole.
    pub fn next(&mut self) -> Result<Option<Piece>, Failure> {
        let before = hex(&self.sum);
        let Some(line) = self.line()? else {
            return Err(self.bad("the file ends before its last line - it was cut: export again"));
        };
        let piece = match line {
            Line::Export(_) => return Err(self.bad("the head of an export inside of one - import one file at a time")),
            Line::Room(room) => {
                self.seen.rooms += 1;
                Piece::Room(room)
            }
            Line::Row(row) => {
                self.seen.rows += 1;
                Piece::Row(row.row().map_err(|what| self.bad(&what))?)
            }
            Line::Message(message) => self.record(message.record())?,
            Line::Change(change) => self.record(change.record())?,
            Line::Void(void) => self.record(Ok(void.record()))?,
            Line::End(end) => {
                let seen = EndLine { sha256: before, ..std::mem::replace(&mut self.seen, none()) };
                if end != seen {
                    let what = "the lines before are not those that were written - take the file as it was exported, \
                                or export again";
                    return Err(self.bad(what));
                }
                if self.line()?.is_some() {
                    return Err(self.bad("a line behind the last one - import one file at a time"));
                }
                return Ok(None);
            }
        };
        Ok(Some(piece))
    }

    fn record(&mut self, record: Result<Record, String>) -> Result<Piece, Failure> {
        self.seen.records += 1;
        record.map(Piece::Record).map_err(|what| self.bad(&what))
    }

    fn line(&mut self) -> Result<Option<Line>, Failure> {
        self.line.clear();
        self.number += 1;
        let read = (&mut self.file).take(LINE_BYTES).read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| failure(Exit::Disk, format!("{}: {error}", self.path.display())))?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() != Some(&b'\n') {
            let what = if read as u64 == LINE_BYTES { "the line is too long" } else { "the line ends too early" };
            return Err(self.bad(&format!("{what} - export again")));
        }
        self.sum.update(&self.line);
        let line = serde_json::from_slice(&self.line);
        line.map(Some).map_err(|error| {
            // Its own line number is always 1.
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or_default();
            let hint = "mend the line, or export again";
            self.bad(&format!("column {}: {what} - {hint}", error.column()))
        })
    }

    /// This line is bad.
    pub fn bad(&self, what: &str) -> Failure {
        self.at(self.number, what)
    }

    /// What ended before this line is bad.
    pub fn bad_before(&self, what: &str) -> Failure {
        self.at(self.number.saturating_sub(1), what)
    }

    fn at(&self, line: u64, what: &str) -> Failure {
        let hint = if what.contains(" - ") { "" } else { " - mend the line, or export again" };
        failure(Exit::Data, format!("{}:{line}: {what}{hint}; nothing was imported", self.path.display()))
    }
}

fn none() -> EndLine {
    EndLine { rooms: 0, rows: 0, records: 0, sha256: String::new() }
}
