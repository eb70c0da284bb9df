//! What the backend picks up at startup, and what it checks where a signal may have been lost.

use machines::identity::{TenantUid, Timestamp};
use schema::store::StoreError;
use schema::store::machine_rows::{IndexEntry, Which};

use crate::backend::Backend;
use crate::backend::index::objects::{Noted, Place};
use crate::backend::kinds::{self, Key};
use crate::backend::observations::Observations;
use crate::signals::Hearer;

impl Backend {
    /// Picks up what the database holds. For startup, before anything else is running.
    pub(super) async fn catch_up(&self) -> Result<(), StoreError> {
        for (key, entry) in kinds::machines(&self.store, Which::All).await? {
            if let Key::Tenant(tenant) = &key {
                self.take_in(|index| index.note_tenant(tenant, &entry.namespace));
            } else {
                let tenant = TenantUid::new(entry.tenant_uid.clone());
                let place = Place { namespace: entry.namespace.clone(), name: entry.name.clone() };
                let refers_to = entry.refers_to.clone();
                // Each is stepped once everything has been seen; until then its order is not known.
                let rank = Timestamp::default();
                let (shown, standing) = (None, None);
                let awaits_users = false;
                let noted = Noted { tenant, place, refers_to, rank, shown, awaits_users, standing };
                self.index().note_machine(&key, &noted);
            }
            self.resume(&key, &entry);
        }
        for (key, tenant, place) in kinds::adopted(&self.store).await? {
            // If the object is gone, the first complete list says so.
            let (refers_to, rank, shown) = (None, Timestamp::default(), None);
            let (awaits_users, standing) = (false, None);
            let noted = Noted { tenant, place, refers_to, rank, shown, awaits_users, standing };
            self.index().note_machine(&key, &noted);
        }
        self.take_in_reports().await.map(drop)
    }

    /// Steps a machine that requires something or has a deadline. The step sets its timer.
    pub(super) fn resume(&self, machine: &Key, entry: &IndexEntry) {
        if entry.has_obligations || entry.wake_at.is_some() {
            self.poke(machine, Observations::operation());
        }
    }
}
