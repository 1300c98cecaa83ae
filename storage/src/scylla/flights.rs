//! Equal reads that are under way are one.

use super::counters::Count;
use crate::RoomKey;
use crate::answer::Outcome;
use crate::ask::Ask;
use crate::settled::Fault;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

type Answer = Result<Outcome, Fault>;

#[derive(Default)]
struct Flight {
    answer: Mutex<Option<Answer>>,
    landed: Condvar,
}

type OfRoom = Vec<(Ask, Arc<Flight>)>;

#[derive(Default)]
pub struct Flights(Mutex<HashMap<RoomKey, OfRoom, RandomState>>);

/// A read that others may join until it is closed; without an answer they get a fault.
pub struct Leading<'f> {
    flights: &'f Flights,
    room: &'f RoomKey,
    flight: Arc<Flight>,
    is_open: bool,
}

pub enum Joined<'f> {
    /// Nobody else is at it.
    First(Leading<'f>),
    Answered(Answer),
}

impl Flights {
    /// Joins an equal read, or begins one.
    pub fn join<'f>(&'f self, room: &'f RoomKey, ask: &Ask, coalesced: &Count) -> Joined<'f> {
        let mut all = self.0.lock();
        let of_room = all.entry_ref(room).or_default();
        if let Some((_, flight)) = of_room.iter().find(|(other, _)| other == ask) {
            let flight = flight.clone();
            drop(all);
            coalesced.add(1);
            let mut answer = flight.answer.lock();
            loop {
                if let Some(answer) = &*answer {
                    return Joined::Answered(answer.clone());
                }
                flight.landed.wait(&mut answer);
            }
        }
        let flight = Arc::<Flight>::default();
        of_room.push((ask.clone(), flight.clone()));
        Joined::First(Leading { flights: self, room, flight, is_open: true })
    }
}

impl Leading<'_> {
    /// Whoever asks from now on reads by itself. It must happen before the room can change.
    pub fn close(&mut self) {
        if !std::mem::replace(&mut self.is_open, false) {
            return;
        }
        let mut all = self.flights.0.lock();
        if let Some(of_room) = all.get_mut(self.room) {
            of_room.retain(|(_, flight)| !Arc::ptr_eq(flight, &self.flight));
            if of_room.is_empty() {
                all.remove(self.room);
            }
        }
    }

    pub fn land(mut self, answer: &Answer) {
        self.close();
        *self.flight.answer.lock() = Some(answer.clone());
        self.flight.landed.notify_all();
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        self.close();
        let mut answer = self.flight.answer.lock();
        if answer.is_none() {
            *answer = Some(Err(Fault::Poisoned("the read that was joined ended without an answer".to_owned())));
            self.flight.landed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::say::room;

    #[test]
    fn equal_asks_share_an_answer_and_others_do_not() {
        let (flights, coalesced, a) = (Flights::default(), Count::default(), room("a"));
        let ask = |key: &'static str| Ask::Lookup { room: room("a"), key: key.into() };
        let Joined::First(leading) = flights.join(&a, &ask("x"), &coalesced) else { panic!("nobody was before") };
        let Joined::First(other) = flights.join(&a, &ask("y"), &coalesced) else { panic!("another ask was joined") };
        std::thread::scope(|scope| {
            let joined = scope.spawn(|| match flights.join(&a, &ask("x"), &coalesced) {
                Joined::Answered(answer) => answer,
                Joined::First(_) => panic!("it was not joined"),
            });
            while coalesced.get() == 0 {
                std::thread::yield_now();
            }
            leading.land(&Ok(Outcome::Counted(7)));
            assert_eq!(joined.join().unwrap(), Ok(Outcome::Counted(7)));
        });
        drop(other);
        assert!(flights.0.lock().is_empty());
        assert!(matches!(flights.join(&a, &ask("x"), &coalesced), Joined::First(_)));
    }
}
