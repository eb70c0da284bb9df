//! What the backend follows: namespaces, the objects of tenants, and where Argo CD is.

use std::borrow::Cow;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt;
use kube::api::Api;
use machines::identity::{InstanceId, TenantUid};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::backend::index::objects::Kind;
use crate::backend::index::secrets::SecretType;
use crate::backend::observations::Observations;
use crate::backend::ownership::Question;
use crate::runtime::retry::until_done;
use crate::runtime::watch::{self, Selector};
use crate::settings::SecretNamespaces;

/// A watch of Secrets: their type, their namespace unless it is the whole cluster, and its name.
pub(super) type WatchOfSecrets = (SecretType, Option<String>, Cow<'static, str>);

/// The watches of the Secrets that credentials and environments refer to. A field selector can select
/// one type alone.
pub(super) fn watches_of_secrets(namespaces: &SecretNamespaces) -> Vec<WatchOfSecrets> {
    let of_type = |type_: SecretType| {
        let name = match type_ {
            SecretType::RepositoryCredential => "secrets",
            SecretType::ManagedEnvironment => "kubeconfigs",
        };
        namespaces.watches().into_iter().map(move |namespace| {
            let name = match &namespace {
                None => Cow::Borrowed(name),
                Some(namespace) => format!("{name}/{namespace}").into(),
            };
            (type_, namespace, name)
        })
    };
    SecretType::ALL.into_iter().flat_map(of_type).collect()
}

/// Concurrent questions about namespaces. One is asked for each namespace in which a first object
/// appears.
const QUESTIONS: usize = 8;

impl Backend {
    pub(super) async fn watch_namespaces(self: Arc<Self>, shutdown: CancellationToken) {
        let (tell, hear) = tokio::sync::watch::channel(None);
        let engine = tokio::spawn(Arc::clone(&self).follow_engine(hear));
        let progress = Arc::clone(&self.watches[0]);
        let api = Api::all(progress.listening(&self.client));
        let backend = Arc::clone(&self);
        watch::follow::<Namespace>(api, progress, shutdown, move |seen| {
            backend.take_in(|index| index.namespace_seen(seen));
            backend.seen.notify_one();
            let uids = backend.engine_uids();
            tell.send_if_modified(|known| {
                let changed = *known != uids;
                *known = uids;
                changed
            });
        })
        .await;
        engine.abort();
    }

    /// The UIDs of Argo CD's namespace and of kube-system, once both exist.
    pub(super) fn engine_uids(&self) -> Option<(TenantUid, TenantUid)> {
        let index = self.index();
        let argocd = index.namespace_uid(&self.settings.argocd_namespace)?.clone();
        Some((argocd, index.namespace_uid("kube-system")?.clone()))
    }

    /// Keeps the rows of the Argo CD instance, and notifies every machine when it changes.
    async fn follow_engine(
        self: Arc<Self>,
        mut uids: tokio::sync::watch::Receiver<Option<(TenantUid, TenantUid)>>,
    ) {
        while uids.changed().await.is_ok() {
            let wanted = uids.borrow_and_update().clone();
            let instance = match wanted {
                None => None,
                Some((argocd, kube_system)) => {
                    Some(self.ensure_instance(argocd.as_str(), kube_system.as_str()).await)
                }
            };
            let changed = self.instance.send_if_modified(|known| {
                let changed = *known != instance;
                *known = instance;
                changed
            });
            if changed {
                self.take_in(|index| index.tell_all(&Observations::facts()));
            }
        }
    }

    async fn ensure_instance(&self, argocd: &str, kube_system: &str) -> InstanceId {
        let namespace = &self.settings.argocd_namespace;
        until_done("the Argo CD instance cannot be recorded yet", || {
            let now = self.settings.clock.now();
            self.store.ensure_instance(namespace, argocd, kube_system, now)
        })
        .await
    }

    pub(super) async fn watch_objects<K: Kind>(self: Arc<Self>, shutdown: CancellationToken) {
        let progress = self.watches.iter().find(|progress| progress.name == K::plural(&()));
        let Some(progress) = progress.map(Arc::clone) else {
            // The role ends with its task, and each start of a test shows it.
            tracing::error!(kind = %K::kind(&()), "a kind has no watch");
            return;
        };
        let api = Api::all(progress.listening(&self.client));
        let backend = Arc::clone(&self);
        watch::follow(api, progress, shutdown, move |seen| {
            backend.take_in(|index| index.object_seen::<K>(seen));
            backend.seen.notify_one();
        })
        .await;
    }

    /// Follows the Secrets of tenants of one type, in a namespace or in all.
    pub(super) async fn watch_secrets(
        self: Arc<Self>,
        type_: SecretType,
        namespace: Option<String>,
        name: Cow<'static, str>,
        shutdown: CancellationToken,
    ) {
        let progress = self.watches.iter().find(|progress| progress.name == name);
        let (Some(sealer), Some(progress)) = (self.sealing.sealer(), progress.map(Arc::clone))
        else {
            return;
        };
        let client = progress.listening(&self.client);
        let api = match &namespace {
            None => Api::all(client),
            Some(namespace) => Api::namespaced(client, namespace),
        };
        let selector = Selector::Fields(format!("type={}", type_.as_str()));
        let (backend, digests) = (Arc::clone(&self), sealer.digests.clone());
        watch::follow_selected::<Secret>(api, selector, progress, shutdown, move |seen| {
            backend.take_in(|index| index.secret_seen(type_, &namespace, &seen, &digests));
        })
        .await;
    }

    /// Finds out who owns the objects for which the watches alone cannot say: see [`ownership`].
    pub(super) async fn ask_for_namespaces(self: Arc<Self>, shutdown: CancellationToken) {
        let mut asked = JoinSet::new();
        loop {
            let room = QUESTIONS.saturating_sub(asked.len());
            for question in self.index().questions(room) {
                let backend = Arc::clone(&self);
                asked.spawn(async move { backend.ask(&question).await });
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.seen.notified() => {}
                Some(_) = asked.join_next() => {}
            }
        }
    }

    async fn ask(&self, question: &Question) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let name = &question.namespace;
        let complaint = format!("the namespace {name} cannot be read yet");
        let found = until_done(&complaint, || api.get_opt(name)).await;
        let answer = found.map(|one| TenantUid::new(one.uid().unwrap_or_default()));
        self.take_in(|index| index.question_answered(question, answer.as_ref()));
    }
}
