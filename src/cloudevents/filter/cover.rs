//! From what is asked of attributes to filters over topics that let nothing of it slip.

use crate::Filter;
use crate::ResourceId;
use crate::cloudevents::filter::{Comparison, Dialect, EventFilter, Plan};
use crate::cloudevents::topic::{Category, TopicMap};

/// More filters than this become one that is less narrow.
const MOST: usize = 64;

/// Filters that together match the topic of each event that passes.
struct Cover {
    terms: Vec<Term>,
    /// Whether they match no other.
    is_exact: bool,
}

/// A filter in the making: patterns as [`Filter`] has them, in the order category, event type, source, resource type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Term {
    texts: [Option<String>; 4],
    resource: Option<ResourceId>,
}

const CATEGORY: usize = 0;
const EVENT_TYPE: usize = 1;
const SOURCE: usize = 2;
const RESOURCE_TYPE: usize = 3;

pub(super) fn plan(filter: &EventFilter, map: &TopicMap) -> Plan {
    let mut cover = Cover::of(filter, map);
    if cover.terms.is_empty() {
        // Nothing passes. There is no filter that says so, but a predicate can.
        cover = Cover::everything();
    }
    Plan {
        filters: cover.terms.into_iter().map(Term::into_filter).collect(),
        is_exact: cover.is_exact,
    }
}

impl Cover {
    /// What matches every topic, and says nothing of what passes.
    fn everything() -> Self {
        Cover {
            terms: vec![Term::default()],
            is_exact: false,
        }
    }

    fn of(filter: &EventFilter, map: &TopicMap) -> Self {
        match &*filter.0 {
            Dialect::Compare(comparison, wanted) => {
                let covers = wanted
                    .iter()
                    .map(|(name, wanted)| Cover::comparing(*comparison, name, wanted, map));
                Cover::all(covers)
            }
            Dialect::All(filters) => {
                Cover::all(filters.iter().map(|filter| Cover::of(filter, map)))
            }
            Dialect::Any(filters) => {
                Cover::any(filters.iter().map(|filter| Cover::of(filter, map)))
            }
            Dialect::Not(_) => Cover::everything(),
        }
    }

    fn all(covers: impl Iterator<Item = Cover>) -> Self {
        let everything = Cover {
            terms: vec![Term::default()],
            is_exact: true,
        };
        covers.fold(everything, |one, other| {
            if one.terms.len() * other.terms.len() > MOST {
                let fewer = if one.terms.len() <= other.terms.len() {
                    one
                } else {
                    other
                };
                return Cover {
                    is_exact: false,
                    ..fewer
                };
            }
            let pairs = one
                .terms
                .iter()
                .flat_map(|one| other.terms.iter().map(move |other| one.and(other)));
            Cover {
                terms: pairs.flatten().fold(Vec::new(), with),
                is_exact: one.is_exact && other.is_exact,
            }
        })
    }

    fn any(covers: impl Iterator<Item = Cover>) -> Self {
        let mut union = Cover {
            terms: Vec::new(),
            is_exact: true,
        };
        for cover in covers {
            union.terms = cover.terms.into_iter().fold(union.terms, with);
            union.is_exact &= cover.is_exact;
            if union.terms.len() > MOST {
                return Cover::everything();
            }
        }
        union
    }

    /// An attribute can be in several fields, or in none.
    fn comparing(comparison: Comparison, name: &str, wanted: &str, map: &TopicMap) -> Self {
        let mut cover = Cover::everything();
        let mut fields = Vec::new();
        match name {
            "type" => fields.push(EVENT_TYPE),
            "source" => fields.push(SOURCE),
            _ => {}
        }
        if map.resource_type.as_deref() == Some(name) {
            fields.push(RESOURCE_TYPE);
        }
        if let Category::Attribute { name: category, .. } = &map.category
            && **category == *name
        {
            fields.push(CATEGORY);
        }
        for field in fields {
            if let Some((pattern, is_exact)) = pattern(comparison, wanted) {
                cover.terms[0].texts[field] = Some(pattern);
                // Events without the attribute can be of the same category.
                cover.is_exact |= is_exact && field != CATEGORY;
            }
        }
        if map.resource.as_deref() == Some(name) && comparison == Comparison::Exact {
            // Texts that differ can be the same resource: a UUID in upper and in lower case.
            cover.terms[0].resource = Some(wanted.into());
        }
        cover
    }
}

/// Adds a term that is not there yet.
fn with(mut terms: Vec<Term>, term: Term) -> Vec<Term> {
    if !terms.contains(&term) {
        terms.push(term);
    }
    terms
}

/// The narrowest pattern that matches all texts of which the comparison holds, and whether it matches no other.
fn pattern(comparison: Comparison, wanted: &str) -> Option<(String, bool)> {
    let is_name = |pattern: &str| Filter::any().event_type(pattern).check().is_ok();
    let under = |prefix: &str| {
        Some(format!("{prefix}*")).filter(|pattern| pattern.ends_with(".*") && is_name(pattern))
    };
    match comparison {
        Comparison::Exact if is_name(wanted) && !wanted.contains('*') => {
            Some((wanted.to_owned(), true))
        }
        Comparison::Prefix if under(wanted).is_some() => Some((under(wanted)?, true)),
        Comparison::Exact | Comparison::Prefix => {
            let last_dot = wanted.rfind('.')?;
            Some((under(&wanted[..=last_dot])?, false))
        }
        Comparison::Suffix => None,
    }
}

impl Term {
    /// What matches both, if anything can.
    fn and(&self, other: &Term) -> Option<Term> {
        let mut both = self.clone();
        for (one, other) in both.texts.iter_mut().zip(&other.texts) {
            if let Some(other) = other {
                *one = Some(match one.take() {
                    Some(one) => narrower(one, other)?,
                    None => other.clone(),
                });
            }
        }
        match (both.resource, other.resource) {
            (Some(one), Some(other)) if one != other => return None,
            (one, other) => both.resource = one.or(other),
        }
        Some(both)
    }

    fn into_filter(self) -> Filter {
        let setters = [
            Filter::category,
            Filter::event_type,
            Filter::source,
            Filter::resource_type,
        ];
        let mut filter = Filter::any();
        for (set, text) in setters.into_iter().zip(self.texts) {
            if let Some(text) = text {
                filter = set(filter, text);
            }
        }
        match self.resource {
            Some(resource) => filter.resource(resource),
            None => filter,
        }
    }
}

/// The one of two patterns that the other one matches too.
fn narrower(one: String, other: &str) -> Option<String> {
    let matches = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => pattern == text,
    };
    if matches(other, &one) {
        Some(one)
    } else {
        matches(&one, other).then(|| other.to_owned())
    }
}
