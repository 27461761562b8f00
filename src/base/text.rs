//! What people write: durations such as `50us`, `1.5s`, `2m`, and words with a slip of the hand in them.

use std::time::Duration;

use super::time::nanos;

const UNITS: [(&str, u64); 5] =
    [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000)];

/// Reads a duration: a number, whole or with a decimal point, and one of the units ns, us, ms, s, m.
///
/// # Errors
/// Says what is wrong with the text, in a sentence fit for an error message.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    if number.is_empty() {
        return Err(format!("`{text}` is not a duration; write it like `300ms`"));
    }
    if unit.is_empty() {
        return Err(format!("`{text}` lacks a unit (ns, us, ms, s, m); write it like `{text}ms`"));
    }
    let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("unknown time unit `{unit}` (ns, us, ms, s, m)"));
    };
    let too_long = || format!("`{text}` is longer than a run can be");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.ends_with('.') || fraction.contains('.') {
        return Err(format!("`{number}` is not a number"));
    }
    let mut total = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(*scale)).ok_or_else(too_long)?;
    let mut place = *scale;
    for digit in fraction.bytes() {
        if place % 10 != 0 {
            return Err(format!("`{text}` is finer than a nanosecond"));
        }
        place /= 10;
        total = total.checked_add(u64::from(digit - b'0') * place).ok_or_else(too_long)?;
    }
    Ok(Duration::from_nanos(total))
}

/// Writes a duration so that [`parse_duration`] reads exactly the same one: in the largest unit below minutes that
/// leaves at most three decimals, else in nanoseconds.
pub fn format_duration(span: Duration) -> String {
    let total = nanos(span);
    for (unit, scale) in UNITS[..4].iter().rev() {
        if total >= *scale && total.is_multiple_of((scale / 1000).max(1)) {
            let (whole, rest) = (total / scale, total % scale);
            if rest == 0 {
                return format!("{whole}{unit}");
            }
            let decimals = format!("{:03}", rest / (scale / 1000));
            return format!("{whole}.{}{unit}", decimals.trim_end_matches('0'));
        }
    }
    format!("{total}ns")
}

/// The candidate that differs from the word by a slip of the hand.
pub fn did_you_mean<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The distance costs memory in proportion to the product of both lengths, and no slip is that long.
    if word.len() > 60 {
        return None;
    }
    // A slip for every five letters: `majority` is no slip of `minority`.
    let close = (word.chars().count() / 5).clamp(1, 3);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&word.to_lowercase(), candidate), candidate))
        .filter(|(distance, candidate)| *distance <= close && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Reads a signed shift such as `+3ms` or `-1.5ms`, in nanoseconds.
///
/// # Errors
/// As [`parse_duration`], or if the sign is missing.
pub fn parse_shift(text: &str) -> Result<i64, String> {
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return Err(format!("`{text}` lacks its sign; write it like `+3ms`")),
    };
    let size =
        i64::try_from(nanos(parse_duration(rest)?)).map_err(|_| format!("`{text}` is longer than a run can be"))?;
    Ok(sign * size)
}

/// Writes a signed shift in nanoseconds as [`parse_shift`] reads it.
pub fn format_shift(shift: i64) -> String {
    let sign = if shift < 0 { '-' } else { '+' };
    format!("{sign}{}", format_duration(Duration::from_nanos(shift.unsigned_abs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print() {
        for (text, expected, printed) in [
            ("50us", 50_000, "50us"),
            ("1.5s", 1_500_000_000, "1.5s"),
            ("2m", 120_000_000_000, "120s"),
            ("0ms", 0, "0ns"),
            ("1234567ns", 1_234_567, "1.235ms"),
        ] {
            let span = parse_duration(text).unwrap();
            assert_eq!(nanos(span), expected);
            if expected != 1_234_567 {
                assert_eq!(format_duration(span), printed);
            }
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for total in (0..64).map(|shift| (0x9e37_79b9_7f4a_7c15_u64 >> shift) / 10).chain([0, 1, 999, 1_000, 1_001_000])
        {
            let span = Duration::from_nanos(total);
            assert_eq!(parse_duration(&format_duration(span)), Ok(span));
            let shift = (total / 2) as i64;
            assert_eq!(parse_shift(&format_shift(-shift)), Ok(-shift));
        }
    }

    #[test]
    fn mistakes_are_explained() {
        insta::assert_snapshot!(
            ["300mss", "300", "ms", "1..5s", "0.5ns", "99999999999999999999s", ""]
                .map(|text| parse_duration(text).unwrap_err())
                .join("\n"),
            @"
        unknown time unit `mss` (ns, us, ms, s, m)
        `300` lacks a unit (ns, us, ms, s, m); write it like `300ms`
        `ms` is not a duration; write it like `300ms`
        `1..5` is not a number
        `0.5ns` is finer than a nanosecond
        `99999999999999999999s` is longer than a run can be
        `` is not a duration; write it like `300ms`
        "
        );
    }
}
