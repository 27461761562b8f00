//! Diagnostics: what is wrong with a file, where, and what would be right.

use std::fmt::Write as _;
use std::ops::Range;

/// One mistake in a file.
///
/// A value, not text: the library says what and where, and whoever shows it chooses how. [`Diagnostic::render`] is the
/// plain way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// What is wrong, in a clause without a full stop.
    pub message: String,
    /// Which bytes of the text it is about; `None` if it is about the whole of it.
    pub span: Option<Range<usize>>,
    /// What would be right, where the message does not say so already.
    pub help: Option<String>,
}

/// A line of the source is shown up to this many characters; of a longer one, the part around the mistake.
const SHOWN: usize = 110;

/// How much of a long line is shown before the mistake.
const LEAD: usize = 30;

/// Messages quote what they found, and what they found may be a megabyte.
const MESSAGE: usize = 500;

impl Diagnostic {
    /// A mistake at a place.
    pub fn at(span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { message: cut(message.into()), span: Some(span), help: None }
    }

    /// A mistake of the whole file.
    pub fn of_file(message: impl Into<String>) -> Diagnostic {
        Diagnostic { message: cut(message.into()), span: None, help: None }
    }

    /// The same, with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(cut(help.into()));
        self
    }

    /// Where it begins: line and column, both from 1, the column in characters. The first of both if it is about the
    /// whole file.
    pub fn location(&self, text: &str) -> (usize, usize) {
        let start = floor(text, self.span.as_ref().map_or(0, |span| span.start));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The mistake as text for a terminal: `file:line:column: message`, the line itself with the place underlined, and
    /// the help. Ends in a newline. Characters of the file that could steer a terminal are shown as `�`.
    pub fn render(&self, file_name: &str, text: &str) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let mut gutter = 1;
        if let Some(span) = &self.span {
            let (line, column) = self.location(text);
            let _ = writeln!(out, "{file_name}:{line}:{column}: {}", self.message);
            let (source, indent, width) = excerpt(text, span, column);
            gutter = line.to_string().len();
            let _ = writeln!(out, "{:gutter$} |", "");
            let _ = writeln!(out, "{line} | {source}");
            let _ = writeln!(out, "{:gutter$} | {:indent$}{}", "", "", "^".repeat(width));
        } else {
            let _ = writeln!(out, "{file_name}: {}", self.message);
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{:gutter$} = help: {help}", "");
        }
        out
    }
}

/// The line a span begins in (or the part of it around the span), how far in the span begins, and how wide it is there.
fn excerpt(text: &str, span: &Range<usize>, column: usize) -> (String, usize, usize) {
    let start = floor(text, span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let end = floor(text, span.end).clamp(start, (line_start + line.len()).max(start));
    let (indent, width) = (column - 1, text[start..end].chars().count());

    let length = line.chars().count();
    let from = if length <= SHOWN || indent + width.min(SHOWN / 2) <= SHOWN { 0 } else { indent - LEAD.min(indent) };
    let mut source: String = line.chars().skip(from).take(SHOWN).map(visible).collect();
    let mut indent = indent - from;
    let width = width.min(SHOWN.saturating_sub(indent)).max(1);
    if from + SHOWN < length {
        source.push('…');
    }
    if from > 0 {
        source.insert(0, '…');
        indent += 1;
    }
    (source, indent, width)
}

/// One column for every character, and none that a terminal obeys.
fn visible(character: char) -> char {
    match character {
        '\t' => ' ',
        character if character.is_control() => '�',
        character => character,
    }
}

/// The last boundary between characters that is not after `index`.
fn floor(text: &str, index: usize) -> usize {
    let index = index.min(text.len());
    (0..=index).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

fn cut(message: String) -> String {
    // Control characters come from quoting a broken value; in a message they have no business.
    let shown: String = message.chars().take(MESSAGE).map(visible).collect();
    if shown.len() < message.len() && message.chars().count() > MESSAGE { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_and_a_column_in_characters() {
        let text = "title = \"ä ö\"\nb = 1\r\n";
        let at = |index| Diagnostic::at(index..index, "x").location(text);
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(text.find('ö').unwrap()), (1, 12));
        assert_eq!(at(text.find('b').unwrap()), (2, 1));
        assert_eq!(at(text.len()), (3, 1));
        assert_eq!(at(text.len() + 99), (3, 1));
        assert_eq!(at(text.find('ö').unwrap() + 1), (1, 12), "inside a character");
        assert_eq!(Diagnostic::of_file("x").location(text), (1, 1));
    }

    #[test]
    fn the_line_is_shown_with_the_place_underlined() {
        let text = "a = 1\n\tb = \"ö\" # \u{1b}[31m\r\nc = 3\n";
        let start = text.find('"').unwrap();
        let diagnostic = Diagnostic::at(start..start + 4, "this is wrong").help("try another");
        assert_eq!(
            diagnostic.render("x.toml", text),
            "x.toml:2:6: this is wrong\n  |\n2 |  b = \"ö\" # �[31m\n  |      ^^^\n  = help: try another\n"
        );
    }

    #[test]
    fn a_span_of_many_lines_is_underlined_in_its_first() {
        let text = "a = [\n 1,\n 2]\n";
        assert_eq!(Diagnostic::at(4..14, "no").render("x", text), "x:1:5: no\n  |\n1 | a = [\n  |     ^\n");
    }

    #[test]
    fn an_empty_span_at_the_end_gets_a_caret() {
        assert_eq!(Diagnostic::at(3..3, "no").render("x", "a ="), "x:1:4: no\n  |\n1 | a =\n  |    ^\n");
        assert_eq!(Diagnostic::at(0..0, "no").render("x", ""), "x:1:1: no\n  |\n1 | \n  | ^\n");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}WRONG{}", "a".repeat(500), "b".repeat(500));
        let rendered = Diagnostic::at(500..505, "no").render("x", &text);
        let lines: Vec<&str> = rendered.lines().collect();
        let caret = lines[3].chars().position(|character| character == '^').unwrap();
        assert_eq!(lines[2].chars().skip(caret).take(5).collect::<String>(), "WRONG");
        assert_eq!(lines[3].matches('^').count(), 5);
        assert!(lines[2].ends_with('…'));
        assert!(lines[2].contains(" …a"));
        assert!(lines[2].chars().count() < 120);
    }

    #[test]
    fn a_span_far_wider_than_the_window_is_cut() {
        let text = "b".repeat(10_000);
        for start in [0, 105, 5_000] {
            let rendered = Diagnostic::at(start..10_000, "no").render("x", &text);
            assert!(rendered.lines().all(|line| line.chars().count() < 130), "{rendered}");
        }
    }

    #[test]
    fn messages_do_not_repeat_a_megabyte() {
        assert!(Diagnostic::of_file("x".repeat(1_000_000)).message.chars().count() <= MESSAGE + 1);
    }
}
