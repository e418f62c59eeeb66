//! What scripts and UTXOs ask for about tokens.

use super::callee::lent;
use super::calls;
use super::coordinate::{begin_call, contract_of};
use super::handles::{InstanceHandles, unusable};
use super::host::{lift, lower, number, wrong_type};
use super::objects::ObjectIndex;
use super::ownership::Asker;
use super::tokens;
use super::transition::{Frame, Transition};
use crate::abi::{Handles, ObjectName, ObjectType, Resource, Signature};
use crate::admission::coroutine::TokensFunction;
use crate::execution::gas;
use crate::execution::stop::Stopped;
use crate::execution::store::Context;
use crate::value::Reader;
use ledger_core::ObjectId;
use wasmtime::Val;

/// A script mints a token.
pub(super) fn mint(
    store: &mut Context<'_>,
    frame: Frame,
    object: &ObjectType,
    function: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let caller = begin_call(store, frame, function)?;
    let contract = contract_of(&caller, object.contract.as_ref())?;
    let arguments = lift(store, frame, signature, parameters)?;
    let token = ObjectId::Token(tokens::mint(store, &contract, &object.name, function, &arguments)?);
    store.data_mut().transition()?.say_called(token)?;
    lower(store, frame, signature, &calls::encode_id(&token)?, parameters)
}

/// A script burns a token, whose handle it gives away.
pub(super) fn burn(
    store: &mut Context<'_>,
    frame: Frame,
    object: &ObjectType,
    function: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<(), Stopped> {
    begin_call(store, frame, function)?;
    let resource = Resource::Token(Some(object.clone()));
    let token = given(store.data_mut().transition()?, frame, &resource, number(parameters, 0)?)?;
    let arguments = lift(store, frame, signature, parameters)?;
    tokens::burn(store, token, function, &arguments)?;
    let transition = store.data_mut().transition()?;
    let id = transition.object(token)?.id;
    transition.say_called(id)
}

/// A script or a UTXO calls a method of a token.
pub(super) fn call_token(
    store: &mut Context<'_>,
    frame: Frame,
    object: &ObjectType,
    method: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let asker = begin_token_call(store, frame)?;
    let resource = Resource::Token(Some(object.clone()));
    let token = lent(store.data_mut().transition()?, frame, &resource, number(parameters, 0)?)?;
    let arguments = lift(store, frame, signature, parameters)?;
    let result = tokens::method(store, token, method, &arguments, asker)?;
    lower(store, frame, signature, &result, parameters)
}

/// Something is done with tokens of any type.
pub(super) fn tokens_function(
    store: &mut Context<'_>,
    frame: Frame,
    function: TokensFunction,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    use TokensFunction::{Accept, Attach, Count, Detach, Discard, Held, OwnCount, OwnHeld, Release};
    let asker = match function {
        Attach | Detach | Accept | Release | Discard => begin_token_call(store, frame)?,
        Count | Held | OwnCount | OwnHeld => Asker::of(frame.kind)?,
    };
    let arguments = lift(store, frame, signature, parameters)?;
    let mut reader = Arguments::new(&arguments);
    let own = || match asker {
        Asker::Utxo(utxo) => Ok(utxo),
        Asker::Coordinator => Err(Stopped::refused("a script asked for its own tokens, and only UTXOs hold tokens")),
    };
    let result = match function {
        Count | OwnCount => {
            let holder = if function == Count { looked_at(store, &mut reader, asker)? } else { own()? };
            tokens::count(store, holder)?
        }
        Held | OwnHeld => {
            let holder = if function == Held { looked_at(store, &mut reader, asker)? } else { own()? };
            tokens::held(store, holder, reader.number()?)?
        }
        Attach | Accept => {
            let token = reader.object(store)?;
            let to = if function == Attach { reader.object(store)? } else { own()? };
            tokens::attach_to(store, token, to, asker)?;
            Vec::new()
        }
        Detach | Release => {
            let token = reader.object(store)?;
            let source = if function == Detach { reader.object(store)? } else { own()? };
            tokens::detach_from(store, token, source, asker)?;
            Vec::new()
        }
        Discard => {
            let token = reader.object(store)?;
            tokens::discard(store, token, asker)?;
            Vec::new()
        }
    };
    lower(store, frame, signature, &result, parameters)
}

/// The UTXO whose tokens somebody asks about: that is for whoever coordinates, and for the UTXO itself.
fn looked_at(store: &mut Context<'_>, reader: &mut Arguments<'_>, asker: Asker) -> Result<ObjectIndex, Stopped> {
    let holder = reader.object(store)?;
    let Asker::Utxo(asker) = asker else { return Ok(holder) };
    if asker == holder {
        return Ok(holder);
    }
    let transition = store.data_mut().transition()?;
    let (asker, holder) = (transition.object(asker)?, transition.object(holder)?);
    Err(Stopped::refused(format!("{asker} asked for the tokens of {holder}, and a UTXO knows of its own tokens only")))
}

/// Reads the encoded arguments of the host's own functions, whose types are known.
struct Arguments<'a>(Reader<'a>);

impl<'a> Arguments<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }

    fn object(&mut self, store: &mut Context<'_>) -> Result<ObjectIndex, Stopped> {
        let name: Option<ObjectName> = self.0.text().ok().and_then(|text| text.parse().ok());
        let index = match name {
            Some(name) => store.data_mut().transition()?.index_of(&name),
            None => None,
        };
        index.ok_or_else(wrong_type)
    }

    fn number(&mut self) -> Result<u32, Stopped> {
        let number = self.0.unsigned(32).map_err(|_| wrong_type())?;
        u32::try_from(number).map_err(|_| wrong_type())
    }
}

/// Who asks for a call of a token, which is charged.
fn begin_token_call(store: &mut Context<'_>, frame: Frame) -> Result<Asker, Stopped> {
    let asker = Asker::of(frame.kind)?;
    let gas = store.data_mut().transition()?.profile.gas_per_utxo_call;
    gas::charge(&mut *store, gas)?;
    Ok(asker)
}

/// The object that the code that runs means by a handle, which it has no more.
fn given(transition: &mut Transition, frame: Frame, resource: &Resource, handle: u32) -> Result<ObjectIndex, Stopped> {
    let lifted = InstanceHandles { transition: &mut *transition, live: frame.live }.lift(resource, handle, true);
    let id = lifted.map_err(unusable)?;
    transition.index_of(&id.into()).ok_or_else(|| Stopped::defect("an object is gone"))
}
