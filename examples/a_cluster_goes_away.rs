//! A managed environment with an account of its own on the cluster, from its first sighting through a
//! cluster that forgets the account and then goes away, to its end.
//!
//! What a check makes on the cluster is recorded before the check is asked for, so nothing is ever there
//! that nobody knows of. What cannot be removed in the end is told.
//!
//! Run with `cargo run --example a_cluster_goes_away`.

mod support;

use machines::identity::{Digest, Generation, Revision, Timestamp};
use machines::kinds::managed_environment::spec::EnvironmentSpec;
use machines::kinds::managed_environment::verdict::{Refusal, TOKEN_REFUSED, Verdict};
use machines::kinds::managed_environment::{
    Checked, EnvironmentEvent, EnvironmentFacts, EnvironmentObligation, EnvironmentSnapshot,
    EnvironmentUid, Inquiry, ManagedEnvironment, Usage,
};
use machines::kinds::tenant::TenantFact;
use machines::machine::Machine;
use machines::rows::OperationState;
use support::{STYLE, row_text, tenant_rows};

/// An environment, the Secret with its kubeconfig as the watch shows it, and the example's clock.
struct Story {
    machine: ManagedEnvironment,
    secret: Option<Digest>,
    now: Timestamp,
}

impl Story {
    fn facts(&self) -> EnvironmentFacts {
        let rows = tenant_rows("team-a");
        EnvironmentFacts {
            now: self.now,
            has_keys: true,
            instance: Some(rows.instance.clone()),
            tenant: TenantFact::Active(rows),
            shown: self.secret.clone(),
            existing: None,
            is_row_empty: false,
            usage: Usage::default(),
            conditions: STYLE,
        }
    }

    fn tell(&mut self, what: &str, event: &EnvironmentEvent) {
        let before = self.machine.path();
        let step = self.machine.clone().step(event, &self.facts());
        self.machine = step.machine;
        println!("[{:>8} ms] {what}", self.now.as_millis());
        println!("    state   {before} -> {}", self.machine.path());
        step.rows.iter().for_each(|row| println!("    row     {}", row_text(row)));
        for wait in self.machine.waits_for() {
            println!("    awaits  {:?}: {}", wait.whom, wait.message());
        }
    }

    /// The cluster is asked, and this is found.
    fn check(&mut self, what: &str, inquiry: Inquiry, verdict: Verdict) {
        let Inquiry { spec, shown, account, stored } = inquiry;
        let round = stored.map(|(_, round)| round).or(account.map(|account| account.round));
        let found = Box::new(Checked { spec, secret: shown.clone(), round, verdict });
        self.tell(what, &EnvironmentEvent::Checked { shown, found });
    }

    /// The check that the machine requires ends like this.
    fn required_check(&mut self, what: &str, verdict: Verdict) {
        let mut obligations = self.machine.obligations(STYLE).into_iter();
        let inquiry = obligations.find_map(|one| match one {
            EnvironmentObligation::ClusterChecked(inquiry) => Some(*inquiry),
            _ => None,
        });
        if let Some(inquiry) = inquiry {
            self.check(what, inquiry, verdict);
        }
    }

    /// The check that is repeated from time to time ends like this.
    fn repeated_check(&mut self, what: &str, verdict: Verdict) {
        if let Some(inquiry) = self.machine.repeated_inquiry() {
            self.check(what, inquiry, verdict);
        }
    }

    /// The agent has done what it was asked for.
    fn deliver(&mut self) {
        let Some(open) = self.machine.record.open.clone() else { return };
        let state = Some(OperationState::Completed);
        let done = EnvironmentEvent::OperationObserved { id: open.id, state };
        self.tell("the agent has made Argo CD's Secret match", &done);
    }

    /// Time passes until the machine's next deadline.
    fn wait_for_deadline(&mut self) {
        self.now = self.now.max(self.machine.wake_at().unwrap_or(self.now));
        self.tell("a deadline has passed", &EnvironmentEvent::DeadlineReached);
    }

    /// What is to be removed from the cluster is not: the cluster does not answer. Returns whether
    /// anything was to be removed.
    fn removal_fails(&mut self) -> bool {
        let mut obligations = self.machine.obligations(STYLE).into_iter();
        let due = obligations.find_map(|one| match one {
            EnvironmentObligation::Revoked(what) => Some(what),
            _ => None,
        });
        let Some(what) = due else { return false };
        let remains = vec!["ServiceAccount kube-system/argocd-manager-uid-1".to_owned()];
        let attempted = EnvironmentEvent::RevocationAttempted { what, remains };
        self.tell("the cluster does not answer", &attempted);
        true
    }

    /// What the user is to be told.
    fn remains(&self) -> Vec<String> {
        let obligations = self.machine.obligations(STYLE).into_iter();
        let told = obligations.filter_map(|one| match one {
            EnvironmentObligation::RemainsTold(texts) => Some(texts),
            _ => None,
        });
        told.flatten().collect()
    }
}

/// The cluster accepts a token; a keyed digest is all that is known of it.
fn accepted(token: &str) -> Verdict {
    Verdict::Accepted { told: Digest::new(token) }
}

fn forgotten() -> Verdict {
    Verdict::Refused(Refusal {
        status: "Unknown".to_owned(),
        reason: "UnableToValidateClusterCredentials".to_owned(),
        message: String::new(),
        cause: TOKEN_REFUSED.to_owned(),
        text: "the cluster refuses the token".to_owned(),
    })
}

fn main() {
    let tenant = tenant_rows("team-a").tenant;
    let machine =
        ManagedEnvironment::new(EnvironmentUid::new("uid-1"), tenant, "team-a", "staging");
    let secret = Some(Digest::new("kubeconfig"));
    let mut story = Story { machine, secret, now: Timestamp::from_millis(0) };
    let snapshot = EnvironmentSnapshot {
        revision: Revision(1),
        generation: Generation(1),
        spec: EnvironmentSpec {
            api_url: "https://api.staging.example.com:6443".to_owned(),
            secret: "staging".to_owned(),
            creates_account: true,
            ..EnvironmentSpec::default()
        },
        ..EnvironmentSnapshot::default()
    };
    story.tell("created", &EnvironmentEvent::Observed(Box::new(snapshot)));
    assert_eq!(story.machine.record.accounts.len(), 1, "it is known before it is made");
    story.required_check("an account is made, and its token accepted", accepted("first"));
    story.deliver();

    story.repeated_check("the cluster has forgotten the account", forgotten());
    story.required_check("it is made again", accepted("second"));
    story.deliver();

    story.tell("the object is gone", &EnvironmentEvent::Absent { as_of: Revision(9) });
    let mut deadlines = 0;
    while story.remains().is_empty() {
        deadlines += 1;
        assert!(deadlines < 1_000, "every wait ends");
        if !story.removal_fails() {
            story.deliver();
            if story.remains().is_empty() {
                story.wait_for_deadline();
            }
        }
    }
    let texts = story.remains();
    texts.iter().for_each(|text| println!("\nthe user is told: {text}\n"));
    story.tell("the Event is written", &EnvironmentEvent::RemainsTold { texts });
    assert!(story.machine.is_gone(), "nothing is left of it here");
}
