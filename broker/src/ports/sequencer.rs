//! The sequencer of a single node: the next number, in the same turn. A room lives on one shard, so nobody competes.

use rookery_engine::ports::{SequenceRequest, Sequenced};
use rookery_protocol::ids::{Place, Seq};

/// Duplicate keys need no look here: the home, which knows every key of the room, has looked before it proposed.
pub fn next(request: &SequenceRequest<'_>) -> Sequenced {
    if request.expect.is_some_and(|expected| expected != request.after) {
        return Sequenced::Unexpected;
    }
    Sequenced::Placed(Place { epoch: request.run.max(request.after.epoch), seq: Seq(request.after.seq.0 + 1) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::ids::{Epoch, Name, RoomHandle, RoomKey, RoomKind};

    #[test]
    fn numbers_follow_and_a_new_run_opens_an_epoch() {
        let key = RoomKey { realm: Name::literal("main"), kind: RoomKind::Room, name: Name::literal("a") };
        let ask = |after, expect| {
            next(&SequenceRequest { room: &key, handle: RoomHandle(1), after, run: Epoch(7), key: None, expect })
        };
        assert_eq!(ask(Place::START, None), Sequenced::Placed(Place::new(7, 1)));
        assert_eq!(ask(Place::new(7, 1), None), Sequenced::Placed(Place::new(7, 2)));
        assert_eq!(ask(Place::new(5, 9), None), Sequenced::Placed(Place::new(7, 10)));
        assert_eq!(ask(Place::new(5, 9), Some(Place::new(5, 8))), Sequenced::Unexpected);
        assert_eq!(ask(Place::new(5, 9), Some(Place::new(5, 9))), Sequenced::Placed(Place::new(7, 10)));
    }
}
