//! Hostile repository credentials and Secrets, and the healthy ones beside them: see
//! [`crate::fuzz::poison`].

use std::collections::BTreeMap;

use fastrand::Rng;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use machines::kinds::repository_credential::CredentialId;
use serde_json::{Value, json};

use crate::checks::observe::{CREDENTIALS, history, list};
use crate::faults::credentials::secret;
use crate::fuzz::credential_campaign::{OBJECTS, SECRETS};
use crate::fuzz::hostile_objects;
use crate::fuzz::hostile_strings;
use crate::fuzz::poison::{Play, Writes, short};

/// The credentials that must not be affected: of two tenants, for one repository, each with a Secret.
pub(super) const HEALTHY: [&str; 2] = ["team/healthy", "other/healthy"];
/// The repository that they are for.
pub(super) const REPOSITORY: &str = "https://git.example.com/team/healthy.git";
/// The name of their Secrets.
pub(super) const HEALTHY_SECRET: &str = "healthy-git";
/// What opens it, by the number of the round.
pub(super) const PASSWORDS: [&str; 2] = ["first", "second"];
/// Repositories that are opened by what is in a poisoned Secret. Each has its own: that a server takes
/// another password is noticed only after minutes, unless the Secret changes, too.
const HOSTILE: [(&str, &str, &str); 2] = [
    ("https://git.example.com/team/hostile.git", "poison-git", "password"),
    ("git@git.example.com:team/hostile.git", "poison-key", "sshPrivateKey"),
];
/// The names of the poisoned credentials.
const POISONED: [&str; 3] = ["poison-login-a", "poison-login-b", "poison-login-c"];
/// Argo CD's Secrets.
pub(super) const ARGO_CDS: &str = "/api/v1/namespaces/gitops-service-argocd/secrets";
/// Fields of a credential that hold a text.
const FIELDS: [&str; 5] = [
    "/spec/repository",
    "/spec/secret",
    "/spec/unknown",
    "/metadata/annotations/note",
    "/metadata/labels/note",
];
/// What no program can read as the spec of a credential.
const UNREADABLE: [&str; 4] = [
    r#"{"spec":["no","object"]}"#,
    r#"{"spec":7}"#,
    r#"{"spec":{"repository":["no","text"]}}"#,
    r#"{"spec":{"secret":{"no":"text"}}}"#,
];

impl Play {
    /// The server of the healthy credentials takes another password, and so do their Secrets.
    pub(super) async fn rotate_healthy(&mut self, round: usize) {
        let password = PASSWORDS[(round + 1) % PASSWORDS.len()];
        self.password = password;
        self.stage.servers.opened_by(REPOSITORY, password);
        let patch = json!({"data": secret("", password).data}).to_string();
        for place in HEALTHY {
            let namespace = place.split('/').next().unwrap_or_default();
            let path = SECRETS.replace("/team/", &format!("/{namespace}/"));
            self.stage.merge(&format!("{path}/{HEALTHY_SECRET}"), &patch).await;
        }
    }

    /// Checks that Argo CD has the healthy ones as they are now, one for each tenant.
    pub(super) fn healthy_is_told(&mut self) -> anyhow::Result<()> {
        let password = self.password;
        let mut told = list::<Secret>(&self.stage.server, ARGO_CDS)?;
        let says = |secret: &Secret, key: &str, value: &str| {
            let data = secret.data.as_ref().and_then(|data| data.get(key));
            data.is_some_and(|one| one.0 == value.as_bytes())
        };
        told.retain(|one| says(one, "url", REPOSITORY) && !self.is_planted(&one.name_any()));
        let is_so =
            told.len() == HEALTHY.len() && told.iter().all(|one| says(one, "password", password));
        self.holds(is_so, "Argo CD has the healthy credentials as they are", || {
            format!("{told:?}")
        });
        Ok(())
    }

    /// How often each healthy credential, and its Secret of Argo CD's, has been written.
    pub(super) fn writes_of_credentials(&self) -> Writes {
        let healthy = &self.healthy.credentials;
        let number = |path: &str, field: &str, text: &str| {
            let events = history(&self.stage.server, path);
            events.iter().filter(|(_, object)| object["metadata"][field] == json!(text)).count()
        };
        let of = healthy.iter().flat_map(|object| {
            let row = CredentialId::of(&object.uid);
            let secret = crds::names::repository_secret_name(row.as_str());
            let writes = number(CREDENTIALS, "uid", object.uid.as_str());
            [(object.uid.to_string(), writes), (secret.clone(), number(ARGO_CDS, "name", &secret))]
        });
        of.collect()
    }

    /// Counts what became of the poisoned credentials.
    pub(super) fn count_credentials(&mut self) -> anyhow::Result<()> {
        for object in self.stage.witness.world()?.credentials {
            let report = &mut self.report;
            if object.name.starts_with("poison") {
                let is_accepted = object
                    .conditions
                    .iter()
                    .any(|one| one.type_ == "ValidRepositoryCredential" && one.status == "True");
                *(if is_accepted { &mut report.accepted } else { &mut report.unaccepted }) += 1;
            }
        }
        Ok(())
    }

    /// Creates or edits a poisoned credential.
    pub(super) async fn poison_credential(&mut self) -> bool {
        let name = POISONED[self.random.usize(..POISONED.len())];
        let object = any_credential(&mut self.random, name);
        if self.credentials.insert(name.to_owned()) {
            // Hardly any would be accepted if their Secrets came by chance alone.
            for place in HOSTILE {
                self.poison_secret_of(place).await;
            }
            let taken = self.post(OBJECTS, &object).await;
            if !taken {
                self.credentials.remove(name);
            }
            return taken;
        }
        let patch = hostile_objects::any_patch(&mut self.random, &FIELDS, 2);
        self.log.push(format!("{name}: {}", short(&patch)));
        self.stage.merge(&format!("{OBJECTS}/{name}"), &patch).await
    }

    /// Writes a foreign status on a poisoned credential.
    pub(super) async fn poison_status_of_credential(&mut self) -> bool {
        let name = POISONED[self.random.usize(..POISONED.len())];
        let patch = json!({"status": hostile_objects::status(&mut self.random)}).to_string();
        self.log.push(format!("status of {name}: {}", short(&patch)));
        self.stage.merge(&format!("{OBJECTS}/{name}/status"), &patch).await
    }

    /// Writes a poisoned Secret; some of its passwords open a repository.
    pub(super) async fn poison_secret(&mut self) -> bool {
        let place = HOSTILE[self.random.usize(..HOSTILE.len())];
        self.poison_secret_of(place).await
    }

    async fn poison_secret_of(&mut self, (url, name, key): (&str, &str, &str)) -> bool {
        let object = any_secret(&mut self.random, name);
        let value = object.data.as_ref().and_then(|data| data.get(key).cloned());
        if let Ok(value) = String::from_utf8(value.unwrap_or_default().0) {
            self.stage.servers.opened_by(url, &value);
        }
        self.stage.delete(&format!("{SECRETS}/{name}")).await;
        self.post(SECRETS, &serde_json::to_string(&object).unwrap_or_default()).await
    }

    /// Puts a Secret into Argo CD's namespace that looks like one of the program's.
    pub(super) async fn plant_secret(&mut self) -> anyhow::Result<bool> {
        let rows: Vec<String> = {
            let credentials = &self.healthy.database.credentials;
            credentials.iter().map(|row| row.id.to_string()).collect()
        };
        let random = &mut self.random;
        let names = ["nonsense", "0", "a.b", "00000000-0000-0000-0000-000000000000"];
        let name = names[random.usize(..names.len())];
        let name = match random.u8(..3) {
            0 => format!("repo-{name}"),
            _ => crds::names::repository_secret_name(name),
        };
        let mut labels =
            json!({crds::names::DATABASE_ID_LABEL: hostile_objects::label(random, &rows)});
        if random.bool() {
            labels[crds::names::ARGO_CD_SECRET_TYPE_LABEL] = json!("repository");
        }
        let object = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "labels": labels},
            "stringData": {"url": REPOSITORY, "password": hostile_strings::some(random)},
        });
        self.plant_in_argo_cd(name, &object).await
    }

    /// Puts a Secret into Argo CD's namespace.
    pub(super) async fn plant_in_argo_cd(
        &mut self,
        name: String,
        object: &Value,
    ) -> anyhow::Result<bool> {
        let taken = self.post(ARGO_CDS, &object.to_string()).await;
        if taken {
            let planted = self.argo_cds_secret(&name)?;
            self.planted_secrets.insert(name, planted);
        }
        Ok(taken)
    }

    fn argo_cds_secret(&self, name: &str) -> anyhow::Result<Option<Secret>> {
        let mut secrets = list::<Secret>(&self.stage.server, ARGO_CDS)?.into_iter();
        Ok(secrets.find(|one| one.name_any() == name))
    }

    /// Whether a Secret of Argo CD's was planted.
    pub(super) fn is_planted(&self, name: &str) -> bool {
        self.planted_secrets.contains_key(name)
    }

    /// Makes a credential unreadable for the program, as leftovers of another version's definitions may
    /// be.
    pub(super) async fn make_credential_unreadable(&mut self) -> anyhow::Result<()> {
        let name = POISONED[self.random.usize(..POISONED.len())];
        if self.credentials.insert(name.to_owned()) {
            let object = credential(name, HOSTILE[0].0, HOSTILE[0].1).to_string();
            self.post(OBJECTS, &object).await;
        }
        let path = format!("{OBJECTS}/{name}");
        self.stage.merge(&path, r#"{"metadata":{"finalizers":null}}"#).await;
        let definition = crds::all().into_iter().find(hostile_objects::is_of_credentials);
        let definition = definition.unwrap_or_default();
        self.stage.server.install(&hostile_objects::without_schema(&definition))?;
        let patch = UNREADABLE[self.random.usize(..UNREADABLE.len())];
        self.log.push(format!("{name} becomes unreadable: {patch}"));
        self.stage.merge(&path, patch).await;
        self.stage.server.install(&definition)?;
        Ok(())
    }

    /// Deletes the poisoned credentials and Secrets. What was planted beside Argo CD's is as it was.
    pub(super) async fn delete_credentials(&mut self) -> anyhow::Result<()> {
        for name in std::mem::take(&mut self.credentials) {
            let path = format!("{OBJECTS}/{name}");
            self.stage.merge(&path, r#"{"metadata":{"finalizers":null}}"#).await;
            self.stage.delete(&path).await;
        }
        for (_, name, _) in HOSTILE {
            self.stage.delete(&format!("{SECRETS}/{name}")).await;
        }
        for (name, planted) in std::mem::take(&mut self.planted_secrets) {
            let is = self.argo_cds_secret(&name)?;
            let same = is == planted;
            self.holds(same, "a Secret of somebody else is left alone", || format!("{is:?}"));
            self.stage.delete(&format!("{ARGO_CDS}/{name}")).await;
        }
        Ok(())
    }
}

/// The Secrets that were planted in Argo CD's namespace, as they were.
pub(super) type PlantedSecrets = BTreeMap<String, Option<Secret>>;

fn credential(name: &str, url: &str, secret: &str) -> Value {
    json!({
        "apiVersion": "managed-gitops.redhat.com/v1alpha1",
        "kind": "GitOpsDeploymentRepositoryCredential",
        "metadata": {"name": name},
        "spec": {"repository": url, "secret": secret},
    })
}

/// A credential with poison in it, as JSON; some are for the repository that hostile passwords open, some
/// for that of the healthy ones.
fn any_credential(random: &mut Rng, name: &str) -> String {
    let (url, secret, _) = HOSTILE[random.usize(..HOSTILE.len())];
    let url = if random.u8(..4) == 0 { REPOSITORY } else { url };
    let mut object = credential(name, url, secret);
    if random.u8(..4) == 0 {
        object["metadata"]["finalizers"] = json!(["example.com/kept"]);
    }
    if random.bool() {
        hostile_objects::poison(random, &mut object, &FIELDS, 2);
    }
    hostile_objects::encode(random, &object)
}

/// A Secret with poison in it.
fn any_secret(random: &mut Rng, name: &str) -> Secret {
    let mut object = secret(name, "");
    let mut data = BTreeMap::new();
    for key in ["username", "password", "sshPrivateKey"] {
        let value = match random.u8(..8) {
            0 => continue,
            1 => {
                hostile_strings::NO_TEXTS[random.usize(..hostile_strings::NO_TEXTS.len())].to_vec()
            }
            _ => hostile_strings::any(random).into_bytes(),
        };
        data.insert(key.to_owned(), ByteString(value));
    }
    if random.u8(..4) == 0 {
        data.extend(
            (0..random.usize(..400))
                .map(|number| (format!("key-{number}"), ByteString(vec![0; random.usize(..400)]))),
        );
    }
    if random.u8(..8) == 0 {
        object.type_ = Some("Opaque".to_owned());
    }
    Secret { data: Some(data), ..object }
}
