//! Operations as intervals, drawn with characters: time goes to the right, one line for each operation.
//!
//! ```text
//!   line  client    operation    called  returned
//!      1  client 0  put x 1          10        20  ├──┤
//!      2  client 1  put x 2          30        40         ├──┤
//!      3  client 2  get x -> 1       50        60                ├╌╌┤
//! ```
//!
//! Only the order of calls and returns is to scale, since that is all that linearizability knows of time. An interval is dashed if it
//! does not matter when it ended, and has no end (`▷`) if it never did.

use crate::report::words::cut;

/// An interval, and what stands at the left of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interval {
    /// The line of the file; 0 if there is none.
    pub line: u32,
    /// Who.
    pub who: String,
    /// What was asked and answered.
    pub what: String,
    /// From when.
    pub call: u64,
    /// Until when; nothing if it has not ended.
    pub end: Option<u64>,
    /// It matters that it was over by then.
    pub ends: bool,
}

/// Columns for the intervals.
const WIDTH: usize = 44;

/// Texts that are longer are cut.
const TEXT: usize = 40;

/// Times that are longer are shown without the digits that they all have in common.
const DIGITS: usize = 9;

/// Draws the intervals, in the order in which they are given, below the names of the columns.
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
    let times = moments.iter().map(|(at, _)| *at);
    let hidden = in_common(times);
    let mut rows = vec![["line", "client", "operation", "called", "returned", ""].map(str::to_owned)];
    for interval in intervals {
        let line = if interval.line == 0 { String::new() } else { interval.line.to_string() };
        let end = interval.end.map_or("never".to_owned(), |end| short(end, hidden));
        rows.push([
            line,
            interval.who.clone(),
            cut(&interval.what, TEXT),
            short(interval.call, hidden),
            end,
            bar(interval, column((interval.call, false)), interval.end.map_or(last, |end| column((end, true)))),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [line, who, what, call, end] = [0, 1, 2, 3, 4].map(width);
    let mut text = String::new();
    for row in &rows {
        let row = format!(
            "  {:>line$}  {:<who$}  {:<what$}  {:>call$}  {:>end$}  {}",
            row[0], row[1], row[2], row[3], row[4], row[5]
        );
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

fn bar(interval: &Interval, start: usize, end: usize) -> String {
    let (inner, close) = match (interval.ends, interval.end) {
        (true, _) => ('─', '┤'),
        (false, Some(_)) => ('╌', '┤'),
        (false, None) => ('╌', '▷'),
    };
    let character = |at: usize| match at {
        _ if at < start => ' ',
        _ if at == start && at < end => '├',
        _ if at == end => close,
        _ => inner,
    };
    (0..=end).map(character).collect()
}

/// How many digits at the beginning need not be shown of any of these times.
fn in_common(times: impl Iterator<Item = u64>) -> usize {
    let times: Vec<String> = times.map(|at| at.to_string()).collect();
    let Some(first) = times.first().filter(|first| first.len() > DIGITS) else { return 0 };
    if times.iter().any(|other| other.len() != first.len()) {
        return 0;
    }
    let same = |place: &usize| times.iter().all(|other| other.as_bytes()[*place] == first.as_bytes()[*place]);
    (0..first.len().saturating_sub(4)).take_while(same).count()
}

fn short(at: u64, hidden: usize) -> String {
    if hidden == 0 { at.to_string() } else { format!("…{}", &at.to_string()[hidden..]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(line: u32, who: &str, what: &str, call: u64, end: Option<u64>) -> Interval {
        Interval { line, who: who.into(), what: what.into(), call, end, ends: end.is_some() }
    }

    #[test]
    fn order_is_to_scale() {
        let drawn = draw(&[
            interval(1, "client 0", "put x 1", 10, Some(20)),
            interval(12, "client 1", "put x 2", 20, Some(1000)),
            interval(7, "client 12", "(cas x 1 3)", 15, None),
            Interval { ends: false, ..interval(0, "client 2", "get x -> 1", 1001, Some(1002)) },
        ]);
        insta::assert_snapshot!(drawn, @r"
        line  client     operation    called  returned
           1  client 0   put x 1          10        20  ├─────────────────┤
          12  client 1   put x 2          20      1000              ├───────────┤
           7  client 12  (cas x 1 3)      15     never        ├╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▷
              client 2   get x -> 1     1001      1002                                ├╌╌╌╌╌┤
        ");
    }

    #[test]
    fn long_times_are_shown_where_they_differ() {
        let drawn = draw(&[
            interval(1, "client 0", "put x 1", 1_700_000_000_000_000_010, Some(1_700_000_000_000_000_020)),
            interval(2, "client 1", "put x 2", 1_700_000_000_000_070_000, Some(1_700_000_000_000_080_000)),
        ]);
        insta::assert_snapshot!(drawn, @r"
        line  client    operation  called  returned
           1  client 0  put x 1    …00010    …00020  ├─────┤
           2  client 1  put x 2    …70000    …80000              ├─────┤
        ");
    }
}
