//! Retention of rooms at rest: now and then somebody goes through all of them. (A room at hand asks by itself.)

use super::fetch::keep_of;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rookery_engine::settings::Keep;
use rookery_protocol::ids::{Millis, RoomKey};
use rookery_storage::limits::SCAN_ROWS;
use rookery_storage::settled::Fault;
use rookery_storage::{Ask, Outcome};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a room's class keeps at this time. None: the node does not have its realm, and leaves it alone.
pub type KeepOf = Box<dyn Fn(&RoomKey, Millis) -> Option<Keep> + Send>;

const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3600);

/// It works behind everybody else: a breath after so many rooms.
const ROOMS: usize = 256;
const BREATH: Duration = Duration::from_millis(20);

/// The thread. It ends when this is dropped.
pub struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub fn start(
        ask: impl Fn(&Ask) -> Result<Outcome, Fault> + Send + 'static,
        keep: KeepOf,
        now: impl Fn() -> Millis + Send + 'static,
    ) -> std::io::Result<Keeper> {
        let (stop, stopped) = bounded(0);
        let thread = std::thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            let mut pause = FIRST;
            while !waits(&stopped, pause) {
                pause = EVERY;
                let tally = round(&ask, |room| keep(room, now()), now(), &mut || !waits(&stopped, BREATH));
                match tally {
                    Ok(tally) => tracing::info!(event = "rooms_trimmed", ?tally),
                    Err(why) => tracing::error!(event = "rooms_not_trimmed", %why),
                }
            }
        })?;
        Ok(Keeper { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic was reported by its hook.
            let _ = thread.join();
        }
    }
}

/// True: it is over.
fn waits(stopped: &Receiver<()>, pause: Duration) -> bool {
    stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    rooms: u64,
    messages: u64,
    changes: u64,
    expired: u64,
    /// Rooms whose trim failed: the next round tries again.
    failed: u64,
}

/// Once through all rooms, as long as `breathe` says to go on.
fn round(
    ask: impl Fn(&Ask) -> Result<Outcome, Fault>,
    keep: impl Fn(&RoomKey) -> Option<Keep>,
    now: Millis,
    breathe: &mut dyn FnMut() -> bool,
) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let mut after: Option<RoomKey> = None;
    loop {
        let page = match ask(&Ask::Rooms { after: after.take(), limit: SCAN_ROWS.min(ROOMS) }) {
            Ok(Outcome::Rooms(page)) => page,
            Ok(other) => return Err(format!("{other:?}")),
            Err(fault) => return Err(fault.to_string()),
        };
        for room in &page.rooms {
            let Some(keep) = keep(room) else { continue };
            tally.rooms += 1;
            match ask(&Ask::Trim { room: room.clone(), keep: keep_of(&keep), now }) {
                Ok(Outcome::Trimmed(trimmed)) => {
                    tally.messages += trimmed.messages;
                    tally.changes += trimmed.changes;
                    tally.expired += trimmed.expired;
                }
                Ok(_) | Err(_) => tally.failed += 1,
            }
        }
        after = page.rooms.last().cloned();
        if !page.more || after.is_none() || !breathe() {
            return Ok(tally);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::ids::{Name, RoomKind};
    use rookery_storage::conformance::say::{events, message};
    use rookery_storage::memory::{Memory, MemoryOptions};
    use rookery_storage::{Completion, PageAsk, PageFrom, Place, Store, Ticket};
    use std::cell::RefCell;

    fn answer(store: &RefCell<Memory>, ask: &Ask) -> Outcome {
        let mut done: Vec<Completion> = Vec::new();
        store.borrow_mut().ask(ask.clone(), Ticket(1));
        store.borrow_mut().poll(&mut done);
        done.remove(0).outcome
    }

    fn room(name: &str) -> RoomKey {
        RoomKey { realm: Name::literal("main"), kind: RoomKind::Room, name: Name::new(name).unwrap() }
    }

    fn left(store: &RefCell<Memory>, room: &RoomKey) -> u64 {
        let fence = Place::new(u64::MAX, u64::MAX);
        let ask = PageAsk { room: room.clone(), thread: None, from: PageFrom::FromOldest(0), limit: 1, fence, now: 0 };
        let Outcome::Page(page) = answer(store, &Ask::Page(ask)) else { panic!("no page") };
        page.records.len() as u64 + page.newer
    }

    #[test]
    fn every_room_is_left_with_what_its_class_keeps() {
        let store = RefCell::new(Memory::new(MemoryOptions::default()));
        let mut done = Vec::new();
        for n in 0..1000 {
            let records = (1..=6).map(|seq| message((1, seq), seq, "words")).collect();
            store.borrow_mut().submit(events(&room(&format!("room-{n:04}")), records), Ticket(n));
        }
        store.borrow_mut().poll(&mut done);
        let keep = |room: &RoomKey| {
            let all = Keep { messages: u64::MAX, messages_since: 0, changes_since: 0 };
            match room.name.as_str() {
                "room-0005" => None,
                "room-0007" => Some(all),
                _ => Some(Keep { messages: 4, ..all }),
            }
        };
        let mut breaths = 0;
        let ask = |ask: &Ask| Ok(answer(&store, ask));
        let tally = round(ask, keep, 0, &mut || {
            breaths += 1;
            true
        });
        assert_eq!(tally, Ok(Tally { rooms: 999, messages: 2 * 998, ..Tally::default() }));
        assert_eq!(breaths, 3, "one between two pages");
        for n in 0..1000 {
            let kept = if n == 5 || n == 7 { 6 } else { 4 };
            assert_eq!(left(&store, &room(&format!("room-{n:04}"))), kept, "{n}");
        }
    }

    #[test]
    fn a_store_that_does_not_answer_is_said_and_tried_again() {
        let away = |_: &Ask| Err(Fault::Io("away".to_owned()));
        assert!(round(away, |_| None, 0, &mut || true).unwrap_err().contains("away"));
    }

    #[test]
    fn the_thread_ends_when_it_is_told_to() {
        let keeper = Keeper::start(|_| Err(Fault::NotHere), Box::new(|_, _| None), || 0).unwrap();
        drop(keeper);
    }
}
