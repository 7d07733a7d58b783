//! How large packets may become.

use std::net::IpAddr;
use std::sync::Arc;

use noq::TransportConfig;
use noq_proto::MtuDiscoveryConfig;

/// Largest UDP payload that is received, and that is tried towards this machine itself. Ten packets,
/// which go out with one system call, stay within UDP's 64 KiB.
pub const LARGE: u16 = 6_400;

/// Whether packets to an address stay on this machine, whose loopback takes large ones: they halve the
/// processor time of a byte. Elsewhere, looking for more than Ethernet's would mostly cost time.
pub fn stay_here(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The same settings, for packets that stay on this machine.
pub fn large(config: &TransportConfig) -> Arc<TransportConfig> {
    let mut search = MtuDiscoveryConfig::default();
    search.upper_bound(LARGE);
    let mut config = config.clone();
    config.mtu_discovery_config(Some(search));
    Arc::new(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine() {
        for (address, here) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("192.0.2.1", false),
            ("::", false),
        ] {
            assert_eq!(stay_here(address.parse().unwrap()), here, "{address}");
        }
    }
}
