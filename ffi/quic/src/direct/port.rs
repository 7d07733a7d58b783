//! A UDP socket that is let go of at once. Connections that have ended may be held by the program for
//! any time, and each of them holds the socket: without this the port would stay taken.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};

use noq::udp::{RecvMeta, Transmit};
use noq::{AsyncUdpSocket, UdpSender};

use crate::entry::lock;

type Sender = Mutex<Option<Pin<Box<dyn UdpSender>>>>;

#[derive(Debug)]
struct Held {
    socket: Option<Box<dyn AsyncUdpSocket>>,
    senders: Vec<Weak<Sender>>,
    /// Senders from which on those that are gone are looked for.
    tidy_from: usize,
}

/// Fewest senders that are tidied up.
const FEW: usize = 64;

/// A socket, until it is released.
#[derive(Clone, Debug)]
pub struct Port(Arc<Mutex<Held>>);

impl Port {
    pub fn new(socket: Box<dyn AsyncUdpSocket>) -> Self {
        Self(Arc::new(Mutex::new(Held {
            socket: Some(socket),
            senders: Vec::new(),
            tidy_from: FEW,
        })))
    }

    /// Closes the socket: nothing is sent or received by it any more.
    pub fn release(&self) {
        let mut held = lock(&self.0);
        held.socket = None;
        for sender in held.senders.drain(..).filter_map(|held| held.upgrade()) {
            *lock(&sender) = None;
        }
    }
}

fn released() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl AsyncUdpSocket for Port {
    fn create_sender(&self) -> Pin<Box<dyn UdpSender>> {
        let mut held = lock(&self.0);
        let inner = held.socket.as_ref().map(|socket| socket.create_sender());
        let sender = Arc::new(Mutex::new(inner));
        if held.senders.len() >= held.tidy_from {
            held.senders.retain(|sender| sender.strong_count() > 0);
            held.tidy_from = FEW.max(held.senders.len() * 2);
        }
        held.senders.push(Arc::downgrade(&sender));
        Box::pin(PortSender(sender))
    }

    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        match &mut lock(&self.0).socket {
            Some(socket) => socket.poll_recv(context, buffers, meta),
            // Nothing comes any more.
            None => Poll::Pending,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let held = lock(&self.0);
        held.socket.as_ref().ok_or_else(released)?.local_addr()
    }

    fn max_receive_segments(&self) -> NonZeroUsize {
        let held = lock(&self.0);
        held.socket
            .as_ref()
            .map_or(NonZeroUsize::MIN, |socket| socket.max_receive_segments())
    }

    fn may_fragment(&self) -> bool {
        let held = lock(&self.0);
        held.socket
            .as_ref()
            .is_none_or(|socket| socket.may_fragment())
    }
}

#[derive(Debug)]
struct PortSender(Arc<Sender>);

impl UdpSender for PortSender {
    fn poll_send(
        self: Pin<&mut Self>,
        transmit: &Transmit<'_>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match lock(&self.0).as_mut() {
            Some(sender) => sender.as_mut().poll_send(transmit, context),
            // As if it were lost on the way.
            None => Poll::Ready(Ok(())),
        }
    }

    fn max_transmit_segments(&self) -> NonZeroUsize {
        lock(&self.0)
            .as_ref()
            .map_or(NonZeroUsize::MIN, |sender| sender.max_transmit_segments())
    }
}
