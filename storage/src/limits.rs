//! Every limit of what is stored, with its reason. They bound one record, one batch, one answer.

/// Largest payload of a record: a message's body, metadata and profile with much room to grow.
pub const PAYLOAD_BYTES: usize = 1024 * 1024;

/// Largest duplicate key of a record: a principal (realm and user, 255 bytes each) and 64 bytes of its own, twice.
pub const KEY_BYTES: usize = 1024;

/// Largest key of a row: a place and a room's key, with room to grow.
pub const ROW_KEY_BYTES: usize = 1024;

/// Largest value of a row; settings of a room with all its metadata are a tenth of it.
pub const ROW_VALUE_BYTES: usize = 256 * 1024;

/// Largest batch. It is one entry of the journal, and one write on the wire of a database.
pub const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Events, rewrites and rows of one batch together: bounds the work that one entry can ask for.
pub const BATCH_ITEMS: usize = 65_536;

/// Records of one answer; an ask for more is cut to this.
pub const PAGE_RECORDS: usize = 1024;

/// Payload bytes of one answer: it ends before the record that would pass this, but holds at least one.
pub const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Rows of one scan, rooms of one list; an ask for more is cut to this.
pub const SCAN_ROWS: usize = 4096;

/// What a record, rewrite or row costs beside its own bytes, in every account of this crate.
pub const ITEM_OVERHEAD: usize = 160;

const _: () = {
    // Whatever is allowed alone is allowed in a batch of its own.
    assert!(PAYLOAD_BYTES + KEY_BYTES + ITEM_OVERHEAD <= BATCH_BYTES);
    assert!(ROW_KEY_BYTES + ROW_VALUE_BYTES + ITEM_OVERHEAD <= BATCH_BYTES);
    // The bytes of a key are counted in two bytes on disk.
    assert!(KEY_BYTES <= u16::MAX as usize);
    // One record never makes an answer twice as large as it may be.
    assert!(PAYLOAD_BYTES <= PAGE_BYTES);
    assert!(ITEM_OVERHEAD >= std::mem::size_of::<crate::record::Record>());
};
