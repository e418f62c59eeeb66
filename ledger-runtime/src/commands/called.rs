//! What a transaction called, with its types.

use crate::failure::Failure;
use ledger_core::{Receipt, RootCall, RootStep, StepCall, Token, TokenChange, TokenRef, Transaction, Utxo, UtxoRef};
use ledger_runtime::draft::{CallLine, ContractTexts, Draft, DraftError};
use ledger_runtime::rpc::{NodeClient, TokenAnswer, UtxoAnswer};
use ledger_runtime::utxo_name::UtxoName;
use ledger_runtime::wave::{Callee, CalleeError};
use registry_core::id::{ComponentHash, TokenId, UtxoId};

/// What a transaction called. Of what failed or was consumed at once it may not be known any more what it was.
pub(super) enum Called {
    Deployment,
    One {
        call: RootCall,
        callee: Box<Option<Callee>>,
    },
    /// Where each stands in the text from which they were read is known if there was one.
    Several {
        call: RootCall,
        callees: Vec<Option<Callee>>,
        lines: Vec<CallLine>,
    },
}

/// A contract and the name of a type that it declares.
type ObjectType = (ComponentHash, String);

impl Called {
    pub(super) fn of_draft(draft: &Draft) -> Self {
        let call = draft.transaction.call.clone();
        let mut callees = draft.calls.iter().cloned().map(Some);
        match call {
            // A single call of a token is a transaction of one step.
            RootCall::Calls(_) if draft.lines.is_empty() => {
                Self::One { call, callee: Box::new(callees.next().flatten()) }
            }
            RootCall::Calls(_) => Self::Several { call, callees: callees.collect(), lines: draft.lines.clone() },
            RootCall::Deploy { .. } => Self::Deployment,
            _ => Self::One { call, callee: Box::new(callees.next().flatten()) },
        }
    }

    /// What a transaction of the chain called.
    pub(super) async fn of_transaction(
        texts: &mut ContractTexts<'_>,
        transaction: &Transaction,
        receipt: &Receipt,
    ) -> Result<Self, Failure> {
        let call = transaction.call.clone();
        let single = match &call {
            RootCall::Deploy { .. } => return Ok(Self::Deployment),
            RootCall::Calls(steps) => {
                let callees = Steps { transaction, receipt, made: Some(Vec::new()), minted: Vec::new() };
                let callees = callees.read(texts, steps).await?;
                return Ok(Self::Several { call, callees, lines: Vec::new() });
            }
            RootCall::Function { contract, function } => {
                StepCall::Function { contract: *contract, function: function.clone() }
            }
            RootCall::Main { contract, type_name, main } => {
                StepCall::Main { contract: *contract, type_name: type_name.clone(), main: main.clone() }
            }
            RootCall::Method { utxo, method } => {
                StepCall::Method { utxo: UtxoRef::Kept(*utxo), method: method.clone() }
            }
        };
        let mut steps = Steps { transaction, receipt, made: Some(Vec::new()), minted: Vec::new() };
        let callee = steps.callee(texts, &single).await?;
        Ok(Self::One { call, callee: Box::new(callee) })
    }
}

impl Called {
    /// What a failure or a refusal says, with the line in place of the number of the step, if it names one.
    pub(super) fn in_lines(&self, message: &str) -> String {
        match self {
            Self::Several { lines, .. } => in_lines(message, lines),
            Self::One { call: RootCall::Calls(_), .. } => message.replacen("step 1: ", "", 1),
            Self::One { .. } | Self::Deployment => message.to_owned(),
        }
    }
}

/// The number of a step counts calls, and who wrote them in lines looks for a line.
fn in_lines(message: &str, lines: &[CallLine]) -> String {
    const STEP: &str = "step ";
    let whole = || message.to_owned();
    let Some((before, behind)) = message.split_once(STEP) else { return whole() };
    let Some((number, reason)) = behind.split_once(": ") else { return whole() };
    let line = number.parse().ok().and_then(|number: usize| lines.get(number.checked_sub(1)?));
    line.map_or_else(whole, |CallLine { line, text }| format!("{before}line {line}, `{text}`: {reason}"))
}

/// Finds the types of what the steps of a transaction call.
struct Steps<'a> {
    transaction: &'a Transaction,
    receipt: &'a Receipt,
    /// The types of the UTXOs that the steps so far made; none from the first script on, which may have made any.
    made: Option<Vec<ObjectType>>,
    /// The types of the tokens that steps minted, as long as no script came before.
    minted: Vec<ObjectType>,
}

impl Steps<'_> {
    async fn read(mut self, texts: &mut ContractTexts<'_>, steps: &[RootStep]) -> Result<Vec<Option<Callee>>, Failure> {
        let mut callees = Vec::new();
        for step in steps {
            callees.push(self.callee(texts, &step.call).await?);
            match &step.call {
                StepCall::Main { contract, type_name, .. } => {
                    self.made.iter_mut().for_each(|made| made.push((*contract, type_name.clone())));
                }
                StepCall::Mint { contract, type_name, .. } if self.made.is_some() => {
                    self.minted.push((*contract, type_name.clone()));
                }
                StepCall::Function { contract, .. } if texts.of(contract).await?.is_coroutine() => self.made = None,
                _ => {}
            }
        }
        Ok(callees)
    }

    async fn callee(&mut self, texts: &mut ContractTexts<'_>, call: &StepCall) -> Result<Option<Callee>, Failure> {
        let node = texts.node();
        let callee: Result<Callee, CalleeError> = match call {
            StepCall::Function { contract, function } => texts.of(contract).await?.callee(*contract, function),
            StepCall::Main { contract, type_name, main: function }
            | StepCall::Mint { contract, type_name, function } => {
                texts.of(contract).await?.callee(*contract, &format!("{type_name}::{function}"))
            }
            StepCall::Method { utxo, method } => match self.utxo_type(node, utxo).await {
                Some((contract, type_name)) => texts.of(&contract).await?.method(*utxo, &type_name, method),
                None => return Ok(None),
            },
            StepCall::TokenMethod { token, method: function } | StepCall::Burn { token, function } => {
                match self.token_type(node, token).await {
                    Some((contract, type_name)) => {
                        texts.of(&contract).await?.token_function(*token, &type_name, function)
                    }
                    None => return Ok(None),
                }
            }
            StepCall::Discard { token } => Ok(Callee::discard(*token)),
        };
        Ok(Some(callee.map_err(DraftError::from)?))
    }

    async fn utxo_type(&self, node: &NodeClient, utxo: &UtxoRef) -> Option<ObjectType> {
        let id: UtxoId = match utxo {
            UtxoRef::Kept(id) => *id,
            UtxoRef::Made(place) => {
                let known = self.made.as_ref().and_then(|made| made.get(usize::try_from(*place).ok()?));
                if let Some(known) = known {
                    return Some(known.clone());
                }
                Utxo::id(&self.transaction.chain, &self.receipt.transaction, *place)
            }
        };
        // What was made and consumed at once, or by a transaction that failed, is nowhere.
        match node.utxo(&UtxoName::Id(id)).await.ok()? {
            UtxoAnswer::Live(live) => Some((live.utxo.contract, live.utxo.type_name)),
            UtxoAnswer::Consumed(consumed) => Some((consumed.contract, consumed.type_name)),
        }
    }

    async fn token_type(&self, node: &NodeClient, token: &TokenRef) -> Option<ObjectType> {
        let id: TokenId = match token {
            TokenRef::Kept(id) => *id,
            TokenRef::Minted(place) => {
                if let Some(known) = self.minted.get(usize::try_from(*place).ok()?) {
                    return Some(known.clone());
                }
                Token::id(&self.transaction.chain, &self.receipt.transaction, *place)
            }
        };
        let told = self.receipt.tokens.iter().find(|change| change.token == id);
        if let Some(TokenChange { contract, type_name, .. }) = told {
            return Some((*contract, type_name.clone()));
        }
        match node.token(&id).await.ok()? {
            TokenAnswer::Held(held) => Some((held.token.contract, held.token.type_name)),
            TokenAnswer::Burned(burned) => Some((burned.contract, burned.type_name)),
        }
    }
}

/// What something was called of, and as what, as people type it.
pub(super) fn written(call: &StepCall) -> (String, String) {
    match call {
        StepCall::Function { contract, function } => (contract.to_string(), function.clone()),
        StepCall::Main { contract, type_name, main: function } | StepCall::Mint { contract, type_name, function } => {
            (contract.to_string(), format!("{type_name}::{function}"))
        }
        StepCall::Method { utxo, method } => {
            let utxo = match utxo {
                UtxoRef::Kept(id) => id.to_string(),
                UtxoRef::Made(place) => format!("made:{place}"),
            };
            (utxo, method.clone())
        }
        StepCall::TokenMethod { token, method: function } | StepCall::Burn { token, function } => {
            (written_token(token), function.clone())
        }
        StepCall::Discard { token } => (written_token(token), "discard".to_owned()),
    }
}

fn written_token(token: &TokenRef) -> String {
    match token {
        TokenRef::Kept(id) => id.to_string(),
        TokenRef::Minted(place) => format!("minted:{place}"),
    }
}
