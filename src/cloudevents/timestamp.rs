//! Timestamps as RFC 3339 writes them, kept as they were written.

use crate::calendar::{date_of, days_before, days_of};
use crate::cloudevents::error::AttributeFault;
use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A point in time, in the words of who wrote it: its offset and all digits of its fraction are kept.
///
/// Equal are timestamps that read the same; to compare points in time, compare [`to_system_time`](Self::to_system_time).
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::Timestamp;
/// use std::time::SystemTime;
///
/// let time = Timestamp::parse("1970-01-01T02:00:00.2500+02:00")?;
/// assert_eq!((time.seconds(), time.nanoseconds()), (0, 250_000_000));
/// assert_eq!(time.to_string(), "1970-01-01T02:00:00.2500+02:00");
/// assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH).as_str(), "1970-01-01T00:00:00Z");
/// # Ok::<(), laneway::cloudevents::AttributeFault>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timestamp<'a> {
    text: Cow<'a, str>,
    seconds: i64,
    nanoseconds: u32,
}

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

impl<'a> Timestamp<'a> {
    /// Reads a timestamp. A leap second, `23:59:60` in UTC, counts as the second after it.
    ///
    /// # Errors
    ///
    /// [`AttributeFault::Timestamp`] if it is not one, or no day of the calendar.
    pub fn parse(text: &'a str) -> Result<Self, AttributeFault> {
        let (seconds, nanoseconds) = read(text.as_bytes()).ok_or(AttributeFault::Timestamp)?;
        Ok(Timestamp {
            text: text.into(),
            seconds,
            nanoseconds,
        })
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whole seconds since 1970 in UTC, rounded down.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// The nanoseconds after [`seconds`](Self::seconds); further digits are in the text only.
    pub fn nanoseconds(&self) -> u32 {
        self.nanoseconds
    }

    /// The point in time, to the nanosecond; none if the system cannot express it.
    pub fn to_system_time(&self) -> Option<SystemTime> {
        let whole = Duration::from_secs(self.seconds.unsigned_abs());
        let second = if self.seconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(whole)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(whole)
        };
        second?.checked_add(Duration::from_nanos(self.nanoseconds.into()))
    }

    /// The same with a text of its own.
    pub fn into_owned(self) -> Timestamp<'static> {
        Timestamp {
            text: self.text.into_owned().into(),
            seconds: self.seconds,
            nanoseconds: self.nanoseconds,
        }
    }

    pub(super) fn into_text(self) -> Cow<'a, str> {
        self.text
    }
}

impl From<SystemTime> for Timestamp<'_> {
    /// In UTC, with as many digits as it takes. Years beyond 9999, which cannot be written, become the end of that year.
    fn from(time: SystemTime) -> Self {
        let (mut seconds, mut nanoseconds) = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => (
                i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                after.subsec_nanos(),
            ),
            Err(error) => {
                let before = error.duration();
                let borrow = i64::from(before.subsec_nanos() > 0);
                let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX - 1);
                (
                    -whole - borrow,
                    (1_000_000_000 - before.subsec_nanos()) % 1_000_000_000,
                )
            }
        };
        let first = days_before(0, 1, 1) * SECONDS_A_DAY;
        let last = days_before(10_000, 1, 1) * SECONDS_A_DAY - 1;
        if !(first..=last).contains(&seconds) {
            (seconds, nanoseconds) = (seconds.clamp(first, last), 0);
        }
        let (year, month, day) = date_of(seconds.div_euclid(SECONDS_A_DAY));
        let second = seconds.rem_euclid(SECONDS_A_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        if nanoseconds > 0 {
            text.push_str(format!(".{nanoseconds:09}").trim_end_matches('0'));
        }
        text.push('Z');
        Timestamp {
            text: text.into(),
            seconds,
            nanoseconds,
        }
    }
}

impl fmt::Display for Timestamp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Seconds since 1970 in UTC, and nanoseconds.
fn read(text: &[u8]) -> Option<(i64, u32)> {
    let (fixed, rest) = text.split_first_chunk::<19>()?;
    let number = |from: usize, to: usize| {
        fixed[from..to].iter().try_fold(0_i64, |sum, &digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + i64::from(digit - b'0'))
        })
    };
    let separators = [
        fixed[4],
        fixed[7],
        fixed[10].to_ascii_uppercase(),
        fixed[13],
        fixed[16],
    ];
    if separators != *b"--T::" {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month)
        || !(1..=days_of(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let (nanoseconds, zone) = fraction(rest)?;
    let seconds =
        days_before(year, month, day) * SECONDS_A_DAY + hour * 3600 + minute * 60 + second
            - offset(zone)?;
    // With 60 seconds, it is the minute after that it reads as; that one begins a UTC day.
    let is_possible = second < 60 || seconds.rem_euclid(SECONDS_A_DAY) == 0;
    is_possible.then_some((seconds, nanoseconds))
}

/// The fraction of a second in nanoseconds, and what follows it.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let count = digits
        .iter()
        .take_while(|digit| digit.is_ascii_digit())
        .count();
    let nine = (0..9).map(|at| {
        if at < count {
            u32::from(digits[at] - b'0')
        } else {
            0
        }
    });
    (count > 0).then(|| {
        (
            nine.fold(0, |sum, digit| sum * 10 + digit),
            &digits[count..],
        )
    })
}

/// How many seconds a zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match *zone {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), a, b, b':', c, d] if [a, b, c, d].iter().all(u8::is_ascii_digit) => {
            let two = |tens: u8, ones: u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            let (hours, minutes) = (two(a, b), two(c, d));
            let seconds = hours * 3600 + minutes * 60;
            (hours < 24 && minutes < 60).then_some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}
