//! Lists as values: a text in which their order counts, and its members where it does not.

/// A list of JSON as one text, without space between its parts: lists that are the same have the same text, as long as their
/// strings are written alike.
///
/// # Errors
/// If it is no list.
pub(super) fn compact(json: &[u8]) -> serde_json::Result<Vec<u8>> {
    serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(json)?;
    let bytes = scanned(json.iter().copied());
    Ok(bytes.filter(|(byte, is_text)| *is_text || !byte.is_ascii_whitespace()).map(|(byte, _)| byte).collect())
}

/// The bytes of JSON, and whether each stands within a string.
fn scanned(json: impl Iterator<Item = u8>) -> impl Iterator<Item = (u8, bool)> {
    let (mut is_text, mut is_escaped) = (false, false);
    json.map(move |byte| {
        let was_text = is_text;
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            _ => {}
        }
        (byte, was_text)
    })
}

/// The members of a list that [`compact`] has made: strings without their marks, all else as it stands. `None` of what is no
/// such list.
pub(in crate::check) fn members(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let inner = text.strip_prefix(b"[")?.strip_suffix(b"]")?;
    let (mut members, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    if inner.is_empty() {
        return Some(members);
    }
    for (at, (byte, is_text)) in scanned(inner.iter().copied().chain([b','])).enumerate() {
        match byte {
            _ if is_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                let member = &inner[start..at];
                start = at + 1;
                members.push(if member.first() == Some(&b'"') {
                    serde_json::from_slice::<String>(member).ok()?.into_bytes()
                } else {
                    member.to_vec()
                });
            }
            _ => {}
        }
    }
    (start == inner.len() + 1).then_some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> serde_json::Result<Vec<String>> {
        let text = compact(json.as_bytes())?;
        let members = members(&text).expect("what is compact has members");
        Ok(members.into_iter().map(|member| String::from_utf8(member).expect("it is text")).collect())
    }

    #[test]
    fn space_does_not_count_and_order_does() {
        let text = |json: &str| String::from_utf8(compact(json.as_bytes()).expect("it is a list")).expect("it is text");
        assert_eq!(text(r#"[ [1, 2], "a b" , {"k": [ ]} ]"#), r#"[[1,2],"a b",{"k":[]}]"#);
        assert_ne!(text("[1,2]"), text("[2,1]"));
    }

    #[test]
    fn members_are_what_is_added_by_itself() {
        assert!(read("[]").expect("it is a list").is_empty());
        assert_eq!(
            read(r#"[1, "1", [1, 2], "a,\"b]", "", true]"#).expect("it is a list"),
            ["1", "1", "[1,2]", "a,\"b]", "", "true"]
        );
        assert!(read("[1 2]").is_err());
        for other in ["", "a", "[", "]", "[1]]", "[\"a]"] {
            assert_eq!(members(other.as_bytes()), None, "{other}");
        }
    }
}
