//! A scanner that is just good enough to change the layout and the order of WIT text.

/// A piece of WIT text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    Space(&'a str),
    LineComment(&'a str),
    BlockComment(&'a str),
    Text(&'a str),
    Code(&'a str),
}

impl<'a> Piece<'a> {
    pub fn text(&self) -> &'a str {
        match self {
            Self::Space(text)
            | Self::LineComment(text)
            | Self::BlockComment(text)
            | Self::Text(text)
            | Self::Code(text) => text,
        }
    }

    fn is_code(&self, code: &str) -> bool {
        matches!(self, Self::Code(own) if *own == code)
    }
}

/// Splits a text into pieces that together are the text.
pub fn pieces<'a>(text: &'a str) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (size, make): (usize, fn(&'a str) -> Piece<'a>) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), Piece::LineComment)
        } else if rest.starts_with("/*") {
            (block_comment(rest), Piece::BlockComment)
        } else if first == '"' {
            (rest[1..].find('"').map_or(rest.len(), |end| end + 2), Piece::Text)
        } else if first.is_whitespace() {
            (rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()), Piece::Space)
        } else if first.is_alphanumeric() || "%-_".contains(first) && !rest.starts_with("->") {
            let word = |c: char| c.is_alphanumeric() || "%-_".contains(c);
            (rest.find(|c| !word(c)).unwrap_or(rest.len()), Piece::Code)
        } else if rest.starts_with("->") {
            (2, Piece::Code)
        } else {
            (first.len_utf8(), Piece::Code)
        };
        let (piece, remainder) = rest.split_at(size);
        pieces.push(make(piece));
        rest = remainder;
    }
    pieces
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut position = 0;
    while position < text.len() {
        if text[position..].starts_with("/*") {
            depth += 1;
            position += 2;
        } else if text[position..].starts_with("*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else {
            position += text[position..].chars().next().unwrap().len_utf8();
        }
    }
    text.len()
}

/// Every line end becomes CR LF.
pub fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

/// Other indentation and more empty lines, but the insides of comments as they are.
pub fn reindented(text: &str) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Space(space) => space.replace('\n', "\n\n\t   "),
            other => other.text().to_owned(),
        })
        .collect()
}

/// Comments where no item begins, so that they document nothing: after `->`, before `}`, and at the end.
pub fn with_comments(text: &str) -> String {
    let mut result = String::new();
    for piece in pieces(text) {
        if piece.is_code("}") {
            result.push_str("/* nothing */ // follows\n");
        }
        result.push_str(piece.text());
        if piece.is_code("->") {
            result.push_str(" /* the result */ ");
        }
    }
    result.push_str("\n// the end\n");
    result
}

/// A small generator of numbers, so that runs repeat.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

/// Which blocks are shuffled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    All,
    AllButWorlds,
}

/// The items of every block in another order; a `package …;` header stays first.
pub fn shuffled(text: &str, random: &mut Random, blocks: Blocks) -> String {
    shuffle_block(&pieces(text), random, blocks)
}

/// An item: what leads to it (comments and attributes), and the item with its `;` or `{…}`.
struct Item<'a>(Vec<Piece<'a>>);

const BLOCK_KEYWORDS: [&str; 4] = ["interface", "world", "resource", "package"];

impl Item<'_> {
    /// The words before the first `{`, `(` or `;`, without comments and attributes.
    fn words(&self) -> Vec<&str> {
        let mut words = Vec::new();
        let mut depth = 0_i32;
        let mut attribute = false;
        for piece in &self.0 {
            let Piece::Code(code) = piece else { continue };
            match *code {
                "@" if words.is_empty() => attribute = true,
                "(" if attribute => depth += 1,
                ")" if attribute => {
                    depth -= 1;
                    attribute = depth > 0;
                }
                "{" | ";" | "(" => break,
                word if !attribute => words.push(word),
                _ => {}
            }
        }
        words
    }

    fn holds_items(&self) -> bool {
        let words = self.words();
        let is_block = self.0.iter().any(|piece| piece.is_code("{"));
        let inline =
            words.first().is_some_and(|word| ["import", "export"].contains(word)) && words.last() == Some(&"interface");
        is_block && (inline || words.first().is_some_and(|word| BLOCK_KEYWORDS.contains(word)))
    }

    fn is_header(&self) -> bool {
        self.words().first() == Some(&"package") && !self.0.iter().any(|piece| piece.is_code("{"))
    }

    fn print(&self, random: &mut Random, blocks: Blocks) -> String {
        let kept = blocks == Blocks::AllButWorlds && self.words().first() == Some(&"world");
        if kept || !self.holds_items() {
            return self.0.iter().map(Piece::text).collect();
        }
        let open = self.0.iter().position(|piece| piece.is_code("{")).unwrap();
        let close = self.0.iter().rposition(|piece| piece.is_code("}")).unwrap();
        let print = |pieces: &[Piece<'_>]| pieces.iter().map(Piece::text).collect::<String>();
        print(&self.0[..=open]) + &shuffle_block(&self.0[open + 1..close], random, blocks) + &print(&self.0[close..])
    }
}

fn shuffle_block(pieces: &[Piece<'_>], random: &mut Random, blocks: Blocks) -> String {
    let (items, tail) = items(pieces);
    let (header, mut rest): (Vec<_>, Vec<_>) = items.into_iter().partition(Item::is_header);
    random.shuffle(&mut rest);
    let mut text: String = header.iter().chain(&rest).map(|item| item.print(random, blocks) + "\n").collect();
    text.extend(tail.iter().map(Piece::text));
    text
}

fn items<'a>(pieces: &[Piece<'a>]) -> (Vec<Item<'a>>, Vec<Piece<'a>>) {
    let mut items = Vec::new();
    let mut current = Vec::new();
    let mut depth = 0;
    for (index, piece) in pieces.iter().enumerate() {
        current.push(*piece);
        match piece {
            Piece::Code("{" | "(") => depth += 1,
            Piece::Code("}" | ")") => depth -= 1,
            _ => {}
        }
        let ends = match piece {
            Piece::Code(";") => depth == 0,
            // `use a.{b};` and `include a with { … };` go on after the brace.
            Piece::Code("}") => depth == 0 && !next_is_semicolon(&pieces[index + 1..]),
            _ => false,
        };
        if ends {
            items.push(Item(std::mem::take(&mut current)));
        }
    }
    (items, current)
}

fn next_is_semicolon(pieces: &[Piece<'_>]) -> bool {
    pieces.iter().find(|piece| matches!(piece, Piece::Code(_))).is_some_and(|piece| piece.is_code(";"))
}
