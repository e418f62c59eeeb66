//! What is computed when a module is instantiated: constant expressions and segments.

use wasmparser::{ConstExpr, DataKind, ElementItems, ElementKind, Operator, Payload, Result, TableInit};

/// An operator of a constant expression, an element, a segment.
const UNITS_PER_INITIALIZER: u64 = 200;

/// What initialises modules, counted over all modules of a component: segments, the elements of active segments, and the
/// operators of constant expressions.
#[derive(Default)]
pub(in crate::admission) struct Initializers {
    count: u64,
}

impl Initializers {
    /// Counts what stands in one section.
    pub(in crate::admission) fn add(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::GlobalSection(section) => {
                for global in section.clone() {
                    self.expression(&global?.init_expr)?;
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    if let TableInit::Expr(expression) = table?.init {
                        self.expression(&expression)?;
                    }
                }
            }
            Payload::ElementSection(section) => {
                for element in section.clone() {
                    let element = element?;
                    self.elements(&element.kind, element.items)?;
                }
            }
            Payload::DataSection(section) => {
                for data in section.clone() {
                    self.count += 1;
                    if let DataKind::Active { offset_expr, .. } = data?.kind {
                        self.expression(&offset_expr)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// How many there are.
    pub(in crate::admission) fn count(&self) -> u64 {
        self.count
    }

    /// The estimate for all of them.
    pub(in crate::admission) fn units(&self) -> u64 {
        self.count.saturating_mul(UNITS_PER_INITIALIZER)
    }

    fn elements(&mut self, kind: &ElementKind<'_>, items: ElementItems<'_>) -> Result<()> {
        self.count += 1;
        if let ElementKind::Active { offset_expr, .. } = kind {
            self.expression(offset_expr)?;
        }
        match (kind, items) {
            // Whether they are put into the table in advance depends on much: on the offset, on the table, and on the
            // segments before them.
            (ElementKind::Active { .. }, ElementItems::Functions(functions)) => {
                self.count += u64::from(functions.count());
            }
            (_, ElementItems::Functions(_)) => {}
            (_, ElementItems::Expressions(_, expressions)) => {
                for expression in expressions {
                    self.expression(&expression?)?;
                }
            }
        }
        Ok(())
    }

    fn expression(&mut self, expression: &ConstExpr<'_>) -> Result<()> {
        for operator in expression.get_operators_reader() {
            self.count += u64::from(!matches!(operator?, Operator::End));
        }
        Ok(())
    }
}
