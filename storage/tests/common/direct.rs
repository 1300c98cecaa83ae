//! A store directly over a settled one: what is submitted is applied at once, without a journal.
#![allow(dead_code)] // Each includes it, and uses its own part.

use rookery_storage::answer::{Completion, Failure, Outcome, TailPage};
use rookery_storage::ask::{Ask, Position};
use rookery_storage::batch::Batch;
use rookery_storage::{AckLevel, Entry, Fault, Settled, Store, Ticket};

pub struct Direct<S> {
    /// None only in the middle of a crash.
    settled: Option<S>,
    position: u64,
    /// What a journal would keep.
    batches: Vec<(Position, Batch)>,
    done: Vec<Completion>,
}

impl<S: Settled> Direct<S> {
    pub fn over(settled: S) -> Direct<S> {
        Direct { settled: Some(settled), position: 0, batches: Vec::new(), done: Vec::new() }
    }

    pub fn settled(&mut self) -> &mut S {
        self.settled.as_mut().unwrap()
    }

    /// Nothing is known to the caller from here on, but positions rise as before.
    pub fn begin_anew(&mut self) {
        (self.batches, self.done) = (Vec::new(), Vec::new());
    }

    /// `again` ends the store that is open, and opens what is left of it: everything that was promised.
    pub fn crash(&mut self, again: impl FnOnce(S) -> S) {
        let end = Position(self.position);
        self.settled().sync(end).unwrap();
        let settled = again(self.settled.take().unwrap());
        assert_eq!(settled.watermark(), end);
        self.settled = Some(settled);
        self.done.clear();
    }

    fn write(&mut self, batch: Batch) -> Outcome {
        if let Err(failure) = batch.check() {
            return Outcome::Failed(failure);
        }
        let position = Position(self.position + 1);
        match self.settled().apply(vec![Entry::new(position, batch.clone())]) {
            Ok(()) => {
                self.settled().note(position).unwrap();
                self.position += 1;
                self.batches.push((position, batch));
                Outcome::Stored(AckLevel::Durable)
            }
            Err(Fault::OutOfOrder { .. }) => Outcome::Failed(Failure::OutOfOrder),
            Err(fault) => panic!("{fault}"),
        }
    }

    fn tail(&self, after: Position, limit: usize) -> TailPage {
        let above = self.batches.iter().filter(|(position, _)| *position > after).take(limit);
        TailPage { gap: None, batches: above.cloned().collect(), end: Position(self.position) }
    }
}

impl<S: Settled> Store for Direct<S> {
    fn reach(&self) -> AckLevel {
        AckLevel::Durable
    }

    fn window(&self) -> usize {
        usize::MAX
    }

    fn submit(&mut self, batch: Batch, ticket: Ticket) {
        let outcome = self.write(batch);
        self.done.push(Completion { ticket, outcome });
    }

    fn ask(&mut self, ask: Ask, ticket: Ticket) {
        let outcome = if let Ask::Tail { after, limit } = ask {
            assert_eq!(self.settled().answer(&ask), Err(Fault::NotHere));
            Outcome::Tail(Box::new(self.tail(after, limit)))
        } else {
            self.settled().answer(&ask).unwrap()
        };
        self.done.push(Completion { ticket, outcome });
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        out.append(&mut self.done);
    }
}
