//! What is wrong with a frame, said so that its writer can mend it.

use crate::errors::ErrorCode;
use crate::reply::Refusal;
use std::borrow::Cow;

/// A field that cannot be taken. Built on the cold path only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub code: ErrorCode,
    pub what: Cow<'static, str>,
}

impl Bad {
    pub fn malformed(what: impl Into<Cow<'static, str>>) -> Bad {
        Bad { code: ErrorCode::Malformed, what: what.into() }
    }

    pub fn too_large(limit: u64, unit: &str) -> Bad {
        Bad { code: ErrorCode::TooLarge, what: format!("at most {limit} {unit}").into() }
    }

    /// The same, with the field's name in front.
    #[cold]
    pub fn at(self, field: &str) -> Bad {
        Bad { code: self.code, what: format!("field `{field}`: {}", self.what).into() }
    }

    /// The outermost field that it names, as [`Bad::at`] wrote it.
    pub fn field(&self) -> Option<&str> {
        self.what.strip_prefix("field `")?.split('`').next()
    }

    /// The same, with the position in a list in front, counted from 0.
    #[cold]
    pub fn item(self, index: usize) -> Bad {
        Bad { code: self.code, what: format!("item {index}: {}", self.what).into() }
    }

    pub fn refusal(self) -> Refusal {
        Refusal::because(self.code, self.what)
    }
}
