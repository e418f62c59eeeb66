//! What can be said on the command line.

mod chain;
mod project;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod reference;

pub(crate) use chain::{
    BlockArguments, ContractArguments, DeployArguments, StatusArguments, TokenArguments, TokensArguments,
    TransactArguments, TransactionArguments, UtxoArguments, UtxosArguments,
};
pub(crate) use project::{BuildArguments, NewArguments};

use crate::failure::{USAGE, report_json};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use ledger_runtime::contract_hash;
use ledger_runtime::draft::Target;
use ledger_runtime::node::LISTEN_DEFAULT;
use ledger_runtime::rpc::{NodeClient, NodeClientError};
use registry_client::{Client, ClientError, DEFAULT_URL};
use registry_core::id::ComponentHash;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;

const DEMO_EXAMPLES: &str = "\
Examples:
  ledger demo
  ledger demo --data-dir ./demo
      Keep what it makes where you want it.";

const EXAMPLES: &str = "\
Examples:
  ledger demo
      See all of it work.
  ledger serve
      Start a node with a chain of your own; the URL is the one line on stdout.
  ledger call p2:c… gcd '12, 18'
      Call a function of a contract.
  ledger wit p2:c…
      Show what a contract offers.
  ledger new my-counter
      Begin a contract in Rust; `ledger build` makes the component.
  ledger deploy p2:c…
      Make a contract part of the chain.
  ledger transact p2:c… counter::start 77
      Change the chain; `ledger utxo`, `utxos`, `block`, `transaction`, `contract` and `status` show what is there.

Exit codes:
  0  it worked
  1  it did not; with --json, the error on stderr is one JSON object: {\"error\": {\"message\", \"hint\", \"code\"}}
  2  the command line cannot be understood";

const SERVE_EXAMPLES: &str = "\
Examples:
  ledger serve
      Serve on this machine only, and keep everything in the user's data directory: go on with the chain that is there, or
      begin a local one.
  ledger serve --genesis genesis.json --registry http://127.0.0.1:7878 --data-dir ./ledger-data
      Begin, or go on with, a chain that a file describes, with the contracts that it names.
  ledger serve --listen 127.0.0.1:0
      Pick a free port; the URL is the one line on stdout.
  ledger serve --block-time-ms 2000
      Make a block every two seconds if there is something to put in it, not as soon as there is.
  RUST_LOG=debug ledger serve …
      Log more.

A genesis file:
  {\"format\": 2, \"chain_id\": \"my-chain\", \"contracts\": [\"p2:c…\"]}
      Optional: \"genesis_time\" (\"2026-11-20T00:00:00Z\": the genesis block's time, where slots are counted from; without
      it 1970-01-01T00:00:00Z), \"slot_length_ms\" (1000), \"floats_allowed\" (true); a contract may be {\"hash\": \"p2:c…\", \"gas_limit_max\": 20000000}.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  ledger verify --data-dir ./ledger-data
      The node must not run: one process at a time has its data.";

const CHECK_EXAMPLES: &str = "\
Examples:
  ledger check --data-dir ./ledger-data
      The node must not run: one process at a time has its data.";

const CALL_EXAMPLES: &str = "\
Examples:
  ledger call p2:c… gcd '12, 18'
  ledger call p2:c… order '[{name: \"tea\", unit-price: 450, quantity: 2}], percent(10), {gift-wrap}, none'
  ledger call p2:c… 'demo:counting/counters@0.1.0#clamp' 2000
  ledger call p2:c… counters#clamp 2000 --json
      As long as one function is meant, its interface's name is enough.
  ledger call p2:u… value
      Call a method of a UTXO, and change nothing.
  ledger call p2:c… create-bumped '10, 5'
      See what a coordination script would do.
  ledger call --steps steps.txt
      See what a transaction of several calls would do.";

const WIT_EXAMPLES: &str = "\
Examples:
  ledger wit p2:c…
  ledger wit p2:c… --resolve > contract.wit
      With all packages that it refers to, so that the file parses on its own.";

/// A local ledger: contracts are known by their hash, fetched from a registry, verified, and executed.
#[derive(Debug, Parser)]
#[command(name = "ledger", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a node.
    ///
    /// A data directory that is empty becomes a chain: a local one, or that of a genesis file, of which every contract is
    /// fetched from the registry, verified and deployed in the genesis block. A chain that is there goes on, and needs no
    /// registry for what is deployed. When the node is ready, it prints its URL as one line on stdout; everything else goes to stderr. SIGINT
    /// and SIGTERM stop it when the block that is being made is kept; a second one stops it at once.
    ///
    /// Transactions use contracts that are deployed. `ledger call`, which changes nothing, can be made of any other
    /// contract too: it is fetched from the registry and verified.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArguments),
    /// Call a function of a contract or a method of a UTXO, and change nothing.
    ///
    /// The arguments are WAVE, typed by the contract's WIT; so is the result on stdout, or that of each of
    /// several calls on a line of its own. A plain function runs in a fresh
    /// instance of any contract that the node's registry has. Scripts, main functions (`type::main`) and methods of UTXOs
    /// run on the latest state of the chain, as `ledger transact` would run them; what they would do is told on stderr.
    ///
    /// With --json, stdout has the one document {valid, outcome, result, gas_used, errors}: `outcome` is "succeeded",
    /// "failed" (while it ran) or "invalid" (it did not run), and `valid` is whether it succeeded. A call on the chain's state has {failure, created, changed, consumed, ephemeral,
    /// read, deployed, events} too. Only if no node answers there is none. What went wrong is on stderr too, as one JSON
    /// object: {"error": {"message", "hint", "code"}}, where `code` is the kind of refusal as the node's WIT calls it, `failed(trap)` and the like for what failed while it ran.
    #[command(after_help = CALL_EXAMPLES)]
    Call(InvocationArguments),
    /// Send a transaction, and wait until it is in a durable block.
    ///
    /// It is one call: of a coordination script or a plain function of a contract, of a main function of a UTXO type
    /// (`type::main`), of a method of a UTXO, or of a function of a token; or it is several (--steps), one after another, of which
    /// later ones use what earlier ones made. The UTXOs that it names are its inputs, in the versions that they have
    /// now: if somebody else changes one before, the transaction is invalid (but see --latest). It happens whole or not
    /// at all. One that is invalid is in no block; one that fails while it runs is in a block and has used its gas.
    ///
    /// Its id is told on stderr when it is sent, but not with --json: `ledger transaction` shows later what became of it. With
    /// --json, stdout has one document: {transaction, height, index, block}, and what `ledger call` prints but `valid`.
    #[command(after_help = chain::TRANSACT_EXAMPLES)]
    Transact(TransactArguments),
    /// Make a contract part of the chain.
    ///
    /// The node fetches it from its registry, verifies it, and puts it with everything that it needs into a block. From
    /// then on nobody has to ask a registry for it. What the contract imports is deployed before it.
    #[command(after_help = chain::DEPLOY_EXAMPLES)]
    Deploy(DeployArguments),
    /// Show a UTXO: its state, and what can be called.
    #[command(after_help = chain::UTXO_EXAMPLES)]
    Utxo(UtxoArguments),
    /// List the UTXOs that live.
    #[command(after_help = chain::UTXOS_EXAMPLES)]
    Utxos(UtxosArguments),
    /// Show a token: its state, and the UTXO that holds it.
    #[command(after_help = chain::TOKEN_EXAMPLES)]
    Token(TokenArguments),
    /// List the tokens that are not burned.
    #[command(after_help = chain::TOKENS_EXAMPLES)]
    Tokens(TokensArguments),
    /// Show a block.
    #[command(after_help = chain::BLOCK_EXAMPLES)]
    Block(BlockArguments),
    /// Show a transaction, and what it did.
    #[command(after_help = chain::TRANSACTION_EXAMPLES)]
    Transaction(TransactionArguments),
    /// Show a contract of the chain.
    #[command(after_help = chain::CONTRACT_EXAMPLES)]
    Contract(ContractArguments),
    /// Show what the chain is, and how far it is.
    #[command(after_help = chain::STATUS_EXAMPLES)]
    Status(StatusArguments),
    /// Execute a whole chain again, and compare every header, receipt, root and call.
    ///
    /// No registry is asked. Exit code 1 with the first difference if there is one.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(DataArguments),
    /// Check the data of a chain: every hash, root, index and component, without executing anything.
    ///
    /// Exit code 1 with all that is damaged if something is.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(DataArguments),
    /// See all of it work: a registry, WASI 0.2, contracts, a ledger, calls.
    ///
    /// Everything runs in this process on free ports of this machine, begins with nothing, and is kept in a new
    /// folder, so that it can be gone on with.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArguments),
    /// Show the WIT of a contract.
    ///
    /// A comment before it says what a contract of Starstream's is in Starstream's terms: its types of UTXOs and tokens
    /// with their mains, methods and state, its scripts, events and effects, and what it uses of other contracts.
    #[command(after_help = WIT_EXAMPLES)]
    Wit(WitArguments),
    /// Begin a contract in Rust.
    ///
    /// Writes a project that builds: a counter with a main function, methods, two yields and an event, and scripts that
    /// use it. It has everything that it needs but Rust itself; nothing is fetched from this node or its registry. The
    /// folder is on stdout.
    #[command(after_help = project::NEW_EXAMPLES)]
    New(NewArguments),
    /// Build a contract in Rust.
    ///
    /// Lets cargo build the project for wasm32-unknown-unknown, makes a component of the module, and checks it as a node
    /// does before it deploys it, so that what would be refused is refused here. Contracts that it imports must lie in the
    /// project's folder `contracts`, as `contracts/NAME.wasm`. The component's path is on stdout.
    #[command(after_help = project::BUILD_EXAMPLES)]
    Build(BuildArguments),
}

impl Arguments {
    /// What the command line says, or the end of the program with exit code 2.
    pub(crate) fn read() -> Self {
        let arguments = Self::try_parse().unwrap_or_else(|error| exit(&error));
        match &arguments.command {
            Command::Call(call) => call.refuse_surplus("call"),
            Command::Transact(transact) => {
                transact.invocation.refuse_surplus("transact");
                transact.refuse_version_of_contract();
            }
            _ => {}
        }
        arguments
    }
}

/// Ends the program because of what the command line says.
fn exit(error: &clap::Error) -> ! {
    let wants_json = std::env::args_os().take_while(|text| text != "--").any(|text| text == "--json");
    if !error.use_stderr() || !wants_json {
        error.exit();
    }
    let text = error.render().to_string();
    let message = text.split("\n\nUsage:").next().unwrap_or_default();
    let message = message.split("\n\nFor more information").next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message).trim();
    report_json(message, Some("`ledger --help` and `ledger COMMAND --help` explain it".to_owned()), USAGE);
    std::process::exit(error.exit_code())
}

/// The error of a subcommand whose arguments do not fit together.
fn misuse(subcommand: &str, kind: ErrorKind, message: String) -> ! {
    let mut command = Arguments::command();
    command.build();
    let error = command.find_subcommand_mut(subcommand).map(|found| found.error(kind, &message));
    exit(&error.unwrap_or_else(|| Arguments::command().error(kind, message)))
}

impl Command {
    /// Whether a program reads what the command prints.
    pub(crate) fn prints_json(&self) -> bool {
        match self {
            Self::Call(arguments) => arguments.json,
            Self::Wit(arguments) => arguments.json,
            Self::Build(arguments) => arguments.json,
            Self::Transact(arguments) => arguments.invocation.json,
            Self::Deploy(arguments) => arguments.json,
            Self::Utxo(arguments) => arguments.json,
            Self::Utxos(arguments) => arguments.json,
            Self::Token(arguments) => arguments.json,
            Self::Tokens(arguments) => arguments.json,
            Self::Block(arguments) => arguments.json,
            Self::Transaction(arguments) => arguments.json,
            Self::Contract(arguments) => arguments.json,
            Self::Status(arguments) => arguments.json,
            Self::Verify(arguments) | Self::Check(arguments) => arguments.json,
            Self::Serve(_) | Self::Demo(_) | Self::New(_) => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The registry to fetch contracts from, when one is needed that the chain does not have.
    #[arg(long, value_name = "URL", env = "LEDGER_REGISTRY", default_value = DEFAULT_URL, value_parser = registry_url)]
    pub(crate) registry: String,
    /// The genesis file: what the chain begins with [default: that of the chain in the data directory; for an empty one, a
    /// chain called `local` that begins now without contracts].
    #[arg(long, value_name = "FILE", env = "LEDGER_GENESIS")]
    pub(crate) genesis: Option<PathBuf>,
    /// The IP address and port to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", env = "LEDGER_LISTEN", default_value_t = LISTEN_DEFAULT)]
    pub(crate) listen: SocketAddr,
    /// The directory for the node's data [default: ledger in $XDG_DATA_HOME or ~/.local/share].
    #[arg(long, value_name = "DIR", env = "LEDGER_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Make a block once in so many milliseconds [default: as soon as something waits].
    #[arg(long, value_name = "MS", env = "LEDGER_BLOCK_TIME_MS")]
    pub(crate) block_time_ms: Option<NonZeroU64>,
    /// Make a block also when there is nothing to put in it.
    #[arg(long, requires = "block_time_ms")]
    pub(crate) empty_blocks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DataArguments {
    /// The directory of the node's data [default: ledger in $XDG_DATA_HOME or ~/.local/share].
    #[arg(long, value_name = "DIR", env = "LEDGER_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print what was found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A call, whatever becomes of it.
#[derive(Debug, Args)]
pub(crate) struct InvocationArguments {
    /// The contract's component hash; a UTXO, by its id or as `contract#serial`; or a token, by its id.
    #[arg(required_unless_present_any = ["steps", "step"])]
    pub(crate) target: Option<Target>,
    /// The function: `name`, `interface#name` for one in an exported interface, `type::main` for one that creates a UTXO or
    /// mints a token.
    #[arg(required_unless_present_any = ["steps", "step"])]
    pub(crate) function: Option<String>,
    /// The arguments as WAVE, separated by commas.
    #[arg(default_value = "", hide_default_value = true, allow_hyphen_values = true, value_parser = wave)]
    pub(crate) arguments: String,
    /// What is written after the arguments, which are one text.
    #[arg(hide = true, allow_negative_numbers = true)]
    pub(crate) surplus: Vec<String>,
    /// A file with several calls, one a line, which are made in one transaction; `-` reads them from stdin.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "step"])]
    pub(crate) steps: Option<PathBuf>,
    /// One of several calls, as it stands in such a file; can be given several times.
    #[arg(long, value_name = "CALL", conflicts_with = "target")]
    pub(crate) step: Vec<String>,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// The gas that the call may use [default: what the node says].
    #[arg(long, value_name = "GAS", allow_negative_numbers = true)]
    pub(crate) gas_limit: Option<u64>,
    /// Print what came of it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl InvocationArguments {
    /// Ends the program if the arguments are not one text.
    fn refuse_surplus(&self, subcommand: &str) {
        if self.surplus.is_empty() {
            return;
        }
        let all = std::iter::once(&self.arguments).chain(&self.surplus).map(|text| text.trim_end_matches(','));
        let quoted = all.collect::<Vec<_>>().join(", ");
        let message = format!("the function's arguments are one argument of the command: '{quoted}'");
        misuse(subcommand, ErrorKind::TooManyValues, message);
    }
}

#[derive(Debug, Args)]
pub(crate) struct WitArguments {
    /// The contract's component hash.
    #[arg(value_parser = contract_hash::parse)]
    pub(crate) contract: ComponentHash,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Nest all packages that it refers to in the text.
    #[arg(long)]
    pub(crate) resolve: bool,
    /// Print the WIT alone, without the comment that explains it.
    #[arg(long)]
    pub(crate) plain: bool,
    /// Print `{wit, entrypoint, starstream}` as JSON: the text, the name of the contract's world in it, and what the
    /// contract is in Starstream's terms, if it is of that form.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// An empty folder for what the demo leaves behind [default: a new one among the temporary files].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A folder of WIT packages to publish, `wasi:http` among them [default: those of the wasip2 crate, which cargo finds].
    #[arg(long, value_name = "DIR")]
    pub(crate) wasi: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct NodeArguments {
    /// The node to ask.
    #[arg(long = "node", value_name = "URL", env = "LEDGER_NODE", default_value_t = default_url(), value_parser = node_url)]
    pub(crate) url: String,
}

fn default_url() -> String {
    format!("{}{LISTEN_DEFAULT}", ledger_runtime::rpc::URL_SCHEME)
}

fn node_url(text: &str) -> Result<String, NodeClientError> {
    NodeClient::new(text).map(|_| text.to_owned())
}

fn registry_url(text: &str) -> Result<String, ClientError> {
    match Client::new(text) {
        Err(error @ ClientError::Url { .. }) => Err(error),
        // Whether a client can be made here is not a matter of the text.
        Ok(_) | Err(_) => Ok(text.to_owned()),
    }
}

/// Negative numbers begin with a hyphen, and options that were misspelt do too.
fn wave(text: &str) -> Result<String, String> {
    let is_number =
        |rest: &str| rest.starts_with(|character: char| character.is_ascii_digit()) || rest.starts_with("inf");
    match text.strip_prefix('-') {
        Some(rest) if !is_number(rest) => {
            Err("it is no option of this command, and the arguments of a function cannot begin like this".to_owned())
        }
        Some(_) | None => Ok(text.to_owned()),
    }
}
