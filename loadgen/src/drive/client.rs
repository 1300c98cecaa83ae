//! One connection of a run: what it is for, and how far it is.

use super::judge::Listener;
use super::link::Link;
use crate::adapter::Place;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Connecting, upgrading, and what is said before anything else.
    Opening,
    /// It has asked for its room. A sender without a seat may join the rooms that it speaks in, one after the other.
    Joining,
    In,
    /// It has said that it leaves its room.
    Leaving,
    /// It has said goodbye.
    Closing,
    /// It comes back later.
    Away,
    Gone,
}

pub struct Client {
    /// Its number in the whole run: its user's name, and which target it goes to.
    pub connection: usize,
    pub language: usize,
    pub link: Option<Link>,
    /// What the target gave this connection to show again.
    pub voucher: Option<Box<str>>,
    /// Of links; events of an earlier one are nobody's.
    pub generation: u32,
    pub step: Step,
    /// When this time began.
    pub began_ns: u64,
    pub seat: Option<Sitting>,
    /// Index among its thread's senders.
    pub sender: Option<usize>,
}

/// A client in its seat.
pub struct Sitting {
    pub room: u16,
    pub track: usize,
    pub listener: Listener,
    /// The place of the last message it saw.
    pub cursor: Place,
    pub is_slow: bool,
    /// It has been in its seat and is owed what it misses while it is away.
    pub is_owed: bool,
}

impl Client {
    pub fn token(&self, index: usize) -> u64 {
        u64::from(self.generation) << 32 | index as u64
    }
}
