//! What comes late, or is damaged: old versions never win, and nothing wrong is served.

use crate::server::{keyspace, runtime, say, session};
use rookery_storage::ask::{Ask, PageAsk, PageFrom, Position, ReplayAsk};
use rookery_storage::batch::Batch;
use rookery_storage::conformance::bench::END;
use rookery_storage::conformance::say::{change, edit, events, message, put, rewrite, rewrites, room};
use rookery_storage::scylla::{Scylla, ScyllaOptions};
use rookery_storage::{Entry, Fault, Outcome, Place, Record, Settled, Table};
use scylla::client::session::Session;

fn apply(settled: &Scylla, position: u64, batch: Batch) {
    settled.apply(vec![Entry::new(Position(position), batch)]).unwrap();
}

fn text(settled: &Scylla) -> String {
    let fetch = Ask::Fetch { room: room("a"), places: vec![Place::new(1, 1)], now: 0 };
    let Outcome::Fetched(found) = settled.answer(&fetch).unwrap() else { panic!("not fetched") };
    String::from_utf8(found[0].as_ref().unwrap().payload.to_vec()).unwrap()
}

fn again(options: &ScyllaOptions, settled: Scylla) -> Scylla {
    drop(settled);
    Scylla::open(options, runtime()).unwrap()
}

/// Something that was said before, to be said again later as the network would.
struct Said(String);

/// Every column of one row with the moment it was written at.
fn heard(session: &Session, options: &ScyllaOptions, table: &str, columns: &[&str], wher: &str) -> Said {
    let ks = &options.keyspace;
    let key = ["realm", "kind", "name"];
    let moment = columns.last().unwrap();
    let all = columns.iter().map(|column| format!("toJson({column})")).collect::<Vec<_>>().join(", ");
    let asked = format!("SELECT {all}, writetime({moment}) FROM {ks}.{table} WHERE {wher}");
    let rows = say(session, &asked).into_rows_result().unwrap();
    let row = rows.first_row::<scylla::value::Row>().unwrap();
    let values: Vec<String> = row
        .columns
        .iter()
        .map(|value| {
            let value = value.as_ref().unwrap();
            value.as_text().map_or_else(|| value.as_bigint().unwrap().to_string(), |text| text.replace('\'', "''"))
        })
        .collect();
    let (at, values) = values.split_last().unwrap();
    let fields: Vec<String> =
        columns.iter().zip(values).map(|(column, value)| format!("\"{column}\": {value}")).collect();
    let room = format!("\"{}\": \"home\", \"{}\": 0, \"{}\": \"a\"", key[0], key[1], key[2]);
    Said(format!("INSERT INTO {ks}.{table} JSON '{{{room}, {}}}' USING TIMESTAMP {at}", fields.join(", ")))
}

const ROOM: &str = "realm = 'home' AND kind = 0 AND name = 'a'";
const MESSAGE: [&str; 4] = ["bucket", "seq", "epoch", "record"];

#[test]
fn an_edit_never_goes_back() {
    let (options, session) = (keyspace(), session());
    let first = format!("{ROOM} AND bucket = 0 AND seq = 1 AND epoch = 1");
    let settled = Scylla::open(&options, runtime()).unwrap();
    let a = room("a");
    apply(
        &settled,
        1,
        Batch { rows: vec![put(Table::Members, "ann", "1")], ..events(&a, vec![message((1, 1), 1, "posted")]) },
    );
    let posted = heard(&session, &options, "messages", &MESSAGE, &first);
    let member = format!("{ROOM} AND tbl = 2");
    let row = heard(&session, &options, "room_rows", &["tbl", "row_key", "row_value"], &member);
    let room_columns = ["journals", "pending", "stamp", "generation", "meta"];
    let stood = heard(&session, &options, "rooms", &room_columns, ROOM);
    apply(
        &settled,
        2,
        Batch {
            rewrites: vec![rewrite((1, 1), (1, 3), "edited")],
            ..events(&a, vec![change((1, 2), ""), edit((1, 3), (1, 1))])
        },
    );
    let edited = heard(&session, &options, "messages", &MESSAGE, &first);
    // The next run drops the tail with the edit in it, and edits by itself, at a lower seq.
    apply(
        &settled,
        3,
        Batch {
            rewrites: vec![rewrite((1, 1), (2, 2), "edited in the next epoch")],
            rows: vec![put(Table::Members, "ann", "2")],
            ..events(&a, vec![edit((2, 2), (1, 1))])
        },
    );
    for late in [&posted, &edited, &row, &stood] {
        say(&session, &late.0);
    }
    let settled = again(&options, settled);
    assert_eq!(text(&settled), "edited in the next epoch");
    let Outcome::Loaded(state) = settled.answer(&Ask::Load { room: a.clone() }).unwrap() else { panic!("not loaded") };
    assert_eq!((state.newest, state.messages), (Place::new(2, 2), 1));
    assert_eq!(state.rows[0].value, "2");
    // Nor does a backfill, which says what was said, win over what is there.
    apply(&settled, 4, rewrites(&a, vec![rewrite((1, 1), (1, 3), "edited")]));
    assert_eq!(text(&again(&options, settled)), "edited in the next epoch");
}

#[test]
fn what_a_dead_epoch_left_masks_nothing() {
    let (options, session) = (keyspace(), session());
    let settled = Scylla::open(&options, runtime()).unwrap();
    let a = room("a");
    apply(&settled, 1, events(&a, vec![message((5, 1), 1, "posted"), message((5, 2), 2, "kept")]));
    // Another node wrote on in an epoch that nobody was promised, and its commit never came.
    let ks = &options.keyspace;
    let mut bytes = Vec::new();
    message((5, 3), 3, "phantom").encode(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    say(
        &session,
        &format!(
            "INSERT INTO {ks}.messages (realm, kind, name, bucket, seq, epoch, record) \
         VALUES ('home', 0, 'a', 0, 3, 5, 0x{hex}) USING TIMESTAMP 5000003"
        ),
    );
    let settled = again(&options, settled);
    apply(&settled, 2, events(&a, vec![message((9, 3), 3, "real"), message((9, 4), 4, "too")]));
    let settled = again(&options, settled);
    let page = PageAsk { room: a.clone(), thread: None, from: PageFrom::Newest, limit: 9, fence: END, now: 0 };
    let Outcome::Page(page) = settled.answer(&Ask::Page(page)).unwrap() else { panic!("no page") };
    let texts: Vec<_> = page.records.iter().map(|record| record.payload.clone()).collect();
    assert_eq!(texts, ["posted", "kept", "real", "too"]);
    let replay = ReplayAsk { room: a, after: Place::new(5, 3), limit: 9, fence: END, now: 0 };
    let Outcome::Replay(replay) = settled.answer(&Ask::Replay(replay)).unwrap() else { panic!("no replay") };
    let rookery_storage::Replay::Run(run) = *replay else { panic!("nothing was trimmed") };
    assert_eq!((run.retract, run.items.len()), (Some(Place::new(5, 2)), 2));
}

#[test]
fn damaged_records_are_not_served() {
    let (options, session) = (keyspace(), session());
    let settled = Scylla::open(&options, runtime()).unwrap();
    let a = room("a");
    let records: Vec<Record> = (1..=3).map(|seq| message((1, seq), seq, "words")).collect();
    apply(&settled, 1, Batch { rows: vec![put(Table::Members, "ann", "1")], ..events(&a, records.clone()) });
    let ks = &options.keyspace;
    let fetch = |seq| Ask::Fetch { room: a.clone(), places: vec![Place::new(1, seq)], now: 0 };
    let page =
        Ask::Page(PageAsk { room: a.clone(), thread: None, from: PageFrom::Newest, limit: 9, fence: END, now: 0 });
    let place = format!("{ROOM} AND bucket = 0 AND epoch = 1 AND seq = 2");
    let mut other = Vec::new();
    records[2].encode(&mut other);
    let other: String = other.iter().map(|byte| format!("{byte:02x}")).collect();
    // Not a record; and one that is whole, but of another place.
    for bytes in ["0011223344", &other] {
        say(&session, &format!("UPDATE {ks}.messages SET record = 0x{bytes} WHERE {place}"));
        for ask in [fetch(2), page.clone()] {
            let fault = settled.answer(&ask).unwrap_err();
            let at = (Some(a.clone()), Some(Place::new(1, 2)));
            assert!(matches!(&fault, Fault::Damaged { room, place, .. } if (room.clone(), *place) == at), "{fault}");
        }
        assert_eq!(settled.answer(&fetch(3)), Ok(Outcome::Fetched(vec![Some(records[2].clone())])));
    }
    say(&session, &format!("DELETE FROM {ks}.messages WHERE {place}"));
    assert!(matches!(settled.answer(&page), Err(Fault::Damaged { .. })), "a hole is seen");
    let row = Ask::Row { room: a.clone(), table: Table::Members, key: "ann".into() };
    assert!(settled.answer(&row).is_ok());
    say(
        &session,
        &format!("UPDATE {ks}.room_rows SET row_value = 0x00 WHERE {ROOM} AND tbl = 2 AND row_key = 0x616e6e"),
    );
    assert!(matches!(settled.answer(&row), Err(Fault::Damaged { .. })));
    say(&session, &format!("UPDATE {ks}.rooms SET meta = 0x0102 WHERE {ROOM}"));
    let settled = again(&options, settled);
    assert!(matches!(settled.answer(&fetch(3)), Err(Fault::Damaged { .. })));
}
