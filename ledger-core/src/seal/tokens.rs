//! What became of tokens in a transaction.

use super::Contradiction;
use crate::{Minted, Token, TokenChange, Transaction};
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use std::collections::BTreeMap;

/// The tokens of the UTXOs that a transaction changed, made or consumed, before and after it, and those that it minted.
pub(super) struct Tokens {
    minted: Vec<Minted>,
    /// By the UTXO that held them, in its order.
    before: BTreeMap<UtxoId, Vec<(TokenId, TokenType)>>,
    after: BTreeMap<TokenId, (TokenType, UtxoId)>,
}

/// What a token never changes: its contract and the name of its type.
type TokenType = (ComponentHash, String);

impl Tokens {
    /// Nothing is known yet but what was minted. The ids must be those of the places 0, 1, and so on.
    pub(super) fn of(
        transaction: &Transaction,
        id: &TransactionId,
        minted: Vec<Minted>,
    ) -> Result<Self, Contradiction> {
        let wrong =
            (0..).zip(&minted).find(|(index, minted)| minted.token != Token::id(&transaction.chain, id, *index));
        match wrong {
            Some((_, minted)) => Err(Contradiction::Token(minted.token)),
            None => Ok(Self { minted, before: BTreeMap::new(), after: BTreeMap::new() }),
        }
    }

    /// A UTXO held these before.
    pub(super) fn leave(&mut self, holder: UtxoId, tokens: &[Token]) {
        self.before.insert(holder, tokens.iter().map(|token| (token.id, type_of(token))).collect());
    }

    /// A UTXO holds these now.
    pub(super) fn come(&mut self, holder: UtxoId, tokens: &[Token]) -> Result<(), Contradiction> {
        for token in tokens {
            if self.after.insert(token.id, (type_of(token), holder)).is_some() {
                return Err(Contradiction::Token(token.id));
            }
        }
        Ok(())
    }

    /// What became of each: what was minted in its order, then what was there before and is somewhere else or nowhere now,
    /// in the order of the transaction's inputs and of what each held.
    pub(super) fn changes(&mut self, transaction: &Transaction) -> Result<Vec<TokenChange>, Contradiction> {
        let mut changes = Vec::new();
        for Minted { token, contract, type_name } in std::mem::take(&mut self.minted) {
            changes.push(self.change(None, token, (contract, type_name))?);
        }
        for input in &transaction.inputs {
            let holder = input.utxo;
            for (token, token_type) in self.before.remove(&holder).unwrap_or_default() {
                let change = self.change(Some(holder), token, token_type)?;
                if change.from != change.to {
                    changes.push(change);
                }
            }
        }
        // Whoever is left came from nowhere.
        self.after.keys().next().map_or(Ok(changes), |token| Err(Contradiction::Token(*token)))
    }

    fn change(
        &mut self,
        from: Option<UtxoId>,
        token: TokenId,
        (contract, type_name): TokenType,
    ) -> Result<TokenChange, Contradiction> {
        let to = match self.after.remove(&token) {
            None => None,
            Some((after, holder)) if after == (contract, type_name.clone()) => Some(holder),
            Some(_) => return Err(Contradiction::Token(token)),
        };
        Ok(TokenChange { token, contract, type_name, from, to })
    }
}

fn type_of(token: &Token) -> TokenType {
    (token.contract, token.type_name.clone())
}
