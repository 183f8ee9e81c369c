//! A YAML document as a tree with the position of every part.
//!
//! It accepts what a configuration needs: one document of mappings with plain keys, lists and scalars. It refuses
//! anchors and aliases, so that a small file can't expand to a large one. It also refuses tags, duplicate keys and deep
//! nesting.

use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

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

    let mut tree = Tree { file, errors, open: Vec::new(), root: None };
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => tree.take(event, position(&span.start)),
            Err(error) => Err((position(error.marker()), format!("not YAML: {}", error.info()))),
        };
        if let Err((position, what)) = step {
            errors.add(Location::Position(file.clone(), position), "", what);
            return None;
        }
    }
    Some(tree.root.unwrap_or(Node { position: Position { line: 1, column: 1 }, value: Value::Nothing }))
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
struct Tree<'d> {
    file: &'d Arc<str>,
    errors: &'d mut Errors,
    /// The lists and mappings that are still open.
    open: Vec<(Node, Expected)>,
    root: Option<Node>,
}

/// What an open mapping needs next.
enum Expected {
    /// A key. In a list: an item.
    Key,
    /// The value of this key.
    Value(Key),
    /// The value of a refused key.
    ValueToDrop,
}

/// Why reading stops, and where.
type Stop = (Position, String);

impl Tree<'_> {
    fn take(&mut self, event: Event<'_>, position: Position) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => return Err((position, "a second document".into())),
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_features(anchor, tag.as_deref(), position);
                self.scalar(text.into_owned(), style, position)?;
            }
            Event::Alias(_) => {
                self.refuse("aliases are not supported: write the value out", position);
                self.insert(Node { position, value: Value::Refused });
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_features(anchor, tag.as_deref(), position);
                self.open(Value::List(Vec::new()), position)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_features(anchor, tag.as_deref(), position);
                self.open(Value::Map(Vec::new()), position)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((node, _)) = self.open.pop() {
                    self.insert(node);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, position: Position) -> Result<(), Stop> {
        if let Some((Node { value: Value::Map(entries), .. }, waiting @ Expected::Key)) = self.open.last_mut() {
            if entries.len() == MAX_KEYS {
                return Err((position, format!("more than {MAX_KEYS} keys in one mapping")));
            }
            let first = entries.iter().find(|(key, _)| key.text == text).map(|(key, _)| key.position.line);
            if let Some(line) = first {
                *waiting = Expected::ValueToDrop;
                self.refuse(&format!("duplicate key, first on line {line}"), position);
            } else {
                *waiting = Expected::Value(Key { position, text });
            }
            return Ok(());
        }
        let nothing = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
        self.insert(Node { position, value: if nothing { Value::Nothing } else { Value::Scalar(text) } });
        Ok(())
    }

    fn open(&mut self, value: Value, position: Position) -> Result<(), Stop> {
        if let Some((Node { value: Value::Map(_), .. }, Expected::Key)) = self.open.last() {
            return Err((position, "a key must be a plain word".into()));
        }
        if self.open.len() == MAX_DEPTH {
            return Err((position, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push((Node { position, value }, Expected::Key));
        Ok(())
    }

    fn insert(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((Node { value: Value::Map(entries), .. }, waiting)) => {
                match std::mem::replace(waiting, Expected::Key) {
                    Expected::Value(key) => entries.push((key, node)),
                    Expected::ValueToDrop => {}
                    // An alias instead of a key. It is already reported.
                    Expected::Key => *waiting = Expected::ValueToDrop,
                }
            }
            Some((Node { value: Value::List(items), .. }, _)) => items.push(node),
            Some(_) => {}
        }
    }

    fn refuse_features(&mut self, anchor: usize, tag: Option<&Tag>, position: Position) {
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
