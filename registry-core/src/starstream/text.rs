//! A contract as a person reads it: a line for each item, in columns.

use super::{Abi, Contract, Field, Function, Member, OtherContract, State, TokenType, TypeDefinition, UtxoType};
use crate::id::shorten;
use std::fmt::{self, Display, Formatter};

/// What every contract imports says nothing about it.
const EVERYWHERE: [&str; 2] = ["starstream:std/builtin", "starstream:std/utxo-context"];

/// The spaces by which what belongs to something stands further right.
const INDENT: usize = 2;

impl Display for Contract {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut lines = Lines::default();
        lines.objects(&self.utxos, &self.tokens);
        lines.functions("script", "", &self.scripts);
        lines.abis("event", &self.events);
        lines.abis("raises", &self.effects);
        lines.abis("handles", &self.handlers);
        for contract in &self.contracts {
            lines.other_contract(contract);
        }
        if !self.dynamic_methods.is_empty() {
            lines.heading("utxo of any type");
            lines.within(|lines| lines.functions("method", "", &self.dynamic_methods));
        }
        lines.block();
        lines.items(self.types.iter().map(|definition| (definition.kind, definition.to_string())));
        let host = self.host.iter().filter(|name| !EVERYWHERE.contains(&name.as_str()));
        lines.items(host.map(|name| ("host", name.clone())));
        lines.items(self.rest.iter().map(|item| ("other", item.clone())));
        lines.fmt(f)
    }
}

/// Lines whose second column is not yet placed.
#[derive(Default)]
struct Lines {
    indent: usize,
    /// Whether the next line begins a new block.
    is_new_block: bool,
    lines: Vec<Line>,
}

enum Line {
    Empty,
    Heading { indent: usize, text: String },
    Item { indent: usize, label: &'static str, text: String },
}

impl Lines {
    /// Whatever comes next stands apart.
    fn block(&mut self) {
        self.is_new_block = true;
    }

    fn push(&mut self, line: Line) {
        let is_first = match self.lines.last() {
            None => true,
            Some(Line::Heading { indent, .. }) => *indent < self.indent,
            Some(Line::Empty | Line::Item { .. }) => false,
        };
        if self.is_new_block && !is_first {
            self.lines.push(Line::Empty);
        }
        self.is_new_block = false;
        self.lines.push(line);
    }

    fn heading(&mut self, text: impl Into<String>) {
        self.block();
        self.push(Line::Heading { indent: self.indent, text: text.into() });
    }

    fn within(&mut self, write: impl FnOnce(&mut Self)) {
        self.indent += INDENT;
        write(self);
        self.indent -= INDENT;
        self.block();
    }

    fn items(&mut self, items: impl IntoIterator<Item = (&'static str, String)>) {
        for (label, text) in items {
            self.push(Line::Item { indent: self.indent, label, text });
        }
    }

    fn functions(&mut self, label: &'static str, prefix: &str, functions: &[Function]) {
        self.items(functions.iter().map(|function| (label, format!("{prefix}{function}"))));
    }

    fn abis(&mut self, label: &'static str, abis: &[Abi]) {
        for abi in abis {
            self.functions(label, &format!("{}.", abi.name), &abi.functions);
        }
    }

    fn objects(&mut self, utxos: &[UtxoType], tokens: &[TokenType]) {
        utxos.iter().for_each(|utxo| self.utxo(utxo));
        tokens.iter().for_each(|token| self.token(token));
    }

    fn utxo(&mut self, utxo: &UtxoType) {
        let yields = utxo.state.as_ref().and_then(|state| state.yields);
        let yields = match yields {
            None => String::new(),
            Some(1) => " (1 yield)".to_owned(),
            Some(count) => format!(" ({count} yields)"),
        };
        self.heading(format!("utxo {}{yields}", utxo.name));
        self.within(|lines| {
            lines.functions("main", "", &utxo.mains);
            lines.functions("method", "", &utxo.methods);
            lines.state(utxo.state.as_ref());
        });
    }

    fn token(&mut self, token: &TokenType) {
        self.heading(format!("token {}", token.name));
        self.within(|lines| {
            lines.functions("mint", "", &token.mints);
            lines.functions("burn", "", &token.burns);
            lines.functions("binding", "", token.attach.as_slice());
            lines.functions("binding", "", token.detach.as_slice());
            lines.functions("method", "", &token.methods);
            lines.state(token.state.as_ref());
        });
    }

    fn state(&mut self, state: Option<&State>) {
        let fields = state.map(|state| state.fields.as_slice()).unwrap_or_default();
        self.items(fields.iter().map(|field| ("state", field.to_string())));
    }

    fn other_contract(&mut self, contract: &OtherContract) {
        let which = match &contract.external_id {
            // It may be any text.
            Some(external_id) => shorten(external_id).escape_debug().to_string(),
            None => "a contract without an @external-id".to_owned(),
        };
        self.heading(format!("from {which}"));
        self.within(|lines| {
            lines.functions("script", "", &contract.scripts);
            lines.objects(&contract.utxos, &contract.tokens);
        });
    }
}

impl Display for Lines {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let widths = self.lines.iter().map(|line| match line {
            Line::Item { indent, label, .. } => indent + label.len(),
            Line::Heading { .. } | Line::Empty => 0,
        });
        let width = widths.max().unwrap_or(0);
        self.lines.iter().try_for_each(|line| match line {
            Line::Empty => writeln!(f),
            Line::Heading { indent, text } => writeln!(f, "{:indent$}{text}", ""),
            Line::Item { indent, label, text } => {
                writeln!(f, "{:indent$}{label:rest$}  {text}", "", rest = width - indent)
            }
        })
    }
}

impl Display for Function {
    /// `send(source: wallet, n: s64) -> s64`
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let parameters: Vec<String> = self.parameters.iter().map(Field::to_string).collect();
        write!(f, "{}({})", self.name, parameters.join(", "))?;
        self.result.iter().try_for_each(|result| write!(f, " -> {result}"))
    }
}

impl Display for Field {
    /// `n: s64`
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.type_name)
    }
}

impl Display for TypeDefinition {
    /// `point { x: s64, y: s32 }`, without the kind.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let member = |Member { name, type_name }: &Member| match type_name {
            Some(type_name) if self.kind == "variant" => format!("{name}({type_name})"),
            Some(type_name) => format!("{name}: {type_name}"),
            None => name.clone(),
        };
        let members: Vec<String> = self.members.iter().map(member).collect();
        match members.is_empty() {
            true => f.write_str(&self.name),
            false => write!(f, "{} {{ {} }}", self.name, members.join(", ")),
        }
    }
}
