//! What can be said to use a chain.

use super::{InvocationArguments, NodeArguments, misuse};
use clap::Args;
use clap::error::ErrorKind;
use ledger_runtime::contract_hash;
use ledger_runtime::draft::Target;
use ledger_runtime::utxo_name::UtxoName;
use registry_core::id::{BlockId, ComponentHash, TokenId, TransactionId};
use std::num::ParseIntError;

pub(super) const TRANSACT_EXAMPLES: &str = "\
Examples:
  ledger transact p2:c… create 77
      Run a coordination script.
  ledger transact p2:c… counter::start 77
      Run a main function of the UTXO type `counter`, which creates a UTXO.
  ledger transact p2:u… bump 5
      Call a method of a UTXO; `p2:c…#0` names the first UTXO of a contract.
  ledger transact p2:c… send '\"p2:c…#0\", \"p2:c…#1\", 5'
      A UTXO among the arguments is its name in quotes.
  ledger transact p2:c… ::add 5
      Call a function of a contract that keeps its state itself (`get-storage`); its instance becomes a UTXO.
  ledger transact p2:k… detach '\"p2:c…#0\"'
      Call a function of a token.
  ledger transact --step 't = p2:c….coin::mint(7)' --step 't.attach(\"p2:c…#0\")'
      Several calls in one transaction: mint a token, and bind it to a UTXO.
  ledger transact --steps steps.txt
      The same from a file, one call a line; docs/steps.md says how they are written.";

pub(super) const DEPLOY_EXAMPLES: &str = "\
Examples:
  ledger deploy \"$(registry publish counter.wasm)\"
  ledger deploy p2:c… --gas-limit-max 20000000
      No call of this contract can ask for more gas.";

pub(super) const UTXO_EXAMPLES: &str = "\
Examples:
  ledger utxo p2:u…
  ledger utxo p2:c…#0 --json
      The first UTXO of a contract.";

pub(super) const UTXOS_EXAMPLES: &str = "\
Examples:
  ledger utxos
  ledger utxos --contract p2:c… --limit 20
  ledger utxos --after p2:c…#19
      The next page.";

pub(super) const TOKEN_EXAMPLES: &str = "\
Examples:
  ledger token p2:k…
  ledger token p2:k… --json";

pub(super) const TOKENS_EXAMPLES: &str = "\
Examples:
  ledger tokens
  ledger tokens --contract p2:c… --type coin --limit 20
  ledger tokens --after p2:k…
      The next page.";

pub(super) const BLOCK_EXAMPLES: &str = "\
Examples:
  ledger block
      The latest.
  ledger block 0 --json
      What the chain began with.";

pub(super) const TRANSACTION_EXAMPLES: &str = "\
Examples:
  ledger transaction p2:t…
  ledger transaction p2:t… --json";

pub(super) const CONTRACT_EXAMPLES: &str = "\
Examples:
  ledger contract p2:c…
  ledger contract p2:c… --json";

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  ledger status
  ledger status --json";

#[derive(Debug, Args)]
pub(crate) struct TransactArguments {
    #[command(flatten)]
    pub(crate) invocation: InvocationArguments,
    /// A UTXO that may be read and not changed; can be given several times.
    #[arg(long = "reference", value_name = "UTXO")]
    pub(crate) references: Vec<UtxoName>,
    /// Change none of the UTXOs that are named: if the contract would, the transaction fails.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Take the UTXOs as they are when it is the transaction's turn, even if somebody else changes them before.
    #[arg(long)]
    pub(crate) latest: bool,
    /// The version that the UTXO must have whose method is called [default: the one that it has now].
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["latest", "steps", "step"])]
    pub(crate) version: Option<u64>,
    /// The height of the last block that the transaction may be in [default: 1000 after the latest].
    #[arg(long, value_name = "HEIGHT")]
    pub(crate) valid_until: Option<u64>,
    /// Tells the transaction apart from another that asks for the same [default: a random number].
    #[arg(long)]
    pub(crate) nonce: Option<u64>,
}

impl TransactArguments {
    /// Ends the program if a version is named of what has none.
    pub(super) fn refuse_version_of_contract(&self) {
        let is_utxo = matches!(self.invocation.target, None | Some(Target::Utxo(_)));
        if self.version.is_some() && !is_utxo {
            let message = "only UTXOs have versions, and the target is none".to_owned();
            misuse("transact", ErrorKind::ArgumentConflict, message);
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DeployArguments {
    /// The contract's component hash.
    #[arg(value_parser = contract_hash::parse)]
    pub(crate) contract: ComponentHash,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Do not deploy the contracts that it imports: if the chain does not have them, it is refused.
    #[arg(long)]
    pub(crate) no_imports: bool,
    /// The gas that calls of the contract may ask for at most [default: the chain's maximum].
    #[arg(long, value_name = "GAS")]
    pub(crate) gas_limit_max: Option<u64>,
    /// Print the transaction and its block as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UtxoArguments {
    /// The UTXO: its id, or `contract#serial`.
    pub(crate) name: UtxoName,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UtxosArguments {
    /// Only those of this contract.
    #[arg(long, value_name = "HASH", value_parser = contract_hash::parse)]
    pub(crate) contract: Option<ComponentHash>,
    /// Only those after this one; at the end of a page stands what to write here for the next.
    #[arg(long, value_name = "UTXO")]
    pub(crate) after: Option<UtxoName>,
    /// How many at most, up to 1000.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Print `{utxos, next}` as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// The token's id.
    pub(crate) id: TokenId,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokensArguments {
    /// Only those of this contract.
    #[arg(long, value_name = "HASH", value_parser = contract_hash::parse)]
    pub(crate) contract: Option<ComponentHash>,
    /// Only those of this type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// Only those after this one; at the end of a page stands what to write here for the next.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) after: Option<TokenId>,
    /// How many at most, up to 1000.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Print `{tokens, next}` as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Blocks are asked for by their height; their ids are what everybody sees of them.
fn height(text: &str) -> Result<u64, String> {
    let reason = |_| match text.parse::<BlockId>() {
        Ok(_) => {
            "it is the id of a block, and blocks are asked for by height: `ledger transaction` shows that of a \
                  transaction's block, and `ledger status` that of the latest"
        }
        Err(_) => "a block is asked for by its height, a number",
    };
    text.parse().map_err(|error: ParseIntError| reason(error).to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct BlockArguments {
    /// The block's height [default: that of the latest].
    #[arg(value_parser = height)]
    pub(crate) height: Option<u64>,
    /// Show all transactions, however many there are.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Print it as JSON, with all transactions.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TransactionArguments {
    /// The transaction's id.
    pub(crate) id: TransactionId,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ContractArguments {
    /// The contract's component hash.
    #[arg(value_parser = contract_hash::parse)]
    pub(crate) contract: ComponentHash,
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) node: NodeArguments,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
