//! ServiceAccounts of this program on the clusters of tenants: what was made, or may have been, and
//! what of it is to be revoked.
//!
//! What a check will make is noted in the step before the check is asked for, so nothing is ever made
//! that no record knows of. A token is made once for each round: the deployments go on with the one
//! before until Argo CD has the new one.

use serde::{Deserialize, Serialize};

use super::rows::EnvironmentRows;
use super::{ClusterCredentialsId, EnvironmentRecord, messages};
use crate::identity::{Digest, EnvironmentId};
use crate::rows::RowChange;
use crate::shared::is_default;

/// Most clusters of which a record is kept. A spec can be edited faster than anything is revoked.
pub const ACCOUNTS_LIMIT: usize = 8;
/// Most installations of one account of which a record is kept, for the same reason.
pub const INSTALLATIONS_LIMIT: usize = 8;
/// Most texts about what may remain; each is an Event.
pub const REMAINS_LIMIT: usize = 16;

/// What was made on one cluster, or may have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The URL of the cluster's API.
    pub api_url: String,
    /// Whether the cluster's certificate is not verified.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skips_tls_verification: bool,
    /// The row that has the account's token, once one was accepted.
    pub credentials: ClusterCredentialsId,
    /// The digest of the user's Secret that the newest token is made with.
    pub secret: Digest,
    /// What was asked for, oldest first.
    pub installations: Vec<Installation>,
    /// The number of the next token.
    pub next_round: u32,
    /// Whether the newest token replaces one that the cluster has refused. If it is refused as well,
    /// another would be, too.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_renewed: bool,
}

/// A ServiceAccount with its rights and one of its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Installation {
    /// The namespaces in which it has rights, sorted; none means in all of the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Which of its tokens.
    pub round: u32,
}

/// What is to be revoked on one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revocable {
    /// The URL of the cluster's API.
    pub api_url: String,
    /// Whether the cluster's certificate is not verified.
    pub skips_tls_verification: bool,
    /// The row that has the account's token, if one was ever accepted.
    pub credentials: ClusterCredentialsId,
    /// What goes, except for what it has in common with what stays.
    pub revoked: Vec<Installation>,
    /// What stays.
    pub kept: Option<Installation>,
}

impl Account {
    fn newest(&self) -> Option<&Installation> {
        self.installations.last()
    }

    /// Notes what the next check asks for. It is a new token if the user's Secret has changed, or if
    /// the one before is to be replaced.
    fn note(&mut self, namespaces: Vec<String>, secret: &Digest, renews: bool) {
        let newest = self.newest().map(|newest| newest.round);
        let same = newest.filter(|_| self.secret == *secret && !renews);
        let round = same.unwrap_or_else(|| {
            let round = self.next_round;
            self.next_round = round.saturating_add(1);
            self.is_renewed = renews;
            round
        });
        self.secret = secret.clone();
        let installation = Installation { namespaces, round };
        self.installations.retain(|one| *one != installation);
        self.installations.push(installation);
    }
}

impl EnvironmentRecord {
    /// The id of the row, which may not exist yet.
    pub(super) fn row_id(&self) -> EnvironmentId {
        match &self.row {
            Some(row) => row.id.clone(),
            None => EnvironmentId::of(&self.uid),
        }
    }

    /// What the next check makes; `None` if it makes nothing.
    pub(super) fn newest_installation(&self) -> Option<&Installation> {
        self.account()?.newest()
    }

    /// The account that the spec asks for.
    fn account(&self) -> Option<&Account> {
        let is_wanted =
            |one: &&Account| self.spec.creates_account && one.api_url == self.spec.api_url;
        self.accounts.iter().find(is_wanted)
    }

    /// Notes what the next check makes, if the spec asks for it. Without a Secret there is nothing to
    /// make it with.
    pub(super) fn note_installation(&mut self, renews: bool, rows: &mut Vec<RowChange>) {
        let Some(secret) = self.shown.clone().filter(|_| self.spec.creates_account) else { return };
        let namespaces = self.spec.account_namespaces();
        let mut account = self.take_account(&secret);
        account.skips_tls_verification = self.spec.skips_tls_verification;
        account.note(namespaces, &secret, renews);
        self.accounts.push(account);
        self.bound_accounts(rows);
    }

    /// The account that the spec asks for, taken out of the list; a new one if there is none.
    fn take_account(&mut self, secret: &Digest) -> Account {
        let api_url = &self.spec.api_url;
        if let Some(known) = self.accounts.iter().position(|one| one.api_url == *api_url) {
            return self.accounts.remove(known);
        }
        Account {
            api_url: api_url.clone(),
            skips_tls_verification: self.spec.skips_tls_verification,
            credentials: ClusterCredentialsId::of_account(&self.row_id(), api_url),
            secret: secret.clone(),
            installations: Vec::new(),
            next_round: 0,
            is_renewed: false,
        }
    }

    /// Keeps the record bounded: the oldest entries that are not in use are forgotten, and the user is
    /// told about them.
    fn bound_accounts(&mut self, rows: &mut Vec<RowChange>) {
        let in_use = self.in_use();
        let is_used = |account: &Account, one: &Installation| {
            in_use.as_ref() == Some(&(account.credentials.clone(), one.clone()))
        };
        let mut forgotten = Vec::new();
        if let Some(account) = self.accounts.last_mut() {
            while account.installations.len() > INSTALLATIONS_LIMIT {
                let oldest = usize::from(is_used(account, &account.installations[0]));
                account.installations.remove(oldest);
                forgotten.push(account.api_url.clone());
            }
        }
        while self.accounts.len() > ACCOUNTS_LIMIT {
            let oldest = &self.accounts[0];
            let has_use = oldest.installations.iter().any(|one| is_used(oldest, one));
            let account = self.accounts.remove(usize::from(has_use));
            forgotten.push(account.api_url);
            self.forget(account.credentials, rows);
        }
        for api_url in forgotten {
            let text = messages::untracked(&api_url);
            self.note_remains(vec![text.clone()], text);
        }
    }

    /// What Argo CD uses: the credentials and the installation that they are of.
    fn in_use(&self) -> Option<(ClusterCredentialsId, Installation)> {
        let row = self.row.as_ref()?;
        let installation = row.written.as_ref()?.installation.clone()?;
        Some((row.credentials.clone(), installation))
    }

    /// Whether a token that the cluster refuses may be replaced: it is the newest, there is a Secret to
    /// make another with, and it does not itself replace one that was refused.
    pub(super) fn may_renew(&self, round: u32) -> bool {
        let Some(account) = self.account().filter(|_| self.shown.is_some()) else { return false };
        !account.is_renewed && account.newest().is_some_and(|newest| newest.round == round)
    }

    /// The newest token was accepted: if it is refused one day, it may be replaced.
    pub(super) fn note_account_accepted(&mut self) {
        let api_url = &self.spec.api_url;
        if let Some(account) = self.accounts.iter_mut().find(|one| one.api_url == *api_url) {
            account.is_renewed = false;
        }
    }

    /// What is to be revoked next: what is not in use, or everything.
    pub(super) fn revocable(&self, everything: bool) -> Option<Revocable> {
        let in_use = self.in_use().filter(|_| !everything);
        self.accounts.iter().find_map(|account| {
            let kept =
                in_use.as_ref().filter(|(credentials, _)| *credentials == account.credentials);
            let kept = kept.map(|(_, installation)| installation.clone());
            let is_revoked = |one: &&Installation| Some(*one) != kept.as_ref();
            let revoked: Vec<Installation> =
                account.installations.iter().filter(is_revoked).cloned().collect();
            (!revoked.is_empty()).then(|| Revocable {
                api_url: account.api_url.clone(),
                skips_tls_verification: account.skips_tls_verification,
                credentials: account.credentials.clone(),
                revoked,
                kept,
            })
        })
    }

    /// Something is revoked, or given up.
    pub(super) fn note_revoked(&mut self, what: &Revocable, rows: &mut Vec<RowChange>) {
        let is_it = |one: &Account| one.credentials == what.credentials;
        let Some(place) = self.accounts.iter().position(is_it) else { return };
        self.accounts[place].installations.retain(|one| !what.revoked.contains(one));
        if self.accounts[place].installations.is_empty() {
            let account = self.accounts.remove(place);
            self.forget(account.credentials, rows);
        }
    }

    /// Credentials go, unless the row or an account needs them.
    pub(super) fn forget(&self, credentials: ClusterCredentialsId, rows: &mut Vec<RowChange>) {
        let of_row = self.row.as_ref().is_some_and(|row| row.credentials == credentials);
        let of_account = self.accounts.iter().any(|one| one.credentials == credentials);
        if !of_row && !of_account {
            rows.push(RowChange::Environment(EnvironmentRows::Forget(credentials)));
        }
    }

    /// Something may remain on a cluster; the user is told of it, in general where the texts are too
    /// many. The last place is kept for what is said of all clusters.
    pub(super) fn note_remains(&mut self, texts: Vec<String>, in_general: String) {
        let new = |texts: Vec<String>| -> Vec<String> {
            texts.into_iter().filter(|text| !self.remains.contains(text)).collect()
        };
        let choices = [texts, vec![in_general]].map(new);
        let room = (REMAINS_LIMIT - 1).saturating_sub(self.remains.len());
        match choices.into_iter().find(|texts| texts.len() <= room) {
            Some(texts) => self.remains.extend(texts),
            None if self.remains.len() < REMAINS_LIMIT => {
                self.remains.push(messages::REMAIN_ANYWHERE.to_owned());
            }
            None => {}
        }
    }
}
