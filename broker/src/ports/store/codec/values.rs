//! Values inside payloads and rows: settings of a room, facts, notices, effects.

use super::bytes::{Reader, put_name, put_number, put_place, put_room, put_text};
use rookery_engine::message::{Action, CauseEffect, EffectId};
use rookery_protocol::command::Access;
use rookery_protocol::event::{Fact, FactKind, Notice, NoticeKind, RoomInfo};

const LISTED: u8 = 1;
const ARCHIVED: u8 = 2;
const DELETED: u8 = 4;
const HAS_CREATOR: u8 = 8;
const INFO_FLAGS: u8 = LISTED | ARCHIVED | DELETED | HAS_CREATOR;

pub fn put_info(out: &mut Vec<u8>, info: &RoomInfo) {
    let flag = |on: bool, flag: u8| if on { flag } else { 0 };
    out.push(
        flag(info.listed, LISTED)
            | flag(info.archived, ARCHIVED)
            | flag(info.deleted, DELETED)
            | flag(info.creator.is_some(), HAS_CREATOR),
    );
    out.push(info.access as u8);
    put_number(out, info.created_at);
    if let Some(creator) = &info.creator {
        put_name(out, creator);
    }
    put_text(out, &info.title);
    put_text(out, &info.topic);
    put_text(out, &info.description);
    put_text(out, &info.metadata);
}

pub fn take_info(from: &mut Reader<'_>) -> Option<RoomInfo> {
    let flags = from.byte().filter(|flags| flags & !INFO_FLAGS == 0)?;
    let access = Access::from_number(u64::from(from.byte()?))?;
    let created_at = from.number()?;
    let creator = if flags & HAS_CREATOR != 0 { Some(from.name()?) } else { None };
    Some(RoomInfo {
        title: from.text()?,
        topic: from.text()?,
        description: from.text()?,
        access,
        listed: flags & LISTED != 0,
        archived: flags & ARCHIVED != 0,
        deleted: flags & DELETED != 0,
        creator,
        created_at,
        metadata: from.text()?,
    })
}

pub fn put_fact(out: &mut Vec<u8>, fact: &Fact) {
    out.push(fact.kind() as u8);
    match fact {
        Fact::RoomListed { room, title } => {
            put_room(out, room);
            put_text(out, title);
        }
        Fact::RoomUnlisted { room } => put_room(out, room),
        Fact::NameTaken { name, holder } => {
            put_name(out, name);
            put_name(out, holder);
        }
        Fact::NameReleased { name } => put_name(out, name),
        Fact::NumbersTaken { counter, first, count } => {
            put_name(out, counter);
            put_number(out, *first);
            put_number(out, u64::from(*count));
        }
        Fact::DirectPaired { low, high, room } => {
            put_name(out, low);
            put_name(out, high);
            put_name(out, room);
        }
        Fact::UserSeen { user, display } => {
            put_name(out, user);
            put_text(out, display);
        }
        Fact::UserErased { user } => put_name(out, user),
        Fact::TokenRevoked { id } => put_name(out, id),
        Fact::UserRevoked { user, issued_before } => {
            put_name(out, user);
            put_number(out, *issued_before);
        }
    }
}

pub fn take_fact(from: &mut Reader<'_>) -> Option<Fact> {
    Some(match FactKind::from_number(u64::from(from.byte()?))? {
        FactKind::RoomListed => Fact::RoomListed { room: from.room()?, title: from.text()? },
        FactKind::RoomUnlisted => Fact::RoomUnlisted { room: from.room()? },
        FactKind::NameTaken => Fact::NameTaken { name: from.name()?, holder: from.name()? },
        FactKind::NameReleased => Fact::NameReleased { name: from.name()? },
        FactKind::NumbersTaken => Fact::NumbersTaken {
            counter: from.name()?,
            first: from.number()?,
            count: u32::try_from(from.number()?).ok()?,
        },
        FactKind::DirectPaired => Fact::DirectPaired { low: from.name()?, high: from.name()?, room: from.name()? },
        FactKind::UserSeen => Fact::UserSeen { user: from.name()?, display: from.text()? },
        FactKind::UserErased => Fact::UserErased { user: from.name()? },
        FactKind::TokenRevoked => Fact::TokenRevoked { id: from.name()? },
        FactKind::UserRevoked => Fact::UserRevoked { user: from.name()?, issued_before: from.number()? },
    })
}

pub fn put_notice(out: &mut Vec<u8>, notice: &Notice) {
    put_room(out, &notice.room);
    put_place(out, notice.place);
    out.push(notice.kind as u8);
}

pub fn take_notice(from: &mut Reader<'_>) -> Option<Notice> {
    let (room, place) = (from.room()?, from.place()?);
    Some(Notice { room, place, kind: NoticeKind::from_number(u64::from(from.byte()?))? })
}

pub fn put_effect_id(out: &mut Vec<u8>, id: &EffectId) {
    put_room(out, &id.cause);
    put_place(out, id.place);
    put_number(out, u64::from(id.index));
}

pub fn take_effect_id(from: &mut Reader<'_>) -> Option<EffectId> {
    let (cause, place) = (from.room()?, from.place()?);
    Some(EffectId { cause, place, index: u16::try_from(from.number()?).ok()? })
}

const NOTIFY: u8 = 1;
const RECORD: u8 = 2;
const BEGIN_DIRECT: u8 = 3;
const ERASE_USER: u8 = 4;

pub fn put_effect(out: &mut Vec<u8>, effect: &CauseEffect) {
    put_effect_id(out, &effect.id);
    put_room(out, &effect.target);
    put_name(out, &effect.by);
    put_number(out, effect.at);
    match &effect.action {
        Action::Notify(notice) => {
            out.push(NOTIFY);
            put_notice(out, notice);
        }
        Action::Record(fact) => {
            out.push(RECORD);
            put_fact(out, fact);
        }
        Action::BeginDirect { low, high } => {
            out.push(BEGIN_DIRECT);
            put_name(out, low);
            put_name(out, high);
        }
        Action::EraseUser { user } => {
            out.push(ERASE_USER);
            put_name(out, user);
        }
    }
}

pub fn take_effect(from: &mut Reader<'_>) -> Option<CauseEffect> {
    let (id, target, by, at) = (take_effect_id(from)?, from.room()?, from.name()?, from.number()?);
    let action = match from.byte()? {
        NOTIFY => Action::Notify(take_notice(from)?),
        RECORD => Action::Record(take_fact(from)?),
        BEGIN_DIRECT => Action::BeginDirect { low: from.name()?, high: from.name()? },
        ERASE_USER => Action::EraseUser { user: from.name()? },
        _ => return None,
    };
    Some(CauseEffect { id, target, by, at, action })
}
