//! What managed environments are about: the clusters of tenants with the accounts that are made there,
//! and the Secrets that Argo CD reads.
//!
//! A question is answered by what is so at that moment, and what it makes on a cluster is there from
//! then on; the answer is learned later, or never. The Secrets of tenants are in [`super::repositories`].

use machines::identity::EnvironmentId;
use machines::kinds::managed_environment::spec::EnvironmentSpec;
use machines::kinds::managed_environment::verdict::{Refusal, TOKEN_REFUSED, Verdict};
use machines::kinds::managed_environment::{
    Checked, ClusterCredentialsId, EnvironmentUid, Inquiry, Installation, Revocable,
};

use super::repositories::SecretContent;
use super::*;

/// How many ways a cluster has to answer: it opens to every user, to the first or to the second only,
/// permits nothing, or does not answer. Accounts are told the last two as well.
pub(super) const CLUSTER_ANSWERS: u8 = 5;
const FORBIDS: u8 = 3;
const SILENT: u8 = 4;

const URLS: [&str; 2] = ["https://one.example.com:6443", "https://two.example.com:6443"];
const SECRET_NAMES: [&str; 2] = ["cluster", "another-cluster"];

/// What is used while the object is revoked that it depends on.
const IN_USE: Predicate = Predicate("ME-used");

/// The spec of a number; 0 and 6 are invalid, 3, 4 and 5 have accounts, 2 and 5 are of another cluster,
/// and 7 of another Secret.
pub(super) fn environment_spec(number: u8) -> EnvironmentSpec {
    let number = number % ENVIRONMENT_SPECS;
    let namespaces: &[&str] = match number {
        4 => &["b", "a"],
        7 => &["a"],
        _ => &[],
    };
    let secret = match number {
        6 => "",
        7 => SECRET_NAMES[1],
        _ => SECRET_NAMES[0],
    };
    let url = match number {
        0 => "http://one.example.com",
        2 | 5 => URLS[1],
        _ => URLS[0],
    };
    EnvironmentSpec {
        api_url: url.to_owned(),
        secret: secret.to_owned(),
        creates_account: matches!(number, 3..=5),
        namespaces: namespaces.iter().map(|&one| one.to_owned()).collect(),
        ..EnvironmentSpec::default()
    }
}

/// A token, as the tests name it.
pub(super) type Token = String;

/// The token in a user's Secret.
pub(super) fn token_of_user(number: u8) -> Token {
    format!("user-{number}")
}

/// Digest of what Argo CD is told if a cluster accepts a token.
fn told(spec: &EnvironmentSpec, token: &Token) -> Digest {
    let access = (&spec.api_url, spec.joined_namespaces(), spec.skips_tls_verification);
    Digest::of(&(access, spec.cluster_resources, token))
}

/// What Argo CD is told of the first cluster with the token of a user.
pub fn told_of_the_first_cluster(user: u8) -> Digest {
    told(&environment_spec(1), &token_of_user(user))
}

/// Something of an account. Its rights end before it does, and its tokens before these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Token(u32),
    /// In a namespace; in all of the cluster if that is empty.
    Rights(String),
    Account,
}

impl Part {
    pub(super) fn name(&self, uid: &EnvironmentUid) -> String {
        match self {
            Self::Token(round) => format!("Secret <{uid}/{round}>"),
            Self::Rights(namespace) => format!("RoleBinding <{uid} in {namespace:?}>"),
            Self::Account => format!("ServiceAccount <{uid}>"),
        }
    }

    pub(super) fn all_of(installation: &Installation) -> BTreeSet<Self> {
        let Installation { namespaces, round } = installation;
        let mut parts = BTreeSet::from([Self::Account, Self::Token(*round)]);
        parts.extend(namespaces.iter().cloned().map(Self::Rights));
        if namespaces.is_empty() {
            parts.insert(Self::Rights(String::new()));
        }
        parts
    }
}

/// What is there of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    /// The token; empty if it is none.
    pub(super) token: Token,
    /// Which content of the user's Secret it was made with.
    with: u8,
    /// Whether an Event says that it may remain.
    pub(super) is_listed: bool,
}

/// An account on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) parts: BTreeMap<Part, Made>,
    /// How many tokens were made; numbers the next one.
    tokens: u32,
}

/// What the rows of an environment say besides what the specification sees of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) credentials: ClusterCredentialsId,
    pub(super) spec: EnvironmentSpec,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A check has found something.
    Checked {
        /// What the watch showed when it was asked for.
        shown: Option<Digest>,
        /// What was found.
        checked: Checked,
        /// The token that was accepted; empty if none was.
        token: Token,
    },
    /// Something was to be revoked.
    Revoked {
        /// What.
        what: Revocable,
        /// What remains.
        remains: Vec<String>,
    },
}

/// Whose answer it is; the second is whether to a revocation.
pub(super) type Question = (EnvironmentUid, bool);

/// What environments are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Clusters {
    /// How clusters answer, by URL.
    answers: BTreeMap<String, u8>,
    pub(super) accounts: BTreeMap<(EnvironmentUid, String), Account>,
    /// The answers that were not learned yet.
    answered: BTreeMap<Question, Answer>,
    /// What a check has found and was learned last, or never because another has ended since.
    overtaken: BTreeMap<EnvironmentUid, Answer>,
    /// The tokens of the rows of credentials.
    pub(super) tokens: BTreeMap<ClusterCredentialsId, Token>,
    pub(super) accesses: BTreeMap<EnvironmentId, Access>,
    /// The tokens that Argo CD's Secrets were written with.
    pub(super) delivered: BTreeMap<EnvironmentId, Token>,
    /// The Secrets of Argo CD that others have changed since they were written.
    pub(super) spoiled: BTreeSet<EnvironmentId>,
}

pub(super) fn refused(cause: &str) -> Verdict {
    Verdict::Refused(Refusal {
        status: "Unknown".to_owned(),
        reason: "UnableToValidateClusterCredentials".to_owned(),
        message: format!("Unable to validate the credentials: {cause}"),
        cause: cause.to_owned(),
        text: "the cluster says so".to_owned(),
    })
}

impl Clusters {
    /// The process that has asked is gone.
    pub(super) fn forget_answers(&mut self) {
        self.answered.clear();
        self.overtaken.clear();
    }

    /// Drops what cannot be learned late, if nothing is.
    pub(super) fn forget_overtaken(&mut self) {
        self.overtaken.clear();
    }

    fn answer(&self, url: &str) -> u8 {
        self.answers.get(url).copied().unwrap_or_default()
    }

    /// What a cluster says that is shown a token.
    pub(super) fn say(&self, url: &str, token: &Token) -> Result<(), &'static str> {
        let is_of_account = || {
            let mut all = self.accounts.iter().filter(|((_, of), _)| of == url);
            all.any(|(_, account)| {
                let is_valid = account.parts.contains_key(&Part::Account);
                is_valid && account.parts.values().any(|one| one.token == *token)
            })
        };
        match self.answer(url) {
            SILENT => Err("TimedOut"),
            0 if token.starts_with("user-") => Ok(()),
            only if token_of_user(only) == *token => Ok(()),
            answer if token.starts_with("user-") && answer == FORBIDS => Err("Forbidden"),
            answer if is_of_account() => {
                if answer == FORBIDS {
                    Err("Forbidden")
                } else {
                    Ok(())
                }
            }
            _ => Err(TOKEN_REFUSED),
        }
    }

    pub(super) fn verdict(&self, spec: &EnvironmentSpec, token: &Token) -> Verdict {
        match self.say(&spec.api_url, token) {
            Ok(()) => Verdict::Accepted { told: told(spec, token) },
            Err(cause) => refused(cause),
        }
    }

    fn part(&self, uid: &EnvironmentUid, url: &str, part: &Part) -> Option<&Made> {
        self.accounts.get(&(uid.clone(), url.to_owned()))?.parts.get(part)
    }

    /// Makes an account, and what is missing of it.
    fn install(&mut self, uid: &EnvironmentUid, url: &str, asked: &Installation, user: u8) {
        let account = self.accounts.entry((uid.clone(), url.to_owned())).or_default();
        for part in Part::all_of(asked) {
            if let Some(made) = account.parts.get_mut(&part) {
                made.is_listed = false;
                continue;
            }
            let mut token = Token::new();
            if let Part::Token(_) = part {
                token = format!("{uid} at {url}, {}", account.tokens);
                account.tokens += 1;
            }
            account.parts.insert(part, Made { token, with: user, is_listed: false });
        }
    }

    /// The newest token that was made with this content of the user's Secret.
    pub(super) fn newest_token(&self, uid: &EnvironmentUid, url: &str, user: u8) -> Option<&Token> {
        let account = self.accounts.get(&(uid.clone(), url.to_owned()))?;
        let mut tokens = account.parts.iter().rev();
        let newest = tokens.find(|(part, one)| matches!(part, Part::Token(_)) && one.with == user);
        newest.map(|(_, one)| &one.token)
    }

    /// The row of credentials of an environment's row, and the token in it.
    pub(super) fn token_of_row(&self, row: &EnvironmentId) -> Option<&Token> {
        self.tokens.get(&self.accesses.get(row)?.credentials)
    }
}

// === users and clusters ===

impl Cluster {
    pub(super) fn cluster_answers_as(&mut self, cluster: u8, answer: u8) {
        let url = URLS[usize::from(cluster) % URLS.len()];
        self.clusters.answers.insert(url.to_owned(), answer % CLUSTER_ANSWERS);
    }

    /// A cluster forgets its tokens or, as if it were another one, everything that was made there.
    pub(super) fn forget_accounts(&mut self, cluster: u8, is_all: bool) {
        let url = URLS[usize::from(cluster) % URLS.len()];
        for ((_, of), account) in &mut self.clusters.accounts {
            if of == url {
                account.parts.retain(|part, _| !is_all && !matches!(part, Part::Token(_)));
            }
        }
    }
}

// === questions ===

impl Cluster {
    pub(super) fn secret_of_environment(
        &self,
        uid: &EnvironmentUid,
        name: &str,
    ) -> Option<SecretContent> {
        let (_, namespace, _) = self.environment_places.get(uid)?;
        self.repositories.content(&(namespace.clone(), name.to_owned()))
    }

    /// What a check finds, and what it makes first; `None` if the environment is not as it is to be
    /// checked, if there are no keys, or if the watch has not shown the Secret yet that an account
    /// would be made with.
    fn find_out(
        &self,
        uid: &EnvironmentUid,
        inquiry: &Inquiry,
    ) -> Option<(Answer, Option<(Installation, u8)>)> {
        let Inquiry { spec, shown, account, stored } = inquiry;
        let mut objects = self.world.environments.iter();
        objects.find(|one| one.uid == *uid && !one.deleting && one.spec == *spec)?;
        if !self.repositories.has_keys {
            return None;
        }
        let secret = self.secret_of_environment(uid, &spec.secret);
        let read = secret.and_then(SecretContent::digest);
        if spec.creates_account && read.is_some() && read != *shown {
            return None;
        }
        let found = |round, verdict, token: Token| {
            let checked = Checked { spec: spec.clone(), secret: read.clone(), round, verdict };
            Answer::Checked { shown: shown.clone(), checked, token }
        };
        let user = match secret {
            Some(SecretContent::Password(user)) => user,
            other => return Some((found(None, unusable(other), Token::new()), None)),
        };
        let clusters = &self.clusters;
        let of_row =
            stored.as_ref().and_then(|(id, round)| Some((clusters.tokens.get(id)?, *round)));
        if let Some((token, round)) = of_row {
            let verdict = clusters.verdict(spec, token);
            return Some((found(Some(round), verdict, token.clone()), None));
        }
        let of_stored = || {
            let (_, round) = stored.as_ref()?;
            Some(Installation { namespaces: rights(spec), round: *round })
        };
        let Some(asked) = account.clone().or_else(of_stored) else {
            let token = token_of_user(user);
            let verdict = clusters.verdict(spec, &token);
            return (!spec.creates_account).then(|| (found(None, verdict, token), None));
        };
        let round = Some(asked.round);
        if let Err(cause) = clusters.say(&spec.api_url, &token_of_user(user)) {
            return Some((found(round, refused(cause), Token::new()), None));
        }
        let mut after = clusters.clone();
        after.install(uid, &spec.api_url, &asked, user);
        let part = after.part(uid, &spec.api_url, &Part::Token(asked.round));
        let token = part.map(|one| one.token.clone()).unwrap_or_default();
        let answer = found(round, after.verdict(spec, &token), token);
        Some((answer, Some((asked, user))))
    }

    /// Asks a cluster. Returns whether there is an answer that is not waiting already.
    pub(super) fn ask_cluster(&mut self, uid: &EnvironmentUid, inquiry: &Inquiry) -> bool {
        let Some((answer, makes)) = self.find_out(uid, inquiry) else { return false };
        if let Some((asked, user)) = makes {
            self.clusters.install(uid, &inquiry.spec.api_url, &asked, user);
        }
        // One queue asks for each machine: what was to be revoked meanwhile is asked for again.
        self.clusters.answered.remove(&(uid.clone(), true));
        self.note_answer((uid.clone(), false), answer)
    }

    fn note_answer(&mut self, question: Question, answer: Answer) -> bool {
        let before = self.clusters.answered.insert(question.clone(), answer.clone());
        let is_new = before.as_ref() != Some(&answer);
        if let (Some(before), (uid, false), true) = (before, question, is_new) {
            self.clusters.overtaken.insert(uid, before);
        }
        is_new
    }

    /// Asks a cluster to remove something: with the user's token, or else with the account's own,
    /// which cannot remove the account itself.
    pub(super) fn revoke(&mut self, uid: &EnvironmentUid, what: &Revocable) -> bool {
        if !self.repositories.has_keys {
            return false;
        }
        let kept: BTreeSet<Part> = what.kept.iter().flat_map(Part::all_of).collect();
        let revoked: BTreeSet<Part> = what.revoked.iter().flat_map(Part::all_of).collect();
        let mut left: Vec<Part> = revoked.difference(&kept).cloned().collect();
        let secret = self.clusters_secret(uid);
        let (url, clusters) = (&what.api_url, &self.clusters);
        let is_open =
            |token: Option<&Token>| token.is_some_and(|one| clusters.say(url, one).is_ok());
        let own = clusters.tokens.get(&what.credentials).cloned();
        let by_user = is_open(secret.map(token_of_user).as_ref());
        let by_account = is_open(own.as_ref());
        if by_user || by_account {
            let gone = left.extract_if(.., |part| by_user || *part != Part::Account).collect();
            self.remove_parts(uid, url, gone);
        }
        let remains = left.iter().map(|part| part.name(uid)).collect();
        self.note_answer((uid.clone(), true), Answer::Revoked { what: what.clone(), remains })
    }

    /// The token in the Secret that an environment names, or named.
    fn clusters_secret(&self, uid: &EnvironmentUid) -> Option<u8> {
        let machine = self.environments.get(uid)?;
        match self.secret_of_environment(uid, &machine.record.spec.secret)? {
            SecretContent::Password(user) => Some(user),
            SecretContent::Empty | SecretContent::OfAnotherType => None,
        }
    }

    fn remove_parts(&mut self, uid: &EnvironmentUid, url: &str, gone: Vec<Part>) {
        let row = EnvironmentId::of(uid);
        let clusters = &mut self.clusters;
        let in_use = [clusters.token_of_row(&row), clusters.delivered.get(&row)];
        let in_use: Vec<Token> = in_use.into_iter().flatten().cloned().collect();
        let Some(account) = clusters.accounts.get_mut(&(uid.clone(), url.to_owned())) else {
            return;
        };
        for part in gone {
            let Some(made) = account.parts.remove(&part) else { continue };
            if in_use.contains(&made.token) {
                self.broken.push(Violation {
                    predicate: IN_USE,
                    object: uid.to_string(),
                    difference: format!("{part:?} is revoked while its token is used"),
                });
            }
        }
    }

    /// The environments whose clusters are asked again from time to time.
    pub(super) fn asked_again(&self) -> Vec<EnvironmentUid> {
        let again = self.environments.iter().filter(|(_, one)| one.repeated_inquiry().is_some());
        again.map(|(uid, _)| uid.clone()).collect()
    }

    pub(super) fn ask_cluster_again(&mut self, uid: &EnvironmentUid) {
        let inquiry = self.environments.get(uid).and_then(ManagedEnvironment::repeated_inquiry);
        if let Some(inquiry) = inquiry {
            self.ask_cluster(uid, &inquiry);
        }
    }

    /// What a cluster would say with the Secret that was checked last. That there is another one by now
    /// is for the watch to say.
    fn say_again(&self, uid: &EnvironmentUid) -> Option<Checked> {
        let machine = self.environments.get(uid)?;
        let Answer::Checked { checked, .. } = self.find_out(uid, &machine.repeated_inquiry()?)?.0
        else {
            return None;
        };
        let known = machine.record.checked.as_ref()?;
        (known.secret == checked.secret).then_some(checked)
    }

    /// Whether a cluster says something else with the Secret that was checked last.
    pub(super) fn has_news_of_cluster(&self, uid: &EnvironmentUid) -> bool {
        let known = self.environments.get(uid).and_then(|one| one.record.checked.as_ref());
        self.say_again(uid).is_some_and(|found| Some(&found) != known)
    }

    /// Asks again, but not because the Secret has changed.
    pub(super) fn ask_cluster_for_news(&mut self, uid: &EnvironmentUid) {
        if self.say_again(uid).is_some() {
            self.ask_cluster_again(uid);
        }
    }

    /// The questions of which the answer is known, and not learned.
    pub(super) fn answered_questions(&self) -> Vec<Question> {
        self.clusters.answered.keys().cloned().collect()
    }

    pub(super) fn overtaken_checks(&self) -> Vec<EnvironmentUid> {
        self.clusters.overtaken.keys().cloned().collect()
    }

    pub(super) fn learn_of_cluster(&mut self, question: &Question) {
        let Some(answer) = self.clusters.answered.remove(question) else { return };
        let (uid, is_revocation) = question;
        if !is_revocation {
            self.clusters.overtaken.insert(uid.clone(), answer.clone());
        }
        self.tell_answer(uid, answer);
    }

    pub(super) fn learn_of_cluster_late(&mut self, uid: &EnvironmentUid) {
        let Some(answer) = self.clusters.overtaken.get(uid).cloned() else { return };
        self.tell_answer(uid, answer);
    }
}

/// What a check finds that has no token to show.
pub(super) fn unusable(secret: Option<SecretContent>) -> Verdict {
    match secret {
        None => Verdict::SecretMissing {},
        Some(SecretContent::OfAnotherType) => refused("SecretOfWrongType"),
        Some(SecretContent::Empty | SecretContent::Password(_)) => refused("KubeconfigMissing"),
    }
}

/// In which namespaces an account has rights; none means in all of the cluster.
pub(super) fn rights(spec: &EnvironmentSpec) -> Vec<String> {
    spec.sorted_namespaces().into_iter().map(str::to_owned).collect()
}
