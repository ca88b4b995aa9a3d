//! The Gregorian calendar: what the formats that write dates share.
#![cfg(any(feature = "cloudevents", feature = "cloudstack", feature = "lifecycle"))]
#![allow(dead_code, reason = "some write dates, some read them too")]

/// How many days a month has.
pub(crate) fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970 to a day of the Gregorian calendar. A year is counted from March, so that its odd day is its last.
pub(crate) fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

/// The day of the calendar that is so many days after 1970.
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era + i64::from(month >= 10);
    (year, (month + 2) % 12 + 1, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other() {
        let mut last = (-1, 12, 31);
        for day in -719_528..2_932_897 {
            let (year, month, of_month) = date_of(day);
            let next_day = (year, month, of_month - 1) == last && of_month <= 31;
            let next_month = (year, month - 1, 1) == (last.0, last.1, of_month) && last.2 >= 28;
            let next_year = (year - 1, month, of_month) == (last.0, 1, 1) && last.1 == 12;
            assert!(next_day || next_month || next_year, "{day}");
            assert_eq!(days_before(year, month, of_month), day);
            assert!(of_month <= days_of(year, month));
            last = (year, month, of_month);
        }
        assert_eq!(last, (9999, 12, 31));
    }
}
