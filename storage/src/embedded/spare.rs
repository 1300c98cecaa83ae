//! A spare of what everything hangs on, and of which the engine keeps no second: the list of tables, two small files, and the
//! store's own marks, which share a block with others.
//!
//! ```text
//! spare   sealed, version 3: the bytes of `tree/current`, counted; the marks as the tables of this list have them, counted,
//!         or none; then the bytes of the version that `tree/current` names
//! marks   1 if what leads to others stands twice, 0 if not (version 2: not said, it does not) | watermark | highest position | for each segment: its number | runs that are left | runs at most
//! ```

use super::disk::TREE;
use super::ends;
use super::faults::no_disk;
use super::list::{CURRENT, named, present, tables};
use super::marks::Marks;
use crate::sealed;
use crate::settled::Fault;
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const VERSION: u8 = 3;
/// Of a store in which nothing stands twice; its marks do not say so.
const WITHOUT_SECONDS: u8 = 2;
const SPARE: &str = "spare";

/// Whoever has changed the list of tables saves it, and the ends of its tables.
pub struct Spare {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// As the tables have them. None while somebody writes others.
    marks: Option<Vec<u8>>,
    /// The last list whose tables were looked at because something could not be read.
    looked_at: Option<PathBuf>,
}

impl Spare {
    pub fn new(folder: &Path) -> Spare {
        Spare { folder: folder.to_owned(), state: Mutex::default() }
    }

    /// The tables have these.
    pub fn set_marks(&self, marks: &Marks) {
        self.state.lock().marks = Some(marks.encode());
    }

    /// They are about to have others.
    pub fn forget_marks(&self) {
        self.state.lock().marks = None;
    }

    /// The saved marks, if they are of the present list.
    pub fn marks(&self) -> Option<Marks> {
        let bytes = std::fs::read(self.folder.join(SPARE)).ok()?;
        let parts = parts(&bytes)?;
        let is_present = std::fs::read(self.folder.join(TREE).join(CURRENT)).is_ok_and(|own| own == parts.current);
        (is_present && !parts.marks.is_empty()).then(|| Marks::decode(parts.marks, parts.says_seconds)).flatten()
    }

    /// Looks for what was damaged since it was saved, and puts it back, once with every list. True: something was, so
    /// whoever could not read may try again.
    pub fn mend(&self) -> bool {
        let mut state = self.state.lock();
        let Ok(Some(Ok(list))) = present(&self.folder.join(TREE)) else { return false };
        let is_new = state.looked_at.as_ref() != Some(&list);
        let mended = is_new && mend(&self.folder);
        state.looked_at = Some(list);
        mended
    }

    /// It is of use only as long as it is of the present list: a crash that comes first leaves an older one, which leads to
    /// tables that are gone.
    pub fn save(&self) -> Result<(), Fault> {
        let state = self.state.lock();
        let tree = self.folder.join(TREE);
        let saved = (|| {
            let current = std::fs::read(tree.join(CURRENT))?;
            // The list may change meanwhile: whoever changes it saves it then.
            let Some(version) = named(&current) else { return Ok(()) };
            let path = tree.join(version);
            let version = match std::fs::read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                version => version?,
            };
            if let Some(tables) = tables(&path) {
                ends::save(&self.folder, &tables)?;
            }
            let mut bytes = sealed::begin(VERSION);
            for part in [&current, state.marks.as_deref().unwrap_or_default()] {
                sealed::put_number(&mut bytes, part.len() as u64);
                bytes.extend_from_slice(part);
            }
            bytes.extend_from_slice(&version);
            overwrite(&self.folder.join(SPARE), &sealed::end(bytes))
        })();
        saved.map_err(|error| no_disk(&error))
    }
}

/// Puts back the ends of tables that are not as they were saved. False: there was none.
pub fn mend(folder: &Path) -> bool {
    let Ok(Some(Ok(list))) = present(&folder.join(TREE)) else { return false };
    let Some(tables) = tables(&list) else { return false };
    match ends::mend(folder, &tables) {
        Ok(mended) => mended > 0,
        Err(error) => {
            tracing::error!(event = "ends_of_tables_not_restored", %error);
            false
        }
    }
}

/// Puts the saved list in the place of one that cannot be read. False: there is none, or its tables are gone.
pub fn restore(folder: &Path) -> Result<bool, Fault> {
    let tree = folder.join(TREE);
    let restored = (|| {
        let Ok(bytes) = std::fs::read(folder.join(SPARE)) else { return Ok(false) };
        let Some(Parts { current, version, .. }) = parts(&bytes) else { return Ok(false) };
        let Some(name) = named(current) else { return Ok(false) };
        let candidate = folder.join("spare.list");
        std::fs::write(&candidate, version)?;
        let list = tables(&candidate);
        std::fs::remove_file(&candidate)?;
        let Some(list) = list.filter(|list| list.iter().all(|table| table.path(&tree).exists())) else {
            return Ok(false);
        };
        write(&tree, &name, version)?;
        write(&tree, CURRENT, current)?;
        // The numbers of later tables come again.
        ends::save(folder, &list)?;
        Ok(true)
    })();
    restored.map_err(|error: io::Error| no_disk(&error))
}

/// Whether it is what was written, if there is one.
pub fn is_sound(folder: &Path) -> bool {
    std::fs::read(folder.join(SPARE)).map_or(true, |bytes| parts(&bytes).is_some())
}

struct Parts<'a> {
    says_seconds: bool,
    current: &'a [u8],
    marks: &'a [u8],
    version: &'a [u8],
}

fn parts(bytes: &[u8]) -> Option<Parts<'_>> {
    let now = sealed::open(bytes, VERSION).ok();
    let says_seconds = now.is_some();
    let mut reader = now.or_else(|| sealed::open(bytes, WITHOUT_SECONDS).ok())?;
    let mut part = || {
        let length = usize::try_from(reader.number()?).ok()?;
        reader.take(length)
    };
    let (current, marks) = (part()?, part()?);
    Some(Parts { says_seconds, current, marks, version: reader.rest() })
}

/// In its place: to replace it would make the file system write it out at once, while the journal waits for the same disk.
/// What a crash leaves half written is no spare, until the next one.
fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)
}

/// There whole, or as it was before.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let next = folder.join(format!("{name}.next"));
    let mut file = File::create(&next)?;
    file.write_all(bytes)?;
    std::fs::rename(next, folder.join(name))
}
