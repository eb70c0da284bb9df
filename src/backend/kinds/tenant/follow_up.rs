//! What follows from the commit of a tenant.

use super::step::TenantFollowUp;
use crate::backend::Backend;
use crate::backend::kinds::Key;
use crate::backend::observations::Observations;

impl Backend {
    pub(in crate::backend) fn follow_up_tenant(&self, tenant: &TenantFollowUp) {
        let key = Key::Tenant(tenant.tenant.clone());
        self.timers.set(&key, tenant.wake_at);
        if tenant.gone {
            self.index().forget_tenant(&tenant.tenant);
        } else {
            self.take_in(|index| index.note_tenant(&tenant.tenant, &tenant.namespace));
        }
        if tenant.count {
            self.poke(&key, Observations::facts());
        }
    }
}
