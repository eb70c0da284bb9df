//! What can happen next.

use proptest::prelude::*;

use super::{RUN_SPECS, SPECS};

/// One thing that happens. Numbers select among what exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// A user creates a deployment, and its namespace if missing.
    Create {
        /// In which namespace.
        namespace: u8,
        /// Under which name.
        name: u8,
        /// Which spec; 0 is invalid.
        spec: u8,
        /// Whether with our finalizer.
        finalizer: bool,
    },
    /// A user creates a sync run, and its namespace if missing.
    CreateRun {
        /// In which namespace.
        namespace: u8,
        /// Under which name.
        name: u8,
        /// Which spec.
        spec: u8,
        /// Whether with another client's finalizer.
        kept: bool,
    },
    /// A user edits an object.
    Edit {
        /// Which one.
        which: u8,
        /// To which spec.
        spec: u8,
    },
    /// A user deletes an object.
    Delete {
        /// Which one.
        which: u8,
    },
    /// A user deletes a namespace with everything in it.
    DeleteNamespace {
        /// Which one.
        which: u8,
    },
    /// Argo CD's namespace disappears or comes back.
    ToggleEngine,
    /// The current object is observed, or its absence.
    Observe {
        /// Which of all that ever existed.
        which: u8,
    },
    /// An object is observed as it was.
    ObserveStale {
        /// Which of all that ever existed.
        which: u8,
        /// How many versions ago.
        back: u8,
    },
    /// A tenant's namespace is observed, or its absence.
    ObserveTenant {
        /// Which one.
        which: u8,
    },
    /// A machine is told to check the facts.
    Facts {
        /// Which one.
        which: u8,
    },
    /// A machine is notified of its open operation's row.
    ObserveOperation {
        /// Which one.
        which: u8,
    },
    /// A deployment is notified of Argo CD's report.
    Report {
        /// Which one.
        which: u8,
    },
    /// A machine is notified, late or again, of an operation that it no longer waits for.
    ObserveFormerOperation {
        /// Which one.
        which: u8,
        /// The outcome of the operation: completed, or failed.
        failed: bool,
    },
    /// One thing that an object's machine requires is done.
    Discharge {
        /// Which one.
        which: u8,
        /// Which of its obligations comes first.
        choice: u8,
    },
    /// The process dies while an obligation of an object is in progress, or a request for a sync,
    /// and restarts from what it persisted.
    Crash {
        /// Which of all of these.
        which: u8,
    },
    /// What was in flight at the last crash arrives after all, unchanged.
    Arrive,
    /// The agent observes the row behind an operation, or that there is none.
    ClaimOperation {
        /// Which one.
        which: u8,
    },
    /// The agent observes Argo CD's resources for an operation.
    ObserveArgo {
        /// Which one.
        which: u8,
    },
    /// One thing that an operation requires is done.
    DischargeOperation {
        /// Which one.
        which: u8,
    },
    /// The Kubernetes API rejects an operation's write permanently.
    Refuse {
        /// Which one.
        which: u8,
    },
    /// Argo CD syncs an Application.
    Sync {
        /// Which one.
        which: u8,
    },
    /// Argo CD does the next thing about the operation of an Application: it takes it up, ends it,
    /// or compares the result.
    RunSync {
        /// Which one.
        which: u8,
        /// Whether it ends well.
        goes_well: bool,
    },
    /// Another client requests a sync of an Application.
    RequestForeignSync {
        /// Which one.
        which: u8,
    },
    /// The row of a finished operation is collected.
    CollectOperation {
        /// Which one.
        which: u8,
    },
    /// Time passes, and every machine is woken.
    Wait {
        /// For how many seconds.
        seconds: u16,
    },
    /// Time passes until a machine's deadline, and only it is woken.
    Wake {
        /// Which of all waiting machines.
        which: u8,
    },
}

/// Any move; progress is likelier than destruction.
pub fn any_move() -> impl Strategy<Value = Move> {
    let which = any::<u8>();
    prop_oneof![
        4 => (0..2_u8, 0..2_u8, 0..SPECS, any::<bool>()).prop_map(
            |(namespace, name, spec, finalizer)| Move::Create { namespace, name, spec, finalizer }
        ),
        4 => (0..2_u8, 0..3_u8, 0..RUN_SPECS, any::<bool>()).prop_map(
            |(namespace, name, spec, kept)| Move::CreateRun { namespace, name, spec, kept }
        ),
        2 => (which, 0..SPECS).prop_map(|(which, spec)| Move::Edit { which, spec }),
        2 => which.prop_map(|which| Move::Delete { which }),
        1 => which.prop_map(|which| Move::DeleteNamespace { which }),
        1 => Just(Move::ToggleEngine),
        6 => which.prop_map(|which| Move::Observe { which }),
        2 => (which, any::<u8>()).prop_map(|(which, back)| Move::ObserveStale { which, back }),
        5 => which.prop_map(|which| Move::ObserveTenant { which }),
        3 => which.prop_map(|which| Move::Facts { which }),
        6 => which.prop_map(|which| Move::ObserveOperation { which }),
        2 => which.prop_map(|which| Move::Report { which }),
        1 => (which, any::<bool>())
            .prop_map(|(which, failed)| Move::ObserveFormerOperation { which, failed }),
        8 => (which, any::<u8>()).prop_map(|(which, choice)| Move::Discharge { which, choice }),
        1 => which.prop_map(|which| Move::Crash { which }),
        1 => Just(Move::Arrive),
        5 => which.prop_map(|which| Move::ClaimOperation { which }),
        6 => which.prop_map(|which| Move::ObserveArgo { which }),
        8 => which.prop_map(|which| Move::DischargeOperation { which }),
        1 => which.prop_map(|which| Move::Refuse { which }),
        2 => which.prop_map(|which| Move::Sync { which }),
        3 => (which, any::<bool>())
            .prop_map(|(which, goes_well)| Move::RunSync { which, goes_well }),
        1 => which.prop_map(|which| Move::RequestForeignSync { which }),
        1 => which.prop_map(|which| Move::CollectOperation { which }),
        2 => (0..400_u16).prop_map(|seconds| Move::Wait { seconds }),
        2 => which.prop_map(|which| Move::Wake { which }),
    ]
}
