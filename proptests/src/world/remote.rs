//! What the specification sees of the clusters of tenants: what they say of the Secrets as they are, and
//! what is there of accounts.

use machines::esr::RemoteEntry;
use machines::identity::EnvironmentId;
use machines::kinds::managed_environment::verdict::TOKEN_REFUSED;
use machines::kinds::managed_environment::{Installation, messages};

use super::clusters::{Account, Part, refused, rights, token_of_user, unusable};
use super::repositories::SecretContent;
use super::*;

/// What was made, and no machine knows of.
const TRACKED: Predicate = Predicate("ME-tracked");

impl Cluster {
    /// Notes what is so of each environment and on each cluster.
    pub(super) fn note_clusters(&mut self) {
        if self.world.environments.is_empty() && self.clusters.accounts.is_empty() {
            return;
        }
        let verdicts = self.world.environments.iter().map(|object| self.judge(object));
        let verdicts: Vec<Verdict> = verdicts.collect();
        for (object, verdict) in self.world.environments.iter_mut().zip(verdicts) {
            object.verdict = verdict;
        }
        let mut remote = Vec::new();
        for ((uid, url), account) in &self.clusters.accounts {
            remote.extend(account.parts.iter().map(|(part, made)| RemoteEntry {
                environment: uid.clone(),
                object: format!("{} on {url}", part.name(uid)),
                is_used: self.is_part_used(uid, url, account, part),
                is_listed: made.is_listed,
            }));
        }
        self.world.remote = remote;
    }

    /// What a check finds of the Secret as it is, by the cluster as it is. A token that was made is
    /// shown again without another look at the user's, as long as the cluster accepts it.
    fn judge(&self, object: &EnvironmentObject) -> Verdict {
        let EnvironmentObject { uid, spec, conditions, .. } = object;
        let user = match self.secret_of_environment(uid, &spec.secret) {
            Some(SecretContent::Password(user)) => user,
            other => return unusable(other),
        };
        let (clusters, of_user) = (&self.clusters, token_of_user(user));
        if !spec.creates_account {
            return clusters.verdict(spec, &of_user);
        }
        let made = clusters.newest_token(uid, &spec.api_url, user);
        let is_accepted =
            conditions.iter().any(|one| one.reason == "Succeeded" && one.status == "True");
        let shown = made.map(|token| clusters.verdict(spec, token));
        match shown {
            Some(verdict) if is_accepted && verdict.is_accepted() => verdict,
            shown => match clusters.say(&spec.api_url, &of_user) {
                Ok(()) => shown.unwrap_or_else(|| refused(TOKEN_REFUSED)),
                Err(cause) => refused(cause),
            },
        }
    }

    fn is_part_used(
        &self,
        uid: &EnvironmentUid,
        url: &str,
        account: &Account,
        part: &Part,
    ) -> bool {
        let row = EnvironmentId::of(uid);
        let Some(access) = self.clusters.accesses.get(&row) else { return false };
        let Some(token) = self.clusters.tokens.get(&access.credentials) else { return false };
        let mut parts = account.parts.iter();
        let used = parts.find(|(_, made)| !made.token.is_empty() && made.token == *token);
        let Some((Part::Token(round), _)) = used else { return false };
        let namespaces = rights(&access.spec);
        access.spec.api_url == url
            && Part::all_of(&Installation { namespaces, round: *round }).contains(part)
    }

    /// Events say what may remain.
    pub(super) fn list_remains(&mut self, uid: &EnvironmentUid, texts: &[String]) {
        let accounts = self.clusters.accounts.iter_mut().filter(|((of, _), _)| of == uid);
        for ((_, url), account) in accounts {
            let untracked = messages::untracked(url);
            for (part, made) in &mut account.parts {
                let name = part.name(uid);
                let is_named = |text: &&String| text.contains(url.as_str()) && text.contains(&name);
                let is_listed =
                    texts.contains(&untracked) || texts.iter().any(|one| is_named(&one));
                made.is_listed |= is_listed;
            }
        }
    }

    /// Whatever is on a cluster is in the record of a machine, or was told.
    pub(super) fn untracked(&self) -> Option<Violation> {
        let accounts = self.clusters.accounts.iter();
        let mut all = accounts.flat_map(|((uid, url), account)| {
            account.parts.iter().map(move |(part, made)| (uid, url, part, made))
        });
        let (uid, url, part, _) = all.find(|(uid, url, part, made)| {
            let record = self.environments.get(*uid).map(|one| &one.record);
            let is_known = record.is_some_and(|record| {
                let mut known = record.accounts.iter().filter(|one| one.api_url == **url);
                let mut known = known.by_ref().flat_map(|one| one.installations.iter());
                let about = |text: &String| text.contains(url.as_str());
                known.any(|one| Part::all_of(one).contains(part))
                    || record.remains.iter().any(about)
            });
            !is_known && !made.is_listed
        })?;
        Some(Violation {
            predicate: TRACKED,
            object: uid.to_string(),
            difference: format!("{part:?} is on {url}, and nothing knows of it"),
        })
    }
}
