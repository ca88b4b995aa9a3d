use super::check;
use crate::stats::{Counter, SharedCounter};
use loom::thread;
use std::sync::Arc;

/// Who reads what left a queue before what entered it never finds more gone than came.
///
/// mutants: counter_add_relaxed counter_get_relaxed
#[test]
fn nothing_leaves_before_it_came() {
    check(3, || {
        let [came, gone] = [(); 2].map(|()| Arc::new(Counter::default()));
        let counted = [Arc::clone(&came), Arc::clone(&gone)];
        let looking = thread::spawn(move || {
            let left = gone.get();
            assert!(left <= came.get());
        });
        counted.iter().for_each(|counter| counter.add(1));
        looking.join().unwrap();
    });
}

/// The same where two threads count what left.
///
/// mutants: shared_add_relaxed shared_get_relaxed
#[test]
fn nothing_leaves_twice_before_it_came() {
    check(3, || {
        let gone = Arc::new(SharedCounter::default());
        let counting = [(); 2].map(|()| {
            let (came, gone) = (Arc::new(SharedCounter::default()), Arc::clone(&gone));
            let counted = Arc::clone(&came);
            let thread = thread::spawn(move || {
                counted.add(1);
                gone.add(1);
            });
            (came, thread)
        });
        let left = gone.get();
        assert!(left <= counting.iter().map(|(came, _)| came.get()).sum());
        for (_, thread) in counting {
            thread.join().unwrap();
        }
    });
}
