//! Settings of direct endpoints as text: one `key=value` a line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use noq::{IdleTimeout, TransportConfig, VarInt};

use crate::config::{Congestion, DATAGRAM_RECEIVE_BYTES, hex, milliseconds, pairs, parse};
use crate::congestion::Bbr;
use crate::direct::resets::Secret;
use crate::status::Failure;

/// Streams that HTTP/3 itself takes of those the peer may open.
pub const HTTP_STREAMS: u32 = 8;

/// Round trip that is assumed before one was seen: a handshake's packet that is lost is sent again
/// after 0.3 s. RFC 9002, section 6.2.2 has a second; browsers have this.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// Settings of QUIC that both ends have.
#[derive(Clone, Debug)]
pub struct Transport {
    keep_alive: Duration,
    idle: Duration,
    congestion: Congestion,
    pub send_window: u64,
    datagram_window: usize,
    stream_window: u32,
    connection_window: u32,
    pub max_streams: u32,
    pub key_log: Option<PathBuf>,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(1),
            idle: Duration::from_secs(3),
            congestion: Congestion::Cubic,
            send_window: 1 << 20,
            datagram_window: 1 << 20,
            stream_window: 1_250_000,
            connection_window: 16 << 20,
            max_streams: 1024,
            key_log: None,
        }
    }
}

impl Transport {
    /// Takes a setting; `false` when it is none of these.
    fn set(&mut self, key: &str, value: &str) -> Result<bool, Failure> {
        match key {
            "keep_alive" => self.keep_alive = milliseconds(key, value)?,
            "idle" => self.idle = milliseconds(key, value)?,
            "congestion" => self.congestion = parse(key, value)?,
            "send_window" => self.send_window = parse(key, value)?,
            "datagram_window" => self.datagram_window = parse(key, value)?,
            "stream_window" => self.stream_window = parse(key, value)?,
            "connection_window" => self.connection_window = parse(key, value)?,
            "max_streams" => self.max_streams = parse(key, value)?,
            "key_log" => self.key_log = Some(value.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// As QUIC has them.
    pub fn config(&self) -> Result<Arc<TransportConfig>, Failure> {
        let idle = IdleTimeout::try_from(self.idle)
            .map_err(|_| Failure::argument("idle timeout out of range"))?;
        let mut config = TransportConfig::default();
        config
            .initial_rtt(INITIAL_RTT)
            .keep_alive_interval(Some(self.keep_alive))
            .max_idle_timeout(Some(idle))
            .max_concurrent_bidi_streams(VarInt::from_u32(self.max_streams))
            .max_concurrent_uni_streams(VarInt::from_u32(self.max_streams))
            .stream_receive_window(VarInt::from_u32(self.stream_window))
            .receive_window(VarInt::from_u32(self.connection_window))
            .send_window(self.send_window)
            .datagram_send_buffer_size(self.datagram_window)
            .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES));
        if self.congestion == Congestion::Bbr3 {
            config.congestion_controller_factory(Arc::new(Bbr::default()));
        }
        Ok(Arc::new(config))
    }
}

/// Whom a client takes the server for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Trust {
    /// Whom the system trusts.
    #[default]
    System,
    /// Certificates in PEM, or what they issued.
    Roots(Vec<u8>),
    /// One of these SHA-256 hashes of its certificate.
    Hashes(Vec<[u8; 32]>),
    /// Anybody.
    Anyone,
}

/// How to dial.
#[derive(Clone, Debug, Default)]
pub struct DialSettings {
    pub transport: Transport,
    /// Host to resolve, and to check the certificate for; without brackets.
    pub host: String,
    pub port: u16,
    /// The URL of a WebTransport session; absent: plain QUIC.
    pub url: Option<String>,
    pub protocols: Vec<String>,
    pub headers: Vec<(String, String)>,
    pub bind: Option<SocketAddr>,
    pub trust: Trust,
    pub patience: Duration,
}

/// How to listen.
#[derive(Clone, Debug, Default)]
pub struct ListenSettings {
    pub transport: Transport,
    pub bind: Vec<SocketAddr>,
    pub alpns: Vec<String>,
    pub web: bool,
    pub certificate: Option<Pem>,
    /// What lets a restarted listener end connections of the one before; see `resets.rs`.
    pub resets: Option<Secret>,
}

/// A certificate chain and its key, both in PEM.
#[derive(Clone, Default)]
pub struct Pem {
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Pem")
    }
}

fn unknown(key: &str) -> Failure {
    Failure::argument(format!("unknown setting {key}"))
}

/// Text that is carried as hex, because it may hold anything.
fn text(key: &str, value: &str) -> Result<String, Failure> {
    String::from_utf8(hex(key, value)?)
        .map_err(|_| Failure::argument(format!("{key}: text is not UTF-8")))
}

/// 32 bytes.
fn secret(key: &str, value: &str) -> Result<[u8; 32], Failure> {
    <[u8; 32]>::try_from(hex(key, value)?)
        .map_err(|_| Failure::argument(format!("{key}: 64 hex digits are needed")))
}

/// Reads settings of a dial.
pub fn dial_settings(lines: &str) -> Result<DialSettings, Failure> {
    let mut settings = DialSettings {
        patience: Duration::from_secs(15),
        ..DialSettings::default()
    };
    for (key, value) in pairs(lines) {
        let value = value?;
        match key {
            "host" => settings.host = value.to_owned(),
            "port" => settings.port = parse(key, value)?,
            "url" => settings.url = Some(value.to_owned()),
            "protocol" => settings.protocols.push(text(key, value)?),
            "header" => {
                let header = text(key, value)?;
                let (name, value) = header
                    .split_once(':')
                    .ok_or_else(|| Failure::argument("header: no colon"))?;
                settings.headers.push((name.to_owned(), value.to_owned()));
            }
            "bind" => settings.bind = Some(parse(key, value)?),
            "timeout" => settings.patience = milliseconds(key, value)?,
            "insecure" => settings.trust = Trust::Anyone,
            "ca" => settings.trust = Trust::Roots(hex(key, value)?),
            "hash" => settings.trust = settings.trust.with_hash(key, value)?,
            _ if settings.transport.set(key, value)? => {}
            _ => return Err(unknown(key)),
        }
    }
    Ok(settings)
}

impl Trust {
    fn with_hash(self, key: &str, value: &str) -> Result<Self, Failure> {
        let hash = secret(key, value)?;
        let mut hashes = match self {
            Self::Hashes(hashes) => hashes,
            _ => Vec::new(),
        };
        hashes.push(hash);
        Ok(Self::Hashes(hashes))
    }
}

/// Reads settings of a listener.
pub fn listen_settings(lines: &str) -> Result<ListenSettings, Failure> {
    let mut settings = ListenSettings::default();
    for (key, value) in pairs(lines) {
        let value = value?;
        match key {
            "bind" => settings.bind.push(parse(key, value)?),
            "protocol" => settings.alpns.push(text(key, value)?),
            "web" => settings.web = value == "1",
            "chain" => settings.certificate.get_or_insert_default().chain = hex(key, value)?,
            "key" => settings.certificate.get_or_insert_default().key = hex(key, value)?,
            "resets" => settings.resets = Some(secret(key, value)?),
            _ if settings.transport.set(key, value)? => {}
            _ => return Err(unknown(key)),
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dials_are_read() {
        let settings = dial_settings(concat!(
            "host=::1\nport=4433\nurl=https://[::1]:4433/a?b\nprotocol=6d6f71742d3232\n",
            "header=613a623a63\ntimeout=5\nmax_streams=7\ncongestion=bbr3\nkey_log=/a b\n",
            "hash=0101010101010101010101010101010101010101010101010101010101010101\n",
            "hash=0202020202020202020202020202020202020202020202020202020202020202\n",
        ))
        .unwrap();
        assert_eq!(settings.host, "::1");
        assert_eq!(settings.protocols, ["moqt-22"]);
        assert_eq!(settings.headers, [("a".to_owned(), "b:c".to_owned())]);
        assert_eq!(settings.patience, Duration::from_millis(5));
        assert_eq!(settings.trust, Trust::Hashes(vec![[1; 32], [2; 32]]));
        assert_eq!(settings.transport.max_streams, 7);
        assert!(settings.transport.config().is_ok());
    }

    #[test]
    fn what_cannot_be_read_says_which_setting_it_was() {
        for (lines, word) in [
            ("port=70000", "port"),
            ("hash=00", "hash"),
            ("header=6161", "header"),
            ("protocol=ff", "protocol"),
            ("colour=blue", "colour"),
        ] {
            let failure = dial_settings(lines).unwrap_err();
            assert!(failure.text.contains(word), "{}", failure.text);
        }
        assert!(listen_settings("host=a").is_err());
        let failure = listen_settings("resets=0011").unwrap_err();
        assert!(failure.text.contains("resets"), "{}", failure.text);
    }
}
