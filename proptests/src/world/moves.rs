//! What can happen next.

use proptest::prelude::*;

use super::clusters::CLUSTER_ANSWERS;
use super::repositories::{ANSWERS, SECRET_CONTENTS, SECRETS, SPOILS};
use super::{CREDENTIAL_SPECS, ENVIRONMENT_SPECS, RUN_SPECS, SPECS};

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
    /// A user creates a repository credential, and its namespace if missing.
    CreateCredential {
        /// In which namespace.
        namespace: u8,
        /// Under which name.
        name: u8,
        /// Which spec.
        spec: u8,
        /// Whether with another client's finalizer.
        kept: bool,
    },
    /// A user creates a managed environment, and its namespace if missing.
    CreateEnvironment {
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
    /// The sealing keys are taken away or come back.
    ToggleKeys,
    /// A user writes a Secret, in a namespace that exists.
    PutSecret {
        /// In which namespace.
        namespace: u8,
        /// Under which name.
        name: u8,
        /// Which content; 0 removes it.
        content: u8,
    },
    /// From now on a repository's server answers in another way.
    AnswerAs {
        /// Which repository.
        repository: u8,
        /// How.
        answer: u8,
    },
    /// From now on a cluster answers in another way.
    ClusterAnswersAs {
        /// Which cluster.
        cluster: u8,
        /// How.
        answer: u8,
    },
    /// A cluster no longer knows the accounts that were made there.
    ForgetAccounts {
        /// Which cluster.
        cluster: u8,
        /// Whether they are gone, and not only their tokens.
        is_all: bool,
    },
    /// The watch of Secrets shows one as it is.
    ShowSecret {
        /// Which of those that it shows as they were.
        which: u8,
    },
    /// A repository is asked again although nothing requires it.
    AskAgain {
        /// Of which credential.
        which: u8,
    },
    /// A credential learns what a check has found.
    Learn {
        /// Which one.
        which: u8,
    },
    /// A credential learns again what it knew, or what an earlier check has found.
    LearnLate {
        /// Which one.
        which: u8,
    },
    /// A cluster is asked again although nothing requires it.
    AskCluster {
        /// Of which environment.
        which: u8,
    },
    /// An environment learns what a check has found, or what was revoked.
    LearnOfCluster {
        /// Which of all such answers.
        which: u8,
    },
    /// An environment learns again what it knew, or what an earlier check has found.
    LearnOfClusterLate {
        /// Which one.
        which: u8,
    },
    /// Another client changes a cluster Secret of Argo CD's.
    SpoilCluster {
        /// Which one.
        which: u8,
        /// How; 0 deletes it.
        how: u8,
    },
    /// The agent notices that a cluster Secret does not say what its row says.
    NoticeCluster {
        /// Which of those that others have changed.
        which: u8,
    },
    /// Another client changes a repository Secret of Argo CD's.
    SpoilSecret {
        /// Which one.
        which: u8,
        /// How; 0 deletes it.
        how: u8,
    },
    /// The agent notices that a repository Secret does not say what its row says.
    NoticeSecret {
        /// Which of those that others have changed.
        which: u8,
    },
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
        4 => (0..2_u8, 0..2_u8, 0..CREDENTIAL_SPECS, any::<bool>()).prop_map(
            |(namespace, name, spec, kept)| Move::CreateCredential { namespace, name, spec, kept }
        ),
        3 => (0..2_u8, 0..2_u8, 0..ENVIRONMENT_SPECS, any::<bool>()).prop_map(
            |(namespace, name, spec, kept)| Move::CreateEnvironment { namespace, name, spec, kept }
        ),
        2 => (which, 0..SPECS).prop_map(|(which, spec)| Move::Edit { which, spec }),
        2 => which.prop_map(|which| Move::Delete { which }),
        1 => which.prop_map(|which| Move::DeleteNamespace { which }),
        1 => Just(Move::ToggleEngine),
        1 => Just(Move::ToggleKeys),
        6 => move_of_a_repository(),
        6 => move_of_a_cluster(),
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

/// What the program does and learns, whatever users and servers do.
pub fn move_of_the_program() -> impl Strategy<Value = Move> {
    let which = any::<u8>();
    prop_oneof![
        5 => which.prop_map(|which| Move::Observe { which }),
        2 => (which, any::<u8>()).prop_map(|(which, back)| Move::ObserveStale { which, back }),
        3 => which.prop_map(|which| Move::ObserveTenant { which }),
        4 => which.prop_map(|which| Move::Facts { which }),
        6 => which.prop_map(|which| Move::ObserveOperation { which }),
        12 => (which, any::<u8>()).prop_map(|(which, choice)| Move::Discharge { which, choice }),
        2 => which.prop_map(|which| Move::Crash { which }),
        1 => Just(Move::Arrive),
        6 => which.prop_map(|which| Move::ClaimOperation { which }),
        6 => which.prop_map(|which| Move::ObserveArgo { which }),
        8 => which.prop_map(|which| Move::DischargeOperation { which }),
        1 => which.prop_map(|which| Move::Refuse { which }),
    ]
}

/// What happens around repository credentials.
pub fn move_of_a_repository() -> impl Strategy<Value = Move> {
    let which = any::<u8>();
    prop_oneof![
        3 => (0..2_u8, 0..2_u8, 0..SECRET_CONTENTS)
            .prop_map(|(namespace, name, content)| Move::PutSecret { namespace, name, content }),
        2 => (0..2_u8, 0..ANSWERS)
            .prop_map(|(repository, answer)| Move::AnswerAs { repository, answer }),
        4 => which.prop_map(|which| Move::ShowSecret { which }),
        2 => which.prop_map(|which| Move::AskAgain { which }),
        6 => which.prop_map(|which| Move::Learn { which }),
        1 => which.prop_map(|which| Move::LearnLate { which }),
        1 => (which, 0..SPOILS).prop_map(|(which, how)| Move::SpoilSecret { which, how }),
        2 => which.prop_map(|which| Move::NoticeSecret { which }),
    ]
}

/// What happens around managed environments.
pub fn move_of_a_cluster() -> impl Strategy<Value = Move> {
    let which = any::<u8>();
    prop_oneof![
        4 => (0..2_u8, 2..SECRETS, 0..SECRET_CONTENTS)
            .prop_map(|(namespace, name, content)| Move::PutSecret { namespace, name, content }),
        2 => (0..2_u8, 0..CLUSTER_ANSWERS)
            .prop_map(|(cluster, answer)| Move::ClusterAnswersAs { cluster, answer }),
        1 => (0..2_u8, any::<bool>())
            .prop_map(|(cluster, is_all)| Move::ForgetAccounts { cluster, is_all }),
        4 => which.prop_map(|which| Move::ShowSecret { which }),
        2 => which.prop_map(|which| Move::AskCluster { which }),
        8 => which.prop_map(|which| Move::LearnOfCluster { which }),
        1 => which.prop_map(|which| Move::LearnOfClusterLate { which }),
        1 => (which, 0..SPOILS).prop_map(|(which, how)| Move::SpoilCluster { which, how }),
        2 => which.prop_map(|which| Move::NoticeCluster { which }),
    ]
}
