//! A contract by hand: badges that may refuse to be moved, scripts that mint and bind them, and a purse that takes and gives
//! tokens by its own code.

use super::{attach, detach, method, minted, step, text, unsigned};
use crate::build;
use crate::memory_chain::{Chain, id};
use ledger_core::{
    Effects, Failure, FailureKind, ObjectId, Outcome, RootCall, RootStep, StepCall, TokenRef, Transaction, Utxo,
    UtxoRef,
};
use registry_core::id::UtxoId;

struct Stage {
    chain: Chain,
    purse: UtxoId,
}

impl Stage {
    /// A chain with a purse that is empty.
    fn new() -> Self {
        let component = build::importing(include_str!("purse.wit"), include_str!("purse.wat"), &[]);
        let mut chain = Chain::with(&component);
        let open = chain.main("purse", "open", Vec::new());
        let purse = chain.succeed(open).created[0].utxo;
        Self { chain, purse }
    }

    fn script(&mut self, name: &str, amount: u64) -> Result<Effects, Failure> {
        let arguments = [id(self.purse), unsigned(amount)].concat();
        let transaction = self.chain.function(name, arguments, &[self.purse]);
        self.commit(transaction)
    }

    fn steps(&mut self, steps: &[RootStep]) -> Result<Effects, Failure> {
        let transaction = self.chain.transaction(RootCall::Calls(steps.to_vec()), Vec::new(), &[self.purse]);
        self.commit(transaction)
    }

    fn commit(&mut self, transaction: Transaction) -> Result<Effects, Failure> {
        match self.chain.commit(transaction).0.outcome {
            Outcome::Succeeded(effects) => Ok(effects),
            Outcome::Failed(failure) => Err(failure),
        }
    }

    fn open(&self) -> RootStep {
        let (contract, type_name, main) = (self.chain.contract, "purse".to_owned(), "open".to_owned());
        step(StepCall::Main { contract, type_name, main }, Vec::new())
    }

    fn mint(&self, amount: u64) -> RootStep {
        let (contract, type_name, function) = (self.chain.contract, "badge".to_owned(), "mint".to_owned());
        step(StepCall::Mint { contract, type_name, function }, unsigned(amount))
    }

    fn purse(&self) -> Utxo {
        self.chain.utxo(self.purse)
    }
}

fn take(purse: UtxoRef, token: &str) -> RootStep {
    method(purse, "take", text(token))
}

fn give(purse: UtxoRef) -> RootStep {
    method(purse, "give", unsigned(0))
}

#[test]
fn a_script_mints_and_binds() {
    let mut stage = Stage::new();
    let effects = stage.script("award", 5).unwrap();
    assert_eq!((effects.result, effects.changed.len(), effects.minted.len()), (unsigned(5), 1, 1));
    assert_eq!(stage.purse().content.tokens[0].state, unsigned(5));
    // What is taken back at once was never there.
    let effects = stage.script("take-back", 5).unwrap();
    assert_eq!((effects.changed, effects.read, effects.minted.len()), (Vec::new(), vec![stage.purse], 1));
    assert_eq!(stage.purse().content.tokens.len(), 1);
}

#[test]
fn what_a_script_may_not_do_is_refused() {
    let mut stage = Stage::new();
    stage.script("award", 5).unwrap();
    let itself = format!("only the UTXO {} (`purse` of {}) itself can let go of", stage.purse, stage.chain.contract);
    let failure = stage.script("take-back-seen", 5).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.detail.starts_with(&itself), "{failure}");
    assert!(failure.detail.ends_with("it has run, or its tokens were looked at, since it got this one"), "{failure}");

    let rob = stage.chain.function("rob", id(stage.purse), &[stage.purse]);
    let failure = stage.commit(rob).unwrap_err();
    assert!(failure.detail.starts_with(&itself), "{failure}");
    assert!(failure.detail.ends_with("it holds the token since an earlier transaction"), "{failure}");

    let nobody = stage.chain.function("award-nobody", unsigned(5), &[]);
    let failure = stage.commit(nobody).unwrap_err();
    assert!(failure.detail.contains("is bound to no UTXO at the end of the transaction"), "{failure}");
    assert!(failure.frames.is_empty());
}

#[test]
fn a_token_refuses_by_trapping() {
    let mut stage = Stage::new();
    let failure = stage.script("award", 13).unwrap_err();
    let frames: Vec<&str> = failure.frames.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!((failure.kind, frames), (FailureKind::Trap, vec!["attach", "award"]));
    let object = failure.frames[0].object.as_ref().unwrap();
    assert!(matches!(object.id, ObjectId::Token(_)) && object.type_name == "badge");
    assert!(stage.purse().content.tokens.is_empty());

    stage.script("award", 14).unwrap();
    let failure = stage.steps(&[give(UtxoRef::Kept(stage.purse))]).unwrap_err();
    let frames: Vec<&str> = failure.frames.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!((failure.kind, frames), (FailureKind::Trap, vec!["detach", "give"]));
}

#[test]
fn a_utxo_takes_and_gives_tokens_by_its_own_code() {
    let mut stage = Stage::new();
    let purse = UtxoRef::Kept(stage.purse);
    stage.steps(&[stage.mint(3), take(purse, "minted:0")]).unwrap();
    let token = stage.purse().content.tokens[0].clone();
    assert_eq!(token.state, unsigned(3));

    let effects = stage.steps(&[method(purse, "count", Vec::new())]).unwrap();
    assert_eq!((effects.read, effects.changed.len()), (vec![stage.purse], 0));

    // From one to another, in one transaction.
    let steps = [stage.open(), give(purse), take(UtxoRef::Made(0), &token.id.to_string())];
    let effects = stage.steps(&steps).unwrap();
    assert_eq!(effects.created[0].content.tokens, std::slice::from_ref(&token));
    assert!(stage.purse().content.tokens.is_empty());

    let bound = [stage.open(), stage.mint(3), take(purse, "minted:0")];
    let refused = |last: &[RootStep]| [&bound[..], last].concat();
    for (steps, reason) in [
        (refused(&[take(UtxoRef::Made(0), "minted:0")]), "because it is bound to"),
        (refused(&[attach(minted(0), "made:0")]), "because it is bound to"),
        (refused(&[detach(minted(0), stage.purse)]), "it has run, or its tokens were looked at"),
        (refused(&[give(purse)]), "is bound to no UTXO at the end of the transaction"),
        (refused(&[give(purse), give(purse)]), "holds 0 tokens, and none at place 0"),
    ] {
        let failure = stage.steps(&steps).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(failure.detail.contains(reason), "{failure}");
    }
    // Those that came first are first.
    let effects = stage.steps(&[stage.mint(1), stage.mint(2), take(purse, "minted:0"), take(purse, "minted:1")]);
    assert_eq!(effects.unwrap().minted.len(), 2);
    let kept = TokenRef::Kept(stage.purse().content.tokens[1].id);
    let failure = stage.steps(&[step(StepCall::Burn { token: kept, function: "burn".into() }, Vec::new())]);
    assert!(failure.unwrap_err().detail.contains("cannot be burned, because it is bound to"));
}
