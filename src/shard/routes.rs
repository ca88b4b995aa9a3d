//! Which seats a run is for.

use crate::batch::Pick;
use crate::filter::{FilterKey, Pattern};
use crate::hash::{HashMap, new_map};
use crate::interest::Table;
use crate::lane::Run;
use crate::sync::{Cached, Swap};
use crate::topic::names::ClassId;
use crate::topic::resource::ResourceId;
use smallvec::SmallVec;

pub(super) struct Routes {
    /// Says which patterns match a class. It knows all shards' patterns; those of others find no seats here.
    table: Cached<Table>,
    patterns: HashMap<Pattern, Vec<u32>>,
    resources: HashMap<(Pattern, ResourceId), SmallVec<[u32; 2]>>,
    /// How many resource keys of this shard are under a pattern.
    keyed: HashMap<Pattern, usize>,
    /// Made as classes come; all forgotten when a pattern comes or goes.
    classes: HashMap<ClassId, usize>,
    routes: Vec<Route>,
    /// The class of the last run and its route.
    last: Option<(ClassId, usize)>,
}

/// Where the events of one class go.
pub(super) struct Route {
    /// Seats for every event of the class, each once, rising.
    seats: Vec<u32>,
    /// Patterns under which to look for an event's resource.
    keyed: SmallVec<[Pattern; 2]>,
}

impl Route {
    #[inline]
    pub(super) fn seats(&self) -> &[u32] {
        &self.seats
    }

    #[inline]
    pub(super) fn is_keyed(&self) -> bool {
        !self.keyed.is_empty()
    }
}

impl Routes {
    pub(super) fn new(table: &Swap<Table>) -> Self {
        Routes {
            table: table.cached(),
            patterns: new_map(),
            resources: new_map(),
            keyed: new_map(),
            classes: new_map(),
            routes: Vec::new(),
            last: None,
        }
    }

    pub(super) fn insert(&mut self, keys: &[FilterKey], seat: u32) {
        for key in keys {
            match key.resource {
                None => {
                    self.patterns.entry(key.pattern).or_default().push(seat);
                    self.forget();
                }
                Some(resource) => {
                    let seats = self.resources.entry((key.pattern, resource)).or_default();
                    seats.push(seat);
                    let keyed = self.keyed.entry(key.pattern).or_default();
                    *keyed += 1;
                    if *keyed == 1 {
                        self.forget();
                    }
                }
            }
        }
    }

    pub(super) fn remove(&mut self, keys: &[FilterKey], seat: u32) {
        for key in keys {
            match key.resource {
                None => {
                    if let Some(seats) = self.patterns.get_mut(&key.pattern) {
                        seats.retain(|other| *other != seat);
                        if seats.is_empty() {
                            self.patterns.remove(&key.pattern);
                        }
                    }
                    self.forget();
                }
                Some(resource) => {
                    let place = (key.pattern, resource);
                    if let Some(seats) = self.resources.get_mut(&place) {
                        seats.retain(|other| *other != seat);
                        if seats.is_empty() {
                            self.resources.remove(&place);
                        }
                    }
                    if let Some(keyed) = self.keyed.get_mut(&key.pattern) {
                        *keyed -= 1;
                        if *keyed == 0 {
                            self.keyed.remove(&key.pattern);
                            self.forget();
                        }
                    }
                }
            }
        }
    }

    /// Nothing is routed any more.
    pub(super) fn clear(&mut self) {
        self.patterns.clear();
        self.resources.clear();
        self.keyed.clear();
        self.forget();
    }

    fn forget(&mut self) {
        self.classes.clear();
        self.routes.clear();
        self.last = None;
    }

    #[inline]
    pub(super) fn of(&mut self, class: ClassId) -> &Route {
        let index = match self.last {
            Some((last, index)) if last == class => index,
            _ => self.find(class),
        };
        &self.routes[index]
    }

    #[inline(never)]
    fn find(&mut self, class: ClassId) -> usize {
        let index = match self.classes.get(&class) {
            Some(&index) => index,
            None => self.make(class),
        };
        self.last = Some((class, index));
        index
    }

    #[cold]
    fn make(&mut self, class: ClassId) -> usize {
        let mut route = Route {
            seats: Vec::new(),
            keyed: SmallVec::new(),
        };
        self.table.load().for_each_match(class, |pattern, _| {
            route
                .seats
                .extend(self.patterns.get(&pattern).into_iter().flatten());
            if self.keyed.contains_key(&pattern) {
                route.keyed.push(pattern);
            }
        });
        route.seats.sort_unstable();
        route.seats.dedup();
        let index = self.routes.len();
        self.routes.push(route);
        self.classes.insert(class, index);
        index
    }

    /// Finds the events of a run that are for somebody by their resource, grouped by seat, each group in the lane's order.
    pub(super) fn pick<E>(&mut self, run: Run<'_, E>, picks: &mut Vec<Pick>) {
        picks.clear();
        self.of(run.class());
        let Some((_, index)) = self.last else { return };
        let route = &self.routes[index];
        for offset in 0..run.len() {
            let Some(resource) = run.get(offset).and_then(|event| event.topic.resource()) else {
                continue;
            };
            for &pattern in &route.keyed {
                let seats = self.resources.get(&(pattern, resource));
                for &seat in seats.into_iter().flatten() {
                    if route.seats.binary_search(&seat).is_err() {
                        let offset = offset as u32;
                        picks.push(Pick { seat, offset });
                    }
                }
            }
        }
        picks.sort_unstable();
        // At most once per subscription, however many of its filters match.
        picks.dedup();
    }
}
