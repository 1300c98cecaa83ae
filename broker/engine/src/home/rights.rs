//! Who may do what in a room: the one table of rights, for deciding and for checking again.

use super::state::RoomState;
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::command::{Access, Role};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Name, RoomKey, RoomKind, UserId};
use rookery_protocol::principal::{Principal, covers};
use rookery_protocol::reply::Refusal;

/// Whose wish it is. A backend's rights do not come from the room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor<'a> {
    pub user: &'a UserId,
    pub privileged: bool,
}

/// What a right asks of the actor, beyond being let into the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Post, react, join in: who may enter may do it.
    Take,
    /// Pin: for all in rooms without members, for admins in the others.
    Highlight,
    /// Delete others' messages, update, archive, invite, remove, set roles below owner.
    Manage,
    /// Delete the room; whatever touches owners.
    Own,
}

pub(crate) fn may(state: &RoomState, actor: Actor<'_>, right: Right) -> Result<(), ErrorCode> {
    if actor.privileged {
        return Ok(());
    }
    let role = state.role(actor.user);
    let least = match right {
        Right::Take if state.access() == Access::Members => Role::Member,
        Right::Highlight if state.access() == Access::Members => Role::Admin,
        Right::Take | Right::Highlight => return Ok(()),
        Right::Manage => Role::Admin,
        Right::Own => Role::Owner,
    };
    match role {
        Some(role) if role >= least => Ok(()),
        Some(_) => Err(ErrorCode::NotAllowed),
        None if state.access() == Access::Members => Err(ErrorCode::NotAMember),
        None => Err(ErrorCode::NotAllowed),
    }
}

pub(crate) fn has_claim(who: &Principal, room: &Name) -> bool {
    who.claims.iter().any(|claim| covers(claim.as_str(), room.as_str()))
}

/// What the token itself allows: looked at before the room is, and for all that comes by a connection.
pub(crate) fn allowed_by_token(who: &Principal, command: CommandKind, room: &RoomKey) -> Result<(), Refusal> {
    if who.can(command, room) {
        return Ok(());
    }
    let what = command.row().word;
    Err(Refusal::because(
        ErrorCode::NotAllowed,
        format!("the token is not good for `{what}` in {:?}", room.name.as_str()),
    ))
}

/// Whether the principal may be in the room at all: read it, and subscribe to it.
pub(crate) fn enter(state: &RoomState, key: &RoomKey, implicit: bool, who: &Principal) -> Result<(), ErrorCode> {
    if key.realm != who.realm && !who.powers.any_realm {
        return Err(ErrorCode::NotAllowed);
    }
    match key.kind {
        RoomKind::Room => {
            if state.is_deleted() || (state.info.is_none() && !implicit) {
                return Err(ErrorCode::NoSuchRoom);
            }
        }
        RoomKind::Direct => {
            if !state.is_created() {
                return Err(ErrorCode::NoSuchRoom);
            }
        }
        RoomKind::Inbox => return if who.user == key.name { Ok(()) } else { backend(who) },
        RoomKind::Lobby | RoomKind::Directory => {
            let own = who.organisation.as_ref().map_or("*", Name::as_str);
            return if own == key.name.as_str() { Ok(()) } else { backend(who) };
        }
    }
    if who.powers.backend {
        return Ok(());
    }
    match state.access() {
        Access::Open => Ok(()),
        Access::Claims if has_claim(who, &key.name) || state.role(&who.user).is_some() => Ok(()),
        Access::Claims => Err(ErrorCode::NotAllowed),
        Access::Members if state.role(&who.user).is_some() => Ok(()),
        Access::Members => Err(ErrorCode::NotAMember),
    }
}

fn backend(who: &Principal) -> Result<(), ErrorCode> {
    if who.powers.backend { Ok(()) } else { Err(ErrorCode::NotAllowed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::principal;
    use rookery_protocol::event::RoomInfo;
    use std::sync::Arc;

    fn key(kind: RoomKind, name: &'static str) -> RoomKey {
        RoomKey { realm: Name::literal("main"), kind, name: Name::literal(name) }
    }

    fn state(access: Access) -> RoomState {
        let info = RoomInfo { access, ..RoomInfo::default() };
        let mut state = RoomState { info: Some(Arc::new(info)), ..RoomState::default() };
        state.set_role(&Name::literal("olga"), Some(Role::Owner));
        state.set_role(&Name::literal("adam"), Some(Role::Admin));
        state.set_role(&Name::literal("mary"), Some(Role::Member));
        state
    }

    #[test]
    fn rights_rise_with_the_role() {
        let members = state(Access::Members);
        let open = state(Access::Open);
        let table = [
            ("olga", [true, true, true, true], [true, true, true, true]),
            ("adam", [true, true, true, false], [true, true, true, false]),
            ("mary", [true, false, false, false], [true, true, false, false]),
            ("rita", [false, false, false, false], [true, true, false, false]),
        ];
        for (user, in_members, in_open) in table {
            let user = Name::literal(user);
            let actor = Actor { user: &user, privileged: false };
            let rights = [Right::Take, Right::Highlight, Right::Manage, Right::Own];
            assert_eq!(rights.map(|r| may(&members, actor, r).is_ok()), in_members, "{user} in a room of members");
            assert_eq!(rights.map(|r| may(&open, actor, r).is_ok()), in_open, "{user} in an open room");
            let backend = Actor { user: &user, privileged: true };
            assert!(rights.iter().all(|r| may(&members, backend, *r).is_ok()));
        }
    }

    #[test]
    fn who_enters() {
        let room = key(RoomKind::Room, "den");
        let ann = principal("ann");
        assert_eq!(enter(&RoomState::default(), &room, true, &ann), Ok(()));
        assert_eq!(enter(&RoomState::default(), &room, false, &ann), Err(ErrorCode::NoSuchRoom));
        assert_eq!(enter(&state(Access::Members), &room, true, &ann), Err(ErrorCode::NotAMember));
        assert_eq!(enter(&state(Access::Members), &room, true, &principal("mary")), Ok(()));
        assert_eq!(enter(&state(Access::Claims), &room, true, &ann), Err(ErrorCode::NotAllowed));
        for claim in ["den", "*"] {
            let claiming = Principal { claims: vec![Name::literal(claim)], ..ann.clone() };
            assert_eq!(enter(&state(Access::Claims), &room, true, &claiming), Ok(()));
        }
        let stranger = Principal { realm: Name::literal("other"), ..ann.clone() };
        assert_eq!(enter(&state(Access::Open), &room, true, &stranger), Err(ErrorCode::NotAllowed));
    }

    #[test]
    fn an_inbox_is_its_users_own() {
        let ann = principal("ann");
        assert_eq!(enter(&RoomState::default(), &key(RoomKind::Inbox, "ann"), true, &ann), Ok(()));
        assert_eq!(enter(&RoomState::default(), &key(RoomKind::Inbox, "bob"), true, &ann), Err(ErrorCode::NotAllowed));
        assert_eq!(enter(&RoomState::default(), &key(RoomKind::Lobby, "*"), true, &ann), Ok(()));
        assert_eq!(enter(&RoomState::default(), &key(RoomKind::Lobby, "org"), true, &ann), Err(ErrorCode::NotAllowed));
    }
}
