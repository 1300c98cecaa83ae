//! Opens the store of a damaged folder in this process, asks for everything, and compares.

use super::blocks::Keys;
use super::logs;
use super::made::{Made, ROOMS, copy, room_name};
use super::support::Folder;
use super::wound::{Wound, files};
use rookery_protocol::ids::{Name, Place, RoomKey, RoomKind};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::layout::SEGMENT_HEAD;
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::persistent::{OpenError, Options, Persistent, Reader};
use rookery_storage::{Ask, Kind, Outcome, PageAsk, PageFrom, Record, Replay, ReplayAsk, Settled, State};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FENCE: Place = Place::new(u64::MAX, u64::MAX);

pub struct Judge<'a> {
    made: &'a Made,
    /// Every record of each room.
    truth: Vec<BTreeMap<Place, Record>>,
    /// What is not there any more once the whole folder was opened and closed.
    given_up: BTreeSet<PathBuf>,
    /// Of its settled store, then.
    keys: Keys,
}

#[derive(Default)]
pub struct Tally {
    refused: u64,
    unharmed: u64,
    harmed: u64,
    served: u64,
    missing: u64,
    /// Missing ones that lay behind the damage, in what a journal that nobody closed had written last.
    behind: u64,
    kinds: BTreeMap<String, u64>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { refused, unharmed, harmed, served, missing, behind, kinds } = self;
        write!(f, "{refused} refused to open, {unharmed} unharmed, {harmed} with something missing; ")?;
        write!(
            f,
            "{served} records served, {missing} missing, {behind} of them behind damage in a journal that was not closed; {kinds:?}"
        )
    }
}

impl Tally {
    /// Damage of all sorts was met, and most is served all the same: what everything hangs on has a spare.
    pub fn is_telling(&self) -> bool {
        let judged = self.unharmed + self.harmed;
        self.refused <= judged / 10 && self.unharmed > 0 && self.harmed > 0 && self.served > 3 * self.missing
    }
}

fn room(at: usize) -> RoomKey {
    RoomKey { realm: Name::literal("main"), kind: RoomKind::Room, name: Name::new(&room_name(at)).unwrap() }
}

fn open(data: &Path) -> Result<Persistent, OpenError> {
    let folder = data.join("store");
    let open_settled = move || {
        let embedded = Embedded::open(&folder, &EmbeddedOptions::default())?;
        Ok(Arc::new(embedded) as Arc<dyn Settled>)
    };
    let options = Options::new(journal::Options::new(data.join("journal")));
    Persistent::open(options, Arc::new(RealDisk), Box::new(open_settled), vec![Box::new(|| {})])
}

/// Nobody has the folder afterwards.
fn close(store: Persistent, reader: Reader) {
    store.close();
    drop(reader);
}

/// Everything of a room by replay. None: it is not served, and that was said.
fn replay(reader: &Reader, at: usize) -> Option<Vec<Record>> {
    let (mut after, mut records) = (Place::START, Vec::new());
    loop {
        let ask = ReplayAsk { room: room(at), after, limit: 500, fence: FENCE, now: 0 };
        match reader.answer(&Ask::Replay(ask)) {
            Ok(Outcome::Replay(replay)) => match *replay {
                Replay::Run(run) => {
                    for item in run.items {
                        records.push(item.record);
                        records.extend(item.current);
                    }
                    after = run.reached;
                    if !run.more {
                        return Some(records);
                    }
                }
                _ => return None,
            },
            Ok(Outcome::Failed(_)) | Err(_) => return None,
            Ok(other) => panic!("{other:?}"),
        }
    }
}

fn page(reader: &Reader, at: usize, from: PageFrom) -> Option<Vec<Record>> {
    let ask = PageAsk { room: room(at), thread: None, from, limit: 50, fence: FENCE, now: 0 };
    match reader.answer(&Ask::Page(ask)) {
        Ok(Outcome::Page(page)) => Some(page.records),
        Ok(Outcome::Failed(_)) | Err(_) => None,
        Ok(other) => panic!("{other:?}"),
    }
}

enum Fetched {
    Record(Box<Record>),
    Nothing,
    /// And that was said.
    NotServed,
}

fn fetch(reader: &Reader, at: usize, place: Place) -> Fetched {
    match reader.answer(&Ask::Fetch { room: room(at), places: vec![place], now: 0 }) {
        Ok(Outcome::Fetched(mut records)) => match records.pop().unwrap() {
            Some(record) => Fetched::Record(Box::new(record)),
            None => Fetched::Nothing,
        },
        Ok(Outcome::Failed(_)) | Err(_) => Fetched::NotServed,
        Ok(other) => panic!("{other:?}"),
    }
}

/// What stands where something was lost.
fn is_nothing(record: &Record) -> bool {
    let emptied = matches!(record.kind, Kind::Void | Kind::Message { state: State::Expired, .. });
    emptied && record.payload.is_empty()
}

impl<'a> Judge<'a> {
    /// Of a folder that is whole: what it serves is what was acked.
    pub fn new(made: &'a Made) -> Judge<'a> {
        let folder = Folder::new();
        copy(made.data.path(), folder.path());
        let before = names(folder.path());
        let store = open(folder.path()).unwrap();
        let reader = store.reader();
        let truth: Vec<BTreeMap<Place, Record>> = (0..ROOMS)
            .map(|at| {
                let records = replay(&reader, at).unwrap();
                records.into_iter().map(|record| (record.place, record)).collect()
            })
            .collect();
        close(store, reader);
        for (of_room, posted) in truth.iter().zip(&made.posted) {
            for (place, body) in posted {
                assert!(of_room[place].payload.ends_with(body.as_bytes()), "{place}");
            }
        }
        let said = logs::take();
        assert!(!said.contains("ERROR"), "a whole folder: {said}");
        let given_up = before.difference(&names(folder.path())).cloned().collect();
        Judge { made, truth, given_up, keys: Keys::of(folder.path()) }
    }

    pub fn judge(&self, data: &Path, wound: &Wound, what: &str, tally: &mut Tally) {
        *tally.kinds.entry(kind(wound)).or_default() += 1;
        let before = names(data);
        let store = match open(data) {
            Ok(store) => store,
            Err(error) => {
                drop(logs::take());
                assert!(error.to_string().len() > 10 && !error.to_string().contains('\n'), "{what}: {error}");
                let (error, data) = (error.to_string(), data.to_string_lossy());
                assert!(error.contains(&*data) || error.contains("newer than this"), "{what}: where? {error}");
                tally.refused += 1;
                return;
            }
        };
        let reader = store.reader();
        let mut missing = Vec::new();
        for (at, truth) in self.truth.iter().enumerate() {
            let right = |record: &Record| {
                assert!(
                    is_nothing(record) || truth.get(&record.place) == Some(record),
                    "{what}: room {at} serves {record:?}"
                );
            };
            let replayed = replay(&reader, at);
            replayed.iter().flatten().for_each(right);
            for from in [PageFrom::Newest, PageFrom::FromOldest(0), PageFrom::FromOldest(60)] {
                page(&reader, at, from).iter().flatten().for_each(right);
            }
            for place in self.made.posted[at].keys() {
                match fetch(&reader, at, *place) {
                    Fetched::Record(record) if is_nothing(&record) => missing.push((at, *place, false)),
                    Fetched::Record(record) => {
                        right(&record);
                        tally.served += 1;
                    }
                    Fetched::Nothing => missing.push((at, *place, false)),
                    Fetched::NotServed => missing.push((at, *place, true)),
                }
            }
        }
        close(store, reader);
        let said = logs::take();
        let unreadable = wound.of_a_table().then(|| self.keys.unreadable(data));
        for (at, place, told) in &missing {
            let body = self.made.posted[*at][place].as_bytes();
            let hit = match &unreadable {
                Some(unreadable) => unreadable.explains(*at, place.seq),
                None => wound.of_the_journal() && wound.hit(body),
            };
            let behind = !self.made.closed && wound.of_the_journal() && wound.hit_or_before(body);
            // In what was written last, damage looks like a tail that was never finished; in a segment's head it does not.
            let untold = behind && wound.range.start >= SEGMENT_HEAD;
            assert!(
                *told || untold || said.contains("ERROR"),
                "{what}: {place} of room {at} is gone without a word: {said}"
            );
            assert!(hit || behind, "{what}: {place} of room {at} was not damaged: {said}");
            tally.behind += u64::from(!hit);
        }
        tally.missing += missing.len() as u64;
        if missing.is_empty() {
            tally.unharmed += 1
        } else {
            tally.harmed += 1
        }
        // A segment goes when all of it has settled, and the engine's files as it writes others; whether something went
        // with them shows in what is served.
        let kept = |path: &&PathBuf| {
            let of_the_engine = path.starts_with("store/tree") || path.starts_with("store/ends");
            let comes_and_goes = of_the_engine && !path.ends_with("current");
            !comes_and_goes && !self.given_up.contains(*path) && path.extension().is_none_or(|end| end != "segment")
        };
        for gone in before.difference(&names(data)).filter(kept) {
            let name = gone.file_name().unwrap().to_string_lossy();
            assert!(said.contains(&*name), "{what}: {} is gone without a word: {said}", gone.display());
        }
    }
}

fn kind(wound: &Wound) -> String {
    wound
        .file
        .extension()
        .map_or_else(|| wound.file.file_name(), Some)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn names(data: &Path) -> BTreeSet<PathBuf> {
    files(data).into_iter().map(|path| path.strip_prefix(data).unwrap().to_owned()).collect()
}
