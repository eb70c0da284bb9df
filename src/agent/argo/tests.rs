use machines::operation::application::project_name;

use super::projects::{PER_ITEM, pattern, trim};
use super::*;

#[test]
fn an_app_project_has_room_for_as_much_as_the_server_takes() {
    let url = |number: usize| format!("https://git.example.com/{number:036}");
    let room = SOURCE_REPOS_LIMIT / (url(0).len() + PER_ITEM);
    let mut permitted: BTreeMap<String, String> =
        (0..room + 10).map(|number| (url(number), pattern(&url(number)))).collect();
    // The last ones are in use already, so others have to make room.
    let left_out = trim(&mut permitted, |wanted, _| wanted < url(room).as_str());
    assert_eq!((permitted.len(), left_out.len()), (room, 10));
    assert!((room..room + 10).map(url).all(|url| permitted.contains_key(&url)));
    assert_eq!(trim(&mut permitted, |_, _| 0), BTreeSet::new());
    let written: Vec<&String> = permitted.values().collect();
    assert!(serde_json::to_string(&written).unwrap().len() <= SOURCE_REPOS_LIMIT + 2);
}

#[test]
fn what_the_installed_argo_cd_knows_decides_whether_retries_without_it_are_drift() {
    let mut argo = Argo::default();
    let spec = serde_json::json!({"syncPolicy": {"retry": {"limit": -1}}});
    let object = serde_json::json!({"metadata": {"name": "app"}, "spec": spec});
    argo.application_seen(WatchEvent::Present(serde_json::from_value(object).unwrap()));
    let drifts = |argo: &Argo| !argo.application("app").unwrap().spec.drift.is_empty();
    assert!(!drifts(&argo));
    argo.note_refresh(true);
    assert!(drifts(&argo));
    argo.note_refresh(false);
    assert!(!drifts(&argo));
}

#[test]
fn the_environments_of_an_earlier_installation_stay_permitted() {
    let user = ClusterUserId::new("user");
    let destinations = serde_json::json!([
        {"name": "managed-env-1", "namespace": "*"},
        {"name": "*", "namespace": "*"},
        {"name": "in-cluster", "namespace": "*"},
    ]);
    let object = serde_json::json!({
        "metadata": {"name": project_name(&user)},
        "spec": {"destinations": destinations},
    });
    let mut argo = Argo::default();
    argo.project_seen(WatchEvent::Present(serde_json::from_value(object).unwrap()));
    let repositories = BTreeSet::from(["https://example.com/a".to_owned()]);
    let permitted = |argo: &Argo| {
        let wanted = argo.wanted_project(&user, &repositories).document.unwrap();
        wanted.destinations.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(permitted(&argo), ["in-cluster"]);
    argo.note_environments([user.clone()].into());
    assert_eq!(permitted(&argo), ["managed-env-1", "in-cluster"]);
}
