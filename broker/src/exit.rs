//! With what status the binary ends: every one of them once. `docs/reference/exit-codes.md` is made from this table and
//! checked against it; `broker/tests/catalog/` sees each of them.

macro_rules! exit_table {
    ($($number:literal $variant:ident $name:literal $sentence:literal $advice:literal)+) => {
        /// From 64 on they are those of `sysexits.h`, under their names there.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Exit { $($variant = $number),+ }

        impl Exit {
            pub const ALL: &'static [Exit] = &[$(Exit::$variant),+];
            pub const fn name(self) -> &'static str { match self { $(Exit::$variant => $name),+ } }
            pub const fn sentence(self) -> &'static str { match self { $(Exit::$variant => $sentence),+ } }
            /// What whoever started it does about it.
            pub const fn advice(self) -> &'static str { match self { $(Exit::$variant => $advice),+ } }
            pub fn from_number(number: u8) -> Option<Exit> { match number { $($number => Some(Exit::$variant),)+ _ => None } }
        }
    };
}

// Each row: number, name, what it means, what to do. The second is said by the reader of the command line itself.
exit_table! {
    0  Done        ""               "It is done. A node: it was told to stop, everybody was told, and what was acked is on its disk."
        "Nothing."
    1  Found       ""               "It was looked at, and the answer is no: a folder is damaged, a token would be refused, a room is not there."
        "Read what it says."
    2  Arguments   ""               "The command line is not understood."
        "See `--help`."
    64 Usage       "EX_USAGE"       "A running node does not understand what a tool asks it, or will not be asked by this user."
        "Use the tool of the node's version, as the node's user."
    65 Data        "EX_DATAERR"     "What was given to read is not what it should be; nothing of it was taken, or what is said."
        "Get the file or the folder again; `rookery store verify` says more of a folder."
    66 Input       "EX_NOINPUT"     "What was given to read cannot be opened."
        "Look at its name and its rights."
    69 Unavailable "EX_UNAVAILABLE" "The node that has the folder cannot do it, or there is none."
        "Start one, or read why."
    70 Fault       "EX_SOFTWARE"    "A node met a fault of its own, and was taken down in order. What was acked is kept."
        "Start it again, and report what the log says above `shard_panicked` or `store_panicked`."
    71 System      "EX_OSERR"       "The system did not give what is needed: a file, a thread, a socket."
        "Look at limits, rights and space; then start again."
    73 Output      "EX_CANTCREAT"   "What was to be written cannot be made there."
        "Name a place that is not there yet, in a folder that can be written."
    74 Disk        "EX_IOERR"       "A disk failed or was full on the way, or what lies on it is damaged."
        "See to the disk; `rookery store verify` says what is damaged."
    75 Later       "EX_TEMPFAIL"    "It does not work at this moment: the node is starting, stopping, or asked by others."
        "Try again."
    78 Config      "EX_CONFIG"      "Something that was set is wrong, or does not fit what is there. Nothing was begun."
        "Mend what the line names; `rookery config check` finds all of it. Starting again changes nothing."
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;
    use std::path::Path;

    fn page() -> String {
        let mut page = String::from(
            "# Exit codes\n\n<!-- Made from the table in `broker/src/exit.rs`; a test compares. To change it, change the table \
             and run\n     `UPDATE_DOCS=1 cargo test -p rookery --lib exit`. -->\n\nWith what status `rookery` ends, a node and \
             its tools alike. Whatever is not 0 comes with a line on standard error that says\nwhat, where and what to do. A \
             status above 128 is a signal's.\n\n| status | name | meaning | what to do |\n| --- | --- | --- | --- |\n",
        );
        for exit in Exit::ALL {
            let name = if exit.name().is_empty() { "–".to_owned() } else { format!("`{}`", exit.name()) };
            let _ = writeln!(page, "| {} | {name} | {} | {} |", *exit as u8, exit.sentence(), exit.advice());
        }
        page.push_str(
            "\nWhoever starts nodes again by itself starts them after 70, 71, 74 and 75, and not after 0, 2 and 78.\n",
        );
        page
    }

    #[test]
    fn the_page_is_as_the_table_makes_it() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/exit-codes.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&file, page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), page(), "UPDATE_DOCS=1 writes it anew");
    }

    #[test]
    fn each_says_something_and_none_is_a_signals() {
        for exit in Exit::ALL {
            assert!(exit.sentence().ends_with('.') && exit.advice().ends_with('.'), "{exit:?}");
            assert_eq!(Exit::from_number(*exit as u8), Some(*exit));
            assert!((*exit as u8) < 128 && exit.name().is_empty() == ((*exit as u8) < 64), "{exit:?}");
        }
        assert!(Exit::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
