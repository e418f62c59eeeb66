//! Functions: what they take and give, encoded and as core values.

use super::error::{LiftError, LowerError, Unsupported, UnsupportedType};
use super::lift::Lifting;
use super::lower::Lowering;
use super::types::{AbiType, CoreType, Resource, Resources};
use super::{FLAT_PARAMETERS_MAX, FLAT_RESULTS_MAX, HandleError, Handles, ObjectName};
use crate::value::{Place, ValueError, ValueLimits};
use ledger_core::ObjectId;
use registry_core::id::ComponentHash;
use std::fmt;
use wasmtime::Val;
use wit_parser::{Function, Resolve};

/// What a function takes and gives, without the handles that the host itself puts before its parameters: `self`, or
/// the context that a main function gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    leading_handles: usize,
    parameters: Vec<(String, AbiType)>,
    result: Option<AbiType>,
}

/// The type of a core function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreSignature {
    /// Its parameters.
    pub parameters: Vec<CoreType>,
    /// Its results.
    pub results: Vec<CoreType>,
}

/// An object that stands in encoded parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// What it is used as.
    pub resource: Resource,
    /// Which it is.
    pub name: ObjectName,
    /// Whether it changes hands, or is lent.
    pub is_own: bool,
}

impl Signature {
    /// The signature of `function` after its first `leading_handles` parameters.
    ///
    /// # Errors
    /// If it is asynchronous, has types that can't be passed, or more parameters than pass without memory.
    pub fn of(
        resolve: &Resolve,
        function: &Function,
        leading_handles: usize,
        resources: &Resources,
    ) -> Result<Self, Unsupported> {
        let unsupported = |place: &str, reason| Unsupported { place: place.to_owned(), reason };
        if function.kind.is_async() {
            return Err(unsupported("the function", UnsupportedType::Asynchronous));
        }
        let parameters = function.params.iter().skip(leading_handles).map(|parameter| {
            let ty = AbiType::of(resolve, &parameter.ty, resources);
            let ty = ty.map_err(|reason| unsupported(&format!("the parameter `{}`", parameter.name), reason))?;
            Ok((parameter.name.clone(), ty))
        });
        let parameters: Vec<(String, AbiType)> = parameters.collect::<Result<_, Unsupported>>()?;
        let result = function.result.as_ref().map(|ty| AbiType::of(resolve, ty, resources));
        let result = result.transpose().map_err(|reason| unsupported("the result", reason))?;
        Self::new(leading_handles, parameters, result).map_err(|reason| unsupported("the parameters", reason))
    }

    /// A function with these parameters after `leading_handles` handles, and this result.
    ///
    /// # Errors
    /// If there are more parameters than pass without memory.
    pub fn new(
        leading_handles: usize,
        parameters: Vec<(String, AbiType)>,
        result: Option<AbiType>,
    ) -> Result<Self, UnsupportedType> {
        let found = leading_handles + parameters.iter().map(|(_, ty)| ty.flat().len()).sum::<usize>();
        if found > FLAT_PARAMETERS_MAX {
            return Err(UnsupportedType::TooManyParameters { found, max: FLAT_PARAMETERS_MAX });
        }
        Ok(Self { leading_handles, parameters, result })
    }

    /// The same with this result.
    pub(crate) fn giving(self, result: AbiType) -> Self {
        Self { result: Some(result), ..self }
    }

    /// Names and types of the parameters.
    pub fn parameters(&self) -> &[(String, AbiType)] {
        &self.parameters
    }

    /// The type of the result.
    pub fn result(&self) -> Option<&AbiType> {
        self.result.as_ref()
    }

    /// Of how many types its parameters and its result are made (see [`AbiType::parts`]).
    pub fn parts(&self) -> usize {
        self.parameters.iter().map(|(_, ty)| ty).chain(&self.result).map(AbiType::parts).sum()
    }

    /// Whether it takes and gives the same as `other`, where each stands in its own contract (see [`AbiType::is_same`]).
    pub fn is_same(&self, contract: &ComponentHash, other: &Self, of_other: &ComponentHash) -> bool {
        let is_same = |a: &AbiType, b: &AbiType| a.is_same(contract, b, of_other);
        let (own, others) = (&self.parameters, &other.parameters);
        let are_same = own.len() == others.len()
            && own
                .iter()
                .zip(others)
                .all(|((name, ty), (other_name, other_ty))| name == other_name && is_same(ty, other_ty));
        are_same
            && match (&self.result, &other.result) {
                (None, None) => true,
                (Some(a), Some(b)) => is_same(a, b),
                (None, Some(_)) | (Some(_), None) => false,
            }
    }

    /// How many handles the host puts before the parameters.
    pub fn leading_handles(&self) -> usize {
        self.leading_handles
    }

    /// The core function that a guest exports: a result that is not one core value is in memory, and the function gives
    /// a pointer to it.
    pub fn of_export(&self) -> CoreSignature {
        let results = if self.is_result_in_memory() { vec![CoreType::I32] } else { self.flat_result().to_vec() };
        CoreSignature { parameters: self.flat_parameters(), results }
    }

    /// The core function that a guest imports: for a result that is not one core value it takes one more parameter, the
    /// pointer to where the result shall be.
    pub fn of_import(&self) -> CoreSignature {
        let mut parameters = self.flat_parameters();
        if self.is_result_in_memory() {
            parameters.push(CoreType::I32);
            return CoreSignature { parameters, results: Vec::new() };
        }
        CoreSignature { parameters, results: self.flat_result().to_vec() }
    }

    /// Whether the result goes through the guest's memory.
    pub fn is_result_in_memory(&self) -> bool {
        self.flat_result().len() > FLAT_RESULTS_MAX
    }

    /// The objects in encoded parameters, in their order.
    ///
    /// # Errors
    /// If `bytes` are not exactly the encoding of such parameters.
    pub fn check_parameters(&self, bytes: &[u8], limits: &ValueLimits) -> Result<Vec<Handed>, ValueError> {
        let mut handed = Collected(Vec::new());
        match self.lower_parameters(bytes, limits, &mut handed) {
            Ok(_) => Ok(handed.0),
            Err(LowerError::Value(error)) => Err(error),
            // Collecting never fails, and parameters need no pointer.
            Err(other) => Err(ValueError::from(crate::value::Fault::Unsupported { kind: other.to_string() })),
        }
    }

    /// The core parameters for a call of an export, after the leading handles.
    ///
    /// # Errors
    /// If `bytes` are not exactly the encoding of such parameters, or a handle can't be given.
    pub fn lower_parameters(
        &self,
        bytes: &[u8],
        limits: &ValueLimits,
        handles: &mut dyn Handles,
    ) -> Result<Vec<Val>, LowerError> {
        let mut lowering = Lowering::new(bytes, limits, handles)?;
        let (mut bits, mut types) = (Vec::new(), Vec::new());
        for (index, (name, ty)) in self.parameters.iter().enumerate() {
            let place = || Place::Parameter(index + 1, name.clone());
            lowering.flatten(ty, &mut bits).map_err(|error| error.of(place()))?;
            types.extend_from_slice(ty.flat());
        }
        lowering.finish()?;
        Ok(types.iter().zip(bits).map(|(ty, bits)| ty.value(bits)).collect())
    }

    /// The encoding of the parameters with which a guest called an import. `values` are all core parameters, the leading
    /// handles and the return pointer included.
    ///
    /// # Errors
    /// If the guest should not have passed them.
    pub fn lift_parameters(
        &self,
        values: &[Val],
        limits: &ValueLimits,
        handles: &mut dyn Handles,
    ) -> Result<Vec<u8>, LiftError> {
        let mut lifting = Lifting::new(limits, handles);
        let bits: Vec<u64> = values.iter().skip(self.leading_handles).map(bits).collect();
        let mut rest = bits.as_slice();
        for (_, ty) in &self.parameters {
            let (own, after) = rest.split_at_checked(ty.flat().len()).ok_or(LiftError::MissingCoreValue)?;
            lifting.of_flat(ty, own)?;
            rest = after;
        }
        Ok(lifting.into_bytes())
    }

    /// The return pointer among the core parameters with which a guest called an import.
    pub fn return_pointer(&self, values: &[Val]) -> Option<u32> {
        let pointer = values.last().filter(|_| self.is_result_in_memory())?;
        pointer.i32().map(i32::cast_unsigned)
    }

    /// The encoding of what an export returned: `values` are its core results.
    ///
    /// # Errors
    /// If the guest should not have returned them.
    pub fn lift_result(
        &self,
        values: &[Val],
        memory: &[u8],
        limits: &ValueLimits,
        handles: &mut dyn Handles,
    ) -> Result<Vec<u8>, LiftError> {
        let mut lifting = Lifting::new(limits, handles);
        let Some(ty) = &self.result else { return Ok(Vec::new()) };
        if self.is_result_in_memory() {
            let pointer = values.first().and_then(Val::i32).ok_or(LiftError::MissingCoreValue)?;
            lifting.of_memory(ty, memory, pointer.cast_unsigned())?;
        } else {
            let bits: Vec<u64> = values.iter().map(bits).collect();
            lifting.of_flat(ty, &bits)?;
        }
        Ok(lifting.into_bytes())
    }

    /// Gives a guest the result of an import: the one core value to return, or nothing where the result was written to
    /// the guest's memory at its return pointer.
    ///
    /// # Errors
    /// If `bytes` are not exactly the encoding of such a result, a handle can't be given, or the pointer is bad.
    pub fn lower_result(
        &self,
        bytes: &[u8],
        limits: &ValueLimits,
        handles: &mut dyn Handles,
        memory: &mut [u8],
        return_pointer: Option<u32>,
    ) -> Result<Option<Val>, LowerError> {
        let mut lowering = Lowering::new(bytes, limits, handles)?;
        let value = match (&self.result, return_pointer) {
            (Some(ty), Some(pointer)) if self.is_result_in_memory() => {
                lowering.write(ty, memory, pointer).map_err(|error| error.of(Place::Result))?;
                None
            }
            (Some(ty), _) => {
                let mut bits = Vec::new();
                lowering.flatten(ty, &mut bits).map_err(|error| error.of(Place::Result))?;
                ty.flat().first().zip(bits.first()).map(|(ty, bits)| ty.value(*bits))
            }
            (None, _) => None,
        };
        lowering.finish().map_err(|error| error.of(Place::Result))?;
        Ok(value)
    }

    fn flat_parameters(&self) -> Vec<CoreType> {
        let mut flat = vec![CoreType::I32; self.leading_handles];
        flat.extend(self.parameters.iter().flat_map(|(_, ty)| ty.flat()));
        flat
    }

    fn flat_result(&self) -> &[CoreType] {
        self.result.as_ref().map_or(&[], AbiType::flat)
    }
}

impl CoreType {
    /// The core value with these bits, as many of them as it has.
    #[expect(clippy::cast_possible_truncation, reason = "the bits above those of the type are zero")]
    fn value(self, bits: u64) -> Val {
        match self {
            Self::I32 => Val::I32((bits as u32).cast_signed()),
            Self::I64 => Val::I64(bits.cast_signed()),
            Self::F32 => Val::F32(bits as u32),
            Self::F64 => Val::F64(bits),
        }
    }
}

/// The bits of a core value; a value of another kind has none, and no checked module passes one.
fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(number) => number.cast_unsigned().into(),
        Val::I64(number) => number.cast_unsigned(),
        Val::F32(bits) => (*bits).into(),
        Val::F64(bits) => *bits,
        _ => 0,
    }
}

impl LowerError {
    fn of(self, place: Place) -> Self {
        match self {
            Self::Value(error) => Self::Value(error.of(place)),
            other => other,
        }
    }
}

/// Takes notes of objects, and gives no real handles.
struct Collected(Vec<Handed>);

impl Handles for Collected {
    fn lower(&mut self, resource: &Resource, name: ObjectName, is_own: bool) -> Result<u32, HandleError> {
        self.0.push(Handed { resource: resource.clone(), name, is_own });
        Ok(0)
    }

    fn lift(&mut self, _: &Resource, handle: u32, _: bool) -> Result<ObjectId, HandleError> {
        Err(HandleError::Unknown { handle })
    }
}

impl fmt::Display for CoreSignature {
    /// As in the text format: `(i32, i64) -> (i32)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |types: &[CoreType]| types.iter().map(CoreType::to_string).collect::<Vec<_>>().join(", ");
        write!(f, "({}) -> ({})", list(&self.parameters), list(&self.results))
    }
}

impl fmt::Display for CoreType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}
