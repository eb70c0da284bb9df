//! The Secrets of tenants, as checks read them.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::Api;
use kube::core::DeserializeGuard;

use crate::backend::Backend;
use crate::backend::index::objects::{Kind, Place};
use crate::backend::index::secrets::SecretType;
use crate::kubernetes::{self, ApiError};

/// Most bytes of a Secret, all its keys together.
pub const SIZE_LIMIT: usize = 64 * 1_024;

/// What a tenant is told of a larger one.
pub const TOO_LARGE: &str = "the Secret is larger than 64 KiB";
/// What a tenant is told where Secrets are not read.
pub const UNREADABLE: &str = "this installation reads no Secrets in this namespace: ask its operators to \
                              add the namespace to --secret-namespaces";
/// The same as a reason.
pub const SECRET_UNREADABLE: &str = "SecretUnreadable";

/// What is found of the Secret that a check is about.
#[derive(Debug, PartialEq)]
pub enum FoundSecret {
    /// The Secret, or that there is none.
    Secret(Option<Box<Secret>>),
    /// The program does not read Secrets in its namespace.
    Unreadable,
    /// The object that refers to it is no longer what it was when the check was asked for.
    Outdated,
}

/// Whether a Secret is of a type.
pub fn is_of_type(secret: &Secret, type_: SecretType) -> bool {
    secret.type_.as_deref() == Some(type_.as_str())
}

/// Whether a Secret is larger than any that is used.
pub fn is_too_large(secret: &Secret) -> bool {
    let data = secret.data.iter().flatten();
    let bytes: usize = data.map(|(key, value)| key.len() + value.0.len()).sum();
    bytes > SIZE_LIMIT
}

impl Backend {
    /// A Secret by its name, for an object that refers to it and still is as the check has it.
    ///
    /// The object is looked for after the Secret was read. A namespace goes after what is in it: if the
    /// object is still there, the Secret is of the same namespace, and not of another tenant whose
    /// namespace has the name now.
    pub(in crate::backend) async fn secret_of<K>(
        &self,
        object: &Place,
        secret: &str,
        is_same: impl Fn(&K) -> bool,
    ) -> Result<FoundSecret, ApiError>
    where
        K: Kind + Resource<Scope = NamespaceResourceScope>,
    {
        if !self.settings.secret_namespaces.include(&object.namespace) {
            return Ok(FoundSecret::Unreadable);
        }
        let secret = self.tenants_secret(&object.namespace, secret).await?;
        let found: Vec<DeserializeGuard<K>> =
            kubernetes::list_named(&self.client, &object.namespace, &object.name).await?;
        let is_same = found.into_iter().filter_map(|one| one.0.ok()).any(|one| is_same(&one));
        Ok(if is_same { FoundSecret::Secret(secret) } else { FoundSecret::Outdated })
    }

    /// A Secret by its name, of whichever tenant has the namespace now.
    pub(in crate::backend) async fn tenants_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Box<Secret>>, ApiError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        match api.get(name).await.map_err(kubernetes::api_error) {
            Ok(secret) => Ok(Some(Box::new(secret))),
            Err(ApiError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
