//! The client's side of TLS: whom it takes the server for, and why not.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock};

use noq::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::version::TLS13;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier as SystemVerifier;

use crate::direct::certificate::{certificates, provider, sha256};
use crate::direct::key_log::{hex, key_log};
use crate::direct::settings::{Transport, Trust};
use crate::entry::lock;
use crate::status::Failure;

/// Why the server was not trusted, in words; for the dial that failed by it.
pub type Reason = Arc<Mutex<Option<String>>>;

#[derive(Debug)]
enum Check {
    Verifier(Arc<dyn ServerCertVerifier>),
    /// Those certificates themselves, and what they issued.
    Roots(Arc<WebPkiServerVerifier>, Vec<CertificateDer<'static>>),
    Hashes(Vec<[u8; 32]>),
    Anyone,
}

#[derive(Debug)]
struct Checker {
    check: Check,
    reason: Reason,
}

/// The system's verifier, made once: reading the roots takes a while.
fn system() -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    static VERIFIER: OnceLock<Arc<SystemVerifier>> = OnceLock::new();
    if let Some(verifier) = VERIFIER.get() {
        return Ok(verifier.clone());
    }
    let verifier = SystemVerifier::new(provider())
        .map_err(|error| Failure::argument(format!("the system's certificates: {error}")))?;
    Ok(VERIFIER.get_or_init(|| Arc::new(verifier)).clone())
}

impl Check {
    fn new(trust: &Trust) -> Result<Self, Failure> {
        Ok(match trust {
            Trust::System => Self::Verifier(system()?),
            Trust::Roots(pem) => {
                let list = certificates("ca", pem)?;
                let mut roots = RootCertStore::empty();
                for certificate in &list {
                    roots
                        .add(certificate.clone())
                        .map_err(|error| Failure::argument(format!("ca: {error}")))?;
                }
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots.into(), provider())
                        .build()
                        .map_err(|error| Failure::argument(format!("ca: {error}")))?;
                Self::Roots(verifier, list)
            }
            Trust::Hashes(hashes) => Self::Hashes(hashes.clone()),
            Trust::Anyone => Self::Anyone,
        })
    }

    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        match self {
            Self::Verifier(verifier) => verifier
                .verify_server_cert(certificate, chain, name, ocsp, now)
                .map(drop),
            Self::Roots(verifier, roots) => {
                let verified = verifier.verify_server_cert(certificate, chain, name, ocsp, now);
                match verified {
                    // A certificate made to stand for itself, as `openssl req -x509` makes them,
                    // may call itself an authority. Its dates are checked before that.
                    Err(error) if used_as_server(&error) && roots.contains(certificate) => {
                        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
                    }
                    other => other.map(drop),
                }
            }
            Self::Hashes(hashes) => {
                let hash = sha256(certificate);
                if hashes.contains(&hash) {
                    return Ok(());
                }
                let wrong = OtherError(Arc::new(WrongHash(hash)));
                Err(CertificateError::Other(wrong).into())
            }
            Self::Anyone => Ok(()),
        }
    }
}

/// Whether the only fault found is that an authority's certificate stands for a server.
fn used_as_server(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) = error else {
        return false;
    };
    matches!(
        cause.downcast_ref::<webpki::Error>(),
        Some(webpki::Error::CaUsedAsEndEntity)
    )
}

#[derive(Debug)]
struct WrongHash([u8; 32]);

impl std::fmt::Display for WrongHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "its certificate's hash is {}, which is not pinned",
            hex(&self.0)
        )
    }
}

impl std::error::Error for WrongHash {}

/// The name in `DnsName("localhost")` or `IpAddress(127.0.0.1)`.
fn bare_name(presented: &str) -> &str {
    presented
        .split_once('(')
        .map_or(presented, |(_, name)| name.trim_end_matches(')'))
        .trim_matches('"')
}

fn name_text(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}

/// What is wrong, in words.
fn reason(error: &Error, name: &ServerName<'_>) -> String {
    let Error::InvalidCertificate(error) = error else {
        return error.to_string();
    };
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            let seconds = time.as_secs().saturating_sub(not_after.as_secs());
            format!("its certificate expired {} ago", duration_text(seconds))
        }
        CertificateError::Expired => "its certificate has expired".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            let seconds = not_before.as_secs().saturating_sub(time.as_secs());
            format!(
                "its certificate is valid only in {}: is this clock right?",
                duration_text(seconds)
            )
        }
        CertificateError::NotValidYet => "its certificate is not valid yet".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<_> = presented.iter().map(|name| bare_name(name)).collect();
            let names = names.join(", ");
            format!(
                "its certificate is for {names}, not for {}",
                name_text(name)
            )
        }
        CertificateError::NotValidForName => {
            format!("its certificate is not for {}", name_text(name))
        }
        CertificateError::UnknownIssuer => "nobody trusted here issued its certificate".to_owned(),
        CertificateError::Other(OtherError(cause)) => cause.to_string(),
        other => format!("its certificate: {other}"),
    }
}

fn duration_text(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

impl ServerCertVerifier for Checker {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.check.verify(certificate, chain, name, ocsp, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(error) => {
                *lock(&self.reason) = Some(reason(&error, name));
                Err(error)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// TLS of a dial; `reason` is told when the server is not trusted.
pub fn client_config(
    transport: &Transport,
    trust: &Trust,
    alpns: impl Iterator<Item = Vec<u8>>,
    reason: Reason,
) -> Result<noq::ClientConfig, Failure> {
    let checker = Checker {
        check: Check::new(trust)?,
        reason,
    };
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| Failure::argument(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(checker))
        .with_no_client_auth();
    tls.alpn_protocols = alpns.collect();
    tls.key_log = key_log(transport.key_log.as_deref())?;
    let quic =
        QuicClientConfig::try_from(tls).map_err(|error| Failure::argument(error.to_string()))?;
    let mut config = noq::ClientConfig::new(Arc::new(quic));
    config.transport_config(transport.config()?);
    Ok(config)
}
