//! A repository credential from its first sighting through a rotation that goes wrong to its end.
//!
//! The machine asks for a check; what the check finds comes back as an observation. What was accepted
//! last stays in its row, and in Argo CD, until something else is accepted.
//!
//! Run with `cargo run --example a_credential_is_rotated`.

mod support;

use machines::identity::{Digest, Generation, Revision, Timestamp};
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{
    Checked, CredentialEvent, CredentialFacts, CredentialObligation, CredentialSnapshot,
    CredentialUid, RepositoryCredential,
};
use machines::kinds::tenant::TenantFact;
use machines::machine::Machine;
use machines::rows::OperationState;
use support::{STYLE, row_text, tenant_rows};

/// A credential, and the Secret that it refers to as the watch of Secrets shows it.
struct Story {
    machine: RepositoryCredential,
    secret: Option<Digest>,
}

impl Story {
    fn facts(&self) -> CredentialFacts {
        let rows = tenant_rows("team-a");
        CredentialFacts {
            now: Timestamp::from_millis(0),
            has_keys: true,
            instance: Some(rows.instance.clone()),
            tenant: TenantFact::Active(rows),
            shown: self.secret.clone(),
            existing: None,
            is_row_empty: false,
            conditions: STYLE,
        }
    }

    fn tell(&mut self, what: &str, event: &CredentialEvent) {
        let before = self.machine.path();
        let step = self.machine.clone().step(event, &self.facts());
        self.machine = step.machine;
        println!("{what}\n    state   {before} -> {}", self.machine.path());
        step.rows.iter().for_each(|row| println!("    row     {}", row_text(row)));
        for wait in self.machine.waits_for() {
            println!("    awaits  {:?}: {}", wait.whom, wait.message());
        }
    }

    /// The user changes the Secret; a keyed digest is all that is known of it.
    fn secret(&mut self, content: &str) {
        self.secret = Some(Digest::new(content));
        self.tell("\nthe Secret is another one", &CredentialEvent::FactsChanged);
    }

    /// The check that the machine requires ends like this.
    fn check(&mut self, what: &str, verdict: Verdict) {
        let obligations = self.machine.obligations(STYLE);
        let Some(CredentialObligation::CredentialChecked { spec, shown }) = obligations
            .into_iter()
            .find(|one| matches!(one, CredentialObligation::CredentialChecked { .. }))
        else {
            return;
        };
        let found = Box::new(Checked { spec, secret: shown.clone(), verdict });
        self.tell(what, &CredentialEvent::Checked { shown, found });
    }

    /// The agent has done what it was asked for.
    fn deliver(&mut self) {
        let Some(open) = self.machine.record.open.clone() else { return };
        let state = Some(OperationState::Completed);
        let done = CredentialEvent::OperationObserved { id: open.id, state };
        self.tell("the agent has made Argo CD's Secret match", &done);
    }
}

fn main() {
    let uid = CredentialUid::new("uid-1");
    let machine = RepositoryCredential::new(uid, tenant_rows("team-a").tenant, "team-a", "repo");
    let mut story = Story { machine, secret: Some(Digest::new("first")) };
    let snapshot = CredentialSnapshot {
        revision: Revision(1),
        generation: Generation(1),
        spec: CredentialSpec {
            repository: "https://example.com/team/app.git".to_owned(),
            secret: "git".to_owned(),
        },
        ..CredentialSnapshot::default()
    };
    story.tell("created", &CredentialEvent::Observed(Box::new(snapshot)));
    story.check("the repository accepts it", Verdict::Accepted {});
    story.deliver();
    let written = story.machine.record.row.clone();
    assert_eq!(story.machine.path(), "Live/Judged/Accepted");

    story.secret("mistyped");
    let refused = Verdict::Refused {
        cause: "AuthenticationRefused".to_owned(),
        text: "the server refuses the credential".to_owned(),
    };
    story.check("the repository refuses it", refused);
    assert_eq!(story.machine.path(), "Live/Judged/Refused");
    assert_eq!(story.machine.record.row, written, "Argo CD keeps the one that works");

    story.secret("second");
    story.check("the repository accepts it", Verdict::Accepted {});
    story.deliver();
    assert_ne!(story.machine.record.row, written);

    story.tell("\nthe object is gone", &CredentialEvent::Absent { as_of: Revision(9) });
    story.deliver();
    assert!(story.machine.is_gone(), "nothing is left of it");
}
