//! Every statement of the store, prepared once. Writes are named by [`Verb`], reads by [`Query`].

use super::schema::in_keyspace;
use crate::settled::Fault;
use scylla::client::session::Session;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;

macro_rules! statements {
    ($(#[$doc:meta])* $name:ident: $($verb:ident = $number:literal $cql:expr;)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($verb = $number),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$verb),+];

            const fn cql(self) -> &'static str {
                match self { $($name::$verb => $cql),+ }
            }

            #[allow(dead_code)] // Only what is kept in rows is read back by its number.
            pub fn from_number(number: u64) -> Option<$name> {
                Self::ALL.iter().copied().find(|one| *one as u64 == number)
            }
        }
    };
}

statements! {
    /// Numbers are on disk, in what a room has not done yet, and never change.
    Verb:
    PutMessage = 1 "INSERT INTO {ks}.messages (realm, kind, name, bucket, seq, epoch, record) \
        VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    PutChange = 2 "INSERT INTO {ks}.changes (realm, kind, name, bucket, seq, epoch, record) \
        VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    PutDuplicate = 3 "INSERT INTO {ks}.duplicates (realm, kind, name, dup, seq, epoch, ordinal) \
        VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    PutThread = 4 "INSERT INTO {ks}.threads (realm, kind, name, root_epoch, root_seq, number, epoch, seq) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    PutMark = 5 "INSERT INTO {ks}.marks (realm, kind, name, bucket, ordinal, epoch, seq) \
        VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    PutExpiring = 6 "INSERT INTO {ks}.expiring (realm, kind, name, expires, seq, epoch) \
        VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    PutRow = 7 "INSERT INTO {ks}.room_rows (realm, kind, name, tbl, row_key, row_value) \
        VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    PutScan = 8 "INSERT INTO {ks}.scans (tbl, part, realm, kind, name, row_key) \
        VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    DropMessages = 9 "DELETE FROM {ks}.messages USING TIMESTAMP ? WHERE realm = ? AND kind = ? AND name = ? \
        AND bucket = ? AND seq >= ? AND seq <= ?";
    DropChanges = 10 "DELETE FROM {ks}.changes USING TIMESTAMP ? WHERE realm = ? AND kind = ? AND name = ? \
        AND bucket = ? AND seq >= ? AND seq <= ?";
    DropDuplicate = 11 "DELETE FROM {ks}.duplicates USING TIMESTAMP ? WHERE realm = ? AND kind = ? AND name = ? \
        AND dup = ? AND seq = ? AND epoch = ?";
    DropThread = 12 "DELETE FROM {ks}.threads USING TIMESTAMP ? WHERE realm = ? AND kind = ? AND name = ? \
        AND root_epoch = ? AND root_seq = ? AND number >= ? AND number <= ?";
    DropMarks = 13 "DELETE FROM {ks}.marks USING TIMESTAMP ? WHERE realm = ? AND kind = ? AND name = ? \
        AND bucket = ? AND ordinal >= ? AND ordinal <= ?";
    DropExpiring = 14 "DELETE FROM {ks}.expiring USING TIMESTAMP ? WHERE realm = ? AND kind = ? AND name = ? \
        AND expires = ? AND seq = ? AND epoch = ?";
    DropRow = 15 "DELETE FROM {ks}.room_rows USING TIMESTAMP ? WHERE realm = ? AND kind = ? AND name = ? \
        AND tbl = ? AND row_key = ?";
    DropRows = 16 "DELETE FROM {ks}.room_rows USING TIMESTAMP ? WHERE realm = ? AND kind = ? AND name = ? \
        AND tbl = ? AND row_key >= ? AND row_key < ?";
    DropRoomRows = 17 "DELETE FROM {ks}.room_rows USING TIMESTAMP ? WHERE realm = ? AND kind = ? AND name = ?";
    DropScan = 18 "DELETE FROM {ks}.scans USING TIMESTAMP ? WHERE tbl = ? AND part = ? \
        AND realm = ? AND kind = ? AND name = ? AND row_key = ?";
}

statements! {
    /// What is asked, and the writes that belong to no room's contents.
    Query:
    Room = 1 "SELECT meta, journals, pending, stamp, generation FROM {ks}.rooms \
        WHERE realm = ? AND kind = ? AND name = ?";
    PutRoom = 2 "INSERT INTO {ks}.rooms (realm, kind, name, meta, journals, pending, stamp, generation) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    MessagesUp = 3 "SELECT seq, epoch, record FROM {ks}.messages WHERE realm = ? AND kind = ? AND name = ? \
        AND bucket = ? AND seq >= ? AND seq <= ? ORDER BY seq ASC, epoch ASC LIMIT ?";
    MessagesDown = 4 "SELECT seq, epoch, record FROM {ks}.messages WHERE realm = ? AND kind = ? AND name = ? \
        AND bucket = ? AND seq >= ? AND seq <= ? LIMIT ?";
    ChangesUp = 5 "SELECT seq, epoch, record FROM {ks}.changes WHERE realm = ? AND kind = ? AND name = ? \
        AND bucket = ? AND seq >= ? AND seq <= ? ORDER BY seq ASC, epoch ASC LIMIT ?";
    ChangesDown = 6 "SELECT seq, epoch, record FROM {ks}.changes WHERE realm = ? AND kind = ? AND name = ? \
        AND bucket = ? AND seq >= ? AND seq <= ? LIMIT ?";
    Message = 7 "SELECT record FROM {ks}.messages WHERE realm = ? AND kind = ? AND name = ? \
        AND bucket = ? AND seq = ? AND epoch = ?";
    Duplicates = 8 "SELECT seq, epoch, ordinal FROM {ks}.duplicates WHERE realm = ? AND kind = ? AND name = ? \
        AND dup = ?";
    ThreadUp = 9 "SELECT number, epoch, seq FROM {ks}.threads WHERE realm = ? AND kind = ? AND name = ? \
        AND root_epoch = ? AND root_seq = ? AND number >= ? LIMIT ?";
    ThreadDown = 10 "SELECT number, epoch, seq FROM {ks}.threads WHERE realm = ? AND kind = ? AND name = ? \
        AND root_epoch = ? AND root_seq = ? AND number <= ? ORDER BY number DESC LIMIT ?";
    Mark = 11 "SELECT epoch, seq FROM {ks}.marks WHERE realm = ? AND kind = ? AND name = ? \
        AND bucket = ? AND ordinal = ?";
    Expiring = 12 "SELECT expires, seq, epoch FROM {ks}.expiring WHERE realm = ? AND kind = ? AND name = ? \
        AND (expires, seq, epoch) > (?, ?, ?) AND (expires) <= (?) LIMIT ?";
    Rows = 13 "SELECT tbl, row_key, row_value FROM {ks}.room_rows WHERE realm = ? AND kind = ? AND name = ?";
    RowsOf = 14 "SELECT row_key, row_value FROM {ks}.room_rows WHERE realm = ? AND kind = ? AND name = ? \
        AND tbl = ? AND row_key > ? LIMIT ?";
    FirstRowsOf = 15 "SELECT row_key, row_value FROM {ks}.room_rows WHERE realm = ? AND kind = ? AND name = ? \
        AND tbl = ? LIMIT ?";
    Row = 16 "SELECT row_value FROM {ks}.room_rows WHERE realm = ? AND kind = ? AND name = ? \
        AND tbl = ? AND row_key = ?";
    Scan = 17 "SELECT realm, kind, name, row_key FROM {ks}.scans WHERE tbl = ? AND part = ? \
        AND (realm, kind, name, row_key) >= (?, ?, ?, ?) LIMIT ?";
    ScanFromStart = 18 "SELECT realm, kind, name, row_key FROM {ks}.scans WHERE tbl = ? AND part = ? LIMIT ?";
    Exists = 19 "SELECT stamp FROM {ks}.rooms WHERE realm = ? AND kind = ? AND name = ?";
    Watermark = 20 "SELECT position FROM {ks}.watermarks WHERE journal = ?";
    PutWatermark = 21 "INSERT INTO {ks}.watermarks (journal, position) VALUES (?, ?) USING TIMESTAMP ?";
}

/// Rows of one page of an answer that may be long.
const PAGE_ROWS: i32 = 1000;

pub struct Statements {
    verbs: Vec<PreparedStatement>,
    queries: Vec<PreparedStatement>,
}

impl Statements {
    pub async fn prepare(session: &Session, keyspace: &str) -> Result<Statements, Fault> {
        let (mut verbs, mut queries) = (Vec::new(), Vec::new());
        for cql in Verb::ALL.iter().map(|verb| verb.cql()) {
            verbs.push(prepare(session, &in_keyspace(cql, keyspace)).await?);
        }
        for cql in Query::ALL.iter().map(|query| query.cql()) {
            queries.push(prepare(session, &in_keyspace(cql, keyspace)).await?);
        }
        Ok(Statements { verbs, queries })
    }

    pub fn verb(&self, verb: Verb) -> &PreparedStatement {
        // Numbers have no holes; a test sees to it.
        &self.verbs[verb as usize - 1]
    }

    pub fn query(&self, query: Query) -> &PreparedStatement {
        &self.queries[query as usize - 1]
    }
}

pub async fn prepare(session: &Session, cql: &str) -> Result<PreparedStatement, Fault> {
    let prepared = session.prepare(cql).await;
    let mut prepared = prepared.map_err(|error| Fault::Io(format!("a statement was not prepared: {error}")))?;
    // Each says what is and from when, so doing it twice is doing it once.
    prepared.set_is_idempotent(true);
    prepared.set_consistency(Consistency::LocalQuorum);
    prepared.set_page_size(PAGE_ROWS);
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_holes_and_lead_back() {
        for (n, verb) in (1..).zip(Verb::ALL) {
            assert_eq!((*verb as usize, Verb::from_number(n as u64)), (n, Some(*verb)));
        }
        assert!((1..).zip(Query::ALL).all(|(n, query)| *query as usize == n));
        assert_eq!(Verb::from_number(19), None);
    }

    #[test]
    fn every_write_has_its_moment() {
        assert!(Verb::ALL.iter().all(|verb| verb.cql().contains("USING TIMESTAMP ?")));
    }
}
