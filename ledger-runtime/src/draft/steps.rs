//! A transaction of several calls out of its text.

use super::calls::{Calls, Named, Object, Thing, is_contract};
use super::text::{Call, Line, Part, StepsTextError, parse};
use super::{CallLine, ContractTexts, Draft, DraftError, DraftOptions, Target, results};
use crate::abi::ObjectName;
use crate::admission::coroutine::ObjectKind;
use crate::value::{ValueLimits, decode_result};
use crate::wave::{Callee, GivenObject};
use ledger_core::{ObjectId, Receipt, RootCall, RootStep, StepCall, Token, Transaction, Utxo};
use registry_core::id::{ComponentHash, TokenId, UtxoId};
use std::collections::BTreeMap;
use wasm_wave::value::Value;
use wasm_wave::wasm::WasmValue;

/// Makes the transaction that makes the calls which `text` writes, one a line, in order. What is named in it is known in all
/// lines below. `docs/steps.md` has the grammar.
///
/// Where a script makes a UTXO or a token, which one it is among all that the transaction makes is found out by simulating
/// the calls up to there.
///
/// # Errors
/// If the text is not one of calls, a call does not fit its contract, or the node can't be asked.
pub async fn draft_steps(
    texts: &mut ContractTexts<'_>,
    text: &str,
    options: &DraftOptions,
) -> Result<Draft, DraftError> {
    // Editors may write a mark of the encoding at the start.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = parse(text)?;
    let mut steps = Steps {
        text,
        calls: Calls::begin(texts, options).await?,
        names: BTreeMap::new(),
        steps: Vec::new(),
        callees: Vec::new(),
        lines: Vec::new(),
        made: Some(0),
        minted: Some(0),
        is_simulated: false,
    };
    for line in &lines {
        steps.line(line).await.map_err(|error| of_line(text, line, error))?;
    }
    if steps.steps.is_empty() {
        return Err(StepsTextError::new(text, text.len()..text.len(), "there is no call").into());
    }
    let transaction = steps.transaction().await?;
    Ok(Draft { transaction, calls: steps.callees, lines: steps.lines, drops_state: false })
}

/// Says in which line an error is, if it does not say so itself.
fn of_line(text: &str, line: &Line<'_>, error: DraftError) -> DraftError {
    if matches!(error, DraftError::Steps(_)) {
        return error;
    }
    let CallLine { line, text } = call_line(text, line);
    DraftError::Line { line, text, error: Box::new(error) }
}

fn call_line(text: &str, line: &Line<'_>) -> CallLine {
    let before = text.get(..line.name.unwrap_or(line.target).start).unwrap_or_default();
    CallLine { line: before.matches('\n').count() + 1, text: line.shown() }
}

struct Steps<'x, 't, 'n> {
    text: &'x str,
    calls: Calls<'t, 'n>,
    names: BTreeMap<&'x str, Thing>,
    steps: Vec<RootStep>,
    callees: Vec<Callee>,
    lines: Vec<CallLine>,
    /// How many UTXOs the calls so far make; none if only their simulation tells.
    made: Option<u32>,
    /// How many tokens they mint.
    minted: Option<u32>,
    /// Whether a script may have made some of these, so that not every one is made by a call itself.
    is_simulated: bool,
}

/// What the calls so far do when they are simulated.
struct Simulation {
    transaction: Transaction,
    receipt: Receipt,
}

impl<'x> Steps<'x, '_, '_> {
    async fn line(&mut self, line: &Line<'x>) -> Result<(), DraftError> {
        if let Some(name) = line.name
            && self.names.contains_key(name.text)
        {
            let message = format!("`{}` is the name of something else already", name.text);
            return Err(name.error(self.text, message).into());
        }
        let target = self.target(line.target).await?;
        let calls_before = self.steps.len();
        let named = match line.call {
            Some(call) => self.call(&target, call, line.name.is_some()).await?,
            None if line.is_discard => {
                self.discard(&target, line.target)?;
                None
            }
            None => Some(target),
        };
        if self.steps.len() > calls_before {
            self.lines.push(call_line(self.text, line));
        }
        if let (Some(name), Some(thing)) = (line.name, named) {
            self.names.insert(name.text, thing);
        }
        Ok(())
    }

    async fn target(&mut self, part: Part<'x>) -> Result<Thing, DraftError> {
        if let Some(thing) = self.names.get(part.text) {
            return Ok(thing.clone());
        }
        let known = self.known();
        if let Ok(place @ (ObjectName::Made(_) | ObjectName::Minted(_))) = part.text.parse() {
            return match known.made(place).map_err(|message| part.error(self.text, message))? {
                Some(object) => Ok(Thing::Object(object)),
                None => self.made_by_script(place).await,
            };
        }
        let target: Target = part.text.parse().map_err(|error: super::TargetError| {
            let message = if is_word(part.text) { known.nothing_called(part.text) } else { error.to_string() };
            part.error(self.text, message)
        })?;
        self.calls.target(&target).await
    }

    /// What is known from the lines above.
    fn known(&self) -> Known<'_> {
        Known { names: &self.names, steps: (!self.is_simulated).then_some(self.steps.as_slice()) }
    }

    /// Adds the burning of a token without its code.
    fn discard(&mut self, target: &Thing, part: Part<'_>) -> Result<(), DraftError> {
        let no_token = || part.error(self.text, format!("`{}` is no token, and only tokens are discarded", part.text));
        let callee = Calls::discard(target).ok_or_else(no_token)?;
        self.steps.push(RootStep { call: callee.call.clone(), arguments: Vec::new() });
        self.callees.push(callee);
        Ok(())
    }

    /// Adds a call. Gives what it makes if somebody wants a name for it.
    async fn call(&mut self, target: &Thing, call: Call<'_>, is_named: bool) -> Result<Option<Thing>, DraftError> {
        let callee = self.calls.callee(target, call.function.text).await?;
        if is_named && callee.gives.is_none() {
            let (function, signature) = (callee.name, Box::new(callee.signature));
            return Err(DraftError::NothingToName { function, signature });
        }
        let known = Known { names: &self.names, steps: (!self.is_simulated).then_some(self.steps.as_slice()) };
        let look = |name: &str| known.named(name);
        let arguments = self.calls.arguments(target.contract(), &callee, call.arguments.text, &look).await?;
        let place = match (&callee.call, is_named) {
            (StepCall::Main { .. }, true) => Some(ObjectName::Made(self.count(ObjectKind::Utxo).await?)),
            (StepCall::Mint { .. }, true) => Some(ObjectName::Minted(self.count(ObjectKind::Token).await?)),
            _ => None,
        };
        let contract = target.contract();
        self.steps.push(RootStep { call: callee.call.clone(), arguments });
        self.callees.push(callee.clone());
        match &callee.call {
            StepCall::Main { .. } => self.made = self.made.map(|made| made + 1),
            StepCall::Mint { .. } => self.minted = self.minted.map(|minted| minted + 1),
            StepCall::Function { contract, .. } if self.calls.text(contract).await?.is_coroutine() => {
                (self.made, self.minted, self.is_simulated) = (None, None, true);
            }
            StepCall::Function { .. }
            | StepCall::Method { .. }
            | StepCall::TokenMethod { .. }
            | StepCall::Burn { .. }
            | StepCall::Discard { .. } => {}
        }
        match (place, &callee.gives) {
            (Some(name), Some(GivenObject { type_name, .. })) => {
                Ok(Some(Thing::Object(Object { name, contract, type_name: type_name.clone() })))
            }
            (None, Some(given)) if is_named => self.result(&callee, contract, given).await.map(Some),
            _ => Ok(None),
        }
    }

    /// How many UTXOs are made, or tokens minted, by the calls so far.
    async fn count(&mut self, kind: ObjectKind) -> Result<u32, DraftError> {
        if self.made.is_none() || self.minted.is_none() {
            let Simulation { receipt, .. } = self.simulate().await?;
            let minted = receipt.tokens.iter().filter(|change| change.from.is_none());
            self.minted = u32::try_from(minted.count()).ok();
            self.made = u32::try_from(receipt.created.len() + receipt.ephemeral.len()).ok();
        }
        let count = match kind {
            ObjectKind::Utxo => self.made,
            ObjectKind::Token => self.minted,
        };
        count.ok_or_else(|| DraftError::Simulation { failure: "it makes more than a transaction can".to_owned() })
    }

    /// What the last call, which is of a script, gives when all so far are simulated.
    async fn result(
        &mut self,
        callee: &Callee,
        contract: ComponentHash,
        given: &GivenObject,
    ) -> Result<Thing, DraftError> {
        let simulation = self.simulate().await?;
        let failure = |what: &str| DraftError::Simulation { failure: what.to_owned() };
        let encoded = simulation
            .receipt
            .outcome
            .as_ref()
            .map_err(|failure| DraftError::Simulation { failure: failure.to_string() })?;
        let results =
            results(&simulation.transaction.call, encoded).map_err(|_| failure("its result has another form"))?;
        let result = results.last().ok_or_else(|| failure("it has no result"))?;
        let value: Option<Value> = decode_result(callee.signature.result.as_ref(), result, &ValueLimits::default())
            .map_err(DraftError::Answer)?;
        let text = value.map(|value| value.unwrap_string().into_owned()).unwrap_or_default();
        let id = match text.parse() {
            Ok(ObjectName::Id(id)) => id,
            _ => return Err(failure("its result is no object")),
        };
        match simulation.place_of(id) {
            // A type that is not the contract's own may be another contract's.
            Some(name) if given.type_name.is_none() => {
                let object = simulation.made(name).ok_or_else(|| failure("its result does not live on"))?;
                Ok(Thing::Object(object))
            }
            Some(name) => Ok(Thing::Object(Object { name, contract, type_name: given.type_name.clone() })),
            None => {
                let target = match id {
                    ObjectId::Utxo(utxo) => Target::Utxo(crate::utxo_name::UtxoName::Id(utxo)),
                    ObjectId::Token(token) => Target::Token(token),
                };
                self.calls.target(&target).await
            }
        }
    }

    /// Something that the calls so far make, by its place.
    async fn made_by_script(&mut self, name: ObjectName) -> Result<Thing, DraftError> {
        let known = self.names.values().find_map(|thing| match thing {
            Thing::Object(object) if object.name == name => Some(thing.clone()),
            Thing::Object(_) | Thing::Contract(_) => None,
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let simulation = self.simulate().await?;
        let object = simulation.made(name).ok_or_else(|| DraftError::Simulation {
            failure: match name {
                ObjectName::Minted(_) => format!("they mint no token `{name}`"),
                ObjectName::Made(_) | ObjectName::Id(_) => format!("they make no UTXO `{name}` that lives on"),
            },
        })?;
        Ok(Thing::Object(object))
    }

    async fn simulate(&self) -> Result<Simulation, DraftError> {
        let transaction = self.transaction().await?;
        let receipt = self.calls.node().simulate_beginning(&transaction).await?.receipt;
        match &receipt.outcome {
            Ok(_) => Ok(Simulation { transaction, receipt }),
            Err(failure) => Err(DraftError::Simulation { failure: format!("their simulation failed: {failure}") }),
        }
    }

    async fn transaction(&self) -> Result<Transaction, DraftError> {
        self.calls.transaction(RootCall::Calls(self.steps.clone()), Vec::new()).await
    }
}

/// What the lines above tell without asking anybody.
struct Known<'a> {
    names: &'a BTreeMap<&'a str, Thing>,
    /// The calls, if only they themselves make UTXOs and mint tokens; none if one is of a script.
    steps: Option<&'a [RootStep]>,
}

impl Known<'_> {
    /// What a word or a place among arguments stands for; none if it is the name of something that the chain keeps.
    fn named(&self, name: &str) -> Result<Option<Named>, String> {
        match self.names.get(name) {
            Some(Thing::Object(object)) => return Ok(Some(Named::Object(object.clone()))),
            Some(Thing::Contract(_)) => return Err(is_contract(name)),
            None if is_word(name) => return Err(self.nothing_called(name)),
            None => {}
        }
        match name.parse() {
            Ok(place @ (ObjectName::Made(_) | ObjectName::Minted(_))) => {
                Ok(Some(self.made(place)?.map_or(Named::Place(place), Named::Object)))
            }
            Ok(ObjectName::Id(_)) | Err(_) => Ok(None),
        }
    }

    /// What the calls make at a place, or that they make nothing there; none if only a simulation tells.
    fn made(&self, name: ObjectName) -> Result<Option<Object>, String> {
        let Some(steps) = self.steps else { return Ok(None) };
        let (place, is_wanted): (u32, fn(&StepCall) -> bool) = match name {
            ObjectName::Made(place) => (place, |call| matches!(call, StepCall::Main { .. })),
            ObjectName::Minted(place) => (place, |call| matches!(call, StepCall::Mint { .. })),
            ObjectName::Id(_) => return Ok(None),
        };
        let makers: Vec<&StepCall> = steps.iter().map(|step| &step.call).filter(|call| is_wanted(call)).collect();
        match usize::try_from(place).ok().and_then(|place| makers.get(place)) {
            Some(StepCall::Main { contract, type_name, .. } | StepCall::Mint { contract, type_name, .. }) => {
                Ok(Some(Object { name, contract: *contract, type_name: Some(type_name.clone()) }))
            }
            Some(_) | None => Err(match (name, makers.len()) {
                (ObjectName::Minted(_), count) => {
                    format!("there is no `{name}`: the calls above mint {}", counted(count, "token"))
                }
                (_, count) => format!("there is no `{name}`: the calls above make {}", counted(count, "UTXO")),
            }),
        }
    }

    fn nothing_called(&self, word: &str) -> String {
        let known: Vec<String> = self.names.keys().map(|name| format!("`{name}`")).collect();
        match known.as_slice() {
            [] => format!("nothing is called `{word}` above"),
            known => format!("nothing is called `{word}` above; there are {}", known.join(", ")),
        }
    }
}

/// Whether a text can only be a name that a line gives.
fn is_word(text: &str) -> bool {
    !text.contains([':', '#'])
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}"),
        1 => format!("one {what}"),
        count => format!("{count} {what}s"),
    }
}

impl Simulation {
    /// The id of what it made at a place.
    fn utxo(&self, place: u32) -> UtxoId {
        Utxo::id(&self.transaction.chain, &self.receipt.transaction, place)
    }

    fn token(&self, place: u32) -> TokenId {
        Token::id(&self.transaction.chain, &self.receipt.transaction, place)
    }

    /// The place of something among what it made; none if it was there before.
    fn place_of(&self, id: ObjectId) -> Option<ObjectName> {
        let made = self.receipt.created.len() + self.receipt.ephemeral.len();
        let made = 0..u32::try_from(made).unwrap_or(u32::MAX);
        let minted = 0..u32::try_from(self.receipt.tokens.len()).unwrap_or(u32::MAX);
        match id {
            ObjectId::Utxo(utxo) => made.into_iter().find(|place| self.utxo(*place) == utxo).map(ObjectName::Made),
            ObjectId::Token(token) => {
                minted.into_iter().find(|place| self.token(*place) == token).map(ObjectName::Minted)
            }
        }
    }

    /// What it made at a place, if that lives on.
    fn made(&self, name: ObjectName) -> Option<Object> {
        match name {
            ObjectName::Made(place) => {
                let id = self.utxo(place);
                let created = self.receipt.created.iter().find(|created| created.utxo == id)?;
                Some(Object { name, contract: created.contract, type_name: None })
            }
            ObjectName::Minted(place) => {
                let id = self.token(place);
                let change = self.receipt.tokens.iter().find(|change| change.token == id)?;
                Some(Object { name, contract: change.contract, type_name: Some(change.type_name.clone()) })
            }
            ObjectName::Id(_) => None,
        }
    }
}
