//! Repository credentials as the specification sees them: their Secrets, what the servers would say of
//! these, their rows with what is sealed of them, and Argo CD's Secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crds::GitOpsDeploymentRepositoryCredential;
use crds::repository_credential::secret_key::{PASSWORD, SSH_PRIVATE_KEY, USERNAME};
use git_access::url::{GitUrl, Transport};
use git_access::{Cause, Failure};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use machines::esr::{ArgoRepository, CredentialEntry, CredentialObject, NamespaceObject};
use machines::identity::{ClusterUserId, Digest, Generation};
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{CredentialId, CredentialUid};
use managed_gitops::backend::kinds::repository_credential::observe::snapshot;
use sandbox::ApiServer;
use schema::entity::{
    api_cr_to_database_mapping as mapping, repository_credentials as credential, sealed_value,
};
use schema::sealing::{self, KeyId, Keyring, Place, Sealed};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use secrecy::ExposeSecret;

use crate::checks::observe::{ARGO_CD, CREDENTIALS, Observed, SECRETS, list};
use crate::environment::git_servers::{GitServers, is_trusted};

/// What maps objects to rows of `repositorycredentials`.
const RELATION: &str = "RepositoryCredential";
/// The table of the rows.
const TABLE: &str = "repositorycredentials";
/// The most bytes of a Secret, keys and values together.
const LARGEST_SECRET: usize = 64 << 10;
/// The ConfigMap by which Argo CD trusts HTTPS servers.
pub const CERTIFICATES: &str = "argocd-tls-certs-cm";
/// The one by which it trusts SSH servers, and its only key.
pub const KNOWN_HOSTS: &str = "argocd-ssh-known-hosts-cm";
/// See [`KNOWN_HOSTS`].
pub const KNOWN_HOSTS_KEY: &str = "ssh_known_hosts";

/// What a repository Secret says, without its project.
type Content = BTreeMap<String, Vec<u8>>;

/// All credentials.
pub fn objects(
    observed: &Observed<'_>,
    namespaces: &[NamespaceObject],
) -> anyhow::Result<Vec<CredentialObject>> {
    let server = observed.server;
    let objects = list::<GitOpsDeploymentRepositoryCredential>(server, CREDENTIALS)?;
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    let secrets = list::<Secret>(server, SECRETS)?;
    let trusted = trusted(server)?;
    let object = |object: &GitOpsDeploymentRepositoryCredential| {
        let place = object.namespace().unwrap_or_default();
        let tenant = namespaces.iter().find(|one| one.name == place).map(|one| one.uid.clone());
        let snapshot = snapshot(object);
        let mut secrets = secrets.iter();
        let secret = secrets.find(|one| {
            one.namespace().as_deref() == Some(place.as_str())
                && one.name_any() == snapshot.spec.secret
        });
        let (verdict, content) = judge(observed.servers, &trusted, &snapshot.spec, secret);
        CredentialObject {
            uid: CredentialUid::new(object.uid().unwrap_or_default()),
            tenant: tenant.unwrap_or_default(),
            name: object.name_any(),
            generation: Generation(object.metadata.generation.unwrap_or_default()),
            deleting: snapshot.deleting,
            spec: snapshot.spec,
            conditions: snapshot.conditions,
            verdict,
            content,
        }
    };
    Ok(objects.iter().map(object).collect())
}

/// What Argo CD's ConfigMaps vouch for: certificates by their hosts, and known hosts.
struct Trusted {
    certificates: BTreeMap<String, String>,
    known_hosts: String,
}

fn trusted(server: &Arc<ApiServer>) -> anyhow::Result<Trusted> {
    let maps = list::<ConfigMap>(server, &format!("/api/v1/namespaces/{ARGO_CD}/configmaps"))?;
    let data = |name: &str| {
        let map = maps.iter().find(|one| one.name_any() == name);
        map.and_then(|map| map.data.clone()).unwrap_or_default()
    };
    let known_hosts = data(KNOWN_HOSTS).remove(KNOWN_HOSTS_KEY).unwrap_or_default();
    Ok(Trusted { certificates: data(CERTIFICATES), known_hosts })
}

/// What is to be found of a Secret, and the digest of what Argo CD is told if it is accepted.
fn judge(
    servers: &GitServers,
    trusted: &Trusted,
    spec: &CredentialSpec,
    secret: Option<&Secret>,
) -> (Verdict, Digest) {
    let unusable = || Verdict::SecretUnusable { text: String::new() };
    let nothing = Digest::default();
    let Some(secret) = secret else { return (Verdict::SecretMissing {}, nothing) };
    if secret.type_.as_deref() != Some(crds::names::REPOSITORY_CREDENTIAL_SECRET_TYPE) {
        return (Verdict::SecretOfWrongType {}, nothing);
    }
    let Ok(url) = GitUrl::parse(&spec.repository) else { return (unusable(), nothing) };
    let keys: &[&str] = match url.transport() {
        Transport::Https => &[PASSWORD, USERNAME],
        Transport::Ssh => &[SSH_PRIVATE_KEY],
    };
    let data = secret.data.clone().unwrap_or_default();
    let bytes: usize = data.iter().map(|(key, value)| key.len() + value.0.len()).sum();
    let is_text =
        |key: &&str| data.get(*key).is_none_or(|value| std::str::from_utf8(&value.0).is_ok());
    if bytes > LARGEST_SECRET || !keys.iter().all(is_text) {
        return (unusable(), nothing);
    }
    let mut content: Content = keys
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), data.get(*key)?.0.clone())))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let Some(shown) = keys.first().and_then(|key| content.get(*key)).cloned() else {
        return (unusable(), nothing);
    };
    content.insert("name".to_owned(), spec.secret.clone().into_bytes());
    content.insert("url".to_owned(), spec.repository.clone().into_bytes());
    let shown = String::from_utf8_lossy(&shown);
    let is_trusted = is_trusted(&url, &trusted.certificates, &trusted.known_hosts);
    let said = servers.say(&url.to_string(), &shown, is_trusted);
    (said.map_or_else(|failure| verdict(&failure), |()| Verdict::Accepted {}), Digest::of(&content))
}

fn verdict(failure: &Failure) -> Verdict {
    let text = failure.sentence().to_owned();
    match failure.cause() {
        Cause::NotFound => Verdict::RepositoryMissing { text },
        Cause::KeyEncrypted | Cause::KeyUnreadable => Verdict::SecretUnusable { text },
        cause => Verdict::Refused { cause: format!("{cause:?}"), text },
    }
}

/// The repository Secrets in Argo CD's namespace that are ours by their names.
pub fn told(server: &Arc<ApiServer>) -> anyhow::Result<Vec<ArgoRepository>> {
    let secrets = list::<Secret>(server, &format!("/api/v1/namespaces/{ARGO_CD}/secrets"))?;
    let told = |secret: Secret| {
        let name = secret.name_any();
        let row = CredentialId::new(crds::names::repository_credential_id(&name)?);
        let says = |label, value: &str| secret.labels().get(label).is_some_and(|one| one == value);
        let labelled =
            says(crds::names::ARGO_CD_SECRET_TYPE_LABEL, crds::names::ARGO_CD_REPOSITORY_SECRET)
                && says(crds::names::DATABASE_ID_LABEL, row.as_str());
        let data = secret.data.unwrap_or_default().into_iter();
        let mut content: Content = data.map(|(key, ByteString(value))| (key, value)).collect();
        let project = content.remove("project");
        let project = project.map(|text| String::from_utf8_lossy(&text).into_owned());
        Some(ArgoRepository { row, labelled, project, content: Digest::of(&content) })
    };
    Ok(secrets.into_iter().filter_map(told).collect())
}

/// The rows, and of which rows that do not exist something is left.
pub async fn rows(
    connection: &impl ConnectionTrait,
    keyring: &Keyring,
) -> anyhow::Result<(Vec<CredentialEntry>, Vec<CredentialId>)> {
    let rows = credential::Entity::find().all(connection).await?;
    let mappings = mapping::Entity::find();
    let mappings = mappings.filter(mapping::Column::DbRelationType.eq(RELATION));
    let mappings = mappings.all(connection).await?;
    let values = sealed_value::Entity::find();
    let values = values.filter(sealed_value::Column::TableName.eq(TABLE)).all(connection).await?;
    let named = mappings.iter().map(|one| one.db_relation_key.as_str());
    let named: BTreeSet<&str> =
        named.chain(values.iter().map(|one| one.row_key.as_str())).collect();
    let is_left = |id: &&str| !rows.iter().any(|row| row.repositorycredentials_id == *id);
    let left = named.into_iter().filter(is_left).map(CredentialId::new).collect();
    let entry = |row: &credential::Model| {
        let id = &row.repositorycredentials_id;
        let mapped = mappings.iter().find(|one| one.db_relation_key == *id);
        CredentialEntry {
            id: CredentialId::new(id.clone()),
            credential: mapped.map(|one| CredentialUid::new(one.api_resource_uid.clone())),
            owner: ClusterUserId::new(row.repo_cred_user_id.clone()),
            repository: row.repo_cred_url.clone(),
            content: opened(row, &values, keyring),
        }
    };
    Ok((rows.iter().map(entry).collect(), left))
}

/// Digest of what a row says to Argo CD, if what is sealed of it opens.
fn opened(
    row: &credential::Model,
    values: &[sealed_value::Model],
    keyring: &Keyring,
) -> Option<Digest> {
    let mut content = Content::new();
    content.insert("name".to_owned(), row.secret_name.clone().into_bytes());
    content.insert("url".to_owned(), row.repo_cred_url.clone().into_bytes());
    for (column, key) in [
        ("repo_cred_user", USERNAME),
        ("repo_cred_pass", PASSWORD),
        ("repo_cred_ssh", SSH_PRIVATE_KEY),
    ] {
        let id = &row.repositorycredentials_id;
        let mut values = values.iter();
        let Some(value) = values.find(|one| one.row_key == *id && one.column_name == column) else {
            continue;
        };
        let place = Place::new(TABLE, id, column);
        let sealed = Sealed { key: KeyId::parse(&value.key_id).ok()?, value: value.value.clone() };
        let text = sealing::open(keyring, &place, &sealed).ok()?;
        if !text.expose_secret().is_empty() {
            content.insert(key.to_owned(), text.expose_secret().as_bytes().to_vec());
        }
    }
    Some(Digest::of(&content))
}
