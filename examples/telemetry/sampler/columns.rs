//! Values of many things, brought in an order that suits the router.

use super::{Row, Value};

/// Collects rows, one for each thing, and gives columns, one for each type.
///
/// Neighbours of one type are a run: an actor gets them in one call, and does what they share once.
pub(super) struct Columns<const N: usize>([Vec<Value>; N]);

impl<const N: usize> Columns<N> {
    pub(super) fn new() -> Self {
        Columns([const { Vec::new() }; N])
    }

    /// Values that are not there, such as those an older kernel does not know, are left out.
    pub(super) fn push(&mut self, topics: &Row<N>, values: impl Iterator<Item = u64>) {
        for ((column, &topic), value) in self.0.iter_mut().zip(topics).zip(values) {
            column.push((topic, value));
        }
    }

    pub(super) fn give(&mut self, values: &mut Vec<Value>) {
        for column in &mut self.0 {
            values.append(column);
        }
    }
}
