//! Outboxes and one write for each receiver, beside the bare writes of the same bytes.
//!
//! The chunks are there already. Into `/dev/null` a write costs next to nothing, so what is ours shows most; into a
//! socket it costs what the least of sockets does. The shell's loop over slices is written out again here.

use super::audience::{Audience, ROOM, handle};
use super::values::{EPOCH, LINE, body, key, on_wire, posted};
use super::{Pair, Visit};
use rookery_engine::fanout::{Chunk, Pinned, page_chunks};
use rookery_engine::message::{ConnId, ToEdge};
use rookery_protocol::dialect::registry;
use rookery_protocol::ids::Place;
use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Result, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// What they are sent at once has to fit into a socket.
const RECEIVERS: usize = 50;
/// Chunks that a connection has at most.
const MOST: usize = 8;

enum Sink {
    Null(File),
    Socket(UnixStream, UnixStream),
}

impl Sink {
    fn write(&self, slices: &[IoSlice<'_>]) -> Result<usize> {
        match (self, slices) {
            (Sink::Null(file), [one]) => (&*file).write(one),
            (Sink::Null(file), all) => (&*file).write_vectored(all),
            (Sink::Socket(socket, _), [one]) => (&*socket).write(one),
            (Sink::Socket(socket, _), all) => (&*socket).write_vectored(all),
        }
    }

    /// All that was written and can be read again.
    fn drain(&self, into: &mut Vec<u8>) {
        into.clear();
        let Sink::Socket(_, other) = self else { return };
        // It does not block: its end is that there is nothing left.
        let ended = (&*other).read_to_end(into).unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::WouldBlock);
    }
}

struct Flush {
    audience: Audience,
    sink: Sink,
    chunks: u64,
    /// Seqs of the chunks made so far, and of those that the edge was given.
    made: u64,
    given: u64,
    dirty: Vec<ConnId>,
    pinned: Arc<Pinned>,
    body: Arc<[u8]>,
    /// Bytes that the sink has taken.
    written: usize,
    drained: Vec<u8>,
}

impl Flush {
    fn new(sink: Sink, chunks: u64) -> Flush {
        Flush {
            audience: Audience::new(registry::NATIVE_BINARY, RECEIVERS),
            sink,
            chunks,
            made: 0,
            given: 0,
            dirty: Vec::new(),
            pinned: Arc::default(),
            body: body(LINE).as_bytes().into(),
            written: 0,
            drained: Vec::new(),
        }
    }
}

impl Flush {
    fn taken(&mut self) -> Vec<u8> {
        self.between();
        [&std::mem::take(&mut self.written).to_le_bytes()[..], &self.drained].concat()
    }
}

impl Pair for Flush {
    type Input = Vec<Arc<Chunk>>;

    fn input(&mut self) -> Vec<Arc<Chunk>> {
        let key = key(ROOM);
        let chunk = |seq| {
            let event = Arc::new(posted(seq, self.body.clone()));
            let (room, before) = (on_wire(&key, handle()), Place::new(EPOCH, seq - 1));
            page_chunks(room, self.audience.lane, before, &[event], &self.pinned).pop().unwrap()
        };
        let first = self.made + 1;
        self.made += self.chunks;
        (first..first + self.chunks).map(chunk).collect()
    }

    fn rounds(&self) -> u64 {
        match self.sink {
            Sink::Null(_) => 16,
            // As much as a socket holds.
            Sink::Socket(..) => 1,
        }
    }

    fn ours(&mut self, chunks: Vec<Arc<Chunk>>) {
        self.given = chunks.last().unwrap().last.seq.0;
        for chunk in chunks {
            self.audience.give(ToEdge::Chunk(chunk));
        }
        self.audience.take_dirty(&mut self.dirty);
        for conn in self.dirty.drain(..) {
            let mut all = [IoSlice::new(&[]); MOST];
            let mut count = 0;
            for (into, slice) in all.iter_mut().zip(self.audience.slices(conn)) {
                *into = IoSlice::new(slice);
                count += 1;
            }
            let written = self.sink.write(&all[..count]).unwrap();
            self.audience.wrote(conn, written);
            self.written += written;
        }
    }

    fn floor(&mut self, chunks: Vec<Arc<Chunk>>) {
        let mut all = [IoSlice::new(&[]); MOST];
        for (into, chunk) in all.iter_mut().zip(&chunks) {
            *into = IoSlice::new(chunk.bytes());
        }
        for _ in 0..RECEIVERS {
            self.written += self.sink.write(&all[..chunks.len()]).unwrap();
        }
    }

    fn between(&mut self) {
        self.sink.drain(&mut self.drained);
        // The floor's chunks were not for the edge, which wants them without holes.
        self.made = self.given;
    }

    /// How much was written, and what of it can be read again.
    fn left(&mut self) -> [Vec<u8>; 2] {
        let chunks = self.input();
        self.written = 0;
        self.ours(chunks.clone());
        let ours = self.taken();
        self.floor(chunks);
        [ours, self.taken()]
    }
}

fn null() -> Sink {
    Sink::Null(File::options().write(true).open("/dev/null").unwrap())
}

fn socket() -> Sink {
    let (here, there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    there.set_nonblocking(true).unwrap();
    Sink::Socket(here, there)
}

pub fn pairs(visit: &mut impl Visit) {
    for chunks in [1, MOST as u64] {
        let runs = if chunks == 1 { "1 run".to_owned() } else { format!("{chunks} runs") };
        let each = RECEIVERS as u64;
        visit.pair(&format!("flush to null, {runs}"), "write", each, || Flush::new(null(), chunks));
        visit.pair(&format!("flush to a socket, {runs}"), "write", each, || Flush::new(socket(), chunks));
    }
}
