//! `rookery store import`: takes rooms of an export into a stopped node's folder. The file is read twice: the first time
//! nothing is written, so that a bad line leaves everything as it was.
//!
//! A room that is not there is taken whole, with its places. Of a room that is there, the file's events must be the same
//! as far as both go: then what the file has beyond is added. Otherwise the room is refused, and the others go on.

mod file;
mod room;
mod target;

use super::{failure, names};
use crate::exit::Exit;
use crate::start::Failure;
use file::{Piece, Reader};
use room::{Checked, Taken};
use std::path::Path;
use target::Target;

#[derive(Default)]
struct Summary {
    added: u64,
    completed: u64,
    there: u64,
    refused: u64,
}

pub fn run(path: &Path, data: &Path) -> Result<(), Failure> {
    let epoch = check(path)?;
    let mut target = Target::open(data)?;
    let done = take(path, &mut target);
    target.close(epoch)?;
    let Summary { added, completed, there, refused } = done?;
    println!("{added} rooms added, {completed} completed, {there} were there already, {refused} refused");
    if refused > 0 {
        return Err(failure(
            Exit::Data,
            format!("{}: {refused} rooms were refused, and stand as they stood", path.display()),
        ));
    }
    Ok(())
}

/// Everything that can be judged by the file alone. Returns the highest epoch of all rooms.
fn check(path: &Path) -> Result<u64, Failure> {
    let mut reader = Reader::open(path)?;
    let mut epoch = 0;
    let mut rooms: Option<Checked> = None;
    while let Some(piece) = reader.next()? {
        match piece {
            Piece::Room(line) => {
                if let Some(room) = rooms.take() {
                    room.end().map_err(|what| reader.bad_before(&what))?;
                }
                epoch = epoch.max(line.newest.0).max(line.sealed.unwrap_or(0));
                rooms = Some(Checked::begin(*line).map_err(|what| reader.bad(&what))?);
            }
            Piece::Row(row) => {
                let room = rooms.as_mut().ok_or_else(|| reader.bad("a row before the first room"))?;
                room.row(&row).map_err(|what| reader.bad(&what))?;
            }
            Piece::Record(record) => {
                let room = rooms.as_mut().ok_or_else(|| reader.bad("an event before the first room"))?;
                room.record(&record).map_err(|what| reader.bad(&what))?;
            }
        }
    }
    rooms.map_or(Ok(()), Checked::end).map_err(|what| reader.bad_before(&what))?;
    Ok(epoch)
}

fn take(path: &Path, target: &mut Target) -> Result<Summary, Failure> {
    let mut reader = Reader::open(path)?;
    let mut summary = Summary::default();
    let mut room: Option<Taken> = None;
    loop {
        let piece = reader.next()?;
        match piece {
            Some(Piece::Row(row)) => {
                if let Some(room) = &mut room {
                    room.row(row);
                }
            }
            Some(Piece::Record(record)) => {
                if let Some(room) = &mut room {
                    room.record(target, record)?;
                }
            }
            Some(Piece::Room(line)) => {
                end(room.take(), target, &mut summary)?;
                room = Some(Taken::begin(target, *line)?);
            }
            None => {
                end(room.take(), target, &mut summary)?;
                return Ok(summary);
            }
        }
    }
}

fn end(room: Option<Taken>, target: &mut Target, summary: &mut Summary) -> Result<(), Failure> {
    let Some(room) = room else { return Ok(()) };
    let key = room.key().clone();
    match room.end(target)? {
        room::Verdict::Added => summary.added += 1,
        room::Verdict::Completed => summary.completed += 1,
        room::Verdict::There => summary.there += 1,
        room::Verdict::Refused(why) => {
            summary.refused += 1;
            eprintln!("rookery: {} is refused: {why}", names::room(&key));
        }
    }
    Ok(())
}
