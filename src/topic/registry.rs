//! The process-wide registry of names and classes.
//!
//! A name is the text of one field; a class is a combination of the four text fields. Both become dense numbers once,
//! when a topic is built or a filter subscribes, and the hot path sees numbers only. The registry only grows, up to its
//! limits, and never gives anything back, so that a number means the same for as long as the process lives.
//!
//! Reading, and registering what is there already, takes no lock and allocates nothing. Adding takes the one writer
//! lock.
//!
//! # Names from outside
//!
//! [`lookup`] never adds a name. A field whose text is not registered stands as "some name under its longest registered
//! prefix", which is what the prefix patterns of filters can tell about it. Every prefix of a registered name is
//! registered too, so the registered prefixes of a text are found by walking up from its start. A combination that is
//! new costs a class, counted apart from the registered ones; when those are used up, the class is [`OTHER`].

use crate::error::{Field, MAX_CLASSES, MAX_NAME_BYTES, MAX_TEXT_BYTES, TopicError};
use crate::sync::Ordering;
use crate::sync::global::{AtomicUsize, Mutex, OnceLock};
use crate::topic::interner::{Interner, Writer, leaked};
use crate::topic::names::{ClassId, Fault, Fields, NameId, NameRecord, check_name};
use std::sync::{MutexGuard, PoisonError};

/// How many classes [`lookup`] can add.
pub(crate) const MAX_LOOKED_UP_CLASSES: usize = 1 << 18;

/// The class of looked-up topics that got no class of their own: nothing is known of any field.
pub(crate) const OTHER: ClassId = ClassId(0);

struct Registry {
    names: &'static Interner<NameRecord>,
    classes: &'static Interner<Fields>,
    writers: Mutex<Writers>,
    /// The counts below change under the writer lock only.
    text_bytes: AtomicUsize,
    registered: AtomicUsize,
    looked_up: AtomicUsize,
}

struct Writers {
    names: Writer<NameRecord>,
    classes: Writer<Fields>,
}

static REGISTRY: OnceLock<Registry> = OnceLock::new();

fn registry() -> &'static Registry {
    REGISTRY.get_or_init(|| {
        let (names, mut name_writer) = leaked();
        let (classes, mut class_writer) = leaked();
        let root = name_writer.insert(NameRecord::ROOT);
        debug_assert_eq!(NameId(root), NameId::ROOT);
        let other = class_writer.insert(Fields([NameId::ANY; 4]));
        debug_assert_eq!(ClassId(other), OTHER);
        Registry {
            names,
            classes,
            writers: Mutex::new(Writers {
                names: name_writer,
                classes: class_writer,
            }),
            text_bytes: AtomicUsize::new(0),
            registered: AtomicUsize::new(0),
            looked_up: AtomicUsize::new(0),
        }
    })
}

/// The class of these fields, in the order of [`Field::ALL`]. Registers what is new.
///
/// A class that [`lookup`] has added before is found like any other and stays counted as looked up. Names that were
/// added before an error stay; they are counted, and the next attempt finds them.
pub(crate) fn register(texts: [Option<&str>; 4]) -> Result<ClassId, TopicError> {
    for (field, text) in Field::ALL.into_iter().zip(texts) {
        text.map_or(Ok(()), check_name)
            .map_err(|fault| match fault {
                Fault::Empty => TopicError::Empty { field },
                Fault::TooLong { bytes } => TopicError::TooLong { field, bytes },
                Fault::Star => TopicError::Star { field },
            })?;
    }
    let registry = registry();
    registry.find(texts).map_or_else(|| registry.add(texts), Ok)
}

/// The number of this name, which has passed [`check_name`]. Registers it if it is new.
pub(crate) fn register_name(text: &str) -> Result<NameId, TopicError> {
    debug_assert_eq!(check_name(text), Ok(()));
    find_name(text).map_or_else(
        || {
            let registry = registry();
            registry.add_name(&mut registry.lock().names, text)
        },
        Ok,
    )
}

/// The number of this name, if it is registered. The empty name is the root.
pub(crate) fn find_name(text: &str) -> Option<NameId> {
    registry().names.find(text).map(NameId)
}

/// The class of these fields, in the order of [`Field::ALL`], as far as their names are registered at this moment.
///
/// Text that cannot be a name is one that is not registered.
pub(crate) fn lookup(texts: [Option<&str>; 4]) -> ClassId {
    let registry = registry();
    let resolve = |text: Option<&str>| text.map_or(NameId::ABSENT, |text| registry.resolve(text));
    let fields = Fields(texts.map(resolve));
    let known = registry.classes.find(&fields).map(ClassId);
    known.unwrap_or_else(|| registry.add_looked_up(fields))
}

/// The names of a class.
pub(crate) fn class(class: ClassId) -> [NameId; 4] {
    registry().classes.entry(class.0).0
}

/// The record of a name. [`NameId::UNDER`] is not looked at.
pub(crate) fn name(name: NameId) -> &'static NameRecord {
    registry().names.entry(name.base().0)
}

/// The text of a name: `P.*` for names under `P`, `*` for those under the root. No registered name has a star.
pub(crate) fn text_of(id: NameId) -> &'static str {
    let record = name(id);
    if id.is_under() {
        record.pattern()
    } else {
        record.text()
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Writers> {
        // A panic under the lock can only come from a failed allocation, and leaves at worst a count too high.
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, texts: [Option<&str>; 4]) -> Option<ClassId> {
        let mut fields = [NameId::ABSENT; 4];
        for (name, text) in fields.iter_mut().zip(texts) {
            if let Some(text) = text {
                *name = NameId(self.names.find(text)?);
            }
        }
        self.classes.find(&Fields(fields)).map(ClassId)
    }

    #[cold]
    #[inline(never)]
    fn add(&self, texts: [Option<&str>; 4]) -> Result<ClassId, TopicError> {
        let mut writers = self.lock();
        if let Some(class) = self.find(texts) {
            return Ok(class);
        }
        // Before the names: who keeps trying against a full registry must not fill it with text as well.
        if self.registered.load(Ordering::Relaxed) >= MAX_CLASSES {
            return Err(TopicError::TooManyClasses { limit: MAX_CLASSES });
        }
        let mut fields = [NameId::ABSENT; 4];
        for (name, text) in fields.iter_mut().zip(texts) {
            if let Some(text) = text {
                *name = self.add_name(&mut writers.names, text)?;
            }
        }
        self.registered.fetch_add(1, Ordering::Relaxed);
        Ok(ClassId(writers.classes.insert(Fields(fields))))
    }

    #[cold]
    #[inline(never)]
    fn add_name(&self, writer: &mut Writer<NameRecord>, text: &str) -> Result<NameId, TopicError> {
        let ends = || {
            text.match_indices('.')
                .map(|(dot, _)| dot)
                .chain([text.len()])
        };
        let bytes: usize = ends()
            .map(|end| &text[..end])
            .filter(|prefix| self.names.find(prefix).is_none())
            .map(NameRecord::leaked_bytes)
            .sum();
        if self.text_bytes.load(Ordering::Relaxed) + bytes > MAX_TEXT_BYTES {
            return Err(TopicError::TooMuchText {
                limit: MAX_TEXT_BYTES,
            });
        }
        let mut parent = NameId::ROOT;
        let mut depth = 0;
        for end in ends() {
            // The empty prefix of `.a` is the root, and no step below it.
            depth += u16::from(end > 0);
            let prefix = &text[..end];
            parent = NameId(match self.names.find(prefix) {
                Some(known) => known,
                None => writer.insert(NameRecord::leak(prefix, parent, depth)),
            });
        }
        self.text_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(parent)
    }

    /// The name, or the names under its longest registered prefix.
    fn resolve(&self, text: &str) -> NameId {
        if !text.is_empty()
            && text.len() <= MAX_NAME_BYTES
            && let Some(known) = self.names.find(text)
        {
            return NameId(known);
        }
        // Longer prefixes cannot be registered; a stranger's text of any size must not cost more than this.
        let dots = text.bytes().take(MAX_NAME_BYTES + 1).enumerate();
        dots.filter(|&(_, byte)| byte == b'.')
            .map_while(|(dot, _)| self.names.find(&text[..dot]))
            .last()
            .map_or(NameId::ROOT, NameId)
            .under()
    }

    #[cold]
    #[inline(never)]
    fn add_looked_up(&self, fields: Fields) -> ClassId {
        let full = || self.looked_up.load(Ordering::Relaxed) >= MAX_LOOKED_UP_CLASSES;
        // Once full, strange topics come at no cost to others: without the lock.
        if full() {
            return OTHER;
        }
        let mut writers = self.lock();
        if let Some(class) = self.classes.find(&fields) {
            return ClassId(class);
        }
        if full() {
            return OTHER;
        }
        self.looked_up.fetch_add(1, Ordering::Relaxed);
        ClassId(writers.classes.insert(fields))
    }
}

/// How full the process-wide registry of topic names is.
///
/// What is registered stays registered, so these numbers only grow.
///
/// # Examples
///
/// ```
/// use laneway::{Topic, registry_stats};
///
/// Topic::new("compute", "VM.START")?;
/// let before = registry_stats();
/// Topic::lookup("compute", "made up by somebody", None, None);
/// let after = registry_stats();
/// assert_eq!(after.names, before.names);
/// assert!(after.looked_up_classes > before.looked_up_classes);
/// assert!(after.text_bytes < after.text_limit);
/// # Ok::<(), laneway::TopicError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryStats {
    /// How many combinations of the four text fields were registered by building topics.
    pub classes: usize,
    /// How many of those there can be.
    pub class_limit: usize,
    /// How many combinations were added by [`Topic::lookup`](crate::Topic::lookup). At 2^18 it begins to return a topic
    /// of which nothing is known. One that is registered later still counts here.
    pub looked_up_classes: usize,
    /// How many names there are, each prefix that ends before a dot included.
    pub names: usize,
    /// How many bytes their text takes: a name's length and two more.
    pub text_bytes: usize,
    /// How many bytes of text there can be.
    pub text_limit: usize,
}

/// Reads how full the process-wide registry of topic names is.
///
/// Takes no lock; while other threads register names, the numbers need not be of one moment.
///
/// # Examples
///
/// ```
/// let stats = laneway::registry_stats();
/// println!("{} of {} classes in use", stats.classes, stats.class_limit);
/// ```
pub fn registry_stats() -> RegistryStats {
    let registry = registry();
    RegistryStats {
        classes: registry.registered.load(Ordering::Relaxed),
        class_limit: MAX_CLASSES,
        looked_up_classes: registry.looked_up.load(Ordering::Relaxed),
        names: registry.names.len() - 1,
        text_bytes: registry.text_bytes.load(Ordering::Relaxed),
        text_limit: MAX_TEXT_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_knows_its_prefixes() {
        let leaf = register_name("names.a..b").unwrap();
        let texts = ["names.a..b", "names.a.", "names.a", "names", "", ""];
        let mut id = leaf;
        for text in texts {
            assert_eq!(name(id).text(), text);
            id = name(id).parent();
        }
        assert_eq!(name(leaf).depth(), 4);
        assert_eq!(text_of(leaf), "names.a..b");
        assert_eq!(text_of(leaf.under()), "names.a..b.*");
        assert_eq!(text_of(NameId::ANY), "*");
    }

    #[test]
    fn a_leading_dot_hangs_below_the_root() {
        let leaf = register_name(".names").unwrap();
        assert_eq!((name(leaf).parent(), name(leaf).depth()), (NameId::ROOT, 1));
    }

    #[test]
    fn lookup_stops_at_the_longest_registered_prefix() {
        let known = register_name("lookup.a.b").unwrap();
        let long = format!("lookup.a.{}", "x".repeat(MAX_NAME_BYTES));
        let class_of = |text| class(lookup([Some(text), Some("lookup.a.b"), None, Some("")]));
        let expected = |prefix: &str| {
            let prefix = registry().names.find(prefix).map(NameId).unwrap();
            [prefix.under(), known, NameId::ABSENT, NameId::ANY]
        };
        assert_eq!(class_of("lookup.a.b.c.d"), expected("lookup.a.b"));
        assert_eq!(class_of("lookup.a.c.b"), expected("lookup.a"));
        assert_eq!(class_of("lookup.*"), expected("lookup"));
        assert_eq!(class_of("lookupa"), expected(""));
        assert_eq!(class_of(""), expected(""));
        assert_eq!(class_of(&long), expected("lookup.a"));
        assert_eq!(class(OTHER), [NameId::ANY; 4]);
    }
}
