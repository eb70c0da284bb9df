//! What the states of the lifecycle do: take over observations, ask for rows, and choose where to go.

use statig::prelude::*;

use super::{
    AWAITING_DEADLINE, CHECK_DEADLINE, Context, DRAINING_LIMIT, EnvironmentState, LEAVING_GRACE,
    LifecycleEvent,
};
use crate::identity::{Digest, Revision, Timestamp};
use crate::kinds::managed_environment::rows::{EnvironmentKey, EnvironmentRow, EnvironmentRows};
use crate::kinds::managed_environment::verdict::Verdict;
use crate::kinds::managed_environment::{
    Checked, ClusterCredentialsId, EnvironmentEvent, EnvironmentRecord, EnvironmentSnapshot,
    Installation, RowRecord, Written, messages, spec, status,
};
use crate::kinds::tenant::TenantFact;
use crate::rows::{RowChange, TenantRows};

/// What an environment takes over from observations.
impl EnvironmentRecord {
    pub(super) fn is_stale(&self, snapshot: &EnvironmentSnapshot) -> bool {
        snapshot.generation < self.generation || snapshot.revision < self.last_seen
    }

    /// Takes over what an observation says. The revision is remembered only along with something
    /// worth remembering, so that an echo of our own status write changes nothing.
    pub(super) fn take(&mut self, snapshot: &EnvironmentSnapshot) {
        let before = self.clone();
        self.present = !snapshot.deleting;
        self.generation = snapshot.generation;
        self.spec = snapshot.spec.clone();
        self.actual = status::actual(&snapshot.conditions);
        if *self != before {
            self.last_seen = snapshot.revision;
        }
    }

    /// The object does not exist: what was seen of it before counts no longer.
    pub(super) fn note_absent(&mut self, as_of: Revision) {
        self.present = false;
        self.last_seen = as_of;
    }

    /// Takes over the row of an earlier installation, so that it is replaced or removed. Argo CD is
    /// taken to have its Secret until the agent says otherwise.
    pub(super) fn adopt(&mut self, context: &Context<'_>) {
        if let (None, Some(existing)) = (&self.row, &context.facts.existing) {
            self.row = Some(RowRecord {
                id: existing.id.clone(),
                credentials: existing.credentials.clone(),
                user: existing.user.clone(),
                instance: existing.instance.clone(),
                written: None,
                is_delivered: true,
            });
        }
    }

    /// Argo CD has what the row says.
    pub(super) fn note_delivered(&mut self) {
        if let Some(row) = self.row.as_mut().filter(|row| row.written.is_some()) {
            row.is_delivered = true;
        }
    }

    /// Whether a check was about the spec, the Secret and the account that count: one that began
    /// earlier may have read another Secret, or shown an older token.
    pub(super) fn is_about(&self, shown: &Option<Digest>, found: &Checked) -> bool {
        let newest = self.newest_installation().map(|newest| newest.round);
        let is_of_account = match found.round {
            Some(round) => newest == Some(round),
            None => !(found.verdict.is_accepted() && self.spec.creates_account),
        };
        found.spec == self.spec && *shown == self.shown && is_of_account
    }
}

/// What the live states do.
impl EnvironmentRecord {
    /// The tenant's rows for the installed Argo CD.
    pub(super) fn tenant<'a>(&self, context: &Context<'a>) -> Option<&'a TenantRows> {
        match &context.facts.tenant {
            TenantFact::Active(rows) if Some(&rows.instance) == context.facts.instance.as_ref() => {
                Some(rows)
            }
            TenantFact::Active(_) | TenantFact::Unknown | TenantFact::Draining => None,
        }
    }

    /// Where an environment goes whose spec is new, or that had to wait.
    pub(super) fn resolve(&mut self, context: &mut Context<'_>) -> EnvironmentState {
        if !context.facts.has_keys {
            return EnvironmentState::AwaitingKeys {};
        }
        if spec::problem(&self.spec).is_some() {
            return EnvironmentState::Rejected {};
        }
        self.check(context)
    }

    /// What a state does that has what it waited for: it goes on with the next sign of life.
    pub(super) fn resume(
        &mut self,
        event: &LifecycleEvent<'_>,
        context: &mut Context<'_>,
    ) -> Outcome<EnvironmentState> {
        match event {
            LifecycleEvent::Observation(EnvironmentEvent::FactsChanged) => {}
            LifecycleEvent::Observation(EnvironmentEvent::Observed(snapshot))
                if !snapshot.deleting && !self.is_stale(snapshot) =>
            {
                self.take(snapshot);
            }
            _ => return Super,
        }
        Transition(self.resolve(context))
    }

    fn check(&mut self, context: &mut Context<'_>) -> EnvironmentState {
        self.follow_secret(context);
        EnvironmentState::Checking { deadline: context.after(CHECK_DEADLINE), overdue: 0 }
    }

    /// The next check is about the Secret that is shown now, and makes what follows from it.
    pub(super) fn follow_secret(&mut self, context: &mut Context<'_>) {
        self.shown.clone_from(&context.facts.shown);
        self.note_installation(false, &mut context.rows);
    }

    /// The keys, Argo CD and, if it is to be compared, the Secret may be other ones than before.
    pub(super) fn look_again(
        &mut self,
        compares_secret: bool,
        context: &mut Context<'_>,
    ) -> Outcome<EnvironmentState> {
        if !context.facts.has_keys {
            return Transition(EnvironmentState::AwaitingKeys {});
        }
        if spec::problem(&self.spec).is_some() {
            return Handled;
        }
        // One that was refused is asked again anyway, and then goes to the Argo CD that is there.
        let is_accepted = self.checked.as_ref().is_some_and(|one| one.verdict.is_accepted());
        let is_elsewhere = is_accepted
            && self.tenant(context).is_some_and(|tenant| {
                self.row.as_ref().is_some_and(|row| row.instance != tenant.instance)
            });
        let is_outdated = compares_secret && self.is_outdated(context.facts.shown.as_ref());
        if is_outdated || is_elsewhere {
            return Transition(self.check(context));
        }
        self.shown.clone_from(&context.facts.shown);
        Handled
    }

    /// Whether the watch shows another Secret than the one that was checked. If the watch is behind,
    /// one check too many is made each time that something else changes meanwhile.
    fn is_outdated(&self, shown: Option<&Digest>) -> bool {
        self.checked.as_ref().is_some_and(|checked| checked.secret.as_ref() != shown)
    }

    /// What follows from a check of the current spec.
    pub(super) fn judge(&mut self, found: &Checked, context: &mut Context<'_>) -> EnvironmentState {
        if !context.facts.has_keys {
            return EnvironmentState::AwaitingKeys {};
        }
        // A token that the cluster no longer knows is made again, once. Until it is known whether that
        // helps, the last verdict stands.
        let refused = found.round.filter(|_| found.verdict.refuses_token());
        if refused.is_some_and(|round| self.may_renew(round)) {
            self.note_installation(true, &mut context.rows);
            let deadline = context.after(CHECK_DEADLINE);
            return EnvironmentState::Checking { deadline, overdue: 0 };
        }
        self.checked = Some(found.clone());
        let (Some(secret), Verdict::Accepted { told }) = (&found.secret, &found.verdict) else {
            return EnvironmentState::Refused {};
        };
        let deadline = context.after(AWAITING_DEADLINE);
        if context.facts.instance.is_none() {
            return EnvironmentState::AwaitingEngine { deadline, overdue: 0 };
        }
        let Some(tenant) = self.tenant(context) else {
            return EnvironmentState::AwaitingTenant { deadline, overdue: 0 };
        };
        let installation = self.newest_installation().cloned();
        let (spec, secret, told) = (self.spec.clone(), secret.clone(), told.clone());
        self.record_accepted(Written { spec, secret, told, installation }, tenant, context);
        EnvironmentState::Accepted {}
    }

    /// Writes what was accepted, unless the row says so already.
    fn record_accepted(
        &mut self,
        written: Written,
        tenant: &TenantRows,
        context: &mut Context<'_>,
    ) {
        self.note_account_accepted();
        let is_written = self.row.as_ref().is_some_and(|row| {
            row.written.as_ref() == Some(&written) && row.instance == tenant.instance
        });
        if !is_written || context.facts.is_row_empty {
            self.put(written, tenant.clone(), context);
        }
    }

    fn put(&mut self, written: Written, tenant: TenantRows, context: &mut Context<'_>) {
        let id = self.row_id();
        let api_url = &written.spec.api_url;
        let credentials = match &written.installation {
            Some(Installation { .. }) => ClusterCredentialsId::of_account(&id, api_url),
            None => ClusterCredentialsId::of_kubeconfig(&id, api_url),
        };
        let before = self.row.take();
        let key =
            EnvironmentKey { id: id.clone(), uid: self.uid.clone(), user: tenant.user.clone() };
        let row = EnvironmentRow {
            key,
            credentials: credentials.clone(),
            instance: tenant.instance.clone(),
            spec: written.spec.clone(),
            told: written.told.clone(),
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            tenant: self.tenant.clone(),
        };
        context.rows.push(RowChange::Environment(EnvironmentRows::Put(Box::new(row))));
        let is_delivered = before
            .as_ref()
            .is_some_and(|before| before.is_delivered && before.instance == tenant.instance);
        self.row = Some(RowRecord {
            id,
            credentials,
            user: tenant.user,
            instance: tenant.instance,
            written: Some(written),
            is_delivered,
        });
        if let Some(before) = before {
            self.forget(before.credentials, &mut context.rows);
        }
    }
}

/// What the states do of an environment whose object is gone or going.
impl EnvironmentRecord {
    /// Where an environment goes whose object is gone or going.
    pub(super) fn leave(&mut self, context: &mut Context<'_>) -> EnvironmentState {
        self.checked = None;
        if self.row.is_none() {
            return EnvironmentState::Clearing {};
        }
        if context.facts.usage.is_empty() {
            return self.begin_removal(context);
        }
        EnvironmentState::Draining { until: context.after(LEAVING_GRACE), is_detached: false }
    }

    /// Looks at who still uses it.
    pub(super) fn drain(
        &mut self,
        until: Timestamp,
        is_detached: bool,
        context: &mut Context<'_>,
    ) -> Outcome<EnvironmentState> {
        let usage = &context.facts.usage;
        let is_due = context.facts.now >= until;
        if usage.is_empty() || ((is_due || is_detached) && usage.removed.is_empty()) {
            return Transition(self.begin_removal(context));
        }
        if !is_detached && is_due {
            self.detach(context);
            let until = context.after(DRAINING_LIMIT);
            return Transition(EnvironmentState::Draining { until, is_detached: true });
        }
        if is_due {
            let written = self.row.as_ref().and_then(|row| row.written.as_ref());
            let api_url = written.map_or(&self.spec, |written| &written.spec).api_url.clone();
            let texts = messages::resources_remain(&api_url, &usage.removed);
            self.note_remains(texts, messages::resources_remain_in_general(&api_url));
            return Transition(self.begin_removal(context));
        }
        Handled
    }

    fn detach(&self, context: &mut Context<'_>) {
        let id = self.row_id();
        context.rows.push(RowChange::Environment(EnvironmentRows::Detach(id)));
    }

    fn begin_removal(&mut self, context: &mut Context<'_>) -> EnvironmentState {
        let Some(row) = &mut self.row else { return EnvironmentState::Clearing {} };
        row.written = None;
        row.is_delivered = false;
        context.rows.push(RowChange::Environment(EnvironmentRows::Remove(Box::new(
            EnvironmentKey { id: row.id.clone(), uid: self.uid.clone(), user: row.user.clone() },
        ))));
        EnvironmentState::Removing {}
    }

    /// Argo CD has nothing of it any longer.
    pub(super) fn end_removal(&mut self, context: &mut Context<'_>) -> EnvironmentState {
        if let Some(row) = self.row.take() {
            self.forget(row.credentials, &mut context.rows);
        }
        EnvironmentState::Clearing {}
    }

    /// Nothing is left, on no cluster.
    pub(super) fn end(&mut self, context: &mut Context<'_>) -> EnvironmentState {
        if self.present { self.resolve(context) } else { EnvironmentState::Gone {} }
    }
}
