//! Gas: what is left, what is charged, and what counts as used in the end.
//!
//! The engine notices only at loops and calls that nothing is left, so a call may have used more than it had, and then
//! shows 0 too. A store therefore begins with one unit more than the limit: 0 means "over the limit", and what uses
//! exactly its limit succeeds.

use super::NodeFault;
use super::coroutine::Access;
use super::stop::Stopped;
use super::store::TransactionStore;
use crate::admission::Executable;
use crate::profile::ExecutionProfile;
use ledger_core::{Token, Utxo};
use std::iter;
use wasmtime::{AsContext, AsContextMut, Store};

/// Gives a new store its gas.
pub(super) fn fill(store: &mut Store<TransactionStore>, limit: u64) -> Result<(), NodeFault> {
    store.set_fuel(limit.saturating_add(1)).map_err(not_counted)
}

/// Takes `gas` from what is left; at least the unit beyond the limit must remain.
pub(super) fn charge(mut store: impl AsContextMut, gas: u64) -> Result<(), Stopped> {
    let mut store = store.as_context_mut();
    let left = store.get_fuel().map_err(not_counted)?;
    let left = left.checked_sub(gas).filter(|left| *left > 0).ok_or(Stopped::OutOfGas)?;
    store.set_fuel(left).map_err(not_counted)?;
    Ok(())
}

/// What was used of `limit` so far.
pub(super) fn used(store: impl AsContext, limit: u64) -> Result<u64, Stopped> {
    let left = store.as_context().get_fuel().map_err(not_counted)?;
    Ok(limit.saturating_sub(left.saturating_sub(1)))
}

/// The gas that counts as used of `limit` now that code in `store` has ended, and how it really ended: what ran out of
/// gas may have come to another end before the engine noticed.
pub(super) fn settle<T>(
    mut store: impl AsContextMut<Data = TransactionStore>,
    profile: &ExecutionProfile,
    limit: u64,
    result: Result<T, Stopped>,
) -> (u64, Result<T, Stopped>) {
    // What failed has to pay for the memory that it added, too, and for what it loaded.
    let paid = charge_owed(&mut store, profile);
    match (result, paid) {
        (Ok(_) | Err(Stopped::Failed(_)), Err(reason)) => (limit, Err(reason)),
        (result @ (Ok(_) | Err(Stopped::Failed(_))), Ok(())) => match used(store, limit) {
            Ok(used) => (used, result),
            Err(fault) => (limit, Err(fault)),
        },
        (result @ Err(Stopped::OutOfGas | Stopped::FailedWithAllGas(_) | Stopped::Node(_)), _) => (limit, result),
    }
}

/// For each transaction, and its arguments.
pub(super) fn of_transaction(profile: &ExecutionProfile, arguments_size_bytes: usize) -> u64 {
    profile.gas_per_transaction.saturating_add(of_values(profile, arguments_size_bytes))
}

/// What is paid before any code of a transaction runs: for itself, its arguments, and the state of every UTXO that it names
/// and of each token that these hold, which is read whether the contract asks for it or not.
pub(super) fn of_beginning(profile: &ExecutionProfile, arguments_size_bytes: usize, utxos: &[(Utxo, Access)]) -> u64 {
    let sizes = utxos.iter().flat_map(|(Utxo { content, .. }, _)| {
        iter::once(content.state.len()).chain(content.tokens.iter().map(token_size_bytes))
    });
    let states = sizes.map(|size_bytes| of_state(profile, size_bytes));
    states.fold(of_transaction(profile, arguments_size_bytes), u64::saturating_add)
}

/// What a token takes of the state: its record, and what says which it is. Without the latter, very many tokens with small
/// records would cost next to nothing.
fn token_size_bytes(token: &Token) -> usize {
    IDENTITY_SIZE_BYTES + token.type_name.len() + token.state.len()
}

/// A token's id and its contract's hash.
const IDENTITY_SIZE_BYTES: usize = 64;

/// For values that cross a boundary.
pub(super) fn of_values(profile: &ExecutionProfile, size_bytes: usize) -> u64 {
    (size_bytes as u64).saturating_mul(profile.gas_per_value_byte)
}

/// For a state record that is loaded or read.
pub(super) fn of_state(profile: &ExecutionProfile, size_bytes: usize) -> u64 {
    (size_bytes as u64).saturating_mul(profile.gas_per_state_byte)
}

/// For a contract that may have to be loaded.
pub(super) fn of_contract(profile: &ExecutionProfile, contract: &Executable) -> u64 {
    let of_bytes = (contract.component_size_bytes() as u64).saturating_mul(profile.gas_per_contract_byte);
    profile.gas_per_contract.saturating_add(of_bytes)
}

/// Charges what came up since this was done last: memory that instances began with or added, contracts that were needed, and
/// what was said.
pub(super) fn charge_owed(
    mut store: impl AsContextMut<Data = TransactionStore>,
    profile: &ExecutionProfile,
) -> Result<(), Stopped> {
    let mut context = store.as_context_mut();
    let pages = context.data_mut().take_uncharged_memory_pages();
    let owed = context.data_mut().take_owed_gas();
    charge(store, pages.saturating_mul(profile.gas_per_memory_page).saturating_add(owed))
}

fn not_counted(error: wasmtime::Error) -> NodeFault {
    NodeFault::new("gas is not counted", error)
}
