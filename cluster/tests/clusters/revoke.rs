//! What is left on a cluster.

use cluster_access::{Cause, RemoteObject, Target};

use crate::api_server::ApiServer;
use crate::install::{everywhere, install, within};
use crate::support::{check_with, client, scripted, searched, short, usual};
use git_stand_in::https::Answer;

const SYSTEM: &str = "kube-system";

async fn revoke(target: &Target, objects: &[RemoteObject]) -> (Vec<String>, Option<Cause>) {
    let revocation = client(usual()).revoke(target, objects).await;
    let cause = revocation.failure.map(|failure| searched(failure).cause());
    (revocation.left.iter().map(ToString::to_string).collect(), cause)
}

#[tokio::test]
async fn all_that_was_made_is_deleted() {
    for installation in [everywhere(0), within(&["a", "b"], 0)] {
        let server = ApiServer::start(&[SYSTEM, "a", "b"]).await;
        let token = install(&server.target, &installation).await.unwrap();
        server.take_requests();
        let objects = installation.objects();
        assert_eq!(revoke(&server.target, &objects).await, (vec![], None));
        assert!(server.paths().is_empty());
        let requests = server.take_requests();
        assert_eq!(requests.len(), objects.len());
        assert!(requests[0].contains("/serviceaccounts/"), "{requests:?}");
        let account = server.target.with_token(token.into());
        let refused = check_with(client(usual()), &account, &[]).await.unwrap_err();
        assert_eq!(refused.cause(), Cause::TokenRefused);
        // What is gone is gone.
        assert_eq!(revoke(&server.target, &objects).await, (vec![], None));
    }
}

#[tokio::test]
async fn what_a_newer_installation_does_not_have_is_deleted_alone() {
    let server = ApiServer::start(&["a", "b"]).await;
    let (old, new) = (within(&["a", "b"], 0), within(&["a"], 1));
    install(&server.target, &old).await.unwrap();
    let token = install(&server.target, &new).await.unwrap();
    let wanted = new.objects();
    let superfluous: Vec<_> =
        old.objects().into_iter().filter(|one| !wanted.contains(one)).collect();
    assert_eq!(revoke(&server.target, &superfluous).await, (vec![], None));
    assert_eq!(server.paths().len(), wanted.len());
    let account = server.target.with_token(token.into());
    assert_eq!(check_with(client(usual()), &account, &["a"]).await, Ok(()));
}

#[tokio::test]
async fn it_can_end_at_any_request_and_be_repeated() {
    let objects = everywhere(0).objects();
    for taken in 0..objects.len() {
        let server = ApiServer::start(&[SYSTEM]).await;
        install(&server.target, &everywhere(0)).await.unwrap();
        server.state(|state| state.remaining = Some(taken));
        let (left, cause) = revoke(&server.target, &objects).await;
        assert_eq!(cause, Some(Cause::ServerError));
        // The last that was taken is gone, but nobody has said so.
        assert_eq!(left.len(), objects.len() - taken.saturating_sub(1), "{left:?}");
        server.state(|state| state.remaining = None);
        assert_eq!(revoke(&server.target, &objects).await, (vec![], None));
        assert!(server.paths().is_empty());
    }
}

#[tokio::test]
async fn what_may_not_be_deleted_is_left_and_the_rest_is_not() {
    let server = ApiServer::start(&[SYSTEM]).await;
    install(&server.target, &everywhere(0)).await.unwrap();
    let clusterwide = "DELETE /apis/rbac.authorization.k8s.io/v1/clusterroles/";
    server.state(|state| state.forbidden = vec![clusterwide.to_owned()]);
    let (left, cause) = revoke(&server.target, &everywhere(0).objects()).await;
    assert_eq!(left, ["ClusterRole argocd-manager-cluster-role-u"]);
    assert_eq!(cause, Some(Cause::Forbidden));
    assert_eq!(server.paths().len(), 1);
}

#[tokio::test]
async fn with_its_own_token_the_account_ends_at_least() {
    let server = ApiServer::start(&[SYSTEM]).await;
    let token = install(&server.target, &everywhere(0)).await.unwrap();
    let account = server.target.with_token(token.into());
    let (left, cause) = revoke(&account, &everywhere(0).objects()).await;
    assert_eq!(cause, Some(Cause::TokenRefused));
    assert_eq!(
        left,
        [
            "Secret kube-system/argocd-manager-u-0",
            "ClusterRoleBinding argocd-manager-cluster-role-binding-u",
            "ClusterRole argocd-manager-cluster-role-u",
        ]
    );
}

#[tokio::test]
async fn of_a_cluster_that_does_not_answer_everything_is_left() {
    let (server, hanging) = scripted(Answer::Hang);
    let revocation = client(short()).revoke(&hanging, &everywhere(0).objects()).await;
    assert_eq!(revocation.left.len(), 4);
    assert_eq!(searched(revocation.failure.unwrap()).cause(), Cause::TimedOut);
    assert_eq!(server.heads().len(), 1, "one request is enough to see it");
}

#[tokio::test]
async fn a_404_of_any_server_deletes_nothing() {
    let (_server, other) = scripted(crate::support::response("404 Not Found", "", ""));
    let (left, cause) = revoke(&other, &everywhere(0).objects()).await;
    assert_eq!((left.len(), cause), (4, Some(Cause::NotKubernetes)));
}
