//! Values as WAVE text, typed by a contract's WIT.
//!
//! Arguments are a list without brackets, as in `1, {name: "x"}`. What does not fit is pointed at in the text. A UTXO or a
//! token is written as its id in quotes, `"p2:u…"` and `"p2:k…"`, or by a name that somebody gave it.

mod contract;

pub use contract::{Callee, CalleeError, ContractText, GivenObject, TextError, TypeError};

use crate::abi::{ObjectName, ParseObjectNameError};
use crate::admission::coroutine::ObjectKind;
use ledger_core::ObjectId;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::ops::Range;
use wasm_wave::ast::{Node, NodeType};
use wasm_wave::parser::{ParserError, ParserErrorKind};
use wasm_wave::untyped::UntypedFuncCall;
use wasm_wave::value::{Type, Value};
use wasm_wave::wasm::{WasmType, WasmTypeKind, WasmValue};

/// Tells which UTXO or token is meant by a text that stands for one, or why none is.
pub type FindObject<'a> = &'a dyn Fn(&str) -> Result<FoundObject, String>;

/// The UTXO or token that a text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundObject {
    /// What it is called in encoded arguments.
    pub name: ObjectName,
    /// Its type, as far as that is known.
    pub object_type: Option<ObjectType>,
}

/// A type of UTXOs or tokens, seen from a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectType {
    /// Its name.
    pub name: String,
    /// Whether the contract itself declares it, and not another one.
    pub is_own: bool,
}

/// What a function takes and gives.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Names and types.
    pub parameters: Vec<(String, Type)>,
    /// The type of the result, if there is one.
    pub result: Option<Type>,
    /// What the texts among the parameters and in the result are the names of; none where texts are texts. Starstream
    /// contracts have handles and no strings.
    pub handles: Option<Handles>,
}

/// What the handles of a function's types are of, in the order in which a type is written; of a very long type not all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handles {
    /// Those of each parameter.
    pub parameters: Vec<Vec<Handled>>,
    /// Those of the result.
    pub result: Vec<Handled>,
}

/// What a handle is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// A UTXO or a token.
    pub kind: ObjectKind,
    /// Of which type; none if it may be of any.
    pub object_type: Option<ObjectType>,
}

/// Arguments that are not what a function takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArgumentError {
    message: String,
    text: String,
    /// Bytes of the text.
    span: Range<usize>,
    is_wave: bool,
}

impl Signature {
    /// The values that `text` writes for the parameters. Options at the end may be left out.
    ///
    /// # Errors
    /// If the text is not WAVE, or not what the function takes, with the place.
    pub fn parse_arguments(&self, text: &str) -> Result<Vec<Value>, ArgumentError> {
        self.parse_arguments_with(text, &|name| {
            let object: ObjectName =
                name.parse().map_err(|error: ParseObjectNameError| format!("`{name}`: {error}"))?;
            Ok(object.into())
        })
    }

    /// As [`Signature::parse_arguments`], with `find` to say which UTXO or token is meant by a text that stands for one, or
    /// why none is.
    ///
    /// # Errors
    /// As [`Signature::parse_arguments`], and if `find` gives one.
    pub fn parse_arguments_with(&self, text: &str, find: FindObject<'_>) -> Result<Vec<Value>, ArgumentError> {
        // The line break ends a comment at the end of the text.
        let source = format!("{CALL}{text}\n)");
        let find = self.handles.is_some().then_some(find);
        let reader_of = |handles| ArgumentReader { source: &source, text, find, handles };
        let reader = reader_of(&[]);
        let call = UntypedFuncCall::parse(&source).map_err(|error| reader.not_wave(&error))?;
        let nodes: Vec<&Node> = match call.params_node() {
            Some(node) => node.as_tuple().map_err(|error| reader.not_wave(&error))?.collect(),
            None => Vec::new(),
        };
        if let Some(surplus) = nodes.get(self.parameters.len()) {
            let message = format!("the function takes {}, but there are {}", self.count(), nodes.len());
            return Err(reader.error(message, surplus.span()));
        }
        let mut nodes = nodes.into_iter();
        let values = self.parameters.iter().enumerate().map(|(index, (name, ty))| match nodes.next() {
            Some(node) => reader_of(self.handled(index)).value(node, ty, &mut Path::new(index, name)),
            None if ty.kind() == WasmTypeKind::Option => reader.option(ty, None, source.len()..source.len()),
            None => {
                let described = named_handles(&describe(ty), self.handled(index));
                let message = format!("argument {} (`{name}`) is missing: {described}", index + 1);
                Err(reader.error(message, source.len()..source.len()))
            }
        });
        values.collect()
    }

    /// What the handles of a parameter are of.
    fn handled(&self, parameter: usize) -> &[Handled] {
        let handled = self.handles.as_ref().and_then(|handles| handles.parameters.get(parameter));
        handled.map(Vec::as_slice).unwrap_or_default()
    }

    fn count(&self) -> String {
        match self.parameters.len() {
            0 => "no arguments".to_owned(),
            1 => "1 argument".to_owned(),
            count => format!("{count} arguments"),
        }
    }
}

impl fmt::Display for Signature {
    /// As in `(a: u64, b: wallet) -> u64`: a handle is written as the type of what it is of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = self.parameters.iter().enumerate();
        let parameters: Vec<String> = parameters
            .map(|(index, (name, ty))| format!("{name}: {}", named_handles(&describe(ty), self.handled(index))))
            .collect();
        write!(f, "({})", parameters.join(", "))?;
        let handled = self.handles.as_ref().map(|handles| handles.result.as_slice()).unwrap_or_default();
        self.result.iter().try_for_each(|ty| write!(f, " -> {}", named_handles(&describe(ty), handled)))
    }
}

/// What stands before the arguments so that they are a call, which is what the parser reads.
const CALL: &str = "call(";

const UTXO_EXAMPLES: &str = "\"p2:u…\" or \"p2:c…#0\"";
const TOKEN_EXAMPLE: &str = "\"p2:k…\"";

/// The way into an argument.
struct Path(String);

impl Path {
    fn new(index: usize, name: &str) -> Self {
        Self(format!("argument {} (`{name}`)", index + 1))
    }

    /// Does something one step further in.
    fn inside<T>(&mut self, step: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.0.len();
        self.0.push_str(step);
        let result = work(self);
        self.0.truncate(length);
        result
    }
}

/// Makes typed values of parsed text. `wasm-wave` could do it alone, but it ignores fields that a record does not have,
/// and does not say what it expects.
struct ArgumentReader<'a> {
    source: &'a str,
    text: &'a str,
    /// Which object a text stands for; none where texts are texts.
    find: Option<FindObject<'a>>,
    /// What the handles of the parameter are of.
    handles: &'a [Handled],
}

impl ArgumentReader<'_> {
    fn value(&self, node: &Node, ty: &Type, path: &mut Path) -> Result<Value, ArgumentError> {
        match ty.kind() {
            WasmTypeKind::List => self.list(node, ty, path),
            WasmTypeKind::Tuple => self.tuple(node, ty, path),
            WasmTypeKind::Record => self.record(node, ty, path),
            WasmTypeKind::Variant => self.variant(node, ty, path),
            WasmTypeKind::Option => self.optional(node, ty, path),
            WasmTypeKind::Result => self.result(node, ty, path),
            WasmTypeKind::String => self.text(node, ty, path),
            _ => node.to_wasm_value(ty, self.source).map_err(|_| self.mismatch(node, ty, path)),
        }
    }

    /// A string, or what stands for a UTXO or a token: a text in quotes, or a word.
    fn text(&self, node: &Node, ty: &Type, path: &mut Path) -> Result<Value, ArgumentError> {
        let text: Result<Value, _> = node.to_wasm_value(ty, self.source);
        let Some(find) = self.find else { return text.map_err(|_| self.mismatch(node, ty, path)) };
        let name = match (text, node.as_variant(self.source)) {
            (Ok(text), _) => text.unwrap_string().into_owned(),
            (Err(_), Ok((word, None))) => word.to_owned(),
            (Err(_), _) => return Err(self.error(format!("{}: {}", path.0, self.expected_object()), node.span())),
        };
        let object = find(&name).and_then(|object| self.fitting(object, &name));
        let object = object.map_err(|reason| self.error(format!("{}: {reason}", path.0), node.span()))?;
        Ok(Value::make_string(object.to_string().into()))
    }

    fn expected_object(&self) -> String {
        match self.handled().map(|handled| handled.kind) {
            Some(ObjectKind::Utxo) => format!("expected a UTXO in quotes: {UTXO_EXAMPLES}"),
            Some(ObjectKind::Token) => format!("expected a token in quotes: {TOKEN_EXAMPLE}"),
            None => format!("expected a UTXO or a token in quotes: {UTXO_EXAMPLES}, {TOKEN_EXAMPLE}"),
        }
    }

    /// What every handle of the parameter is of, if all are of the same kind; of which type, if all are of the same.
    fn handled(&self) -> Option<Handled> {
        let first = self.handles.first()?;
        let is_for_all = |is_like: &dyn Fn(&Handled) -> bool| self.handles.iter().all(is_like);
        is_for_all(&|handled| handled.kind == first.kind).then(|| Handled {
            kind: first.kind,
            object_type: first.object_type.clone().filter(|_| is_for_all(&|handled| handled == first)),
        })
    }

    /// The object, if it is of the kind and the type that are taken here.
    fn fitting(&self, object: FoundObject, name: &str) -> Result<ObjectName, String> {
        let kind = match object.name {
            ObjectName::Id(ObjectId::Utxo(_)) | ObjectName::Made(_) => ObjectKind::Utxo,
            ObjectName::Id(ObjectId::Token(_)) | ObjectName::Minted(_) => ObjectKind::Token,
        };
        match self.handled() {
            Some(Handled { kind: expected, .. }) if expected != kind => {
                Err(format!("expected a {expected}, and `{name}` is a {kind}"))
            }
            Some(Handled { object_type: Some(expected), .. }) => match object.object_type {
                Some(found) if found != expected => Err(of_another_type(kind, name, &expected, &found)),
                Some(_) | None => Ok(object.name),
            },
            Some(_) | None => Ok(object.name),
        }
    }

    fn list(&self, node: &Node, ty: &Type, path: &mut Path) -> Result<Value, ArgumentError> {
        let element = ty.list_element_type().ok_or_else(|| self.mismatch(node, ty, path))?;
        let nodes = node.as_list().map_err(|_| self.mismatch(node, ty, path))?;
        let elements = nodes
            .enumerate()
            .map(|(index, part)| path.inside(&format!("[{index}]"), |path| self.value(part, &element, path)));
        let elements = elements.collect::<Result<Vec<_>, _>>()?;
        Value::make_list(ty, elements).map_err(|_| self.mismatch(node, ty, path))
    }

    fn tuple(&self, node: &Node, ty: &Type, path: &mut Path) -> Result<Value, ArgumentError> {
        let types: Vec<Type> = ty.tuple_element_types().collect();
        let nodes: Vec<&Node> = node.as_tuple().map_err(|_| self.mismatch(node, ty, path))?.collect();
        if nodes.len() != types.len() {
            return Err(self.mismatch(node, ty, path));
        }
        let elements = nodes
            .into_iter()
            .zip(&types)
            .enumerate()
            .map(|(index, (part, ty))| path.inside(&format!("[{index}]"), |path| self.value(part, ty, path)));
        let elements = elements.collect::<Result<Vec<_>, _>>()?;
        Value::make_tuple(ty, elements).map_err(|_| self.mismatch(node, ty, path))
    }

    fn record(&self, node: &Node, ty: &Type, path: &mut Path) -> Result<Value, ArgumentError> {
        let written = node.as_record(self.source).map_err(|_| self.mismatch(node, ty, path))?;
        let mut written: HashMap<&str, &Node> = written.collect();
        let mut fields = Vec::new();
        for (name, field) in ty.record_fields() {
            let value = match written.remove(name.as_ref()) {
                Some(part) => path.inside(&format!(".{name}"), |path| self.value(part, &field, path))?,
                None if field.kind() == WasmTypeKind::Option => self.option(&field, None, node.span())?,
                None => {
                    let message = format!("{}: the field `{name}` is missing: {}", path.0, self.describe(&field));
                    return Err(self.error(message, node.span()));
                }
            };
            fields.push((name.into_owned(), value));
        }
        if let Some((name, part)) = written.into_iter().min_by_key(|(_, part)| part.span().start) {
            let message = format!("{}: there is no field `{name}` in {}", path.0, self.describe(ty));
            return Err(self.error(message, part.span()));
        }
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
        Value::make_record(ty, fields).map_err(|_| self.mismatch(node, ty, path))
    }

    fn variant(&self, node: &Node, ty: &Type, path: &mut Path) -> Result<Value, ArgumentError> {
        let (case, payload) = node.as_variant(self.source).map_err(|_| self.mismatch(node, ty, path))?;
        let found = ty.variant_cases().find(|(name, _)| name == case).map(|(_, payload)| payload);
        let payload_type = found.ok_or_else(|| self.mismatch(node, ty, path))?;
        let payload = self.payload(node, case, payload_type, payload, path)?;
        Value::make_variant(ty, case, payload).map_err(|_| self.mismatch(node, ty, path))
    }

    /// `some(value)`, `none`, or the value as it is.
    fn optional(&self, node: &Node, ty: &Type, path: &mut Path) -> Result<Value, ArgumentError> {
        let some = ty.option_some_type().ok_or_else(|| self.mismatch(node, ty, path))?;
        let value = match node.ty() {
            NodeType::OptionSome | NodeType::OptionNone => {
                let payload = node.as_option().map_err(|_| self.mismatch(node, ty, path))?;
                payload.map(|part| path.inside(".some", |path| self.value(part, &some, path))).transpose()?
            }
            _ if can_stand_alone(&some) => Some(self.value(node, &some, path)?),
            _ => return Err(self.mismatch(node, ty, path)),
        };
        self.option(ty, value, node.span())
    }

    fn option(&self, ty: &Type, value: Option<Value>, span: Range<usize>) -> Result<Value, ArgumentError> {
        Value::make_option(ty, value).map_err(|error| self.error(error.to_string(), span))
    }

    /// `ok(value)`, `err(value)`, or the `ok` value as it is.
    fn result(&self, node: &Node, ty: &Type, path: &mut Path) -> Result<Value, ArgumentError> {
        let (ok, err) = ty.result_types().ok_or_else(|| self.mismatch(node, ty, path))?;
        let value = match (node.ty(), ok) {
            (NodeType::ResultOk | NodeType::ResultErr, ok) => {
                match node.as_result().map_err(|_| self.mismatch(node, ty, path))? {
                    Ok(payload) => Ok(self.payload(node, "ok", ok, payload, path)?),
                    Err(payload) => Err(self.payload(node, "err", err, payload, path)?),
                }
            }
            (_, Some(ok)) if can_stand_alone(&ok) => Ok(Some(self.value(node, &ok, path)?)),
            _ => return Err(self.mismatch(node, ty, path)),
        };
        Value::make_result(ty, value).map_err(|_| self.mismatch(node, ty, path))
    }

    fn payload(
        &self,
        node: &Node,
        case: &str,
        ty: Option<Type>,
        payload: Option<&Node>,
        path: &mut Path,
    ) -> Result<Option<Value>, ArgumentError> {
        match (ty, payload) {
            (Some(ty), Some(part)) => path.inside(&format!(".{case}"), |path| self.value(part, &ty, path)).map(Some),
            (None, None) => Ok(None),
            (Some(ty), None) => {
                let message = format!("{}: `{case}` needs a value: {}", path.0, self.describe(&ty));
                Err(self.error(message, node.span()))
            }
            (None, Some(part)) => Err(self.error(format!("{}: `{case}` has no value", path.0), part.span())),
        }
    }

    fn mismatch(&self, node: &Node, ty: &Type, path: &Path) -> ArgumentError {
        self.error(format!("{}: expected {}", path.0, self.describe(ty)), node.span())
    }

    /// A part of the parameter's type, in which it is not known which handle is which unless all are alike.
    fn describe(&self, ty: &Type) -> String {
        let handled: Vec<Handled> = self.handled().into_iter().cycle().take(self.handles.len()).collect();
        named_handles(&describe(ty), &handled)
    }

    fn not_wave(&self, error: &ParserError) -> ArgumentError {
        let is_at_end = error.span().start >= CALL.len() + self.text.len();
        let message = match (error.kind(), error.detail()) {
            (ParserErrorKind::UnexpectedEnd, _) => "the arguments end too early".to_owned(),
            (ParserErrorKind::UnexpectedToken, _) if is_at_end => "the arguments end too early".to_owned(),
            (kind, Some(detail)) => format!("the arguments are not WAVE: {kind}: {detail}"),
            (kind, None) => format!("the arguments are not WAVE: {kind}"),
        };
        ArgumentError { is_wave: false, ..self.error(message, error.span()) }
    }

    /// An error at a place of the source, which is shown in the text that a person wrote.
    fn error(&self, message: String, span: Range<usize>) -> ArgumentError {
        let within = |position: usize| position.saturating_sub(CALL.len()).min(self.text.len());
        let (start, end) = (within(span.start), within(span.end));
        ArgumentError { message, text: self.text.to_owned(), span: start..end, is_wave: true }
    }
}

impl ArgumentError {
    /// What is wrong, and below it the place; a text of nothing has no place to point at.
    pub fn shown(&self) -> String {
        match self.text.trim() {
            "" => self.message.clone(),
            _ => format!("{}\n\n{}\n", self.message, self.pointer()),
        }
    }

    /// The line of the text in which it is, and a line that points at the place.
    pub fn pointer(&self) -> String {
        let before = self.text.get(..self.span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |position| position + 1);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        let marked = self.text.get(self.span.clone()).unwrap_or_default();
        let width = marked.lines().next().unwrap_or_default().chars().count().max(1);
        format!("{line}\n{}{}", " ".repeat(column), "^".repeat(width))
    }
}

impl ArgumentError {
    /// What a person can do about it, if the text is not WAVE for a common reason.
    pub fn hint(&self) -> Option<&'static str> {
        if self.is_wave {
            return None;
        }
        let before = self.text.get(..self.span.start).unwrap_or_default();
        let marked = self.text.get(self.span.start..).unwrap_or_default();
        let is_word =
            |character: char| character.is_alphanumeric() || matches!(character, '"' | '\'' | '[' | '{' | '(');
        let follows_value = before.ends_with(char::is_whitespace)
            && before
                .trim_end()
                .ends_with(|character: char| character.is_alphanumeric() || "\"'])}".contains(character));
        let is_outside = !before.contains(['{', '[']);
        match marked.chars().next() {
            Some('\'') => Some("strings stand in double quotes, and single quotes are for one character"),
            Some('_') => Some("names are written with hyphens, as in `unit-price`"),
            Some(':') if before.ends_with("p2") && marked.starts_with(":k") => {
                Some("a token is written in quotes: \"p2:k…\"")
            }
            Some(':') if before.ends_with("made") => Some("a place is written in quotes: \"made:0\""),
            Some(':') if before.ends_with("minted") => Some("a place is written in quotes: \"minted:0\""),
            Some(':') if before.ends_with("p2") => Some("a UTXO is written in quotes: \"p2:u…\" or \"p2:c…#0\""),
            Some(':' | '=') if is_outside => Some("arguments are written in their order, without names"),
            Some(first) if is_word(first) && follows_value => Some("write a comma between values"),
            _ => None,
        }
    }
}

impl From<ObjectName> for FoundObject {
    /// An object of which nothing else is known.
    fn from(name: ObjectName) -> Self {
        Self { name, object_type: None }
    }
}

fn of_another_type(kind: ObjectKind, name: &str, expected: &ObjectType, found: &ObjectType) -> String {
    let whose = if found.name == expected.name { " of another contract" } else { "" };
    format!("expected a {kind} of the type `{}`, and `{name}` is of the type `{}`{whose}", expected.name, found.name)
}

fn can_stand_alone(ty: &Type) -> bool {
    !matches!(ty.kind(), WasmTypeKind::Option | WasmTypeKind::Result)
}

/// A type as WIT, cut where it becomes long: types that share parts can be larger than any memory.
fn describe(ty: &Type) -> String {
    let mut text = Shortened(String::new());
    match write!(text, "{ty}") {
        Ok(()) => text.0,
        Err(fmt::Error) => text.0 + "…",
    }
}

/// A type's text with the type of what it is of (or `utxo` or `token` if that may be any) for each `string` that is a
/// handle, of which `handled` tells in order; not where that is the name of a field.
fn named_handles(text: &str, handled: &[Handled]) -> String {
    const STRING: &str = "string";
    let mut handled = handled.iter();
    let mut named = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(STRING) {
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '-';
        let is_name = before.ends_with(is_part) || behind.starts_with(is_part) || behind.starts_with(':');
        named.push_str(before);
        match handled.as_slice() {
            [Handled { kind, object_type }, rest @ ..] if !is_name => {
                let type_name = object_type.as_ref().map(|object_type| object_type.name.as_str());
                named.push_str(type_name.unwrap_or(kind.resource_name()));
                handled = rest.iter();
            }
            _ => named.push_str(STRING),
        }
        rest = behind;
    }
    named + rest
}

/// Stops a writer, instead of letting it go on to the end.
struct Shortened(String);

impl fmt::Write for Shortened {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const LENGTH_MAX: usize = 200;
        if self.0.len() + text.len() > LENGTH_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// A value as text.
///
/// # Errors
/// If it has none; values of a contract's types always have.
pub fn to_text(value: &Value) -> Result<String, wasm_wave::writer::WriterError> {
    wasm_wave::to_string(value)
}
