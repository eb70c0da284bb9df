//! Machines and transitions as rows, whatever their kind.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use machines::identity::Timestamp;
use machines::machine::{Machine, Moved, Run};
use machines::rows::RowChange;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Asterisk, ExprTrait, OnConflict, Query};
use sea_orm::{
    ActiveValue, Condition, ConnectionTrait, FromQueryResult, IntoActiveModel, QueryOrder,
    QuerySelect,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entity::{machine, transition};
use crate::store::transition_log::Lines;
use crate::store::{Call, Store, StoreError};

/// Machines read by one statement of a scan: at most a few megabytes of states.
const SCAN_PAGE: u64 = 2_000;

/// Transitions inserted by one statement. A machine may have several in one batch, and SQLite takes
/// 32,766 values in a statement.
const TRANSITIONS: usize = 4_000;

/// What the store needs to know about a kind of machine.
pub trait Persistent: Machine {
    /// What identifies a machine of this kind.
    type Key: Clone + Eq + Hash;
    /// The kind's name in the database.
    const KIND: &'static str;
    /// The versioned form.
    type Persisted: Serialize + DeserializeOwned + From<Self> + Into<Self>;

    /// The machine's key.
    fn key(&self) -> Self::Key;
    /// The key from its text.
    fn parse_key(text: String) -> Self::Key;
    /// The key's text.
    fn key_text(key: &Self::Key) -> &str;
    /// The tenant's UID; empty if it is not known.
    fn tenant(&self) -> &str;
    /// The namespace of the object behind it; empty if there is none.
    fn namespace(&self) -> &str;
    /// The name of the object behind it; empty if there is none.
    fn name(&self) -> &str;
    /// Whether it requires something from the world.
    fn has_obligations(&self) -> bool;
    /// The generation that it acts on; 0 if there is none.
    fn generation(&self) -> i64;
    /// The name of the object in its namespace that it waits for or acts on, by which it is found;
    /// `None` if there is none.
    fn refers_to(&self) -> Option<&str> {
        None
    }
    /// Which machine has asked for it, as text; `None` if none has.
    fn requester(&self) -> Option<String> {
        None
    }
}

/// A machine as it was read.
#[derive(Clone, Debug)]
pub struct Versioned<M> {
    /// The machine.
    pub machine: M,
    /// The version of its row; 0 if there is none yet.
    pub version: i64,
}

/// One machine of a batch, before and after its steps.
#[derive(Clone, Debug)]
pub struct Stepped<M> {
    /// As it was read.
    pub before: Versioned<M>,
    /// As it should be written.
    pub after: M,
    /// Whether nothing is left to remember, so that the row goes.
    pub gone: bool,
    /// The transitions on the way.
    pub transitions: Vec<Moved>,
}

impl<M: Machine> Stepped<M> {
    /// From a run that started with the machine as it was read; and what to write with it.
    pub fn of(before: Versioned<M>, run: Run<M>) -> (Self, Vec<RowChange>) {
        let Run { machine: after, rows, transitions, .. } = run;
        let gone = after.is_gone();
        (Self { before, after, gone, transitions }, rows)
    }
}

/// What is known about a machine without its state.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct IndexEntry {
    /// Its key.
    pub key: String,
    /// Its tenant.
    pub tenant_uid: String,
    /// The namespace of the object behind it.
    pub namespace: String,
    /// The name of the object behind it.
    pub name: String,
    /// The name of the object that it refers to.
    pub refers_to: Option<String>,
    /// When it wants to be woken, in milliseconds since the epoch.
    pub wake_at: Option<i64>,
    /// Whether it requires something.
    #[sea_orm(from_alias = "owes")]
    pub has_obligations: bool,
}

/// Which machines an index has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those that require something or want to be woken.
    Waiting,
}

impl Store {
    /// All machines of a kind, without their states, page by page.
    pub fn index<M: Persistent>(&self) -> Call<'_, Vec<IndexEntry>> {
        self.index_of::<M>(Which::All)
    }

    /// Some or all machines of a kind, in the same way.
    pub fn index_of<M: Persistent>(&self, which: Which) -> Call<'_, Vec<IndexEntry>> {
        self.index_where(M::KIND, which)
    }

    fn index_where(&self, kind: &'static str, which: Which) -> Call<'_, Vec<IndexEntry>> {
        let which = match which {
            Which::All => Condition::all(),
            Which::Waiting => Condition::any()
                .add(machine::Column::HasObligations.into_expr())
                .add(machine::Column::WakeAt.is_not_null()),
        };
        self.call("index", async move {
            let mut entries: Vec<IndexEntry> = Vec::new();
            loop {
                let after = entries.last().map(|entry| entry.key.clone()).unwrap_or_default();
                let page = machine::Entity::find()
                    .select_only()
                    .columns([
                        machine::Column::Key,
                        machine::Column::TenantUid,
                        machine::Column::Namespace,
                        machine::Column::Name,
                        machine::Column::RefersTo,
                        machine::Column::WakeAt,
                        machine::Column::HasObligations,
                    ])
                    .filter(machine::Column::Kind.eq(kind))
                    .filter(machine::Column::Key.gt(after))
                    .filter(which.clone())
                    .order_by_asc(machine::Column::Key)
                    .limit(SCAN_PAGE)
                    .into_model::<IndexEntry>()
                    .all(&self.database.reads())
                    .await?;
                let last = page.len() < usize::try_from(SCAN_PAGE).unwrap_or(usize::MAX);
                entries.extend(page);
                if last {
                    return Ok(entries);
                }
            }
        })
    }
}

/// Machines as they were read.
#[derive(Clone, Debug)]
pub struct Machines<M: Persistent> {
    /// Those that could be read, by key.
    pub known: HashMap<M::Key, Versioned<M>>,
    /// Those whose state cannot be read. They are left alone, and all others go on.
    pub unreadable: HashSet<M::Key>,
}

impl<M: Persistent> Default for Machines<M> {
    fn default() -> Self {
        Self { known: HashMap::new(), unreadable: HashSet::new() }
    }
}

impl<M: Persistent> Machines<M> {
    fn of(rows: Vec<machine::Model>) -> Self {
        let mut machines = Self::default();
        for row in rows {
            let key = M::parse_key(row.key.clone());
            match parse::<M>(row) {
                Ok(versioned) => {
                    machines.known.insert(key, versioned);
                }
                Err(error) => {
                    tracing::error!(kind = M::KIND, %error, "a machine is left alone");
                    machines.unreadable.insert(key);
                }
            }
        }
        machines
    }

    /// Whether there is a machine with this key, readable or not.
    pub fn contains(&self, key: &M::Key) -> bool {
        self.known.contains_key(key) || self.unreadable.contains(key)
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.known.extend(other.known);
        self.unreadable.extend(other.unreadable);
    }
}

/// Reads the machines with these keys.
pub(super) async fn load<M: Persistent>(
    tx: &impl ConnectionTrait,
    keys: impl IntoIterator<Item = &M::Key>,
) -> Result<Machines<M>, StoreError>
where
    M::Key: 'static,
{
    let keys: Vec<&str> = keys.into_iter().map(M::key_text).collect();
    if keys.is_empty() {
        return Ok(Machines::default());
    }
    let rows = machine::Entity::find()
        .filter(machine::Column::Kind.eq(M::KIND))
        .filter(machine::Column::Key.is_in(keys))
        .all(tx)
        .await?;
    Ok(Machines::of(rows))
}

/// Reads the machines with these names, as (tenant, name).
pub(super) async fn load_named<M: Persistent>(
    tx: &impl ConnectionTrait,
    names: &[(String, String)],
) -> Result<Machines<M>, StoreError> {
    load_by(tx, machine::Column::Name, names).await
}

/// Reads the machines with these values of a column that is found with the tenant, as (tenant, value).
pub(super) async fn load_by<M: Persistent>(
    tx: &impl ConnectionTrait,
    column: machine::Column,
    names: &[(String, String)],
) -> Result<Machines<M>, StoreError> {
    Ok(Machines::of(rows_by::<M>(tx, column, names, "").await?))
}

/// The same for those whose path begins like this.
pub(super) async fn load_by_and_path<M: Persistent>(
    tx: &impl ConnectionTrait,
    column: machine::Column,
    names: &[(String, String)],
    path: &str,
) -> Result<Machines<M>, StoreError> {
    Ok(Machines::of(rows_by::<M>(tx, column, names, path).await?))
}

/// Reads the machines with these names, each with its own; `None` for one whose state cannot be read.
pub(super) async fn load_each_named<M: Persistent>(
    tx: &impl ConnectionTrait,
    names: &[(String, String)],
) -> Result<Vec<((String, String), Option<M>)>, StoreError> {
    let rows = rows_by::<M>(tx, machine::Column::Name, names, "").await?;
    let each = rows.into_iter().map(|row| {
        let name = (row.tenant_uid.clone(), row.name.clone());
        let known = Machines::<M>::of(vec![row]).known.into_values().next();
        (name, known.map(|versioned| versioned.machine))
    });
    Ok(each.collect())
}

async fn rows_by<M: Persistent>(
    tx: &impl ConnectionTrait,
    column: machine::Column,
    names: &[(String, String)],
    path: &str,
) -> Result<Vec<machine::Model>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    // SQLite compares row values only with a subquery, so the pairs are one.
    let pairs = Query::select()
        .column(Asterisk)
        .from_values(names.iter().cloned(), Alias::new("wanted"))
        .to_owned();
    let columns = [machine::Column::TenantUid, column].map(Expr::col);
    let mut rows = machine::Entity::find()
        .filter(machine::Column::Kind.eq(M::KIND))
        // As in the partial index.
        .filter(column.is_not_null())
        .filter(Expr::tuple(columns.map(Into::into)).in_subquery(pairs));
    if !path.is_empty() {
        rows = rows.filter(machine::Column::StatePath.starts_with(path));
    }
    Ok(rows.all(tx).await?)
}

fn parse<M: Persistent>(row: machine::Model) -> Result<Versioned<M>, StoreError> {
    let persisted: M::Persisted = serde_json::from_str(&row.state)
        .map_err(|source| StoreError::State { kind: M::KIND, key: row.key, source })?;
    Ok(Versioned { machine: persisted.into(), version: row.version })
}

/// What to write for the machines of a batch, of any kind: one statement per table and purpose.
#[derive(Default)]
pub(super) struct Writes {
    rows: Vec<machine::Model>,
    /// Kind, key and the version that was read.
    gone: Vec<(String, String, i64)>,
    transitions: Vec<transition::ActiveModel>,
    lines: Lines,
}

impl Writes {
    /// Adds what has changed in these machines.
    pub(super) fn add<M: Persistent + Clone + PartialEq>(
        &mut self,
        stepped: &[Stepped<M>],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.lines.add(stepped);
        for one in stepped {
            let before = &one.before;
            if one.gone {
                if before.version > 0 {
                    let key = M::key_text(&before.machine.key()).to_owned();
                    self.gone.push((M::KIND.to_owned(), key, before.version));
                }
            } else if before.version == 0 || one.after != before.machine {
                self.rows.push(row(one, now)?);
            }
            self.transitions.extend(one.transitions.iter().map(|moved| transition::ActiveModel {
                id: ActiveValue::NotSet,
                kind: ActiveValue::Set(M::KIND.to_owned()),
                key: ActiveValue::Set(M::key_text(&one.after.key()).to_owned()),
                at: ActiveValue::Set(moved.at.as_millis()),
                from_path: ActiveValue::Set(moved.from.clone()),
                to_path: ActiveValue::Set(moved.to.clone()),
                cause: ActiveValue::Set(moved.cause.to_owned()),
                generation: ActiveValue::Set(one.after.generation()),
            }));
        }
        Ok(())
    }

    /// Whether nothing has changed.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.gone.is_empty() && self.transitions.is_empty()
    }

    /// Writes it; fails if a machine is not as it was read. Returns what to log after the commit.
    pub(super) async fn write(self, tx: &impl ConnectionTrait) -> Result<Lines, StoreError> {
        let expected = (self.rows.len() + self.gone.len()) as u64;
        let mut written = 0;
        if !self.rows.is_empty() {
            written += upsert(tx, self.rows).await?;
        }
        if !self.gone.is_empty() {
            written += delete(tx, self.gone).await?;
        }
        if written != expected {
            return Err(StoreError::Conflict { expected, written });
        }
        let mut transitions = self.transitions.into_iter().peekable();
        while transitions.peek().is_some() {
            let rows = transitions.by_ref().take(TRANSITIONS);
            transition::Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        Ok(self.lines)
    }
}

fn row<M: Persistent + Clone>(
    stepped: &Stepped<M>,
    now: Timestamp,
) -> Result<machine::Model, StoreError> {
    let machine = &stepped.after;
    let key = M::key_text(&machine.key()).to_owned();
    let state = serde_json::to_string(&M::Persisted::from(machine.clone()))
        .map_err(|source| StoreError::State { kind: M::KIND, key: key.clone(), source })?;
    Ok(machine::Model {
        kind: M::KIND.to_owned(),
        key,
        tenant_uid: machine.tenant().to_owned(),
        namespace: machine.namespace().to_owned(),
        name: machine.name().to_owned(),
        refers_to: machine.refers_to().map(str::to_owned),
        state,
        state_path: machine.path(),
        version: stepped.before.version + 1,
        wake_at: machine.wake_at().map(Timestamp::as_millis),
        has_obligations: machine.has_obligations(),
        updated_at: now.as_millis(),
    })
}

async fn upsert(
    tx: &impl ConnectionTrait,
    mut rows: Vec<machine::Model>,
) -> Result<u64, StoreError> {
    // The same lock order for all writers, so that no two wait for each other.
    rows.sort_unstable_by(|one, other| (&one.kind, &one.key).cmp(&(&other.kind, &other.key)));
    let unchanged = Expr::col((machine::Entity, machine::Column::Version)).eq(Expr::col((
        Alias::new("excluded"),
        machine::Column::Version,
    ))
    .sub(1));
    let on_conflict = OnConflict::columns([machine::Column::Kind, machine::Column::Key])
        .update_columns([
            machine::Column::TenantUid,
            machine::Column::Namespace,
            machine::Column::Name,
            machine::Column::RefersTo,
            machine::Column::State,
            machine::Column::StatePath,
            machine::Column::Version,
            machine::Column::WakeAt,
            machine::Column::HasObligations,
            machine::Column::UpdatedAt,
        ])
        .action_and_where(unchanged)
        .to_owned();
    let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
    let insert = machine::Entity::insert_many(rows).on_conflict(on_conflict);
    Ok(insert.exec_without_returning(tx).await?)
}

async fn delete(
    tx: &impl ConnectionTrait,
    gone: Vec<(String, String, i64)>,
) -> Result<u64, StoreError> {
    let read = Query::select().column(Asterisk).from_values(gone, Alias::new("read")).to_owned();
    let columns = [machine::Column::Kind, machine::Column::Key, machine::Column::Version];
    let deleted = machine::Entity::delete_many()
        .filter(Expr::tuple(columns.map(Expr::col).map(Into::into)).in_subquery(read))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected)
}
