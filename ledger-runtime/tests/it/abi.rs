//! The canonical ABI: compared with wit-parser's layouts and with a component runtime.

use crate::build;
use ledger_core::ObjectId;
use ledger_runtime::abi::{
    AbiType, CoreType, HandleError, Handles, LiftError, LowerError, ObjectName, ObjectType, PointerError, Resource,
    Resources, Shape, Signature, UnsupportedType,
};
use ledger_runtime::value::{Fault, ValueLimits, Writer, decode_parameters, encode_result};
use proptest::prelude::*;
use registry_core::hash::Digest;
use registry_core::id::UtxoId;
use std::fmt::Write as _;
use wasmtime::component::{Component, Instance, Linker, Val as ComponentVal};
use wasmtime::{Engine, Store, Val};
use wit_parser::abi::{FlatTypes, WasmType};
use wit_parser::{Function, Resolve, SizeAlign, Type, WorldId, WorldItem, WorldKey};

const PAGE_SIZE_BYTES: usize = 64 << 10;

fn limits() -> ValueLimits {
    ValueLimits::default()
}

/// A type that can be written as WIT.
#[derive(Debug, Clone)]
enum Spec {
    Primitive(&'static str),
    Tuple(Vec<Spec>),
    Record(Vec<Spec>),
    Variant(Vec<Option<Spec>>),
    Enum(usize),
    Flags(usize),
    Option(Box<Spec>),
    Result(Option<Box<Spec>>, Option<Box<Spec>>),
}

const PRIMITIVES: [&str; 12] = ["bool", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "char"];

fn spec() -> impl Strategy<Value = Spec> {
    let leaf = prop_oneof![
        6 => proptest::sample::select(&PRIMITIVES[..]).prop_map(Spec::Primitive),
        1 => prop_oneof![1..6_usize, 255..260_usize].prop_map(Spec::Enum),
        1 => (1..=32_usize).prop_map(Spec::Flags),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Spec::Tuple),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Spec::Record),
            proptest::collection::vec(proptest::option::of(inner), 1..5).prop_map(Spec::Variant),
            boxed.clone().prop_map(Spec::Option),
            (proptest::option::of(boxed.clone()), proptest::option::of(boxed))
                .prop_map(|(ok, err)| Spec::Result(ok, err)),
        ]
    })
}

/// The declarations that types need which can't be written in place.
#[derive(Default)]
struct Declarations {
    text: String,
    count: usize,
}

impl Declarations {
    fn write(&mut self, spec: &Spec) -> String {
        match spec {
            Spec::Primitive(name) => (*name).to_owned(),
            Spec::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.write(part)).collect();
                format!("tuple<{}>", parts.join(", "))
            }
            Spec::Option(some) => format!("option<{}>", self.write(some)),
            Spec::Result(ok, err) => {
                let mut side = |side: &Option<Box<Spec>>| side.as_ref().map_or("_".to_owned(), |spec| self.write(spec));
                match (side(ok), side(err)) {
                    (ok, err) if ok == "_" && err == "_" => "result".to_owned(),
                    (ok, err) if err == "_" => format!("result<{ok}>"),
                    (ok, err) => format!("result<{ok}, {err}>"),
                }
            }
            Spec::Record(parts) => {
                let fields = parts.iter().enumerate().map(|(at, part)| format!("f{at}: {}", self.write(part)));
                let fields: Vec<String> = fields.collect();
                self.declare("record", &fields)
            }
            Spec::Variant(cases) => {
                let cases = cases.iter().enumerate().map(|(at, case)| match case {
                    Some(payload) => format!("c{at}({})", self.write(payload)),
                    None => format!("c{at}"),
                });
                let cases: Vec<String> = cases.collect();
                self.declare("variant", &cases)
            }
            Spec::Enum(count) => self.declare("enum", &labels(*count)),
            Spec::Flags(count) => self.declare("flags", &labels(*count)),
        }
    }

    fn declare(&mut self, kind: &str, items: &[String]) -> String {
        self.count += 1;
        let name = format!("t{}", self.count);
        writeln!(self.text, "{kind} {name} {{ {} }}", items.join(", ")).unwrap();
        name
    }
}

fn labels(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("l{at}")).collect()
}

/// The world with the functions `items`, in which `T` is the type.
fn world(spec: &Spec, items: &str) -> String {
    let mut declarations = Declarations::default();
    let name = declarations.write(spec);
    format!("package demo:test;\nworld test {{\n{}{}\n}}", declarations.text, items.replace('T', &name))
}

struct Parsed {
    resolve: Resolve,
    world: WorldId,
}

impl Parsed {
    fn new(wit: &str) -> Self {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("test.wit", wit).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        Self { resolve, world }
    }

    fn function(&self, name: &str) -> &Function {
        let item = &self.resolve.worlds[self.world].exports[&WorldKey::Name(name.to_owned())];
        let WorldItem::Function(function) = item else { panic!("{name}") };
        function
    }

    fn signature(&self, name: &str) -> Signature {
        Signature::of(&self.resolve, self.function(name), 0, &Resources::new()).unwrap()
    }
}

fn parameter_type(wit_type: &str) -> (Parsed, Type) {
    let parsed = Parsed::new(&format!("package demo:test; world test {{ {wit_type} export f: func(v: t); }}"));
    let ty = parsed.function("f").params[0].ty;
    (parsed, ty)
}

fn flat_by_wit_parser(resolve: &Resolve, ty: &Type) -> Vec<CoreType> {
    let mut storage = [WasmType::I32; 256];
    let mut flat = FlatTypes::new(&mut storage);
    assert!(resolve.push_flat(ty, &mut flat));
    let core = |ty: &WasmType| match ty {
        WasmType::I32 => CoreType::I32,
        WasmType::I64 => CoreType::I64,
        WasmType::F32 => CoreType::F32,
        WasmType::F64 => CoreType::F64,
        other => panic!("{other:?}"),
    };
    flat.to_vec().iter().map(core).collect()
}

#[test]
fn known_layouts() {
    use CoreType::{F32, F64, I32, I64};
    let cases: [(&str, &[CoreType], u32, u32); 16] = [
        ("type t = bool;", &[I32], 1, 1),
        ("type t = s16;", &[I32], 2, 2),
        ("type t = char;", &[I32], 4, 4),
        ("type t = f32;", &[F32], 4, 4),
        ("type t = tuple<u8, u64, u8>;", &[I32, I64, I32], 24, 8),
        ("record t { a: u8, b: u16, c: u8 }", &[I32, I32, I32], 6, 2),
        ("type t = option<u8>;", &[I32, I32], 2, 1),
        ("type t = option<u64>;", &[I32, I64], 16, 8),
        ("type t = result;", &[I32], 1, 1),
        ("type t = result<s64, bool>;", &[I32, I64], 16, 8),
        ("type t = result<f32, u32>;", &[I32, I32], 8, 4),
        ("type t = result<f32, f64>;", &[I32, I64], 16, 8),
        ("variant t { none, one(tuple<f32, u8>), two(tuple<u64, f64>) }", &[I32, I64, I64], 24, 8),
        ("enum t { a, b, c }", &[I32], 1, 1),
        ("flags t { a, b, c, d, e, f, g, h, i }", &[I32], 2, 2),
        ("type t = tuple<f64>;", &[F64], 8, 8),
    ];
    for (wit, flat, size_bytes, align_bytes) in cases {
        let (parsed, ty) = parameter_type(wit);
        let ty = AbiType::of(&parsed.resolve, &ty, &Resources::new()).unwrap();
        assert_eq!((ty.flat(), ty.size_bytes(), ty.align_bytes()), (flat, size_bytes, align_bytes), "{wit}");
    }
}

#[test]
fn what_starstream_does_not_have_is_refused_with_a_reason() {
    let refused = |wit: &str| {
        let (parsed, ty) = parameter_type(wit);
        AbiType::of(&parsed.resolve, &ty, &Resources::new()).unwrap_err()
    };
    assert_eq!(refused("type t = string;"), UnsupportedType::Kind { kind: "string" });
    assert_eq!(refused("type t = option<list<u8>>;"), UnsupportedType::Kind { kind: "list" });
    assert_eq!(refused("type t = tuple<stream<u8>>;"), UnsupportedType::Kind { kind: "stream" });
    assert_eq!(refused("type t = future<u8>;"), UnsupportedType::Kind { kind: "future" });
    assert_eq!(refused("resource r; type t = own<r>;"), UnsupportedType::Resource { name: "r".to_owned() });
    // Each of 14 records holds two of the one before it.
    let doubled: String = (1..14).map(|at| format!("record r{at} {{ a: r{}, b: r{0} }}", at - 1)).collect();
    assert_eq!(
        refused(&format!("record r0 {{ a: u8 }} {doubled} type t = r13;")),
        UnsupportedType::TooManyParts { max: 10_000 }
    );
}

#[test]
fn functions_are_refused_with_the_place() {
    let refused = |function: &str| {
        let parsed = Parsed::new(&format!("package demo:test; world test {{ export f: {function}; }}"));
        Signature::of(&parsed.resolve, parsed.function("f"), 0, &Resources::new()).unwrap_err().to_string()
    };
    assert_eq!(
        refused("func(a: u8, name: string)"),
        "the parameter `name`: contracts of Starstream's form have no values of type `string`"
    );
    assert_eq!(
        refused("func() -> list<u8>"),
        "the result: contracts of Starstream's form have no values of type `list`"
    );
    assert_eq!(refused("async func()"), "the function: it is asynchronous");
    let seventeen = vec!["u8"; 17].join(", ");
    assert_eq!(
        refused(&format!("func(a: tuple<{seventeen}>)")),
        "the parameters: they take 17 core values, and at most 16 are passed without an allocator"
    );
}

#[test]
fn handles_before_the_parameters_count() {
    let sixteen = vec!["u8"; 16].join(", ");
    let parsed = Parsed::new(&format!("package demo:test; world test {{ export f: func(a: tuple<{sixteen}>); }}"));
    let ty = AbiType::of(&parsed.resolve, &parsed.function("f").params[0].ty, &Resources::new()).unwrap();
    assert!(Signature::new(0, vec![("a".to_owned(), ty.clone())], None).is_ok());
    assert_eq!(
        Signature::new(1, vec![("a".to_owned(), ty)], None).unwrap_err(),
        UnsupportedType::TooManyParameters { found: 17, max: 16 }
    );
}

proptest! {
    #[test]
    fn layouts_are_those_of_wit_parser(spec in spec()) {
        let parsed = Parsed::new(&world(&spec, "export f: func(v: T);"));
        let ty = &parsed.function("f").params[0].ty;
        let ours = AbiType::of(&parsed.resolve, ty, &Resources::new()).unwrap();
        let mut layouts = SizeAlign::default();
        layouts.fill(&parsed.resolve);
        prop_assert_eq!(ours.flat(), flat_by_wit_parser(&parsed.resolve, ty));
        prop_assert_eq!(ours.size_bytes() as usize, layouts.size(ty).size_wasm32());
        prop_assert_eq!(ours.align_bytes() as usize, layouts.align(ty).align_wasm32());
    }

    #[test]
    fn values_come_back(spec in spec(), seed in proptest::collection::vec(any::<u8>(), 64)) {
        let parsed = Parsed::new(&world(&spec, "export f: func(v: T); export g: func() -> T;"));
        let Ok(signature) = Signature::of(&parsed.resolve, parsed.function("f"), 0, &Resources::new()) else {
            return Ok(());
        };
        let bytes = random_value(&signature.parameters()[0].1, &seed);
        let values = signature.lower_parameters(&bytes, &limits(), &mut NoHandles).unwrap();
        prop_assert_eq!(&signature.lift_parameters(&values, &limits(), &mut NoHandles).unwrap(), &bytes);
        prop_assert_eq!(signature.check_parameters(&bytes, &limits()), Ok(Vec::new()));

        let result = parsed.signature("g");
        let mut memory = vec![0xa5; 4096];
        let pointer = result.is_result_in_memory().then_some(1024);
        let value = result.lower_result(&bytes, &limits(), &mut NoHandles, &mut memory, pointer).unwrap();
        prop_assert_eq!(value.is_none(), result.is_result_in_memory());
        let returned = value.unwrap_or(Val::I32(1024));
        prop_assert_eq!(result.lift_result(&[returned], &memory, &limits(), &mut NoHandles).unwrap(), bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What a component runtime gives to a guest, and what it makes of what a guest gives, is what we do.
    #[test]
    fn a_component_runtime_does_the_same(
        spec in spec(),
        seeds in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 64), 4),
        images in proptest::collection::vec(proptest::collection::vec(memory_byte(), 256), 12),
    ) {
        let items = "export put: func(v: T); export got: func(at: u32) -> u64; \
             export give: func() -> T; export poke: func(at: u32, bits: u64);";
        let parsed = Parsed::new(&world(&spec, items));
        let Ok(put) = Signature::of(&parsed.resolve, parsed.function("put"), 0, &Resources::new()) else {
            return Ok(());
        };
        let give = parsed.signature("give");
        let component = build::component(&world(&spec, items), &guest(&put, &give));
        let mut peer = Peer::new(&component);
        for seed in &seeds {
            let bytes = random_value(&put.parameters()[0].1, seed);
            let ours = put.lower_parameters(&bytes, &limits(), &mut NoHandles).unwrap();
            prop_assert_eq!(ours.iter().map(bits).collect::<Vec<u64>>(), peer.put(&bytes, ours.len()));
        }
        for image in &images {
            let mut memory = vec![0; PAGE_SIZE_BYTES];
            memory[1024..1024 + image.len()].copy_from_slice(image);
            let returned = returned(&give, &memory);
            let ours = give.lift_result(&[returned], &memory, &limits(), &mut NoHandles);
            prop_assert_eq!(ours.ok(), peer.give(image));
        }
    }
}

/// Bytes that are cases of variants more often than chance has it.
fn memory_byte() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0_u8), 2 => 0..4_u8, 2 => any::<u8>(), 1 => Just(0xff_u8)]
}

/// The core value that the guest below gives: its only one, or the pointer.
fn returned(give: &Signature, memory: &[u8]) -> Val {
    if give.is_result_in_memory() {
        return Val::I32(1024);
    }
    let bits = u64::from_le_bytes(memory[1024..1032].try_into().unwrap());
    let low = bits as u32;
    match give.result().unwrap().flat()[0] {
        CoreType::I32 => Val::I32(low.cast_signed()),
        CoreType::I64 => Val::I64(bits.cast_signed()),
        CoreType::F32 => Val::F32(low),
        CoreType::F64 => Val::F64(bits),
    }
}

fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(number) => number.cast_unsigned().into(),
        Val::I64(number) => number.cast_unsigned(),
        Val::F32(bits) => (*bits).into(),
        Val::F64(bits) => *bits,
        other => panic!("{other:?}"),
    }
}

/// A guest that keeps the core values that it is given, and gives what is in its memory.
fn guest(put: &Signature, give: &Signature) -> String {
    let (mut parameters, mut body) = (String::new(), String::new());
    for (at, core) in put.of_export().parameters.iter().enumerate() {
        let widened = match core {
            CoreType::I32 => format!("(i64.extend_i32_u (local.get {at}))"),
            CoreType::I64 => format!("(local.get {at})"),
            CoreType::F32 => format!("(i64.extend_i32_u (i32.reinterpret_f32 (local.get {at})))"),
            CoreType::F64 => format!("(i64.reinterpret_f64 (local.get {at}))"),
        };
        write!(parameters, " {core}").unwrap();
        write!(body, "(i64.store offset={} (i32.const 0) {widened})", at * 8).unwrap();
    }
    let result = give.of_export().results[0];
    let given = if give.is_result_in_memory() {
        "(i32.const 1024)".to_owned()
    } else {
        format!("({result}.load (i32.const 1024))")
    };
    format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "put") (param{parameters}) {body})
            (func (export "got") (param i32) (result i64) (i64.load (i32.mul (local.get 0) (i32.const 8))))
            (func (export "give") (result {result}) {given})
            (func (export "poke") (param i32 i64) (i64.store (local.get 0) (local.get 1))))"#
    )
}

/// The guest in a component runtime.
struct Peer {
    component: Component,
    store: Store<()>,
    instance: Instance,
}

impl Peer {
    fn new(bytes: &[u8]) -> Self {
        let engine = Engine::default();
        let component = Component::from_binary(&engine, bytes).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
        Self { component, store, instance }
    }

    /// The core values with which the guest is called.
    fn put(&mut self, bytes: &[u8], count: usize) -> Vec<u64> {
        let put = self.instance.get_func(&mut self.store, "put").unwrap();
        let types: Vec<_> = put.ty(&self.store).params().map(|(name, ty)| (name.to_owned(), ty)).collect();
        let values = decode_parameters::<ComponentVal>(&types, bytes, &limits()).unwrap();
        put.call(&mut self.store, &values, &mut []).unwrap();
        (0..count).map(|at| self.got(u32::try_from(at).unwrap())).collect()
    }

    fn got(&mut self, at: u32) -> u64 {
        let got = self.instance.get_func(&mut self.store, "got").unwrap();
        let mut results = [ComponentVal::Bool(false)];
        got.call(&mut self.store, &[ComponentVal::U32(at)], &mut results).unwrap();
        let [ComponentVal::U64(bits)] = results else { panic!("{results:?}") };
        bits
    }

    /// What the runtime makes of a memory with this image at 1024; nothing if it traps.
    fn give(&mut self, image: &[u8]) -> Option<Vec<u8>> {
        let poke = self.instance.get_func(&mut self.store, "poke").unwrap();
        for (at, word) in image.chunks_exact(8).enumerate() {
            let address = ComponentVal::U32(u32::try_from(1024 + at * 8).unwrap());
            let word = ComponentVal::U64(u64::from_le_bytes(word.try_into().unwrap()));
            poke.call(&mut self.store, &[address, word], &mut []).unwrap();
        }
        let give = self.instance.get_func(&mut self.store, "give").unwrap();
        let ty = give.ty(&self.store).results().next().unwrap();
        let mut results = [ComponentVal::Bool(false)];
        if give.call(&mut self.store, &[], &mut results).is_err() {
            // A trap ends the instance.
            self.renew();
            return None;
        }
        Some(encode_result(Some((&ty, &results[0])), &limits()).unwrap())
    }

    fn renew(&mut self) {
        let engine = self.store.engine().clone();
        self.store = Store::new(&engine, ());
        self.instance = Linker::new(&engine).instantiate(&mut self.store, &self.component).unwrap();
    }
}

/// An encoded value of the type, different for each seed.
fn random_value(ty: &AbiType, seed: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(1 << 16);
    write_random(ty, &mut seed.iter().copied().cycle(), &mut writer);
    writer.into_bytes()
}

fn write_random(ty: &AbiType, random: &mut impl Iterator<Item = u8>, writer: &mut Writer) {
    let mut word = || (0..8).fold(0_u64, |word, _| word << 8 | u64::from(random.next().unwrap()));
    match ty.shape() {
        Shape::Bool => writer.boolean(word() & 1 == 1),
        Shape::U8 | Shape::S8 => writer.byte(word() as u8),
        Shape::U16 => writer.unsigned((word() as u16).into()),
        Shape::U32 => writer.unsigned((word() as u32).into()),
        Shape::U64 => writer.unsigned(word()),
        Shape::S16 => writer.signed((word() as i16).into()),
        Shape::S32 => writer.signed((word() as i32).into()),
        Shape::S64 => writer.signed(word().cast_signed()),
        Shape::F32 => writer.f32(f32::from_bits(word() as u32)),
        Shape::F64 => writer.f64(f64::from_bits(word())),
        Shape::Char => writer.char(char::from_u32(word() as u32 % 0x11_0000).unwrap_or('ß')),
        Shape::Flags(count) => {
            let bits = word() & ((1 << count) - 1);
            writer.bytes(&bits.to_le_bytes()[..count.div_ceil(8) as usize])
        }
        Shape::Record(fields) => {
            fields.iter().for_each(|field| write_random(&field.ty, random, writer));
            Ok(())
        }
        Shape::Variant(cases) => {
            let index = word() as usize % cases.len();
            writer.unsigned(index as u64).unwrap();
            cases[index].payload.iter().for_each(|payload| write_random(payload, random, writer));
            Ok(())
        }
        Shape::Own(_) | Shape::Borrow(_) => panic!("no handles here"),
    }
    .unwrap();
}

struct NoHandles;

impl Handles for NoHandles {
    fn lower(&mut self, _: &Resource, name: ObjectName, _: bool) -> Result<u32, HandleError> {
        Err(HandleError::NoSuchObject { name })
    }

    fn lift(&mut self, _: &Resource, handle: u32, _: bool) -> Result<ObjectId, HandleError> {
        Err(HandleError::Unknown { handle })
    }
}

/// Gives 7 for the one object that it knows.
struct OneHandle(UtxoId);

impl Handles for OneHandle {
    fn lower(&mut self, resource: &Resource, name: ObjectName, _: bool) -> Result<u32, HandleError> {
        assert_eq!(*resource, Resource::Utxo(Some(ObjectType { contract: None, name: "wallet".to_owned() })));
        if name == named(self.0) { Ok(7) } else { Err(HandleError::NoSuchObject { name }) }
    }

    fn lift(&mut self, _: &Resource, handle: u32, is_own: bool) -> Result<ObjectId, HandleError> {
        match (handle, is_own) {
            (7, false) => Ok(ObjectId::Utxo(self.0)),
            (7, true) => Err(HandleError::Lent { handle }),
            _ => Err(HandleError::Unknown { handle }),
        }
    }
}

fn named(utxo: UtxoId) -> ObjectName {
    ObjectName::Id(ObjectId::Utxo(utxo))
}

fn utxo(number: u8) -> UtxoId {
    let mut bytes = [0; 32];
    bytes[0] = number;
    UtxoId::from_digest(Digest::from_bytes(bytes).unwrap())
}

/// `func(w: borrow<utxo>, n: u8) -> utxo` of the type `wallet`.
fn with_handles() -> Signature {
    let parsed =
        Parsed::new("package demo:test; world test { resource utxo; export f: func(w: borrow<utxo>, n: u8) -> utxo; }");
    let (_, resource) = parsed
        .resolve
        .types
        .iter()
        .find(|(_, ty)| ty.name.as_deref() == Some("utxo"))
        .map_or_else(|| panic!("no resource"), |(id, _)| ((), id));
    let resources =
        Resources::from([(resource, Resource::Utxo(Some(ObjectType { contract: None, name: "wallet".to_owned() })))]);
    Signature::of(&parsed.resolve, parsed.function("f"), 0, &resources).unwrap()
}

fn encoded(id: &str, number: u8) -> Vec<u8> {
    let mut writer = Writer::new(1024);
    writer.text(id).unwrap();
    writer.byte(number).unwrap();
    writer.into_bytes()
}

#[test]
fn handles_are_encoded_as_ids() {
    let (signature, one, other) = (with_handles(), utxo(1), utxo(2));
    let bytes = encoded(&one.to_string(), 3);
    assert_eq!(bytes.len(), 1 + 68 + 1);
    let values = signature.lower_parameters(&bytes, &limits(), &mut OneHandle(one)).unwrap();
    assert_eq!(values.iter().map(bits).collect::<Vec<u64>>(), [7, 3]);
    assert_eq!(signature.lift_parameters(&values, &limits(), &mut OneHandle(one)).unwrap(), bytes);

    let handed = signature.check_parameters(&bytes, &limits()).unwrap();
    assert_eq!(handed.len(), 1);
    assert_eq!((handed[0].name, handed[0].is_own), (named(one), false));

    let unknown = signature.lower_parameters(&bytes, &limits(), &mut OneHandle(other)).unwrap_err();
    assert_eq!(unknown, LowerError::Handle(HandleError::NoSuchObject { name: named(one) }));
    let given = signature.lift_result(&[Val::I32(7)], &[], &limits(), &mut OneHandle(one)).unwrap_err();
    assert_eq!(given, LiftError::Handle(HandleError::Lent { handle: 7 }));
}

#[test]
fn a_handle_is_nothing_but_an_id() {
    let signature = with_handles();
    let id = utxo(1).to_string();
    let broken = [
        id.to_uppercase(),
        id.replace("p2:u", "p2:t"),
        format!("{id} "),
        id[..67].to_owned(),
        String::new(),
        format!("p2:u{}", "f".repeat(64)),
    ];
    for text in broken {
        let error = signature.check_parameters(&encoded(&text, 0), &limits()).unwrap_err();
        assert_eq!(error.fault(), &Fault::NotAnId { text: text.clone() }, "{text}");
        assert!(error.to_string().starts_with("parameter 1 `w`, byte"), "{error}");
    }
}

#[test]
fn encodings_are_strict() {
    let cases: [(&str, &[u8], Fault); 9] = [
        ("bool", &[2], Fault::NotBinary { byte: 2 }),
        ("u16", &[0x80, 0], Fault::NotShortest),
        ("s16", &[0xff, 0xff, 0x02], Fault::TooLarge { bits: 16 }),
        ("char", &[0xff], Fault::NotUtf8),
        ("f32", &[1, 0, 0xc0, 0x7f], Fault::NotCanonicalNan),
        ("option<u8>", &[2], Fault::UnknownCase { index: 2 }),
        ("option<u8>", &[0x80, 0], Fault::NotShortest),
        ("tuple<u8, u8>", &[1], Fault::Truncated),
        ("u8", &[1, 1], Fault::Surplus { count: 1 }),
    ];
    for (ty, bytes, fault) in cases {
        let parsed = Parsed::new(&format!("package demo:test; world test {{ export f: func(v: {ty}); }}"));
        let error = parsed.signature("f").check_parameters(bytes, &limits()).unwrap_err();
        assert_eq!(error.fault(), &fault, "{ty}");
    }
    let flags = Parsed::new("package demo:test; world test { flags t { a, b } export f: func(v: t); }");
    let error = flags.signature("f").check_parameters(&[4], &limits()).unwrap_err();
    assert_eq!(error.fault(), &Fault::UnknownFlags);
}

#[test]
fn errors_say_where() {
    let wit = "package demo:test; world test { record point { x: s64, y: tuple<u8, option<bool>> } \
        export f: func(n: u8, p: point); }";
    let error = Parsed::new(wit).signature("f").check_parameters(&[1, 2, 3, 1, 9], &limits()).unwrap_err();
    assert_eq!(error.to_string(), "parameter 2 `p` at `.y[1].some()`, byte 5: the byte is 9, but must be 0 or 1");
}

#[test]
fn values_have_limits() {
    let parsed =
        Parsed::new("package demo:test; world test { export f: func(v: option<option<u8>>) -> tuple<u64, u64>; }");
    let signature = parsed.signature("f");
    let shallow = ValueLimits { depth_max: 2, ..limits() };
    assert_eq!(signature.check_parameters(&[0], &shallow).unwrap_err().fault(), &Fault::TooDeep { max: 2 });
    let short = ValueLimits { encoded_size_bytes_max: 2, ..limits() };
    assert_eq!(signature.check_parameters(&[1, 1, 5], &short).unwrap_err().fault(), &Fault::TooLong { max: 2 });
    let error = signature.lift_result(&[Val::I32(0)], &[0xff; 16], &short, &mut NoHandles).unwrap_err();
    assert_eq!(error, LiftError::TooLong(Fault::TooLong { max: 2 }));
}

#[test]
fn what_traps_by_the_canonical_abi_is_an_error() {
    let parsed = Parsed::new(
        "package demo:test; world test { export f: func() -> tuple<u64, char>; export g: func() -> option<bool>; \
         export h: func() -> char; export i: func() -> u8; export j: func() -> bool; }",
    );
    let lift = |name: &str, value: i32, memory: &[u8]| {
        parsed.signature(name).lift_result(&[Val::I32(value)], memory, &limits(), &mut NoHandles)
    };
    let memory = [0; 24];
    assert_eq!(lift("f", 0, &memory[..16]).unwrap(), [0, 0]);
    assert_eq!(lift("f", 4, &memory), Err(LiftError::Pointer(PointerError::Unaligned { address: 4, align_bytes: 8 })));
    for address in [16_u32, 24, 0xffff_fff8] {
        let error = PointerError::OutOfBounds { address, size_bytes: 16 };
        assert_eq!(lift("f", address.cast_signed(), &memory), Err(LiftError::Pointer(error)));
    }
    assert_eq!(lift("g", 0, &[2, 0]), Err(LiftError::UnknownCase { index: 2, cases: 2 }));
    assert_eq!(lift("g", 0, &[1, 9]).unwrap(), [1, 1], "every byte but 0 is true");
    assert_eq!(lift("h", 0xd800, &[]), Err(LiftError::NotACharacter { number: 0xd800 }));
    assert_eq!(lift("h", 0x11_0000, &[]), Err(LiftError::NotACharacter { number: 0x11_0000 }));
    assert_eq!(lift("i", 0x1ff, &[]).unwrap(), [0xff], "the bits above do not count");
    assert_eq!(lift("j", 256, &[]).unwrap(), [1]);
    let nowhere = parsed.signature("f").lower_result(&[0, 0], &limits(), &mut NoHandles, &mut [0; 8], Some(0));
    let error = PointerError::OutOfBounds { address: 0, size_bytes: 16 };
    assert_eq!(nowhere.unwrap_err(), LowerError::Pointer(error));
}
