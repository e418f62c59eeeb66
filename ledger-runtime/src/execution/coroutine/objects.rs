//! The UTXOs and tokens that a transaction may use: those that it names, with the tokens that they hold, and those that it
//! made.

use super::transition::{Access, LiveIndex};
use crate::abi::{ObjectName, ObjectType, Resource};
use crate::execution::Extent;
use crate::execution::stop::Stopped;
use ledger_core::{Callable, Changed, Created, Effects, MethodId, Minted, ObjectId, Token, Utxo, UtxoContent};
use registry_core::id::{AccountId, ComponentHash, TokenId, UtxoId};
use std::collections::{BTreeMap, BTreeSet};

/// The place of an object among those of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectIndex(pub(super) usize);

/// All objects of a transaction.
pub(super) struct Objects {
    /// The UTXOs that the transaction names in its order, the tokens of each, then all that it made.
    list: Vec<Object>,
    indices: BTreeMap<ObjectId, ObjectIndex>,
    /// The UTXOs that it made, in order.
    made: Vec<ObjectIndex>,
    /// The tokens that it minted, in order.
    minted: Vec<ObjectIndex>,
}

/// A UTXO or a token that a transaction may use.
pub(super) struct Object {
    pub(super) id: ObjectId,
    pub(super) contract: ComponentHash,
    pub(super) type_name: String,
    /// Its instance, once something of it was called.
    pub(super) live: Option<LiveIndex>,
    /// What its instance calls it inside.
    pub(super) representation: u32,
    condition: Condition,
}

/// What there is to know of an object of each kind.
enum Condition {
    Utxo(Box<UtxoCondition>),
    Token(TokenCondition),
}

/// A UTXO while a transaction goes on.
#[derive(Default)]
pub(super) struct UtxoCondition {
    /// What it was before the transaction, and what may happen to it; none if the transaction made it.
    before: Option<(UtxoContent, Access)>,
    /// What it was when it stopped last, without its tokens; none if it never did.
    pub(super) content: Option<UtxoContent>,
    /// The tokens that it holds, in the order in which they came.
    pub(super) tokens: Vec<ObjectIndex>,
    /// What it said since it went on: the methods that may be called when it stops.
    pub(super) callable: BTreeSet<MethodId>,
    /// Whether it has given its context away, which it does at its end.
    pub(super) is_context_dropped: bool,
    pub(super) is_consumed: bool,
    /// Whether the transaction did anything with it.
    pub(super) is_used: bool,
    /// How often somebody can have come to count on what it holds: its mains and methods that have ended, and looks at its
    /// tokens.
    pub(super) reliances: u32,
}

/// A token while a transaction goes on.
pub(super) struct TokenCondition {
    /// Its record when something of it was called last; none while it is being minted.
    pub(super) state: Option<Vec<u8>>,
    pub(super) binding: Binding,
}

/// Who holds a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// Nobody. Before the transaction ends it must be bound or burned.
    Unbound {
        /// The UTXO that held it when it was consumed, if that is how the token came to be unbound.
        left_by: Option<ObjectIndex>,
    },
    /// A UTXO.
    Bound {
        /// The UTXO.
        holder: ObjectIndex,
        /// When it was bound, if that was in this transaction.
        since: Option<Since>,
    },
    /// It is gone.
    Burned,
}

/// When a token was bound, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since {
    /// How many reliances there were on the UTXO by then.
    pub(super) reliances: u32,
    /// What coordinated then.
    pub(super) run: Run,
}

/// What coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// The steps of the transaction.
    Steps,
    /// A script or an effect's handler, told from all others by its number.
    Script(u32),
}

impl Objects {
    /// The objects that a transaction has when it begins: those of the UTXOs that it names.
    pub(super) fn of(utxos: Vec<(Utxo, Access)>) -> Result<Self, Stopped> {
        let mut objects = Self { list: Vec::new(), indices: BTreeMap::new(), made: Vec::new(), minted: Vec::new() };
        for (utxo, access) in utxos {
            let tokens = utxo.content.tokens.clone();
            let holder = objects.add(Object::stored(utxo, access))?;
            let held = tokens.into_iter().map(|token| objects.add(Object::held(token, holder)));
            let held = held.collect::<Result<_, Stopped>>()?;
            objects.get_mut(holder)?.utxo_mut()?.tokens = held;
        }
        Ok(objects)
    }

    pub(super) fn get(&self, index: ObjectIndex) -> Result<&Object, Stopped> {
        self.list.get(index.0).ok_or_else(gone)
    }

    pub(super) fn get_mut(&mut self, index: ObjectIndex) -> Result<&mut Object, Stopped> {
        self.list.get_mut(index.0).ok_or_else(gone)
    }

    /// The place of the object that a name means; none if there is no such object.
    pub(super) fn index_of(&self, name: &ObjectName) -> Option<ObjectIndex> {
        match name {
            ObjectName::Id(id) => self.indices.get(id).copied(),
            ObjectName::Made(place) => self.made.get(*place as usize).copied(),
            ObjectName::Minted(place) => self.minted.get(*place as usize).copied(),
        }
    }

    /// A new UTXO; `id` gives the id of the UTXO at a place among all that the transaction made.
    pub(super) fn make(
        &mut self,
        id: impl FnOnce(u32) -> UtxoId,
        contract: ComponentHash,
        type_name: &str,
    ) -> Result<ObjectIndex, Stopped> {
        let id = ObjectId::Utxo(id(place(&self.made)?));
        let condition = Condition::Utxo(Box::new(UtxoCondition { is_used: true, ..UtxoCondition::default() }));
        let index = self.add(Object::new(id, contract, type_name.to_owned(), condition))?;
        self.made.push(index);
        Ok(index)
    }

    /// A new token, which nobody holds; `id` gives the id of the token at a place among all that the transaction minted.
    pub(super) fn mint(
        &mut self,
        id: impl FnOnce(u32) -> TokenId,
        contract: ComponentHash,
        type_name: &str,
    ) -> Result<ObjectIndex, Stopped> {
        let id = ObjectId::Token(id(place(&self.minted)?));
        let condition = Condition::Token(TokenCondition { state: None, binding: Binding::Unbound { left_by: None } });
        let index = self.add(Object::new(id, contract, type_name.to_owned(), condition))?;
        self.minted.push(index);
        Ok(index)
    }

    fn add(&mut self, object: Object) -> Result<ObjectIndex, Stopped> {
        let index = ObjectIndex(self.list.len());
        match self.indices.insert(object.id, index) {
            None => self.list.push(object),
            Some(_) => return Err(Stopped::defect("two objects have the same id")),
        }
        Ok(index)
    }

    /// Tells what became of all of them.
    ///
    /// # Errors
    /// If a token is unbound and the transaction is the whole one, or a UTXO was changed that may only be read.
    pub(super) fn add_to(&self, effects: &mut Effects, extent: Extent) -> Result<(), Stopped> {
        if extent == Extent::Whole {
            self.check_bound()?;
        }
        for index in &self.minted {
            effects.minted.push(self.get(*index)?.minted()?);
        }
        self.list.iter().try_for_each(|object| match &object.condition {
            Condition::Utxo(utxo) => self.add_utxo(object, utxo, effects),
            Condition::Token(_) => Ok(()),
        })
    }

    /// No token may be left that nobody holds.
    fn check_bound(&self) -> Result<(), Stopped> {
        let left = self.list.iter().find_map(|object| object.unbound().map(|left_by| (object, left_by)));
        let Some((token, left_by)) = left else { return Ok(()) };
        let Some(holder) = left_by else {
            return Err(Stopped::refused(format!(
                "{token} is bound to no UTXO at the end of the transaction: bind it with `attach`, or burn it"
            )));
        };
        let holder = self.get(holder)?;
        Err(Stopped::refused(format!(
            "{token} is bound to no UTXO at the end of the transaction, because {holder}, which held it, was consumed: bind it \
             with `attach`, burn it, or discard it"
        )))
    }

    /// Puts a UTXO where it belongs among what the transaction did.
    fn add_utxo(&self, object: &Object, utxo: &UtxoCondition, effects: &mut Effects) -> Result<(), Stopped> {
        let id = object.utxo_id()?;
        let Some((before, access)) = &utxo.before else {
            if utxo.is_consumed {
                effects.ephemeral.push(id);
                return Ok(());
            }
            let (contract, type_name) = (object.contract, object.type_name.clone());
            let content = self.content_of(utxo)?;
            effects.created.push(Created { utxo: id, contract, type_name, content });
            return Ok(());
        };
        if !utxo.is_used {
            return Ok(());
        }
        let content = if utxo.is_consumed { None } else { Some(self.content_of(utxo)?) };
        match (content, access) {
            (Some(content), _) if content == *before => effects.read.push(id),
            (_, Access::Reference) => return Err(Stopped::changed_reference(object)),
            (None, Access::Input) => effects.consumed.push(id),
            (Some(content), Access::Input) => effects.changed.push(Changed { utxo: id, content }),
        }
        Ok(())
    }

    /// What a UTXO that lives has now, with its tokens.
    fn content_of(&self, utxo: &UtxoCondition) -> Result<UtxoContent, Stopped> {
        let content = utxo.content.clone().ok_or_else(|| Stopped::defect("a UTXO that lives has no content"))?;
        let tokens = utxo.tokens.iter().map(|index| self.get(*index)?.as_token());
        Ok(UtxoContent { tokens: tokens.collect::<Result<_, Stopped>>()?, ..content })
    }
}

impl Object {
    fn new(id: ObjectId, contract: ComponentHash, type_name: String, condition: Condition) -> Self {
        Self { id, contract, type_name, live: None, representation: 0, condition }
    }

    fn stored(utxo: Utxo, access: Access) -> Self {
        let callable = match &utxo.content.callable {
            Callable::Methods(methods) => methods.clone(),
            Callable::All => BTreeSet::new(),
        };
        let content = UtxoContent { tokens: Vec::new(), ..utxo.content.clone() };
        let condition = UtxoCondition {
            before: Some((utxo.content, access)),
            content: Some(content),
            callable,
            ..UtxoCondition::default()
        };
        Self::new(ObjectId::Utxo(utxo.id), utxo.contract, utxo.type_name, Condition::Utxo(Box::new(condition)))
    }

    fn held(token: Token, holder: ObjectIndex) -> Self {
        let binding = Binding::Bound { holder, since: None };
        let condition = Condition::Token(TokenCondition { state: Some(token.state), binding });
        Self::new(ObjectId::Token(token.id), token.contract, token.type_name, condition)
    }

    /// What there is to know of it if it is a UTXO.
    pub(super) fn utxo(&self) -> Result<&UtxoCondition, Stopped> {
        match &self.condition {
            Condition::Utxo(utxo) => Ok(utxo),
            Condition::Token(_) => Err(other_kind()),
        }
    }

    pub(super) fn utxo_mut(&mut self) -> Result<&mut UtxoCondition, Stopped> {
        match &mut self.condition {
            Condition::Utxo(utxo) => Ok(utxo),
            Condition::Token(_) => Err(other_kind()),
        }
    }

    /// What there is to know of it if it is a token.
    pub(super) fn token(&self) -> Result<&TokenCondition, Stopped> {
        match &self.condition {
            Condition::Token(token) => Ok(token),
            Condition::Utxo(_) => Err(other_kind()),
        }
    }

    pub(super) fn token_mut(&mut self) -> Result<&mut TokenCondition, Stopped> {
        match &mut self.condition {
            Condition::Token(token) => Ok(token),
            Condition::Utxo(_) => Err(other_kind()),
        }
    }

    pub(super) fn utxo_id(&self) -> Result<UtxoId, Stopped> {
        match self.id {
            ObjectId::Utxo(id) => Ok(id),
            ObjectId::Token(_) => Err(other_kind()),
        }
    }

    pub(super) fn token_id(&self) -> Result<TokenId, Stopped> {
        match self.id {
            ObjectId::Token(id) => Ok(id),
            ObjectId::Utxo(_) => Err(other_kind()),
        }
    }

    /// Its state record; none if it has none yet, or is gone.
    pub(super) fn state(&self) -> Option<&[u8]> {
        match &self.condition {
            Condition::Utxo(utxo) => {
                utxo.content.as_ref().filter(|_| !utxo.is_consumed).map(|content| content.state.as_slice())
            }
            Condition::Token(token) => token.state.as_deref().filter(|_| token.binding != Binding::Burned),
        }
    }

    /// Whether it is gone: a UTXO that was consumed, or a token that was burned.
    pub(super) fn is_gone(&self) -> bool {
        match &self.condition {
            Condition::Utxo(utxo) => utxo.is_consumed,
            Condition::Token(token) => token.binding == Binding::Burned,
        }
    }

    /// If it is a token that nobody holds: the UTXO that held it when it was consumed, if one did.
    fn unbound(&self) -> Option<Option<ObjectIndex>> {
        match &self.condition {
            Condition::Token(TokenCondition { binding: Binding::Unbound { left_by }, .. }) => Some(*left_by),
            Condition::Token(_) | Condition::Utxo(_) => None,
        }
    }

    /// Whether an instance of `contract` may use it as `resource`.
    pub(super) fn is(&self, resource: &Resource, contract: &ComponentHash) -> bool {
        let is_of = |ty: &Option<ObjectType>| {
            ty.as_ref().is_none_or(|ty| {
                self.contract == *ty.contract.as_ref().unwrap_or(contract) && self.type_name == ty.name
            })
        };
        match (resource, &self.condition) {
            (Resource::Utxo(ty), Condition::Utxo(_)) | (Resource::Token(ty), Condition::Token(_)) => is_of(ty),
            _ => false,
        }
    }

    fn minted(&self) -> Result<Minted, Stopped> {
        let (token, contract, type_name) = (self.token_id()?, self.contract, self.type_name.clone());
        Ok(Minted { token, contract, type_name })
    }

    fn as_token(&self) -> Result<Token, Stopped> {
        let (id, contract, type_name) = (self.token_id()?, self.contract, self.type_name.clone());
        let state = self.token()?.state.clone().ok_or_else(|| Stopped::defect("a token that lives has no record"))?;
        Ok(Token { id, contract, type_name, state })
    }
}

impl UtxoCondition {
    /// It stopped, with this state record. Who owns it stays as it is.
    pub(super) fn stop_with(&mut self, state: Vec<u8>, callable: Callable) {
        let before = self.content.take();
        let (owner, deposit): (Option<AccountId>, u64) =
            before.map(|content| (content.owner, content.deposit)).unwrap_or_default();
        self.content = Some(UtxoContent { state, callable, tokens: Vec::new(), owner, deposit });
    }

    /// Whether the transaction may only read it.
    pub(super) fn is_reference(&self) -> bool {
        matches!(self.before, Some((_, Access::Reference)))
    }

    /// Whether it is a coroutine. Only such a UTXO ever ends, and so can let go of what it holds.
    pub(super) fn is_coroutine(&self) -> bool {
        self.content.as_ref().is_none_or(|content| content.callable != Callable::All)
    }
}

impl std::fmt::Display for Object {
    /// As in "the token p2:k… (`coin` of p2:c…)".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.id {
            ObjectId::Utxo(_) => "UTXO",
            ObjectId::Token(_) => "token",
        };
        write!(f, "the {kind} {}", self.id)?;
        if self.type_name.is_empty() {
            write!(f, " (of {})", self.contract)
        } else {
            write!(f, " (`{}` of {})", self.type_name, self.contract)
        }
    }
}

fn place(list: &[ObjectIndex]) -> Result<u32, Stopped> {
    u32::try_from(list.len()).map_err(|_| Stopped::defect("a transaction made too much"))
}

fn gone() -> Stopped {
    Stopped::defect("an object is gone")
}

fn other_kind() -> Stopped {
    Stopped::defect("an object is of another kind than was checked")
}
