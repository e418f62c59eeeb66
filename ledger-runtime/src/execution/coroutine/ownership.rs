//! Who holds which token, and who may change that.
//!
//! A token is bound to one UTXO, or to none, which only lasts within a transaction. Scripts and the transaction itself bind
//! tokens that nobody holds. Only the code of a UTXO unbinds what it holds; a run of a script, or the transaction itself, can
//! take back what it bound itself, as long as the UTXO has not run since and nobody has looked at what it holds, so that
//! nobody can have counted on it. A UTXO that ends lets go of all its tokens. `docs/decisions/0006-what-starstream-leaves-open.md` has the reasons.

use super::objects::{Binding, Object, ObjectIndex, Since};
use super::transition::{FrameKind, Transition};
use crate::execution::stop::Stopped;

/// Who asks for something to be done with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// A script, or the transaction itself.
    Coordinator,
    /// A UTXO.
    Utxo(ObjectIndex),
}

impl Asker {
    /// Who asks when code of this kind does.
    ///
    /// # Errors
    /// If it is a token's: tokens call nothing.
    pub(super) fn of(kind: FrameKind) -> Result<Self, Stopped> {
        match kind {
            FrameKind::Script => Ok(Self::Coordinator),
            FrameKind::Utxo(utxo) => Ok(Self::Utxo(utxo)),
            FrameKind::Token(_) | FrameKind::Setup => {
                Err(Stopped::refused("a token asked for tokens or UTXOs, and tokens own nothing and call nothing"))
            }
        }
    }
}

impl Transition {
    /// Whether `asker` may bind a token to a UTXO.
    pub(super) fn check_attach(&self, token: ObjectIndex, to: ObjectIndex, asker: Asker) -> Result<(), Stopped> {
        let (object, utxo) = (self.object(token)?, self.object(to)?);
        let refused = |reason: String| Err(Stopped::refused(reason));
        if let Asker::Utxo(asker) = asker
            && asker != to
        {
            let asker = self.object(asker)?;
            return refused(format!("{asker} bound {object} to {utxo}, and a UTXO takes tokens for itself only"));
        }
        match object.token()?.binding {
            Binding::Unbound { .. } => {}
            Binding::Bound { holder, .. } => {
                let holder = self.object(holder)?;
                return refused(format!("{object} cannot be bound to {utxo}, because it is bound to {holder}"));
            }
            Binding::Burned => return Err(burned(object, "bound")),
        }
        let condition = utxo.utxo()?;
        if condition.is_consumed {
            return refused(format!(
                "{object} cannot be bound to {utxo}, which was consumed earlier in the transaction"
            ));
        }
        if condition.is_reference() {
            return refused(format!(
                "{object} cannot be bound to {utxo}, which the transaction may only read: name it among the inputs"
            ));
        }
        if !condition.is_coroutine() {
            return refused(format!("{object} cannot be bound to {utxo}, which could never let go of it"));
        }
        let max = self.profile.tokens_per_utxo_max;
        if condition.tokens.len() >= max {
            return Err(Stopped::too_many_tokens(max, utxo));
        }
        Ok(())
    }

    /// A token comes to a UTXO as its last.
    pub(super) fn bind(&mut self, token: ObjectIndex, to: ObjectIndex) -> Result<(), Stopped> {
        let run = self.handlers.run();
        let utxo = self.object_mut(to)?.utxo_mut()?;
        utxo.tokens.push(token);
        utxo.is_used = true;
        let since = Some(Since { reliances: utxo.reliances, run });
        self.object_mut(token)?.token_mut()?.binding = Binding::Bound { holder: to, since };
        Ok(())
    }

    /// Whether `asker` may unbind a token from `source`.
    pub(super) fn check_detach(&self, token: ObjectIndex, source: ObjectIndex, asker: Asker) -> Result<(), Stopped> {
        let (object, utxo) = (self.object(token)?, self.object(source)?);
        let (holder, since) = match object.token()?.binding {
            Binding::Bound { holder, since } => (holder, since),
            Binding::Unbound { .. } => {
                let reason = format!("{object} cannot be unbound from {utxo}, because it is bound to no UTXO");
                return Err(Stopped::refused(reason));
            }
            Binding::Burned => return Err(burned(object, "unbound")),
        };
        if holder != source {
            let holder = self.object(holder)?;
            let reason = format!("{object} cannot be unbound from {utxo}, because it is bound to {holder}");
            return Err(Stopped::refused(reason));
        }
        let reason = match (asker, since) {
            (Asker::Utxo(asker), _) if asker == holder => return Ok(()),
            (Asker::Utxo(_), _) => "another UTXO asked",
            (Asker::Coordinator, _) if self.is_running(source) => "it runs",
            (Asker::Coordinator, Some(since)) if since.reliances != utxo.utxo()?.reliances => {
                "it has run, or its tokens were looked at, since it got this one"
            }
            (Asker::Coordinator, Some(since)) if since.run != self.handlers.run() => "somebody else bound it",
            (Asker::Coordinator, Some(_)) => return Ok(()),
            (Asker::Coordinator, None) => "it holds the token since an earlier transaction",
        };
        Err(Stopped::refused(format!("only {utxo} itself can let go of {object}: {reason}")))
    }

    /// A token leaves the UTXO that holds it; whoever asked must bind or burn it.
    pub(super) fn unbind(&mut self, token: ObjectIndex, source: ObjectIndex) -> Result<(), Stopped> {
        let utxo = self.object_mut(source)?.utxo_mut()?;
        utxo.tokens.retain(|held| *held != token);
        utxo.is_used = true;
        self.object_mut(token)?.token_mut()?.binding = Binding::Unbound { left_by: None };
        Ok(())
    }

    /// A UTXO has ended: nobody holds its tokens any more.
    pub(super) fn let_go(&mut self, utxo: ObjectIndex) -> Result<(), Stopped> {
        let tokens = std::mem::take(&mut self.object_mut(utxo)?.utxo_mut()?.tokens);
        tokens.into_iter().try_for_each(|token| {
            self.object_mut(token)?.token_mut()?.binding = Binding::Unbound { left_by: Some(utxo) };
            Ok(())
        })
    }

    /// Whether a token can be burned.
    pub(super) fn check_burn(&self, token: ObjectIndex) -> Result<(), Stopped> {
        let object = self.object(token)?;
        match object.token()?.binding {
            Binding::Unbound { .. } => Ok(()),
            Binding::Bound { holder, .. } => {
                let holder = self.object(holder)?;
                Err(Stopped::refused(format!("{object} cannot be burned, because it is bound to {holder}")))
            }
            Binding::Burned => Err(burned(object, "burned")),
        }
    }

    /// Whether `asker` may burn a token without its code: a UTXO what it holds, whoever coordinates what a UTXO held that was
    /// consumed.
    pub(super) fn check_discard(&self, token: ObjectIndex, asker: Asker) -> Result<(), Stopped> {
        let object = self.object(token)?;
        let reason = match (object.token()?.binding, asker) {
            (Binding::Burned, _) => return Err(burned(object, "discarded")),
            _ if self.is_running(token) => "it runs".to_owned(),
            (Binding::Bound { holder, .. }, Asker::Utxo(asker)) if asker == holder => return Ok(()),
            (Binding::Bound { holder, .. }, _) => format!("it is bound to {}", self.object(holder)?),
            (Binding::Unbound { left_by: Some(_) }, Asker::Coordinator) => return Ok(()),
            (Binding::Unbound { left_by: None }, Asker::Coordinator) => {
                "no UTXO held it that was consumed: burn it with a function of its type".to_owned()
            }
            (Binding::Unbound { .. }, Asker::Utxo(_)) => "the UTXO that asked does not hold it".to_owned(),
        };
        Err(Stopped::refused(format!("{object} cannot be discarded: {reason}")))
    }

    /// A token is gone without its code having run. The UTXO that held it, if one did, holds it no more.
    pub(super) fn discard(&mut self, token: ObjectIndex) -> Result<(), Stopped> {
        if let Binding::Bound { holder, .. } = self.object(token)?.token()?.binding {
            self.unbind(token, holder)?;
        }
        self.object_mut(token)?.token_mut()?.binding = Binding::Burned;
        Ok(())
    }

    /// Whether `asker` may call a method of a token. A UTXO may if it holds the token, or nobody does.
    pub(super) fn check_token_call(&self, token: ObjectIndex, method: &str, asker: Asker) -> Result<(), Stopped> {
        let object = self.object(token)?;
        match (object.token()?.binding, asker) {
            (Binding::Burned, _) => Err(burned(object, "called")),
            (Binding::Bound { holder, .. }, Asker::Utxo(asker)) if asker != holder => {
                let (asker, holder) = (self.object(asker)?, self.object(holder)?);
                Err(Stopped::refused(format!("{asker} called `{method}` of {object}, which {holder} holds")))
            }
            _ => Ok(()),
        }
    }

    /// Something of a token was called: whoever holds it was used.
    pub(super) fn use_holder(&mut self, token: ObjectIndex) -> Result<(), Stopped> {
        if let Binding::Bound { holder, .. } = self.object(token)?.token()?.binding {
            self.object_mut(holder)?.utxo_mut()?.is_used = true;
        }
        Ok(())
    }
}

fn burned(token: &Object, what: &str) -> Stopped {
    Stopped::refused(format!("{token} cannot be {what}, because it was burned earlier in the transaction"))
}
