//! Values as WAVE text, typed by a contract's WIT.
//!
//! Arguments are a list without brackets, as in `1, {name: "x"}`. What does not fit is pointed at in the text.

use crate::interface::{Interface, TYPE_DEPTH_MAX};
use registry_core::limits::Limits;
use registry_core::wit::{SourceFile, Wit, WitError};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::ops::Range;
use wasm_wave::ast::{Node, NodeType};
use wasm_wave::parser::{ParserError, ParserErrorKind};
use wasm_wave::untyped::UntypedFuncCall;
use wasm_wave::value::{Type, Value};
use wasm_wave::wasm::{WasmType, WasmTypeKind, WasmValue};
use wit_parser::{Function, Resolve, Type as WitType, TypeDefKind, TypeId};

/// A contract's WIT, parsed.
pub struct ContractText {
    wit: Wit,
    interface: Interface,
}

/// What a function takes and gives.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Names and types.
    pub parameters: Vec<(String, Type)>,
    /// The type of the result, if there is one.
    pub result: Option<Type>,
}

/// Why a text is not that of a contract.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// It is not WIT that parses on its own.
    #[error("the contract's WIT cannot be parsed")]
    Wit(#[from] Box<WitError>),
    /// The world is not in it.
    #[error("the contract's WIT has no world `{0}`")]
    NoWorld(String),
}

/// Why values of a type can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// The kind of type has no text.
    #[error("a {0} has no text")]
    Unsupported(&'static str),
    /// The type has no parts, which components don't allow.
    #[error("a {0} without parts is not a type of a component")]
    Empty(&'static str),
    /// Types contain each other too deeply.
    #[error("the types are nested deeper than {TYPE_DEPTH_MAX}")]
    TooDeep,
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

impl ContractText {
    /// Parses the flat text of a contract whose world is called `world`, as in `root:component/root`.
    ///
    /// # Errors
    /// If it is not such a text.
    pub fn parse(text: &str, world: &str) -> Result<Self, TextError> {
        let limits = Limits { wit_size_bytes_max: Limits::default().closure_size_bytes_max, ..Limits::default() };
        let wit = Wit::parse(&[SourceFile::new("contract.wit", text)], &[], &limits).map_err(Box::new)?;
        let name = world.strip_prefix(&format!("{}/", wit.name()));
        let found = name.and_then(|name| wit.resolve().packages[wit.main()].worlds.get(name).copied());
        let world = found.ok_or_else(|| TextError::NoWorld(world.to_owned()))?;
        let interface = Interface::of(wit.resolve(), world);
        Ok(Self { wit, interface })
    }

    /// The functions of the contract.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// What a function takes and gives.
    ///
    /// # Errors
    /// If values of one of its types can't be written.
    pub fn signature(&self, function: &Function) -> Result<Signature, TypeError> {
        let mut types = Types { resolve: self.wit.resolve(), known: HashMap::new() };
        let parameters = function
            .params
            .iter()
            .map(|param| Ok((param.name.clone(), types.of(&param.ty, 1)?)))
            .collect::<Result<_, TypeError>>()?;
        let result = function.result.as_ref().map(|ty| types.of(ty, 1)).transpose()?;
        Ok(Signature { parameters, result })
    }
}

/// Makes `wasm-wave`'s types; each named type once, so that types that share parts do not grow beyond measure.
struct Types<'a> {
    resolve: &'a Resolve,
    known: HashMap<TypeId, Type>,
}

impl Types<'_> {
    fn of(&mut self, ty: &WitType, depth: usize) -> Result<Type, TypeError> {
        Ok(match ty {
            WitType::Bool => Type::BOOL,
            WitType::U8 => Type::U8,
            WitType::U16 => Type::U16,
            WitType::U32 => Type::U32,
            WitType::U64 => Type::U64,
            WitType::S8 => Type::S8,
            WitType::S16 => Type::S16,
            WitType::S32 => Type::S32,
            WitType::S64 => Type::S64,
            WitType::F32 => Type::F32,
            WitType::F64 => Type::F64,
            WitType::Char => Type::CHAR,
            WitType::String => Type::STRING,
            WitType::ErrorContext => return Err(TypeError::Unsupported("error-context")),
            WitType::Id(id) => {
                if let Some(known) = self.known.get(id) {
                    return Ok(known.clone());
                }
                let made = self.of_definition(*id, depth)?;
                self.known.insert(*id, made.clone());
                made
            }
        })
    }

    fn of_definition(&mut self, id: TypeId, depth: usize) -> Result<Type, TypeError> {
        if depth > TYPE_DEPTH_MAX {
            return Err(TypeError::TooDeep);
        }
        let inside = depth + 1;
        let resolve = self.resolve;
        let kind = &resolve.types[id].kind;
        let made = match kind {
            TypeDefKind::Type(ty) => Some(self.of(ty, inside)?),
            TypeDefKind::List(ty) => Some(Type::list(self.of(ty, inside)?)),
            TypeDefKind::Option(ty) => Some(Type::option(self.of(ty, inside)?)),
            TypeDefKind::Result(result) => {
                let ok = result.ok.as_ref().map(|ty| self.of(ty, inside)).transpose()?;
                let err = result.err.as_ref().map(|ty| self.of(ty, inside)).transpose()?;
                Some(Type::result(ok, err))
            }
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter().map(|field| Ok((field.name.as_str(), self.of(&field.ty, inside)?)));
                Type::record(fields.collect::<Result<Vec<_>, TypeError>>()?)
            }
            TypeDefKind::Tuple(tuple) => {
                let types = tuple.types.iter().map(|ty| self.of(ty, inside));
                Type::tuple(types.collect::<Result<Vec<_>, _>>()?)
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant
                    .cases
                    .iter()
                    .map(|case| Ok((case.name.as_str(), case.ty.as_ref().map(|ty| self.of(ty, inside)).transpose()?)));
                Type::variant(cases.collect::<Result<Vec<_>, TypeError>>()?)
            }
            TypeDefKind::Enum(cases) => Type::enum_ty(cases.cases.iter().map(|case| case.name.as_str())),
            TypeDefKind::Flags(flags) => Type::flags(flags.flags.iter().map(|flag| flag.name.as_str())),
            TypeDefKind::Resource
            | TypeDefKind::Handle(_)
            | TypeDefKind::Map(..)
            | TypeDefKind::FixedLengthList(..)
            | TypeDefKind::Future(_)
            | TypeDefKind::Stream(_)
            | TypeDefKind::Unknown => return Err(TypeError::Unsupported(kind.as_str())),
        };
        made.ok_or_else(|| TypeError::Empty(kind.as_str()))
    }
}

impl Signature {
    /// The values that `text` writes for the parameters. Options at the end may be left out.
    ///
    /// # Errors
    /// If the text is not WAVE, or not what the function takes, with the place.
    pub fn parse_arguments(&self, text: &str) -> Result<Vec<Value>, ArgumentError> {
        // The line break ends a comment at the end of the text.
        let source = format!("{CALL}{text}\n)");
        let reader = ArgumentReader { source: &source, text };
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
            Some(node) => reader.value(node, ty, &mut Path::new(index, name)),
            None if ty.kind() == WasmTypeKind::Option => reader.option(ty, None, source.len()..source.len()),
            None => {
                let message = format!("argument {} (`{name}`) is missing: {}", index + 1, describe(ty));
                Err(reader.error(message, source.len()..source.len()))
            }
        });
        values.collect()
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
    /// As in `(a: u64, b: u64) -> u64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<String> =
            self.parameters.iter().map(|(name, ty)| format!("{name}: {}", describe(ty))).collect();
        write!(f, "({})", parameters.join(", "))?;
        self.result.iter().try_for_each(|ty| write!(f, " -> {}", describe(ty)))
    }
}

/// What stands before the arguments so that they are a call, which is what the parser reads.
const CALL: &str = "call(";

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
            _ => node.to_wasm_value(ty, self.source).map_err(|_| self.mismatch(node, ty, path)),
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
                    let message = format!("{}: the field `{name}` is missing: {}", path.0, describe(&field));
                    return Err(self.error(message, node.span()));
                }
            };
            fields.push((name.into_owned(), value));
        }
        if let Some((name, part)) = written.into_iter().min_by_key(|(_, part)| part.span().start) {
            let message = format!("{}: there is no field `{name}` in {}", path.0, describe(ty));
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
                let message = format!("{}: `{case}` needs a value: {}", path.0, describe(&ty));
                Err(self.error(message, node.span()))
            }
            (None, Some(part)) => Err(self.error(format!("{}: `{case}` has no value", path.0), part.span())),
        }
    }

    fn mismatch(&self, node: &Node, ty: &Type, path: &Path) -> ArgumentError {
        self.error(format!("{}: expected {}", path.0, describe(ty)), node.span())
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
            Some(':' | '=') if is_outside => Some("arguments are written in their order, without names"),
            Some(first) if is_word(first) && follows_value => Some("write a comma between values"),
            _ => None,
        }
    }
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
