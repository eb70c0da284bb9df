//! What repository credentials are about: Secrets of tenants, servers of repositories, and the
//! Secrets that Argo CD reads. The Secrets of managed environments are among those of tenants.
//!
//! A check reads the Secret as it is, while the watch may still show another one; its answer is
//! learned later, or never.

use machines::esr::ArgoRepository;
use machines::kinds::repository_credential::Checked;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::operation::{OperationRecord, SecretView};

use super::*;

/// How many contents a Secret may have: none, two passwords, nothing of use, another type.
pub(super) const SECRET_CONTENTS: u8 = 5;
/// How many names of Secrets there are.
pub(super) const SECRETS: u8 = 4;
/// How many ways a server has to answer.
pub(super) const ANSWERS: u8 = 5;
/// How many ways others have to change a Secret of Argo CD's.
pub(super) const SPOILS: u8 = 4;

const URLS: [&str; 2] = ["https://example.com/team/app.git", "https://example.com/team/other.git"];
/// The last two are those of environments.
const SECRET_NAMES: [&str; SECRETS as usize] = ["git", "token", "cluster", "another-cluster"];

/// The spec of a number; 0 and 4 are invalid, 2 is of another repository, 3 of another Secret.
pub(super) fn credential_spec(number: u8) -> CredentialSpec {
    let (repository, secret) = match number % CREDENTIAL_SPECS {
        0 => ("http://example.com/team/app.git", SECRET_NAMES[0]),
        1 => (URLS[0], SECRET_NAMES[0]),
        2 => (URLS[1], SECRET_NAMES[0]),
        3 => (URLS[0], SECRET_NAMES[1]),
        _ => (URLS[0], ""),
    };
    CredentialSpec { repository: repository.to_owned(), secret: secret.to_owned() }
}

/// Digest of what Argo CD is told of a Secret that was accepted.
pub(super) fn content(spec: &CredentialSpec, secret: &Digest) -> Digest {
    Digest::of(&(&spec.repository, &spec.secret, secret))
}

/// What Argo CD is told of the first repository with this password.
pub fn told_of_the_first_repository(password: u8) -> Digest {
    let secret = SecretContent::Password(password).digest();
    secret.map(|secret| content(&credential_spec(1), &secret)).unwrap_or_default()
}

/// A Secret's namespace and name.
pub(super) type SecretPlace = (String, String);

/// What is in a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretContent {
    Password(u8),
    Empty,
    OfAnotherType,
}

impl SecretContent {
    /// Its digest; `None` if no watch shows it.
    pub(super) fn digest(self) -> Option<Digest> {
        match self {
            Self::Password(number) => Some(Digest::new(format!("password-{number}"))),
            Self::Empty => Some(Digest::new("empty")),
            Self::OfAnotherType => None,
        }
    }
}

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What the watch showed when it was asked for.
    pub(super) shown: Option<Digest>,
    /// What was found.
    pub(super) checked: Checked,
}

/// What credentials are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repositories {
    /// Whether there are keys to seal credentials with.
    pub(super) has_keys: bool,
    secrets: BTreeMap<SecretPlace, SecretContent>,
    /// What the watch of Secrets shows.
    shown: BTreeMap<SecretPlace, Digest>,
    /// How servers answer, by repository.
    answers: BTreeMap<String, u8>,
    /// What was found and not learned yet.
    found: BTreeMap<CredentialUid, Found>,
    /// What was learned last, or was found and never learned because another check has ended since.
    overtaken: BTreeMap<CredentialUid, Found>,
    /// The Secrets of Argo CD that others have changed since they were written.
    spoiled: BTreeSet<CredentialId>,
}

impl Default for Repositories {
    fn default() -> Self {
        Self {
            has_keys: true,
            secrets: BTreeMap::new(),
            shown: BTreeMap::new(),
            answers: BTreeMap::new(),
            found: BTreeMap::new(),
            overtaken: BTreeMap::new(),
            spoiled: BTreeSet::new(),
        }
    }
}

impl Repositories {
    /// What the watch shows of a Secret.
    pub(super) fn shown(&self, place: &SecretPlace) -> Option<Digest> {
        self.shown.get(place).cloned()
    }

    /// What is in a Secret.
    pub(super) fn content(&self, place: &SecretPlace) -> Option<SecretContent> {
        self.secrets.get(place).copied()
    }

    /// The process that has asked is gone.
    pub(super) fn forget_answers(&mut self) {
        self.found.clear();
        self.overtaken.clear();
    }

    /// Drops what cannot be learned late, if nothing is.
    pub(super) fn forget_overtaken(&mut self) {
        self.overtaken.clear();
    }

    /// What the Secret and the server say, and the digest of the Secret.
    fn judge(&self, namespace: &str, spec: &CredentialSpec) -> (Verdict, Option<Digest>) {
        let place = (namespace.to_owned(), spec.secret.clone());
        let Some(secret) = self.secrets.get(&place) else {
            return (Verdict::SecretMissing {}, None);
        };
        let number = match secret {
            SecretContent::OfAnotherType => return (Verdict::SecretOfWrongType {}, None),
            SecretContent::Empty => {
                let text = "the Secret has no password".to_owned();
                return (Verdict::SecretUnusable { text }, secret.digest());
            }
            SecretContent::Password(number) => *number,
        };
        let refused = |cause: &str| Verdict::Refused {
            cause: cause.to_owned(),
            text: "the server says so".to_owned(),
        };
        let answer = self.answers.get(&spec.repository).copied().unwrap_or_default();
        let verdict = match answer {
            0 => Verdict::Accepted {},
            3 => Verdict::RepositoryMissing { text: "no such repository".to_owned() },
            4 => refused("TimedOut"),
            only if only == number => Verdict::Accepted {},
            _ => refused("AuthenticationRefused"),
        };
        (verdict, secret.digest())
    }
}

// === users, servers and the watch of Secrets ===

impl Cluster {
    pub(super) fn toggle_keys(&mut self) {
        self.repositories.has_keys ^= true;
    }

    pub(super) fn put_secret(&mut self, namespace: u8, name: u8, number: u8) {
        let namespace = NAMESPACES[usize::from(namespace) % NAMESPACES.len()];
        let name = SECRET_NAMES[usize::from(name) % SECRET_NAMES.len()];
        let is_there = |one: &NamespaceObject| one.name == namespace && !one.terminating;
        if !self.world.namespaces.iter().any(is_there) {
            return;
        }
        let place = (namespace.to_owned(), name.to_owned());
        let secret = match number % SECRET_CONTENTS {
            0 => None,
            3 => Some(SecretContent::Empty),
            4 => Some(SecretContent::OfAnotherType),
            number => Some(SecretContent::Password(number)),
        };
        let secrets = &mut self.repositories.secrets;
        match secret {
            Some(secret) => secrets.insert(place, secret),
            None => secrets.remove(&place),
        };
        self.judge_all();
    }

    /// A namespace is deleted with its Secrets.
    pub(super) fn remove_secrets(&mut self, namespace: &str) {
        self.repositories.secrets.retain(|place, _| place.0 != namespace);
        self.judge_all();
    }

    pub(super) fn answer_as(&mut self, repository: u8, answer: u8) {
        let url = URLS[usize::from(repository) % URLS.len()];
        self.repositories.answers.insert(url.to_owned(), answer % ANSWERS);
        self.judge_all();
    }

    /// Notes what a check would find of each credential.
    pub(super) fn judge_all(&mut self) {
        for object in &mut self.world.credentials {
            let Some((_, namespace, _)) = self.credential_places.get(&object.uid) else { continue };
            let (verdict, secret) = self.repositories.judge(namespace, &object.spec);
            object.content = secret.map(|one| content(&object.spec, &one)).unwrap_or_default();
            object.verdict = verdict;
        }
    }

    /// The Secrets that the watch shows as they were.
    pub(super) fn unshown_secrets(&self) -> Vec<SecretPlace> {
        let Repositories { secrets, shown, .. } = &self.repositories;
        let places: BTreeSet<&SecretPlace> = secrets.keys().chain(shown.keys()).collect();
        let is_outdated = |place: &&SecretPlace| {
            secrets.get(*place).and_then(|one| one.digest()).as_ref() != shown.get(*place)
        };
        places.into_iter().filter(is_outdated).cloned().collect()
    }

    pub(super) fn show_secret(&mut self, place: &SecretPlace) {
        let Repositories { secrets, shown, .. } = &mut self.repositories;
        match secrets.get(place).and_then(|one| one.digest()) {
            Some(digest) => shown.insert(place.clone(), digest),
            None => shown.remove(place),
        };
    }
}

// === checks ===

impl Cluster {
    /// The credentials whose repositories are asked again from time to time.
    pub(super) fn rechecked(&self) -> Vec<CredentialUid> {
        let rechecked = self.credentials.iter().filter(|(_, one)| one.is_rechecked());
        rechecked.map(|(uid, _)| uid.clone()).collect()
    }

    /// The credentials of which a check has found something that they have not learned.
    pub(super) fn answered(&self) -> Vec<CredentialUid> {
        self.repositories.found.keys().cloned().collect()
    }

    /// Whether a check has found something of a Secret that is another one by now, and its
    /// credential has not learned it yet.
    pub fn has_old_answer(&self) -> bool {
        let mut found = self.repositories.found.iter();
        found.any(|(uid, found)| {
            self.find(uid, &found.checked.spec).as_ref() != Some(&found.checked)
        })
    }

    pub(super) fn overtaken(&self) -> Vec<CredentialUid> {
        self.repositories.overtaken.keys().cloned().collect()
    }

    /// What a check finds; `None` if the credential is not as it is to be checked, or if there are no
    /// keys.
    fn find(&self, uid: &CredentialUid, spec: &CredentialSpec) -> Option<Checked> {
        let mut objects = self.world.credentials.iter();
        objects.find(|one| one.uid == *uid && !one.deleting && one.spec == *spec)?;
        let (_, namespace, _) = self.credential_places.get(uid)?;
        let (verdict, secret) = self.repositories.judge(namespace, spec);
        let spec = spec.clone();
        self.repositories.has_keys.then_some(Checked { spec, secret, verdict })
    }

    /// Checks a credential. Returns whether there is an answer that is not waiting already.
    pub(super) fn ask(
        &mut self,
        uid: &CredentialUid,
        spec: &CredentialSpec,
        shown: Option<Digest>,
    ) -> bool {
        let Some(checked) = self.find(uid, spec) else { return false };
        let found = Found { shown, checked };
        let before = self.repositories.found.insert(uid.clone(), found.clone());
        let is_new = before.as_ref() != Some(&found);
        if let Some(before) = before.filter(|_| is_new) {
            self.repositories.overtaken.insert(uid.clone(), before);
        }
        is_new
    }

    pub(super) fn ask_again(&mut self, uid: &CredentialUid) {
        let Some(machine) = self.credentials.get(uid) else { return };
        let (spec, shown) = (machine.record.spec.clone(), machine.record.shown.clone());
        self.ask(uid, &spec, shown);
    }

    /// What a server would say of the Secret that was checked last. That there is another Secret by
    /// now is for the watch to say, and not for a server that is asked again some time.
    fn answer_again(&self, uid: &CredentialUid) -> Option<Checked> {
        let record = &self.credentials.get(uid).filter(|one| one.is_rechecked())?.record;
        let found = self.find(uid, &record.spec)?;
        let known = record.checked.as_ref()?;
        (known.secret == found.secret).then_some(found)
    }

    /// Whether a server says something else of the Secret that was checked last.
    pub(super) fn has_news(&self, uid: &CredentialUid) -> bool {
        let known = self.credentials.get(uid).and_then(|one| one.record.checked.as_ref());
        self.answer_again(uid).is_some_and(|found| Some(&found) != known)
    }

    /// Asks again, but not because the Secret has changed.
    pub(super) fn ask_for_news(&mut self, uid: &CredentialUid) {
        if self.answer_again(uid).is_some() {
            self.ask_again(uid);
        }
    }

    pub(super) fn learn(&mut self, uid: &CredentialUid) {
        let Some(found) = self.repositories.found.remove(uid) else { return };
        self.repositories.overtaken.insert(uid.clone(), found.clone());
        self.tell_found(uid, found);
    }

    pub(super) fn learn_late(&mut self, uid: &CredentialUid) {
        let Some(found) = self.repositories.overtaken.get(uid).cloned() else { return };
        self.tell_found(uid, found);
    }
}

// === Argo CD's Secrets ===

impl Cluster {
    pub(super) fn project_for(&self, owner: &ClusterUserId) -> Option<String> {
        self.world.settings.isolation.then(|| project_name(owner))
    }

    /// Whether the row of a target cannot be read without keys.
    pub(super) fn is_locked(&self, target: &Target) -> bool {
        let rows = &self.world.database.credentials;
        match target {
            Target::Credential(id) => {
                !self.repositories.has_keys && rows.iter().any(|row| row.id == *id)
            }
            Target::Environment(id) => self.is_environment_locked(id),
            Target::Application(_) | Target::Sync(_) => false,
        }
    }

    /// What the row of a credential asks for.
    pub(super) fn wanted_secret(&self, id: &CredentialId) -> Option<Digest> {
        let mut rows = self.world.database.credentials.iter();
        rows.find(|row| row.id == *id)?.content.clone()
    }

    fn argo_secret(&self, row: &CredentialId) -> Option<&ArgoRepository> {
        self.world.argocd.repositories.iter().find(|one| one.row == *row)
    }

    /// What an operation sees of the Secret that it is about. What exists is always seen here.
    pub(super) fn secret_view(&self, operation: &OperationRecord) -> SecretView {
        let Some(row) = operation.credential() else {
            return self.cluster_view(operation).unwrap_or(SecretView::Unseen);
        };
        let Some(found) = self.argo_secret(row) else { return SecretView::Absent };
        SecretView::Present {
            digest: found.content.clone(),
            in_project: found.labelled && found.project == self.project_for(&operation.owner),
            deleting: false,
        }
    }

    /// Writes what the row says by now; returns whether that changed anything.
    pub(super) fn write_secret(&mut self, row: &CredentialId, owner: &ClusterUserId) -> bool {
        let Some(content) = self.wanted_secret(row).filter(|_| self.repositories.has_keys) else {
            return false;
        };
        self.repositories.spoiled.remove(row);
        let project = self.project_for(owner);
        let wanted = ArgoRepository { row: row.clone(), labelled: true, project, content };
        if self.argo_secret(row) == Some(&wanted) {
            return false;
        }
        let secrets = &mut self.world.argocd.repositories;
        secrets.retain(|one| one.row != *row);
        secrets.push(wanted);
        true
    }

    pub(super) fn remove_secret(&mut self, row: &CredentialId) -> bool {
        self.repositories.spoiled.remove(row);
        let secrets = &mut self.world.argocd.repositories;
        let before = secrets.len();
        secrets.retain(|one| one.row != *row);
        secrets.len() != before
    }

    pub(super) fn spoil_secret(&mut self, which: u8, how: u8) {
        let secrets = &mut self.world.argocd.repositories;
        let Some(row) = pick(secrets.iter().map(|one| one.row.clone()), which) else { return };
        for one in secrets.iter_mut().filter(|one| one.row == row) {
            match how % SPOILS {
                1 => one.content = Digest::new("by hand"),
                2 => one.project = Some("another".to_owned()),
                _ => one.labelled = false,
            }
        }
        if how.is_multiple_of(SPOILS) {
            secrets.retain(|one| one.row != row);
        }
        self.repositories.spoiled.insert(row);
    }

    /// The rows whose Secrets others have changed, and that are still there.
    pub(super) fn spoiled(&self) -> Vec<CredentialId> {
        let has_row = |row: &&CredentialId| self.wanted_secret(row).is_some();
        self.repositories.spoiled.iter().filter(has_row).cloned().collect()
    }

    /// Whether no Secret says what another client has written.
    pub(super) fn is_unspoiled(&self) -> bool {
        self.repositories.spoiled.is_empty()
    }

    /// Forgets those of which nothing is left.
    pub(super) fn forget_spoiled(&mut self) {
        let mut spoiled = std::mem::take(&mut self.repositories.spoiled);
        let is_left = |row: &CredentialId| {
            self.wanted_secret(row).is_some() || self.argo_secret(row).is_some()
        };
        spoiled.retain(is_left);
        self.repositories.spoiled = spoiled;
    }
}
