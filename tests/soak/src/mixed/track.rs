//! What one subscription has got, checked against what was published.

use super::traffic::{LAST, Numbered, Numbers, PUBLISHERS, TOPICS, Traffic};
use laneway::{Event, Overflow, SubscriptionStats};
use std::sync::Arc;

/// Where a subscription stands.
pub(crate) struct Track {
    traffic: Arc<Traffic>,
    wanted: [bool; TOPICS],
    overflow: Overflow,
    /// It may be told to discard events.
    discards: bool,
    /// Events before these were published before it subscribed.
    from: Numbers,
    /// Events from these on were published after it had subscribed. Not known before that has returned.
    surely: Option<Numbers>,
    /// The next number that may come, by publisher, and by topic if the order holds for each topic only.
    next: [[u64; TOPICS]; PUBLISHERS],
    /// The highest number that was wanted and did not come before a later one, and one more.
    gap_end: Numbers,
    /// What came, by publisher, with numbers from `surely` on once that is known; until then noted one by one.
    late: Numbers,
    unsorted: Vec<Numbered>,
    /// Gaps from `surely` on.
    gaps: u64,
    last_ones: u64,
    pub(crate) handled: u64,
    pub(crate) missed: u64,
    /// No call may come.
    pub(crate) is_barred: bool,
}

impl Track {
    pub(crate) fn new(
        traffic: &Arc<Traffic>,
        wanted: [bool; TOPICS],
        overflow: Overflow,
        discards: bool,
    ) -> Self {
        let from = traffic.done();
        Track {
            traffic: Arc::clone(traffic),
            wanted,
            overflow,
            discards,
            from,
            surely: None,
            next: from.map(|number| [number; TOPICS]),
            gap_end: [0; PUBLISHERS],
            late: [0; PUBLISHERS],
            unsorted: Vec::new(),
            gaps: 0,
            last_ones: 0,
            handled: 0,
            missed: 0,
            is_barred: false,
        }
    }

    /// Subscribing has returned.
    pub(crate) fn is_subscribed(&mut self) {
        let surely = self.traffic.begun();
        self.surely = Some(surely);
        for event in std::mem::take(&mut self.unsorted) {
            self.late[event.publisher] += u64::from(event.number >= surely[event.publisher]);
        }
    }

    pub(crate) fn lagged(&mut self, missed: u64) {
        self.missed += missed;
    }

    pub(crate) fn take(&mut self, event: &Event<Numbered>) {
        let number @ Numbered { publisher, .. } = *event.payload();
        let topic = number.topic();
        self.handled += 1;
        let expect = |holds: bool, what: &str| {
            self.traffic
                .verdict
                .check(holds, || format!("{event:?} {what}"));
        };
        expect(
            !self.is_barred,
            "came though it was unsubscribed or suspended",
        );
        expect(
            event.topic() == self.traffic.topics()[topic],
            "came with another topic",
        );
        expect(self.wanted[topic], "was not asked for");
        if number.number >= LAST {
            self.last_ones += 1;
            return;
        }
        let place = if self.overflow == Overflow::KeepLatest {
            topic
        } else {
            0
        };
        let next = self.next[publisher][place];
        expect(
            number.number >= self.from[publisher],
            "was published before it subscribed",
        );
        expect(number.number >= next, "came twice or out of order");
        self.next[publisher][place] = number.number + 1;
        match self.surely {
            None => self.unsorted.push(number),
            Some(surely) => self.late[publisher] += u64::from(number.number >= surely[publisher]),
        }
        if self.overflow != Overflow::KeepLatest {
            self.look_at_gap(publisher, next..number.number);
        }
    }

    fn look_at_gap(&mut self, publisher: usize, numbers: std::ops::Range<u64>) {
        for number in numbers {
            if !self.wanted[Numbered { publisher, number }.topic()] {
                continue;
            }
            self.gap_end[publisher] = number + 1;
            let Some(surely) = self.surely else { continue };
            self.gaps += u64::from(number >= surely[publisher]);
        }
        let is_told = self.discards || self.gaps <= self.missed;
        let (gaps, missed) = (self.gaps, self.missed);
        self.traffic.verdict.check(is_told, || {
            format!("{gaps} are missing, and {missed} reported")
        });
    }

    /// Where nothing may be lost, nothing was, up to the last that came.
    pub(crate) fn assert_whole(&self) {
        let surely = self.surely.expect("it is subscribed");
        if self.overflow == Overflow::Block && !self.discards {
            for (gap, surely) in self.gap_end.iter().zip(surely) {
                assert!(*gap <= surely, "a gap before {gap}, subscribed at {surely}");
            }
        }
    }

    /// After all events and the last ones: each one that was published is accounted for.
    pub(crate) fn assert_accounted(&self, stats: SubscriptionStats) {
        let surely = self.surely.expect("it is subscribed");
        let end = self.traffic.begun();
        let (mut due, mut perhaps, mut got) = (0, 0, 0);
        for publisher in 0..PUBLISHERS {
            let wanted = |number: &u64| {
                let number = *number;
                self.wanted[Numbered { publisher, number }.topic()]
            };
            due += (surely[publisher]..end[publisher]).filter(wanted).count() as u64;
            perhaps += (self.from[publisher]..surely[publisher])
                .filter(wanted)
                .count() as u64;
            got += self.late[publisher];
        }
        // What was published while it subscribed may have come, or been lost, or not been for it.
        let early = self.handled - got - self.last_ones;
        let matched = stats.matched - self.last_ones;
        assert!(
            (due + early..=due + perhaps).contains(&matched),
            "{due} {early} {perhaps} {stats:?}"
        );
        let lost = stats.dropped.total() + stats.discarded;
        assert!(
            (due - got..=due - got + perhaps - early).contains(&lost),
            "{due} {got} {stats:?}"
        );
        assert_eq!(
            stats.dropped.total(),
            self.missed,
            "each loss is reported: {stats:?}"
        );
        let is_sound = self.discards || stats.discarded == 0;
        assert!(is_sound, "{stats:?}");
    }
}
