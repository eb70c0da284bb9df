use super::*;

fn namespaces(list: &[&str]) -> Namespaces {
    let list: Vec<String> = list.iter().map(|name| (*name).to_owned()).collect();
    Namespaces::parse(&list, false).unwrap()
}

fn named(installation: &Installation) -> Vec<String> {
    installation.objects().iter().map(ToString::to_string).collect()
}

#[test]
fn in_all_of_the_cluster_the_names_are_the_existing_systems() {
    let everywhere = [
        "ServiceAccount kube-system/argocd-manager-u",
        "ClusterRole argocd-manager-cluster-role-u",
        "ClusterRoleBinding argocd-manager-cluster-role-binding-u",
        "Secret kube-system/argocd-manager-u-0",
    ];
    assert_eq!(named(&Installation::new("u", &namespaces(&[]), false, 0)), everywhere);
    // Of a cluster's own resources no Role gives any right.
    assert_eq!(named(&Installation::new("u", &namespaces(&["a"]), true, 0)), everywhere);
}

#[test]
fn in_namespaces_nothing_is_anywhere_else() {
    let expected = [
        "ServiceAccount a/argocd-manager-u",
        "Role a/argocd-manager-role-u",
        "RoleBinding a/argocd-manager-role-binding-u",
        "Role b/argocd-manager-role-u",
        "RoleBinding b/argocd-manager-role-binding-u",
        "Secret a/argocd-manager-u-7",
    ];
    assert_eq!(named(&Installation::new("u", &namespaces(&["b", "a"]), false, 7)), expected);
}

#[test]
fn what_an_older_installation_has_left_is_the_difference() {
    let old = Installation::new("u", &namespaces(&["a", "b"]), false, 0).objects();
    let new = Installation::new("u", &namespaces(&["a"]), false, 1).objects();
    let left: Vec<String> =
        old.iter().filter(|one| !new.contains(one)).map(ToString::to_string).collect();
    assert_eq!(
        left,
        [
            "Role b/argocd-manager-role-u",
            "RoleBinding b/argocd-manager-role-binding-u",
            "Secret a/argocd-manager-u-0",
        ]
    );
}

#[test]
fn the_account_is_deleted_first_and_rights_last() {
    let mut objects = Installation::new("u", &namespaces(&["a"]), false, 0).objects();
    objects.sort();
    let kinds: Vec<&str> = objects.iter().map(|object| object.kind.as_str()).collect();
    assert_eq!(kinds, ["ServiceAccount", "Secret", "RoleBinding", "Role"]);
}

#[test]
fn a_token_is_asked_for_as_kubernetes_has_it() {
    let installation = Installation::new("u", &namespaces(&[]), false, 3);
    let secret = installation.manifest(&installation.token_secret());
    assert_eq!(
        secret,
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "argocd-manager-u-3",
                "namespace": "kube-system",
                "labels": { "app.kubernetes.io/managed-by": "managed-gitops" },
                "annotations": { "kubernetes.io/service-account.name": "argocd-manager-u" },
            },
            "type": "kubernetes.io/service-account-token",
        })
    );
}

#[test]
fn a_binding_gives_the_account_its_role() {
    for (list, role_kind, role, binding) in [
        (vec![], "ClusterRole", "argocd-manager-cluster-role-u", RemoteKind::ClusterRoleBinding),
        (vec!["a"], "Role", "argocd-manager-role-u", RemoteKind::RoleBinding),
    ] {
        let installation = Installation::new("u", &namespaces(&list), false, 0);
        let account_namespace = list.first().copied().unwrap_or("kube-system");
        let object = installation.rights().into_iter().find(|one| one.kind == binding).unwrap();
        let manifest = installation.manifest(&object);
        let role_ref =
            json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role });
        assert_eq!(manifest["roleRef"], role_ref);
        let subject = json!({
            "kind": "ServiceAccount",
            "name": "argocd-manager-u",
            "namespace": account_namespace,
        });
        assert_eq!(manifest["subjects"], json!([subject]));
        assert_eq!(manifest["metadata"].get("namespace").is_some(), !list.is_empty());
    }
}

#[test]
fn no_name_leads_to_another_path() {
    let installation = Installation::new("../a?b#c", &namespaces(&["n"]), false, 0);
    let path = installation.account().path();
    assert_eq!(path, "/api/v1/namespaces/n/serviceaccounts/argocd-manager-..%2Fa%3Fb%23c");
    let everywhere = Installation::new("u", &namespaces(&[]), false, 0).rights();
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/argocd-manager-cluster-role-u";
    assert_eq!(everywhere[0].path(), path);
}

#[test]
fn a_record_of_objects_can_be_kept() {
    let objects = Installation::new("u", &namespaces(&["a"]), false, 0).objects();
    let text = serde_json::to_string(&objects).unwrap();
    assert_eq!(serde_json::from_str::<Vec<RemoteObject>>(&text).unwrap(), objects);
}
