//! The header by which a server asks to be left alone for a while (RFC 9110, 10.2.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long that is: a number of seconds, or until a time in the preferred format, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn parse(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is for ever, and whoever waits has a limit.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(date(value)?))?;
    Some(at.duration_since(now).unwrap_or_default())
}

/// Seconds since 1970.
fn date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, date) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let mut parts = date.split(' ');
    let mut next = || parts.next();
    let day: u64 = number(next()?, 31)?;
    let month = next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year = number(next()?, 9999)?;
    let mut time = next()?.split(':');
    let mut unit = |limit| number(time.next()?, limit);
    let (hours, minutes, seconds) = (unit(23)?, unit(59)?, unit(60)?);
    if day == 0 || year < 1970 || time.next().is_some() || parts.next().is_some() {
        return None;
    }
    // Years begin in March here, so that the day that comes every four years is their last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leaps + (month * 153 + 2) / 5 + day - 1;
    /// The first of January 1970, counted that way.
    const EPOCH: u64 = 719_468;
    Some((((days - EPOCH) * 24 + hours) * 60 + minutes) * 60 + seconds)
}

fn number(text: &str, limit: u64) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok())??;
    (number <= limit).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let then = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let parse = |value| parse(value, then).map(|left| left.as_secs());
        assert_eq!(parse("120"), Some(120));
        assert_eq!(parse("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
        assert_eq!(parse("Sun, 06 Nov 1994 08:50:00 GMT"), Some(23));
        assert_eq!(
            parse("Tue, 29 Feb 2000 00:00:00 GMT"),
            Some(951_782_400 - 784_111_777)
        );
        assert_eq!(
            parse("Thu, 01 Jan 1970 00:00:00 GMT"),
            Some(0),
            "it is past"
        );
        for no in [
            "",
            "-1",
            "1.5",
            "soon",
            "Sun, 06 Nov 1994",
            "Sun, 00 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(no), None, "{no}");
        }
    }
}
