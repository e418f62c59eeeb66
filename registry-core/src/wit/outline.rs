//! What people look for in a package: the names of what stands in it, and its documentation.

use super::Wit;
use wit_parser::{Docs, Function, Interface, Resolve, TypeDefKind, TypeId, World, WorldItem, WorldKey};

/// The texts of a package that a search goes through. Every text is as long as the package's own text at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// The names of its interfaces, worlds, functions and types, separated by spaces.
    pub items: String,
    /// The documentation of all of them, of fields and of cases, separated by line ends.
    pub docs: String,
    /// The first sentence about the package: of its own documentation, or else that of its first documented world or
    /// interface. Empty if there is none.
    pub summary: String,
}

impl Wit {
    /// The outline of the main package.
    pub fn outline(&self) -> Outline {
        let resolve = self.resolve();
        let package = &resolve.packages[self.main()];
        let mut collector = Collector { resolve, outline: Outline::default() };
        collector.docs(&package.docs);
        for world in package.worlds.values() {
            collector.world(&resolve.worlds[*world]);
        }
        for (name, interface) in &package.interfaces {
            collector.name(name);
            collector.interface(&resolve.interfaces[*interface]);
        }
        collector.outline
    }
}

struct Collector<'a> {
    resolve: &'a Resolve,
    outline: Outline,
}

impl Collector<'_> {
    fn name(&mut self, name: &str) {
        self.outline.items.push_str(name);
        self.outline.items.push(' ');
    }

    fn docs(&mut self, docs: &Docs) {
        let Some(text) = &docs.contents else { return };
        if self.outline.summary.is_empty() {
            self.outline.summary = first_sentence(text);
        }
        self.outline.docs.push_str(text);
        self.outline.docs.push('\n');
    }

    fn world(&mut self, world: &World) {
        self.name(&world.name);
        self.docs(&world.docs);
        for (key, item) in world.imports.iter().chain(&world.exports) {
            match (key, item) {
                (WorldKey::Name(name), WorldItem::Interface { id, .. }) => {
                    self.name(name);
                    self.interface(&self.resolve.interfaces[*id]);
                }
                // A named interface stands in its own package.
                (WorldKey::Interface(_), _) => {}
                (_, WorldItem::Function(function)) => self.function(function),
                (WorldKey::Name(name), WorldItem::Type { id, .. }) => self.definition(name, *id),
            }
        }
    }

    fn interface(&mut self, interface: &Interface) {
        self.docs(&interface.docs);
        for (name, id) in &interface.types {
            self.definition(name, *id);
        }
        for function in interface.functions.values() {
            self.function(function);
        }
    }

    fn function(&mut self, function: &Function) {
        self.name(function.item_name());
        self.docs(&function.docs);
    }

    fn definition(&mut self, name: &str, id: TypeId) {
        let resolve = self.resolve;
        let definition = &resolve.types[id];
        self.name(name);
        self.docs(&definition.docs);
        match &definition.kind {
            TypeDefKind::Record(record) => record.fields.iter().for_each(|field| self.docs(&field.docs)),
            TypeDefKind::Variant(variant) => variant.cases.iter().for_each(|case| self.docs(&case.docs)),
            TypeDefKind::Enum(cases) => cases.cases.iter().for_each(|case| self.docs(&case.docs)),
            TypeDefKind::Flags(flags) => flags.flags.iter().for_each(|flag| self.docs(&flag.docs)),
            _ => {}
        }
    }
}

/// The first paragraph up to the end of its first sentence, in one line.
fn first_sentence(text: &str) -> String {
    let paragraph: Vec<&str> =
        text.lines().map(str::trim).skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()).collect();
    let line = paragraph.join(" ");
    match line.find(". ") {
        Some(end) => line.get(..=end).unwrap_or(&line).to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::first_sentence;
    use crate::limits::Limits;
    use crate::wit::{SourceFile, Wit};

    #[test]
    fn an_outline_has_every_name_and_all_documentation() {
        let text = "/// About the package. More.
            package demo:all@1.0.0;
            /// About the world.
            world machine { import plain: func(); import inner: interface { deep: func(); } export shapes; }
            /// About the interface.
            interface shapes {
                /// About the record.
                record point { /** About the field. */ x: u32 }
                enum color { /** About the case. */ red }
                flags mode { /** About the flag. */ fast }
                variant either { /** About the variant's case. */ left(u32) }
                resource handle { constructor(); area: func(); make: static func() -> handle; }
                /// About the function.
                draw: func(at: point);
            }";
        let wit = Wit::parse(&[SourceFile::new("a.wit", text)], &[], &Limits::default()).unwrap();
        let outline = wit.outline();
        // The parser moves the items of worlds.
        let mut items: Vec<&str> = outline.items.split_whitespace().collect();
        items.sort_unstable();
        let expected = "area color constructor deep draw either handle inner machine make mode plain point shapes";
        assert_eq!(items, expected.split(' ').collect::<Vec<_>>());
        for what in ["package", "world", "interface", "record", "field", "case", "flag", "variant's case", "function"] {
            assert!(outline.docs.contains(&format!("About the {what}.")), "{what} in {}", outline.docs);
        }
        assert_eq!(outline.summary, "About the package.");
    }

    #[test]
    fn a_summary_is_the_first_sentence_of_the_first_paragraph() {
        let table = [
            ("One. Two.", "One."),
            ("One\n  goes on\n\nTwo. Three.", "One goes on"),
            ("\n\nVersion 1.0 is it. Yes", "Version 1.0 is it."),
            ("Ü. ß", "Ü."),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(first_sentence(text), expected, "{text}");
        }
    }
}
