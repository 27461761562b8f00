//! Bandwidths and drifts as people write them: `10MB/s`, `+500ppm`.

/// Units of bandwidths, the smallest first, and how many bytes a second one of them is.
const BANDWIDTHS: [(&str, u64); 4] = [("B/s", 1), ("kB/s", 1_000), ("MB/s", 1_000_000), ("GB/s", 1_000_000_000)];

/// Clocks that drift by more than this many parts per million are no clocks: half of a million is a clock that is slow by
/// half, or fast by half.
pub const DRIFT_MAX: u32 = 500_000;

/// Reads a bandwidth, in bytes a second: a whole number and one of the units B/s, kB/s, MB/s, GB/s. It is not zero.
///
/// # Errors
/// Says what is wrong with the text, in a sentence fit for an error message.
pub fn parse_bandwidth(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    if number.is_empty() {
        return Err(format!("`{text}` is not a bandwidth; write it like `10MB/s`"));
    }
    let Some((_, scale)) = BANDWIDTHS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("`{text}` lacks a unit of bandwidth (B/s, kB/s, MB/s, GB/s); write it like `10MB/s`"));
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*scale));
    match bytes {
        None => Err(format!("`{text}` is more than any link carries")),
        Some(0) => Err("a link of no bandwidth carries nothing; cut it instead".to_string()),
        Some(bytes) => Ok(bytes),
    }
}

/// Writes a bandwidth so that [`parse_bandwidth`] reads exactly the same one: in the largest unit that leaves a whole
/// number.
pub fn format_bandwidth(bytes: u64) -> String {
    assert!(bytes > 0, "a link of no bandwidth carries nothing");
    let fits = |(_, scale): &&(&str, u64)| bytes.is_multiple_of(*scale);
    let (unit, scale) = BANDWIDTHS.iter().rev().find(fits).expect("every number is a multiple of one");
    format!("{}{unit}", bytes / scale)
}

/// Reads a drift without a sign, in parts per million: `100ppm`.
///
/// # Errors
/// As [`parse_bandwidth`].
pub fn parse_drift(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("ppm").unwrap_or_default();
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(format!("`{text}` is not a drift; write it like `100ppm`, in parts per million"));
    }
    match number.parse::<u32>() {
        Ok(drift) if drift <= DRIFT_MAX => Ok(drift),
        _ => Err(format!("no clock drifts by more than {DRIFT_MAX}ppm")),
    }
}

/// Reads a drift with its sign: `+500ppm` is fast, `-500ppm` is slow.
///
/// # Errors
/// As [`parse_drift`], or if the sign is missing.
pub fn parse_signed_drift(text: &str) -> Result<i32, String> {
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return Err(format!("`{text}` lacks its sign; write it like `+500ppm`")),
    };
    let drift = i32::try_from(parse_drift(rest)?).expect("the greatest drift is below two billion");
    Ok(sign * drift)
}

/// Writes a drift with its sign as [`parse_signed_drift`] reads it.
pub fn format_signed_drift(drift: i32) -> String {
    let sign = if drift < 0 { '-' } else { '+' };
    format!("{sign}{}ppm", drift.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths_read_and_print() {
        for (text, bytes, printed) in [
            ("1B/s", 1, "1B/s"),
            ("1500B/s", 1_500, "1500B/s"),
            ("64kB/s", 64_000, "64kB/s"),
            ("1000kB/s", 1_000_000, "1MB/s"),
            ("10GB/s", 10_000_000_000, "10GB/s"),
        ] {
            assert_eq!(parse_bandwidth(text), Ok(bytes));
            assert_eq!(format_bandwidth(bytes), printed);
            assert_eq!(parse_bandwidth(printed), Ok(bytes));
        }
    }

    #[test]
    fn drifts_read_and_print() {
        for (text, drift) in [("+500ppm", 500), ("-1ppm", -1), ("+0ppm", 0), ("-500000ppm", -500_000)] {
            assert_eq!(parse_signed_drift(text), Ok(drift));
            assert_eq!(format_signed_drift(drift), text);
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let bandwidths = ["10", "MB/s", "10mb/s", "0B/s", "99999999999GB/s"].map(parse_bandwidth);
        let drifts = ["100", "ppm", "600000ppm", "-5ppm"].map(parse_drift);
        let said: Vec<String> =
            bandwidths.into_iter().filter_map(Result::err).chain(drifts.into_iter().filter_map(Result::err)).collect();
        insta::assert_snapshot!(said.join("\n"), @"
        `10` lacks a unit of bandwidth (B/s, kB/s, MB/s, GB/s); write it like `10MB/s`
        `MB/s` is not a bandwidth; write it like `10MB/s`
        `10mb/s` lacks a unit of bandwidth (B/s, kB/s, MB/s, GB/s); write it like `10MB/s`
        a link of no bandwidth carries nothing; cut it instead
        `99999999999GB/s` is more than any link carries
        `100` is not a drift; write it like `100ppm`, in parts per million
        `ppm` is not a drift; write it like `100ppm`, in parts per million
        no clock drifts by more than 500000ppm
        `-5ppm` is not a drift; write it like `100ppm`, in parts per million
        ");
        assert!(parse_signed_drift("500ppm").is_err());
    }
}
