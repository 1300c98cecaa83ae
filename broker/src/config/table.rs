//! How the list of keys is written down: a section is a struct, a key one field of it with a sentence, and everything
//! else (the file of defaults, flags, the reference, hints, the schema) is made from the rows that follow.

use super::value::Form;

/// One key of a section.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    /// As it stands in the file. A key that has no default shows an example.
    pub default: Default,
    pub change: Change,
    /// Its flag on the command line. Keys without one are set there by `--set`.
    pub flag: Option<&'static str>,
    pub form: fn() -> Form,
    pub sentence: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    Is(&'static str),
    None { example: &'static str },
}

/// When a new value is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// After `SIGHUP`.
    Hot,
    /// After a restart.
    Restart,
}

/// Some keys under one name.
#[derive(Debug)]
pub struct Section {
    pub name: &'static str,
    pub sentence: &'static str,
    pub rows: &'static [Row],
}

impl Section {
    pub fn row(&self, name: &str) -> Option<&'static Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

/// Declares sections. `key: Type = "default as in TOML"`, or `key: Option<Type> = none "example"`; behind it `hot` or
/// `restart`, and the flag, if it has one.
macro_rules! sections {
    ($(
        $(#[doc = $about:literal])+
        $section:literal $constant:ident $struct:ident {
            $(
                $(#[doc = $sentence:literal])+
                $key:ident : $type:ty = $(none $example:literal)? $($default:literal)? , $change:ident $(, $flag:literal)? ;
            )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $struct {
                $($(#[doc = $sentence])+ pub $key: $type,)+
            }

            pub static $constant: $crate::config::table::Section = $crate::config::table::Section {
                name: $section,
                sentence: concat!($($about),+).trim_ascii(),
                rows: &[$($crate::config::table::Row {
                    name: stringify!($key),
                    default: $crate::config::table::sections!(@default $(none $example)? $($default)?),
                    change: $crate::config::table::sections!(@change $change),
                    flag: $crate::config::table::sections!(@flag $($flag)?),
                    form: <$type as $crate::config::value::Value>::form,
                    sentence: concat!($($sentence),+).trim_ascii(),
                }),+],
            };

            impl $struct {
                /// Reads the section where it stands under `paths`: the first that has a key says what it is.
                pub(crate) fn read(reader: &mut $crate::config::reader::Reader<'_>, paths: &[&str]) -> Option<$struct> {
                    $(let $key = reader.value(&$constant, stringify!($key), paths);)+
                    Some($struct { $($key: $key?,)+ })
                }
            }
        )+
    };
    (@default none $example:literal) => { $crate::config::table::Default::None { example: $example } };
    (@default $default:literal) => { $crate::config::table::Default::Is($default) };
    (@change hot) => { $crate::config::table::Change::Hot };
    (@change restart) => { $crate::config::table::Change::Restart };
    (@flag) => { None };
    (@flag $flag:literal) => { Some($flag) };
}

pub(crate) use sections;
