//! EDN, as much of it as histories have in them: maps, vectors, lists, sets, strings, words, tags, comments.

/// Values within values, at most.
const DEPTH: u32 = 64;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value<'b> {
    /// A number, a keyword, a symbol, as it stands.
    Word(&'b [u8]),
    Text(&'b [u8]),
    /// A vector or a list.
    List(Vec<Value<'b>>),
    Set,
    Map(Map<'b>),
}

pub(super) const NIL: Value<'static> = Value::Word(b"nil");

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Map<'b> {
    /// The byte at which it begins.
    pub at: usize,
    pub fields: Vec<Field<'b>>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Field<'b> {
    /// The byte at which its name begins.
    pub at: usize,
    /// Keywords have their colon.
    pub name: &'b [u8],
    pub value: Value<'b>,
}

impl<'b> Map<'b> {
    /// The field of a name.
    pub fn field(&self, name: &[u8]) -> Option<&Field<'b>> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// What is in a field; nil if it is not there.
    pub fn value(&self, name: &[u8]) -> &Value<'b> {
        self.field(name).map_or(&NIL, |field| &field.value)
    }

    /// The byte to point at if something is wrong with a field.
    pub fn place(&self, name: &[u8]) -> usize {
        self.field(name).map_or(self.at, |field| field.at)
    }
}

pub(super) struct Parser<'b> {
    pub bytes: &'b [u8],
    pub at: usize,
}

impl<'b> Parser<'b> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        memchr::memchr_iter(b'\n', &self.bytes[..at]).count() + 1
    }

    /// Skips white space, which commas are, and comments.
    pub fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b',' => self.at += 1,
                b';' => self.at += memchr::memchr(b'\n', &self.bytes[self.at..]).unwrap_or(self.bytes.len() - self.at),
                _ if byte.is_ascii_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    /// The next value.
    ///
    /// # Errors
    /// What is expected where this is then.
    pub fn value(&mut self, depth: u32) -> Result<Value<'b>, String> {
        if depth > DEPTH {
            return Err("expected fewer values within values".to_owned());
        }
        self.skip();
        match self.peek() {
            None => Err("expected a value".to_owned()),
            Some(b'"') => self.text().map(Value::Text),
            Some(b'[') => self.list(b']', depth).map(Value::List),
            Some(b'(') => self.list(b')', depth).map(Value::List),
            Some(b'{') => self.map(depth).map(Value::Map),
            Some(b'#') => {
                self.at += 1;
                match self.peek() {
                    Some(b'{') => self.list(b'}', depth).map(|_| Value::Set),
                    Some(b'_') => {
                        self.at += 1;
                        self.value(depth + 1)?;
                        self.value(depth + 1)
                    }
                    // What a value is tagged with does not matter here.
                    _ => {
                        self.word();
                        self.value(depth + 1)
                    }
                }
            }
            Some(_) => match self.word() {
                [] => Err("expected a value".to_owned()),
                word => Ok(Value::Word(word)),
            },
        }
    }

    fn word(&mut self) -> &'b [u8] {
        let start = self.at;
        let ends = |byte: u8| byte.is_ascii_whitespace() || b",;\"()[]{}".contains(&byte);
        while self.peek().is_some_and(|byte| !ends(byte)) {
            self.at += 1;
        }
        &self.bytes[start..self.at]
    }

    fn text(&mut self) -> Result<&'b [u8], String> {
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(&self.bytes[start..self.at - 1]),
                // Texts are only compared, so escapes may stay as they are.
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        self.at = self.bytes.len();
        Err(self.unclosed(b'"', start - 1))
    }

    fn list(&mut self, close: u8, depth: u32) -> Result<Vec<Value<'b>>, String> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(items);
                }
                None => return Err(self.unclosed(close, start)),
                Some(_) => items.push(self.value(depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: u32) -> Result<Map<'b>, String> {
        let start = self.at;
        self.at += 1;
        let mut fields: Vec<Field<'b>> = Vec::new();
        loop {
            self.skip();
            let at = self.at;
            let name = match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Map { at: start, fields });
                }
                None => return Err(self.unclosed(b'}', start)),
                Some(_) => match self.value(depth + 1)? {
                    Value::Word(name) | Value::Text(name) => name,
                    // Mostly it is the next event.
                    Value::Map(_) => {
                        self.at = at;
                        return Err(self.unclosed(b'}', start));
                    }
                    Value::List(_) | Value::Set => &self.bytes[at..self.at],
                },
            };
            if fields.iter().any(|field| field.name == name) {
                self.at = at;
                return Err("this is in the map twice: which of the two counts?".to_owned());
            }
            self.skip();
            if self.peek() == Some(b'}') {
                return Err("expected a value for every key of the map that ends here".to_owned());
            }
            let value = self.value(depth + 1)?;
            fields.push(Field { at, name, value });
        }
    }

    fn unclosed(&self, close: u8, start: usize) -> String {
        let (close, line) = (char::from(close), self.line(start));
        format!("expected `{close}`, which closes what begins in line {line}")
    }
}
