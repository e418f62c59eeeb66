//! The value encoding: one encoding for each value, errors that say where, and nothing that costs more than it may.

use crate::build;
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::value::{
    CASE_SIZE_BYTES, Fault, NODE_SIZE_BYTES, Place, Reader, ValueError, ValueLimits, Writer, decode_parameters,
    decode_result, encode_parameters, encode_result,
};
use proptest::prelude::*;
use wasm_wave::value::{Type, Value, resolve_wit_func_type};
use wasm_wave::wasm::{WasmFunc, WasmType, WasmTypeKind, WasmValue};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Type as ComponentType, Val};
use wit_parser::{WorldItem, WorldKey};

fn limits() -> ValueLimits {
    ValueLimits::default()
}

fn decode(ty: &Type, bytes: &[u8]) -> Result<Value, ValueError> {
    decode_result(Some(ty), bytes, &limits()).map(|value| value.unwrap())
}

fn encode(ty: &Type, value: &Value) -> Vec<u8> {
    encode_result(Some((ty, value)), &limits()).unwrap()
}

fn fault(ty: &Type, bytes: &[u8]) -> Fault {
    decode(ty, bytes).unwrap_err().fault().clone()
}

fn wave(ty: &Type, text: &str) -> Value {
    wasm_wave::from_str(ty, text).unwrap()
}

#[test]
fn worked_example() {
    // step({owner: "alice", count: 2, tags: ["a", "b"]}, inc(3))
    let state = Type::record([("owner", Type::STRING), ("count", Type::U32), ("tags", Type::list(Type::STRING))]);
    let message = Type::variant([("inc", Some(Type::U32)), ("reset", None)]);
    let parameters = [("state".to_owned(), state.unwrap()), ("message".to_owned(), message.unwrap())];
    let values =
        [wave(&parameters[0].1, r#"{owner: "alice", count: 2, tags: ["a", "b"]}"#), wave(&parameters[1].1, "inc(3)")];
    let bytes = b"\x05alice\x02\x02\x01a\x01b\x00\x03".to_vec();
    assert_eq!(encode_parameters(&parameters, &values, &limits()).unwrap(), bytes);
    assert_eq!(decode_parameters::<Value>(&parameters, &bytes, &limits()).unwrap(), values);
}

#[test]
fn known_encodings() {
    let flags = Type::flags(["a", "b", "c", "d", "e", "f", "g", "h", "i"]).unwrap();
    let cases = [
        (Type::BOOL, "true", vec![1]),
        (Type::U8, "255", vec![0xff]),
        (Type::S8, "-1", vec![0xff]),
        (Type::U64, "18446744073709551615", vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        (Type::S64, "-9223372036854775808", vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]),
        (Type::S16, "-64", vec![0x40]),
        (Type::S16, "64", vec![0xc0, 0x00]),
        (Type::F32, "nan", vec![0x00, 0x00, 0xc0, 0x7f]),
        (Type::F64, "-0.5", vec![0, 0, 0, 0, 0, 0, 0xe0, 0xbf]),
        (Type::CHAR, "'€'", vec![0xe2, 0x82, 0xac]),
        (Type::STRING, "\"€\"", vec![3, 0xe2, 0x82, 0xac]),
        (Type::list(Type::U8), "[]", vec![0]),
        (Type::option(Type::U8), "none", vec![0]),
        (Type::option(Type::U8), "some(7)", vec![1, 7]),
        (Type::result(Some(Type::U8), None), "ok(7)", vec![0, 7]),
        (Type::result(Some(Type::U8), None), "err", vec![1]),
        (flags, "{a, i}", vec![0x01, 0x01]),
    ];
    for (ty, text, bytes) in cases {
        let value = wave(&ty, text);
        assert_eq!(encode(&ty, &value), bytes, "{text}");
        assert_eq!(wasm_wave::to_string(&decode(&ty, &bytes).unwrap()).unwrap(), text);
    }
}

#[test]
fn integers_at_every_border() {
    for bit in 0..64 {
        for value in [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1] {
            let mut writer = Writer::new(16);
            writer.unsigned(value).unwrap();
            let bytes = writer.into_bytes();
            assert_eq!(Reader::new(&bytes).unsigned(64).unwrap(), value);
            for value in [value.cast_signed(), value.cast_signed().wrapping_neg()] {
                let mut writer = Writer::new(16);
                writer.signed(value).unwrap();
                assert_eq!(Reader::new(&writer.into_bytes()).signed(64).unwrap(), value);
            }
        }
    }
}

#[test]
fn what_is_not_the_one_encoding_is_refused() {
    let flags = Type::flags(["a", "b"]).unwrap();
    let either = Type::enum_ty(["left", "right"]).unwrap();
    let long = [0xff; 9];
    let cases: [(Type, &[u8], Fault); 22] = [
        (Type::U32, &[], Fault::Truncated),
        (Type::U32, &[0x80], Fault::Truncated),
        (Type::F64, &[0; 7], Fault::Truncated),
        (Type::STRING, &[2, b'a'], Fault::Truncated),
        (Type::list(Type::U8), &[3, 1, 2], Fault::Truncated),
        (Type::U8, &[1, 2, 3], Fault::Surplus { count: 2 }),
        (Type::U32, &[0x80, 0x00], Fault::NotShortest),
        (Type::S32, &[0xff, 0x7f], Fault::NotShortest),
        (Type::S32, &[0x80, 0x00], Fault::NotShortest),
        (Type::STRING, &[0x81, 0x00, b'a'], Fault::NotShortest),
        (Type::U16, &[0xff, 0xff, 0x07], Fault::TooLarge { bits: 16 }),
        (Type::S16, &[0x80, 0x80, 0x02], Fault::TooLarge { bits: 16 }),
        (Type::U64, &long, Fault::Truncated),
        (Type::U64, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], Fault::TooLarge { bits: 64 }),
        (Type::BOOL, &[2], Fault::NotBinary { byte: 2 }),
        (Type::option(Type::U8), &[2, 0], Fault::NotBinary { byte: 2 }),
        (Type::STRING, &[1, 0xff], Fault::NotUtf8),
        (Type::CHAR, &[0xed, 0xa0, 0x80], Fault::NotUtf8),
        (Type::F32, &[0x01, 0x00, 0xc0, 0x7f], Fault::NotCanonicalNan),
        (Type::F64, &[0, 0, 0, 0, 0, 0, 0xf8, 0xff], Fault::NotCanonicalNan),
        (either, &[2], Fault::UnknownCase { index: 2 }),
        (flags, &[0b100], Fault::UnknownFlags),
    ];
    for (ty, bytes, expected) in cases {
        assert_eq!(fault(&ty, bytes), expected, "{ty} {bytes:02x?}");
    }
}

#[test]
fn nan_is_canonical_in_both_directions() {
    let value = Value::make_f64(f64::from_bits(0xfff8_dead_beef_0001));
    let bytes = encode(&Type::F64, &value);
    assert_eq!(bytes, 0x7ff8_0000_0000_0000_u64.to_le_bytes());
    assert!(decode(&Type::F64, &bytes).unwrap().unwrap_f64().is_nan());
}

#[test]
fn errors_say_where() {
    let item = Type::record([("name", Type::STRING), ("price", Type::option(Type::U32))]).unwrap();
    let parameters = [("count".to_owned(), Type::U8), ("items".to_owned(), Type::list(item))];
    let bytes = [9, 2, 1, b'a', 0, 1, b'b', 1, 0x80, 0x00];
    let error = decode_parameters::<Value>(&parameters, &bytes, &limits()).unwrap_err();
    assert_eq!(error.place(), &Place::Parameter(2, "items".to_owned()));
    assert_eq!(error.path(), "[1].price.some()");
    assert_eq!(
        error.to_string(),
        "parameter 2 `items` at `[1].price.some()`, byte 10: an integer is not in its shortest form"
    );

    let error = decode_parameters::<Value>(&parameters, &[9, 0, 1], &limits()).unwrap_err();
    assert_eq!(error.to_string(), "parameters, byte 2: more bytes follow the last value (1)");

    let error = encode_parameters(&parameters, &[Value::make_u8(1)], &limits()).unwrap_err();
    assert_eq!(error.to_string(), "parameters: the function takes 2, but 1 were given");
}

#[test]
fn a_value_of_another_type_is_refused() {
    let error = encode_result(Some((&Type::U8, &Value::make_u32(1))), &limits()).unwrap_err();
    assert_eq!(error.to_string(), "result: expected u8, found u32");
    let ty = Type::fixed_length_list(Type::U8, 4);
    assert!(matches!(fault(&ty, &[1, 2, 3, 4]), Fault::Unsupported { .. }));
}

#[test]
fn limits_hold_before_anything_is_allocated() {
    // Four bytes announce 268 million elements.
    let announced = [0xff, 0xff, 0xff, 0x7f];
    assert_eq!(fault(&Type::list(Type::STRING), &announced), Fault::Truncated);
    // One byte of a flag's list is 80 in memory.
    let small = ValueLimits { decoded_size_bytes_max: 1000 * NODE_SIZE_BYTES, ..limits() };
    let mut bytes = vec![0xe8, 0x07];
    bytes.resize(2 + 1000, 0);
    let error = decode_result::<Value>(Some(&Type::list(Type::U8)), &bytes, &small).unwrap_err();
    assert_eq!(error.fault(), &Fault::TooMuchMemory { max: 1000 * NODE_SIZE_BYTES });
    assert_eq!(error.path(), "[999]");

    let long = vec![0; limits().encoded_size_bytes_max + 1];
    assert_eq!(fault(&Type::U8, &long), Fault::TooLong { max: limits().encoded_size_bytes_max });
    let text = Value::make_string("x".repeat(limits().encoded_size_bytes_max).into());
    let error = encode_result(Some((&Type::STRING, &text)), &limits()).unwrap_err();
    assert_eq!(error.fault(), &Fault::TooLong { max: limits().encoded_size_bytes_max });
}

/// The least `decoded_size_bytes_max` with which `works`.
fn least(works: impl Fn(&ValueLimits) -> bool) -> usize {
    let with = |max| ValueLimits { decoded_size_bytes_max: max, ..limits() };
    let (mut low, mut high) = (0, limits().decoded_size_bytes_max);
    while low < high {
        let middle = low.midpoint(high);
        if works(&with(middle)) { high = middle } else { low = middle + 1 }
    }
    low
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn encoding_is_charged_what_decoding_is(
        (ty, value) in any_type().prop_flat_map(|ty| any_value(&ty).prop_map(move |value| (ty.clone(), value))),
    ) {
        let bytes = encode(&ty, &value);
        let encoding = least(|limits| encode_result(Some((&ty, &value)), limits).is_ok());
        let decoding = least(|limits| decode_result::<Value>(Some(&ty), &bytes, limits).is_ok());
        prop_assert_eq!(encoding, decoding);
        prop_assert!(encoding >= NODE_SIZE_BYTES);
    }
}

#[test]
fn the_cases_of_a_type_are_looked_through_once() {
    let ty = Type::enum_ty((0..9_000).map(|index| format!("c{index}"))).unwrap();
    let last = Value::make_enum(&ty, "c8999").unwrap();
    let parameters = vec![("e".to_owned(), ty); 1];
    let begun = std::time::Instant::now();
    let one = encode_parameters(&parameters, std::slice::from_ref(&last), &limits()).unwrap();
    let first = begun.elapsed();
    assert_eq!(one, [0xa7, 0x46]);
    let list = Type::list(parameters[0].1.clone());
    let values = Value::make_list(&list, vec![last; 2_000]).unwrap();
    let begun = std::time::Instant::now();
    let bytes = encode_result(Some((&list, &values)), &limits()).unwrap();
    assert_eq!(bytes.len(), 2 + 2 * 2_000);
    // Two thousand searches would take two thousand times as long as the first.
    assert!(begun.elapsed() < 200 * first, "{:?} for 2,000, {first:?} for one", begun.elapsed());
    let few = ValueLimits { decoded_size_bytes_max: 8_999 * CASE_SIZE_BYTES, ..limits() };
    assert_eq!(
        *encode_result(Some((&list, &values)), &few).unwrap_err().fault(),
        Fault::TooMuchMemory { max: 8_999 * CASE_SIZE_BYTES }
    );
}

#[test]
fn depth_is_limited_in_both_directions() {
    let nested = |levels: usize| (0..levels).fold(Type::U8, |ty, _| Type::option(ty));
    let value = |levels: usize| {
        (0..levels).fold((Type::U8, Value::make_u8(7)), |(ty, value), _| {
            let ty = Type::option(ty);
            let value = Value::make_option(&ty, Some(value)).unwrap();
            (ty, value)
        })
    };
    let mut bytes = vec![1; 99];
    bytes.push(7);
    assert_eq!(decode(&nested(99), &bytes).unwrap(), value(99).1);
    bytes.insert(0, 1);
    assert_eq!(fault(&nested(100), &bytes), Fault::TooDeep { max: 100 });
    let (ty, value) = value(100);
    let error = encode_result(Some((&ty, &value)), &limits()).unwrap_err();
    assert_eq!(error.fault(), &Fault::TooDeep { max: 100 });
}

#[test]
fn a_node_is_charged_what_it_takes() {
    assert!(size_of::<Value>() <= NODE_SIZE_BYTES);
    assert!(size_of::<Val>() <= NODE_SIZE_BYTES);
    assert!(size_of::<(String, Val)>() <= NODE_SIZE_BYTES);
}

/// Types of every kind, some of them nested.
fn any_type() -> impl Strategy<Value = Type> {
    use WasmTypeKind as Kind;
    let simple = [
        Kind::Bool,
        Kind::S8,
        Kind::S16,
        Kind::S32,
        Kind::S64,
        Kind::U8,
        Kind::U16,
        Kind::U32,
        Kind::U64,
        Kind::F32,
        Kind::F64,
        Kind::Char,
        Kind::String,
    ];
    let names = |count: usize| (0..count).map(|index| format!("n{index}")).collect::<Vec<_>>();
    let leaf = prop_oneof![
        6 => proptest::sample::select(simple.to_vec()).prop_map(|kind| Type::simple(kind).unwrap()),
        1 => (1..20_usize).prop_map(move |count| Type::flags(names(count)).unwrap()),
        1 => (1..200_usize).prop_map(move |count| Type::enum_ty(names(count)).unwrap()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let some = proptest::collection::vec(inner.clone(), 1..4);
        let payloads = proptest::collection::vec(proptest::option::of(inner.clone()), 1..4);
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::option),
            (proptest::option::of(inner.clone()), proptest::option::of(inner))
                .prop_map(|(ok, err)| Type::result(ok, err)),
            some.clone().prop_map(|types| Type::tuple(types).unwrap()),
            some.prop_map(move |types| Type::record(names(types.len()).into_iter().zip(types)).unwrap()),
            payloads.prop_map(move |types| Type::variant(names(types.len()).into_iter().zip(types)).unwrap()),
        ]
    })
}

/// Values of a type.
fn any_value(ty: &Type) -> BoxedStrategy<Value> {
    let ty = ty.clone();
    match ty.kind() {
        WasmTypeKind::Bool => any::<bool>().prop_map(Value::make_bool).boxed(),
        WasmTypeKind::S8 => any::<i8>().prop_map(Value::make_s8).boxed(),
        WasmTypeKind::S16 => any::<i16>().prop_map(Value::make_s16).boxed(),
        WasmTypeKind::S32 => any::<i32>().prop_map(Value::make_s32).boxed(),
        WasmTypeKind::S64 => any::<i64>().prop_map(Value::make_s64).boxed(),
        WasmTypeKind::U8 => any::<u8>().prop_map(Value::make_u8).boxed(),
        WasmTypeKind::U16 => any::<u16>().prop_map(Value::make_u16).boxed(),
        WasmTypeKind::U32 => any::<u32>().prop_map(Value::make_u32).boxed(),
        WasmTypeKind::U64 => any::<u64>().prop_map(Value::make_u64).boxed(),
        WasmTypeKind::F32 => any::<f32>().prop_map(Value::make_f32).boxed(),
        WasmTypeKind::F64 => any::<f64>().prop_map(Value::make_f64).boxed(),
        WasmTypeKind::Char => any::<char>().prop_map(Value::make_char).boxed(),
        WasmTypeKind::String => any::<String>().prop_map(|text| Value::make_string(text.into())).boxed(),
        WasmTypeKind::List => proptest::collection::vec(any_value(&ty.list_element_type().unwrap()), 0..5)
            .prop_map(move |values| Value::make_list(&ty, values).unwrap())
            .boxed(),
        WasmTypeKind::Tuple => ty
            .tuple_element_types()
            .map(|ty| any_value(&ty))
            .collect::<Vec<_>>()
            .prop_map(move |values| Value::make_tuple(&ty, values).unwrap())
            .boxed(),
        WasmTypeKind::Record => {
            let names: Vec<String> = ty.record_fields().map(|(name, _)| name.into_owned()).collect();
            let fields: Vec<_> = ty.record_fields().map(|(_, ty)| any_value(&ty)).collect();
            let record = move |values: Vec<Value>| {
                Value::make_record(&ty, names.iter().map(String::as_str).zip(values)).unwrap()
            };
            fields.prop_map(record).boxed()
        }
        WasmTypeKind::Variant => {
            let cases: Vec<_> = ty.variant_cases().map(|(name, ty)| (name.into_owned(), ty)).collect();
            let variant =
                move |(name, payload): (String, Option<Value>)| Value::make_variant(&ty, &name, payload).unwrap();
            proptest::sample::select(cases)
                .prop_flat_map(|(name, ty)| (Just(name), any_payload(ty)))
                .prop_map(variant)
                .boxed()
        }
        WasmTypeKind::Enum => {
            let cases: Vec<String> = ty.enum_cases().map(|name| name.into_owned()).collect();
            proptest::sample::select(cases).prop_map(move |name| Value::make_enum(&ty, &name).unwrap()).boxed()
        }
        WasmTypeKind::Option => proptest::option::of(any_value(&ty.option_some_type().unwrap()))
            .prop_map(move |value| Value::make_option(&ty, value).unwrap())
            .boxed(),
        WasmTypeKind::Result => {
            let (ok, err) = ty.result_types().unwrap();
            let result = prop_oneof![any_payload(ok).prop_map(Ok), any_payload(err).prop_map(Err)];
            result.prop_map(move |value| Value::make_result(&ty, value).unwrap()).boxed()
        }
        WasmTypeKind::Flags => {
            let names: Vec<String> = ty.flags_names().map(|name| name.into_owned()).collect();
            let count = names.len();
            proptest::sample::subsequence(names, 0..=count)
                .prop_map(move |names| Value::make_flags(&ty, names.iter().map(String::as_str)).unwrap())
                .boxed()
        }
        other => panic!("no values of {other}"),
    }
}

fn any_payload(ty: Option<Type>) -> BoxedStrategy<Option<Value>> {
    match ty {
        Some(ty) => any_value(&ty).prop_map(Some).boxed(),
        None => Just(None).boxed(),
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_to_the_same(
        (ty, value) in any_type().prop_flat_map(|ty| (Just(ty.clone()), any_value(&ty)))
    ) {
        let bytes = encode(&ty, &value);
        let again = decode(&ty, &bytes).unwrap();
        // NaN differs from itself, but its encoding does not.
        prop_assert_eq!(encode(&ty, &again), bytes);
        prop_assert_eq!(wasm_wave::to_string(&again).unwrap(), wasm_wave::to_string(&value).unwrap());
    }

    #[test]
    fn a_changed_encoding_is_another_value_or_none(
        (ty, value) in any_type().prop_flat_map(|ty| (Just(ty.clone()), any_value(&ty))),
        position in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode(&ty, &value);
        if !bytes.is_empty() {
            let index = position.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok(value) = decode(&ty, &bytes) {
            prop_assert_eq!(encode(&ty, &value), bytes);
        }
    }

    #[test]
    fn any_bytes_are_the_one_encoding_or_refused(ty in any_type(), bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = decode(&ty, &bytes) {
            prop_assert_eq!(encode(&ty, &value), bytes);
        }
    }
}

/// What a node reads with wasmtime's types is what a client wrote with those of the WIT.
#[test]
fn node_and_client_agree() {
    let engine = ledger_runtime::engine::build(&ExecutionProfile::default(), std::num::NonZeroU32::MIN).unwrap();
    let component = Component::from_binary(&engine, &build::example("shop")).unwrap();
    let (ComponentItem::ComponentFunc(order), _) = component.get_export(None, "order").unwrap() else { panic!() };
    let node_types: Vec<(String, ComponentType)> = order.params().map(|(name, ty)| (name.to_owned(), ty)).collect();

    let mut resolve = build::packages();
    let wit = std::fs::read_to_string(build::contracts_dir().join("shop/shop.wit")).unwrap();
    let package = resolve.push_str("shop.wit", &wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let WorldItem::Function(declared) = &resolve.worlds[world].exports[&WorldKey::Name("order".to_owned())] else {
        panic!()
    };
    let client_types = resolve_wit_func_type(&resolve, declared).unwrap();
    let client_types: Vec<(String, Type)> =
        client_types.param_names().map(|name| name.into_owned()).zip(client_types.params()).collect();

    let texts = [
        r#"[{name: "tea", unit-price: 450, quantity: 3}, {name: "", unit-price: 0, quantity: 0}]"#,
        "percent(5)",
        "{gift-wrap}",
        "some(\"for you\")",
    ];
    let client: Vec<Value> = client_types.iter().zip(texts).map(|((_, ty), text)| wave(ty, text)).collect();
    let node: Vec<Val> =
        node_types.iter().zip(texts).map(|((_, ty), text)| wasm_wave::from_str(ty, text).unwrap()).collect();
    let bytes = encode_parameters(&client_types, &client, &limits()).unwrap();
    assert_eq!(encode_parameters(&node_types, &node, &limits()).unwrap(), bytes);
    assert_eq!(decode_parameters::<Value>(&client_types, &bytes, &limits()).unwrap(), client);
    assert_eq!(decode_parameters::<Val>(&node_types, &bytes, &limits()).unwrap(), node);
}
