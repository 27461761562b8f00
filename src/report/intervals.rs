//! Operations as intervals, drawn with characters: time goes to the right, one line for each operation.
//!
//! ```text
//!   client 0  put x 1         ├──┤
//!   client 1  put x 2                ├──┤
//!   client 2  get x -> 1                   ├──┤
//! ```
//!
//! Only the order of calls and returns is to scale, since that is all that linearizability knows of time. What the picture
//! leaves open at the right, with `▷`, may end at any later time.

/// An interval, and what stands at the left of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interval {
    /// Who.
    pub who: String,
    /// What was asked and answered.
    pub what: String,
    /// From when.
    pub call: u64,
    /// Until when; nothing if it has not ended, or if that does not matter.
    pub end: Option<u64>,
}

/// Columns for the intervals.
const WIDTH: usize = 60;

/// Texts that are longer are cut.
const TEXT: usize = 40;

/// Draws the intervals, in the order in which they are given.
pub fn draw(intervals: &[Interval]) -> String {
    // Every moment has a place. Where an end and a call coincide they are concurrent, so the call comes first.
    let mut moments: Vec<(u64, bool)> = Vec::new();
    for interval in intervals {
        moments.push((interval.call, false));
        moments.extend(interval.end.map(|end| (end, true)));
    }
    moments.sort_unstable();
    moments.dedup();
    let step = (WIDTH / moments.len().max(1)).clamp(1, 6);
    let column = |moment: (u64, bool)| moments.binary_search(&moment).expect("every moment has a place") * step;
    let last = moments.len() * step;
    let who = width(intervals.iter().map(|interval| interval.who.as_str()));
    let what = width(intervals.iter().map(|interval| interval.what.as_str())).min(TEXT);
    let mut text = String::new();
    for interval in intervals {
        let start = column((interval.call, false));
        let (end, close) = match interval.end {
            Some(end) => (column((end, true)), '┤'),
            None => (last, '▷'),
        };
        let bar: String = (0..=end)
            .map(|at| match at {
                _ if at < start => ' ',
                _ if at == start && at < end => '├',
                _ if at == end => close,
                _ => '─',
            })
            .collect();
        text.push_str(&format!("  {:<who$}  {:<what$}  {bar}\n", interval.who, cut(&interval.what)));
    }
    text
}

fn width<'t>(texts: impl Iterator<Item = &'t str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        None => text.to_owned(),
        Some(_) => text.chars().take(TEXT - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_to_scale() {
        let interval = |who: &str, what: &str, call, end| Interval { who: who.into(), what: what.into(), call, end };
        let drawn = draw(&[
            interval("client 0", "put x 1", 10, Some(20)),
            interval("client 1", "put x 2", 20, Some(1000)),
            interval("client 12", "cas x 1 3 -> ?", 15, None),
            interval("client 2", "get x -> 1", 1001, Some(1002)),
        ]);
        insta::assert_snapshot!(drawn, @r"
        client 0   put x 1         ├─────────────────┤
        client 1   put x 2                     ├───────────┤
        client 12  cas x 1 3 -> ?        ├───────────────────────────────────▷
        client 2   get x -> 1                                    ├─────┤
        ");
    }
}
