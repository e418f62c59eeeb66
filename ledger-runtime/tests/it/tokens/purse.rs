//! A contract by hand: badges that may refuse to be moved, scripts that mint and bind them, and a purse that takes and gives
//! tokens by its own code.

use super::{attach, detach, method, minted, results, step, text, unsigned};
use crate::build;
use crate::memory_chain::{Chain, id};
use ledger_core::{
    Effects, Execution, Failure, FailureKind, Invalid, ObjectId, Outcome, RootCall, RootStep, StepCall, TokenRef,
    Transaction, Utxo, UtxoRef, Verdict,
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

    fn function(&self, name: &str, arguments: Vec<u8>) -> RootStep {
        let (contract, function) = (self.chain.contract, name.to_owned());
        step(StepCall::Function { contract, function }, arguments)
    }

    fn mint(&self, amount: u64) -> RootStep {
        let (contract, type_name, function) = (self.chain.contract, "badge".to_owned(), "mint".to_owned());
        step(StepCall::Mint { contract, type_name, function }, unsigned(amount))
    }

    fn purse(&self) -> Utxo {
        self.chain.utxo(self.purse)
    }
}

fn discard(token: TokenRef) -> RootStep {
    step(StepCall::Discard { token }, Vec::new())
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
    assert!(failure.detail.contains("refused to be bound to the UTXO"), "{failure}");
    assert!(failure.detail.ends_with(": the contract stopped itself (`unreachable`)"), "{failure}");
    let object = failure.frames[0].object.as_ref().unwrap();
    assert!(matches!(object.id, ObjectId::Token(_)) && object.type_name == "badge");
    assert!(stage.purse().content.tokens.is_empty());

    stage.script("award", 14).unwrap();
    let failure = stage.steps(&[give(UtxoRef::Kept(stage.purse))]).unwrap_err();
    let frames: Vec<&str> = failure.frames.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!((failure.kind, frames), (FailureKind::Trap, vec!["detach", "give"]));
    assert!(failure.detail.contains("refused to be unbound from the UTXO"), "{failure}");
}

/// A badge of 14 is the worst that a stranger can bind to a UTXO: none of its code lets it go.
#[test]
fn a_token_that_refuses_everything_cannot_keep_its_holder_from_ending() {
    let mut stage = Stage::new();
    stage.script("award", 14).unwrap();
    let (purse, token) = (UtxoRef::Kept(stage.purse), stage.purse().content.tokens[0].id);
    let (kept, close) = (TokenRef::Kept(token), method(purse, "close", Vec::new()));
    let burn = step(StepCall::Burn { token: kept, function: "burn".into() }, Vec::new());
    assert_eq!(stage.steps(&[close.clone(), burn]).unwrap_err().kind, FailureKind::Trap);

    let failure = stage.steps(std::slice::from_ref(&close)).unwrap_err();
    let held = format!("because the UTXO {} (`purse` of {}), which held it,", stage.purse, stage.chain.contract);
    assert!(failure.detail.contains(&held) && failure.detail.ends_with("or discard it"), "{failure}");

    for (steps, reason) in [
        (vec![discard(kept)], "cannot be discarded: it is bound to the UTXO"),
        (vec![stage.mint(1), discard(minted(0))], "no UTXO held it that was consumed"),
        (vec![close.clone(), discard(kept), discard(kept)], "because it was burned earlier"),
        (vec![stage.function("dump", text(&token.to_string()))], "cannot be discarded: it is bound to the UTXO"),
        (
            vec![stage.open(), close.clone(), attach(kept, "made:0"), detach(kept, "made:0"), discard(kept)],
            "refused to be unbound",
        ),
        (
            vec![close.clone(), stage.function("dump-lent", text(&token.to_string()))],
            "is lent, and cannot be given away",
        ),
    ] {
        let failure = stage.steps(&steps).unwrap_err();
        assert!(failure.detail.contains(reason), "{failure}");
    }

    // By whoever coordinates, once the holder has ended.
    for steps in [vec![close.clone(), discard(kept)], vec![close, stage.function("dump", text(&token.to_string()))]] {
        let transaction = stage.chain.transaction(RootCall::Calls(steps), Vec::new(), &[stage.purse]);
        let Verdict::Executed(Execution { outcome: Outcome::Succeeded(effects), .. }) =
            stage.chain.verdict(&transaction)
        else {
            panic!("it failed")
        };
        assert_eq!(effects.consumed, [stage.purse]);
    }
    // By the holder itself, which lives on.
    let effects = stage.steps(&[method(purse, "throw", unsigned(0))]).unwrap();
    assert_eq!(effects.changed.len(), 1);
    assert!(stage.purse().content.tokens.is_empty());
}

/// A shop binds what it was paid with and relies on it when it has given its goods.
#[test]
fn only_who_bound_a_token_takes_it_back() {
    let mut stage = Stage::new();
    let buy = stage.function("buy", [text("minted:0"), id(stage.purse)].concat());
    let steps = [stage.mint(1), buy, detach(minted(0), stage.purse)];
    let failure = stage.steps(&steps).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.detail.ends_with("somebody else bound it"), "{failure}");
    assert!(stage.steps(&steps[..2]).is_ok());
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

/// The handles of a call do not depend on what was called before in the same transaction.
#[test]
fn a_utxo_knows_nothing_by_a_number_of_an_earlier_call() {
    let mut stage = Stage::new();
    let (mint, purse) = (stage.mint(1), UtxoRef::Kept(stage.purse));
    let number = |token: &str| method(purse, "number", text(token));
    let steps =
        [mint.clone(), number("minted:0"), mint, number("minted:1"), take(purse, "minted:0"), take(purse, "minted:1")];
    let effects = stage.steps(&steps).unwrap();
    let numbers: Vec<Vec<u8>> = [1, 3].map(|step| results(&effects.result)[step].clone()).into();
    assert_eq!(numbers, [unsigned(2), unsigned(2)]);
}

#[test]
fn a_utxo_does_not_look_at_what_another_holds() {
    let mut stage = Stage::new();
    let (itself, other) = (stage.purse.to_string(), method(UtxoRef::Made(0), "spy", id(stage.purse)));
    let failure = stage.steps(&[stage.open(), other]).unwrap_err();
    assert!(failure.detail.ends_with("and a UTXO knows of its own tokens only"), "{failure}");
    assert!(stage.steps(&[method(UtxoRef::Kept(stage.purse), "spy", text(&itself))]).is_ok());
}

#[test]
fn a_lent_token_is_not_given_away() {
    let mut stage = Stage::new();
    for name in ["appraise", "melt-lent"] {
        let steps = [stage.mint(1), stage.function(name, text("minted:0"))];
        let failure = stage.steps(&steps).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Trap);
        assert!(failure.detail.ends_with("is lent, and cannot be given away"), "{name}: {failure}");
    }
    let steps = [stage.mint(1), stage.function("melt", text("minted:0"))];
    assert_eq!(stage.steps(&steps).unwrap().minted.len(), 1);
}

/// What a UTXO offers is known before only if nothing ran before that can have called it.
#[test]
fn whether_a_method_is_offered_after_a_script_is_known_when_it_is_called() {
    let mut stage = Stage::new();
    let hidden = method(UtxoRef::Kept(stage.purse), "hide", Vec::new());
    let call = RootCall::Calls(vec![hidden.clone()]);
    let transaction = stage.chain.transaction(call, Vec::new(), &[stage.purse]);
    assert!(matches!(stage.chain.invalid(&transaction), Invalid::NotCallable { .. }));
    let failure = stage.steps(&[stage.function("idle", Vec::new()), hidden]).unwrap_err();
    assert!(failure.detail.starts_with("step 2: `hide` cannot be called now"), "{failure}");
}

/// The way out of a UTXO that is as full as can be, of tokens that refuse everything.
#[test]
fn a_full_utxo_ends_in_one_transaction() {
    let mut stage = Stage::new();
    for _ in 0..64 {
        stage.script("award", 14).unwrap();
    }
    assert_eq!(stage.script("award", 14).unwrap_err().kind, FailureKind::Limit);
    let held: Vec<RootStep> =
        stage.purse().content.tokens.iter().map(|token| discard(TokenRef::Kept(token.id))).collect();
    let close = method(UtxoRef::Kept(stage.purse), "close", Vec::new());
    let effects = stage.steps(&[vec![close], held].concat()).unwrap();
    assert_eq!(effects.consumed, [stage.purse]);
}
