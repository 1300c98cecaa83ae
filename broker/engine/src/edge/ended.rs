//! Subscriptions that a home ends: removal, deletion, replacement, lost access. In order with the events.

use super::Edge;
use super::connection::Standing;
use super::rooms::Ending;
use crate::fanout::Outbound;
use crate::message::{ConnId, Whom};
use crate::ports::Now;
use rookery_protocol::ids::RoomHandle;

impl Edge {
    /// Who has everything up to there, and nothing else, is told at once; who has not is fed that far first, or told
    /// of the gap. Who has more than that was given what is taken back by now, and has to hear of it.
    pub(super) fn ended(&mut self, now: Now, room: RoomHandle, whom: &Whom, ending: Ending, out: &mut Outbound) {
        for conn in self.concerned(room, whom) {
            let Some(sub) = self.conns.get(conn).and_then(|c| c.sub(room)).copied() else { continue };
            let Some(lane) = self.rooms.lane(room, sub.lane) else { continue };
            let (place, has_places) = (lane.place, lane.has_places());
            if sub.standing == Standing::Live {
                if place == ending.at || !has_places {
                    self.finish_ending(conn, room, ending, out);
                    continue;
                }
                self.fall_back(conn.slot, room, place);
            }
            self.end_when_fed(conn, room, ending);
            self.went_on(conn.slot, room, out);
            self.feed(now, conn.slot, out);
        }
    }

    fn concerned(&self, room: RoomHandle, whom: &Whom) -> Vec<ConnId> {
        let mut slots = Vec::new();
        match whom {
            Whom::All => {
                let lanes = self.rooms.get(room).into_iter().flat_map(|r| &r.lanes);
                slots.extend(lanes.flat_map(|l| l.slots()));
            }
            Whom::User(user) => self.users.slots_of(user, &mut slots),
            Whom::Connection(conn) => return vec![*conn],
        }
        slots.into_iter().filter_map(|slot| self.conns.at(slot)).map(|c| c.id).collect()
    }

    fn end_when_fed(&mut self, conn: ConnId, room: RoomHandle, ending: Ending) {
        let Some(sub) = self.conns.get(conn).and_then(|c| c.sub(room)).copied() else { return };
        if let Some(lane) = self.rooms.lane_mut(room, sub.lane)
            && let Some(catch_up) = lane.catching.get_mut(sub.index as usize)
            && catch_up.ending.is_none()
        {
            catch_up.ending = Some(Box::new(ending));
        }
    }

    pub(super) fn finish_ending(&mut self, conn: ConnId, room: RoomHandle, ending: Ending, out: &mut Outbound) {
        self.end_subscription(conn, room, Some(ending.at), ending.reason, out);
        if let Some(reason) = ending.close {
            self.doomed.push((conn, reason));
        }
    }
}
