//! The nodes that are known, from the one unseen for longest to the one seen last.
//!
//! They are a doubly linked list in a slab, so that seeing a node, and finding those that were not seen for long, cost the
//! same however many there are.

use slab::Slab;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One component on one node.
#[derive(Debug)]
pub(super) struct Node {
    /// Its place among the components.
    pub(super) component: usize,
    pub(super) identity: Arc<str>,
    /// What its component knows it by.
    pub(super) key: Arc<str>,
    /// The version it runs; `None` once it has shut down. It stays known for as long as one that is not seen, so that an
    /// older event that comes late does not bring it back.
    pub(super) version: Option<Arc<str>>,
    /// Of the latest event that changed it, by the clock of the node.
    pub(super) timestamp: i64,
    /// By the clock of this process.
    pub(super) last_seen: Instant,
}

#[derive(Debug)]
struct Link {
    node: Node,
    /// Its neighbours in the list; itself at an end.
    older: usize,
    newer: usize,
}

#[derive(Debug, Default)]
pub(super) struct Nodes {
    links: Slab<Link>,
    /// The ends of the list. Without meaning while there are no nodes.
    oldest: usize,
    newest: usize,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// Adds a node as the one seen last.
    pub(super) fn insert(&mut self, node: Node) -> usize {
        let key = self.links.insert(Link {
            node,
            older: usize::MAX,
            newer: usize::MAX,
        });
        self.append(key);
        key
    }

    pub(super) fn get_mut(&mut self, key: usize) -> &mut Node {
        &mut self.links[key].node
    }

    /// Marks a node as seen.
    pub(super) fn see(&mut self, key: usize, now: Instant) {
        self.links[key].node.last_seen = now;
        if key != self.newest {
            self.unlink(key);
            self.append(key);
        }
    }

    /// Takes out the oldest node, if it was not seen for longer than this.
    pub(super) fn pop_unseen(&mut self, now: Instant, longer_than: Duration) -> Option<Node> {
        let last_seen = self.links.get(self.oldest)?.node.last_seen;
        if now.saturating_duration_since(last_seen) <= longer_than {
            return None;
        }
        let key = self.oldest;
        self.unlink(key);
        Some(self.links.remove(key).node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.links.iter().map(|(_, link)| &link.node)
    }

    fn append(&mut self, key: usize) {
        let is_only = self.links.len() == 1;
        let older = if is_only { key } else { self.newest };
        self.links[key].older = older;
        self.links[key].newer = key;
        if is_only {
            self.oldest = key;
        } else {
            self.links[older].newer = key;
        }
        self.newest = key;
    }

    fn unlink(&mut self, key: usize) {
        let Link { older, newer, .. } = self.links[key];
        match (older == key, newer == key) {
            (true, true) => {}
            (true, false) => {
                self.oldest = newer;
                self.links[newer].older = newer;
            }
            (false, true) => {
                self.newest = older;
                self.links[older].newer = older;
            }
            (false, false) => {
                self.links[older].newer = newer;
                self.links[newer].older = older;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(nodes: &Nodes) -> Vec<usize> {
        let mut order = vec![nodes.oldest];
        while *order.last().unwrap() != nodes.newest {
            let last = *order.last().unwrap();
            let newer = nodes.links[last].newer;
            assert_eq!(nodes.links[newer].older, last);
            order.push(newer);
        }
        assert_eq!(order.len(), nodes.len());
        order
    }

    #[test]
    fn seen_nodes_move_to_the_end() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut nodes = Nodes::default();
        let keys = [0, 1, 2, 3].map(|second| {
            nodes.insert(Node {
                component: 0,
                identity: "n".into(),
                key: "n".into(),
                version: None,
                timestamp: 0,
                last_seen: at(second),
            })
        });
        let [a, b, c, d] = keys;
        assert_eq!(order(&nodes), keys);
        nodes.see(b, at(4));
        assert_eq!(order(&nodes), [a, c, d, b]);
        nodes.see(a, at(5));
        nodes.see(a, at(6));
        assert_eq!(order(&nodes), [c, d, b, a]);

        let unseen_for = Duration::from_secs(2);
        assert!(nodes.pop_unseen(at(4), unseen_for).is_none());
        assert!(nodes.pop_unseen(at(6), unseen_for).is_some());
        assert_eq!(order(&nodes), [d, b, a]);
        while nodes.pop_unseen(at(100), unseen_for).is_some() {}
        assert_eq!(nodes.len(), 0);
    }
}
