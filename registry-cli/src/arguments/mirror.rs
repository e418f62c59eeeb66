//! Arguments of `mirror`.

use clap::Args;
use registry_client::mirror::Versions;
use registry_core::name::{Spec, SpecError};
use std::str::FromStr;

/// Arguments of `mirror`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry mirror wasi:http --from https://host
  registry mirror wasi:http@0.2.4 'wasi:cli@*' --from https://host --claim
  registry mirror my-team:adder --all-versions --from https://host --to http://127.0.0.1:7878

Everything is verified on its way and keeps its name, version and hash. What is there already is skipped, so that an
interrupted copy goes on with the same command. Yanked releases are copied only if their version is named; yanks and
deprecations themselves are not copied. Neither are OCI manifests: so that a `wkg.lock` goes on working, `skopeo copy`
first (docs/wkg.md). Publishing needs ownership of every namespace that is copied into.
The token of --token-file and REGISTRY_TOKEN is for the registry that is copied to; for --from, if that is private,
`registry login` keeps one.")]
pub(crate) struct MirrorArguments {
    /// `namespace:name` (its newest release), `namespace:name@version`, `namespace:name@*` (every release), or a hash.
    #[arg(required = true, value_name = "SPEC")]
    pub(crate) specs: Vec<MirrorSpec>,
    /// The registry to copy from.
    #[arg(long, value_name = "URL")]
    pub(crate) from: String,
    /// The registry to copy to, instead of `--registry`.
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// Every release of each name without a version, as `@*` does.
    #[arg(long)]
    pub(crate) all_versions: bool,
    /// Claim the namespaces that nobody owns yet.
    #[arg(long)]
    pub(crate) claim: bool,
}

/// What is copied.
#[derive(Debug, Clone)]
pub(crate) struct MirrorSpec {
    pub(crate) spec: Spec,
    pub(crate) versions: Versions,
}

impl FromStr for MirrorSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        if let Some(name) = text.strip_suffix("@*")
            && let spec @ Spec::Newest { .. } = name.parse()?
        {
            return Ok(Self { spec, versions: Versions::All });
        }
        Ok(Self { spec: text.parse()?, versions: Versions::Newest })
    }
}
