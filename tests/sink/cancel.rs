//! Tokens.

use crate::common::{Count, guarded};
use laneway::sink::CancelToken;
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
