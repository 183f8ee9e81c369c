//! A YAML document as a tree with the position of every part.
//!
//! It accepts what a configuration needs: one document of mappings with plain keys, lists and scalars. It refuses
//! anchors and aliases, so that a small file can't expand to a large one. It also refuses tags, duplicate keys and deep
//! nesting.

use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput};

use super::error::{Errors, Location, Position};

/// The largest file that is read, in bytes.
pub(super) const MAX_SIZE: u64 = 4 << 20;
/// The maximum depth of lists and mappings.
const MAX_DEPTH: usize = 16;
/// The maximum number of keys in a mapping. Each key is compared with those before it.
const MAX_KEYS: usize = 1000;

/// A part of a document. It has no `Debug`, because it may hold secrets.
#[derive(Clone)]
pub(crate) struct Node {
    /// Its start.
    pub(crate) position: Position,
    /// Its value.
    pub(crate) value: Value,
}

/// The value of a part of a document.
#[derive(Clone)]
pub(crate) enum Value {
    /// Nothing: `null`, `~`, or no value at all.
    Nothing,
    /// A text, number or boolean, as written.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in its written order.
    Map(Vec<(Key, Node)>),
    /// A value with an error that is already reported.
    Refused,
}

/// A key of a mapping.
#[derive(Clone)]
pub(crate) struct Key {
    /// Its start.
    pub(crate) position: Position,
    /// Its text.
    pub(crate) text: String,
}

/// Reads the document in `bytes`, the content of `file`. An empty one is `Nothing`.
///
/// `None` if the document can't be read to its end. `errors` then has the reason.
pub(super) fn read(file: &Arc<str>, bytes: &[u8], errors: &mut Errors) -> Option<Node> {
    let mut fail = |position, what: &str| errors.add(Location::Position(file.clone(), position), "", what);
    if bytes.len() as u64 > MAX_SIZE {
        errors.add(Location::File(file.clone()), "", format!("larger than {} MiB", MAX_SIZE >> 20));
        return None;
    }
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            fail(end_of(&bytes[..error.valid_up_to()]), "not UTF-8 text");
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);

    let document = Document { file, errors: &mut *errors, parser: Parser::new_from_str(text) }.read();
    match document {
        Ok(root) => Some(root.unwrap_or(Node { position: Position { line: 1, column: 1 }, value: Value::Nothing })),
        Err((position, what)) => {
            errors.add(Location::Position(file.clone(), position), "", what);
            None
        }
    }
}

/// The position after `text`, which is UTF-8.
fn end_of(text: &[u8]) -> Position {
    let text = String::from_utf8_lossy(text);
    let last = text.rsplit('\n').next().unwrap_or_default();
    Position { line: text.matches('\n').count() + 1, column: last.chars().count() + 1 }
}

/// The parser counts lines from 1 and columns from 0.
fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// A document that is being read.
struct Document<'d> {
    file: &'d Arc<str>,
    errors: &'d mut Errors,
    parser: Parser<'d, StrInput<'d>>,
}

/// Why reading stops, and where.
type Stop = (Position, String);

impl<'d> Document<'d> {
    fn read(mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::DocumentStart(_), position) if root.is_some() => {
                    return Err((position, "a second document".into()));
                }
                (Event::DocumentStart(_), _) => root = self.node(0)?,
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'d>, Position), Stop> {
        match self.parser.next() {
            None => Ok((Event::StreamEnd, Position { line: 1, column: 1 })),
            Some(Ok((event, span))) => Ok((event, position(&span.start))),
            Some(Err(error)) => Err((position(error.marker()), format!("not YAML: {}", error.info()))),
        }
    }

    /// Reads the next part, which `depth` lists and mappings are around. `None` at the end of the innermost.
    fn node(&mut self, depth: usize) -> Result<Option<Node>, Stop> {
        let (event, position) = self.next()?;
        self.refuse_features(&event, position);
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if matches!(&*text, "" | "~" | "null" | "Null" | "NULL") => {
                Value::Nothing
            }
            Event::Scalar(text, ..) => Value::Scalar(text.into_owned()),
            Event::Alias(_) => Value::Refused,
            Event::SequenceStart(..) | Event::MappingStart(..) if depth == MAX_DEPTH => {
                return Err((position, format!("nested deeper than {MAX_DEPTH} levels")));
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                while let Some(item) = self.node(depth + 1)? {
                    items.push(item);
                }
                Value::List(items)
            }
            Event::MappingStart(..) => Value::Map(self.entries(depth + 1)?),
            _ => return Ok(None),
        };
        Ok(Some(Node { position, value }))
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let (event, position) = self.next()?;
            self.refuse_features(&event, position);
            let key = match event {
                Event::MappingEnd => return Ok(entries),
                Event::Alias(_) => None,
                Event::Scalar(..) if entries.len() == MAX_KEYS => {
                    return Err((position, format!("more than {MAX_KEYS} keys in one mapping")));
                }
                Event::Scalar(text, ..) => match entries.iter().find(|(key, _)| key.text == text) {
                    Some((first, _)) => {
                        self.refuse(&format!("duplicate key, first on line {}", first.position.line), position);
                        None
                    }
                    None => Some(Key { position, text: text.into_owned() }),
                },
                _ => return Err((position, "a key must be a plain word".into())),
            };
            // The value of a refused key is dropped.
            entries.extend(key.zip(self.node(depth)?));
        }
    }

    fn refuse_features(&mut self, event: &Event<'_>, position: Position) {
        let (anchor, tag) = match event {
            Event::Alias(_) => return self.refuse("aliases are not supported: write the value out", position),
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag)
            }
            _ => return,
        };
        if anchor > 0 {
            self.refuse("anchors are not supported", position);
        }
        if tag.is_some() {
            self.refuse("tags are not supported", position);
        }
    }

    fn refuse(&mut self, what: &str, position: Position) {
        self.errors.add(Location::Position(self.file.clone(), position), "", what);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn errors(text: &str) -> String {
        let mut errors = Errors::default();
        read(&"f".into(), text.as_bytes(), &mut errors);
        errors.to_string()
    }

    #[test]
    fn every_part_has_its_position() {
        let mut errors = Errors::default();
        let root = read(&"f".into(), "\u{feff}a: 1\nb:\n  - x\n  - \"~\"\n  - ~\n".as_bytes(), &mut errors).unwrap();
        let Value::Map(entries) = root.value else { panic!("no mapping") };
        let (key, node) = &entries[1];
        assert_eq!((key.text.as_str(), key.position.line, key.position.column), ("b", 2, 1));
        let Value::List(items) = &node.value else { panic!("no list") };
        assert_eq!((items[0].position.line, items[0].position.column), (3, 5));
        assert!(matches!(&items[1].value, Value::Scalar(text) if text == "~"), "a quoted tilde is a text");
        assert!(matches!(items[2].value, Value::Nothing));
        assert!(errors.is_empty());
    }

    #[test]
    fn unsupported_features_are_all_reported_at_once() {
        let text = "a: &x 1\nb: *x\na: 2\nc: !!str 3\n*x : 4\na: 5\n";
        let expected = "f:1:4: anchors are not supported\n\
            f:2:4: aliases are not supported: write the value out\n\
            f:3:1: duplicate key, first on line 1\n\
            f:4:4: tags are not supported\n\
            f:5:1: aliases are not supported: write the value out\n\
            f:6:1: duplicate key, first on line 1\n\
            6 errors";
        assert_eq!(errors(text), expected);
    }

    #[test]
    fn a_malformed_document_ends_the_reading() {
        assert_eq!(errors("a: 1\n---\nb: 2\n"), "f:2:1: a second document\n1 error");
        assert_eq!(errors("? [a]\n: 1\n"), "f:1:3: a key must be a plain word\n1 error");
        assert_eq!(errors(&"[".repeat(17)), "f:1:17: nested deeper than 16 levels\n1 error");
        assert_eq!(errors(&"- ".repeat(500_000)), "f:1:33: nested deeper than 16 levels\n1 error");
        assert!(errors("a: [1\nb: 2\n").starts_with("f:2:2: not YAML: "), "{}", errors("a: [1\nb: 2\n"));
        let keys = (0..=MAX_KEYS).map(|n| format!("{n}:")).collect::<Vec<_>>().join("\n");
        assert_eq!(errors(&keys), "f:1001:1: more than 1000 keys in one mapping\n1 error");
        let mut not_text = Errors::default();
        assert!(read(&"f".into(), b"a: 1\nb: \xff", &mut not_text).is_none());
        assert_eq!(not_text.iter().next().unwrap().to_string(), "f:2:4: not UTF-8 text");
        assert!(
            read(&"f".into(), &vec![b' '; usize::try_from(MAX_SIZE).unwrap() + 1], &mut Errors::default()).is_none()
        );
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>, text in "[-a-c:?&*!|>{}\\[\\],#'\" \n\t~%]{0,80}") {
            read(&"f".into(), &bytes, &mut Errors::default());
            read(&"f".into(), text.as_bytes(), &mut Errors::default());
        }
    }
}
