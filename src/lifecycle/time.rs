//! Seconds since 1970, and how people write them.

use crate::calendar::date_of;
use std::fmt;
use std::time::SystemTime;

const DAY: i64 = 24 * 60 * 60;

/// What the clock of this machine says.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// The time of the day in UTC, as `HH:MM:SS`.
pub(super) struct TimeOfDay(pub(super) i64);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.0.rem_euclid(DAY);
        let (hours, minutes) = (second / 3600, second / 60 % 60);
        write!(f, "{hours:02}:{minutes:02}:{:02}", second % 60)
    }
}

/// A time in UTC as RFC 3339 has it, which knows the years 0 to 9999.
pub(super) struct Rfc3339(i64);

impl Rfc3339 {
    pub(super) fn new(seconds: i64) -> Option<Rfc3339> {
        const YEARS: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;
        YEARS.contains(&seconds).then_some(Rfc3339(seconds))
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.0.div_euclid(DAY));
        write!(f, "{year:04}-{month:02}-{day:02}T{}Z", TimeOfDay(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: i64) -> Option<String> {
        Rfc3339::new(seconds).map(|time| time.to_string())
    }

    #[test]
    fn known_times() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (1_535_106_973, "2018-08-24T10:36:13Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(text(seconds).as_deref(), Some(expected));
        }
        assert_eq!(text(253_402_300_800), None);
        assert_eq!(text(i64::MIN), None);
    }
}
