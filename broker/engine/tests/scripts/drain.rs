//! The node is about to stop: everybody is told to come back and resume, after what was queued for them.

use crate::client::post;
use crate::stage::Stage;
use rookery_protocol::errors::DropReason;
use rookery_protocol::limits;

#[test]
fn everybody_is_sent_away_in_order_and_whoever_still_comes_too() {
    let stage = Stage::new();
    let (ann, bob, stuck) = (stage.enter("ann"), stage.enter("bob"), stage.enter("eve"));
    let stranger = stage.connect();
    ann.listens_to("general");
    stuck.listens_to("general");
    ann.takes(0);
    stuck.takes(0);
    bob.says(&post("general", "last words"));
    bob.hears(r#"{"re":3,"ok":"placed"}"#);
    stage.shard(|shard, now| shard.drain(now, DropReason::Draining));
    let times = [&bob, &stranger].map(|client| {
        let reason = client.hears_close(4000);
        let (said, time) = reason.strip_suffix(" ms").unwrap().rsplit_once(" in ").unwrap();
        assert_eq!(said, "draining: come back (elsewhere) and resume");
        time.parse::<u64>().unwrap()
    });
    assert!(times[0] != times[1] && times.iter().all(|ms| *ms < limits::DRAIN_SPREAD_MS), "{times:?}");
    // What was queued comes first, as long as the socket takes anything.
    stage.pass(5_000);
    ann.takes(usize::MAX);
    ann.hears(r#"{"ev":"posted","body":"last words"}"#);
    assert!(ann.hears_close(4000).starts_with("draining"));
    let late = stage.connect();
    assert!(late.hears_close(4000).starts_with("draining"));
    assert!(!stuck.is_gone());
    stage.pass(5_000);
    stuck.is_cut(DropReason::Draining);
    assert_eq!(stage.shard(|shard, _| shard.edge.size().0), 0);

    // It comes back elsewhere, or here, and goes on.
    stage.crash(0, 200);
    let stuck = stage.connect();
    stuck.says(r#"{"do":"resume","id":9,"token":"eve","rooms":[{"room":"general","cursor":[0,0]}]}"#);
    stuck.hears(r#"{"re":9,"ok":"welcome"}"#);
    stuck.hears(r#"{"re":9,"ok":"subscribed"}"#);
    stuck.hears(r#"{"ev":"posted","body":"last words"}"#);
    stuck.hears(r#"{"mark":"resumed"}"#);
}

#[test]
fn a_node_at_fault_says_so_and_when_to_come_back() {
    let stage = Stage::new();
    let ann = stage.enter("ann");
    stage.shard(|shard, now| shard.drain(now, DropReason::Internal));
    for client in [ann, stage.connect()] {
        let reason = client.hears_close(1011);
        assert!(reason.starts_with("internal: come back (elsewhere) and resume in "), "{reason}");
    }
}
