//! wRPC on real sockets: what the library's own client sees, and what hostile peers can't do.

use crate::build;
use crate::support::{LocalSource, RunningNode, genesis};
use bytes::Bytes;
use ledger_runtime::limits::Limits;
use ledger_runtime::rpc::{ErrorCode, NodeClient, NodeClientError};
use ledger_runtime::value::Writer;
use registry_core::id::ComponentHash;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wrpc_transport::InvokeExt;
use wrpc_transport::tcp::Client as WrpcClient;

/// A node with the example contracts in reach, none of them in its genesis.
async fn node(limits: Limits) -> (RunningNode, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let source = Arc::new(LocalSource::with_examples());
    let node = RunningNode::with(data.path(), genesis(&[]), limits, source).await.unwrap();
    (node, data)
}

fn hash(name: &str) -> String {
    ComponentHash::of(&build::example(name)).to_string()
}

fn refused(error: NodeClientError) -> (ErrorCode, String) {
    let NodeClientError::Refused(refusal) = error else { panic!("{error}") };
    (refusal.code, refusal.message)
}

/// Well below the time that the node gives a peer, and long enough for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

const NO_PATHS: [[Option<usize>; 0]; 0] = [];

#[tokio::test]
async fn starstream_interfaces_serve_the_library_client() {
    let (node, _data) = node(Limits::default()).await;
    let client = WrpcClient::from(node.address);
    let call = |contract: String, function: &'static str, parameters: &'static [u8]| {
        let parameters = (contract, function.to_owned(), Bytes::from_static(parameters));
        client.invoke_values_blocking::<_, _, (Bytes,)>(
            (),
            "starstream:wrpc-multiplexer/handler",
            "call",
            parameters,
            NO_PATHS,
        )
    };
    let (result,) = call(hash("arithmetic"), "gcd", &[12, 18]).await.unwrap();
    assert_eq!(result.as_ref(), [6]);

    let ((wit, entrypoint),) = client
        .invoke_values_blocking::<_, _, ((String, String),)>(
            (),
            "starstream:node-rpc/registry",
            "get-wit",
            (hash("shop"), true),
            NO_PATHS,
        )
        .await
        .unwrap();
    assert_eq!(entrypoint, "root:component/root");
    assert!(wit.contains("export order: func("), "{wit}");
    assert!(wit.contains("package demo:goods@0.1.0 {"), "{wit}");

    // Each of these ends at once and without an answer.
    for (contract, function, parameters) in [
        ("p2:c00".to_owned(), "gcd", [12, 18].as_slice()),
        (format!("p2:c{}", "0".repeat(64)), "gcd", &[12, 18]),
        (hash("arithmetic"), "no-such-function", &[12, 18]),
        (hash("arithmetic"), "gcd", &[12]),
        (hash("arithmetic"), "gcd", &[12, 18, 1]),
        (hash("arithmetic"), "fibonacci", &[94]),
        (hash("foreign-import"), "hour", &[]),
        (hash("counter"), "counters#sum", &[0]),
    ] {
        let started = Instant::now();
        let error = call(contract, function, Box::leak(parameters.to_vec().into_boxed_slice())).await.unwrap_err();
        assert!(started.elapsed() < AT_ONCE);
        assert!(format!("{error:#}").contains("incomplete results"), "{error:#}");
    }
    node.stop().await;
}

#[tokio::test]
async fn the_node_interface_serves_the_library_client() {
    let (node, _data) = node(Limits::default()).await;
    let client = WrpcClient::from(node.address);
    type Refusal = (u8, String, Option<String>);
    type Outcome = (bool, Bytes, u64, Vec<String>);
    let call = |contract: String, gas_limit: Option<u64>| {
        let parameters = (contract, "gcd".to_owned(), Bytes::from_static(&[12, 18]), gas_limit);
        client.invoke_values_blocking::<_, _, (Result<Outcome, Refusal>,)>(
            (),
            "ledger:node/rpc@0.1.0",
            "call",
            parameters,
            NO_PATHS,
        )
    };
    let (outcome,) = call(hash("arithmetic"), None).await.unwrap();
    let (valid, result, gas_used, errors) = outcome.unwrap();
    assert!(valid && errors.is_empty());
    assert_eq!(result.as_ref(), [6]);
    assert!((10_000..11_000).contains(&gas_used), "{gas_used}");

    let (outcome,) = call(hash("arithmetic"), Some(gas_used - 1)).await.unwrap();
    let (valid, result, used, errors) = outcome.unwrap();
    assert!(!valid && result.is_empty());
    assert_eq!(used, gas_used - 1);
    assert_eq!(errors, [format!("out of gas: the gas limit of {used} was reached")]);

    let (outcome,) = call(format!("p2:c{}", "0".repeat(64)), None).await.unwrap();
    let (code, message, hint) = outcome.unwrap_err();
    assert_eq!(ErrorCode::ALL[usize::from(code)], ErrorCode::UnknownContract);
    assert!(message.contains("the registry has no component p2:c000"), "{message}");
    assert!(hint.unwrap().contains("publish"));
    node.stop().await;
}

#[tokio::test]
async fn the_own_client_understands_everything() {
    let (node, _data) = node(Limits::default()).await;
    let client = node.client();
    let status = client.status().await.unwrap();
    assert_eq!(status.chain_id, "test");
    assert_eq!(status.gas_limit_default, 10_000_000);
    assert_eq!(status.gas_limit_max, 100_000_000);
    assert!(status.contracts.is_empty());

    let arithmetic = ComponentHash::of(&build::example("arithmetic"));
    let outcome = client.call(&arithmetic, "gcd", vec![12, 18], None).await.unwrap();
    assert!(outcome.valid);
    assert_eq!(outcome.result, [6]);

    let counter = ComponentHash::of(&build::example("counter"));
    let foreign = ComponentHash::of(&build::example("foreign-import"));
    let cases = [
        (&arithmetic, "nothing", vec![], None, ErrorCode::UnknownFunction, "the contract has no function `nothing`"),
        (
            &arithmetic,
            "gcd",
            vec![1],
            None,
            ErrorCode::MalformedParams,
            "parameter 2 `b`, byte 1: the bytes end too early",
        ),
        (&arithmetic, "gcd", vec![1, 2, 3], None, ErrorCode::MalformedParams, "more bytes follow the last value (1)"),
        (&arithmetic, "gcd", vec![1, 2], Some(u64::MAX), ErrorCode::GasLimitTooHigh, "over the maximum of 100000000"),
        (
            &counter,
            "counters#sum",
            vec![0],
            None,
            ErrorCode::FunctionNotCallable,
            "holds a handle of the resource `counter`",
        ),
        (
            &foreign,
            "hour",
            vec![],
            None,
            ErrorCode::RefusedContract,
            "`demo:clock/wall@0.1.0` (it holds the function `now`)",
        ),
    ];
    for (contract, function, parameters, gas_limit, code, part) in cases {
        let error = client.call(contract, function, parameters, gas_limit).await.unwrap_err();
        let (found, message) = refused(error);
        assert_eq!(found, code, "{message}");
        assert!(message.contains(part), "{message}");
    }

    let error = client.wit(&foreign, true).await.unwrap_err();
    assert_eq!(refused(error).0, ErrorCode::RefusedContract);
    let shop = ComponentHash::of(&build::example("shop"));
    let own = client.wit(&shop, false).await.unwrap();
    assert!(own.wit.contains("import demo:goods/types@0.1.0;"), "{}", own.wit);
    assert!(!own.wit.contains("package demo:goods"), "{}", own.wit);
    // Another contract has another WIT.
    let other = client.wit(&arithmetic, false).await.unwrap();
    assert!(other.wit.contains("gcd") && !other.wit.contains("order"), "{}", other.wit);
    node.stop().await;
}

/// The codes are numbered as in the WIT, and this WIT is what the node serves.
#[test]
fn error_codes_stand_in_the_wit_in_the_same_order() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/ledger-node");
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let interface = resolve.packages[package].interfaces["rpc"];
    let codes = resolve.interfaces[interface].types["error-code"];
    let wit_parser::TypeDefKind::Enum(codes) = &resolve.types[codes].kind else { panic!() };
    let declared: Vec<&str> = codes.cases.iter().map(|case| case.name.as_str()).collect();
    let served: Vec<String> = ErrorCode::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(declared, served[..declared.len()], "the codes of a chain follow");
}

#[test]
fn all_interfaces_that_the_project_defines_are_wit() {
    let wit = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    for folder in wit.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let mut resolve = wit_parser::Resolve::default();
        if folder.ends_with("ledger-host") {
            // It refers to this one.
            resolve.push_dir(wit.join("starstream-std")).unwrap();
        }
        assert!(resolve.push_dir(&folder).is_ok(), "{}", folder.display());
    }
}

/// Sends bytes and gives what comes back until the node closes the connection.
async fn exchange(node: &RunningNode, bytes: &[u8], end: bool) -> (Vec<u8>, Duration) {
    let started = Instant::now();
    let mut connection = TcpStream::connect(node.address).await.unwrap();
    // The node may have closed the connection before all of it is sent.
    let _ = connection.write_all(bytes).await;
    if end {
        let _ = connection.shutdown().await;
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(30), connection.read_to_end(&mut answer)).await.unwrap();
    (answer, started.elapsed())
}

fn header(interface: &str, function: &str) -> Vec<u8> {
    let mut writer = Writer::new(10_000);
    writer.byte(0).unwrap();
    writer.text(interface).unwrap();
    writer.text(function).unwrap();
    writer.into_bytes()
}

/// A frame of the message itself.
fn frame(data: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(1 << 24);
    writer.byte(0).unwrap();
    writer.list_of_bytes(data).unwrap();
    writer.into_bytes()
}

fn call_message(parameters: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(1 << 24);
    writer.text(&hash("arithmetic")).unwrap();
    writer.text("gcd").unwrap();
    writer.list_of_bytes(parameters).unwrap();
    writer.boolean(false).unwrap();
    writer.into_bytes()
}

const NODE: &str = "ledger:node/rpc@0.1.0";

/// The message of an answer that is a refusal: a frame with 1 (an error), its code and its message.
fn refusal(answer: &[u8]) -> (ErrorCode, String) {
    let mut reader = ledger_runtime::value::Reader::new(answer);
    assert_eq!(reader.byte().unwrap(), 0);
    let message = reader.list_of_bytes().unwrap();
    reader.finish().unwrap();
    let mut reader = ledger_runtime::value::Reader::new(message);
    assert!(reader.boolean().unwrap(), "an answer, not a refusal");
    let code = reader.unsigned(32).unwrap();
    (ErrorCode::ALL[usize::try_from(code).unwrap()], reader.text().unwrap().to_owned())
}

#[tokio::test]
async fn a_request_may_come_in_pieces() {
    let (node, _data) = node(Limits::default()).await;
    let message = call_message(&[12, 18]);
    let mut bytes = header(NODE, "call");
    for byte in &message {
        bytes.extend(frame(&[*byte]));
    }
    let (answer, _) = exchange(&node, &bytes, true).await;
    assert_eq!(answer[..6], [0, answer[1], 0, 1, 1, 6], "a frame, ok, valid, one byte, the result");

    // Every byte on its own, and the peer goes on writing nothing: the node does not wait for the end.
    let mut bytes = header(NODE, "call");
    bytes.extend(frame(&message));
    let mut connection = TcpStream::connect(node.address).await.unwrap();
    connection.set_nodelay(true).unwrap();
    for byte in bytes {
        connection.write_all(&[byte]).await.unwrap();
    }
    let mut answer = [0; 6];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[2..], [0, 1, 1, 6]);
    node.stop().await;
}

#[tokio::test]
async fn malformed_requests_are_answered_at_once() {
    let (node, _data) = node(Limits::default()).await;
    let whole = call_message(&[12, 18]);
    let mut surplus = whole.clone();
    surplus.push(0);
    let mut long_length = header(NODE, "call");
    long_length.extend([0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    let with_frame = |data: &[u8]| [header(NODE, "call"), frame(data)].concat();
    let with_path = [header(NODE, "call"), vec![1, 0, 1, 7]].concat();
    let cases = [
        (with_frame(&whole[..whole.len() - 1]), "the bytes end too early"),
        (with_frame(&[]), "the bytes end too early"),
        (header(NODE, "call"), "the bytes end too early"),
        ([header(NODE, "call"), vec![0, 5, 1]].concat(), "the bytes end too early"),
        (with_frame(&surplus), "more bytes follow the last value (1)"),
        (with_frame(&[0xff, 0xff, 0xff, 0xff, 0x1f]), "an integer does not fit into 32 bits"),
        (with_frame(&[1, 0xff]), "a text is not UTF-8"),
        (long_length, "exceeds maximum"),
        (with_path, "exceeds maximum"),
    ];
    for (bytes, part) in cases {
        let (answer, took) = exchange(&node, &bytes, true).await;
        assert!(took < AT_ONCE);
        let (code, message) = refusal(&answer);
        assert_eq!(code, ErrorCode::MalformedRequest);
        assert!(message.contains(part), "{message}");
    }
    // What is not an invocation, or not of a function that is served, is not answered.
    for bytes in [
        vec![1],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        header("ledger:node/rpc@0.1.0", "no-such-function"),
        header("ledger:node/rpc@0.3.0", "call"),
        header("ledger:node/chain@0.1.0", "status"),
        header("ledger:node/chain@0.2.0", "call"),
        header("starstream:wrpc-multiplexer/handler", "get-wit"),
        header(&"x".repeat(5_000), "call"),
        [header("starstream:wrpc-multiplexer/handler", "call"), frame(&surplus)].concat(),
    ] {
        let (answer, took) = exchange(&node, &bytes, false).await;
        assert!(took < AT_ONCE);
        assert!(answer.is_empty(), "{answer:?}");
    }
    assert!(node.client().status().await.is_ok());
    node.stop().await;
}

#[tokio::test]
async fn half_sent_requests_end_after_a_while() {
    let time = Duration::from_millis(300);
    let (node, _data) = node(Limits { request_time_max: time, ..Limits::default() }).await;
    let whole = [header(NODE, "call"), frame(&call_message(&[12, 18]))].concat();
    for length in [0, 1, 10, 40, whole.len() - 1] {
        let (answer, took) = exchange(&node, &whole[..length], false).await;
        assert!(took >= time && took < Duration::from_secs(5), "{length}: {took:?}");
        if length > 30 {
            assert!(refusal(&answer).1.contains("did not come within"), "{length}");
        } else {
            assert!(answer.is_empty());
        }
    }
    node.stop().await;
}

#[tokio::test]
async fn too_many_frames_and_too_large_requests_are_refused() {
    let (node, _data) = node(Limits::default()).await;
    let limits = Limits::default();
    let mut bytes = header(NODE, "call");
    for _ in 0..=limits.message_frames_max {
        bytes.extend(frame(&[]));
    }
    assert!(refusal(&exchange(&node, &bytes, true).await.0).1.contains("more than 1000 frames"));

    // Each frame is small enough, all together are not.
    let mut bytes = [header(NODE, "call"), frame(&call_message(&[0; 1 << 20])[..1 << 20])].concat();
    bytes.extend(frame(&vec![0; 200 << 10]));
    assert!(refusal(&exchange(&node, &bytes, true).await.0).1.contains("larger than"));
    node.stop().await;
}

#[tokio::test]
async fn idle_connections_do_not_keep_others_out_for_long() {
    let limits = Limits { connections_max: 4, request_time_max: Duration::from_millis(400), ..Limits::default() };
    let (node, _data) = node(limits).await;
    let mut idle = Vec::new();
    for _ in 0..4 {
        idle.push(TcpStream::connect(node.address).await.unwrap());
    }
    let started = Instant::now();
    assert!(node.client().status().await.is_ok());
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(idle);
    node.stop().await;
}

#[tokio::test]
async fn a_peer_that_goes_away_changes_nothing() {
    let (node, _data) = node(Limits::default()).await;
    let endless = ComponentHash::of(&build::example("endless"));
    let client = node.client();
    for _ in 0..3 {
        let call = client.call(&endless, "run", vec![], Some(100_000_000));
        let _ = tokio::time::timeout(Duration::from_millis(20), call).await;
    }
    let arithmetic = ComponentHash::of(&build::example("arithmetic"));
    assert!(client.call(&arithmetic, "gcd", vec![1, 2], None).await.unwrap().valid);
    node.stop().await;
}

#[tokio::test]
async fn the_client_does_not_believe_a_node() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wrpc+tcp://{}", listener.local_addr().unwrap());
    let answers: [Vec<u8>; 5] =
        [vec![], frame(&[0, 0]), frame(&[7]), vec![0, 0xff, 0xff, 0xff, 0xff, 0x0f], [frame(&[1, 99, 0, 0])].concat()];
    let expected = ["end too early", "end too early", "must be 0 or 1", "exceeds maximum", "case 99 does not exist"];
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            connection.read_to_end(&mut request).await.unwrap();
            connection.write_all(&answer).await.unwrap();
        }
    });
    let client = NodeClient::new(&url).unwrap();
    let contract = ComponentHash::of(b"");
    for part in expected {
        let error = client.call(&contract, "run", vec![], None).await.unwrap_err();
        let NodeClientError::Answer { error, .. } = error else { panic!("{error}") };
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// A node from before there was a chain ends the connection, but has a status.
#[tokio::test]
async fn a_node_that_does_not_serve_a_function_is_told_from_one_that_is_none() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wrpc+tcp://{}", listener.local_addr().unwrap());
    let answers = [vec![], frame(&[1, b'1', 1, b'c', 0, 5, 9]), vec![], vec![]];
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            connection.read_to_end(&mut request).await.unwrap();
            connection.write_all(&answer).await.unwrap();
        }
    });
    let client = NodeClient::new(&url).unwrap();
    let error = client.chain_status().await.unwrap_err();
    assert!(error.to_string().ends_with("answers, but not `status` of `ledger:node/chain@0.2.0`"), "{error}");
    assert!(error.hint().unwrap().starts_with("is the node older than this program?"));
    assert!(matches!(client.chain_status().await.unwrap_err(), NodeClientError::Answer { .. }));
}

#[test]
fn urls_of_nodes() {
    for url in ["wrpc+tcp://127.0.0.1:7879", "wrpc+tcp://localhost:1", "wrpc+tcp://[::1]:7879/"] {
        assert!(NodeClient::new(url).is_ok(), "{url}");
    }
    for url in [
        "",
        "127.0.0.1:7879",
        "http://127.0.0.1:7879",
        "wrpc+tcp://",
        "wrpc+tcp://:1",
        "wrpc+tcp://host",
        "wrpc+tcp://host:99999",
    ] {
        assert!(NodeClient::new(url).is_err(), "{url}");
    }
}

#[tokio::test]
async fn what_is_being_served_is_finished_when_the_node_stops() {
    let source = Arc::new(LocalSource { delay: Duration::from_millis(500), ..LocalSource::with_examples() });
    let data = tempfile::tempdir().unwrap();
    let node = RunningNode::start(data.path(), &[], source).await.unwrap();
    let client = node.client();
    let contract = ComponentHash::of(&build::example("arithmetic"));
    let call = tokio::spawn(async move { client.call(&contract, "gcd", vec![12, 18], None).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let client = node.client();
    node.stop().await;
    assert_eq!(call.await.unwrap().unwrap().result, [6]);
    assert!(matches!(client.status().await, Err(NodeClientError::Unreachable { .. })));
}

#[tokio::test]
async fn random_bytes_do_not_disturb_the_node() {
    let (node, _data) = node(Limits::default()).await;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let whole = [header(NODE, "call"), frame(&call_message(&[12, 18]))].concat();
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..=random() % 4 {
            let position = usize::try_from(random()).unwrap() % bytes.len();
            bytes[position] = random().to_le_bytes()[0];
        }
        let (_, took) = exchange(&node, &bytes, true).await;
        assert!(took < AT_ONCE, "{bytes:02x?}");
    }
    assert!(node.client().status().await.is_ok());
    node.stop().await;
}

#[test]
fn the_largest_parameters_fit_into_a_request() {
    let parameters = ledger_runtime::profile::ExecutionProfile::default().values.encoded_size_bytes_max;
    assert!(Limits::default().request_size_bytes_max >= parameters + 2 * Limits::default().header_size_bytes_max);
}
