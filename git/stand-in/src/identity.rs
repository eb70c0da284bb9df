//! Certificates.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a server shows of itself.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    /// The authority's certificate, in PEM.
    pub authority: String,
    /// The server's, in PEM.
    pub leaf: String,
}

impl Identity {
    /// How a server shows it, and which protocols it offers.
    pub fn server_config(self, protocols: &[&[u8]]) -> ServerConfig {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain, key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
        config
    }
}

/// A certificate for names, signed by an authority that exists for it alone.
pub fn identity(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
    signed_by("Authority", names, change)
}

/// The same by an authority of a name.
pub fn signed_by(
    authority_name: &str,
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Identity {
    issued_by(|it| it.distinguished_name.push(DnType::CommonName, authority_name), names, change)
}

/// The same by an authority that is otherwise than usual.
pub fn issued_by(
    change_authority: impl FnOnce(&mut CertificateParams),
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Identity {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change_authority(&mut authority);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let mut leaf = params(names);
    change(&mut leaf);
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let chain = vec![leaf.der().clone()];
    Identity { chain, key, authority: authority_pem, leaf: leaf.pem() }
}

/// A certificate that is its own authority, as `openssl req -x509` makes them.
pub fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut leaf = params(names);
    leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut leaf);
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.self_signed(&key).unwrap();
    let chain = vec![leaf.der().clone()];
    Identity { chain, key, authority: leaf.pem(), leaf: leaf.pem() }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).unwrap()
}
