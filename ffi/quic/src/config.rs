//! Settings and addresses as text: one `key=value` a line.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use iroh::endpoint::{AckFrequencyConfig, IdleTimeout, QuicTransportConfig, VarInt};
use iroh::{EndpointAddr, EndpointId, RelayUrl, SecretKey, TransportAddr};

use crate::congestion::Bbr;
use crate::status::Failure;

/// Streams the peer may have open at once; each may hold `stream_window` unread bytes, all together
/// `connection_window`.
const MAX_BIDIRECTIONAL_STREAMS: u32 = 2_048;
const MAX_UNIDIRECTIONAL_STREAMS: u32 = 4_096;
/// Datagrams that nobody reads: beyond this the oldest go.
pub const DATAGRAM_RECEIVE_BYTES: usize = 1 << 20;

/// Which relays, and with them which discovery.
#[derive(Clone, Debug, PartialEq)]
pub enum Relay {
    /// No relay, no DNS discovery, nothing published.
    None,
    /// The relays and the DNS of iroh's makers.
    Default,
    /// These relays, and the DNS of iroh's makers.
    Custom(Vec<RelayUrl>),
}

/// How a connection finds out how fast it may send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Congestion {
    /// Backs off at each loss: the most throughput where losses mean congestion.
    Cubic,
    /// Models bandwidth and round trip: bears random loss, keeps queues short.
    Bbr3,
}

impl FromStr for Congestion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "cubic" => Ok(Self::Cubic),
            "bbr3" => Ok(Self::Bbr3),
            _ => Err(()),
        }
    }
}

/// How to make an endpoint.
#[derive(Clone, Debug)]
pub struct Config {
    pub secret: Option<SecretKey>,
    pub alpns: Vec<Vec<u8>>,
    pub bind: Vec<SocketAddr>,
    pub relay: Relay,
    pub mdns: bool,
    pub keep_alive: Duration,
    pub idle: Duration,
    pub initial_rtt: Duration,
    pub ack_threshold: Option<u32>,
    pub max_ack_delay: Option<Duration>,
    pub congestion: Congestion,
    pub send_window: u64,
    pub datagram_window: usize,
    pub stream_window: u32,
    pub connection_window: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            secret: None,
            alpns: Vec::new(),
            bind: Vec::new(),
            relay: Relay::None,
            mdns: false,
            keep_alive: Duration::from_secs(1),
            idle: Duration::from_secs(3),
            initial_rtt: Duration::from_millis(100),
            ack_threshold: None,
            max_ack_delay: None,
            congestion: Congestion::Cubic,
            send_window: 1 << 20,
            datagram_window: 1 << 20,
            stream_window: 1_250_000,
            connection_window: 16 << 20,
        }
    }
}

impl FromStr for Config {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let mut config = Self::default();
        for (key, value) in pairs(text) {
            let value = value?;
            match key {
                "secret" => config.secret = Some(secret(value)?),
                "alpn" => config.alpns.push(hex(key, value)?),
                "bind" => config.bind.push(parse(key, value)?),
                "relay" => config.relay = config.relay.with(value)?,
                "mdns" => config.mdns = value == "1",
                "keep_alive" => config.keep_alive = milliseconds(key, value)?,
                "idle" => config.idle = milliseconds(key, value)?,
                "initial_rtt" => config.initial_rtt = milliseconds(key, value)?,
                "ack_threshold" => config.ack_threshold = Some(parse(key, value)?),
                "max_ack_delay" => config.max_ack_delay = Some(milliseconds(key, value)?),
                "congestion" => config.congestion = parse(key, value)?,
                "send_window" => config.send_window = parse(key, value)?,
                "datagram_window" => config.datagram_window = parse(key, value)?,
                "stream_window" => config.stream_window = parse(key, value)?,
                "connection_window" => config.connection_window = parse(key, value)?,
                _ => return Err(Failure::argument(format!("unknown setting {key}"))),
            }
        }
        Ok(config)
    }
}

impl Relay {
    fn with(self, value: &str) -> Result<Self, Failure> {
        match (value, self) {
            ("none", _) => Ok(Self::None),
            ("default", _) => Ok(Self::Default),
            (url, Self::Custom(mut urls)) => {
                urls.push(parse("relay", url)?);
                Ok(Self::Custom(urls))
            }
            (url, _) => Ok(Self::Custom(vec![parse("relay", url)?])),
        }
    }
}

impl Config {
    /// The settings of QUIC itself.
    pub fn transport(&self) -> Result<QuicTransportConfig, Failure> {
        let idle = IdleTimeout::try_from(self.idle)
            .map_err(|_| Failure::argument("idle timeout out of range"))?;
        let mut builder = QuicTransportConfig::builder()
            .keep_alive_interval(self.keep_alive)
            .max_idle_timeout(Some(idle))
            // A dead path is given up after the connection would have been, so that a connection
            // whose only path dies ends as timed out, and one with a relay left goes on.
            .default_path_keep_alive_interval(self.keep_alive)
            .default_path_max_idle_timeout(self.idle + 2 * self.keep_alive)
            .initial_rtt(self.initial_rtt)
            .max_concurrent_bidi_streams(VarInt::from_u32(MAX_BIDIRECTIONAL_STREAMS))
            .max_concurrent_uni_streams(VarInt::from_u32(MAX_UNIDIRECTIONAL_STREAMS))
            .stream_receive_window(VarInt::from_u32(self.stream_window))
            .receive_window(VarInt::from_u32(self.connection_window))
            .send_window(self.send_window)
            .datagram_send_buffer_size(self.datagram_window)
            .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES));
        if self.ack_threshold.is_some() || self.max_ack_delay.is_some() {
            let mut acks = AckFrequencyConfig::default();
            if let Some(threshold) = self.ack_threshold {
                acks.ack_eliciting_threshold(VarInt::from_u32(threshold));
            }
            acks.max_ack_delay(self.max_ack_delay);
            builder = builder.ack_frequency_config(Some(acks));
        }
        if self.congestion == Congestion::Bbr3 {
            builder = builder.congestion_controller_factory(Arc::new(Bbr::default()));
        }
        Ok(builder.build())
    }
}

/// Reads `id=…`, `relay=…`, `direct=…` lines.
pub fn address(text: &str) -> Result<EndpointAddr, Failure> {
    let mut id = None;
    let mut addresses = Vec::new();
    for (key, value) in pairs(text) {
        let value = value?;
        match key {
            "id" => id = Some(parse::<EndpointId>(key, value)?),
            "relay" => addresses.push(TransportAddr::Relay(parse(key, value)?)),
            "direct" => addresses.push(TransportAddr::Ip(parse(key, value)?)),
            _ => return Err(Failure::argument(format!("unknown part of address {key}"))),
        }
    }
    let id = id.ok_or_else(|| Failure::argument("address without id"))?;
    Ok(EndpointAddr::from_parts(id, addresses))
}

/// Writes what [`address`] reads.
pub fn address_text(address: &EndpointAddr) -> String {
    let mut text = format!("id={}\n", address.id);
    for part in &address.addrs {
        match part {
            TransportAddr::Relay(url) => text += &format!("relay={url}\n"),
            TransportAddr::Ip(socket) => text += &format!("direct={socket}\n"),
            _ => {}
        }
    }
    text
}

pub fn pairs(text: &str) -> impl Iterator<Item = (&str, Result<&str, Failure>)> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_once('=') {
            Some((key, value)) => (key, Ok(value)),
            None => (line, Err(Failure::argument(format!("no value in {line}")))),
        })
}

pub fn parse<T: FromStr>(key: &str, value: &str) -> Result<T, Failure> {
    value
        .parse()
        .map_err(|_| Failure::argument(format!("{key}: cannot read {value}")))
}

pub fn milliseconds(key: &str, value: &str) -> Result<Duration, Failure> {
    Ok(Duration::from_millis(parse(key, value)?))
}

/// The value is not in the message: it is a secret.
fn secret(value: &str) -> Result<SecretKey, Failure> {
    let bytes: Option<[u8; 32]> = hex("secret", value)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(|bytes| SecretKey::from_bytes(&bytes))
        .ok_or_else(|| Failure::argument("secret: 64 hex digits are needed"))
}

pub fn hex(key: &str, value: &str) -> Result<Vec<u8>, Failure> {
    let wrong = || Failure::argument(format!("{key}: hex digits in pairs are needed"));
    if !value.len().is_multiple_of(2) || !value.is_ascii() {
        return Err(wrong());
    }
    (0..value.len() / 2)
        .map(|i| u8::from_str_radix(&value[2 * i..2 * i + 2], 16).map_err(|_| wrong()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::BAD_ARGUMENT;

    #[test]
    fn settings_are_read() {
        let config: Config = concat!(
            "secret=0101010101010101010101010101010101010101010101010101010101010101\n",
            "alpn=786f71\nalpn=782f31\nbind=127.0.0.1:0\nbind=[::1]:4433\n",
            "relay=https://a.example\nrelay=https://b.example\nidle=3000\nack_threshold=0\ncongestion=bbr3\n",
        )
        .parse()
        .unwrap();
        assert_eq!(config.alpns, [b"xoq".to_vec(), b"x/1".to_vec()]);
        assert_eq!(config.bind[1].port(), 4433);
        assert!(matches!(&config.relay, Relay::Custom(urls) if urls.len() == 2));
        assert_eq!(config.ack_threshold, Some(0));
        assert_eq!(config.congestion, Congestion::Bbr3);
        assert!(config.transport().is_ok());
        assert_eq!(
            Config::from_str("relay=https://a.example\nrelay=none")
                .unwrap()
                .relay,
            Relay::None
        );
    }

    #[test]
    fn what_cannot_be_read_says_which_setting_it_was() {
        for (text, word) in [
            ("bind=nowhere", "bind"),
            ("alpn=xyz", "alpn"),
            ("alpn=é0", "alpn"),
            ("relay=::", "relay"),
            ("colour=blue", "colour"),
            ("mdns", "mdns"),
            ("congestion=none", "congestion"),
            ("send_window=-1", "send_window"),
        ] {
            let failure = Config::from_str(text).unwrap_err();
            assert_eq!(failure.status, BAD_ARGUMENT);
            assert!(failure.text.contains(word), "{}", failure.text);
        }
    }

    #[test]
    fn a_wrong_secret_is_not_repeated() {
        let failure = Config::from_str("secret=abcd").unwrap_err();
        assert!(!failure.text.contains("abcd"));
    }

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let id = SecretKey::from_bytes(&[7; 32]).public();
        let text = format!("id={id}\nrelay=https://relay.example/\ndirect=[::1]:9\n");
        assert_eq!(address_text(&address(&text).unwrap()), text);
        assert!(address("direct=127.0.0.1:1").is_err());
    }
}
