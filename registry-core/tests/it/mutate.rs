//! Every single change that a user of a package could see, made to its source text.

use crate::scan::{Piece, pieces};

/// A changed text and what was changed.
pub struct Mutation {
    /// What was changed and where, in words that name the place.
    pub label: String,
    pub text: String,
}

const PRIMITIVES: [&str; 13] =
    ["bool", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "f32", "f64", "char", "string"];
const KEYWORDS: [&str; 33] = [
    "package",
    "interface",
    "world",
    "import",
    "export",
    "use",
    "include",
    "with",
    "as",
    "from",
    "func",
    "type",
    "record",
    "variant",
    "enum",
    "flags",
    "resource",
    "constructor",
    "static",
    "async",
    "own",
    "borrow",
    "list",
    "option",
    "result",
    "tuple",
    "future",
    "stream",
    "map",
    "since",
    "unstable",
    "deprecated",
    "version",
];

/// All single changes of one text. Those that do not parse are for the caller to skip.
pub fn mutations(text: &str) -> Vec<Mutation> {
    let mutator = Mutator { pieces: pieces(text) };
    let mut mutations = Vec::new();
    for index in 0..mutator.pieces.len() {
        match mutator.pieces[index] {
            Piece::Code(code) => mutator.change_code(index, code, &mut mutations),
            Piece::LineComment(comment) => mutator.change_comment(index, comment, &mut mutations),
            Piece::BlockComment(_) | Piece::Space(_) | Piece::Text(_) => {}
        }
    }
    mutations
}

struct Mutator<'a> {
    pieces: Vec<Piece<'a>>,
}

impl Mutator<'_> {
    fn change_code(&self, index: usize, code: &str, mutations: &mut Vec<Mutation>) {
        if PRIMITIVES.contains(&code) {
            for other in ["u64", "string"].into_iter().filter(|other| *other != code) {
                mutations.push(self.replaced("another type", index, index + 1, other));
            }
        } else if let Some(other) = match code {
            "list" => Some("option"),
            "option" => Some("list"),
            "borrow" => Some("own"),
            "static" | "async" => Some(""),
            _ => None,
        } {
            mutations.push(self.replaced("another type", index, index + 1, other));
        } else if code.chars().all(|c| c.is_ascii_digit()) {
            mutations.push(self.replaced("another number", index, index + 1, "97"));
        } else if code.starts_with(|c: char| c.is_alphabetic() || c == '%') && !KEYWORDS.contains(&code) {
            mutations.push(self.replaced("rename one", index, index + 1, &format!("{code}-renamed")));
            if !self.pieces[..index].contains(&Piece::Code(code)) {
                mutations.push(self.renamed_everywhere(index, code));
            }
        } else if code == "}" {
            mutations.push(self.replaced("add function", index, index, "added-function: func();\n"));
            mutations.push(self.replaced("add member", index, index, ", added-member"));
            mutations.push(self.replaced("add member", index, index, "added-member"));
        } else if code == "@" {
            mutations.push(self.replaced("remove attribute", index, self.attribute_end(index), ""));
        } else if code == "," {
            mutations.extend(self.swapped(index));
        }
        if self.begins_item(index) {
            mutations.push(self.replaced("add gate", index, index, "@since(version = 9.9.9)\n"));
            mutations.push(self.replaced("add external-id", index, index, "@external-id(\"sha256:00\")\n"));
            mutations.push(self.replaced("add doc", index, index, "/// Added.\n"));
            if let Some(end) = self.item_end(index) {
                mutations.push(self.replaced("remove item", index, end, ""));
            }
        }
    }

    fn change_comment(&self, index: usize, comment: &str, mutations: &mut Vec<Mutation>) {
        if self.pieces[index + 1..].iter().any(|piece| matches!(piece, Piece::Code(_))) {
            mutations.push(self.replaced("change doc", index, index + 1, &format!("{comment} changed")));
        }
    }

    fn replaced(&self, change: &str, start: usize, end: usize, with: &str) -> Mutation {
        let text = |pieces: &[Piece<'_>]| pieces.iter().map(Piece::text).collect::<String>();
        Mutation {
            label: format!("{change}: {}", self.place(start)),
            text: text(&self.pieces[..start]) + with + &text(&self.pieces[end..]),
        }
    }

    fn renamed_everywhere(&self, index: usize, name: &str) -> Mutation {
        let renamed = |piece: &Piece<'_>| match piece {
            Piece::Code(code) if *code == name => format!("{name}-renamed"),
            other => other.text().to_owned(),
        };
        Mutation {
            label: format!("rename all `{name}`: {}", self.place(index)),
            text: self.pieces.iter().map(renamed).collect(),
        }
    }

    /// The enclosing blocks, and the first words of the item at or after a piece.
    fn place(&self, index: usize) -> String {
        let mut blocks: Vec<String> = Vec::new();
        let mut words: Vec<&str> = Vec::new();
        for piece in &self.pieces[..index] {
            match piece {
                Piece::Code("{") => blocks.push(std::mem::take(&mut words).join(" ")),
                Piece::Code("}") => {
                    blocks.pop();
                    words.clear();
                }
                Piece::Code(";" | ",") => words.clear(),
                Piece::Code(code) => words.push(code),
                _ => {}
            }
        }
        let item = self.item_words(index);
        let block = blocks.last().map(String::as_str).unwrap_or("top level");
        // Attributes before a block are part of its words; what names it comes last.
        let name: Vec<&str> = block.rsplit(' ').take(2).collect();
        format!("{} {} > {}", name.get(1).unwrap_or(&""), name[0], item.join(" "))
    }

    /// The words of the item at or after a piece, up to its `;` or block, without its attributes.
    fn item_words(&self, index: usize) -> Vec<&str> {
        let mut words: Vec<&str> = Vec::new();
        let mut in_attribute = false;
        for piece in &self.pieces[index..] {
            match piece {
                Piece::Code("@") if words.is_empty() => in_attribute = true,
                Piece::Code(")") if in_attribute => in_attribute = false,
                Piece::Code(";" | "{" | "}") if !in_attribute => break,
                Piece::Code(code) if !in_attribute => words.push(code),
                _ => {}
            }
        }
        words.truncate(14);
        words
    }

    /// Whether an item, field or case begins here: after `{`, `}`, `;` or `,`, comments and space aside.
    fn begins_item(&self, index: usize) -> bool {
        let before = self.pieces[..index].iter().rev().find(|piece| matches!(piece, Piece::Code(_)));
        let Piece::Code(code) = self.pieces[index] else { return false };
        let is_word = code == "@" || code.starts_with(|c: char| c.is_alphabetic() || c == '%');
        is_word && matches!(before, Some(Piece::Code("{" | "}" | ";" | ","))) && self.is_in_body(index)
    }

    /// Whether the innermost bracket around a piece is that of a body: not of a `use`, a parameter list or a type.
    fn is_in_body(&self, index: usize) -> bool {
        let mut open = Vec::new();
        for (position, piece) in self.pieces[..index].iter().enumerate() {
            match piece {
                Piece::Code(code @ ("{" | "(" | "<")) => {
                    let before = self.pieces[..position].iter().rev().find(|piece| matches!(piece, Piece::Code(_)));
                    open.push(*code == "{" && before != Some(&Piece::Code(".")));
                }
                Piece::Code("}" | ")" | ">") => drop(open.pop()),
                _ => {}
            }
        }
        open.last().copied().unwrap_or(true)
    }

    /// Whether entries around a comma have an order: not those of a `use`.
    fn has_order(&self, comma: usize) -> bool {
        let statement = self.pieces[..comma].iter().rposition(|piece| matches!(piece, Piece::Code(";" | "}")));
        let words = &self.pieces[statement.map_or(0, |end| end + 1)..comma];
        !words.contains(&Piece::Code("use"))
    }

    fn attribute_end(&self, index: usize) -> usize {
        let close = self.pieces[index..].iter().position(|piece| *piece == Piece::Code(")"));
        close.map_or(index + 1, |close| index + close + 1)
    }

    /// The end of the item that begins here: after its `;`, or after its `}`.
    fn item_end(&self, index: usize) -> Option<usize> {
        let mut depth = 0_i32;
        for (offset, piece) in self.pieces[index..].iter().enumerate() {
            match piece {
                Piece::Code("{" | "(" | "<") => depth += 1,
                Piece::Code(")" | ">") => depth -= 1,
                Piece::Code("}") => {
                    depth -= 1;
                    if depth < 0 {
                        return None;
                    }
                    if depth == 0 {
                        let rest = &self.pieces[index + offset + 1..];
                        let next = rest.iter().find(|piece| matches!(piece, Piece::Code(_)));
                        if next != Some(&Piece::Code(";")) {
                            return Some(index + offset + 1);
                        }
                    }
                }
                Piece::Code(";" | ",") if depth == 0 => return Some(index + offset + 1),
                _ => {}
            }
        }
        None
    }

    /// The entries before and after a comma, exchanged.
    fn swapped(&self, comma: usize) -> Option<Mutation> {
        let (mut start, mut depth) = (comma, 0);
        for index in (0..comma).rev() {
            match self.pieces[index] {
                Piece::Code(")" | ">" | "}") => depth += 1,
                Piece::Code("(" | "<" | "{" | ",") if depth == 0 => break,
                Piece::Code("(" | "<" | "{") => depth -= 1,
                _ => {}
            }
            start = index;
        }
        let (mut end, mut depth) = (comma + 1, 0);
        for index in comma + 1..self.pieces.len() {
            match self.pieces[index] {
                Piece::Code(")" | ">" | "}" | ",") if depth == 0 => break,
                Piece::Code(")" | ">" | "}") => depth -= 1,
                Piece::Code("(" | "<" | "{") => depth += 1,
                _ => {}
            }
            end = index + 1;
        }
        let text = |pieces: &[Piece<'_>]| pieces.iter().map(Piece::text).collect::<String>();
        let (first, second) = (text(&self.pieces[start..comma]), text(&self.pieces[comma + 1..end]));
        // The order of `use {a, b}` and of equal neighbours is nothing that a user could see.
        if second.trim().is_empty() || first.trim() == second.trim() || !self.has_order(comma) {
            return None;
        }
        // Line comments need a line end after them wherever they come to stand.
        Some(self.replaced("swap", start, end, &format!("{second}\n,{first}\n")))
    }
}
