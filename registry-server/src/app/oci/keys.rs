//! The names in a manifest: nobody may read another thing in it than this registry does.
//!
//! JSON as Go reads it takes `Layers` for `layers`, and the last of both counts. A manifest with both would be checked here
//! for the one layer, and most clients would pull the other.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What manifests and their descriptors say under names that the specification has, or Docker's had.
const KNOWN: [&str; 14] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "fsLayers",
];

/// Those of them under which descriptors stand.
const OF_DESCRIPTORS: [&str; 4] = ["config", "layers", "manifests", "subject"];

/// A manifest in which no name can be taken for a known one that it is not. Reading it checks that.
pub(super) struct ExactKeys;

impl<'de> Deserialize<'de> for ExactKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = ExactKeys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExactKeys, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if OF_DESCRIPTORS.contains(&key.as_str()) {
                map.next_value::<ExactKeys>()?;
                continue;
            }
            if let Some(known) = mistakable(&key) {
                return Err(A::Error::custom(format!("`{key}` could be taken for `{known}`")));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(ExactKeys)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ExactKeys, A::Error> {
        while items.next_element::<ExactKeys>()?.is_some() {}
        Ok(ExactKeys)
    }

    fn visit_bool<E>(self, _: bool) -> Result<ExactKeys, E> {
        Ok(ExactKeys)
    }

    fn visit_i64<E>(self, _: i64) -> Result<ExactKeys, E> {
        Ok(ExactKeys)
    }

    fn visit_u64<E>(self, _: u64) -> Result<ExactKeys, E> {
        Ok(ExactKeys)
    }

    fn visit_f64<E>(self, _: f64) -> Result<ExactKeys, E> {
        Ok(ExactKeys)
    }

    fn visit_str<E>(self, _: &str) -> Result<ExactKeys, E> {
        Ok(ExactKeys)
    }

    fn visit_unit<E>(self) -> Result<ExactKeys, E> {
        Ok(ExactKeys)
    }
}

/// The known name that another one is, but for the case of its letters.
fn mistakable(key: &str) -> Option<&'static str> {
    let is_taken_for =
        |known: &&str| *known != key && folded(key).eq(known.chars().map(|char| char.to_ascii_lowercase()));
    KNOWN.into_iter().find(is_taken_for)
}

/// Letters without their case. There and back, because `ſ` is a small letter whose capital is S, and the sign for kelvin a
/// capital whose small letter is k.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::ExactKeys;

    #[test]
    fn names_are_known_ones_or_quite_others() {
        for good in [
            r#"{"layers": [{"digest": "", "size": 1e300, "x": {"Digest": 1}}, null, true, -1, 1, ""]}"#,
            r#"{"annotations": {"Layers": "", "SIZE": ""}, "other": {"Config": {}}, "layer": 1, "": []}"#,
        ] {
            assert!(serde_json::from_str::<ExactKeys>(good).is_ok(), "{good}");
        }
        for bad in [
            r#"{"layers": [], "Layers": []}"#,
            r#"{"LAYERS": []}"#,
            r#"{"layer\u017f": []}"#,
            "{\"layerſ\": []}",
            r#"{"layers": [{"digest": "", "Digest": ""}]}"#,
            r#"{"config": {"MediaType": ""}}"#,
            r#"{"subject": {"SIZE": 1}}"#,
            r#"{"manifests": [{"config": {"Urls": []}}]}"#,
            r#"{"mediatype": ""}"#,
        ] {
            assert!(serde_json::from_str::<ExactKeys>(bad).is_err(), "{bad}");
        }
    }
}
