//! Times as CloudStack writes them.

use crate::calendar::{date_of, days_before, days_of};
use crate::cloudstack::error::TimeError;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// A point in time to the second, and the zone it is written in: `2024-05-17 08:30:05 +0530`.
///
/// # Examples
///
/// ```
/// use laneway::cloudstack::EventTime;
/// use std::time::SystemTime;
///
/// let time: EventTime = "2024-05-17 08:30:05 +0530".parse()?;
/// assert_eq!((time.seconds(), time.offset_minutes()), (1_715_914_805, 330));
/// assert_eq!(time.to_string(), "2024-05-17 08:30:05 +0530");
/// assert_eq!(EventTime::from(SystemTime::UNIX_EPOCH).to_string(), "1970-01-01 00:00:00 +0000");
/// # Ok::<(), laneway::cloudstack::TimeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventTime {
    /// Since 1970, in UTC. With the offset it is in the years 0 to 9999.
    seconds: i64,
    /// Ahead of UTC: less than a day.
    offset_minutes: i16,
}

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

impl EventTime {
    /// A point in time. None if it is not in the years 0 to 9999 there, or the offset is a day or more.
    pub fn new(seconds: i64, offset_minutes: i16) -> Option<EventTime> {
        let years = days_before(0, 1, 1) * SECONDS_A_DAY..days_before(10_000, 1, 1) * SECONDS_A_DAY;
        let local = seconds.checked_add(i64::from(offset_minutes) * 60)?;
        let is_possible = years.contains(&local) && offset_minutes.unsigned_abs() < 24 * 60;
        is_possible.then_some(EventTime {
            seconds,
            offset_minutes,
        })
    }

    /// What the clock of this machine says, in UTC.
    pub fn now() -> EventTime {
        SystemTime::now().into()
    }

    /// Seconds since 1970 in UTC.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// How many minutes its zone is ahead of UTC.
    pub fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    /// The point in time, if the system can express it.
    pub fn to_system_time(self) -> Option<SystemTime> {
        let distance = Duration::from_secs(self.seconds.unsigned_abs());
        if self.seconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(distance)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(distance)
        }
    }
}

impl From<SystemTime> for EventTime {
    /// In UTC, without the fraction. What cannot be written becomes the first or last second that can.
    fn from(time: SystemTime) -> Self {
        let whole = |since: Duration| i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => whole(after),
            Err(error) => -whole(error.duration()) - i64::from(error.duration().subsec_nanos() > 0),
        };
        let first = days_before(0, 1, 1) * SECONDS_A_DAY;
        let last = days_before(10_000, 1, 1) * SECONDS_A_DAY - 1;
        EventTime {
            seconds: seconds.clamp(first, last),
            offset_minutes: 0,
        }
    }
}

impl FromStr for EventTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        read(text.as_bytes()).ok_or(TimeError)
    }
}

fn read(text: &[u8]) -> Option<EventTime> {
    let text: &[u8; 25] = text.try_into().ok()?;
    let separators = [4, 7, 10, 13, 16, 19].map(|at| text[at]);
    if separators != *b"-- :: " {
        return None;
    }
    let number = |digits: std::ops::Range<usize>| {
        text[digits].iter().try_fold(0_i64, |sum, digit| {
            let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
            Some(sum * 10 + digit)
        })
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let (offset_hours, offset_minutes) = (number(21..23)?, number(23..25)?);
    let sign = match text[20] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    let is_time = hour < 24 && minute < 60 && second < 60;
    if !is_date || !is_time || offset_hours > 23 || offset_minutes > 59 {
        return None;
    }
    let offset = sign * (offset_hours * 60 + offset_minutes);
    let of_day = hour * 3600 + minute * 60 + second;
    let seconds = days_before(year, month, day) * SECONDS_A_DAY + of_day - offset * 60;
    EventTime::new(seconds, i16::try_from(offset).ok()?)
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.seconds + i64::from(self.offset_minutes) * 60;
        let (year, month, day) = date_of(local.div_euclid(SECONDS_A_DAY));
        let second = local.rem_euclid(SECONDS_A_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let offset = self.offset_minutes.unsigned_abs();
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} {sign}{:02}{:02}",
            offset / 60,
            offset % 60
        )
    }
}
