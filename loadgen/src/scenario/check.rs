//! What a scenario may not ask for: the key, and what is wrong with it, in words that say how to mend it.

use super::{Pace, Scenario};
use crate::marker::{BODY_MIN, ROOMS_MAX};

/// More than a machine can hold as descriptors or ports; a slip of the pen rather than a wish.
const SEATS_MAX: u64 = 1_000_000;

const SECONDS_MAX: f64 = 24.0 * 3_600.0;

/// A key and what is wrong with its value.
pub type Complaint = (&'static str, String);

pub fn check(scenario: &Scenario) -> Result<(), Complaint> {
    let Scenario { rooms, members, posts, pages, storm, time, .. } = scenario;
    let within = |key: &'static str, value: f64, least: f64, most: f64| {
        if value.is_finite() && (least..=most).contains(&value) {
            return Ok(());
        }
        Err((key, format!("{value} is not a number from {least} to {most}")))
    };
    within("rooms.count", f64::from(rooms.count), 1.0, f64::from(ROOMS_MAX))?;
    within("rooms.seats", f64::from(rooms.seats), 1.0, SEATS_MAX as f64)?;
    within("rooms.zipf", rooms.zipf, 0.0, 4.0)?;
    if rooms.all_seats() > SEATS_MAX {
        return Err(("rooms.seats", format!("{} seats in all are more than {SEATS_MAX}", rooms.all_seats())));
    }
    within("members.slow_share", members.slow_share, 0.0, 1.0)?;
    within("members.slow_bytes_per_second", f64::from(members.slow_bytes_per_second), 1.0, 1e9)?;
    for (key, span) in [
        ("members.stay_seconds", members.stay_seconds.unwrap_or_default()),
        ("members.away_seconds", members.away_seconds),
    ] {
        within(key, span[0], 0.0, SECONDS_MAX)?;
        within(key, span[1], span[0], SECONDS_MAX)?;
    }
    within("members.typing_rate", members.typing_rate, 0.0, 1e7)?;
    within("members.history", f64::from(members.history), 0.0, 200.0)?;
    within("posts.rate", posts.rate, 0.0, 1e8)?;
    within("posts.in_flight", f64::from(posts.in_flight), 0.0, 100_000.0)?;
    within("posts.body", f64::from(posts.body), BODY_MIN as f64, 1_000_000.0)?;
    if posts.rate > 0.0 && posts.in_flight > 0 {
        return Err(("posts.in_flight", "either a rate or so many in flight, not both".to_owned()));
    }
    if posts.senders > rooms.count {
        let hint = "a sender has at least one room of its own, so that the judge knows the order";
        return Err(("posts.senders", format!("{} senders for {} rooms: {hint}", posts.senders, rooms.count)));
    }
    let moves = members.stay_seconds.is_some() || storm.every_seconds > 0.0;
    if moves && matches!(posts.pace(), Pace::InFlight(_)) {
        let hint = "a message is in flight until its last listener has it, and here listeners leave; give a rate";
        return Err(("posts.in_flight", hint.to_owned()));
    }
    if moves && posts.from_seats {
        return Err(("posts.from_seats", "members that leave cannot be the senders".to_owned()));
    }
    if members.slow_share > 0.0 && posts.in_flight > 0 {
        let hint = "a message would be in flight until the slowest listener has it; give a rate";
        return Err(("posts.in_flight", hint.to_owned()));
    }
    within("pages.rate", pages.rate, 0.0, 1e6)?;
    within("pages.size", f64::from(pages.size), 1.0, 200.0)?;
    within("pages.prepared", f64::from(pages.prepared), 0.0, 1e7)?;
    within("storm.every_seconds", storm.every_seconds, 0.0, SECONDS_MAX)?;
    within("storm.share", storm.share, 0.0, 1.0)?;
    within("time.warm_up_seconds", time.warm_up_seconds, 0.0, SECONDS_MAX)?;
    within("time.seconds", time.seconds, 0.01, SECONDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Posts, Rooms, Storm};

    #[test]
    fn what_cannot_be_run_or_judged_is_named_by_its_key() {
        assert_eq!(check(&Scenario::default()), Ok(()));
        let key = |scenario: &Scenario| check(scenario).unwrap_err().0;
        let with = |posts| Scenario { posts, ..Scenario::default() };
        assert_eq!(key(&with(Posts { senders: 2, ..Posts::default() })), "posts.senders");
        assert_eq!(key(&with(Posts { body: 3, ..Posts::default() })), "posts.body");
        assert_eq!(key(&with(Posts { rate: f64::NAN, ..Posts::default() })), "posts.rate");
        assert_eq!(key(&with(Posts { rate: 5.0, in_flight: 5, ..Posts::default() })), "posts.in_flight");
        let storm = Storm { every_seconds: 1.0, ..Storm::default() };
        let moving = Scenario { storm, ..with(Posts { in_flight: 8, ..Posts::default() }) };
        assert_eq!(key(&moving), "posts.in_flight");
        let rooms = Rooms { count: 60_000, seats: 1_000, zipf: 0.0 };
        assert_eq!(key(&Scenario { rooms, ..Scenario::default() }), "rooms.seats");
    }
}
