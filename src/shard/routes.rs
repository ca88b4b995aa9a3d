//! Which seats a run is for.

use crate::batch::Pick;
use crate::filter::{FilterKey, Pattern};
use crate::hash::{HashMap, new_map};
use crate::interest::Table;
use crate::lane::Run;
use crate::sync::{Cached, Swap};
use crate::topic::names::ClassId;
use crate::topic::resource::ResourceId;
use slab::Slab;
use smallvec::SmallVec;
use std::slice;

pub(super) struct Routes {
    /// Says which patterns match a class. It knows all shards' patterns; those of others find no seats here.
    table: Cached<Table>,
    patterns: HashMap<Pattern, Vec<u32>>,
    /// Patterns under which some want certain resources. None is empty.
    keyed: HashMap<Pattern, HashMap<ResourceId, Takers>>,
    /// The seats of resources that several want.
    shared: Slab<Vec<u32>>,
    /// Made as classes come; all forgotten when a pattern comes or goes.
    classes: HashMap<ClassId, usize>,
    routes: Vec<Route>,
    /// The class of the last run and its route.
    last: Option<(ClassId, usize)>,
}

/// The seats for a resource. One that a single seat wants is a third of the size that a vector has, even with its place inside:
/// there may be millions.
#[derive(Clone, Copy)]
enum Takers {
    One(u32),
    /// In [`Routes::shared`].
    Several(u32),
}

impl Takers {
    #[inline]
    fn seats<'a>(&'a self, shared: &'a Slab<Vec<u32>>) -> &'a [u32] {
        match self {
            Takers::One(seat) => slice::from_ref(seat),
            Takers::Several(key) => &shared[*key as usize],
        }
    }

    fn add(&mut self, seat: u32, shared: &mut Slab<Vec<u32>>) {
        match *self {
            Takers::One(first) => {
                let key = shared.insert(vec![first, seat]);
                *self = Takers::Several(u32::try_from(key).expect("no more than seats"));
            }
            Takers::Several(key) => shared[key as usize].push(seat),
        }
    }

    /// False: nobody else wants it.
    fn take(&mut self, seat: u32, shared: &mut Slab<Vec<u32>>) -> bool {
        let key = match *self {
            Takers::One(own) => return own != seat,
            Takers::Several(key) => key,
        };
        let seats = &mut shared[key as usize];
        seats.retain(|other| *other != seat);
        if let [last] = seats[..] {
            shared.remove(key as usize);
            *self = Takers::One(last);
        }
        true
    }
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
            keyed: new_map(),
            shared: Slab::new(),
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
                    let resources = self.keyed.entry(key.pattern).or_insert_with(new_map);
                    let is_first = resources.is_empty();
                    resources
                        .entry(resource)
                        .and_modify(|takers| takers.add(seat, &mut self.shared))
                        .or_insert(Takers::One(seat));
                    if is_first {
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
                    if let Some(resources) = self.keyed.get_mut(&key.pattern)
                        && let Some(takers) = resources.get_mut(&resource)
                        && !takers.take(seat, &mut self.shared)
                    {
                        resources.remove(&resource);
                        if resources.is_empty() {
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
        self.keyed.clear();
        self.shared.clear();
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
        if !run.has_resources() {
            return;
        }
        self.of(run.class());
        let Some((_, index)) = self.last else { return };
        let route = &self.routes[index];
        for resources in route.keyed.iter().filter_map(|it| self.keyed.get(it)) {
            for offset in 0..run.len() {
                let Some(resource) = run.get(offset).and_then(|event| event.topic.resource())
                else {
                    continue;
                };
                let takers = resources.get(&resource);
                let seats = takers.map_or(&[][..], |takers| takers.seats(&self.shared));
                for &seat in seats {
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
