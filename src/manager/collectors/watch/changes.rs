//! The system's notices as changes: halves of a rename joined, repeated modifications made one.

use super::Change;
use notify::event::{ModifyKind, RenameMode};
use notify::{Event, EventKind};
use std::collections::VecDeque;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the first half of a rename waits for the other. The kernel writes them one after the other.
const RENAME: Duration = Duration::from_millis(20);

/// What is known of the stream of notices: at most one change is held back, until the next notice says more about it.
#[derive(Default)]
pub(super) struct Changes {
    held: Held,
    ready: VecDeque<Change>,
}

#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    /// It may be modified again.
    Modified(Arc<Path>),
    /// It left its directory, and may arrive in another.
    Left {
        tracker: usize,
        path: Arc<Path>,
        since: Instant,
    },
}

impl Changes {
    /// Takes a notice. Changes that are clear by then can be had by [`next`](Self::next).
    pub(super) fn take(&mut self, event: Event) {
        if event.need_rescan() {
            return self.take_gap(None);
        }
        let tracker = event.tracker();
        let mut paths = event.paths.into_iter().map(Arc::<Path>::from);
        let (Some(path), second) = (paths.next(), paths.next()) else {
            return;
        };
        match event.kind {
            EventKind::Access(_) => {}
            EventKind::Create(_) => self.add(Change::Created { path }),
            EventKind::Remove(_) => self.add(Change::Removed { path }),
            EventKind::Modify(ModifyKind::Name(mode)) => {
                self.take_rename(mode, tracker, path, second);
            }
            EventKind::Modify(_) | EventKind::Any | EventKind::Other => {
                if !matches!(&self.held, Held::Modified(held) if *held == path) {
                    self.release();
                    self.held = Held::Modified(path);
                }
            }
        }
    }

    /// With a tracker come both halves and then the whole, which is told first. Without, it is the directory itself that was
    /// moved, or a system that does not join them.
    fn take_rename(
        &mut self,
        mode: RenameMode,
        tracker: Option<usize>,
        path: Arc<Path>,
        second: Option<Arc<Path>>,
    ) {
        let has_left = match self.held {
            Held::Left { tracker: left, .. } => tracker == Some(left),
            _ => false,
        };
        match (mode, tracker, second) {
            (RenameMode::From, Some(tracker), _) => {
                self.release();
                let since = Instant::now();
                self.held = Held::Left {
                    tracker,
                    path,
                    since,
                };
            }
            (RenameMode::From, None, _) => self.add(Change::Removed { path }),
            // The whole follows.
            (RenameMode::To, _, _) if has_left => {}
            (RenameMode::To, _, _) => self.add(Change::Created { path }),
            (RenameMode::Both, tracker, Some(to)) => {
                if has_left {
                    self.held = Held::Nothing;
                }
                // Otherwise its halves were told one by one.
                if has_left || tracker.is_none() {
                    self.add(Change::Renamed {
                        from: path,
                        path: to,
                    });
                }
            }
            (RenameMode::Both | RenameMode::Any | RenameMode::Other, ..) => {
                self.add(Change::Modified { path });
            }
        }
    }

    /// Something is missing here.
    pub(super) fn take_gap(&mut self, missed: Option<u64>) {
        self.add(Change::Gap {
            directory: None,
            missed,
        });
    }

    /// No notice waits: what is held back is as clear as it gets, but for a rename that began just now.
    pub(super) fn settle(&mut self) {
        if self.patience().is_none_or(|left| left.is_zero()) {
            self.release();
        }
    }

    /// How long to wait for the other half of a rename, if there is one to wait for.
    pub(super) fn patience(&self) -> Option<Duration> {
        match &self.held {
            Held::Left { since, .. } => Some(RENAME.saturating_sub(since.elapsed())),
            _ => None,
        }
    }

    pub(super) fn next(&mut self) -> Option<Change> {
        self.ready.pop_front()
    }

    fn add(&mut self, change: Change) {
        self.release();
        self.ready.push_back(change);
    }

    fn release(&mut self) {
        match mem::take(&mut self.held) {
            Held::Nothing => {}
            Held::Modified(path) => self.ready.push_back(Change::Modified { path }),
            Held::Left { path, .. } => self.ready.push_back(Change::Removed { path }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{Flag, RemoveKind};

    fn notice(kind: EventKind, tracker: Option<usize>, paths: &[&str]) -> Event {
        let event = paths
            .iter()
            .fold(Event::new(kind), |event, path| event.add_path(path.into()));
        match tracker {
            Some(tracker) => event.set_tracker(tracker),
            None => event,
        }
    }

    fn rename(mode: RenameMode, tracker: Option<usize>, paths: &[&str]) -> Event {
        notice(EventKind::Modify(ModifyKind::Name(mode)), tracker, paths)
    }

    fn all(changes: &mut Changes) -> Vec<Change> {
        std::iter::from_fn(|| changes.next()).collect()
    }

    fn path(path: &str) -> Arc<Path> {
        Path::new(path).into()
    }

    /// As the kernel tells it when its own queue ran over, which a test cannot bring about at will.
    #[test]
    fn an_overflow_is_a_gap_in_its_place() {
        let mut changes = Changes::default();
        changes.take(notice(EventKind::Modify(ModifyKind::Any), None, &["a"]));
        changes.take(Event::new(EventKind::Other).set_flag(Flag::Rescan));
        changes.take(notice(EventKind::Remove(RemoveKind::File), None, &["a"]));
        let gap = Change::Gap {
            directory: None,
            missed: None,
        };
        let (modified, removed) = (
            Change::Modified { path: path("a") },
            Change::Removed { path: path("a") },
        );
        assert_eq!(all(&mut changes), [modified, gap, removed]);
    }

    #[test]
    fn halves_of_a_rename_that_do_not_meet_are_told_by_themselves() {
        let mut changes = Changes::default();
        changes.take(rename(RenameMode::From, Some(1), &["a"]));
        changes.take(rename(RenameMode::From, Some(2), &["b"]));
        assert_eq!(all(&mut changes), [Change::Removed { path: path("a") }]);
        // The other half of the first, and then the whole of it: too late.
        changes.take(rename(RenameMode::To, Some(1), &["c"]));
        changes.take(rename(RenameMode::Both, Some(1), &["a", "c"]));
        assert_eq!(
            all(&mut changes),
            [
                Change::Removed { path: path("b") },
                Change::Created { path: path("c") }
            ]
        );
        assert_eq!(changes.patience(), None);
    }

    /// As systems tell it that join the halves themselves.
    #[test]
    fn a_whole_without_a_tracker_is_a_rename() {
        let mut changes = Changes::default();
        changes.take(rename(RenameMode::Both, None, &["a", "b"]));
        let renamed = Change::Renamed {
            from: path("a"),
            path: path("b"),
        };
        assert_eq!(all(&mut changes), [renamed]);
    }
}
