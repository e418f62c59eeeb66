//! Reading what a component says about itself.
//!
//! Metadata is a courtesy: WebAssembly gives custom sections no meaning, so a section that cannot be read never makes a
//! component invalid. It is left out, and the reason is told.

use crate::id::shorten;
use crate::limits::Limits;
use crate::wire::{BuildDependency, ComponentMetadata, IgnoredSection, Producer};
use crate::wit::{WitError, without_panic};
use std::collections::BTreeSet;
use wasm_metadata::{Metadata, Payload};
use wasmparser::{CustomSectionReader, Parser, Payload as Section};

/// The sections of one text each that describe the component that they stand in.
const TEXT_SECTIONS: [&str; 8] =
    ["component-name", "description", "authors", "licenses", "source", "homepage", "revision", "version"];

/// The sections that list what a component or a module was made with and from.
const LIST_SECTIONS: [&str; 2] = ["producers", ".dep-v0"];

/// The first bytes of every component.
const COMPONENT_HEADER: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// The number of a custom section.
const CUSTOM_SECTION: u8 = 0;

impl ComponentMetadata {
    /// Reads the metadata of a component, whatever can be read of it.
    pub fn read(component: &[u8], limits: &Limits) -> Self {
        let mut reader = Reader { component, limits, metadata: Self::default(), sections: 0, size_bytes: 0 };
        reader.read();
        let Self { producers, dependencies, .. } = &mut reader.metadata;
        producers.sort_unstable();
        producers.dedup();
        dependencies.sort_unstable();
        dependencies.dedup();
        reader.metadata
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// The first line of the description; empty if there is none.
    pub fn summary(&self) -> &str {
        self.description.as_deref().and_then(|text| text.lines().next()).unwrap_or_default().trim_end()
    }

    /// Everything in it that people search for, each text once.
    pub fn searchable_texts(&self) -> BTreeSet<&str> {
        let texts = [&self.name, &self.description, &self.authors, &self.licenses, &self.source, &self.homepage];
        let texts = texts.into_iter().flatten().map(String::as_str);
        let producers = self.producers.iter().map(|producer| producer.name.as_str());
        texts.chain(producers).chain(self.dependencies.iter().map(|dependency| dependency.name.as_str())).collect()
    }
}

struct Reader<'a> {
    component: &'a [u8],
    limits: &'a Limits,
    metadata: ComponentMetadata,
    /// Sections that were read.
    sections: usize,
    /// Bytes of all that was taken.
    size_bytes: usize,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        let mut depth = 0_usize;
        for section in Parser::new(0).parse_all(self.component) {
            match section {
                Ok(Section::Version { .. }) => depth += 1,
                Ok(Section::End(_)) => depth = depth.saturating_sub(1),
                Ok(Section::CustomSection(section)) => self.section(&section, depth == 1),
                Ok(_) => {}
                Err(error) => return self.ignore("the rest", error.to_string()),
            }
        }
    }

    fn section(&mut self, section: &CustomSectionReader<'a>, is_outermost: bool) {
        let (name, size_bytes) = (section.name(), section.data().len());
        let max = match name {
            _ if is_outermost && TEXT_SECTIONS.contains(&name) => self.limits.metadata_text_size_bytes_max,
            _ if LIST_SECTIONS.contains(&name) => self.limits.metadata_list_size_bytes_max,
            _ => return,
        };
        self.sections += 1;
        let sections_max = self.limits.metadata_sections_max;
        if self.sections > sections_max {
            if self.sections == sections_max + 1 {
                self.ignore(name, format!("there are more than {sections_max} sections (`metadata_sections_max`)"));
            }
            return;
        }
        if size_bytes > max {
            return self.ignore(name, format!("it has {size_bytes} bytes, over the limit of {max}"));
        }
        match self.parse(section) {
            Ok(found) => self.take(name, found),
            Err(error) => self.ignore(name, error.to_string()),
        }
    }

    /// Reads one section by itself, as the only one of a component: one that cannot be read takes no other with it.
    fn parse(&self, section: &CustomSectionReader<'a>) -> Result<Metadata, WitError> {
        let content = self.component.get(section.range()).unwrap_or_default();
        let mut alone = COMPONENT_HEADER.to_vec();
        alone.push(CUSTOM_SECTION);
        write_leb128(&mut alone, content.len());
        alone.extend_from_slice(content);
        without_panic(&[section.name().to_owned()], || {
            match Payload::from_binary(&alone).map_err(|error| WitError::Internal(format!("{error:#}")))? {
                Payload::Component { metadata, .. } | Payload::Module(metadata) => Ok(metadata),
            }
        })
    }

    fn take(&mut self, section: &str, found: Metadata) {
        self.take_text(section, found.name, |metadata| &mut metadata.name);
        self.take_text(section, found.description, |metadata| &mut metadata.description);
        self.take_text(section, found.authors, |metadata| &mut metadata.authors);
        self.take_text(section, found.licenses, |metadata| &mut metadata.licenses);
        self.take_text(section, found.source, |metadata| &mut metadata.source);
        self.take_text(section, found.homepage, |metadata| &mut metadata.homepage);
        self.take_text(section, found.revision, |metadata| &mut metadata.revision);
        self.take_text(section, found.version, |metadata| &mut metadata.version);
        for (role, values) in found.producers.iter().flat_map(wasm_metadata::Producers::iter) {
            for (name, version) in values.iter() {
                let producer = Producer { role: role.clone(), name: name.clone(), version: version.clone() };
                let size_bytes = role.len() + name.len() + version.len();
                if !self.fits(section, size_bytes) {
                    return;
                }
                self.metadata.producers.push(producer);
            }
        }
        for package in found.dependencies.iter().flat_map(|dependencies| &dependencies.version_info().packages) {
            let dependency = BuildDependency {
                name: package.name.clone(),
                version: package.version.to_string(),
                source: package.source.clone().into(),
                build: package.kind != Default::default(),
            };
            let size_bytes = dependency.name.len() + dependency.version.len() + dependency.source.len();
            if !self.fits(section, size_bytes) {
                return;
            }
            self.metadata.dependencies.push(dependency);
        }
    }

    fn take_text(
        &mut self,
        section: &str,
        text: Option<impl ToString>,
        place: impl Fn(&mut ComponentMetadata) -> &mut Option<String>,
    ) {
        let Some(text) = text.map(|text| text.to_string().trim().to_owned()).filter(|text| !text.is_empty()) else {
            return;
        };
        if self.fits(section, text.len()) {
            *place(&mut self.metadata) = Some(text);
        }
    }

    /// Counts what is taken; tells, once, when no more is.
    fn fits(&mut self, section: &str, size_bytes: usize) -> bool {
        /// JSON around the texts of one entry, near enough.
        const ENTRY_SIZE_BYTES: usize = 60;
        let max = self.limits.metadata_size_bytes_max;
        if self.size_bytes > max {
            return false;
        }
        self.size_bytes += size_bytes + ENTRY_SIZE_BYTES;
        if self.size_bytes > max {
            let reason = format!("all metadata has more than {max} bytes (`metadata_size_bytes_max`)");
            self.ignore(section, reason);
            return false;
        }
        true
    }

    fn ignore(&mut self, section: &str, reason: String) {
        self.metadata.ignored.push(IgnoredSection { section: section.to_owned(), reason: shorten(&reason) });
    }
}

fn write_leb128(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
