//! The calls of one transaction, as far as they are known, and the UTXOs and tokens that they use.

use super::{ContractTexts, DraftError, DraftOptions, Target, VALID_BLOCKS_DEFAULT, encode_arguments};
use crate::abi::ObjectName;
use crate::rpc::{ChainStatus, ErrorCode, LiveUtxo, NodeClient, NodeClientError, TokenAnswer, UtxoAnswer};
use crate::utxo_name::{UtxoName, UtxoNameError};
use crate::wave::{Callee, CalleeError, ContractText, FoundObject, ObjectType};
use ledger_core::{Input, ObjectId, RootCall, TokenRef, Transaction, UtxoRef};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, ParseIdError, TokenId, UtxoId};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What something can be called of.
#[derive(Debug, Clone)]
pub(super) enum Thing {
    Contract(ComponentHash),
    Object(Object),
}

/// A UTXO or a token, kept or made by the transaction.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) name: ObjectName,
    pub(super) contract: ComponentHash,
    /// None if a script made it, and does not say of which type it is.
    pub(super) type_name: Option<String>,
}

impl Thing {
    /// The contract that it is, or of which it is.
    pub(super) fn contract(&self) -> ComponentHash {
        match self {
            Self::Contract(contract) => *contract,
            Self::Object(object) => object.contract,
        }
    }
}

/// What a transaction calls and uses, while it is put together.
pub(super) struct Calls<'t, 'n> {
    texts: &'t mut ContractTexts<'n>,
    options: &'t DraftOptions,
    status: ChainStatus,
    references: Vec<Found>,
    /// UTXOs that are used, in the order in which they are named.
    used: Vec<Found>,
    /// The contracts of which something is called.
    contracts: BTreeSet<ComponentHash>,
}

/// A UTXO that lives, as far as a transaction must know it.
#[derive(Debug, Clone, Copy)]
struct Found {
    id: UtxoId,
    version: u64,
}

/// What a name among arguments means, or why it means nothing, to be shown where it stands.
type Meaning = Result<FoundObject, String>;

/// What a word or a place among arguments stands for, or why it stands for nothing; none if it must name what the chain keeps.
pub(super) type Look<'a> = &'a (dyn Fn(&str) -> Result<Option<Named>, String> + Sync);

impl<'t, 'n> Calls<'t, 'n> {
    /// Nothing is called yet.
    pub(super) async fn begin(texts: &'t mut ContractTexts<'n>, options: &'t DraftOptions) -> Result<Self, DraftError> {
        let node = texts.node;
        let status = node.chain_status().await?;
        let mut references = Vec::new();
        for name in &options.references {
            references.push(found(&*live(node, name).await?));
        }
        Ok(Self { texts, options, status, references, used: Vec::new(), contracts: BTreeSet::new() })
    }

    pub(super) fn node(&self) -> &'n NodeClient {
        self.texts.node
    }

    pub(super) async fn text(&mut self, contract: &ComponentHash) -> Result<Arc<ContractText>, DraftError> {
        self.texts.of(contract).await
    }

    /// What a target is; a UTXO, or the one that holds a token, is used from now on.
    pub(super) async fn target(&mut self, target: &Target) -> Result<Thing, DraftError> {
        Ok(match target {
            Target::Contract(contract) => Thing::Contract(*contract),
            Target::Utxo(name) => {
                let utxo = live(self.node(), name).await?.utxo;
                self.used.push(Found { id: utxo.id, version: utxo.version });
                let name = ObjectName::Id(ObjectId::Utxo(utxo.id));
                Thing::Object(Object { name, contract: utxo.contract, type_name: Some(utxo.type_name) })
            }
            Target::Token(id) => {
                let (contract, type_name) = self.use_token(id).await?;
                let name = ObjectName::Id(ObjectId::Token(*id));
                Thing::Object(Object { name, contract, type_name: Some(type_name) })
            }
        })
    }

    /// Makes the UTXO that holds a token one that is used.
    async fn use_token(&mut self, id: &TokenId) -> Result<(ComponentHash, String), DraftError> {
        match self.node().token(id).await? {
            TokenAnswer::Held(held) => {
                let holder = live(self.node(), &UtxoName::Id(held.holder)).await?;
                self.used.push(found(&holder));
                Ok((held.token.contract, held.token.type_name))
            }
            TokenAnswer::Burned(burned) => Err(DraftError::Burned { token: *id, height: burned.height }),
        }
    }

    /// The UTXO that was found first must have this version.
    pub(super) fn expect_version(&mut self, version: u64) {
        if let Some(first) = self.used.first_mut() {
            first.version = version;
        }
    }

    /// The burning of a token without its code; none if the thing is no token.
    pub(super) fn discard(thing: &Thing) -> Option<Callee> {
        match thing {
            Thing::Object(Object { name: ObjectName::Id(ObjectId::Token(token)), .. }) => {
                Some(Callee::discard(TokenRef::Kept(*token)))
            }
            Thing::Object(Object { name: ObjectName::Minted(place), .. }) => {
                Some(Callee::discard(TokenRef::Minted(*place)))
            }
            Thing::Object(_) | Thing::Contract(_) => None,
        }
    }

    /// What a name means as a function of something.
    pub(super) async fn callee(&mut self, thing: &Thing, function: &str) -> Result<Callee, DraftError> {
        match thing {
            Thing::Contract(contract) => {
                self.contracts.insert(*contract);
                Ok(self.text(contract).await?.callee(*contract, function)?)
            }
            Thing::Object(object) => {
                self.contracts.insert(object.contract);
                let text = self.text(&object.contract).await?;
                match &object.type_name {
                    Some(type_name) => Ok(function_of(&text, object.name, type_name, function)?),
                    None => function_of_any(&text, object, function),
                }
            }
        }
    }

    /// The encoded arguments of a call of something of `contract`. A word among them is what `look` says; every UTXO, and
    /// every holder of a token, is used from now on.
    pub(super) async fn arguments(
        &mut self,
        contract: ComponentHash,
        callee: &Callee,
        text: &str,
        look: Look<'_>,
    ) -> Result<Vec<u8>, DraftError> {
        // What a name means has to be asked of the node, so the text is read twice: for the names, and with the answers.
        let mut meanings: Vec<(String, Meaning)> = Vec::new();
        for (name, named) in names(contract, callee, text, look)? {
            if meanings.iter().all(|(known, _)| *known != name) {
                let meaning = match named {
                    Named::Place(name) => Ok(name.into()),
                    Named::Object(object) => Ok(object.seen_from(contract)),
                    Named::Kept(target) => self.meaning(contract, &target).await?,
                };
                meanings.push((name, meaning));
            }
        }
        let look_up = |text: &str| {
            let (_, meaning) = meanings.iter().find(|(name, _)| name == text).ok_or("it is not known")?;
            meaning.clone()
        };
        encode_arguments(callee, text, &look_up)
    }

    async fn meaning(&mut self, called: ComponentHash, target: &Target) -> Result<Meaning, DraftError> {
        match self.target(target).await {
            Ok(Thing::Object(object)) => Ok(Ok(object.seen_from(called))),
            Ok(Thing::Contract(contract)) => Ok(Err(is_contract(&contract.to_string()))),
            Err(DraftError::Node(NodeClientError::Refused(refusal))) => Ok(Err(refusal.message)),
            Err(other) => Err(other),
        }
    }

    /// The transaction that makes a call, and uses what was found so far.
    pub(super) async fn transaction(&self, call: RootCall, arguments: Vec<u8>) -> Result<Transaction, DraftError> {
        let (inputs, references) = self.inputs_and_references();
        let gas_limit = match self.options.gas_limit {
            Some(gas_limit) => gas_limit,
            None => self.gas_limit_default().await?,
        };
        let header = &self.status.header;
        let valid_until = header.moment.height.saturating_add(VALID_BLOCKS_DEFAULT);
        Ok(Transaction {
            chain: header.chain.clone(),
            nonce: self.options.nonce,
            valid_from: 0,
            valid_until: self.options.valid_until.unwrap_or(valid_until),
            inputs,
            references,
            call,
            arguments,
            gas_limit,
        })
    }

    /// What calls may use if nobody says: what the node says, or what each contract allows if that is less.
    async fn gas_limit_default(&self) -> Result<u64, DraftError> {
        let mut limit = self.status.gas_limit_default;
        for contract in &self.contracts {
            match self.node().contract(contract).await {
                Ok(answer) => limit = answer.record.gas_limit_max.map_or(limit, |max| max.min(limit)),
                // Whoever makes a block says what is wrong with a contract that is not deployed.
                Err(NodeClientError::Refused(refusal)) if refusal.code == ErrorCode::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(limit)
    }

    /// Each UTXO once: among the references if it is named as one or nothing may be changed, among the inputs otherwise.
    fn inputs_and_references(&self) -> (Vec<Input>, Vec<Input>) {
        let reference_ids: BTreeSet<UtxoId> = self.references.iter().map(|reference| reference.id).collect();
        let mut seen = BTreeSet::new();
        let all = self.references.iter().chain(&self.used).filter(|found| seen.insert(found.id));
        let takes_latest = self.options.takes_latest;
        let inputs =
            all.map(|found| Input { utxo: found.id, version: if takes_latest { None } else { Some(found.version) } });
        inputs.partition(|input| !self.options.is_read_only && !reference_ids.contains(&input.utxo))
    }
}

/// A function of an object whose type is known.
fn function_of(
    text: &ContractText,
    object: ObjectName,
    type_name: &str,
    function: &str,
) -> Result<Callee, CalleeError> {
    match object {
        ObjectName::Id(ObjectId::Utxo(utxo)) => text.method(UtxoRef::Kept(utxo), type_name, function),
        ObjectName::Made(place) => text.method(UtxoRef::Made(place), type_name, function),
        ObjectName::Id(ObjectId::Token(token)) => text.token_function(TokenRef::Kept(token), type_name, function),
        ObjectName::Minted(place) => text.token_function(TokenRef::Minted(place), type_name, function),
    }
}

/// A function of an object that is of one of its contract's types: the only type, or the only one with this function.
fn function_of_any(text: &ContractText, object: &Object, function: &str) -> Result<Callee, DraftError> {
    let is_token = matches!(object.name, ObjectName::Minted(_) | ObjectName::Id(ObjectId::Token(_)));
    let types: Vec<&str> = if is_token { text.token_types().collect() } else { text.utxo_types().collect() };
    if let [only] = types.as_slice() {
        return Ok(function_of(text, object.name, only, function)?);
    }
    let mut found = types.iter().filter_map(|name| function_of(text, object.name, name, function).ok());
    match (found.next(), found.next()) {
        (Some(callee), None) => Ok(callee),
        _ => Err(DraftError::UnknownType {
            what: if is_token { "token" } else { "UTXO" },
            name: object.name.to_string(),
            contract: object.contract,
        }),
    }
}

/// What a name among arguments stands for.
#[derive(Debug, Clone)]
pub(super) enum Named {
    /// Something that the transaction makes, of which no more is known.
    Place(ObjectName),
    /// Something that has a name, or that a call above makes.
    Object(Object),
    /// Something that the chain keeps.
    Kept(Target),
}

impl Named {
    fn read(name: &str, look: Look<'_>) -> Result<Self, String> {
        if let Some(named) = look(name)? {
            return Ok(named);
        }
        if let Ok(place @ (ObjectName::Made(_) | ObjectName::Minted(_))) = name.parse() {
            return Ok(Self::Place(place));
        }
        if name.starts_with(TokenId::PREFIX) {
            let token: TokenId = name.parse().map_err(|error: ParseIdError| error.to_string())?;
            return Ok(Self::Kept(Target::Token(token)));
        }
        let utxo: UtxoName = name.parse().map_err(|error: UtxoNameError| error.to_string())?;
        Ok(Self::Kept(Target::Utxo(utxo)))
    }

    /// An object of the same kind: which one it is does not matter where only names are looked for.
    fn example(&self, called: ComponentHash) -> Result<FoundObject, String> {
        match self {
            Self::Place(place) => Ok((*place).into()),
            Self::Object(object) => Ok(object.seen_from(called)),
            Self::Kept(Target::Utxo(_)) => Ok(ObjectName::Id(ObjectId::Utxo(UtxoId::from_digest(Digest::ZERO))).into()),
            Self::Kept(Target::Token(token)) => Ok(ObjectName::Id(ObjectId::Token(*token)).into()),
            Self::Kept(Target::Contract(contract)) => Err(is_contract(&contract.to_string())),
        }
    }
}

impl Object {
    /// As a contract of which something is called sees it.
    fn seen_from(&self, contract: ComponentHash) -> FoundObject {
        let is_own = self.contract == contract;
        let object_type = self.type_name.clone().map(|name| ObjectType { name, is_own });
        FoundObject { name: self.name, object_type }
    }
}

pub(super) fn is_contract(name: &str) -> String {
    format!("`{name}` is a contract, and neither a UTXO nor a token")
}

/// The names of UTXOs and tokens among the arguments.
fn names(
    contract: ComponentHash,
    callee: &Callee,
    text: &str,
    look: Look<'_>,
) -> Result<Vec<(String, Named)>, DraftError> {
    let names = RefCell::new(Vec::new());
    let note = |name: &str| {
        let read = Named::read(name, look)?;
        let example = read.example(contract);
        names.borrow_mut().push((name.to_owned(), read));
        example
    };
    encode_arguments(callee, text, &note)?;
    Ok(names.into_inner())
}

pub(super) async fn live(node: &NodeClient, name: &UtxoName) -> Result<Box<LiveUtxo>, DraftError> {
    match node.utxo(name).await? {
        UtxoAnswer::Live(utxo) => Ok(utxo),
        UtxoAnswer::Consumed(consumed) => Err(DraftError::Consumed { utxo: *name, height: consumed.height }),
    }
}

fn found(live: &LiveUtxo) -> Found {
    Found { id: live.utxo.id, version: live.utxo.version }
}
