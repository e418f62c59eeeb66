//! Is one release a compatible extension of another? What changed, in plain words, and which semver step it needs.
//!
//! The rules stand in `docs/compatibility.md`, row by row, with their reasons. Values compare by structure, resources by
//! where they are declared; a type of another package compares by both.

mod interface;
mod names;
mod release;
mod shape;
mod signature;
mod track;
mod words;
mod world;

pub use release::{Incompatible, check_release};
pub use track::{Neighbours, Track, neighbours, required_version};

use crate::component::VerifiedComponent;
use crate::limits::Limits;
use crate::wit::Wit;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use shape::Shapes;
use signature::Side;
use std::collections::BTreeSet;
use std::fmt;
use utoipa::ToSchema;
use wit_parser::{Resolve, Stability, TypeId};

/// How far a version must move for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Nothing changes for users: documentation, gates, another way to write the same.
    None,
    /// What there was is still there, and more.
    Addition,
    /// Something that worked stops working.
    Breaking,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Addition => "addition",
            Self::Breaking => "breaking",
        })
    }
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The step that it needs.
    pub step: Step,
    /// What changed: "interface `shapes`, function `area`".
    pub path: String,
    /// How, as the rest of a sentence that begins with the path.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// What changed between two packages or components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Comparison {
    /// The step that all changes together need.
    pub step: Step,
    /// The changes, breaking ones first, then additions, each in the order of the paths.
    pub changes: Vec<Change>,
    /// Changes over the limit, of the least steps, that are not listed.
    pub left_out: usize,
}

impl Comparison {
    fn of(mut changes: Vec<Change>, limits: &Limits) -> Self {
        changes.sort_by(|a, b| b.step.cmp(&a.step).then_with(|| a.path.cmp(&b.path)));
        changes.dedup();
        let step = changes.first().map_or(Step::None, |change| change.step);
        let left_out = changes.len().saturating_sub(limits.changes_max);
        changes.truncate(limits.changes_max);
        Self { step, changes, left_out }
    }

    /// No change.
    pub fn nothing() -> Self {
        Self { step: Step::None, changes: Vec::new(), left_out: 0 }
    }

    /// The changes that need a new track.
    pub fn breaking(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.step == Step::Breaking)
    }

    /// Whether users of the old can move to the new without a change.
    pub fn is_compatible(&self) -> bool {
        self.step != Step::Breaking
    }
}

/// Compares two releases of a package: what it takes to put `new` in the place of `old`.
///
/// The work is linear in the size of both closures.
pub fn compare(old: &Wit, new: &Wit, limits: &Limits) -> Comparison {
    let mut comparer = Comparer::new(old, new);
    comparer.settle_package();
    comparer.interfaces();
    comparer.used_interfaces();
    comparer.worlds();
    comparer.dependencies(old, new);
    comparer.rewritten(old, new);
    Comparison::of(comparer.changes, limits)
}

/// Compares the worlds of two components: what it takes to run `new` where `old` runs.
///
/// Every verified component has a world; without one nothing would be compared.
pub fn compare_components(old: &VerifiedComponent, new: &VerifiedComponent, limits: &Limits) -> Comparison {
    let mut comparer = Comparer::new(old.wit(), new.wit());
    if let (Some(old), Some(new)) = (old.world(), new.world()) {
        comparer.component(old, new);
    }
    Comparison::of(comparer.changes, limits)
}

/// One comparison in progress.
struct Comparer<'a> {
    old: Side<'a>,
    new: Side<'a>,
    /// Pairs of definitions that are compared under their own path: what differs in them is not said again where they
    /// are used.
    settled: BTreeSet<(TypeId, TypeId)>,
    /// Pairs whose differences are all in settled pairs.
    silent: BTreeSet<(TypeId, TypeId)>,
    /// Interfaces that worlds import or export and that are compared already, with the steps that counted.
    done: BTreeSet<(wit_parser::InterfaceId, wit_parser::InterfaceId, Rules)>,
    changes: Vec<Change>,
}

impl<'a> Comparer<'a> {
    fn new(old: &'a Wit, new: &'a Wit) -> Self {
        let mut shapes = Shapes::default();
        Self {
            old: Side::new(old, &mut shapes),
            new: Side::new(new, &mut shapes),
            settled: BTreeSet::new(),
            silent: BTreeSet::new(),
            done: BTreeSet::new(),
            changes: Vec::new(),
        }
    }

    fn push(&mut self, step: Step, path: &str, what: impl Into<String>) {
        self.changes.push(Change { step, path: path.to_owned(), what: what.into() });
    }

    /// Says whether an item came, went or crossed its gate. Returns the rules for its contents if it is on both sides
    /// and on the same side of the gate.
    fn presence(
        &mut self,
        rules: Rules,
        path: &str,
        old: Option<&Stability>,
        new: Option<&Stability>,
    ) -> Option<Rules> {
        let is_stable = |stability: &Stability| !is_unstable(stability);
        let (step, what) = match (old.map(is_stable), new.map(is_stable)) {
            (Some(true), Some(true)) => return Some(rules),
            (Some(false), Some(false)) => return Some(Rules::UNSTABLE),
            (None, None) => return None,
            (None, Some(true)) => (rules.added, format!("was added{}", rules.added_why)),
            (Some(false), Some(true)) => (rules.added, format!("came out from behind `@unstable`{}", rules.added_why)),
            (Some(true), None) => (rules.removed, "was removed".to_owned()),
            (Some(true), Some(false)) => (rules.removed, "went behind `@unstable`".to_owned()),
            (None, Some(false)) => (Step::None, "was added behind `@unstable`".to_owned()),
            (Some(false), None) => (Step::None, "was removed; it was behind `@unstable`".to_owned()),
        };
        self.push(step, path, what);
        None
    }

    /// Says whether documentation or gates of an item differ.
    fn notes(&mut self, path: &str, old: Notes<'_>, new: Notes<'_>) {
        if normalized(old.docs) != normalized(new.docs) {
            self.push(Step::None, path, "documentation changed");
        }
        if old.stability != new.stability {
            self.push(Step::None, path, "its gate (`@since`, `@unstable`, `@deprecated`) changed");
        }
    }
}

/// Which steps count where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rules {
    added: Step,
    /// Why an addition breaks something, if it does: the end of the sentence.
    added_why: &'static str,
    removed: Step,
    changed: Step,
}

impl Rules {
    /// A package's own interfaces and worlds, what worlds import and components export: more may come, nothing may go.
    const OFFERED: Self =
        Self { added: Step::Addition, added_why: "", removed: Step::Breaking, changed: Step::Breaking };
    /// What worlds export: components that were made for the old world lack what is added.
    const PROMISED: Self = Self {
        added: Step::Breaking,
        added_why: ", which components made for the old world do not export",
        removed: Step::Breaking,
        changed: Step::Breaking,
    };
    /// The same for an interface of the package itself, whose other changes are said elsewhere.
    const PROMISED_ADDITIONS: Self = Self { removed: Step::None, changed: Step::None, ..Self::PROMISED };
    /// What a component imports: a host that runs the old one lacks what is added.
    const REQUIRED: Self = Self {
        added: Step::Breaking,
        added_why: ", which hosts of the old component need not have",
        removed: Step::Addition,
        changed: Step::Breaking,
    };
    /// An interface of a registered package that a component imports. All of it stands there, whether the component uses
    /// it or not, so only changes count.
    const REQUIRED_INTERFACE: Self =
        Self { added: Step::Addition, added_why: "", removed: Step::Addition, changed: Step::Breaking };
    /// What stands behind `@unstable` promises nothing.
    const UNSTABLE: Self = Self { added: Step::None, added_why: "", removed: Step::None, changed: Step::None };
}

/// What is for readers only.
#[derive(Clone, Copy)]
struct Notes<'a> {
    docs: &'a wit_parser::Docs,
    stability: &'a Stability,
}

fn normalized(docs: &wit_parser::Docs) -> Option<String> {
    docs.contents.as_deref().and_then(crate::wit::normalize_docs)
}

impl Comparer<'_> {
    /// The package's interfaces, each by its name.
    fn interfaces(&mut self) {
        let (old, new) = (self.old.package(), self.new.package());
        for name in union(old.interfaces.keys(), new.interfaces.keys()) {
            let ids = (old.interfaces.get(name).copied(), new.interfaces.get(name).copied());
            let gate = |resolve: &'_ Resolve, id| resolve.interfaces[id].stability.clone();
            let gates = (ids.0.map(|id| gate(self.old.resolve, id)), ids.1.map(|id| gate(self.new.resolve, id)));
            let path = format!("interface `{name}`");
            let rules = self.presence(Rules::OFFERED, &path, gates.0.as_ref(), gates.1.as_ref());
            if let (Some(rules), (Some(old), Some(new))) = (rules, ids) {
                self.interface(rules, &path, old, new);
            }
        }
    }

    /// Interfaces of other packages from which the package's own take types. Whoever imports one of these imports those
    /// too, and a version may have gone down.
    fn used_interfaces(&mut self) {
        let new = self.new.used_interfaces();
        for (name, old) in self.old.used_interfaces() {
            let Some(new) = new.get(&name).copied() else { continue };
            let path = format!("used interface `{}`", self.old.resolve.id_of(old).unwrap_or_default());
            self.foreign_interface(Rules::OFFERED, &path, old, new);
        }
    }

    /// The package's worlds, each by its name.
    fn worlds(&mut self) {
        let (old, new) = (self.old.package(), self.new.package());
        for name in union(old.worlds.keys(), new.worlds.keys()) {
            let ids = (old.worlds.get(name).copied(), new.worlds.get(name).copied());
            let gate = |resolve: &'_ Resolve, id| resolve.worlds[id].stability.clone();
            let gates = (ids.0.map(|id| gate(self.old.resolve, id)), ids.1.map(|id| gate(self.new.resolve, id)));
            let path = format!("world `{name}`");
            let rules = self.presence(Rules::OFFERED, &path, gates.0.as_ref(), gates.1.as_ref());
            if let (Some(rules), (Some(old), Some(new))) = (rules, ids) {
                self.world(rules, &path, old, new);
            }
        }
    }

    /// Versions of dependencies: what is reached through them is compared where it is used.
    fn dependencies(&mut self, old: &Wit, new: &Wit) {
        let (old, new) = (names::dependencies(old), names::dependencies(new));
        for key in union(old.keys(), new.keys()) {
            let path = format!("dependency `{}`", key.0);
            match (old.get(key), new.get(key)) {
                (Some(old), Some(new)) if old != new => {
                    self.push(Step::Addition, &path, format!("is `{new}`, was `{old}`"));
                }
                (None, Some(new)) => self.push(Step::Addition, &path, format!("`{new}` was added")),
                (Some(old), None) => self.push(Step::None, &path, format!("`{old}` is no longer referred to")),
                _ => {}
            }
        }
    }

    /// Interfaces whose ids differ although nothing changed for users.
    fn rewritten(&mut self, old: &Wit, new: &Wit) {
        let (Ok(old), Ok(new)) = (old.identity(), new.identity()) else { return };
        if !self.changes.is_empty() {
            return;
        }
        for (name, _) in old.interfaces.iter().filter(|(name, id)| new.interfaces.get(*name) != Some(id)) {
            self.push(Step::None, &format!("interface `{name}`"), "is written in another way and means the same");
        }
    }

    /// Settles the definitions of the package's own interfaces and worlds.
    fn settle_package(&mut self) {
        let (old, new) = (self.old.package(), self.new.package());
        for (name, id) in &old.interfaces {
            let Some(other) = new.interfaces.get(name) else { continue };
            let (old, new) = (&self.old.resolve.interfaces[*id], &self.new.resolve.interfaces[*other]);
            if !is_unstable(&old.stability) && !is_unstable(&new.stability) {
                self.settle(&old.types, &new.types);
            }
        }
        for (name, id) in &old.worlds {
            let Some(other) = new.worlds.get(name) else { continue };
            let (old, new) = (&self.old.resolve.worlds[*id], &self.new.resolve.worlds[*other]);
            if !is_unstable(&old.stability) && !is_unstable(&new.stability) {
                self.settle(&world::types_of(old), &world::types_of(new));
            }
        }
    }

    /// Settles the stable definitions that two sides share by name: what differs in them is said once, there.
    fn settle(&mut self, old: &IndexMap<String, TypeId>, new: &IndexMap<String, TypeId>) {
        let (old_resolve, new_resolve) = (self.old.resolve, self.new.resolve);
        let shared = old.iter().filter_map(|(name, old)| Some((*old, *new.get(name)?)));
        self.settled.extend(shared.filter(|(old, new)| {
            !is_unstable(&old_resolve.types[*old].stability) && !is_unstable(&new_resolve.types[*new].stability)
        }));
    }
}

/// Whether an item promises nothing.
fn is_unstable(stability: &Stability) -> bool {
    matches!(stability, Stability::Unstable { .. })
}

/// The keys of both sides, in order, each once.
fn union<'k, K: Ord + ?Sized + 'k>(
    old: impl Iterator<Item = &'k K>,
    new: impl Iterator<Item = &'k K>,
) -> BTreeSet<&'k K> {
    old.chain(new).collect()
}
