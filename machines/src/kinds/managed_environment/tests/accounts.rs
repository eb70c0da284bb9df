//! ServiceAccounts on clusters: what is made, what is made again, and what is revoked.

use super::*;
use crate::kinds::managed_environment::revocation::REVOCATION_LIMIT;
use crate::kinds::managed_environment::verdict::TOKEN_REFUSED;
use crate::kinds::managed_environment::{account, messages, samples};
use crate::shared::text::MESSAGE_LIMIT;

fn revocable(environment: &ManagedEnvironment) -> Revocable {
    let obligations = environment.obligations(ConditionStyle::Conventional);
    let revocable = obligations.into_iter().find_map(|one| match one {
        EnvironmentObligation::Revoked(revocable) => Some(*revocable),
        _ => None,
    });
    revocable.unwrap_or_else(|| panic!("a revocation is required: {environment:?}"))
}

pub(super) fn attempted(environment: &ManagedEnvironment, remains: &[&str]) -> EnvironmentEvent {
    EnvironmentEvent::RevocationAttempted {
        what: Box::new(revocable(environment)),
        remains: remains.iter().map(|&text| text.to_owned()).collect(),
    }
}

fn rounds(revocable: &Revocable) -> Vec<u32> {
    revocable.revoked.iter().map(|one| one.round).collect()
}

#[test]
fn what_a_check_will_make_is_noted_before_it_is_asked_for() {
    let environment = checking(with_account());
    let first = Installation { namespaces: Vec::new(), round: 0 };
    assert_eq!(inquiry(&environment).account.as_ref(), Some(&first));
    assert_eq!(environment.record.accounts[0].installations, [first]);
    // Without a Secret nothing is made.
    let no_secret = EnvironmentFacts { shown: None, ..facts() };
    let spec = with_account();
    let environment = samples::environment().step(&seen(1, spec, false), &no_secret).machine;
    assert_eq!(environment.record.accounts, []);
    assert_eq!(inquiry(&environment).account, None);
    let environment = environment.step(&EnvironmentEvent::FactsChanged, &facts()).machine;
    assert_eq!(inquiry(&environment).account.map(|one| one.round), Some(0));
}

#[test]
fn a_new_token_is_made_for_another_secret_and_the_one_before_goes_once_argo_cd_has_it() {
    let before = served(with_account());
    assert!(before.revocation.is_idle());
    let environment = before.step(&EnvironmentEvent::FactsChanged, &showing("two")).machine;
    assert_eq!(inquiry(&environment).account.map(|one| one.round), Some(1));
    let event = checked(&environment, "two", accepted("new"));
    let step = environment.step(&event, &showing("two"));
    assert_eq!(changes(&step.rows), ["put new", "operation"], "the row of credentials is the same");
    assert!(step.machine.revocation.is_idle(), "Argo CD still uses the token before");
    let completed = finish(&step.machine, OperationState::Completed);
    let environment = step.machine.step(&completed, &showing("two")).machine;
    let what = revocable(&environment);
    assert_eq!((rounds(&what), what.kept.as_ref().map(|one| one.round)), (vec![0], Some(1)));
    let step = environment.clone().step(&attempted(&environment, &[]), &showing("two"));
    assert_eq!((step.rows.len(), step.machine.revocation.is_idle()), (0, true));
    assert_eq!(step.machine.record.accounts[0].installations.len(), 1);
}

#[test]
fn a_token_that_is_refused_is_made_again_once() {
    let before = served(with_account());
    let event = checked(&before, "one", refused(TOKEN_REFUSED));
    let step = before.step(&event, &facts());
    assert_eq!(step.machine.path(), "Live/Checking");
    assert_eq!(inquiry(&step.machine).account.map(|one| one.round), Some(1));
    let environment = step.machine;
    let ready = EnvironmentFact::Ready(environment.record.row_id());
    assert_eq!(environment.fact(), ready, "deployments go on");
    assert_eq!(said(&environment, CONNECTION_INITIALIZATION_SUCCEEDED).0, "True");
    let event = checked(&environment, "one", refused(TOKEN_REFUSED));
    let environment = environment.step(&event, &facts()).machine;
    assert_eq!(environment.path(), "Live/Judged/Refused");
    // It is asked again with the same token, and after it was accepted it may be made again.
    let repeated = environment.repeated_inquiry().unwrap();
    assert_eq!(repeated.account.map(|one| one.round), Some(1));
    let event = checked(&environment, "one", accepted("renewed"));
    let environment = environment.step(&event, &facts()).machine;
    let event = checked(&environment, "one", refused(TOKEN_REFUSED));
    let environment = environment.step(&event, &facts()).machine;
    assert_eq!(inquiry(&environment).account.map(|one| one.round), Some(2));
}

#[test]
fn without_a_secret_no_token_is_made_again() {
    let no_secret = EnvironmentFacts { shown: None, ..facts() };
    let checking = served(with_account()).step(&EnvironmentEvent::FactsChanged, &no_secret).machine;
    assert_eq!(inquiry(&checking).account.map(|one| one.round), Some(0));
    let event = checked(&checking, "one", refused(TOKEN_REFUSED));
    assert_eq!(checking.step(&event, &no_secret).machine.path(), "Live/Judged/Refused");
}

#[test]
fn a_good_cluster_is_asked_again_with_what_argo_cd_has() {
    let environment = served(with_account());
    let repeated = environment.repeated_inquiry().unwrap();
    let row = environment.record.row.clone().unwrap();
    assert_eq!((repeated.stored, repeated.account), (Some((row.credentials, 0)), None));
    assert!(!environment.is_doubtful());
    let repeated = served(spec()).repeated_inquiry().unwrap();
    assert_eq!((repeated.stored, repeated.account), (None, None));
    assert_eq!(checking(spec()).repeated_inquiry(), None, "it is required anyway");
    let changed = environment.step(&seen(1, with_account(), false), &showing("two")).machine;
    assert!(changed.is_doubtful());
}

#[test]
fn what_is_no_longer_asked_for_is_revoked_with_its_token() {
    let edits =
        [EnvironmentSpec { api_url: "https://b.example.com".to_owned(), ..with_account() }, spec()];
    for edit in edits {
        let environment = served(with_account()).step(&seen(2, edit, false), &facts()).machine;
        let event = checked(&environment, "one", accepted("new"));
        let step = environment.step(&event, &facts());
        assert_eq!(changes(&step.rows), ["put new", "operation"], "its token may be needed");
        let completed = finish(&step.machine, OperationState::Completed);
        let environment = step.machine.step(&completed, &facts()).machine;
        let what = revocable(&environment);
        assert_eq!((what.api_url.as_str(), what.kept.as_ref()), (spec().api_url.as_str(), None));
        let step = environment.clone().step(&attempted(&environment, &[]), &facts());
        assert_eq!(changes(&step.rows), ["forget"]);
        assert!(step.machine.revocation.is_idle());
    }
}

#[test]
fn namespaces_that_are_taken_away_are_revoked() {
    let namespaces = |list: &[&str]| EnvironmentSpec {
        namespaces: list.iter().map(|&name| name.to_owned()).collect(),
        ..with_account()
    };
    let before = served(namespaces(&["b", "a"]));
    let environment = before.step(&seen(2, namespaces(&["a"]), false), &facts()).machine;
    let event = checked(&environment, "one", accepted("told"));
    let environment = environment.step(&event, &facts()).machine;
    let completed = finish(&environment, OperationState::Completed);
    let environment = environment.step(&completed, &facts()).machine;
    let what = revocable(&environment);
    assert_eq!(what.revoked[0].namespaces, ["a", "b"]);
    assert_eq!(what.kept.unwrap().namespaces, ["a"]);
}

#[test]
fn what_was_made_is_revoked_after_argo_cd_has_nothing_of_it() {
    let step = served(with_account()).step(&absent(), &facts());
    assert!(step.machine.revocation.is_idle());
    let completed = finish(&step.machine, OperationState::Completed);
    let step = step.machine.step(&completed, &facts());
    assert_eq!((step.machine.path().as_str(), step.rows.len()), ("Leaving/Clearing", 0));
    let what = revocable(&step.machine);
    assert_eq!((rounds(&what), what.kept.as_ref()), (vec![0], None));
    let environment = step.machine;
    let step = environment.clone().step(&attempted(&environment, &[]), &facts());
    assert_eq!((changes(&step.rows), step.machine.is_gone()), (vec!["forget".to_owned()], true));
}

#[test]
fn a_cluster_that_does_not_answer_is_given_up_after_a_while_and_the_user_is_told() {
    let step = served(with_account()).step(&absent(), &facts());
    let completed = finish(&step.machine, OperationState::Completed);
    let mut environment = step.machine.step(&completed, &facts()).machine;
    let remains = "ServiceAccount kube-system/argocd-manager-environment-uid";
    let mut attempts = 0;
    let mut now = Timestamp::default();
    while environment.record.remains.is_empty() {
        let facts = EnvironmentFacts { now, ..facts() };
        let step = environment.clone().step(&attempted(&environment, &[remains]), &facts);
        attempts += 1;
        assert!(attempts < 40, "{environment:?}");
        if !step.machine.record.remains.is_empty() {
            assert_eq!(changes(&step.rows), ["forget"]);
            environment = step.machine;
            break;
        }
        assert_eq!(step.machine.revocation.path(), "Busy/BackingOff");
        now = step.machine.wake_at().expect("a pause ends");
        let due = EnvironmentFacts { now, ..facts };
        environment = step.machine.step(&EnvironmentEvent::DeadlineReached, &due).machine;
    }
    assert!(now >= Timestamp::default().after(REVOCATION_LIMIT), "{now:?}");
    assert!(attempts > 10, "only {attempts} attempts");
    let texts = environment.record.remains.clone();
    assert!(texts[0].contains(remains), "{texts:?}");
    let more = vec!["something else".to_owned()];
    let step = environment.step(&EnvironmentEvent::RemainsTold { texts: more }, &facts());
    assert!(!step.machine.is_gone(), "another text was told");
    let step = step.machine.step(&EnvironmentEvent::RemainsTold { texts }, &facts());
    assert!(step.machine.is_gone());
}

#[test]
fn what_remains_on_one_cluster_is_told_before_another_is_asked() {
    let elsewhere =
        EnvironmentSpec { api_url: "https://b.example.com".to_owned(), ..with_account() };
    let environment = served(with_account()).step(&seen(2, elsewhere, false), &facts()).machine;
    let step = environment.step(&absent(), &facts());
    let completed = finish(&step.machine, OperationState::Completed);
    let environment = step.machine.step(&completed, &facts()).machine;
    assert_eq!(environment.record.accounts.len(), 2);
    let first = revocable(&environment).api_url;
    let late = EnvironmentFacts { now: facts().now.after(REVOCATION_LIMIT), ..facts() };
    let step = environment.clone().step(&attempted(&environment, &["Secret a/b"]), &late);
    assert_eq!(step.machine.revocation.path(), "Telling");
    let texts = step.machine.record.remains.clone();
    assert!(texts.len() == 1 && texts[0].contains(&first), "{texts:?}");
    let step = step.machine.step(&EnvironmentEvent::RemainsTold { texts }, &late);
    assert_eq!(step.machine.revocation.path(), "Busy/Revoking");
    assert_ne!(revocable(&step.machine).api_url, first);
}

#[test]
fn an_attempt_about_something_else_does_not_count() {
    let step = served(with_account()).step(&absent(), &facts());
    let completed = finish(&step.machine, OperationState::Completed);
    let environment = step.machine.step(&completed, &facts()).machine;
    let mut what = revocable(&environment);
    what.revoked.clear();
    let event = EnvironmentEvent::RevocationAttempted { what: Box::new(what), remains: Vec::new() };
    let step = environment.clone().step(&event, &facts());
    assert_eq!((step.machine, step.rows), (environment, Vec::new()));
}

#[test]
fn what_is_remembered_of_clusters_is_bounded() {
    let mut environment = served(with_account());
    for generation in 2..60 {
        let api_url = format!("https://{generation}.example.com");
        let edited = EnvironmentSpec { api_url, ..with_account() };
        environment = environment.step(&seen(generation, edited, false), &facts()).machine;
    }
    for generation in 60..120 {
        let namespaces = vec![format!("ns-{generation}")];
        let edited = EnvironmentSpec { namespaces, ..with_account() };
        environment = environment.step(&seen(generation, edited, false), &facts()).machine;
    }
    let accounts = &environment.record.accounts;
    assert!(accounts.len() <= account::ACCOUNTS_LIMIT);
    let newest = accounts.last().unwrap();
    assert_eq!(newest.installations.len(), account::INSTALLATIONS_LIMIT);
    let first = Installation { namespaces: Vec::new(), round: 0 };
    assert!(newest.installations.contains(&first), "what is in use is not forgotten");
    let texts = &environment.record.remains;
    assert!(!texts.is_empty() && texts.len() <= 16, "{texts:?}");
}

#[test]
fn everything_that_may_remain_is_named_in_texts_that_an_event_has_room_for() {
    let names: Vec<String> =
        (0..60).map(|n| format!("RoleBinding ns-{n}/argocd-manager")).collect();
    let url = format!("https://{}.example.com", "a".repeat(2_000));
    let texts = messages::remains(&url, &names);
    assert!(texts.len() > 1);
    for name in &names {
        let is_named = |text: &&String| text.ends_with(name) || text.contains(&format!("{name}, "));
        assert_eq!(texts.iter().filter(is_named).count(), 1, "{name} in {texts:?}");
    }
    for text in texts {
        assert!(text.starts_with("these objects may remain on https://aaa"), "{text}");
        assert!(text.chars().count() <= MESSAGE_LIMIT, "{text}");
    }
}

#[test]
fn too_much_to_name_is_told_in_general() {
    let mut record = served(with_account()).record;
    let many = |of: &str| (0..20).map(|n| format!("{of} {n}")).collect::<Vec<_>>();
    record.note_remains(vec!["few".to_owned()], "general".to_owned());
    record.note_remains(many("a"), "of a".to_owned());
    record.note_remains(many("b"), "of b".to_owned());
    assert_eq!(record.remains, ["few", "of a", "of b"]);
    for n in 0..20 {
        record.note_remains(vec![format!("cluster {n}")], format!("cluster {n}"));
    }
    assert_eq!(record.remains.len(), account::REMAINS_LIMIT);
    assert_eq!(record.remains.last().unwrap(), messages::REMAIN_ANYWHERE);
}
