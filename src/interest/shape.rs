//! The shape of a pattern: which fields it sets, and how.

use crate::filter::Pattern;
use crate::topic::names::{Fields, NameId};
use crate::topic::registry;

/// How a pattern asks for each of the four text fields. For a class, each shape leaves one pattern to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Shape([FieldShape; 4]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum FieldShape {
    /// The field is not looked at.
    Any,
    /// One name.
    Exact,
    /// The names under a prefix that has this depth, which is at least 1.
    Under(u16),
}

impl Shape {
    pub(super) fn of(pattern: Pattern) -> Shape {
        let Pattern(Fields(names)) = pattern;
        Shape(names.map(|name| {
            if name == NameId::ANY {
                FieldShape::Any
            } else if name.is_under() {
                FieldShape::Under(registry::name(name).depth())
            } else {
                FieldShape::Exact
            }
        }))
    }

    /// The only pattern of this shape that can match a class with these names, if there is one.
    #[inline]
    pub(super) fn pattern_for(self, names: [NameId; 4]) -> Option<Pattern> {
        let mut pattern = [NameId::ANY; 4];
        for ((asked, shape), name) in pattern.iter_mut().zip(self.0).zip(names) {
            *asked = match shape {
                FieldShape::Any => NameId::ANY,
                _ if name == NameId::ABSENT => return None,
                // A name that is not registered is none that a filter can have.
                FieldShape::Exact if name.is_under() => return None,
                FieldShape::Exact => name,
                FieldShape::Under(depth) => prefix_at(name, depth)?.under(),
            };
        }
        Some(Pattern(Fields(pattern)))
    }
}

/// The prefix of a name that has this depth. For names under a prefix, that prefix is the first to be looked at.
fn prefix_at(name: NameId, depth: u16) -> Option<NameId> {
    let mut prefix = if name.is_under() {
        name.base()
    } else {
        registry::name(name).parent()
    };
    loop {
        let record = registry::name(prefix);
        if record.depth() <= depth {
            return (record.depth() == depth).then_some(prefix);
        }
        prefix = record.parent();
    }
}
