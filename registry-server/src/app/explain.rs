//! For every error a word for programs, which never changes its meaning, and what a person can do about it.

use super::AppError;
use registry_core::component::ComponentError;
use registry_core::name::NameError;
use registry_core::wit::AdmissionError;
use std::borrow::Cow;

/// A code and a hint.
type Explanation = (&'static str, Option<&'static str>);

impl AppError {
    /// The code of this error, and a hint if something can be done.
    pub(crate) fn explain(&self) -> (&'static str, Option<Cow<'_, str>>) {
        match self {
            Self::Forbidden { hint, .. } => ("forbidden", Some(hint.into())),
            Self::NotClaimed { namespace } => (
                "namespace_not_claimed",
                Some(
                    format!(
                        "`registry namespace claim {namespace}` makes it yours, with a token that has the scope `admin`"
                    )
                    .into(),
                ),
            ),
            Self::NamespaceTaken(namespace) => {
                let hint = format!("ask an owner to run `registry namespace owner add {} ACCOUNT`", namespace.name);
                ("namespace_taken", Some(hint.into()))
            }
            Self::LastOwner { namespace, .. } => {
                let hint = format!("add another owner first: `registry namespace owner add {namespace} ACCOUNT`");
                ("last_owner", Some(hint.into()))
            }
            _ => {
                let (code, hint) = self.explain_kind();
                (code, hint.map(Cow::Borrowed))
            }
        }
    }

    /// What is the same for all errors of a kind.
    fn explain_kind(&self) -> Explanation {
        match self {
            Self::TokenRequired { is_local: false } => {
                ("token_required", Some("give a token, for example with `registry login`"))
            }
            Self::TokenRequired { is_local: true } => {
                let hint = "the operator's token is in `DATA_DIR/admin-token` of this server: give it with \
                            `registry login --token-file DATA_DIR/admin-token`";
                ("token_required", Some(hint))
            }
            Self::Token(_) => ("token_invalid", Some("give another token, for example with `registry login`")),
            Self::Forbidden { .. } => ("forbidden", None),
            Self::NotClaimed { .. } => ("namespace_not_claimed", None),
            Self::NamespaceTaken(_) => ("namespace_taken", None),
            Self::NamespaceReserved(_) => ("reserved_namespace", Some("ask the registry's operator")),
            Self::NamespaceTooSimilar { .. } => {
                ("namespace_too_similar", Some("choose a name that nobody takes for another"))
            }
            Self::LastOwner { .. } => ("last_owner", None),
            Self::Oci(fault) => fault.explain(),
            Self::UnknownAccount(_) => {
                ("unknown_account", Some("an account is there as soon as the operator has made a token for it"))
            }
            Self::Text { .. } => ("invalid_text", None),
            Self::NotAPackage(_) => {
                ("not_a_package", Some("ask for the packages that it refers to: `registry show` lists them"))
            }
            Self::NotFound(_) => ("not_found", Some("check the hash or the name, or publish it first")),
            Self::Hash(_) | Self::HashPrefix(_) | Self::Sha256 => ("invalid_hash", None),
            Self::Interface(_) => ("invalid_name", None),
            Self::Cursor => ("invalid_cursor", Some("begin with the first page, without `after`")),
            Self::Name(error) => explain_name(error),
            Self::Body(_) => ("invalid_body", None),
            Self::Limit(_) => ("limit_exceeded", None),
            Self::NestedPackages { .. } => {
                let hint =
                    "publish each package by itself, dependencies first; `registry publish --with-deps` does that";
                ("nested_packages", Some(hint))
            }
            Self::MissingDependencies { .. } => {
                // What lies in `deps` of a project may be parts, so no hint sends those.
                let hint = "publish them first, whole, leaves first: with `wkg get NAME@VERSION --format wasm` where they \
                            are and `wkg publish FILE` here, or `registry publish` from their own sources, or `registry \
                            mirror`; docs/wkg.md says how";
                ("missing_dependencies", Some(hint))
            }
            Self::HashMismatch { .. } => {
                let hint = "the upload or its dependencies differ from those that the expected hash was computed from";
                ("hash_mismatch", Some(hint))
            }
            Self::ReleaseBound { .. } => {
                ("release_bound", Some("a published version never changes; publish under a new version"))
            }
            Self::OtherKind { .. } => ("other_kind", Some("publish under another name")),
            Self::Package(error) => explain_package(error),
            Self::Component(error) => explain_component(error),
            Self::Incompatible(_) => {
                let hint =
                    "`registry check` tells this before publishing; docs/compatibility.md says what is compatible";
                ("incompatible", Some(hint))
            }
            Self::Overloaded => ("overloaded", Some("try again in a few seconds")),
            Self::Internal(_) => ("internal", None),
        }
    }
}

fn explain_name(error: &NameError) -> Explanation {
    match error {
        NameError::Reserved(_) => {
            ("reserved_namespace", Some("choose a namespace of your own, as in `my-team:example@1.0.0`"))
        }
        NameError::BuildMetadata(_) => ("invalid_name", Some("publish it without the `+` and what follows")),
        NameError::Unversioned(_) => ("unversioned", Some("add an exact version, as in `my-team:example@1.0.0`")),
        _ => ("invalid_name", None),
    }
}

fn explain_package(error: &AdmissionError) -> Explanation {
    match error {
        AdmissionError::Dependencies { .. } => {
            let hint =
                "refer to exact versions that can be published, as in `use my-team:example/types@1.0.0.{thing};`";
            ("invalid_dependencies", Some(hint))
        }
        AdmissionError::Empty(_) => ("empty_package", None),
        AdmissionError::NotFaithful { .. } => ("not_representable", None),
        AdmissionError::Name(_) | AdmissionError::Wit(_) => ("invalid_wit", None),
    }
}

fn explain_component(error: &ComponentError) -> Explanation {
    match error {
        ComponentError::CoreModule => {
            ("not_a_component", Some("make it a component, for example with `wasm-tools component new`"))
        }
        ComponentError::WitPackage => ("not_a_component", Some("publish it as a package")),
        ComponentError::NotWasm => ("not_a_component", None),
        ComponentError::Names(_) => {
            ("invalid_dependencies", Some("build the component against packages that can be published"))
        }
        ComponentError::Differs(_) | ComponentError::DoesNotFit(_) => (
            "interface_mismatch",
            Some("build the component against the very packages that are registered; `registry fetch` gets them"),
        ),
        _ => ("invalid_component", None),
    }
}
