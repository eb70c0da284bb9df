//! Batches of the agent: operations.

use std::collections::{BTreeSet, HashMap, HashSet};

use machines::identity::{ClusterUserId, OperationId, Timestamp};
use machines::operation::{Operation, RowView};
use machines::rows::{Requester, RowChange};
use sea_orm::ConnectionTrait;

use crate::store::kinds::permitted::{Permitted, permitted};
use crate::store::kinds::{self, operation};
use crate::store::machine_rows::{Machines, Stepped, Writes};
use crate::store::sealed::unlock::Sealer;
use crate::store::{Call, Store, StoreError};

/// A row that cannot be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Why.
    pub text: String,
    /// What waits for the operation.
    pub requester: Option<Requester>,
}

/// A batch as it was read.
#[derive(Debug, Default)]
pub struct AgentLoaded {
    /// The requested operations, as far as they have machines.
    pub operations: Machines<Operation>,
    /// The rows of those that read them: all that are not claimed yet.
    pub rows: HashMap<OperationId, RowView>,
    /// Why the rows of the others cannot be acted on.
    pub unusable: HashMap<OperationId, Unusable>,
    /// Those whose rows are of a type that this version does not know. They are left alone: another
    /// version, or another program, may act on them.
    pub unknown: HashSet<OperationId>,
    /// What each owner's AppProject should permit.
    pub permitted: HashMap<ClusterUserId, Permitted>,
}

/// What to write for a batch.
#[derive(Debug, Default)]
pub struct AgentChanges {
    /// The operations that were stepped.
    pub operations: Vec<Stepped<Operation>>,
    /// Rows of the other tables, in the order of the steps.
    pub rows: Vec<RowChange>,
}

impl Store {
    /// Loads a batch, lets `decide` step it, and commits the result.
    pub async fn agent_batch<T: Default + Send>(
        &self,
        keys: &[OperationId],
        now: Timestamp,
        decide: impl FnOnce(AgentLoaded) -> (AgentChanges, T) + Send,
    ) -> Result<T, StoreError> {
        let mut result = T::default();
        let decide = |loaded| {
            let (changes, decided) = decide(loaded);
            result = decided;
            changes
        };
        self.commit_agent_batch(keys, now, Box::new(decide)).await?;
        Ok(result)
    }

    fn commit_agent_batch<'a>(
        &'a self,
        keys: &'a [OperationId],
        now: Timestamp,
        decide: Box<dyn FnOnce(AgentLoaded) -> AgentChanges + Send + 'a>,
    ) -> Call<'a, ()> {
        self.call("agent_batch", async move {
            let tx = self.begin().await?;
            let sealer = self.sealer.as_ref();
            let loaded = load(&tx, keys, sealer).await?;
            let changes = decide(loaded);
            let mut machines = Writes::default();
            machines.add(&changes.operations, now)?;
            if machines.is_empty() && changes.rows.is_empty() {
                return Ok(tx.rollback().await?);
            }
            let batch = kinds::Batch { rows: changes.rows, sealer, ..kinds::Batch::default() };
            kinds::write(&tx, batch, now).await?;
            let lines = machines.write(&tx).await?;
            tx.commit().await?;
            lines.write();
            Ok(())
        })
    }
}

async fn load(
    tx: &impl ConnectionTrait,
    keys: &[OperationId],
    sealer: Option<&Sealer>,
) -> Result<AgentLoaded, StoreError> {
    let mut loaded = operation::load(tx, keys, sealer).await?;
    let owners: BTreeSet<&ClusterUserId> = loaded
        .operations
        .known
        .values()
        .map(|versioned| &versioned.machine.record.owner)
        .chain(loaded.rows.values().map(|row| &row.owner))
        .collect();
    loaded.permitted = permitted(tx, owners.iter().copied()).await?;
    Ok(loaded)
}
