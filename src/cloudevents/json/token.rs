//! What a scanner finds: pieces of the document, as they are written.

use crate::cloudevents::error::Scan;
use crate::cloudevents::json::scan::Scanner;
use crate::cloudevents::json::string::unescape;
use smallvec::SmallVec;
use std::borrow::Cow;

/// A string as it is written, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a str,
    /// Printable ASCII without escapes.
    pub(crate) is_plain: bool,
    pub(crate) is_escaped: bool,
}

impl<'a> Text<'a> {
    /// What the string says; `name` is whose value it is.
    #[inline]
    pub(crate) fn text(&self, scanner: &Scanner<'a>, name: &str) -> Scan<Cow<'a, str>> {
        if self.is_escaped {
            unescape(self.raw, scanner.offset_of(self.raw), name).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(self.raw))
        }
    }
}

/// A value, as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token<'a> {
    Null,
    Boolean(bool),
    Number(&'a str),
    String(Text<'a>),
    /// An array or an object.
    Composite(&'a str),
}

impl Token<'_> {
    /// Whether attributes have a type for it.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Token::Number(number) => number.parse::<i32>().is_ok(),
            Token::Composite(_) => false,
            _ => true,
        }
    }
}

/// A member of an object. Small, as there are many; documents have less than 4 GiB.
#[derive(Clone, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) value: Token<'a>,
    pub(super) at: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Member<'_> {
    /// Where the name begins.
    pub(crate) fn at(&self) -> usize {
        self.at as usize
    }

    /// Where the value begins.
    pub(crate) fn place(&self) -> usize {
        self.start as usize
    }
}

/// More than most events have.
pub(crate) type Members<'a> = SmallVec<[Member<'a>; 16]>;
