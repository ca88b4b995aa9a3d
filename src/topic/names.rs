//! Names and classes as numbers: what topics, filters and the interest table are made of.
//!
//! A name is the text of one field, such as `VM.SNAPSHOT.CREATE`. Its parent is the text up to the last dot, and so on
//! up to the root, which is the empty text: a prefix pattern `VM.*` matches the names that have `VM` above them. A
//! class is a combination of the four text fields. The numbers are given out by the [`registry`](crate::topic::registry).

use crate::error::MAX_NAME_BYTES;
use crate::topic::interner::Entry;
use std::hash::{Hash, Hasher};

/// The number of a name, or what stands in its place.
///
/// * `ABSENT` (0): the field is not set. As the number of a record it is the root, the parent of names without a dot.
/// * `id`: the name with that record. In a pattern: this name.
/// * `UNDER | id`: some name under that record which was not registered. In a pattern: any name under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NameId(pub(crate) u32);

impl NameId {
    const UNDER: u32 = 1 << 31;

    /// The field is not set.
    pub(crate) const ABSENT: NameId = NameId(0);

    /// The empty name above all others.
    pub(crate) const ROOT: NameId = NameId(0);

    /// In a pattern: anything, also a field that is not set. In a class: a name of which nothing is known.
    pub(crate) const ANY: NameId = NameId(NameId::UNDER);

    /// Whether this stands for names under `base`.
    pub(crate) const fn is_under(self) -> bool {
        self.0 & NameId::UNDER != 0
    }

    /// Any name under this one.
    pub(crate) const fn under(self) -> NameId {
        NameId(self.0 | NameId::UNDER)
    }

    /// The name with a record.
    pub(crate) const fn base(self) -> NameId {
        NameId(self.0 & !NameId::UNDER)
    }
}

/// A registered name.
#[derive(Debug)]
pub(crate) struct NameRecord {
    /// The name followed by `.*`, or `*` for the root: both texts that can be asked for, leaked as one.
    pattern: &'static str,
    /// The name up to its last dot; the root for a name without one.
    parent: NameId,
    /// The number of steps up to the root, which has 0.
    depth: u16,
}

impl NameRecord {
    const PATTERN_SUFFIX: &str = ".*";

    /// The root: not a name of anything, so its pattern is the one that every name is under.
    pub(crate) const ROOT: NameRecord = NameRecord {
        pattern: "*",
        parent: NameId::ROOT,
        depth: 0,
    };

    pub(crate) fn leak(text: &str, parent: NameId, depth: u16) -> NameRecord {
        let pattern = [text, NameRecord::PATTERN_SUFFIX].concat().into_boxed_str();
        NameRecord {
            pattern: Box::leak(pattern),
            parent,
            depth,
        }
    }

    /// The bytes that [`leak`](NameRecord::leak) keeps for ever.
    pub(crate) const fn leaked_bytes(text: &str) -> usize {
        text.len() + NameRecord::PATTERN_SUFFIX.len()
    }

    /// The pattern for the names under this one.
    pub(crate) fn pattern(&self) -> &'static str {
        self.pattern
    }

    pub(crate) fn text(&self) -> &'static str {
        let len = self.pattern.len();
        &self.pattern[..len.saturating_sub(NameRecord::PATTERN_SUFFIX.len())]
    }

    pub(crate) fn parent(&self) -> NameId {
        self.parent
    }

    pub(crate) fn depth(&self) -> u16 {
        self.depth
    }
}

impl Entry for NameRecord {
    type Key = str;

    fn key(&self) -> &str {
        self.text()
    }
}

/// Four names in the order of [`Field::ALL`](crate::error::Field::ALL), hashed as one number.
#[derive(Clone, Copy, Debug, Eq)]
pub(crate) struct Fields(pub(crate) [NameId; 4]);

/// Without a branch for each name: what differs in one is often the same in the others.
impl PartialEq for Fields {
    #[inline]
    fn eq(&self, other: &Fields) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(true, |same, (own, other)| same & (own == other))
    }
}

impl Hash for Fields {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let packed = self
            .0
            .iter()
            .fold(0, |packed, name| packed << 32 | u128::from(name.0));
        state.write_u128(packed);
    }
}

impl Entry for Fields {
    type Key = Fields;

    fn key(&self) -> &Fields {
        self
    }
}

/// The number of a class: dense, from 0, below 2^31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClassId(pub(crate) u32);

/// What is wrong with a name. The error types of topics and filters say it with the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    TooLong { bytes: usize },
    Star,
}

/// Whether this text may be a name.
pub(crate) fn check_name(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        Err(Fault::Empty)
    } else if text.len() > MAX_NAME_BYTES {
        Err(Fault::TooLong { bytes: text.len() })
    } else if text.contains('*') {
        Err(Fault::Star)
    } else {
        Ok(())
    }
}
