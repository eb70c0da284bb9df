//! An environment with its rows, a cluster that answers and an agent that obeys: whatever happened, it
//! ends as its object and the cluster say.

use std::collections::BTreeSet;

use super::*;

proptest! {
    #![proptest_config(config(4_000))]

    #[test]
    fn whatever_happened_it_ends_as_its_object_and_the_cluster_say(
        events in proptest::collection::vec(
            (arbitrary::environment_event(), arbitrary::environment_facts(), 0..5_u8), 0..24
        ),
        end in End::any(),
    ) {
        let mut world = Small::new();
        for (event, facts, unusual) in events {
            let facts = if unusual == 0 { facts } else { usual(facts) };
            // What an earlier installation has left is another test's.
            let now = facts.now.clamp(Timestamp::default(), Timestamp::from_millis(world.now));
            let facts = EnvironmentFacts { existing: None, now, ..facts };
            world.step(&world.fitting(&event), &facts);
        }
        world.settle(&end);
        world.is_as(&end)?;
    }
}

/// What the world says from some point on.
#[derive(Clone, Debug)]
struct End {
    /// The object; `None` once it is gone.
    spec: Option<EnvironmentSpec>,
    secret: Option<Digest>,
    verdict: Verdict,
    /// Whether the cluster removes what it is asked to.
    revokes: bool,
}

impl End {
    fn any() -> BoxedStrategy<Self> {
        let spec = proptest::option::weighted(0.8, arbitrary::environment_spec());
        (spec, arbitrary::found_of_environment(), any::<bool>())
            .prop_map(|(spec, checked, revokes)| Self {
                spec,
                secret: checked.secret,
                verdict: checked.verdict,
                revokes,
            })
            .boxed()
    }
}

/// An operation.
#[derive(Debug)]
struct Requested {
    id: OperationId,
    /// What the row said when the agent looked at it last: it may have finished right after.
    read: Option<Digest>,
    has_ended: bool,
}

/// Something on a cluster: the URL, and a token, rights, or the account.
type Part = (String, String);

fn parts(url: &str, installation: &Installation) -> BTreeSet<Part> {
    let Installation { namespaces, round } = installation;
    let mut names: BTreeSet<String> = namespaces.iter().cloned().collect();
    if namespaces.is_empty() {
        names.insert("everywhere".to_owned());
    }
    names.extend(["account".to_owned(), format!("token {round}")]);
    names.into_iter().map(|name| (url.to_owned(), name)).collect()
}

/// An environment with its rows, a cluster that answers and an agent that obeys.
struct Small {
    machine: ManagedEnvironment,
    row: Option<EnvironmentRow>,
    /// The rows of credentials.
    credentials: BTreeSet<ClusterCredentialsId>,
    /// The operations that were requested.
    operations: Vec<Requested>,
    /// What Argo CD's Secret says.
    applied: Option<Digest>,
    /// What is on clusters.
    made: BTreeSet<Part>,
    /// The texts that the user was told.
    told: Vec<String>,
    revision: u64,
    now: i64,
}

impl Small {
    fn new() -> Self {
        Self {
            machine: arbitrary::new_environment(),
            row: None,
            credentials: BTreeSet::new(),
            operations: Vec::new(),
            applied: None,
            made: BTreeSet::new(),
            told: Vec::new(),
            revision: 1_000,
            now: 20_000_000,
        }
    }

    /// An event as it may happen: operations are those that were requested, and each revision is
    /// later than the one before.
    fn fitting(&self, event: &EnvironmentEvent) -> EnvironmentEvent {
        match event.clone() {
            EnvironmentEvent::OperationObserved { state, .. } => {
                let open = self.machine.record.open.as_ref().map(|open| open.id.clone());
                // A row is lost only with its database; then the machine is, too.
                let state = state.or(Some(OperationState::InProgress));
                let id = open.unwrap_or_else(|| OperationId::new("none"));
                EnvironmentEvent::OperationObserved { id, state }
            }
            EnvironmentEvent::Observed(mut snapshot) => {
                snapshot.revision = Revision(self.revision);
                snapshot.generation = Generation(i64::try_from(self.revision).unwrap());
                EnvironmentEvent::Observed(snapshot)
            }
            EnvironmentEvent::Absent { .. } => {
                EnvironmentEvent::Absent { as_of: Revision(self.revision) }
            }
            other => fitting(&self.machine, other),
        }
    }

    /// What the world has done if a machine learns of it.
    fn happen(&mut self, event: &EnvironmentEvent) {
        let row = self.row.as_ref().map(|row| row.told.clone());
        match event {
            EnvironmentEvent::OperationObserved { id, state: Some(state) } => {
                let Some(open) = self.operations.iter_mut().find(|one| one.id == *id) else {
                    return;
                };
                open.has_ended |= state.is_terminal();
                match state {
                    OperationState::InProgress => open.read = row,
                    OperationState::Completed => self.applied.clone_from(&open.read),
                    OperationState::Waiting | OperationState::Failed(_) => {}
                }
            }
            EnvironmentEvent::Checked { .. } => {
                let inquiry = required(&self.machine).0;
                if let Some(Inquiry { spec, account: Some(account), .. }) = inquiry {
                    self.made.extend(parts(&spec.api_url, &account));
                }
            }
            EnvironmentEvent::RevocationAttempted { what, remains } if remains.is_empty() => {
                let of = |one: &Installation| parts(&what.api_url, one);
                let kept: BTreeSet<Part> = what.kept.iter().flat_map(of).collect();
                let gone: BTreeSet<Part> = what.revoked.iter().flat_map(of).collect();
                self.made.retain(|one| !gone.contains(one) || kept.contains(one));
            }
            EnvironmentEvent::RemainsTold { texts } => self.told.extend(texts.iter().cloned()),
            _ => {}
        }
    }

    fn step(&mut self, event: &EnvironmentEvent, facts: &EnvironmentFacts) {
        self.revision += 1;
        self.happen(event);
        let step = self.machine.clone().step(event, facts);
        for row in step.rows {
            match row {
                RowChange::Environment(EnvironmentRows::Put(row)) => {
                    self.credentials.insert(row.credentials.clone());
                    self.row = Some(*row);
                }
                RowChange::Environment(EnvironmentRows::Remove(_)) => self.row = None,
                RowChange::Environment(EnvironmentRows::Forget(id)) => {
                    let used = self.row.as_ref().map(|row| &row.credentials);
                    assert!(used != Some(&id), "the row needs {id}");
                    self.credentials.remove(&id);
                }
                RowChange::Environment(EnvironmentRows::Detach(_)) => {}
                RowChange::RequestOperation(row) => {
                    let others = &self.operations;
                    let is_alone = others.iter().all(|one| one.id != row.id && one.has_ended);
                    assert!(is_alone, "{row:?} beside {others:?}");
                    let read = self.row.as_ref().map(|row| row.told.clone());
                    self.operations.push(Requested { id: row.id, read, has_ended: false });
                }
                other => panic!("{other:?}"),
            }
        }
        self.machine = if step.machine.is_gone() {
            // Its row goes; another machine begins if the object is seen again.
            let mut machine = arbitrary::new_environment();
            machine.record.born = step.machine.record.born;
            machine.record.operations = step.machine.record.operations;
            machine
        } else {
            restarted(step.machine)
        };
    }

    /// From now on the world is like this, and everybody does what is asked.
    fn settle(&mut self, end: &End) {
        let mut facts = usual(EnvironmentFacts {
            now: Timestamp::from_millis(self.now),
            has_keys: true,
            tenant: TenantFact::Unknown,
            instance: None,
            shown: end.secret.clone(),
            existing: None,
            is_row_empty: false,
            usage: Usage::default(),
            conditions: ConditionStyle::Conventional,
        });
        let observed = match &end.spec {
            Some(spec) => EnvironmentEvent::Observed(Box::new(EnvironmentSnapshot {
                revision: Revision(self.revision),
                generation: Generation(i64::try_from(self.revision).unwrap()),
                deleting: false,
                spec: spec.clone(),
                conditions: Vec::new(),
            })),
            None => EnvironmentEvent::Absent { as_of: Revision(self.revision) },
        };
        self.step(&observed, &facts);
        self.step(&EnvironmentEvent::FactsChanged, &facts);
        let mut paths = BTreeSet::new();
        for _ in 0..200 {
            paths.insert(format!("{} {}", self.machine.path(), self.machine.revocation.path()));
            let Some(event) = self.answer(end, &mut facts) else { return };
            self.step(&event, &facts);
        }
        panic!("it never settles: {paths:?}");
    }

    /// What follows from what the machine requires.
    fn answer(&mut self, end: &End, facts: &mut EnvironmentFacts) -> Option<EnvironmentEvent> {
        if let Some(open) = &self.machine.record.open {
            let state = Some(OperationState::Completed);
            return Some(EnvironmentEvent::OperationObserved { id: open.id.clone(), state });
        }
        let (inquiry, revocable) = required(&self.machine);
        let is_telling = self.machine.revocation.path() == "Telling";
        if is_telling {
            let texts = self.machine.record.remains.clone();
            return Some(EnvironmentEvent::RemainsTold { texts });
        }
        let found = Checked {
            spec: self.machine.record.spec.clone(),
            secret: end.secret.clone(),
            round: None,
            verdict: end.verdict.clone(),
        };
        let asked = fitting_check(&self.machine, found);
        // From time to time it is asked again, although nothing seems to have changed.
        let is_news = self.machine.repeated_inquiry().is_some()
            && matches!(&asked, EnvironmentEvent::Checked { found, .. }
                if self.machine.record.checked.as_ref() != Some(found));
        if inquiry.is_some() || is_news {
            return Some(asked);
        }
        if let Some(what) = revocable {
            let remains = if end.revokes { Vec::new() } else { vec!["account".to_owned()] };
            let is_late = self.machine.wake_at().is_some_and(|due| due <= facts.now);
            if !is_late {
                // The next attempt is made when it is due.
                let what = Box::new(what);
                facts.now = facts.now.after(std::time::Duration::from_secs(1));
                return Some(EnvironmentEvent::RevocationAttempted { what, remains });
            }
        }
        let due = ManagedEnvironment { mirror: Mirror::Clean {}, ..self.machine.clone() };
        let due = due.wake_at()?;
        facts.now = facts.now.max(due);
        self.now = facts.now.as_millis();
        Some(EnvironmentEvent::DeadlineReached)
    }

    fn is_as(&self, end: &End) -> Result<(), TestCaseError> {
        let machine = &self.machine;
        let Some(spec) = &end.spec else {
            prop_assert_eq!(machine.path(), "Unseen", "gone");
            prop_assert!(self.row.is_none() && self.applied.is_none());
            prop_assert_eq!(&self.credentials, &BTreeSet::new());
            self.leaves(&BTreeSet::new())?;
            return Ok(());
        };
        // What Argo CD has is what the row says, whatever becomes of the check.
        prop_assert!(machine.delivery.is_idle() && machine.revocation.is_idle());
        prop_assert_eq!(self.applied.as_ref(), self.row.as_ref().map(|row| &row.told));
        let status = conditions(machine, ConditionStyle::Conventional);
        let is = |type_: &str| status.iter().any(|one| one.type_ == type_ && one.status == "True");
        if problem(spec).is_some() {
            prop_assert_eq!(machine.path(), "Live/Rejected");
            prop_assert!(is(STALLED), "{status:?}");
            return Ok(());
        }
        let Verdict::Accepted { told } = &end.verdict else {
            prop_assert_eq!(machine.path(), "Live/Judged/Refused");
            prop_assert!(is(STALLED), "{status:?}");
            return Ok(());
        };
        prop_assert_eq!(machine.path(), "Live/Judged/Accepted");
        prop_assert!(is(READY), "{status:?}");
        let row = self.row.as_ref().unwrap();
        prop_assert_eq!((&row.told, &row.spec), (told, spec));
        prop_assert_eq!(&self.credentials, &BTreeSet::from([row.credentials.clone()]));
        let written = machine.record.row.as_ref().unwrap().written.as_ref().unwrap();
        prop_assert_eq!(written.installation.is_some(), spec.creates_account);
        let used = written.installation.iter().flat_map(|one| parts(&spec.api_url, one));
        self.leaves(&used.collect())
    }

    /// What is on clusters is used, or the user was told of it.
    fn leaves(&self, used: &BTreeSet<Part>) -> Result<(), TestCaseError> {
        prop_assert!(self.made.is_superset(used), "{used:?} is revoked, {:?} is there", self.made);
        for (url, part) in self.made.difference(used) {
            let is_told = self.told.iter().any(|text| text.contains(url.as_str()));
            prop_assert!(is_told, "{part} is left on {url}; {:?}", self.told);
        }
        Ok(())
    }
}
