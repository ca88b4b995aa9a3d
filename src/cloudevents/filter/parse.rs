//! Filters from JSON.

use crate::cloudevents::check;
use crate::cloudevents::error::{
    AttributeFault, ParseError, ParseErrorKind, Scan, fail, fail_attribute, shown,
};
use crate::cloudevents::filter::{Comparison, Dialect, EventFilter, Wanted};
use crate::cloudevents::json::scan::Scanner;
use crate::cloudevents::json::token::{Member, Members, Token};
use crate::cloudevents::version::SpecVersion;

impl EventFilter {
    /// Reads a filter, or an array of filters all of which must pass: the `filters` of a subscription.
    ///
    /// # Errors
    ///
    /// [`ParseError`] with its place: not JSON, a dialect that is not known (also `sql`, for now), an object with more or less
    /// than one dialect, nothing in a dialect that needs some, an attribute's name or text that no event has.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::{EventFilter, ParseErrorKind};
    ///
    /// let error = EventFilter::from_json(r#"[{"sql": "id = '1'"}]"#).unwrap_err();
    /// assert_eq!(error.kind(), &ParseErrorKind::Dialect("sql".into()));
    /// ```
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<EventFilter, ParseError> {
        let json = json.as_ref();
        let read = || {
            let mut scanner = Scanner::new(json)?;
            scanner.space();
            let filter = match scanner.peek() {
                Some(b'[') => {
                    let mut filters = Vec::new();
                    list(&mut scanner, &mut filters)?;
                    EventFilter::of(Dialect::All(filters.into()))
                }
                _ => filter(&mut scanner)?,
            };
            scanner.end()?;
            Ok(filter)
        };
        read().map_err(|failure: Box<_>| ParseError::new(json, *failure))
    }
}

fn list(scanner: &mut Scanner<'_>, filters: &mut Vec<EventFilter>) -> Scan<()> {
    scanner.elements(|scanner| {
        filters.push(filter(scanner)?);
        Ok(())
    })
}

/// The filter that begins here. The scanner has seen to it that they are not nested deep.
fn filter(scanner: &mut Scanner<'_>) -> Scan<EventFilter> {
    let start = scanner.at();
    let mut members = Members::new();
    scanner.members(&mut members)?;
    let [member] = members.as_slice() else {
        let empty = || fail(start, ParseErrorKind::EmptyFilter);
        return members.get(1).map_or_else(empty, |second| {
            fail(second.at(), ParseErrorKind::Expected("one dialect"))
        });
    };
    let scanner = &*scanner;
    let dialect = match &*member.name {
        "exact" => Dialect::Compare(Comparison::Exact, attributes(scanner, member)?),
        "prefix" => Dialect::Compare(Comparison::Prefix, attributes(scanner, member)?),
        "suffix" => Dialect::Compare(Comparison::Suffix, attributes(scanner, member)?),
        "all" => Dialect::All(several(scanner, member)?),
        "any" => Dialect::Any(several(scanner, member)?),
        "not" => Dialect::Not(filter(
            &mut scanner.within(composite(member, b'{', "a filter")?),
        )?),
        unknown => return fail(member.at(), ParseErrorKind::Dialect(shown(unknown))),
    };
    Ok(EventFilter::of(dialect))
}

fn composite<'a>(member: &Member<'a>, open: u8, what: &'static str) -> Scan<&'a str> {
    match member.value {
        Token::Composite(raw) if raw.as_bytes()[0] == open => Ok(raw),
        _ => fail(member.place(), ParseErrorKind::Expected(what)),
    }
}

fn several(scanner: &Scanner<'_>, member: &Member<'_>) -> Scan<Box<[EventFilter]>> {
    let mut filters = Vec::new();
    list(
        &mut scanner.within(composite(member, b'[', "an array of filters")?),
        &mut filters,
    )?;
    if filters.is_empty() {
        return fail(member.place(), ParseErrorKind::EmptyFilter);
    }
    Ok(filters.into())
}

/// Names and texts of attributes, by name.
fn attributes(scanner: &Scanner<'_>, member: &Member<'_>) -> Scan<Wanted> {
    let raw = composite(member, b'{', "an object of attributes")?;
    let mut members = Members::new();
    scanner.within(raw).members(&mut members)?;
    if members.is_empty() {
        return fail(scanner.offset_of(raw), ParseErrorKind::EmptyFilter);
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = members.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return fail_attribute(pair[1].at(), &pair[1].name, AttributeFault::Duplicate);
    }
    let attribute = |member: &Member<'_>| {
        if let Err(fault) = check::extension_name(SpecVersion::V1_0, &member.name) {
            return fail_attribute(member.at(), &member.name, fault);
        }
        let place = member.place();
        let Token::String(text) = member.value else {
            return fail_attribute(place, &member.name, AttributeFault::Type);
        };
        let text = text.text(scanner, &member.name)?;
        match check::text(&text) {
            _ if text.is_empty() => fail_attribute(place, &member.name, AttributeFault::Empty),
            Ok(()) => Ok((member.name.as_ref().into(), text.into())),
            Err(fault) => fail_attribute(place, &member.name, fault),
        }
    };
    members.iter().map(attribute).collect()
}
