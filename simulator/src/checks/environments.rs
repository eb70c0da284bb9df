//! Managed environments as the specification sees them: their Secrets, what the clusters would say of
//! these, their rows with what is sealed of them, Argo CD's cluster Secrets, and what was made on the
//! clusters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster_access::{
    ApiUrl, Cause, Failure, Installation, Namespaces, Part, Reason, RemoteObject, Target, Trust,
};
use crds::GitOpsDeploymentManagedEnvironment;
use crds::managed_environment::KUBECONFIG_KEY;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Event, Secret};
use kube::ResourceExt;
use machines::esr::{
    ArgoCluster, EnvironmentEntry, EnvironmentObject, NamespaceObject, RemoteEntry,
};
use machines::identity::{ClusterUserId, Digest, EnvironmentId, Generation};
use machines::kinds::managed_environment::messages::untracked;
use machines::kinds::managed_environment::spec::EnvironmentSpec;
use machines::kinds::managed_environment::status::CONNECTION_INITIALIZATION_SUCCEEDED;
use machines::kinds::managed_environment::verdict::{Refusal, Verdict};
use machines::kinds::managed_environment::{ClusterCredentialsId, EnvironmentUid};
use machines::shared::condition::Condition;
use managed_gitops::backend::kinds::managed_environment::observe::snapshot;
use sandbox::ApiServer;
use schema::entity::{
    api_cr_to_database_mapping as mapping, cluster_access as access, cluster_credentials, machine,
    managed_environment as environment, sealed_value,
};
use schema::sealing::{self, KeyId, Keyring, Place, Sealed};
use schema::store::{ClusterCredential, EnvironmentAccess};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::checks::observe::{ARGO_CD, ENVIRONMENTS, Observed, SECRETS, history, list};
use crate::environment::clusters::{environment_of, not_installed};
use crate::environment::storage::at_once;

/// The kind of the objects that are mapped to rows.
const OBJECT: &str = "GitOpsDeploymentManagedEnvironment";
/// The table of the credentials.
const TABLE: &str = "clustercredentials";
/// What the rows of tenants' own namespaces have for a URL.
const IN_CLUSTER: &str = "host";
/// The most bytes of a Secret, keys and values together.
const LARGEST_SECRET: usize = 64 << 10;

/// What a cluster Secret says, without its project.
type Content = BTreeMap<String, Vec<u8>>;

/// All environments.
pub fn objects(
    observed: &Observed<'_>,
    namespaces: &[NamespaceObject],
) -> anyhow::Result<Vec<EnvironmentObject>> {
    let server = observed.server;
    let objects = list::<GitOpsDeploymentManagedEnvironment>(server, ENVIRONMENTS)?;
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    let secrets = list::<Secret>(server, SECRETS)?;
    let object = |object: &GitOpsDeploymentManagedEnvironment| {
        let place = object.namespace().unwrap_or_default();
        let tenant = namespaces.iter().find(|one| one.name == place).map(|one| one.uid.clone());
        let snapshot = snapshot(object);
        let uid = EnvironmentUid::new(object.uid().unwrap_or_default());
        let mut secrets = secrets.iter();
        let secret = secrets.find(|one| {
            one.namespace().as_deref() == Some(place.as_str())
                && one.name_any() == snapshot.spec.secret
        });
        let check = Check {
            observed,
            uid: &uid,
            spec: &snapshot.spec,
            is_accepted: says_accepted(&snapshot.conditions),
        };
        EnvironmentObject {
            verdict: check.judge(secret),
            tenant: tenant.unwrap_or_default(),
            namespace: place,
            name: object.name_any(),
            generation: Generation(object.metadata.generation.unwrap_or_default()),
            deleting: snapshot.deleting,
            conditions: snapshot.conditions,
            uid: uid.clone(),
            spec: snapshot.spec.clone(),
        }
    };
    Ok(objects.iter().map(object).collect())
}

fn says_accepted(conditions: &[Condition]) -> bool {
    let mut conditions = conditions.iter();
    conditions.any(|one| one.type_ == CONNECTION_INITIALIZATION_SUCCEEDED && one.status == "True")
}

/// What is found of an environment's Secret.
struct Check<'a> {
    observed: &'a Observed<'a>,
    uid: &'a EnvironmentUid,
    spec: &'a EnvironmentSpec,
    /// Whether it was accepted when it was last looked at.
    is_accepted: bool,
}

impl Check<'_> {
    fn judge(&self, secret: Option<&Secret>) -> Verdict {
        let Some(secret) = secret else { return Verdict::SecretMissing {} };
        match self.ask(secret) {
            Ok(target) => Verdict::Accepted { told: self.told(target) },
            Err(failure) => refused(&failure),
        }
    }

    /// What the cluster accepts.
    fn ask(&self, secret: &Secret) -> Result<Target, Failure> {
        let kubeconfig = kubeconfig(secret)?;
        let url = ApiUrl::parse(&self.spec.api_url)?;
        let namespaces = Namespaces::parse(&self.spec.namespaces, false)?;
        let clusters = self.observed.clusters;
        let target = Target::of_kubeconfig(&kubeconfig, &url, self.spec.skips_tls_verification)?;
        if !self.spec.creates_account {
            clusters.say(&target)?;
            return Ok(target);
        }
        let user = target.token.expose_secret();
        let made = clusters.newest_token(url.as_str(), self.uid.as_str(), user);
        let made = made.map(|token| target.with_token(token.into()));
        // A token that was made is shown again without another look at the user's, as long as the
        // cluster accepts it.
        let shown = made.as_ref().filter(|made| self.is_accepted && clusters.say(made).is_ok());
        if let Some(shown) = shown {
            return Ok(shown.clone());
        }
        let resources = self.spec.cluster_resources;
        let account = Installation::new(self.uid.as_str(), &namespaces, resources, 0);
        let asked = clusters.say(&target);
        asked.map_err(|failure| not_installed(&account, Part::Account, failure.cause()))?;
        let round = self.wanted_round();
        let made =
            round.and_then(|round| clusters.token_of_round(url.as_str(), self.uid.as_str(), round));
        match made.map(|token| target.with_token(token.into())) {
            Some(made) => clusters.say(&made).map(|()| made),
            // What is to be made is not there yet, or never will be.
            None => Err(not_installed(&account, Part::Token, Cause::TokenNotMade)),
        }
    }

    /// The number of the token that the next check makes, as the machine has noted it: a user's Secret
    /// that was another one for a while is as good as a new one.
    fn wanted_round(&self) -> Option<u32> {
        let key = machine::Column::Key.eq(self.uid.as_str());
        let row = machine::Entity::find().filter(key).one(self.observed.database.reader());
        let state: Value = serde_json::from_str(&at_once(row).ok()??.state).ok()?;
        let accounts = state["record"]["accounts"].as_array()?.iter();
        let mut accounts = accounts.filter(|one| one["api_url"] == self.spec.api_url.as_str());
        let newest = accounts.next()?["installations"].as_array()?.last()?;
        newest["round"].as_u64()?.try_into().ok()
    }

    fn told(&self, target: Target) -> Digest {
        let Target { token, trust, server_name, .. } = target;
        let authority = match trust {
            Trust::Authority(authority) => SecretString::from(authority),
            Trust::System | Trust::Anyone => SecretString::default(),
        };
        let server_name = server_name.unwrap_or_default();
        let credential = ClusterCredential { token, authority, server_name };
        let access = EnvironmentAccess::accepted(self.spec, credential);
        digest(&access, &EnvironmentId::of(self.uid))
    }
}

fn digest(access: &EnvironmentAccess, id: &EnvironmentId) -> Digest {
    let data = access.data(id).into_iter();
    let content: Content = data
        .map(|(key, value)| (key.to_owned(), value.expose_secret().as_bytes().to_vec()))
        .collect();
    Digest::of(&content)
}

fn kubeconfig(secret: &Secret) -> Result<Vec<u8>, Failure> {
    let type_ = secret.type_.clone().unwrap_or_default();
    if type_ != crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE {
        let reason = Reason::InvalidSecretType { found: type_ };
        return Err(Failure::new(reason, Cause::SecretOfWrongType, ""));
    }
    let data = secret.data.clone().unwrap_or_default();
    let bytes: usize = data.iter().map(|(key, value)| key.len() + value.0.len()).sum();
    if bytes > LARGEST_SECRET {
        let error = "the Secret is larger than 64 KiB".to_owned();
        let reason = Reason::UnreadableKubeconfig { error };
        return Err(Failure::new(reason, Cause::KubeconfigTooLarge, ""));
    }
    let found = data.get(KUBECONFIG_KEY).map(|ByteString(bytes)| bytes.clone());
    found
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| Failure::new(Reason::MissingKubeconfigField, Cause::KubeconfigMissing, ""))
}

fn refused(failure: &Failure) -> Verdict {
    let reason = failure.reason();
    Verdict::Refused(Refusal {
        status: reason.status().as_str().to_owned(),
        reason: reason.name().to_owned(),
        message: reason.message(),
        cause: format!("{:?}", failure.cause()),
        text: failure.sentence().to_owned(),
    })
}

/// The cluster Secrets in Argo CD's namespace that are ours by their names.
pub fn told(server: &Arc<ApiServer>) -> anyhow::Result<Vec<ArgoCluster>> {
    let secrets = list::<Secret>(server, &format!("/api/v1/namespaces/{ARGO_CD}/secrets"))?;
    let told = |secret: Secret| {
        let name = secret.name_any();
        let row = EnvironmentId::new(crds::names::managed_environment_id(&name)?);
        let says = |label, value: &str| secret.labels().get(label).is_some_and(|one| one == value);
        let labelled =
            says(crds::names::ARGO_CD_SECRET_TYPE_LABEL, crds::names::ARGO_CD_CLUSTER_SECRET)
                && says(crds::names::DATABASE_ID_LABEL, row.as_str());
        let data = secret.data.unwrap_or_default().into_iter();
        let mut content: Content = data.map(|(key, ByteString(value))| (key, value)).collect();
        let project = content.remove("project");
        let project = project.map(|text| String::from_utf8_lossy(&text).into_owned());
        Some(ArgoCluster { row, labelled, project, content: Digest::of(&content) })
    };
    Ok(secrets.into_iter().filter_map(told).collect())
}

/// What was made on the clusters of tenants; the tokens are those in the rows.
pub fn remote(observed: &Observed<'_>, tokens: &[String]) -> anyhow::Result<Vec<RemoteEntry>> {
    let made = observed.clusters.made();
    if made.is_empty() {
        return Ok(Vec::new());
    }
    let events = list::<Event>(observed.server, "/api/v1/events")?;
    let said = |event: Event| (event.involved_object.uid.unwrap_or_default(), event.message);
    let notes: Vec<_> = events.into_iter().map(said).collect();
    let untold = without_namespace(observed.server);
    let entry = |(url, object, needed): (String, RemoteObject, Vec<String>)| {
        let (text, environment) = (object.to_string(), environment_of(&object));
        // Where too much was made to remember all of it, it is not named.
        let in_general = untracked(&url);
        let lists = |note: &String| note.contains(&text) || *note == in_general;
        RemoteEntry {
            environment: EnvironmentUid::new(environment.clone()),
            is_used: needed.iter().any(|token| tokens.contains(token)),
            is_listed: notes
                .iter()
                .any(|(uid, note)| *uid == environment && note.as_ref().is_some_and(lists))
                || untold.contains(&environment),
            object: text,
        }
    };
    Ok(made.into_iter().map(entry).collect())
}

/// The UIDs of environments whose namespaces have gone with them: nobody can be told of these.
fn without_namespace(server: &Arc<ApiServer>) -> BTreeSet<String> {
    let version = |object: &Value| -> u64 {
        let version = object["metadata"]["resourceVersion"].as_str();
        version.and_then(|version| version.parse().ok()).unwrap_or_default()
    };
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    for (kind, namespace) in history(server, "/api/v1/namespaces") {
        if kind == "DELETED" {
            let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
            ends.insert(name.to_owned(), version(&namespace));
        }
    }
    let seen = history(server, ENVIRONMENTS).into_iter().filter(|(kind, _)| kind == "ADDED");
    let gone = seen.filter(|(_, object)| {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        ends.get(namespace).is_some_and(|end| *end > version(object))
    });
    gone.map(|(_, object)| object["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// What the database has of environments.
#[derive(Debug, Default)]
pub struct Rows {
    /// The rows.
    pub environments: Vec<EnvironmentEntry>,
    /// Of which credentials a row or a sealed value is left, but no environment.
    pub left: Vec<ClusterCredentialsId>,
    /// The tokens in the rows.
    pub tokens: Vec<String>,
}

/// Reads them.
pub async fn rows(connection: &impl ConnectionTrait, keyring: &Keyring) -> anyhow::Result<Rows> {
    let environments = environment::Entity::find().all(connection).await?;
    let credentials = cluster_credentials::Entity::find().all(connection).await?;
    let access = access::Entity::find().all(connection).await?;
    let mappings = mapping::Entity::find();
    let mappings = mappings.filter(mapping::Column::ApiResourceType.eq(OBJECT));
    let mappings = mappings.all(connection).await?;
    let values = sealed_value::Entity::find();
    let values = values.filter(sealed_value::Column::TableName.eq(TABLE)).all(connection).await?;
    let mut rows = Rows::default();
    let is_ours = |one: &&cluster_credentials::Model| one.host.as_deref() != Some(IN_CLUSTER);
    let ours: BTreeMap<&str, &cluster_credentials::Model> = credentials
        .iter()
        .filter(is_ours)
        .map(|one| (one.clustercredentials_cred_id.as_str(), one))
        .collect();
    let mut named: BTreeSet<&str> = ours.keys().copied().collect();
    named.extend(values.iter().map(|one| one.row_key.as_str()));
    for row in &environments {
        named.remove(row.clustercredentials_id.as_str());
        let Some(credential) = ours.get(row.clustercredentials_id.as_str()) else { continue };
        let id = EnvironmentId::new(row.managedenvironment_id.clone());
        let mapped = mappings.iter().find(|one| one.db_relation_key == row.managedenvironment_id);
        let mut owners = access.iter();
        let owner = owners
            .find(|one| one.clusteraccess_managed_environment_id == row.managedenvironment_id);
        let opened = opened(credential, &values, keyring);
        let token = opened.as_ref().map(|one| one.credential.token.expose_secret().to_owned());
        rows.tokens.extend(token);
        rows.environments.push(EnvironmentEntry {
            environment: mapped.map(|one| EnvironmentUid::new(one.api_resource_uid.clone())),
            owner: ClusterUserId::new(
                owner.map(|one| one.clusteraccess_user_id.clone()).unwrap_or_default(),
            ),
            api_url: credential.host.clone().unwrap_or_default(),
            namespaces: credential.namespaces.clone().unwrap_or_default(),
            content: opened.map(|access| digest(&access, &id)),
            id,
        });
    }
    rows.left = named.into_iter().map(ClusterCredentialsId::new).collect();
    Ok(rows)
}

/// What a row says, if what is sealed of it opens.
fn opened(
    row: &cluster_credentials::Model,
    values: &[sealed_value::Model],
    keyring: &Keyring,
) -> Option<EnvironmentAccess> {
    let id = &row.clustercredentials_cred_id;
    let open = |column: &str| {
        let mut values = values.iter();
        let Some(value) = values.find(|one| one.row_key == *id && one.column_name == column) else {
            return Some(SecretString::default());
        };
        let place = Place::new(TABLE, id, column);
        let sealed = Sealed { key: KeyId::parse(&value.key_id).ok()?, value: value.value.clone() };
        sealing::open(keyring, &place, &sealed).ok()
    };
    let token = open("serviceaccount_bearer_token")?;
    Some(EnvironmentAccess {
        api_url: row.host.clone().unwrap_or_default(),
        namespaces: row.namespaces.clone().unwrap_or_default(),
        cluster_resources: row.cluster_resources.unwrap_or_default(),
        skips_tls_verification: row.allowinsecure_skiptlsverify.unwrap_or_default(),
        credential: ClusterCredential {
            token,
            authority: open("ca_data")?,
            server_name: row.tls_server_name.clone(),
        },
    })
}
