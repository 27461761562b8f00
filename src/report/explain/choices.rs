//! What a seed chose, short enough to be read: one line for each table, and what can be seen elsewhere left out.
//!
//! A choice is called by its path, such as `any.phase storm.fault 3fa9c2d1.nth#between`. The line is that of the last
//! list element in the path, or else of its first key; here `phase storm.fault 3fa9c2d1`. That it stands in an alternative
//! is left out, because only one alternative is ever there.

use crate::scenario::file::Choice;

use super::super::words::wrapped;

/// Wider values are cut: they are tables, and stand below in the scenario.
const VALUE: usize = 60;

/// Names up to this width have a column of their own.
const COLUMN: usize = 11;

/// The choices of one table.
struct Row {
    name: String,
    chosen: Vec<String>,
    absent: Vec<String>,
}

/// All choices.
pub(super) fn table(choices: &[Choice]) -> String {
    let mut rows: Vec<Row> = Vec::new();
    for (index, choice) in choices.iter().enumerate() {
        let (path, _) = choice.path.rsplit_once('#').unwrap_or((&choice.path, ""));
        let goes_on = choices.get(index + 1).is_some_and(|next| within(&next.path, path));
        // That it is there is seen by what was chosen in it.
        if choice.what == "present" && goes_on {
            continue;
        }
        let (name, key) = placed(path);
        let place = rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            rows.push(Row { name, chosen: Vec::new(), absent: Vec::new() });
            rows.len() - 1
        });
        match choice.what.as_str() {
            "absent" if key.is_empty() => rows[place].chosen.push("left out".to_string()),
            "absent" => rows[place].absent.push(key),
            _ => rows[place].chosen.push([key, value(choice, goes_on)].join(" ").trim_start().to_string()),
        }
    }
    rows.iter().map(Row::text).collect()
}

/// Whether a path leads to the same place as another one, or to one in it.
fn within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.starts_with(['.', '#', ' ']) || place.is_empty())
}

/// The line on which a choice stands, and what it is called there.
fn placed(path: &str) -> (String, String) {
    let steps: Vec<&str> = path.split('.').filter(|step| *step != "any" && !step.is_empty()).collect();
    if steps.is_empty() {
        return ("the file".to_string(), String::new());
    }
    // Only elements of lists have names of several words.
    let last = steps.iter().rposition(|step| step.contains(' ')).unwrap_or(0);
    (steps[..=last].join("."), steps[last + 1..].join("."))
}

/// What was chosen. Of a table in which something was chosen in turn, it is enough to say which one it is.
fn value(choice: &Choice, goes_on: bool) -> String {
    let is_table = choice.what.starts_with(['{', '[']);
    match choice.alternative {
        Some((which, count)) if is_table && (goes_on || choice.what.chars().count() > VALUE) => {
            format!("alternative {which} of {count}")
        }
        _ => choice.what.clone(),
    }
}

impl Row {
    fn text(&self) -> String {
        let mut parts = self.chosen.clone();
        if !self.absent.is_empty() {
            parts.push(format!("without {}", self.absent.join(", ")));
        }
        let said = parts.join("; ");
        let wide = self.name.chars().count();
        if wide > COLUMN && wide + said.chars().count() + 4 <= super::WIDTH {
            return format!("  {}  {said}\n", self.name);
        }
        let indent = " ".repeat(COLUMN + 3);
        let lines = wrapped(&said, super::WIDTH - indent.len()).join(&format!("\n{indent}"));
        match wide > COLUMN {
            true => format!("  {}\n{indent}{lines}\n", self.name),
            false => format!("  {:<COLUMN$} {lines}\n", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(path: &str, what: &str, alternative: Option<(usize, usize)>) -> Choice {
        Choice { path: path.to_string(), what: what.to_string(), alternative, span: 0..0 }
    }

    #[test]
    fn a_line_for_each_table() {
        let choices = [
            choice("storage.crash_keep#chance", "present", None),
            choice("storage.crash_keep#between", "0.5", None),
            choice("storage.crash_tear#chance", "absent", None),
            choice("#any", "{ network = { loss = 0.1 } }", Some((2, 3))),
            choice("any.network.loss#between", "0.1", None),
            choice("any.phase storm.fault 3fa9c2d1#chance", "present", None),
            choice("any.phase storm.fault 3fa9c2d1.on#any", "\"r0 boots\"", Some((1, 2))),
            choice("any.phase storm.fault 77a9c2d1#chance", "absent", None),
            choice("any.phase storm.fault 88a9c2d1#any", "{ heal = true }", Some((1, 2))),
            choice("any.phase storm#chance", "present", None),
        ];
        insta::assert_snapshot!(table(&choices), @r#"
        storage     crash_keep 0.5; without crash_tear
        the file    alternative 2 of 3
        network     loss 0.1
        phase storm.fault 3fa9c2d1  on "r0 boots"
        phase storm.fault 77a9c2d1  left out
        phase storm.fault 88a9c2d1  { heal = true }
        phase storm present
        "#);
    }
}
