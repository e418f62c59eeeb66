//! The config of a WebAssembly artifact: what pushed ones must say, and what those say that the registry makes
//! (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>).

use super::OciFault;
use crate::oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const ARCHITECTURE: &str = "wasm";

/// What components and WIT packages are for, whichever WASI they use: the config has no other word.
const OS: &str = "wasip2";

/// When everything was created that the registry makes, so that it makes the same every time.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// A config that the registry makes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WasmConfig {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    component: World,
}

/// What a component or a package offers and needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct World {
    /// Names of what it exports; of a package, of everything in it.
    pub(super) exports: BTreeSet<String>,
    /// Names of what it imports.
    pub(super) imports: BTreeSet<String>,
}

impl WasmConfig {
    /// The config of an artifact with the given layer.
    pub(super) fn new(layer: &Digest, component: World) -> Self {
        let layer_digests = [layer.to_string()];
        Self { created: CREATED, architecture: ARCHITECTURE, os: OS, layer_digests, component }
    }
}

/// What is read of a config that was pushed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PushedConfig {
    architecture: String,
    layer_digests: Option<Vec<String>>,
}

/// Checks that a config is one of a WebAssembly artifact, and of this layer if it says of which.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_wasm_config(json: &[u8], layer: &Digest) -> Result<(), OciFault> {
    let invalid = |message: String| OciFault::ManifestInvalid(format!("the artifact's config {message}"));
    let config: PushedConfig =
        serde_json::from_slice(json).map_err(|error| invalid(format!("cannot be read: {error}")))?;
    if config.architecture != ARCHITECTURE {
        let message = format!("has the architecture `{}`, not `{ARCHITECTURE}`", config.architecture);
        return Err(invalid(message));
    }
    match config.layer_digests {
        Some(digests) if digests.iter().all(|digest| *digest != layer.to_string()) => {
            Err(invalid(format!("does not name the layer {layer}")))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{WasmConfig, World, check_wasm_config};
    use crate::oci::Digest;

    #[test]
    fn a_config_is_of_webassembly_and_of_its_layer() {
        let layer = Digest::sha256(b"layer");
        let world = World { exports: ["a:b/c@1.0.0".to_owned()].into(), imports: Default::default() };
        let made = serde_json::to_vec(&WasmConfig::new(&layer, world)).unwrap();
        check_wasm_config(&made, &layer).unwrap();
        check_wasm_config(br#"{"architecture": "wasm", "layerDigests": null}"#, &layer).unwrap();
        let other = check_wasm_config(&made, &Digest::sha256(b"other")).unwrap_err();
        assert!(other.to_string().contains("does not name the layer"));
        for wrong in ["", "[]", "{}", r#"{"architecture": "amd64"}"#, r#"{"architecture": "wasm", "layerDigests": []}"#]
        {
            assert!(check_wasm_config(wrong.as_bytes(), &layer).is_err(), "{wrong}");
        }
    }
}
