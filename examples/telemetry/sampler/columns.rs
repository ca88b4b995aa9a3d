//! Values of many things, brought in an order that suits the router.

use super::Value;
use crate::reading::Labels;
use laneway::{ResourceId, Topic};

/// Collects rows, one for each thing, and gives columns, one for each type.
///
/// Neighbours of one type are a run: an actor gets them in one call, and does what they share once.
pub(super) struct Columns<const N: usize>([Vec<Value>; N]);

/// The topics of one thing.
pub(super) type Row<const N: usize> = [Topic; N];

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

/// The topics of a new thing. `None`: there are too many.
pub(super) fn row<const N: usize>(
    topics: &Row<N>,
    resource: impl Into<ResourceId>,
    label: String,
    labels: &Labels,
) -> Option<Row<N>> {
    let resource = resource.into();
    let row = topics.map(|topic| topic.with_resource(resource));
    labels.enter(row[0], label).then_some(row)
}
