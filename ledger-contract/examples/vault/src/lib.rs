//! A vault that keeps tokens, and scripts that mint, keep and burn the coins of another contract: what Starstream's
//! compiler does not make yet.
//!
//! Only the vault's own code lets go of what it holds ([`tokens::release`]). A token that is unbound at the end of a
//! transaction makes it fail, so a script that takes one out binds it again or burns it.

#![no_std]

#[allow(warnings)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

use bindings::exports::vault::{Guest as VaultFunctions, GuestUtxo, Storage, Utxo as NewVault, UtxoBorrow};
use bindings::ledger::host::tokens;
use bindings::starstream::self_::vault::Utxo as Vault;
use bindings::starstream::std::builtin::{Token, Utxo as AnyUtxo};
use bindings::starstream::std::utxo_context::UtxoContext;
use bindings::starstream::token::coin::{self, Token as Coin};
use core::cell::Cell;
use ledger_contract::{Coroutine, Method};

ledger_contract::utxo_context!(UtxoContext);
bindings::export!(Contract with_types_in bindings);

struct Contract;

impl bindings::Guest for Contract {
    /// Mints a coin and leaves it in a new vault.
    fn save(amount: u64) -> Vault {
        let vault = Vault::open();
        vault.deposit(&coin::upcast(Coin::mint(amount)));
        vault
    }

    /// Takes everything out of a vault, burns it, and closes the vault; gives how many coins there were.
    fn spend(vault: &Vault) -> u32 {
        let count = vault.count();
        for _ in 0..count {
            Coin::burn(coin::downcast(vault.withdraw()).expect("the vault holds another token than a coin"));
        }
        vault.close();
        count
    }

    /// Moves one token, whatever its type, from one vault to another.
    fn move_(source: &Vault, target: &Vault) {
        target.deposit(&source.withdraw());
    }

    /// A coin that only this transaction ever sees.
    fn mint_and_burn(amount: u64) {
        Coin::burn(Coin::mint(amount));
    }

    /// Takes a token out and does nothing with it: the transaction fails.
    fn forget(vault: &Vault) {
        vault.withdraw();
    }

    /// Tries to take a token out of a UTXO that does not give it: the transaction fails.
    fn steal(holder: &AnyUtxo) {
        tokens::detach(&tokens::held(holder, 0), holder);
    }
}

struct VaultState {
    coroutine: Coroutine<UtxoContext>,
    deposits: Cell<u32>,
}

/// The one yield of a vault.
const OPEN: i32 = 1;
const WHILE_OPEN: &[Method] =
    &[Method::named("deposit"), Method::named("withdraw"), Method::named("count"), Method::named("close")];

impl GuestUtxo for VaultState {
    fn open(context: UtxoContext) -> NewVault {
        let vault = Self { coroutine: Coroutine::begin(context), deposits: Cell::new(0) };
        vault.coroutine.stop_at(OPEN, WHILE_OPEN);
        NewVault::new(vault)
    }

    fn deposit(&self, token: &Token) {
        tokens::accept(token);
        self.deposits.set(self.deposits.get() + 1);
    }

    fn withdraw(&self) -> Token {
        let token = tokens::own_held(0);
        tokens::release(&token);
        token
    }

    fn count(&self) -> u32 {
        tokens::own_count()
    }

    fn close(&self) {
        self.coroutine.resume();
        self.coroutine.end();
    }
}

impl VaultFunctions for Contract {
    type Utxo = VaultState;

    fn get_storage(vault: UtxoBorrow<'_>) -> Storage {
        let vault: &VaultState = vault.get();
        Storage { yield_: vault.coroutine.place(), deposits: vault.deposits.get() }
    }

    fn set_storage(context: UtxoContext, storage: Storage) -> NewVault {
        let coroutine = Coroutine::restore(context, storage.yield_);
        NewVault::new(VaultState { coroutine, deposits: Cell::new(storage.deposits) })
    }
}
