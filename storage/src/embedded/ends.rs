//! Spares of the ends of tables. What leads to a table's blocks lies behind them: with it the whole table would be lost, and
//! the folder could not be opened.
//!
//! ```text
//! ends/N   sealed, version 1: XXH3-128 of the table with this number u128 | where its end begins, counted | its end
//! ```

use super::disk::TREE;
use super::list::Listed;
use super::spare::write;
use crate::sealed;
use hashbrown::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

const VERSION: u8 = 1;
const ENDS: &str = "ends";

/// The end of a table, and the offset at which it begins.
struct End {
    begins: u64,
    bytes: Vec<u8>,
}

/// Whoever has changed the list keeps the ends of the tables that are new in it, and those of no others.
pub fn save(folder: &Path, tables: &[Listed]) -> io::Result<()> {
    let ends = folder.join(ENDS);
    fs::create_dir_all(&ends)?;
    let mut missing: HashMap<u64, &Listed> = tables.iter().map(|table| (table.number, table)).collect();
    for entry in fs::read_dir(&ends)? {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if number.and_then(|number: u64| missing.remove(&number)).is_none() {
            fs::remove_file(entry.path())?;
        }
    }
    for table in missing.into_values() {
        match end_of(&table.path(&folder.join(TREE))) {
            Ok(Some(end)) => write(&ends, &table.number.to_string(), &encode(table, &end))?,
            // It has gone since, or is none: whoever reads it says so.
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Puts back the ends that are not as they were kept. How many there were.
pub fn mend(folder: &Path, tables: &[Listed]) -> io::Result<usize> {
    let mut mended = 0;
    for table in tables {
        let Some(kept) = kept(folder, table) else { continue };
        let path = table.path(&folder.join(TREE));
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        if behind(&file, kept.begins)? != kept.bytes {
            let file = if file.metadata()?.nlink() > 1 { own_copy(&path)? } else { file };
            // The engine may read meanwhile: what it finds half done it takes for damaged, as before.
            file.set_len(kept.begins + kept.bytes.len() as u64)?;
            file.write_all_at(&kept.bytes, kept.begins)?;
            file.sync_all()?;
            tracing::warn!(event = "end_of_table_restored", table = table.number);
            mended += 1;
        }
    }
    Ok(mended)
}

/// Takes the place of a file that has another name, too: whoever looks at it there wants it unchanged.
fn own_copy(path: &Path) -> io::Result<File> {
    let next = path.with_extension("next");
    fs::copy(path, &next)?;
    fs::rename(&next, path)?;
    OpenOptions::new().read(true).write(true).open(path)
}

/// The tables of which there is one that is not what was written.
pub fn damaged(folder: &Path, tables: &[Listed]) -> Vec<u64> {
    let is_damaged = |table: &&Listed| path(folder, table).exists() && kept(folder, table).is_none();
    tables.iter().filter(is_damaged).map(|table| table.number).collect()
}

fn path(folder: &Path, table: &Listed) -> PathBuf {
    folder.join(ENDS).join(table.number.to_string())
}

fn encode(table: &Listed, end: &End) -> Vec<u8> {
    let mut bytes = sealed::begin(VERSION);
    bytes.extend_from_slice(&table.sum.to_le_bytes());
    sealed::put_number(&mut bytes, end.begins);
    bytes.extend_from_slice(&end.bytes);
    sealed::end(bytes)
}

/// What was kept of this very table.
fn kept(folder: &Path, table: &Listed) -> Option<End> {
    let bytes = fs::read(path(folder, table)).ok()?;
    let mut reader = sealed::open(&bytes, VERSION).ok()?;
    if reader.take(16)? != table.sum.to_le_bytes() {
        return None;
    }
    Some(End { begins: reader.number()?, bytes: reader.rest().to_vec() })
}

/// The end of a table that is whole. None: it is not.
fn end_of(path: &Path) -> io::Result<Option<End>> {
    let file = File::open(path)?;
    let Ok(archive) = sfa::Reader::from_reader(&mut &file) else { return Ok(None) };
    let Some(data) = archive.toc().section(b"data") else { return Ok(None) };
    let begins = data.pos() + data.len();
    Ok(Some(End { begins, bytes: behind(&file, begins)? }))
}

fn behind(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len().saturating_sub(offset);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}
