//! Times of day, as `%Y` and `%T` show them: of the local time zone, in English.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// `2001 Sep  9 01:46:40`
pub(super) fn calendar(nanoseconds: i64) -> String {
    let t = local(nanoseconds);
    let (hour, minute, second) = (t.tm_hour, t.tm_min, t.tm_sec);
    format!("{} {} {:2} {hour:02}:{minute:02}:{second:02}", t.tm_year + 1900, month(&t), t.tm_mday)
}

/// `Sun, 09 Sep 2001 01:46:40 UTC`
pub(super) fn stamp(nanoseconds: i64) -> String {
    let t = local(nanoseconds);
    let day = usize::try_from(t.tm_wday).ok().and_then(|n| DAYS.get(n)).copied().unwrap_or("");
    let (hour, minute, second) = (t.tm_hour, t.tm_min, t.tm_sec);
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    format!("{day}, {:02} {} {} {clock} {}", t.tm_mday, month(&t), t.tm_year + 1900, zone(&t))
}

fn month(t: &libc::tm) -> &'static str {
    usize::try_from(t.tm_mon).ok().and_then(|n| MONTHS.get(n)).copied().unwrap_or("")
}

fn local(nanoseconds: i64) -> libc::tm {
    let seconds = nanoseconds.div_euclid(1_000_000_000) as libc::time_t;
    // SAFETY: a zeroed tm is a valid one: numbers and a null pointer.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the right types. When it fails the zeroed value stays.
    unsafe { libc::localtime_r(&seconds, &mut tm) };
    tm
}

fn zone(t: &libc::tm) -> String {
    if t.tm_zone.is_null() {
        return String::new();
    }
    // SAFETY: localtime_r points tm_zone at a string that lives as long as the process.
    unsafe { std::ffi::CStr::from_ptr(t.tm_zone) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_before_the_tenth_are_padded() {
        // The day may differ by the zone of the machine, the form may not.
        let text = calendar(1_000_000_000_000_000_000);
        assert_eq!((text.len(), &text[..9]), (20, "2001 Sep "));
        let text = stamp(1_000_000_000_000_000_000);
        assert_eq!((&text[3..5], &text[8..17]), (", ", "Sep 2001 "));
        assert_eq!(calendar(-1).len(), 20);
    }
}
