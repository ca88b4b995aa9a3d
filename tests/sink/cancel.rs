//! Tokens.

use crate::common::{Count, Hold, guarded, wait_until};
use crate::harness::event;
use laneway::Event;
use laneway::sink::{CancelToken, CloseReport, Queue, Sink, SinkError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[test]
fn a_wait_ends_when_it_is_cancelled_or_over() {
    guarded(|| {
        let token = CancelToken::new();
        assert!(!token.wait(Duration::from_millis(1)));
        let waiter = thread::spawn({
            let token = token.clone();
            move || token.wait(Duration::MAX)
        });
        token.cancel();
        assert!(waiter.join().unwrap());
        assert!(token.wait(Duration::MAX), "it stays cancelled");
    });
}

#[test]
fn it_follows_others() {
    guarded(|| {
        let (above, beside, token) = (CancelToken::new(), CancelToken::new(), CancelToken::new());
        token.follow(&above);
        token.follow(&beside);
        token.follow(&token.clone());
        let waiter = thread::spawn({
            let token = token.clone();
            move || token.wait(Duration::MAX)
        });
        beside.cancel();
        assert!(waiter.join().unwrap());
        assert!(!above.is_cancelled());

        let late = CancelToken::new();
        late.follow(&beside);
        assert!(late.is_cancelled(), "it was cancelled before");
    });
}

#[test]
fn callbacks_run_once() {
    let (token, count) = (CancelToken::new(), Count::default());
    let counting = |count: &Count| {
        let count = count.clone();
        move || count.add()
    };
    token.on_cancel(|| panic!("planted: it costs the others nothing"));
    token.on_cancel(counting(&count));
    token.cancel();
    token.cancel();
    assert_eq!(count.get(), 1);
    token.on_cancel(counting(&count));
    assert_eq!(count.get(), 2, "at once");
}

#[test]
fn a_chain_is_cancelled_from_its_top() {
    guarded(|| {
        let top = CancelToken::new();
        let mut chain = vec![top.clone()];
        for _ in 0..50 {
            let token = CancelToken::new();
            token.follow(&chain[chain.len() - 1]);
            chain.push(token);
        }
        // Those that come and go are forgotten.
        for _ in 0..1000 {
            CancelToken::new().follow(&top);
        }
        let waiter = thread::spawn({
            let last = chain[50].clone();
            move || last.wait(Duration::MAX)
        });
        top.cancel();
        assert!(waiter.join().unwrap());
        assert!(chain.iter().all(CancelToken::is_cancelled));
    });
}

#[test]
fn fault_tokens_that_followed_each_other_recursed_for_ever() {
    guarded(|| {
        // a follows c, b follows a, c follows b; look at one.
        let tokens: [CancelToken; 3] = Default::default();
        for (index, token) in tokens.iter().enumerate() {
            token.follow(&tokens[(index + 2) % 3]);
        }
        assert!(!tokens.iter().any(CancelToken::is_cancelled));
        // The last one did not close the circle, so it is the top.
        tokens[2].cancel();
        assert!(tokens.iter().all(CancelToken::is_cancelled));
    });
}

/// Has its token follow another one, and calls back when it is cancelled.
struct Following(CancelToken, Option<Box<dyn FnOnce() + Send>>);

impl Sink<u32> for Following {
    fn write(&mut self, _: &Event<u32>) -> Result<(), SinkError> {
        Ok(())
    }

    fn close(&mut self, _: Duration) -> CloseReport<u32> {
        CloseReport::default()
    }

    fn attach(&mut self, cancel: &CancelToken) {
        cancel.on_cancel(self.1.take().unwrap());
        cancel.follow(&self.0);
    }
}

#[test]
fn fault_a_callback_ran_under_the_lock_of_a_queue() {
    guarded(|| {
        // A token is cancelled, and its first follower's callback takes long; the queue's thread, whose token is the
        // second, looks at it for the next event: the callback that looks at the queue ran under its lock.
        let (other, hold) = (CancelToken::new(), Hold::default());
        let first = CancelToken::new();
        first.follow(&other);
        let stop = hold.clone();
        first.on_cancel(move || stop.stop_here());
        let slot = Arc::new(Mutex::new(None::<Queue<u32>>));
        let queue = Arc::clone(&slot);
        let callback = move || {
            let queue = queue.lock().unwrap().take().unwrap();
            queue.stats();
        };
        let sink = Following(other.clone(), Some(Box::new(callback)));
        let mut queue = sink.queue(10);
        *slot.lock().unwrap() = Some(queue.clone());
        let cancelling = thread::spawn(move || other.cancel());
        hold.wait_for_arrival();
        queue.write(&event(1)).unwrap();
        wait_until(|| queue.stats().written == 1);
        hold.release();
        cancelling.join().unwrap();
        assert!(slot.lock().unwrap().is_none(), "it was called");
    });
}
