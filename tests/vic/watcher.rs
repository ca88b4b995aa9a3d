//! The directory watcher, on real files.

use crate::common::{Log, guarded, rounds, wait_until};
use crate::files::{
    Directory, Watching, created, gap_in, is_gap, modified, register, removed, renamed, watch,
};
use crate::support::router;
use laneway::manager::collectors::{
    Change, Collectors, DirectoryWatcher, MonitorError, Restarts, StartError, State, Stopped,
};
use laneway::{Event, Filter, Overflow, Router, Suspend};
use std::fs;
use std::path::PathBuf;
use std::thread;

#[test]
fn created_modified_renamed_removed() {
    guarded(|| {
        let directory = Directory::new();
        let watching = watch(&[&directory]);
        let (old, new) = (directory.join("old"), directory.join("new"));
        fs::write(&old, "text").unwrap();
        assert_eq!(
            watching.until(&modified(&old)),
            [created(&old), modified(&old)]
        );
        fs::rename(&old, &new).unwrap();
        assert_eq!(watching.until(&renamed(&old, &new)), [renamed(&old, &new)]);
        // Reading is no change.
        assert_eq!(fs::read(&new).unwrap(), b"text");
        fs::remove_file(&new).unwrap();
        let changes = watching.until(&removed(&new));
        // The link count of a file that is removed may change before that.
        assert!(
            changes[..changes.len() - 1]
                .iter()
                .all(|change| *change == modified(&new))
        );
    });
}

#[test]
fn a_path_is_the_resource() {
    guarded(|| {
        let directory = Directory::new();
        let watching = watch(&[&directory]);
        let path = directory.join("one");
        let one = Log::default();
        watching
            .router
            .subscribe(Change::filter_of(&path), one.handler())
            .unwrap();
        let removals = Log::default();
        let filter = Filter::any()
            .category(Change::CATEGORY)
            .event_type("removed");
        watching
            .router
            .subscribe(filter, removals.handler())
            .unwrap();
        fs::create_dir(directory.join("two")).unwrap();
        fs::create_dir(&path).unwrap();
        fs::remove_dir(&path).unwrap();
        wait_until(|| removals.len() == 1);
        watching.router.flush().unwrap();
        assert_eq!(one.all(), [created(&path), removed(&path)]);
        let topic = removed(&path).topic().unwrap();
        assert_eq!(
            (topic.event_type(), topic.resource_type()),
            ("removed", Some("path"))
        );
    });
}

#[test]
fn moving_between_directories() {
    guarded(|| {
        let (here, there, outside) = (Directory::new(), Directory::new(), Directory::new());
        let watching = watch(&[&here, &there]);
        let (a, b, c) = (here.join("a"), there.join("b"), outside.join("c"));
        fs::create_dir(&a).unwrap();
        fs::rename(&a, &b).unwrap();
        assert_eq!(
            watching.until(&renamed(&a, &b)),
            [created(&a), renamed(&a, &b)]
        );
        // Out of what is watched, and in again.
        fs::rename(&b, &c).unwrap();
        assert_eq!(watching.until(&removed(&b)), [removed(&b)]);
        fs::rename(&c, &a).unwrap();
        assert_eq!(watching.until(&created(&a)), [created(&a)]);
        // Out, with something right behind it.
        fs::rename(&a, &c).unwrap();
        fs::create_dir(&b).unwrap();
        assert_eq!(watching.until(&created(&b)), [removed(&a), created(&b)]);
    });
}

#[test]
fn directories_come_and_go_while_it_runs() {
    guarded(|| {
        let (first, second) = (Directory::new(), Directory::new());
        let watching = watch(&[&first]);
        watching.collectors.monitor("watch", second.text()).unwrap();
        let gap = gap_in(&second);
        assert_eq!(watching.until(&gap), [gap]);
        watching
            .collectors
            .unmonitor("watch", first.text())
            .unwrap();
        let monitored = watching.collectors.get("watch").unwrap().monitored;
        assert_eq!(monitored, Some(vec![second.text().to_owned()]));
        // It takes effect with the next look, which a change in the other directory brings about.
        fs::create_dir(second.join("look")).unwrap();
        watching.until(&created(&second.join("look")));
        fs::create_dir(second.join("look again")).unwrap();
        watching.until(&created(&second.join("look again")));
        fs::create_dir(first.join("unseen")).unwrap();
        fs::create_dir(second.join("seen")).unwrap();
        let seen = created(&second.join("seen"));
        assert_eq!(watching.until(&seen), [seen]);
    });
}

#[test]
fn a_directory_that_is_removed_and_made_again_is_watched_behind_a_gap() {
    guarded(|| {
        let directory = Directory::new();
        let watching = watch(&[&directory]);
        fs::remove_dir_all(&directory.0).unwrap();
        watching.until(&removed(&directory.0));
        fs::create_dir(&directory.0).unwrap();
        watching.until(&gap_in(&directory));
        fs::create_dir(directory.join("new")).unwrap();
        let new = created(&directory.join("new"));
        assert_eq!(watching.until(&new), [new]);
        let info = watching.collectors.get("watch").unwrap();
        assert_eq!((info.state, info.failures), (State::Running, 0));
    });
}

/// Whoever reads the directory at each gap and applies the changes misses nothing that happens while watching begins.
#[test]
fn what_happens_while_it_starts_is_in_front_of_the_gap_or_told() {
    guarded(|| {
        for round in 0..rounds(50) {
            let directory = Directory::new();
            let watching = register(&[&directory], DirectoryWatcher::new("watch"));
            let known = Log::default();
            let list = known.clone();
            let read_and_apply = move |event: &Event<Change>| match event.payload() {
                Change::Gap { directory, .. } => {
                    let entries = fs::read_dir(directory.as_deref().unwrap()).unwrap();
                    entries.for_each(|entry| list.push(entry.unwrap().path()));
                }
                change => list.push(change.path().unwrap().into()),
            };
            watching
                .router
                .subscribe(Filter::any(), read_and_apply)
                .unwrap();
            watching.collectors.start("watch").unwrap();
            // Now it may watch, or not yet.
            (0..round % 8).for_each(|_| thread::yield_now());
            let path = directory.join("one");
            fs::create_dir(&path).unwrap();
            wait_until(|| known.all().contains(&path));
        }
    });
}

#[test]
fn what_happens_between_two_runs_is_a_gap() {
    guarded(|| {
        let directory = Directory::new();
        let watching = watch(&[&directory]);
        assert_eq!(watching.collectors.stop("watch"), Ok(Stopped::Ended));
        fs::create_dir(directory.join("unseen")).unwrap();
        watching.collectors.start("watch").unwrap();
        let gap = gap_in(&directory);
        assert_eq!(watching.until(&gap), [gap]);
    });
}

#[test]
fn a_queue_that_runs_over_is_a_gap_with_a_number() {
    guarded(|| {
        let directory = Directory::new();
        // Sees everything, and so says when the system has told it. It may not have told the other one yet: so it
        // is asked more than once.
        let witness = watch(&[&directory]);
        let router = Router::builder()
            .shards(1)
            .lane_capacity(1)
            .build()
            .unwrap();
        // Whoever reads is suspended: the collector waits for room, and its queue runs over.
        let log = Log::default();
        let reader = router
            .subscription()
            .filter(Filter::any().category(Change::CATEGORY))
            .mailbox(1, Overflow::Block)
            .handler(log.handler())
            .unwrap();
        let watching = Watching::of(&directory, router, log);
        let mut made = 0;
        let mut make = || {
            made += 1;
            fs::create_dir(directory.join(&format!("{made:05}"))).unwrap();
            directory.join(&format!("{made:05}"))
        };
        while !watching.log.all().iter().any(is_gap) {
            reader.suspend(Suspend::Queue).unwrap();
            for _ in 0..5 {
                (1..10).for_each(|_| drop(make()));
                witness.until(&created(&make()));
            }
            reader.resume().unwrap();
            watching.settle(&mut make);
        }
        let (mut seen, mut missed, mut latest) = (0, 0, PathBuf::new());
        for change in watching.log.all() {
            match change {
                Change::Created { path } => {
                    assert!(*path > *latest, "in order");
                    (seen, latest) = (seen + 1, path.to_path_buf());
                }
                Change::Gap {
                    directory: None,
                    missed: Some(some),
                } => missed += some,
                other => panic!("{other:?}"),
            }
        }
        assert!(missed > 0);
        assert_eq!(seen + missed, made, "each is seen or counted");
    });
}

/// A notice that comes while the collector waits for room wakes it there, and must not be forgotten over that.
#[test]
fn a_notice_that_comes_while_publishing_waits_is_seen() {
    guarded(|| {
        let directory = Directory::new();
        // Sees everything, and so says when the system has told it.
        let witness = watch(&[&directory]);
        let router = Router::builder().shards(1).lane_capacity(1).build();
        let (router, log) = (router.unwrap(), Log::default());
        let reader = router
            .subscription()
            .filter(Filter::any().category(Change::CATEGORY))
            .mailbox(1, Overflow::Block)
            .handler(log.handler())
            .unwrap();
        let watching = Watching::of(&directory, router, log);
        for round in 0..rounds(20) {
            reader.suspend(Suspend::Queue).unwrap();
            // The mailbox takes one and the lane another; the last one is held back at first, and then waits for room.
            for name in ["a", "b", "c"] {
                let path = directory.join(name);
                fs::write(&path, round.to_string()).unwrap();
                witness.until(&modified(&path));
            }
            let path = directory.join(&round.to_string());
            fs::create_dir(&path).unwrap();
            witness.until(&created(&path));
            reader.resume().unwrap();
            watching.wait_for(&created(&path));
        }
    });
}

#[test]
fn repeated_modifications_that_wait_are_one() {
    guarded(|| {
        let directory = Directory::new();
        let watching = watch(&[&directory]);
        let path = directory.join("file");
        fs::write(&path, "").unwrap();
        watching.wait_for(&created(&path));
        for round in 0..100 {
            fs::write(&path, round.to_string()).unwrap();
        }
        fs::remove_file(&path).unwrap();
        let changes = watching.until(&removed(&path));
        let modifications = &changes[1..changes.len() - 1];
        assert!(
            modifications
                .iter()
                .all(|change| *change == modified(&path))
        );
        assert!(modifications.len() <= 201, "{}", modifications.len());
    });
}

#[test]
fn payloads_of_one_s_own() {
    #[derive(Clone, Debug)]
    struct Mine(Change);
    impl From<Change> for Mine {
        fn from(change: Change) -> Self {
            Mine(change)
        }
    }
    guarded(|| {
        let directory = Directory::new();
        let router = router::<Mine>();
        let log = Log::default();
        let changes = log.clone();
        let note = move |event: &Event<Mine>| changes.push(event.payload().0.clone());
        router.subscribe(Filter::any(), note).unwrap();
        let collectors = Collectors::new(&router);
        let watcher = DirectoryWatcher::<Mine>::new("watch");
        watcher.directories().add(directory.text()).unwrap();
        collectors.register(watcher).unwrap();
        collectors.start("watch").unwrap();
        wait_until(|| log.len() > 0);
        let one = directory.join("one");
        fs::create_dir(&one).unwrap();
        wait_until(|| log.len() > 1);
        assert_eq!(log.all(), [gap_in(&directory), created(&one)]);
    });
}

#[test]
fn what_is_no_directory_is_refused() {
    guarded(|| {
        let directory = Directory::new();
        let file = directory.join("file");
        fs::write(&file, "").unwrap();
        let watching = register(&[], DirectoryWatcher::new("watch"));
        let nothing = StartError::NothingMonitored {
            name: "watch".into(),
        };
        assert_eq!(watching.collectors.start("watch"), Err(nothing));
        for path in [&file, &directory.join("nothing")] {
            let refused = watching.collectors.monitor("watch", path.to_str().unwrap());
            assert!(
                matches!(refused, Err(MonitorError::Refused { .. })),
                "{refused:?}"
            );
        }
    });
}

#[test]
fn a_directory_that_is_not_there_at_the_start_is_a_failure() {
    guarded(|| {
        let directory = Directory::new();
        let router = router::<Change>();
        let collectors = Collectors::new(&router).restarts(Restarts::never());
        collectors.register(DirectoryWatcher::new("watch")).unwrap();
        collectors.monitor("watch", directory.text()).unwrap();
        fs::remove_dir(&directory.0).unwrap();
        collectors.start("watch").unwrap();
        wait_until(|| {
            let state = collectors.get("watch").unwrap().state;
            matches!(state, State::Failed { reason } if reason.ends_with("is not a directory"))
        });
    });
}
