//! What is in the Secret of a tenant: a kubeconfig, or what is wrong with it.

use crds::managed_environment::KUBECONFIG_KEY;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use machines::kinds::managed_environment::verdict::Verdict;

use super::verdict;
use crate::backend::checks::secret::{TOO_LARGE, is_of_type, is_too_large};
use crate::backend::index::secrets::SecretType;

/// The kubeconfig in a Secret.
///
/// # Errors
///
/// What is wrong with the Secret. It repeats nothing that is in it.
pub(super) fn kubeconfig(secret: &Secret) -> Result<&[u8], Verdict> {
    if !is_of_type(secret, SecretType::ManagedEnvironment) {
        return Err(verdict::wrong_type(secret.type_.as_deref().unwrap_or_default()));
    }
    if is_too_large(secret) {
        return Err(verdict::too_large(TOO_LARGE));
    }
    let found = secret.data.as_ref().and_then(|data| data.get(KUBECONFIG_KEY));
    let found = found.map(|ByteString(bytes)| bytes.as_slice());
    found.filter(|bytes| !bytes.is_empty()).ok_or_else(verdict::no_kubeconfig)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::checks::secret::SIZE_LIMIT;

    fn secret(key: &str, content: &[u8]) -> Secret {
        Secret {
            type_: Some(crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE.to_owned()),
            data: Some([(key.to_owned(), ByteString(content.to_vec()))].into()),
            ..Secret::default()
        }
    }

    #[test]
    fn a_secret_has_a_kubeconfig_or_is_named_by_what_is_wrong_with_it() {
        let good = secret("kubeconfig", b"kind: Config");
        assert_eq!(kubeconfig(&good), Ok(b"kind: Config".as_slice()));
        let opaque = Secret { type_: Some("Opaque".to_owned()), ..good.clone() };
        let untyped = Secret { type_: None, ..good };
        let large = vec![b'a'; SIZE_LIMIT];
        let cases = [
            (opaque, "InvalidSecretType", "invalid secret type: Opaque"),
            (untyped, "InvalidSecretType", "invalid secret type: "),
            (
                secret("config", b"a"),
                "MissingKubeConfigField",
                "missing kubeconfig field in Secret",
            ),
            (
                secret("kubeconfig", b""),
                "MissingKubeConfigField",
                "missing kubeconfig field in Secret",
            ),
            (
                secret("kubeconfig", &large),
                "UnableToParseKubeconfigData",
                "unable to parse kubeconfig data: the Secret is larger than 64 KiB",
            ),
        ];
        for (secret, reason, message) in cases {
            let Err(Verdict::Refused(refusal)) = kubeconfig(&secret) else {
                panic!("{reason} is expected")
            };
            assert_eq!((refusal.reason.as_str(), refusal.message.as_str()), (reason, message));
        }
    }
}
