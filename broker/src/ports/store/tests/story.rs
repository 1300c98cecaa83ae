//! Random rooms: whatever was submitted comes back as the plain model says, over a store that answers at once and over
//! one that answers late, with everything but the store forgotten in between.

use super::model::{Draft, Model};
use super::*;
use rookery_protocol::command::{HistoryFrom, ReadMark, Role};
use rookery_protocol::ids::DuplicateKey;
use rookery_storage::dice::Dice;

const USERS: [&str; 3] = ["ann", "bob", "eve"];

fn pick<T: Copy>(dice: &mut Dice, of: &[T]) -> T {
    of[dice.below(of.len() as u64) as usize]
}

fn step(model: &mut Model, draft: &mut Draft, dice: &mut Dice) {
    let target = model.any_message(dice.roll());
    match (dice.below(16), target) {
        (0..=3, _) => {
            let (by, sender) = (pick(dice, &USERS), pick(dice, &USERS));
            let by = if dice.per_mille(900) { sender } else { by };
            let key = match dice.below(3) {
                0 => Some(DuplicateKey::Stream { stream: dice.below(3), n: model.posted }),
                1 => Some(DuplicateKey::Free(format!("key {}", model.posted).into())),
                _ => None,
            };
            let thread = target.filter(|_| dice.per_mille(300));
            let expires_at = dice.per_mille(200).then(|| NOW - 100 + dice.below(200));
            let plain = key.is_none() && thread.is_none() && expires_at.is_none();
            model.post(draft, by, sender, |message| match plain {
                true => message,
                false => with(message, |extra| {
                    (extra.key, extra.thread, extra.expires_at) = (key, thread, expires_at);
                }),
            });
        }
        (4 | 5, Some(target)) => model.edit(draft, target, &format!("edited {}", dice.below(100))),
        (6, Some(target)) => model.delete(draft, target),
        (7, Some(target)) => model.react(draft, target, dice.per_mille(700)),
        (8, Some(target)) => model.pin(draft, target, dice.per_mille(700)),
        (9, _) => {
            let role = dice.per_mille(700).then(|| pick(dice, &[Role::Member, Role::Admin, Role::Owner]));
            model.member(draft, pick(dice, &USERS), role);
        }
        (10, _) => model.update(draft, format!("title {}", dice.below(100))),
        (11, _) if dice.per_mille(500) => model.revoke(draft, pick(dice, &["t1", "t2"]), dice.per_mille(600)),
        (11, _) => model.decide(draft, pick(dice, &["one", "two"]), dice.per_mille(600)),
        (12, _) => model.notify(draft, dice.per_mille(600)),
        (13, _) => model.effect(draft),
        (14, _) => {
            let mark = pick(dice, &[ReadMark::Delivered, ReadMark::Read]);
            model.watermark(draft, pick(dice, &USERS), mark);
        }
        _ => model.void(draft),
    }
}

fn questions(model: &Model, dice: &mut Dice) -> Vec<Fetch> {
    let (one, two) = (model.any_place(dice.roll()), model.any_place(dice.roll()));
    let limit = pick(dice, &[1, 2, 5, 50]);
    let fence = if dice.per_mille(600) { END } else { two };
    let n = dice.below(10);
    let user = user(pick(dice, &USERS));
    let froms = [
        HistoryFrom::Newest,
        HistoryFrom::Before(one),
        HistoryFrom::After(one),
        HistoryFrom::Around(one),
        HistoryFrom::FromOldest(n),
        HistoryFrom::FromNewest(n),
    ];
    let from = pick(dice, &froms);
    let key = match dice.below(2) {
        0 => DuplicateKey::Stream { stream: dice.below(3), n: dice.below(model.posted + 1) },
        _ => DuplicateKey::Free(format!("key {}", dice.below(model.posted + 1)).into()),
    };
    let mut questions = vec![
        Fetch::Message(one),
        Fetch::Key { user: user.clone(), key },
        Fetch::Stream { user: user.clone(), stream: dice.below(4) },
        Fetch::Page { from, limit, thread: None, fence },
        Fetch::Replay { after: one, limit, fence },
        Fetch::BySender { user, after: one, limit },
        Fetch::Expired { at: NOW - 100 + dice.below(200), limit },
    ];
    // A reply that was taken back leaves a row; counting by rows is only exact without.
    if let Some(root) = model.messages.keys().nth(dice.below(5) as usize).filter(|_| !model.retracted) {
        questions.push(Fetch::Page { from, limit, thread: Some(*root), fence });
    }
    questions
}

/// In the order of the model, which is no promise.
fn sorted(mut image: RoomImage) -> RoomImage {
    image.effects_taken.sort();
    image.streams.sort();
    image
}

fn tell(mut rig: Rig, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut model = Model::new();
    for number in 0..40 {
        let mut draft = Draft::default();
        match dice.below(30) {
            0 => model.wipe(&mut draft),
            1 => model.retract(&mut draft, model.any_place(dice.roll())),
            _ => {}
        }
        for _ in 0..1 + dice.below(4) {
            step(&mut model, &mut draft, &mut dice);
        }
        rig.write(draft.events, draft.rows);
        if number % 8 == 7 {
            rig.restart();
            assert_eq!(sorted(rig.load()), model.image(), "seed {seed}, batch {number}");
        }
        for what in questions(&model, &mut dice) {
            assert_eq!(rig.fetch(&what), model.fetch(&what), "seed {seed}, batch {number}: {what:?}");
        }
    }
    assert_eq!(rig.port.unreadable(), 0);
    assert!(rig.port.is_idle());
}

#[test]
fn rooms_come_back_at_once() {
    for seed in 0..120 {
        tell(Rig::prompt(), seed);
    }
}

#[test]
fn rooms_come_back_late() {
    for seed in 0..40 {
        tell(Rig::late(seed, [AckLevel::Local, AckLevel::Durable][seed as usize % 2]), 1000 + seed);
    }
}
