//! What is wrong with a file.

use std::fmt;

/// Of a line that is wrong, so much is shown.
const SHOWN: usize = 120;

/// Something that a file ought not to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: u64,
    /// The byte of the line, counted from 1.
    pub column: u64,
    /// The line itself, as far as it can be shown.
    pub text: String,
    /// What is wrong, and what would be right: "expected a number for `call`".
    pub what: String,
}

impl Problem {
    pub(super) fn new(line: u64, at: usize, text: &[u8], what: impl Into<String>) -> Problem {
        // A long line is shown around the place in question.
        let start = at.saturating_sub(SHOWN / 2).min(text.len().saturating_sub(SHOWN));
        let end = (start + SHOWN).min(text.len());
        let shown = String::from_utf8_lossy(&text[start..end]);
        let (before, after) = (if start > 0 { "…" } else { "" }, if end < text.len() { "…" } else { "" });
        let text = format!("{before}{}{after}", shown.trim_end());
        Problem { line, column: at as u64 + 1, text, what: what.into() }
    }
}

impl fmt::Display for Problem {
    /// `3:17: expected …`, and the line below it; the file's name goes before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.line, self.column, self.what, self.text)
    }
}
