//! Several events in one document: the batch format, and events one after another.

use crate::cloudevents::envelope::Envelope;
use crate::cloudevents::error::{ParseError, Scan};
use crate::cloudevents::event::CloudEvent;
use crate::cloudevents::json::read;
use crate::cloudevents::json::scan::Scanner;
use crate::cloudevents::version::SpecVersion;
use std::fmt;
use std::iter::FusedIterator;

/// Reads a batch: a JSON array of events.
///
/// Each event may have a version of its own, as the JSON format has it; HTTP asks for one version in a batch.
///
/// # Errors
///
/// [`ParseError`] for the first thing that is wrong, with its place in the whole document; no event is given out then.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{CloudEvent, from_json_batch, to_json_batch};
///
/// let event = CloudEvent::builder("1", "/s", "a.b").build()?;
/// let json = to_json_batch(&[event.clone(), event.clone()]);
/// assert_eq!(from_json_batch(json)?, [event.clone(), event]);
/// assert_eq!(from_json_batch("[]")?, []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn from_json_batch(json: impl AsRef<[u8]>) -> Result<Vec<CloudEvent>, ParseError> {
    let json = json.as_ref();
    let read = || {
        let mut events = Vec::new();
        let mut scanner = Scanner::new(json)?;
        scanner.space();
        list(&mut scanner, &mut events)?;
        scanner.end()?;
        Ok(events)
    };
    read().map_err(|failure: Box<_>| ParseError::new(json, *failure))
}

fn list(scanner: &mut Scanner<'_>, events: &mut Vec<CloudEvent>) -> Scan<()> {
    scanner.elements(|scanner| {
        let mut envelope = Envelope::new(SpecVersion::V1_0);
        read::event(scanner, &mut envelope)?;
        events.push(CloudEvent::from(&envelope));
        Ok(())
    })
}

/// Writes a batch.
pub fn to_json_batch<'a>(events: impl IntoIterator<Item = &'a CloudEvent>) -> String {
    let mut json = String::from("[");
    for (count, event) in events.into_iter().enumerate() {
        if count > 0 {
            json.push(',');
        }
        event.write_json(&mut json);
    }
    json.push(']');
    json
}

/// Reads events that follow one another with nothing or space between them, such as lines; or a batch, if `[` is the first byte.
///
/// This is how VMware Dispatch reads its input. With an error the events end. An empty document is an error.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{CloudEvent, JsonEvents};
///
/// let line = CloudEvent::builder("1", "/s", "a.b").build()?.to_json() + "\n";
/// let events: Vec<_> = JsonEvents::new(line.repeat(3).as_bytes()).collect::<Result<_, _>>()?;
/// assert_eq!(events.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonEvents<'a> {
    json: &'a [u8],
    /// None when the events have ended.
    scanner: Option<Scanner<'a>>,
    /// What of the document was wrong from the start.
    broken: Option<ParseError>,
    batch: std::vec::IntoIter<CloudEvent>,
}

impl<'a> JsonEvents<'a> {
    /// Looks at the encoding of the document, and reads it whole if it is a batch.
    pub fn new(json: &'a [u8]) -> Self {
        let mut events = JsonEvents {
            json,
            scanner: None,
            broken: None,
            batch: Vec::new().into_iter(),
        };
        if json.first() == Some(&b'[') {
            match from_json_batch(json) {
                Ok(batch) => events.batch = batch.into_iter(),
                Err(error) => events.broken = Some(error),
            }
        } else {
            match Scanner::new(json) {
                Ok(scanner) => events.scanner = Some(scanner),
                Err(failure) => events.broken = Some(ParseError::new(json, *failure)),
            }
        }
        events
    }

    /// The next of events in a row.
    fn read(&mut self) -> Option<Result<CloudEvent, ParseError>> {
        let scanner = self.scanner.as_mut()?;
        let is_first = scanner.at() == 0;
        scanner.space();
        if scanner.peek().is_none() && !is_first {
            self.scanner = None;
            return None;
        }
        let mut envelope = Envelope::new(SpecVersion::V1_0);
        Some(match read::event(scanner, &mut envelope) {
            Ok(()) => Ok(CloudEvent::from(&envelope)),
            Err(failure) => {
                self.scanner = None;
                Err(ParseError::new(self.json, *failure))
            }
        })
    }
}

impl Iterator for JsonEvents<'_> {
    type Item = Result<CloudEvent, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.broken.take() {
            return Some(Err(error));
        }
        self.batch.next().map(Ok).or_else(|| self.read())
    }
}

impl FusedIterator for JsonEvents<'_> {}

impl fmt::Debug for JsonEvents<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.scanner.as_ref().map(Scanner::at);
        f.debug_struct("JsonEvents")
            .field("at", &at)
            .finish_non_exhaustive()
    }
}
