//! What is wrong with a value, and where in the value it is.

use std::fmt;

/// A value that can't be read or written, with the place inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError {
    place: Place,
    /// From the inside to the outside, because it grows while the error travels out of the recursion.
    path: Vec<Step>,
    offset: Option<usize>,
    fault: Fault,
}

/// Which value of a call is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The parameters as a whole.
    Parameters,
    /// One parameter: its position, counted from 1, and its name.
    Parameter(usize, String),
    /// The result.
    Result,
}

/// One step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Index(usize),
    Case(String),
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes end inside a value.
    #[error("the bytes end too early")]
    Truncated,
    /// Bytes follow the last value.
    #[error("more bytes follow the last value ({count})")]
    Surplus {
        /// How many.
        count: usize,
    },
    /// An integer has a longer encoding than it needs.
    #[error("an integer is not in its shortest form")]
    NotShortest,
    /// An integer does not fit its type.
    #[error("an integer does not fit into {bits} bits")]
    TooLarge {
        /// The width of the type.
        bits: u32,
    },
    /// A text or a `char` is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// A text or a list of bytes is not what it must be.
    #[error("a value is not {what}")]
    NotOfForm {
        /// What it must be.
        what: &'static str,
    },
    /// A byte that must be 0 or 1 is not.
    #[error("the byte is {byte}, but must be 0 or 1")]
    NotBinary {
        /// The byte found.
        byte: u8,
    },
    /// A NaN that is not the canonical one.
    #[error("a NaN is not the canonical NaN")]
    NotCanonicalNan,
    /// A case that the type does not have.
    #[error("case {index} does not exist")]
    UnknownCase {
        /// The index found, counted from 0.
        index: u32,
    },
    /// Bits beyond the last flag are set.
    #[error("bits beyond the last flag are set")]
    UnknownFlags,
    /// Values contain each other too deeply.
    #[error("values are nested deeper than {max} (`depth_max`)")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// The decoded value would take too much memory.
    #[error("the value takes more than {max} bytes of memory (`decoded_size_bytes_max`)")]
    TooMuchMemory {
        /// The limit.
        max: usize,
    },
    /// The encoding is too long.
    #[error("the encoding is longer than {max} bytes (`encoded_size_bytes_max`)")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// A text that must be the id of a UTXO is not.
    #[error("`{text}` is not the id of a UTXO, which is `p2:u` and 64 hexadecimal digits")]
    NotAnId {
        /// The text, shortened.
        text: String,
    },
    /// The type has no encoding: a handle, or something asynchronous.
    #[error("a value of this type cannot be sent: {kind}")]
    Unsupported {
        /// What it is.
        kind: String,
    },
    /// The number of values is not the number of parameters.
    #[error("the function takes {expected}, but {found} were given")]
    WrongCount {
        /// What the function takes.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// A value is not of the type that stands beside it.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What the type says.
        expected: String,
        /// What the value is.
        found: String,
    },
}

impl ValueError {
    pub(super) fn new(fault: Fault) -> Self {
        Self { place: Place::Parameters, path: Vec::new(), offset: None, fault }
    }

    /// The error at `offset`, unless a place further inside has set its own.
    pub(crate) fn at_offset(mut self, offset: usize) -> Self {
        self.offset.get_or_insert(offset);
        self
    }

    pub(super) fn inside(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    pub(crate) fn of(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// The error inside the field `name`; in a tuple the name is a position.
    pub(crate) fn inside_field(self, name: &str) -> Self {
        self.inside(name.parse().map_or_else(|_| Step::Field(name.to_owned()), Step::Index))
    }

    /// The error inside what the case `name` carries.
    pub(crate) fn inside_case(self, name: &str) -> Self {
        self.inside(Step::Case(name.to_owned()))
    }

    /// Which value of the call it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The way from that value to the part that is wrong, as in `.items[3].price`; empty for the value itself.
    pub fn path(&self) -> String {
        self.path.iter().rev().map(Step::to_string).collect()
    }

    /// The byte of the encoding at which it was noticed, counted from 0; none while encoding.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// What is wrong.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }
}

impl From<Fault> for ValueError {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if !self.path.is_empty() {
            write!(f, " at `{}`", self.path())?;
        }
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for ValueError {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameters => f.write_str("parameters"),
            Self::Parameter(position, name) => write!(f, "parameter {position} `{name}`"),
            Self::Result => f.write_str("result"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Case(name) => write!(f, ".{name}()"),
        }
    }
}
