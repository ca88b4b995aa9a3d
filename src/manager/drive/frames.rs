//! Finding the ends of JSON documents in a stream that comes in pieces.

use crate::cloudevents::{JsonEvents, ParseErrorKind};

/// The longest document.
const MAX_BYTES: usize = 1 << 20;

/// Cuts a stream into objects and arrays, with nothing or space between them. A bad one costs no good one that begins on a
/// line of its own.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// A document that has begun.
    begun: Vec<u8>,
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
    /// Ends of lines within it.
    lines: usize,
    /// Until the next line.
    is_skipping: bool,
}

impl Frames {
    /// Takes the next piece, and gives each document that it completes, and a reason for each that is refused.
    pub(super) fn feed(&mut self, bytes: &[u8], mut give: impl FnMut(Result<&[u8], &'static str>)) {
        // What comes again after a bad line is shorter each time.
        let mut pieces = vec![bytes.to_vec()];
        while let Some(piece) = pieces.pop() {
            for (at, &byte) in piece.iter().enumerate() {
                if let Some(again) = self.step(byte, &mut give) {
                    pieces.push(piece[at + 1..].to_vec());
                    pieces.push(again);
                    break;
                }
            }
        }
    }

    /// Takes a byte. Gives bytes that are to be taken again, after the line that spoiled them.
    fn step(
        &mut self,
        byte: u8,
        give: &mut impl FnMut(Result<&[u8], &'static str>),
    ) -> Option<Vec<u8>> {
        if self.is_skipping {
            self.is_skipping = byte != b'\n';
            return None;
        }
        if self.begun.is_empty() && !matches!(byte, b'{' | b'[') {
            if !byte.is_ascii_whitespace() {
                self.is_skipping = true;
                give(Err("the output has something else than events"));
            }
            return None;
        }
        self.begun.push(byte);
        if self.begun.len() > MAX_BYTES {
            self.reset();
            self.is_skipping = byte != b'\n';
            give(Err("an event is longer than 1 MiB"));
            return None;
        }
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.is_in_string => self.is_escaped = true,
            b'"' => self.is_in_string = !self.is_in_string,
            b'\n' => return self.line(give),
            _ if self.is_in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                if self.depth == 0 {
                    let document = self.reset();
                    give(Ok(&document));
                }
            }
            _ => {}
        }
        None
    }

    /// A line has ended within a document: it may be one that never ends. Looked at after 1, 2, 4, 8 lines and so on, so that
    /// the looking stays in proportion.
    fn line(&mut self, give: &mut impl FnMut(Result<&[u8], &'static str>)) -> Option<Vec<u8>> {
        self.lines += 1;
        if !self.lines.is_power_of_two() {
            return None;
        }
        let first_error = JsonEvents::new(&self.begun).find_map(Result::err)?;
        if first_error.kind() == &ParseErrorKind::UnexpectedEnd {
            return None;
        }
        give(Err("the output has a line that is no event"));
        let mut begun = self.reset();
        let end = begun.iter().position(|&byte| byte == b'\n');
        Some(begun.split_off(end.map_or(0, |end| end + 1)))
    }

    /// Whether a document has begun and not ended.
    pub(super) fn has_rest(&self) -> bool {
        !self.begun.is_empty()
    }

    fn reset(&mut self) -> Vec<u8> {
        std::mem::take(self).begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out, with `!` for each refusal, whatever the pieces are.
    fn cut(stream: &str) -> Vec<String> {
        let by_pieces = |size: usize| {
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            for piece in stream.as_bytes().chunks(size) {
                frames.feed(piece, |frame| {
                    seen.push(match frame {
                        Ok(json) => String::from_utf8_lossy(json).into_owned(),
                        Err(_) => "!".into(),
                    });
                });
            }
            if frames.has_rest() {
                seen.push("...".into());
            }
            seen
        };
        let whole = by_pieces(stream.len().max(1));
        for size in 1..stream.len() {
            assert_eq!(by_pieces(size), whole, "{stream} in pieces of {size}");
        }
        whole
    }

    #[test]
    fn documents_are_cut_at_their_ends() {
        assert_eq!(
            cut(r#"{"a":"}"}{"b":["\"]"]}"#),
            [r#"{"a":"}"}"#, r#"{"b":["\"]"]}"#]
        );
        assert_eq!(cut(" [1, {}]\n\n{}\n"), ["[1, {}]", "{}"]);
        assert_eq!(cut("{\"a\": 1"), ["..."]);
    }

    #[test]
    fn a_bad_line_costs_no_other() {
        assert_eq!(cut("hello {\n{}\n"), ["!", "{}"]);
        assert_eq!(cut("{error}{}"), ["{error}", "{}"]);
        assert_eq!(cut("{\"a\":1\n{\"b\":2}\n{}\n"), ["!", "{\"b\":2}", "{}"]);
        assert_eq!(cut("{\"a\":\"open\n{}\n"), ["!", "{}"]);
    }

    #[test]
    fn a_document_without_end_is_given_up() {
        let mut frames = Frames::default();
        let mut refused = 0;
        frames.feed(b"[", |_| unreachable!("it has not ended"));
        for _ in 0..3 {
            frames.feed(&vec![b'1'; MAX_BYTES / 2], |frame| {
                assert!(frame.is_err());
                refused += 1;
            });
        }
        frames.feed(b"\n{}", |frame| assert_eq!(frame, Ok(&b"{}"[..])));
        assert_eq!(refused, 1);
    }

    /// `{`, and then newlines without end: the limit was looked at after other bytes only.
    #[test]
    fn a_document_of_empty_lines_is_given_up() {
        let mut frames = Frames::default();
        let mut refused = 0;
        frames.feed(b"{", |_| unreachable!("it has not ended"));
        for _ in 0..2 * MAX_BYTES / 4096 {
            frames.feed(&[b'\n'; 4096], |frame| {
                assert_eq!(frame, Err("an event is longer than 1 MiB"));
                refused += 1;
            });
            assert!(frames.begun.len() <= MAX_BYTES);
        }
        frames.feed(b"{}", |frame| assert_eq!(frame, Ok(&b"{}"[..])));
        assert_eq!(refused, 1);
    }
}
