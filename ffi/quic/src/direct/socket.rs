//! UDP sockets with room for bursts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use noq::{Endpoint, EndpointConfig, Runtime, ServerConfig, TokioRuntime};
use socket2::{Domain, Protocol, Socket, Type};

use crate::direct::packets;
use crate::direct::port::Port;
use crate::direct::resets::{self, Secret};
use crate::entry::runtime;
use crate::status::{Failure, IO};

/// Asked of the system; it gives what it allows.
const SOCKET_BUFFER_BYTES: usize = 7 << 20;

fn failure(error: &io::Error) -> Failure {
    let errno = error.raw_os_error().unwrap_or(0).unsigned_abs();
    Failure::with_code(IO, errno.into(), error.to_string())
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        // All addresses means those of IPv4 too.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Smaller buffers cost throughput only.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket)
}

/// What an endpoint is a server by.
#[derive(Clone)]
pub struct Server {
    pub config: ServerConfig,
    /// Keys of what must outlive the process; absent: nothing need.
    pub resets: Option<Secret>,
}

/// An endpoint at the first of `addresses` whose family the system has, and its socket, to be released
/// before the endpoint and all of its connections are.
pub fn endpoint(
    addresses: &[SocketAddr],
    server: Option<&Server>,
) -> Result<(Endpoint, Port), Failure> {
    let mut last = Failure::argument("bind: no address");
    let secret = server.and_then(|server| server.resets.as_ref());
    for address in addresses {
        let opened = open(*address).and_then(|socket| {
            let _context = runtime().enter();
            let mut config = match (secret, socket.local_addr()?.as_socket()) {
                (Some(secret), Some(bound)) => resets::endpoint_config(secret, bound),
                _ => EndpointConfig::default(),
            };
            config
                .max_udp_payload_size(packets::LARGE)
                .map_err(|_| io::ErrorKind::InvalidInput)?;
            let port = Port::new(TokioRuntime.wrap_udp_socket(socket.into())?);
            let socket = Box::new(port.clone());
            let server = server.map(|server| server.config.clone());
            let runtime = Arc::new(TokioRuntime);
            Endpoint::new_with_abstract_socket(config, server, socket, runtime)
                .map(|endpoint| (endpoint, port))
        });
        match opened {
            Ok(made) => return Ok(made),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(failure(&error)),
            // The last one's reason is the one that counts.
            Err(error) => last = failure(&error),
        }
    }
    Err(last)
}
