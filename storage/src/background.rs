//! Threads whose work can wait.

/// Below the usual: nobody waits for what they do, and where cores are short they would keep a shard or the journal waiting
/// for a whole time slice. Not the least: they have to get on on a busy machine, too.
const NICENESS: i32 = 10;

/// Shards and the journal come before this thread.
pub fn give_way() {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!(event = "priority_not_set", %error);
    }
}
