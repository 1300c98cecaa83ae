//! The tables, as steps that lead from one version of the keyspace to the next. Data: `migrate` runs them.
//!
//! A step is never changed once it was released, and each of its statements may run twice.

pub struct Step {
    pub number: i32,
    pub what: &'static str,
    /// `{ks}` stands for the keyspace.
    pub statements: &'static [&'static str],
}

/// The version that this program works with.
pub const VERSION: i32 = 2;

/// Records which versions there are: the one table that is there before the first step.
pub const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS {ks}.schema_versions \
    (number int PRIMARY KEY, state text, holder text)";

pub const STEPS: &[Step] = &[
    Step {
        number: 1,
        what: "rooms, their records and rows, and what finds them",
        statements: &[
            "CREATE TABLE IF NOT EXISTS {ks}.rooms (realm text, kind tinyint, name text, \
                meta blob, journals blob, pending blob, stamp bigint, generation bigint, \
                PRIMARY KEY ((realm, kind, name)))",
            "CREATE TABLE IF NOT EXISTS {ks}.messages (realm text, kind tinyint, name text, bucket bigint, \
                seq bigint, epoch bigint, record blob, \
                PRIMARY KEY ((realm, kind, name, bucket), seq, epoch)) \
                WITH CLUSTERING ORDER BY (seq DESC, epoch DESC)",
            "CREATE TABLE IF NOT EXISTS {ks}.changes (realm text, kind tinyint, name text, bucket bigint, \
                seq bigint, epoch bigint, record blob, \
                PRIMARY KEY ((realm, kind, name, bucket), seq, epoch)) \
                WITH CLUSTERING ORDER BY (seq DESC, epoch DESC)",
            "CREATE TABLE IF NOT EXISTS {ks}.room_rows (realm text, kind tinyint, name text, \
                tbl tinyint, row_key blob, row_value blob, \
                PRIMARY KEY ((realm, kind, name), tbl, row_key))",
            "CREATE TABLE IF NOT EXISTS {ks}.scans (tbl tinyint, part tinyint, \
                realm text, kind tinyint, name text, row_key blob, \
                PRIMARY KEY ((tbl, part), realm, kind, name, row_key)) WITH gc_grace_seconds = 3600",
            "CREATE TABLE IF NOT EXISTS {ks}.duplicates (realm text, kind tinyint, name text, dup blob, \
                seq bigint, epoch bigint, ordinal bigint, \
                PRIMARY KEY ((realm, kind, name, dup), seq, epoch))",
            "CREATE TABLE IF NOT EXISTS {ks}.threads (realm text, kind tinyint, name text, \
                root_epoch bigint, root_seq bigint, number bigint, epoch bigint, seq bigint, \
                PRIMARY KEY ((realm, kind, name, root_epoch, root_seq), number))",
            "CREATE TABLE IF NOT EXISTS {ks}.marks (realm text, kind tinyint, name text, bucket bigint, \
                ordinal bigint, epoch bigint, seq bigint, \
                PRIMARY KEY ((realm, kind, name, bucket), ordinal))",
            "CREATE TABLE IF NOT EXISTS {ks}.expiring (realm text, kind tinyint, name text, \
                expires bigint, seq bigint, epoch bigint, \
                PRIMARY KEY ((realm, kind, name), expires, seq, epoch))",
        ],
    },
    Step {
        number: 2,
        what: "who holds the keyspace, runs, and how far each journal has settled",
        statements: &[
            "CREATE TABLE IF NOT EXISTS {ks}.lease (id tinyint PRIMARY KEY, holder text, generation bigint)",
            "CREATE TABLE IF NOT EXISTS {ks}.runs (id tinyint PRIMARY KEY, run bigint)",
            "CREATE TABLE IF NOT EXISTS {ks}.watermarks (journal bigint PRIMARY KEY, position bigint)",
        ],
    },
];

/// Whether a keyspace may be called so without quoting.
pub fn is_keyspace(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.len() <= 48
}

pub fn in_keyspace(cql: &str, keyspace: &str) -> String {
    cql.replace("{ks}", keyspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_and_may_run_twice() {
        let numbers: Vec<i32> = STEPS.iter().map(|step| step.number).collect();
        assert_eq!(numbers, (1..=VERSION).collect::<Vec<_>>());
        for statement in STEPS.iter().flat_map(|step| step.statements).chain([&VERSIONS]) {
            assert!(statement.contains("IF NOT EXISTS {ks}."), "{statement}");
        }
    }

    #[test]
    fn a_keyspace_needs_no_quoting() {
        assert!(is_keyspace("rookery") && is_keyspace("r2_d2"));
        for bad in ["", "2r", "Rookery", "a b", "a;drop", &"a".repeat(49)] {
            assert!(!is_keyspace(bad), "{bad}");
        }
    }
}
