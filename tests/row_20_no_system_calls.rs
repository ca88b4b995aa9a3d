//! Row 20: publishing to a shard that is awake makes no system call, and neither does the shard. Seen from outside, by
//! `strace`. That nothing is allocated is for `g01_allocation_free.rs` to see.

mod common;

use common::child::{self, skip};
use laneway::{Filter, Pinning, Published, Router, Topic, Wait};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const EVENTS: u64 = 100_000;
/// Events in flight at most: there is always room.
const WINDOW: u64 = 32;

/// One system call, which says where in the trace its thread is.
fn mark(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// What is traced: a shard that spins, and no stall detector, which has a thread that wakes up.
#[test]
fn publishing_to_a_shard_that_is_awake() {
    if !child::is_inside() {
        return;
    }
    let router = Router::<u64>::builder()
        .shards(1)
        .wait(Wait::Spin)
        .pinning(Pinning::Off)
        .stall_after(Duration::MAX)
        .build()
        .unwrap();
    let topic = Topic::new("test", "PURE").unwrap();
    let handled = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&handled);
    let handler = move |event: &laneway::Event<u64>| {
        if *event.payload() == u64::MAX {
            mark("<SHARD>");
        }
        count.fetch_add(1, Ordering::Release);
    };
    router.subscribe(Filter::exact(topic), handler).unwrap();
    let mut publisher = router.publisher();
    let mut sent = 0;
    let mut drive = |payloads: &mut dyn Iterator<Item = u64>| {
        for payload in payloads {
            let published = match payload % 2 {
                0 => publisher.publish(topic, payload),
                _ => router.publish(topic, payload),
            };
            assert_eq!(published, Ok(Published::Routed));
            sent += 1;
            if sent % WINDOW == 0 {
                // No yield: that is a system call.
                while handled.load(Ordering::Acquire) < sent {
                    std::hint::spin_loop();
                }
            }
        }
        while handled.load(Ordering::Acquire) < sent {
            std::hint::spin_loop();
        }
    };
    drive(&mut (0..10_000));
    drive(&mut [u64::MAX].into_iter());
    mark("<BEGIN>");
    drive(&mut (0..EVENTS));
    mark("<END>");
    drive(&mut [u64::MAX].into_iter());
}

/// The calls of the threads that wrote the marks, between the marks.
fn calls_between_marks(trace: &str) -> Vec<&str> {
    let thread_of = |line: &&str| line.split_whitespace().next().map(str::to_owned);
    let line_of = |text: &str| {
        trace
            .lines()
            .position(|line| line.contains(text))
            .expect(text)
    };
    let (begin, end) = (line_of("<BEGIN>"), line_of("<END>"));
    let lines: Vec<&str> = trace.lines().collect();
    let publisher = thread_of(&lines[begin]);
    let shard = thread_of(&lines[line_of("<SHARD>")]);
    assert_ne!(publisher, shard, "two threads");
    let between = lines[begin + 1..end].iter();
    let ours = between.filter(|line| [&publisher, &shard].contains(&&thread_of(line)));
    // The end of the call that wrote the mark.
    ours.filter(|line| !line.contains("<... write resumed>"))
        .copied()
        .collect()
}

#[test]
fn row_20_publishing_to_a_shard_that_is_awake_makes_no_system_call() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return skip("a shard that spins needs a CPU of its own");
    }
    let file = std::env::temp_dir().join(format!("laneway-{}.strace", std::process::id()));
    let path = file.to_str().expect("a plain path");
    let arguments = ["-f", "-o", path];
    let Some(output) =
        child::run_again("strace", &arguments, "publishing_to_a_shard_that_is_awake")
    else {
        return;
    };
    assert!(output.status.success(), "{}", child::told(&output));
    let trace = std::fs::read_to_string(&file).expect("what strace wrote");
    std::fs::remove_file(&file).expect("it was there");
    let calls = calls_between_marks(&trace);
    assert!(
        calls.is_empty(),
        "{} calls: {:#?}",
        calls.len(),
        &calls[..calls.len().min(20)]
    );
}
