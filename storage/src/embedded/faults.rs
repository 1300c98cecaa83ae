//! Faults of the engine in our words.

use crate::settled::Fault;
use crate::{Place, RoomKey};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub fn no_disk(error: &std::io::Error) -> Fault {
    Fault::Io(error.to_string())
}

pub fn damaged(room: &RoomKey, place: Option<Place>, what: &str) -> Fault {
    Fault::Damaged { room: Some(room.clone()), place, what: what.to_owned() }
}

/// Says where a fault of the engine came up, as far as it is known.
pub fn located<T>(answer: Result<T, Fault>, room: &RoomKey, place: Option<Place>) -> Result<T, Fault> {
    answer.map_err(|fault| match fault {
        Fault::Damaged { room: None, place: None, what } => Fault::Damaged { room: Some(room.clone()), place, what },
        Fault::Damaged { .. }
        | Fault::Poisoned(_)
        | Fault::Io(_)
        | Fault::Newer { .. }
        | Fault::Locked
        | Fault::Held { .. }
        | Fault::OutOfOrder { .. }
        | Fault::NotHere => fault,
    })
}

/// What the engine says, in our words.
#[allow(clippy::wildcard_enum_match_arm)] // The engine keeps its list open.
pub fn fault(error: lsm_tree::Error) -> Fault {
    use lsm_tree::Error;
    let what = error.to_string();
    match error {
        Error::Io(_) => Fault::Io(what),
        Error::InvalidVersion(version) => Fault::Newer { what: "the engine's folder", version },
        Error::Decompress(_)
        | Error::Unrecoverable
        | Error::ChecksumMismatch { .. }
        | Error::InvalidTag(_)
        | Error::InvalidTrailer
        | Error::InvalidHeader(_)
        | Error::Utf8(_) => Fault::Damaged { room: None, place: None, what },
        _ => Fault::Poisoned(what),
    }
}

/// The engine may panic over bytes that it did not expect. That is a fault, not the end of the process.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Fault::Poisoned(said.unwrap_or_else(|| "a panic without words".to_owned())))
        }
    }
}
