//! What is new on a page of the latest events.

use std::error::Error;
use std::fmt;
use std::slice;

/// How far a list of events that comes in pages has been read: for sources that are asked again and again for their latest
/// events, the newest first, by numbers that rise.
///
/// [`unseen`](Self::unseen) says what of a page is new, in the order in which it happened, and what is missing in front of
/// it; [`pass`](Self::pass) moves the cursor behind an event that has been dealt with. Its [`position`](Self::position) is a
/// number: saved and given to [`at`](Self::at), nothing is seen twice after a restart, and what was missed is told.
///
/// ```
/// use laneway::manager::collectors::{Missed, PageCursor};
///
/// let mut cursor = PageCursor::at(5);
/// let page = [9, 8];
/// let unseen = cursor.unseen(&page, |id| *id)?;
/// assert_eq!(unseen.gap().map(|gap| gap.missed), Some(Missed::AtMost(2))); // 6 and 7
/// for id in unseen {
///     // publish it, then:
///     cursor.pass(*id);
/// }
/// assert_eq!(cursor.position(), Some(9));
/// # Ok::<(), laneway::manager::collectors::PageError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageCursor {
    last: Option<u64>,
}

impl PageCursor {
    /// One that has seen nothing: all of its first page is new.
    pub const fn new() -> Self {
        PageCursor { last: None }
    }

    /// One that goes on behind this event.
    pub const fn at(last: u64) -> Self {
        PageCursor { last: Some(last) }
    }

    /// The last event that was passed: what to save.
    pub const fn position(self) -> Option<u64> {
        self.last
    }

    /// Moves behind an event.
    pub fn pass(&mut self, id: u64) {
        self.last = Some(id);
    }

    /// What of `page`, the newest first, has not been passed. The cursor stays where it is.
    ///
    /// If even the newest id of the page is below the last one passed, the source has begun to count anew: all of the page is
    /// new, behind a gap of which nothing is known.
    ///
    /// # Errors
    ///
    /// [`PageError`] if the ids do not fall from each to the next.
    pub fn unseen<'a, T>(
        &self,
        page: &'a [T],
        id: impl Fn(&T) -> u64,
    ) -> Result<Unseen<'a, T>, PageError> {
        if let Some(at) = page
            .windows(2)
            .position(|pair| id(&pair[0]) <= id(&pair[1]))
        {
            return Err(PageError { index: at + 1 });
        }
        let all = |gap| Unseen {
            items: page.iter(),
            gap,
        };
        let (Some(last), [newest, ..]) = (self.last, page) else {
            return Ok(all(None));
        };
        if id(newest) < last {
            let missed = Missed::Unknown;
            let gap = Gap {
                after: last,
                missed,
            };
            return Ok(all(Some(gap)));
        }
        let count = page.iter().take_while(|item| id(item) > last).count();
        let unseen = &page[..count];
        // With something older on the page, that is the last event or it lies below it: nothing is missing in between.
        let between = match unseen {
            [.., oldest] if count == page.len() => id(oldest) - last - 1,
            _ => 0,
        };
        Ok(Unseen {
            items: unseen.iter(),
            gap: (between > 0).then_some(Gap {
                after: last,
                missed: Missed::AtMost(between),
            }),
        })
    }
}

/// The part of a page that is new, the oldest first: see [`PageCursor::unseen`].
#[derive(Debug)]
pub struct Unseen<'a, T> {
    items: slice::Iter<'a, T>,
    gap: Option<Gap>,
}

impl<T> Unseen<'_, T> {
    /// What is missing in front of it: events that left the list before it was asked.
    pub fn gap(&self) -> Option<Gap> {
        self.gap
    }
}

impl<T> Clone for Unseen<'_, T> {
    fn clone(&self) -> Self {
        Unseen {
            items: self.items.clone(),
            gap: self.gap,
        }
    }
}

impl<'a, T> Iterator for Unseen<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        self.items.next_back()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<T> ExactSizeIterator for Unseen<'_, T> {}

impl<T> std::iter::FusedIterator for Unseen<'_, T> {}

/// Events that were never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gap {
    /// The last event before them.
    pub after: u64,
    /// How many they are.
    pub missed: Missed,
}

/// How many events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missed {
    /// So many if the source numbers without holes, and fewer if other events share its numbers.
    AtMost(u64),
    /// Any number.
    Unknown,
}

/// A page whose ids do not fall from each to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageError {
    /// The first item that is out of order, counted from 0.
    pub index: usize,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index;
        write!(f, "item {index} of a page is not older than the one before")
    }
}

impl Error for PageError {}
