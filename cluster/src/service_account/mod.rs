//! A ServiceAccount of this program's own on a tenant's cluster: which objects it takes. What is done
//! with them is in [`install`].
//!
//! The names are the existing system's, so that what that has made is taken over. The rights are as
//! wide as the environment is: in all of the cluster, or in the namespaces of its spec alone.

mod install;

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::segment;
use crate::namespaces::Namespaces;
use crate::reason::Part;

pub use install::Revocation;

/// Where the account is if it has rights in all of the cluster. Whoever may make a token there has
/// all rights anyway.
const SYSTEM_NAMESPACE: &str = "kube-system";
/// The type of a Secret into which the cluster writes the token of an account.
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
/// The annotation of such a Secret that names the account.
const ACCOUNT_ANNOTATION: &str = "kubernetes.io/service-account.name";
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";
const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
const MANAGED_BY: &str = "managed-gitops";

/// What is to be on a cluster for one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The environment's UID.
    uid: String,
    /// Where the account has its rights. None: everywhere.
    namespaces: Vec<String>,
    /// Which of its tokens.
    round: u32,
}

/// An object on a tenant's cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RemoteObject {
    /// Its kind.
    pub kind: RemoteKind,
    /// Its namespace, if its kind has any.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// The kind of an object on a tenant's cluster, in the order in which they are deleted. The account
/// is the first: with it all its tokens end, whatever else fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RemoteKind {
    /// The account itself.
    ServiceAccount,
    /// One of its tokens.
    Secret,
    /// What gives it the rights in all of the cluster.
    ClusterRoleBinding,
    /// What gives it the rights in a namespace.
    RoleBinding,
    /// Its rights in all of the cluster.
    ClusterRole,
    /// Its rights in a namespace.
    Role,
}

impl Installation {
    /// What an environment takes: rights in its namespaces, unless it has none or deploys resources
    /// of the whole cluster as well.
    ///
    /// A token is made once for each `round`, and the tokens of other rounds stay until they are
    /// revoked: so the deployments can go on with the old one until Argo CD has the new one.
    pub fn new(
        environment_uid: &str,
        namespaces: &Namespaces,
        cluster_resources: bool,
        round: u32,
    ) -> Self {
        let namespaces = match cluster_resources {
            true => Vec::new(),
            false => namespaces.sorted().map(str::to_owned).collect(),
        };
        Self { uid: environment_uid.to_owned(), namespaces, round }
    }

    /// All of its objects, in the order in which they are made. Whoever keeps a record of them before
    /// they are made knows what to revoke: what is in the record, and not in here.
    pub fn objects(&self) -> Vec<RemoteObject> {
        let mut objects = vec![self.account()];
        objects.extend(self.rights());
        objects.push(self.token_secret());
        objects
    }

    fn account(&self) -> RemoteObject {
        let name = format!("argocd-manager-{}", self.uid);
        RemoteObject::namespaced(RemoteKind::ServiceAccount, self.namespace(), name)
    }

    fn token_secret(&self) -> RemoteObject {
        let name = format!("argocd-manager-{}-{}", self.uid, self.round);
        RemoteObject::namespaced(RemoteKind::Secret, self.namespace(), name)
    }

    /// Roles and bindings, each role before what binds it.
    fn rights(&self) -> Vec<RemoteObject> {
        let uid = &self.uid;
        if self.namespaces.is_empty() {
            let whole = |kind, name| RemoteObject { kind, namespace: None, name };
            return vec![
                whole(RemoteKind::ClusterRole, cluster_role_name(uid)),
                whole(
                    RemoteKind::ClusterRoleBinding,
                    format!("argocd-manager-cluster-role-binding-{uid}"),
                ),
            ];
        }
        let in_namespace = |namespace: &String| {
            let binding = format!("argocd-manager-role-binding-{uid}");
            [
                RemoteObject::namespaced(RemoteKind::Role, namespace, role_name(uid)),
                RemoteObject::namespaced(RemoteKind::RoleBinding, namespace, binding),
            ]
        };
        self.namespaces.iter().flat_map(in_namespace).collect()
    }

    /// Where the account and its token are: in a namespace of the environment if it has any, since
    /// who may deploy there need not have any rights elsewhere.
    fn namespace(&self) -> &str {
        self.namespaces.first().map_or(SYSTEM_NAMESPACE, String::as_str)
    }

    /// What an object of it says.
    fn manifest(&self, object: &RemoteObject) -> Value {
        let account = self.account();
        let mut manifest = json!({
            "apiVersion": object.kind.api_version(),
            "kind": object.kind.as_str(),
            "metadata": { "name": object.name, "labels": { MANAGED_BY_LABEL: MANAGED_BY } },
        });
        if let Some(namespace) = &object.namespace {
            manifest["metadata"]["namespace"] = json!(namespace);
        }
        match object.kind {
            RemoteKind::ServiceAccount => {}
            RemoteKind::Secret => {
                manifest["metadata"]["annotations"] = json!({ ACCOUNT_ANNOTATION: account.name });
                manifest["type"] = json!(TOKEN_TYPE);
            }
            RemoteKind::ClusterRole | RemoteKind::Role => {
                manifest["rules"] =
                    json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
            }
            RemoteKind::ClusterRoleBinding => {
                bind(&mut manifest, "ClusterRole", cluster_role_name(&self.uid), &account);
            }
            RemoteKind::RoleBinding => {
                bind(&mut manifest, "Role", role_name(&self.uid), &account);
            }
        }
        manifest
    }
}

fn cluster_role_name(uid: &str) -> String {
    format!("argocd-manager-cluster-role-{uid}")
}

fn role_name(uid: &str) -> String {
    format!("argocd-manager-role-{uid}")
}

fn bind(manifest: &mut Value, role_kind: &str, role: String, account: &RemoteObject) {
    manifest["roleRef"] = json!({ "apiGroup": RBAC_GROUP, "kind": role_kind, "name": role });
    manifest["subjects"] = json!([{
        "kind": account.kind.as_str(),
        "name": account.name,
        "namespace": account.namespace,
    }]);
}

impl RemoteObject {
    fn namespaced(kind: RemoteKind, namespace: &str, name: String) -> Self {
        Self { kind, namespace: Some(namespace.to_owned()), name }
    }

    /// The path of the object in the API.
    fn path(&self) -> String {
        let api = match self.kind.api_version() {
            "v1" => "/api/v1".to_owned(),
            version => format!("/apis/{version}"),
        };
        let namespace = self
            .namespace
            .as_deref()
            .map_or_else(String::new, |namespace| format!("/namespaces/{}", segment(namespace)));
        format!("{api}{namespace}/{}/{}", self.kind.plural(), segment(&self.name))
    }
}

/// As people name it: for an Event that says what may remain on a cluster.
impl Display for RemoteObject {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        match namespace {
            Some(namespace) => write!(formatter, "{} {namespace}/{name}", kind.as_str()),
            None => write!(formatter, "{} {name}", kind.as_str()),
        }
    }
}

impl RemoteKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Secret => "Secret",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
            Self::RoleBinding => "RoleBinding",
            Self::ClusterRole => "ClusterRole",
            Self::Role => "Role",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::ServiceAccount => "serviceaccounts",
            Self::Secret => "secrets",
            Self::ClusterRoleBinding => "clusterrolebindings",
            Self::RoleBinding => "rolebindings",
            Self::ClusterRole => "clusterroles",
            Self::Role => "roles",
        }
    }

    fn api_version(self) -> &'static str {
        match self {
            Self::ServiceAccount | Self::Secret => "v1",
            Self::ClusterRoleBinding | Self::RoleBinding | Self::ClusterRole | Self::Role => {
                "rbac.authorization.k8s.io/v1"
            }
        }
    }

    fn part(self) -> Part {
        match self {
            Self::ServiceAccount => Part::Account,
            Self::Secret => Part::Token,
            Self::ClusterRoleBinding | Self::RoleBinding | Self::ClusterRole | Self::Role => {
                Part::Rights
            }
        }
    }
}

#[cfg(test)]
mod tests;
