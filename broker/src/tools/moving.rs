//! `rookery store move`: asks the node that runs to move its history to a database, and shows how far it is.

use super::{failure, not_open};
use crate::cli::MoveOptions;
use crate::control::{self, Answer, Request};
use crate::data::{DataError, DataFolder};
use crate::exit::Exit;
use crate::ports::store::{DatabaseAt, check_database};
use crate::start::Failure;

pub fn run(options: &MoveOptions) -> Result<(), Failure> {
    let data = &options.folder.data;
    let to = DatabaseAt::from(&options.to.load()?.scylla);
    let request = if options.stop {
        Request::StopMove
    } else {
        check_database_named(&to)?;
        Request::Move { to: to.clone() }
    };
    match DataFolder::existing(data) {
        Ok(_) => {
            let what = "no node runs on this folder - start one with --store embedded: it moves while it runs";
            return Err(failure(Exit::Unavailable, format!("{}: {what}", data.display())));
        }
        Err(DataError::Busy(_)) => {}
        Err(other) => return Err(not_open(other)),
    }
    let mut said = String::new();
    control::ask(data, &request, &mut |answer| {
        if let Answer::Says(line) = answer
            && line != said
        {
            println!("{line}");
            said = line;
        }
    })?;
    if !options.stop {
        let keyspace = &to.keyspace;
        println!("moved: keyspace {keyspace} has the history of {}", data.display());
        println!("from the next start on: --store scylla --scylla-keyspace {keyspace}");
    }
    Ok(())
}

/// What is said about it is looked at before the node is asked; the password is the node's.
fn check_database_named(to: &DatabaseAt) -> Result<(), Failure> {
    let named = DatabaseAt { user: None, ..to.clone() };
    check_database(&named).map_err(Failure::config)
}
