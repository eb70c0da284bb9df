//! The ServiceAccount on a cluster.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cluster_access::{Cause, Failure, Installation, Part, Reason, Target};
use git_stand_in::https::Answer;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::api_server::{ApiServer, token_of};
use crate::support::{
    HOST, check_with, client, namespaces, response, scripted, searched, short, target, usual,
};

const SYSTEM: &str = "kube-system";

pub(crate) fn everywhere(round: u32) -> Installation {
    Installation::new("u", &namespaces(&[]), false, round)
}

pub(crate) fn within(list: &[&str], round: u32) -> Installation {
    Installation::new("u", &namespaces(list), false, round)
}

pub(crate) async fn install(
    target: &Target,
    installation: &Installation,
) -> Result<String, Failure> {
    let token = client(usual()).install(target, installation).await.map_err(searched)?;
    Ok(token.expose_secret().to_owned())
}

/// The paths in the API of all that an installation in the whole cluster takes.
fn paths_everywhere(round: u32) -> Vec<String> {
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    vec![
        format!("/api/v1/namespaces/kube-system/secrets/argocd-manager-u-{round}"),
        "/api/v1/namespaces/kube-system/serviceaccounts/argocd-manager-u".to_owned(),
        format!("{rbac}/clusterrolebindings/argocd-manager-cluster-role-binding-u"),
        format!("{rbac}/clusterroles/argocd-manager-cluster-role-u"),
    ]
}

#[tokio::test]
async fn an_account_is_made_and_its_token_opens_the_cluster() {
    let server = ApiServer::start(&[SYSTEM]).await;
    let token = install(&server.target, &everywhere(0)).await.unwrap();
    assert_eq!(token, token_of("argocd-manager-u-0"));
    assert_eq!(server.paths(), paths_everywhere(0));
    server.state(|state| state.tokens.clear());
    let account = server.target.with_token(token.into());
    assert_eq!(check_with(client(usual()), &account, &[]).await, Ok(()));
}

#[tokio::test]
async fn in_namespaces_it_takes_no_right_elsewhere() {
    let server = ApiServer::start(&["a", "b"]).await;
    server.state(|state| {
        state.forbidden = [
            "PATCH /api/v1/namespaces/kube-system",
            "PATCH /apis/rbac.authorization.k8s.io/v1/cluster",
        ]
        .map(str::to_owned)
        .into();
    });
    let token = install(&server.target, &within(&["b", "a"], 0)).await.unwrap();
    assert_eq!(token, token_of("argocd-manager-u-0"));
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces";
    assert_eq!(
        server.paths(),
        [
            "/api/v1/namespaces/a/secrets/argocd-manager-u-0".to_owned(),
            "/api/v1/namespaces/a/serviceaccounts/argocd-manager-u".to_owned(),
            format!("{rbac}/a/rolebindings/argocd-manager-role-binding-u"),
            format!("{rbac}/a/roles/argocd-manager-role-u"),
            format!("{rbac}/b/rolebindings/argocd-manager-role-binding-u"),
            format!("{rbac}/b/roles/argocd-manager-role-u"),
        ]
    );
}

#[tokio::test]
async fn again_it_is_the_same_and_in_another_round_there_is_a_second_token() {
    let server = ApiServer::start(&[SYSTEM]).await;
    let first = install(&server.target, &everywhere(0)).await;
    let objects = server.state(|state| state.objects.clone());
    assert_eq!(install(&server.target, &everywhere(0)).await, first);
    assert_eq!(server.state(|state| state.objects.clone()), objects);

    let second = install(&server.target, &everywhere(1)).await;
    assert_ne!(second, first);
    for token in [first, second] {
        let account = server.target.with_token(token.unwrap().into());
        assert_eq!(check_with(client(usual()), &account, &[]).await, Ok(()));
    }
}

#[tokio::test]
async fn it_can_end_at_any_request_and_be_repeated() {
    let uninterrupted = ApiServer::start(&[SYSTEM]).await;
    let token = install(&uninterrupted.target, &everywhere(0)).await;
    let requests = uninterrupted.take_requests();
    assert_eq!(requests.len(), 4);
    let objects = uninterrupted.state(|state| state.objects.clone());
    for taken in 0..requests.len() {
        let server = ApiServer::start(&[SYSTEM]).await;
        server.state(|state| state.remaining = Some(taken));
        let failure = install(&server.target, &everywhere(0)).await.unwrap_err();
        assert_eq!(failure.cause(), Cause::ServerError);
        assert_eq!(failure.reason().name(), "UnableToInstallServiceAccount");
        server.state(|state| state.remaining = None);
        assert_eq!(install(&server.target, &everywhere(0)).await, token);
        assert_eq!(server.state(|state| state.objects.clone()), objects, "{taken}");
    }
}

#[tokio::test]
async fn what_somebody_has_changed_is_repaired() {
    let server = ApiServer::start(&[SYSTEM]).await;
    install(&server.target, &everywhere(0)).await.unwrap();
    let objects = server.state(|state| state.objects.clone());
    for path in paths_everywhere(0) {
        server.state(|state| state.objects.remove(&path));
        install(&server.target, &everywhere(0)).await.unwrap();
        assert_eq!(server.state(|state| state.objects.clone()), objects, "{path}");
    }
}

#[tokio::test]
async fn a_token_is_waited_for() {
    let server = ApiServer::start(&[SYSTEM]).await;
    server.state(|state| state.slowness = 5);
    let token = install(&server.target, &everywhere(0)).await.unwrap();
    assert_eq!(token, token_of("argocd-manager-u-0"));
    let applies = server.take_requests().iter().filter(|one| one.contains("/secrets/")).count();
    assert_eq!(applies, 6);
}

#[tokio::test]
async fn a_token_that_is_never_made_is_not_waited_for_for_ever() {
    let server = ApiServer::start(&[SYSTEM]).await;
    server.state(|state| state.slowness = usize::MAX);
    let outcome = client(short()).install(&server.target, &everywhere(0)).await;
    let failure = searched(outcome.unwrap_err());
    assert_eq!(failure.cause(), Cause::TokenNotMade);
    let message = failure.reason().message();
    assert!(message.starts_with("unable to create service account token secret: "), "{message}");
}

#[tokio::test]
async fn what_is_not_allowed_is_named() {
    let rbac = "PATCH /apis/rbac.authorization.k8s.io/v1/cluster";
    for (begin, part, text, object) in [
        (
            "PATCH /api/v1/namespaces/kube-system/serviceaccounts",
            Part::Account,
            "unable to create or update service account: argocd-manager-u, error: ",
            "ServiceAccount kube-system/argocd-manager-u",
        ),
        (
            &format!("{rbac}roles"),
            Part::Rights,
            "unable to create or update role and cluster role binding: ",
            "ClusterRole argocd-manager-cluster-role-u",
        ),
        (
            &format!("{rbac}rolebindings"),
            Part::Rights,
            "unable to create or update role and cluster role binding: ",
            "ClusterRoleBinding argocd-manager-cluster-role-binding-u",
        ),
        (
            "PATCH /api/v1/namespaces/kube-system/secrets",
            Part::Token,
            "unable to create service account token secret: ",
            "Secret kube-system/argocd-manager-u-0",
        ),
    ] {
        let server = ApiServer::start(&[SYSTEM]).await;
        server.state(|state| state.forbidden = vec![begin.to_owned()]);
        let failure = install(&server.target, &everywhere(0)).await.unwrap_err();
        assert_eq!(failure.cause(), Cause::Forbidden);
        let reason = failure.reason();
        assert!(
            matches!(reason, Reason::UnableToInstallServiceAccount { part: one, .. } if *one == part),
            "{reason:?}"
        );
        let message = reason.message();
        assert_eq!(message, format!("{text}{failure}"));
        assert!(failure.sentence().contains(object), "{failure}");
    }
}

#[tokio::test]
async fn a_namespace_that_is_missing_is_told_from_what_is_in_the_way() {
    let server = ApiServer::start(&["a"]).await;
    let failure = install(&server.target, &within(&["a", "b"], 0)).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::NamespaceNotFound);
    assert!(failure.sentence().contains("Role b/argocd-manager-role-u"), "{failure}");
    server.state(|state| state.conflicts = vec!["/api/v1/namespaces/a/secrets".to_owned()]);
    let failure = install(&server.target, &within(&["a"], 0)).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::Conflict);
    assert!(failure.sentence().contains("Secret a/argocd-manager-u-0"), "{failure}");
}

#[tokio::test]
async fn a_token_that_is_none_is_not_taken() {
    let server = ApiServer::start(&[SYSTEM]).await;
    for data in [
        json!({ "token": "not base64!" }),
        json!({ "token": STANDARD.encode(b"\xff") }),
        json!({ "token": STANDARD.encode("a b") }),
        json!({ "token": 1 }),
        json!(1),
    ] {
        server.state(|state| state.data = Some(data.clone()));
        let failure = install(&server.target, &everywhere(0)).await.unwrap_err();
        assert_eq!(failure.cause(), Cause::TokenUnusable, "{data}");
        assert_eq!(failure.reason().name(), "UnableToInstallServiceAccount");
    }
}

#[tokio::test]
async fn a_cluster_that_cannot_be_asked_is_said_as_in_a_check() {
    let (_server, hanging) = scripted(Answer::Hang);
    let outcome = client(short()).install(&hanging, &everywhere(0)).await;
    assert_eq!(searched(outcome.unwrap_err()).cause(), Cause::TimedOut);

    let (server, up) = scripted(response("401 Unauthorized", "", ""));
    let failure = install(&up, &everywhere(0)).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::TokenRefused);
    assert_eq!(server.heads().len(), 1);

    let nowhere = target("none.example.com", 443, up.trust.clone());
    let failure = install(&nowhere, &everywhere(0)).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::NoSuchHost);
    assert_eq!(failure.reason().name(), "UnableToCreateClient");
    assert!(failure.reason().message().ends_with("no such host"));
    assert_eq!(up.url.host().name(), HOST);
}
