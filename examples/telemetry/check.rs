//! Whether everything that was published has arrived, and all who count agree.

use crate::actors::Outcomes;
use crate::reading::TELEMETRY;
use laneway::{Stats, Subscription, SubscriptionInfo, SubscriptionStats, Topic};

/// What the publisher and the router counted.
pub(crate) struct Ledger {
    /// Readings that somebody listens to, says the publisher.
    published: u64,
    pub(crate) stats: Stats,
    /// In the order of the subscriptions.
    pub(crate) accounts: Vec<Account>,
}

/// One actor's part of it.
pub(crate) struct Account {
    pub(crate) info: SubscriptionInfo,
    stats: SubscriptionStats,
    stopped_early: bool,
}

impl Account {
    pub(crate) fn name(&self) -> &str {
        self.info.name.as_deref().unwrap_or("unnamed")
    }

    /// By the meaning of filters: [`Filter::matches`](laneway::Filter::matches) compares text with text, and has
    /// nothing in common with how the router finds its subscribers.
    fn wants(&self, topic: Topic) -> bool {
        self.info.filters.iter().any(|filter| filter.matches(topic))
    }
}

impl Ledger {
    pub(crate) fn new(published: u64, stats: Stats) -> Self {
        Ledger {
            published,
            stats,
            accounts: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, info: SubscriptionInfo, subscription: &Subscription) {
        self.accounts.push(Account {
            info,
            stats: subscription.stats(),
            stopped_early: subscription.has_ended(),
        });
    }

    pub(crate) fn published(&self) -> u64 {
        self.published
    }

    /// A line for each thing that does not agree.
    pub(crate) fn faults(&self, outcomes: &Outcomes) -> Vec<String> {
        let early = self.accounts.iter().filter(|account| account.stopped_early);
        let mut faults: Vec<String> = early
            .map(|account| format!("the {} stopped early", account.name()))
            .collect();
        if !faults.is_empty() {
            // The others may well have got what they should, but the sums below are over all.
            return faults;
        }
        let mut agree = |what: &str, expected: u64, found: u64| {
            if expected != found {
                faults.push(format!("{what}: {found}, and {expected} were expected"));
            }
        };

        // How many events there were, by topic. This rests on what one actor counted, so the first thing is whether
        // that is what was published.
        let topics = outcomes.topics();
        let events = |wanted: &dyn Fn(Topic) -> bool| {
            let wanted = topics.iter().filter(|(topic, _)| wanted(*topic));
            wanted.map(|(_, count)| count).sum::<u64>()
        };
        let readings = events(&|topic| topic.category() == TELEMETRY);
        agree("readings by topic", self.published, readings);

        for (account, taken) in self.accounts.iter().zip(outcomes.taken()) {
            let (name, stats) = (account.name(), account.stats);
            let expected = events(&|topic| account.wants(topic));
            agree(&format!("events for the {name}"), expected, stats.matched);
            agree(&format!("handled by the {name}"), expected, stats.handled);
            agree(&format!("counted by the {name}"), expected, taken);
            let lost = stats.discarded + stats.dropped.total() + stats.queued;
            agree(&format!("lost by the {name}"), 0, lost);
        }

        // A shard gets an event once if any of its actors wants it, and hands it to all that do.
        for (shard, stats) in self.stats.shards.iter().enumerate() {
            let here = |account: &Account| account.info.shard == shard;
            let wanted = |topic| {
                self.accounts
                    .iter()
                    .any(|account| here(account) && account.wants(topic))
            };
            let expected = events(&wanted);
            agree(&format!("events of shard {shard}"), expected, stats.events);
        }
        let total = self.stats.total();
        let sum = |part: fn(&SubscriptionStats) -> u64| {
            let accounts = self.accounts.iter();
            accounts.map(|account| part(&account.stats)).sum::<u64>()
        };
        agree(
            "deliveries of the shards",
            sum(|stats| stats.matched),
            total.matched,
        );
        agree(
            "handled by the shards",
            sum(|stats| stats.handled),
            total.handled,
        );
        agree("left in lanes", 0, (total.depth + total.spilled) as u64);
        agree("panics", 0, total.panics);
        faults
    }
}
