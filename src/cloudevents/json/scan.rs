//! A scanner for JSON text (RFC 8259) that looks at each byte once and builds nothing.

use crate::cloudevents::error::{Failure, ParseErrorKind, Scan, fail};
use crate::cloudevents::json::string::{find, skip_escape};
use crate::cloudevents::json::token::{Member, Members, Text, Token};

/// How deep arrays and objects may lie in one another: what the usual readers allow, so that the data of an event that was
/// accepted here can be read by them. One bit of a `u128` each.
const MAX_DEPTH: u32 = 128;

/// Goes over a document.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// # Errors
    ///
    /// If it is not UTF-8, or too large for 32-bit offsets.
    pub(crate) fn new(document: &'a [u8]) -> Scan<Self> {
        if u32::try_from(document.len()).is_err() {
            return fail(0, ParseErrorKind::TooLarge);
        }
        match std::str::from_utf8(document) {
            Ok(text) => Ok(Scanner { text, at: 0 }),
            Err(error) => fail(error.valid_up_to(), ParseErrorKind::Utf8),
        }
    }

    /// Goes over a part of the document again.
    pub(crate) fn within(&self, part: &'a str) -> Self {
        let at = self.offset_of(part);
        Scanner {
            text: &self.text[..at + part.len()],
            at,
        }
    }

    /// The one value of a text.
    pub(crate) fn whole(text: &'a str) -> Scan<Token<'a>> {
        let mut scanner = Scanner { text, at: 0 };
        scanner.space();
        let token = scanner.value()?;
        scanner.end()?;
        Ok(token)
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Where a part of the document lies.
    pub(crate) fn offset_of(&self, part: &str) -> usize {
        part.as_ptr().addr() - self.text.as_ptr().addr()
    }

    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline(always)]
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes this byte, which is said as `what`.
    #[inline(always)]
    pub(crate) fn take(&mut self, byte: u8, what: &'static str) -> Scan<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    #[cold]
    fn expected(&self, what: &'static str) -> Box<Failure> {
        let kind = if self.at < self.text.len() {
            ParseErrorKind::Expected(what)
        } else {
            ParseErrorKind::UnexpectedEnd
        };
        Box::new(Failure { at: self.at, kind })
    }

    /// Nothing but space is left.
    pub(crate) fn end(&mut self) -> Scan<()> {
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.expected("the end"))
        }
    }

    /// Adds the members of the object that begins here.
    pub(crate) fn members(&mut self, members: &mut Members<'a>) -> Scan<()> {
        self.take(b'{', "an object")?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let at = self.at as u32;
            let name = self.key()?;
            let name = name.text(self, "")?;
            let start = self.at as u32;
            let value = self.value()?;
            let end = self.at as u32;
            members.push(Member {
                name,
                value,
                at,
                start,
                end,
            });
            self.space();
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(());
            }
            self.take(b',', "`,` or `}`")?;
            self.space();
        }
    }

    /// The value of a member as it is written.
    pub(crate) fn raw(&self, member: &Member<'_>) -> &'a str {
        &self.text[member.start as usize..member.end as usize]
    }

    /// Goes over the array that begins here, element by element; `each` takes the element.
    pub(crate) fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Scan<()>) -> Scan<()> {
        self.take(b'[', "an array")?;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(self)?;
            self.space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(());
            }
            self.take(b',', "`,` or `]`")?;
            self.space();
        }
    }

    /// A name, its colon and the space around it.
    #[inline(always)]
    fn key(&mut self) -> Scan<Text<'a>> {
        self.take(b'"', "a name in quotes")?;
        let name = self.string()?;
        self.space();
        self.take(b':', "`:`")?;
        self.space();
        Ok(name)
    }

    /// The value that begins here.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Scan<Token<'a>> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Token::String)
            }
            Some(b'{' | b'[') => {
                self.composite()?;
                Ok(Token::Composite(&self.text[start..self.at]))
            }
            _ => self.scalar(),
        }
    }

    fn scalar(&mut self) -> Scan<Token<'a>> {
        let start = self.at;
        match self.peek() {
            Some(b't') => self.literal("true", Token::Boolean(true)),
            Some(b'f') => self.literal("false", Token::Boolean(false)),
            Some(b'n') => self.literal("null", Token::Null),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Ok(Token::Number(&self.text[start..self.at]))
            }
            _ => Err(self.expected("a value")),
        }
    }

    fn literal(&mut self, word: &'static str, token: Token<'a>) -> Scan<Token<'a>> {
        for &byte in word.as_bytes() {
            self.take(byte, word)?;
        }
        Ok(token)
    }

    fn number(&mut self) -> Scan<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Scan<()> {
        let rest = &self.text.as_bytes()[self.at..];
        match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            0 => Err(self.expected("a digit")),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }

    /// The rest of a string whose first quote is taken.
    #[inline(always)]
    fn string(&mut self) -> Scan<Text<'a>> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at = find::<true>(bytes, start);
        if self.peek() != Some(b'"') {
            return self.odd_string(start);
        }
        let raw = &self.text[start..self.at];
        self.at += 1;
        Ok(Text {
            raw,
            is_plain: true,
            is_escaped: false,
        })
    }

    /// The same for a string that is not printable ASCII throughout.
    #[inline(never)]
    fn odd_string(&mut self, start: usize) -> Scan<Text<'a>> {
        let bytes = self.text.as_bytes();
        let mut is_escaped = false;
        loop {
            self.at = find::<false>(bytes, self.at);
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at = skip_escape(bytes, self.at)?;
                    is_escaped = true;
                }
                Some(_) => return fail(self.at, ParseErrorKind::ControlCharacter),
                None => return Err(self.expected("a quote")),
            }
        }
        let raw = &self.text[start..self.at];
        self.at += 1;
        Ok(Text {
            raw,
            is_plain: false,
            is_escaped,
        })
    }

    /// Goes over an array or object with all that lies in it, without recursion.
    #[inline(never)]
    fn composite(&mut self) -> Scan<()> {
        let mut depth = 0;
        // The lowest bit is the innermost one: set for an object.
        let mut objects = 0_u128;
        loop {
            // A value begins here.
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth == MAX_DEPTH - 1 {
                        // The event itself is the outermost.
                        return fail(self.at, ParseErrorKind::TooDeep);
                    }
                    self.at += 1;
                    depth += 1;
                    objects = objects << 1 | u128::from(open == b'{');
                    self.space();
                    // `]` and `}` are two behind their openings.
                    if self.peek() == Some(open + 2) {
                        self.at += 1;
                        depth -= 1;
                        objects >>= 1;
                    } else {
                        if open == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => {
                    self.at += 1;
                    self.string()?;
                }
                _ => {
                    self.scalar()?;
                }
            }
            // A value ended here, and maybe what it lies in.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let in_object = objects & 1 == 1;
                self.space();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.space();
                        if in_object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if in_object => self.at += 1,
                    Some(b']') if !in_object => self.at += 1,
                    _ if in_object => return Err(self.expected("`,` or `}`")),
                    _ => return Err(self.expected("`,` or `]`")),
                }
                depth -= 1;
                objects >>= 1;
            }
        }
    }
}
