//! What a node answers, as it travels: each type is one of those in `wit/ledger-node`.

use super::encoding::{Encoded, read_case, read_enum, record, write_enum};
use crate::chain::{Committed, Simulated};
use crate::contracts::ContractWit;
use crate::execution::CallOutcome;
use crate::service::Status;
use crate::store::{TokenPage, TokenSummary};
use crate::utxo_name::UtxoName;
use crate::value::{Fault, Reader, Writer};
use ledger_core::{
    Callable, Canonical, ChangedUtxo, ConsumedUtxo, ContractCounters, ContractRecord, CreatedUtxo, Event, Failure,
    FailureFrame, FailureKind, FailureObject, Header, MethodId, Moment, Receipt, Token, TokenChange, TokenSupply,
    Transaction, Utxo, UtxoContent,
};
use registry_core::id::{BlockId, ComponentHash, TokenId, TransactionId, UtxoId};
use std::collections::BTreeMap;

/// A contract's WIT and the name of its world in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitAnswer {
    /// The text.
    pub wit: String,
    /// The full name of the contract's world.
    pub entrypoint: String,
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the function returned.
    pub valid: bool,
    /// The encoded result.
    pub result: Vec<u8>,
    /// The gas used.
    pub gas_used: u64,
    /// Why it did not return.
    pub errors: Vec<String>,
}

/// A contract that another one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedContract {
    /// The contract.
    pub contract: ComponentHash,
    /// Whether it is part of the chain.
    pub is_deployed: bool,
}

/// What became of a UTXO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UtxoAnswer {
    /// It lives.
    Live(Box<LiveUtxo>),
    /// It was consumed.
    Consumed(ConsumedSummary),
}

/// What is kept of a UTXO that was consumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumedSummary {
    /// Its id.
    pub utxo: UtxoId,
    /// Its place in the tree.
    pub slot: u32,
    /// The height of the block that consumed it.
    pub height: u64,
    /// Its contract.
    pub contract: ComponentHash,
    /// Its number among its contract's UTXOs.
    pub serial: u64,
    /// The exported interface that declares its type.
    pub type_name: String,
}

/// A UTXO that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveUtxo {
    /// All of it.
    pub utxo: Utxo,
    /// What its callable methods are called in the contract's WIT, as far as the contract exports them.
    pub method_names: BTreeMap<MethodId, String>,
}

/// What became of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAnswer {
    /// A UTXO holds it.
    Held(HeldToken),
    /// It was burned.
    Burned(BurnedToken),
}

/// A token that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldToken {
    /// All of it.
    pub token: Token,
    /// The UTXO that holds it.
    pub holder: UtxoId,
}

/// What is kept of a token that was burned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurnedToken {
    /// Its id.
    pub token: TokenId,
    /// Its contract.
    pub contract: ComponentHash,
    /// The exported interface that declares its type.
    pub type_name: String,
    /// The height of the block that burned it.
    pub height: u64,
}

/// What a list shows of a UTXO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UtxoSummary {
    /// Its id.
    pub id: UtxoId,
    /// Its contract.
    pub contract: ComponentHash,
    /// Its number among its contract's UTXOs.
    pub serial: u64,
    /// The exported interface that declares its type.
    pub type_name: String,
    /// How often its content has changed.
    pub version: u64,
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockAnswer {
    /// Its id.
    pub id: BlockId,
    /// What it commits to.
    pub header: Header,
    /// Its transactions, in order.
    pub transactions: Vec<TransactionSummary>,
}

/// What a list shows of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionSummary {
    /// Its id.
    pub id: TransactionId,
    /// The kind of its failure, if it failed.
    pub failure: Option<FailureKind>,
    /// The gas that it used.
    pub gas_used: u64,
}

/// A transaction of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionAnswer {
    /// The height of its block.
    pub height: u64,
    /// Its place in the block.
    pub index: u32,
    /// The block.
    pub block: BlockId,
    /// What was asked for.
    pub transaction: Transaction,
    /// What it did.
    pub receipt: Receipt,
}

/// A contract of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractAnswer {
    /// What was decided about it when it was deployed.
    pub record: ContractRecord,
    /// What changes about it.
    pub counters: ContractCounters,
}

/// How far a chain is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainStatus {
    /// The latest block.
    pub tip: BlockId,
    /// What it commits to.
    pub header: Header,
    /// The gas limit that is taken where nobody names one.
    pub gas_limit_default: u64,
    /// The highest gas limit of a transaction.
    pub gas_limit_max: u64,
}

/// Some of the UTXOs that live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UtxoPage {
    /// Not more than was asked for.
    pub utxos: Vec<UtxoSummary>,
    /// What to ask after for those that follow; none on the last page.
    pub next: Option<UtxoName>,
}

record!(WitAnswer { wit, entrypoint });
record!(Outcome { valid, result, gas_used, errors });
record!(Status { version, chain_id, contracts, gas_limit_default, gas_limit_max });
record!(Committed { height, index, block, receipt });
record!(Simulated { height, receipt });
record!(Receipt {
    transaction,
    outcome,
    gas_used,
    created,
    changed,
    consumed,
    ephemeral,
    read,
    deployed,
    tokens,
    events
});
record!(TokenChange { token, contract, type_name, from, to });
record!(CreatedUtxo { utxo, contract, serial, slot, leaf });
record!(ChangedUtxo { utxo, version, slot, leaf });
record!(ConsumedUtxo { utxo, slot });
record!(Event { contract, object, interface, name, arguments });
record!(Failure { kind, detail, frames });
record!(FailureFrame { contract, object, function });
record!(FailureObject { id, type_name });
record!(Token { id, contract, type_name, state });
record!(UtxoSummary { id, contract, serial, type_name, version });
record!(ConsumedSummary { utxo, slot, height, contract, serial, type_name });
record!(BlockAnswer { id, header, transactions });
record!(Moment { height, slot, time_ms });
record!(Header {
    hash_version,
    chain,
    profile,
    moment,
    parent,
    old_root,
    new_root,
    next_slot,
    contracts_root,
    next_contract_slot,
    transactions_root,
    receipts_root,
    claims_root,
});
record!(TransactionSummary { id, failure, gas_used });
record!(TransactionAnswer { height, index, block, transaction, receipt });
record!(ImportedContract { contract, is_deployed });
record!(TokenSupply { minted, burned });
record!(ChainStatus { tip, header, gas_limit_default, gas_limit_max });
record!(UtxoPage { utxos, next });
record!(HeldToken { token, holder });
record!(BurnedToken { token, contract, type_name, height });
record!(TokenSummary { id, contract, type_name, holder });
record!(TokenPage { tokens, next });

/// The kinds of failure, in the order of the enum `failure-kind`.
const FAILURE_KINDS: &[FailureKind] =
    &[FailureKind::OutOfGas, FailureKind::Trap, FailureKind::Refused, FailureKind::Effect, FailureKind::Limit];

impl Encoded for FailureKind {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        write_enum(FAILURE_KINDS, self, writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        read_enum(FAILURE_KINDS, reader)
    }
}

/// Its canonical encoding, as a list of bytes.
impl Encoded for Transaction {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.list_of_bytes(&self.to_bytes())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Self::from_bytes(reader.list_of_bytes()?).map_err(|_| Fault::NotOfForm { what: "an encoded transaction" })
    }
}

impl Encoded for ContractAnswer {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        let Self { record, counters } = self;
        record.contract.write(writer)?;
        record.view.write(writer)?;
        record.packages.write(writer)?;
        record.imports.write(writer)?;
        record.host_interface.write(writer)?;
        record.gas_limit_max.write(writer)?;
        record.slot.write(writer)?;
        counters.next_serial.write(writer)?;
        counters.tokens.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let record = ContractRecord {
            contract: Encoded::read(reader)?,
            view: Encoded::read(reader)?,
            packages: Encoded::read(reader)?,
            imports: Encoded::read(reader)?,
            host_interface: Encoded::read(reader)?,
            gas_limit_max: Encoded::read(reader)?,
            slot: Encoded::read(reader)?,
        };
        let counters = ContractCounters { next_serial: Encoded::read(reader)?, tokens: Encoded::read(reader)? };
        Ok(Self { record, counters })
    }
}

impl Encoded for UtxoAnswer {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        match self {
            Self::Live(utxo) => {
                writer.unsigned(0)?;
                utxo.write(writer)
            }
            Self::Consumed(consumed) => {
                writer.unsigned(1)?;
                consumed.write(writer)
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        match read_case(reader)? {
            0 => Ok(Self::Live(Box::new(LiveUtxo::read(reader)?))),
            1 => Ok(Self::Consumed(Encoded::read(reader)?)),
            index => Err(Fault::UnknownCase { index }),
        }
    }
}

impl Encoded for TokenAnswer {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        match self {
            Self::Held(held) => {
                writer.unsigned(0)?;
                held.write(writer)
            }
            Self::Burned(burned) => {
                writer.unsigned(1)?;
                burned.write(writer)
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        match read_case(reader)? {
            0 => Ok(Self::Held(Encoded::read(reader)?)),
            1 => Ok(Self::Burned(Encoded::read(reader)?)),
            index => Err(Fault::UnknownCase { index }),
        }
    }
}

impl Encoded for LiveUtxo {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        let Utxo { id, slot, contract, serial, type_name, version, content } = &self.utxo;
        id.write(writer)?;
        slot.write(writer)?;
        contract.write(writer)?;
        serial.write(writer)?;
        type_name.write(writer)?;
        version.write(writer)?;
        content.state.write(writer)?;
        match &content.callable {
            Callable::All => writer.unsigned(0)?,
            Callable::Methods(ids) => {
                writer.unsigned(1)?;
                let named = ids.iter().map(|id| (*id, self.method_names.get(id).cloned()));
                named.collect::<Vec<_>>().write(writer)?;
            }
        }
        content.tokens.write(writer)?;
        content.owner.write(writer)?;
        content.deposit.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let (id, slot, contract) = (Encoded::read(reader)?, Encoded::read(reader)?, Encoded::read(reader)?);
        let (serial, type_name, version) = (Encoded::read(reader)?, Encoded::read(reader)?, Encoded::read(reader)?);
        let state = Encoded::read(reader)?;
        let mut method_names = BTreeMap::new();
        let callable = match read_case(reader)? {
            0 => Callable::All,
            1 => {
                let methods: Vec<(MethodId, Option<String>)> = Encoded::read(reader)?;
                let ids = methods.iter().map(|(id, _)| *id).collect();
                method_names.extend(methods.into_iter().filter_map(|(id, name)| Some((id, name?))));
                Callable::Methods(ids)
            }
            index => return Err(Fault::UnknownCase { index }),
        };
        let (tokens, owner, deposit) = (Encoded::read(reader)?, Encoded::read(reader)?, Encoded::read(reader)?);
        let content = UtxoContent { state, callable, tokens, owner, deposit };
        Ok(Self { utxo: Utxo { id, slot, contract, serial, type_name, version, content }, method_names })
    }
}

impl From<CallOutcome> for Outcome {
    fn from(outcome: CallOutcome) -> Self {
        let (result, errors) = match outcome.result {
            Ok(result) => (result, Vec::new()),
            Err(failure) => (Vec::new(), vec![failure.to_string()]),
        };
        Self { valid: errors.is_empty(), result, gas_used: outcome.gas_used, errors }
    }
}

impl WitAnswer {
    /// The text with or without the packages that it refers to.
    pub(super) fn new(wit: ContractWit, resolve: bool) -> Self {
        Self { wit: if resolve { wit.flat } else { wit.own }, entrypoint: wit.world }
    }
}
