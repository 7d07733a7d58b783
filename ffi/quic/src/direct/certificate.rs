//! The server's side of TLS: certificates from PEM or made here, and exchanged while it listens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use noq::crypto::rustls::QuicServerConfig;
use rcgen::{Certificate, CertificateParams, DnType, KeyPair, SanType};
use ring::digest::{SHA256, digest};
use rustls::CipherSuite;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;

use crate::config::parse;
use crate::direct::key_log::{hex, key_log};
use crate::direct::settings::{ListenSettings, Pem};
use crate::entry::{copy_text, entry, input_text, lock};
use crate::status::Failure;

/// What browsers take of a certificate that is pinned by its hash is at most 14 days
/// (https://www.w3.org/TR/webtransport/#certificate-hashes).
const SELF_SIGNED_LIFE: Duration = Duration::from_secs(13 * 86_400);
/// Clocks differ: the certificate is valid from a little before now on.
const CLOCK_SLACK: Duration = Duration::from_secs(3_600);
/// ALPN of HTTP/3.
pub const HTTP3: &str = "h3";

/// The certificate in use; another one is for new connections.
#[derive(Debug)]
pub struct Certificates(Mutex<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl Certificates {
    pub fn new(key: CertifiedKey) -> Self {
        Self(Mutex::new(Arc::new(key)))
    }

    pub fn set(&self, key: CertifiedKey) {
        *lock(&self.0) = Arc::new(key);
    }

    fn current(&self) -> Arc<CertifiedKey> {
        lock(&self.0).clone()
    }

    /// SHA-256 of the server's own certificate, in hex.
    pub fn hash(&self) -> String {
        let current = self.current();
        current
            .cert
            .first()
            .map_or_else(String::new, |certificate| hex(&sha256(certificate)))
    }
}

pub fn sha256(certificate: &CertificateDer<'_>) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, certificate).as_ref());
    hash
}

/// Cryptography of both ends: AES with 128 bits first, as browsers have it, since it is the faster one.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = default_provider();
        let suites = &mut provider.cipher_suites;
        suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        Arc::new(provider)
    });
    PROVIDER.clone()
}

/// Certificates in PEM.
pub fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let list = list.map_err(|error| Failure::argument(format!("{what}: {error}")))?;
    if list.is_empty() {
        return Err(Failure::argument(format!("{what}: no certificate in PEM")));
    }
    Ok(list)
}

/// A chain with its key.
pub fn from_pem(pem: &Pem) -> Result<CertifiedKey, Failure> {
    let chain = certificates("certificate", &pem.chain)?;
    // The error of the parser may hold what it was given: the key is not to be repeated.
    let key = PrivateKeyDer::from_pem_slice(&pem.key)
        .map_err(|_| Failure::argument("key: no private key in PEM"))?;
    certified(chain, key)
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, Failure> {
    CertifiedKey::from_der(chain, key, &provider())
        .map_err(|error| Failure::argument(format!("certificate and key: {error}")))
}

/// A certificate for this machine and the address listened at.
pub fn self_signed(address: IpAddr) -> Result<CertifiedKey, Failure> {
    let (certificate, key, _) = make_self_signed(address)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    certified(vec![certificate.der().clone()], key.into())
}

/// The same for who keeps it: certificate and key (PKCS #8) in DER, and when it ends in seconds since
/// the epoch, one `key=value` a line.
fn self_signed_lines(address: IpAddr) -> Result<String, Failure> {
    let (certificate, key, ends) = make_self_signed(address)?;
    Ok(format!(
        "certificate={}\nkey={}\nends={}\n",
        hex(certificate.der()),
        hex(&key.serialize_der()),
        ends.duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    ))
}

fn make_self_signed(address: IpAddr) -> Result<(Certificate, KeyPair, SystemTime), Failure> {
    let failed = |error: rcgen::Error| Failure::argument(format!("self-signed: {error}"));
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).map_err(failed)?;
    let mut addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    if !address.is_unspecified() && !addresses.contains(&address) {
        addresses.push(address);
    }
    let names = addresses.into_iter().map(SanType::IpAddress);
    params.subject_alt_names.extend(names);
    params.distinguished_name.push(DnType::CommonName, "xoq");
    let begins = SystemTime::now() - CLOCK_SLACK;
    let ends = begins + SELF_SIGNED_LIFE;
    params.not_before = begins.into();
    params.not_after = ends.into();
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((certificate, key, ends))
}

/// Copies a new self-signed certificate to `into` (see `self_signed_lines`); returns the length.
///
/// # Safety
/// `address`, an IP address, points to `address_length` readable bytes; `into` to `length` writable ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_self_signed(
    address: *const u8,
    address_length: u32,
    into: *mut u8,
    length: u32,
) -> i32 {
    entry(|| {
        // SAFETY: the caller's promise.
        let address = unsafe { input_text(address, address_length) }?;
        let address = parse("address", address)?;
        let text = self_signed_lines(address)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { copy_text(&text, into, length) })
    })
}

/// TLS as the settings have it.
pub fn server_config(
    settings: &ListenSettings,
    certificates: Arc<Certificates>,
) -> Result<noq::ServerConfig, Failure> {
    let wrong = |error: rustls::Error| Failure::argument(error.to_string());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(wrong)?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    let web = settings.web.then_some(HTTP3);
    let alpns = settings.alpns.iter().map(String::as_str).chain(web);
    tls.alpn_protocols = alpns.map(|alpn| alpn.as_bytes().to_vec()).collect();
    tls.key_log = key_log(settings.transport.key_log.as_deref())?;
    let quic =
        QuicServerConfig::try_from(tls).map_err(|error| Failure::argument(error.to_string()))?;
    let mut config = noq::ServerConfig::with_crypto(Arc::new(quic));
    config.transport_config(settings.transport.config()?);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_can_be_used() {
        let key = self_signed("192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(key.cert.len(), 1);
        let certificates = Certificates::new(key);
        let first = certificates.hash();
        assert_eq!(first.len(), 64);
        certificates.set(self_signed(Ipv4Addr::UNSPECIFIED.into()).unwrap());
        assert_ne!(certificates.hash(), first);
    }

    #[test]
    fn a_certificate_to_be_kept_says_when_it_ends() {
        let lines = self_signed_lines(Ipv4Addr::LOCALHOST.into()).unwrap();
        let ends: u64 = lines
            .lines()
            .find_map(|line| line.strip_prefix("ends="))
            .unwrap()
            .parse()
            .unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let days = (ends - now.as_secs()) / 86_400;
        assert_eq!(days, 12, "13 days, less the hour that clocks may differ by");
        assert!(lines.starts_with("certificate=30"));
    }

    #[test]
    fn what_is_no_certificate_is_told_without_the_key() {
        let failure = from_pem(&Pem {
            chain: b"nothing".to_vec(),
            key: b"secret".to_vec(),
        })
        .unwrap_err();
        assert_eq!(failure.text, "certificate: no certificate in PEM");
    }
}
