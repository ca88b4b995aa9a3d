//! Random events, suspensions and policies, against a mailbox that is easy to believe.

use super::common::{Random, assert_sums, guarded, rounds, topic};
use super::{Seen, router, with_mailbox, witness};
use laneway::{Dropped, Filter, Overflow, Suspend, Topic};

/// A mailbox as one would write it down first.
struct Model {
    overflow: Overflow,
    capacity: usize,
    waiting: Vec<(Topic, Seen, u64)>,
    missed: u64,
    dropped: Dropped,
    seen: Vec<Seen>,
}

impl Model {
    fn new(capacity: usize, overflow: Overflow) -> Self {
        Model {
            overflow,
            capacity,
            waiting: Vec::new(),
            missed: 0,
            dropped: Dropped::default(),
            seen: Vec::new(),
        }
    }

    fn offer(&mut self, topic: Topic, number: u64) {
        let mut alike = self
            .waiting
            .iter_mut()
            .filter(|(other, ..)| *other == topic);
        if self.overflow == Overflow::KeepLatest
            && let Some((_, event, missed)) = alike.next()
        {
            *event = Seen::Event(number);
            *missed += 1;
            self.dropped.replaced += 1;
            return;
        }
        if self.waiting.len() == self.capacity {
            if self.overflow == Overflow::DropNewest {
                self.missed += 1;
                self.dropped.newest += 1;
                return;
            }
            let (.., missed) = self.waiting.remove(0);
            let next = (self.waiting.first_mut()).map_or(&mut self.missed, |(.., gap)| gap);
            *next += missed + 1;
            self.dropped.oldest += 1;
        }
        let missed = std::mem::take(&mut self.missed);
        self.waiting.push((topic, Seen::Event(number), missed));
    }

    fn hand_over(&mut self) {
        for (_, event, missed) in self.waiting.drain(..) {
            if missed > 0 {
                self.seen.push(Seen::Lagged(missed));
            }
            self.seen.push(event);
        }
    }
}

/// The same events, to each subscription its own due.
#[test]
fn mixed_policies_agree_with_a_slow_and_obvious_mailbox() {
    guarded(|| {
        let mut random = Random::new();
        let topics: Vec<Topic> = (0..8_u64)
            .map(|id| topic(["A", "B"][id as usize % 2]).with_resource(id / 2))
            .collect();
        let filters = [
            Filter::any(),
            Filter::any().event_type("A"),
            Filter::any().resource(1),
        ];
        for _ in 0..rounds(40) {
            let router = router();
            let mut all = Vec::new();
            for _ in 0..6 {
                let overflow = random.pick(&[
                    Overflow::Block,
                    Overflow::DropNewest,
                    Overflow::DropOldest,
                    Overflow::KeepLatest,
                ]);
                // One that blocks would hold the lane for all.
                let capacity = match overflow {
                    Overflow::Block => 1000,
                    _ => 1 + random.below(6),
                };
                let filter = random.pick(&filters);
                let builder = with_mailbox(&router, filter.clone(), capacity, overflow);
                let builder = builder.budget(1 + random.below(3) as u32);
                let (subscription, log) = witness(builder);
                let model = Model::new(capacity, overflow);
                all.push((subscription, log, filter, model, false));
            }
            let mut publisher = router.publisher();
            for number in 0..200 {
                let (subscription, _, _, model, is_suspended) = &mut all[random.below(6)];
                match random.below(4) {
                    0 => {
                        subscription.suspend(Suspend::Queue).unwrap();
                        *is_suspended = true;
                    }
                    1 => {
                        subscription.resume().unwrap();
                        // Otherwise it might still wait when the next event comes.
                        router.flush().unwrap();
                        *is_suspended = false;
                        model.hand_over();
                    }
                    _ => {}
                }
                let topic = random.pick(&topics);
                publisher.publish(topic, number).unwrap();
                // What goes on is never behind when the next one comes.
                router.flush().unwrap();
                for (_, _, filter, model, is_suspended) in &mut all {
                    if filter.matches(topic) {
                        model.offer(topic, number);
                        if !*is_suspended {
                            model.hand_over();
                        }
                    }
                }
            }
            for (subscription, _, _, model, _) in &mut all {
                subscription.resume().unwrap();
                model.hand_over();
            }
            router.flush().unwrap();
            for (subscription, log, filter, model, _) in &all {
                let (overflow, capacity) = (model.overflow, model.capacity);
                assert_eq!(
                    log.all(),
                    model.seen,
                    "{overflow:?} of {capacity}, {filter:?}"
                );
                assert_eq!(subscription.stats().dropped, model.dropped);
            }
            let all: Vec<_> = all.into_iter().map(|(it, ..)| it).collect();
            assert_sums(&router, &all);
        }
    });
}
