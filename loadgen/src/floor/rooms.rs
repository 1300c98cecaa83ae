//! Who listens to which room: lists of slots, left in constant time.

use super::conn::Conns;

#[derive(Default)]
pub struct Rooms(Vec<Vec<u32>>);

impl Rooms {
    pub fn subscribers(&self, room: u16) -> &[u32] {
        self.0.get(usize::from(room)).map_or(&[], Vec::as_slice)
    }

    /// Seats a connection in a room. It holds one seat: a second subscription replaces the first.
    pub fn enter(&mut self, conns: &mut Conns, slot: u32, room: u16) {
        self.leave(conns, slot);
        let Some(conn) = conns.get(slot) else { return };
        let index = usize::from(room);
        if index >= self.0.len() {
            self.0.resize_with(index + 1, Vec::new);
        }
        conn.seat = Some((room, self.0[index].len() as u32));
        self.0[index].push(slot);
    }

    pub fn leave(&mut self, conns: &mut Conns, slot: u32) {
        if let Some(seat) = conns.get(slot).and_then(|conn| conn.seat.take()) {
            self.vacate(conns, seat);
        }
    }

    /// Empties a seat; the room's last subscriber moves into it.
    pub fn vacate(&mut self, conns: &mut Conns, (room, position): (u16, u32)) {
        let Some(list) = self.0.get_mut(usize::from(room)) else {
            return;
        };
        list.swap_remove(position as usize);
        if let Some(&moved) = list.get(position as usize)
            && let Some(conn) = conns.get(moved)
        {
            conn.seat = Some((room, position));
        }
    }
}
