//! What the functions of `ledger:node/chain` do.

use super::answer::{
    BlockAnswer, BurnedToken, ChainStatus, ConsumedSummary, ContractAnswer, HeldToken, ImportedContract, LiveUtxo,
    TokenAnswer, TransactionAnswer, TransactionSummary, UtxoAnswer, UtxoPage, UtxoSummary,
};
use super::refusal::{ErrorCode, Refusal};
use crate::admission::coroutine::method_ids;
use crate::chain::{Committed, Ledger, Simulated};
use crate::contract_hash;
use crate::execution::Extent;
use crate::service::{Service, ServiceError};
use crate::store::{Snapshot, StorageError, TokenPage, TokenStatus};
use crate::utxo_name::UtxoName;
use ledger_core::{Callable, Canonical, MethodId, StateError, Transaction, Utxo, UtxoStatus};
use registry_core::id::{BlockId, ComponentHash, ParseIdError, TokenId, TransactionId};
use registry_core::with_causes;
use std::collections::BTreeMap;
use wit_parser::FunctionKind;

const DEPLOY_HINT: &str = "`ledger deploy` makes a contract part of the chain";

pub(super) async fn submit(service: &Service, transaction: &[u8]) -> Result<Committed, Refusal> {
    Ok(service.ledger().submit(decode(transaction)?).await?)
}

pub(super) async fn simulate(service: &Service, transaction: &[u8], is_beginning: bool) -> Result<Simulated, Refusal> {
    let extent = if is_beginning { Extent::Beginning } else { Extent::Whole };
    Ok(service.ledger().simulate(decode(transaction)?, extent).await?)
}

pub(super) async fn deploy(
    service: &Service,
    contract: &str,
    gas_limit_max: Option<u64>,
) -> Result<Committed, Refusal> {
    Ok(service.ledger().deploy(contract_of(contract)?, gas_limit_max).await?)
}

fn decode(transaction: &[u8]) -> Result<Transaction, Refusal> {
    Transaction::from_bytes(transaction).map_err(|error| Refusal {
        code: ErrorCode::MalformedTransaction,
        message: with_causes(&error),
        hint: Some("docs/ledger.md says how a transaction is encoded".to_owned()),
    })
}

pub(super) async fn utxo(service: &Service, name: &str) -> Result<UtxoAnswer, Refusal> {
    let utxo_name: UtxoName = name.parse().map_err(malformed_name)?;
    let found = read(service.ledger(), move |snapshot| {
        let id = match utxo_name {
            UtxoName::Id(id) => Some(id),
            UtxoName::Serial(contract, serial) => snapshot.utxo_by_serial(&contract, serial)?,
        };
        let status = id.map(|id| Ok::<_, ReadError>((id, snapshot.compared_utxo(&id)?))).transpose()?;
        Ok(status.and_then(|(id, status)| Some((id, status?))))
    });
    match found.await?.ok_or_else(|| not_found("UTXO", name, "`ledger utxos` lists those that live"))? {
        (_, UtxoStatus::Live(utxo)) => {
            let method_names = method_names(service, &utxo).await?;
            Ok(UtxoAnswer::Live(Box::new(LiveUtxo { utxo, method_names })))
        }
        (utxo, UtxoStatus::Consumed { slot, height, contract, serial, type_name }) => {
            Ok(UtxoAnswer::Consumed(ConsumedSummary { utxo, slot, height, contract, serial, type_name }))
        }
    }
}

/// What the contract calls the methods that may be called.
async fn method_names(service: &Service, utxo: &Utxo) -> Result<BTreeMap<MethodId, String>, Refusal> {
    let Callable::Methods(ids) = &utxo.content.callable else { return Ok(BTreeMap::new()) };
    let contract = service.contract(&utxo.contract).await?;
    let functions = contract.executable.interface().functions().iter();
    let methods = functions.filter(|function| {
        let is_method = matches!(function.declaration.kind, FunctionKind::Method(_));
        is_method && function.interface.as_ref() == Some(&utxo.type_name)
    });
    let names = methods.map(|method| method.declaration.item_name());
    let candidates = names.flat_map(|name| method_ids(name).into_iter().map(move |id| (id, name.to_owned())));
    Ok(candidates.filter(|(id, _)| ids.contains(id)).collect())
}

pub(super) async fn utxos(
    service: &Service,
    contract: Option<&str>,
    after: Option<&str>,
    limit: u32,
    limit_max: u32,
) -> Result<UtxoPage, Refusal> {
    check_page(limit, limit_max)?;
    let contract = contract.map(contract_of).transpose()?;
    let after: Option<UtxoName> = after.map(str::parse).transpose().map_err(malformed_name)?;
    let page = read(service.ledger(), move |snapshot| {
        let after = match after {
            Some(UtxoName::Serial(contract, serial)) => Some((contract, serial)),
            Some(UtxoName::Id(id)) => match snapshot.utxo(&id)? {
                Some(UtxoStatus::Live(utxo)) => Some((utxo.contract, utxo.serial)),
                Some(UtxoStatus::Consumed { .. }) | None => {
                    let hint = "the next page begins after what this one calls `next`";
                    return Ok(Err(not_found("live UTXO", &id.to_string(), hint)));
                }
            },
            None => None,
        };
        if let Some(contract) = contract
            && snapshot.contract(&contract)?.is_none()
        {
            return Ok(Err(not_found("contract", &contract.to_string(), DEPLOY_HINT)));
        }
        Ok(Ok(snapshot.utxos(contract.as_ref(), after, limit as usize)?))
    });
    let page = page.await??;
    let next = page.next.map(|(contract, serial)| UtxoName::Serial(contract, serial));
    Ok(UtxoPage { utxos: page.utxos.into_iter().map(UtxoSummary::from).collect(), next })
}

fn check_page(limit: u32, limit_max: u32) -> Result<(), Refusal> {
    if (1..=limit_max).contains(&limit) {
        return Ok(());
    }
    let message = format!("a page can have 1 to {limit_max} entries (`page_utxos_max`), not {limit}");
    Err(Refusal { code: ErrorCode::MalformedRequest, message, hint: None })
}

pub(super) async fn token(service: &Service, id: &str) -> Result<TokenAnswer, Refusal> {
    let token: TokenId = id.parse().map_err(malformed_id)?;
    let found = read(service.ledger(), move |snapshot| Ok(snapshot.token(&token)?)).await?;
    Ok(match found.ok_or_else(|| not_found("token", id, TOKENS_HINT))? {
        TokenStatus::Held { token, holder } => TokenAnswer::Held(HeldToken { token, holder }),
        TokenStatus::Burned { height, contract, type_name } => {
            TokenAnswer::Burned(BurnedToken { token, contract, type_name, height })
        }
    })
}

const TOKENS_HINT: &str = "`ledger tokens` lists those that are not burned";

/// Which tokens somebody wants a page of.
pub(super) struct WantedTokens {
    pub(super) contract: Option<String>,
    pub(super) type_name: Option<String>,
    pub(super) after: Option<String>,
    pub(super) limit: u32,
}

pub(super) async fn tokens(service: &Service, wanted: WantedTokens, limit_max: u32) -> Result<TokenPage, Refusal> {
    let WantedTokens { contract, type_name, after, limit } = wanted;
    check_page(limit, limit_max)?;
    let contract = contract.as_deref().map(contract_of).transpose()?;
    let after: Option<TokenId> = after.as_deref().map(str::parse).transpose().map_err(malformed_id)?;
    let page = read(service.ledger(), move |snapshot| {
        if let Some(contract) = contract
            && snapshot.contract(&contract)?.is_none()
        {
            return Ok(Err(not_found("contract", &contract.to_string(), DEPLOY_HINT)));
        }
        if let Some(after) = after
            && snapshot.token(&after)?.is_none()
        {
            return Ok(Err(not_found(
                "token",
                &after.to_string(),
                "the next page begins after what this one calls `next`",
            )));
        }
        Ok(Ok(snapshot.tokens(contract.as_ref(), type_name.as_deref(), after.as_ref(), limit as usize)?))
    });
    page.await?
}

impl From<Utxo> for UtxoSummary {
    fn from(utxo: Utxo) -> Self {
        let Utxo { id, contract, serial, type_name, version, .. } = utxo;
        Self { id, contract, serial, type_name, version }
    }
}

pub(super) async fn block(service: &Service, height: Option<u64>) -> Result<BlockAnswer, Refusal> {
    let block = read(service.ledger(), move |snapshot| {
        let header = match height {
            Some(height) => snapshot.header(height)?,
            None => snapshot.tip()?,
        };
        let Some(header) = header else { return Ok(None) };
        let receipts = snapshot.receipts(header.moment.height)?.unwrap_or_default();
        let transactions = receipts.iter().map(|receipt| TransactionSummary {
            id: receipt.transaction,
            failure: receipt.outcome.as_ref().err().map(|failure| failure.kind),
            gas_used: receipt.gas_used,
        });
        Ok(Some(BlockAnswer { id: header.id(), transactions: transactions.collect(), header }))
    });
    let name = height.map_or_else(|| "latest".to_owned(), |height| height.to_string());
    block.await?.ok_or_else(|| not_found("block", &name, "`ledger status` tells how high the chain is"))
}

pub(super) async fn transaction(service: &Service, id: &str) -> Result<TransactionAnswer, Refusal> {
    let transaction: TransactionId = id.parse().map_err(malformed_id)?;
    let found = read(service.ledger(), move |snapshot| {
        let Some(place) = snapshot.place(&transaction)? else { return Ok(None) };
        let (Some((transaction, receipt)), Some(header)) =
            (snapshot.transaction(place)?, snapshot.header(place.height)?)
        else {
            return Ok(None);
        };
        let block: BlockId = header.id();
        Ok(Some(TransactionAnswer { height: place.height, index: place.index, block, transaction, receipt }))
    });
    let hint = "an invalid transaction is in no block, and one that still waits is in none yet";
    found.await?.ok_or_else(|| not_found("transaction", id, hint))
}

pub(super) async fn contract(service: &Service, contract: &str) -> Result<ContractAnswer, Refusal> {
    let hash = contract_of(contract)?;
    let found = read(service.ledger(), move |snapshot| Ok(snapshot.contract(&hash)?)).await?;
    let (record, counters) = found.ok_or_else(|| not_found("contract", contract, DEPLOY_HINT))?;
    Ok(ContractAnswer { record, counters })
}

pub(super) async fn imports(service: &Service, contract: &str) -> Result<Vec<ImportedContract>, Refusal> {
    let needed = service.imports(contract).await?;
    read(service.ledger(), move |snapshot| {
        let answer = |contract: ComponentHash| {
            let is_deployed = snapshot.contract(&contract)?.is_some();
            Ok(ImportedContract { contract, is_deployed })
        };
        needed.into_iter().map(answer).collect()
    })
    .await
}

pub(super) async fn status(service: &Service) -> Result<ChainStatus, Refusal> {
    let header = read(service.ledger(), |snapshot| Ok(snapshot.tip()?)).await?;
    let header = header.ok_or_else(|| not_found("block", "latest", "the chain has not begun"))?;
    let node = service.status();
    Ok(ChainStatus {
        tip: header.id(),
        header,
        gas_limit_default: node.gas_limit_default,
        gas_limit_max: node.gas_limit_max,
    })
}

/// Why the chain cannot be read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ReadError {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::State(StateError(error)) => error.downcast_ref::<StorageError>().and_then(StorageError::hint),
            Self::Storage(error) => error.hint(),
        }
    }
}

/// Reads the chain as it is after its latest block.
async fn read<T: Send + 'static>(
    ledger: &Ledger,
    action: impl FnOnce(&dyn Snapshot) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Refusal> {
    let fault = |error: &dyn std::error::Error, hint: Option<&str>| Refusal {
        code: ErrorCode::NodeFault,
        message: with_causes(error),
        hint: hint.map(str::to_owned),
    };
    ledger.read(action).await.map_err(|error| fault(&error, None))?.map_err(|error| fault(&error, error.hint()))
}

fn contract_of(text: &str) -> Result<ComponentHash, Refusal> {
    Ok(contract_hash::parse(text).map_err(ServiceError::from)?)
}

fn malformed_id(error: ParseIdError) -> Refusal {
    Refusal { code: ErrorCode::MalformedHash, message: error.to_string(), hint: None }
}

fn malformed_name(error: crate::utxo_name::UtxoNameError) -> Refusal {
    let hint = Some("a UTXO is named by its id, `p2:u…`, or as `contract#serial`".to_owned());
    Refusal { code: ErrorCode::MalformedHash, message: error.to_string(), hint }
}

fn not_found(what: &str, name: &str, hint: &str) -> Refusal {
    let message = format!("the chain has no {what} `{name}`");
    Refusal { code: ErrorCode::NotFound, message, hint: Some(hint.to_owned()) }
}
