//! Words of keys back to names: which dash was a dot.

use crate::Field;
use crate::error::MAX_NAME_BYTES;
use crate::topic::registry::find_name;
use std::borrow::Cow;

/// The name behind a word: a registered one that is written so in keys, or else the usual spelling.
///
/// Of several registered ones it is that with a dot as early as possible in the event type, and as late as possible
/// elsewhere.
pub(super) fn name_of(field: Field, word: &str) -> Cow<'_, str> {
    // Words of keys have no dots: this is a name already.
    if !word.contains('-') || word.contains('.') {
        return word.into();
    }
    let has_dots = field == Field::EventType;
    let mut name = String::with_capacity(word.len());
    // Longer names are not registered, and a stranger's word of any size must not cost more than this.
    if word.len() <= MAX_NAME_BYTES && find(&mut name, word, has_dots) {
        name.into()
    } else if has_dots {
        word.replace('-', ".").into()
    } else {
        word.into()
    }
}

/// Completes `name`, which is empty or a registered prefix and its dot, to a registered name that ends in the word `rest`.
///
/// What a registered name has before a dot is registered itself, so only spellings that begin like a registered name are
/// followed: each costs one look-up for each dash behind it.
fn find(name: &mut String, rest: &str, dots_first: bool) -> bool {
    let dashes = rest.match_indices('-').map(|(dash, _)| dash);
    let mut ends: Vec<usize> = dashes.chain([rest.len()]).collect();
    if !dots_first {
        ends.reverse();
    }
    let begun = name.len();
    for end in ends {
        name.push_str(&rest[..end]);
        if find_name(name).is_some() {
            if end == rest.len() {
                return true;
            }
            name.push('.');
            if find(name, &rest[end + 1..], dots_first) {
                return true;
            }
        }
        name.truncate(begun);
    }
    false
}
