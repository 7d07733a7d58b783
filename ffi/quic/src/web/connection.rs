//! An HTTP/3 connection: settings both ways, and everything that arrives sorted by session.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Buf;
use iroh::endpoint::{RecvStream, SendStream, VarInt};
use tokio::sync::{SetOnce, mpsc, watch};
use tokio::time::timeout;
use web_transport_proto::{Frame, Settings, StreamUni, VarInt as WireInt};

use crate::direct::Leaving;
use crate::entry::lock;
use crate::panics::spawn;
use crate::status::{CONNECTION_RESET, Failure, UNSUPPORTED};
use crate::web::codes;
use crate::web::request::{self, Request};
use crate::web::session::Session;
use crate::web::wire::{self, FrameError};

/// Sessions at once on one connection.
const MAX_SESSIONS: u32 = 64;
/// Streams kept of a session that is not known yet: its request may come after them.
const MAX_EARLY_STREAMS: usize = 64;
/// How long a connection stays without a session.
const IDLE_PATIENCE: Duration = Duration::from_secs(10);

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    Client,
    Server,
}

/// A stream whose session is not known yet.
struct Early {
    session: u64,
    send: Option<SendStream>,
    receive: RecvStream,
}

#[derive(Default)]
struct Sessions {
    open: HashMap<u64, Arc<Session>>,
    early: VecDeque<Early>,
    /// Sessions with ids below this have been opened, and those that are not open have ended.
    next: u64,
}

/// A connection that carries sessions.
pub struct HttpConnection {
    pub quic: noq::Connection,
    pub role: Role,
    /// Where the connection was dialled from; it goes when the connection does.
    endpoint: Option<noq::Endpoint>,
    pub leaving: Arc<Leaving>,
    /// Where clients' requests go.
    requests: Option<mpsc::Sender<Request>>,
    sessions: Mutex<Sessions>,
    count: watch::Sender<usize>,
    /// How many sessions the peer takes, by its settings.
    pub peer_sessions: SetOnce<u64>,
}

impl HttpConnection {
    pub fn client(quic: noq::Connection, endpoint: noq::Endpoint) -> Arc<Self> {
        Self::start(quic, Role::Client, Some(endpoint), Arc::default(), None)
    }

    pub fn server(
        quic: noq::Connection,
        leaving: Arc<Leaving>,
        requests: mpsc::Sender<Request>,
    ) -> Arc<Self> {
        Self::start(quic, Role::Server, None, leaving, Some(requests))
    }

    fn start(
        quic: noq::Connection,
        role: Role,
        endpoint: Option<noq::Endpoint>,
        leaving: Arc<Leaving>,
        requests: Option<mpsc::Sender<Request>>,
    ) -> Arc<Self> {
        let http = Arc::new(Self {
            quic,
            role,
            endpoint,
            leaving,
            requests,
            sessions: Mutex::default(),
            count: watch::channel(0).0,
            peer_sessions: SetOnce::new(),
        });
        spawn(&http.quic, Box::pin(http.clone().run()));
        http
    }

    async fn run(self: Arc<Self>) {
        let reason = tokio::select! {
            reason = self.quic.closed() => reason,
            // None of these ends before the connection does.
            () = self.send_settings() => self.quic.closed().await,
            () = self.accept_unidirectional() => self.quic.closed().await,
            () = self.accept_bidirectional() => self.quic.closed().await,
            () = self.sort_datagrams() => self.quic.closed().await,
            () = self.leave_when_idle() => self.quic.closed().await,
        };
        let failure = codes::session_failure(reason.into());
        let open: Vec<_> = lock(&self.sessions).open.values().cloned().collect();
        for session in open {
            session.finish(failure.clone());
        }
        lock(&self.sessions).early.clear();
    }

    fn violation(&self, code: VarInt, what: &str) {
        self.quic.close(code, what.as_bytes());
    }

    /// Closes the connection, and waits until that is on its way.
    pub async fn close(&self, code: VarInt) {
        self.quic.close(code, b"");
        if let Some(endpoint) = &self.endpoint {
            endpoint.wait_all_draining().await;
        }
    }

    /// How many sessions are open, as it changes.
    pub fn sessions(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    async fn send_settings(&self) {
        let Ok(mut control) = self.quic.open_uni().await else {
            return;
        };
        let mut settings = Settings::default();
        settings.enable_webtransport(MAX_SESSIONS);
        let mut bytes = Vec::new();
        settings.encode(&mut bytes);
        let _ = control.set_priority(i32::MAX);
        let _ = control.write_all(&bytes).await;
        // The control stream lives as long as the connection (RFC 9114, section 6.2.1).
        self.quic.closed().await;
    }

    async fn accept_unidirectional(self: &Arc<Self>) {
        while let Ok(stream) = self.quic.accept_uni().await {
            let http = self.clone();
            finish_soon(&self.quic, async move { http.unidirectional(stream).await });
        }
    }

    async fn unidirectional(&self, mut stream: RecvStream) {
        let Some(kind) = wire::integer(&mut stream).await else {
            return;
        };
        match StreamUni(kind_of(kind)) {
            StreamUni::WEBTRANSPORT => {
                if let Some(session) = wire::integer(&mut stream).await {
                    self.deliver(session, None, stream);
                }
            }
            StreamUni::CONTROL => self.read_control(stream).await,
            // Without a dynamic table nothing of consequence is on these.
            StreamUni::QPACK_ENCODER | StreamUni::QPACK_DECODER => {
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            }
            _ => drop(stream.stop(codes::STREAM_CREATION_ERROR)),
        }
    }

    async fn read_control(&self, mut stream: RecvStream) {
        match wire::frame(&mut stream, Frame::SETTINGS).await {
            Ok(Ok(payload)) => match peer_sessions(&payload) {
                Some(count) if self.peer_sessions.set(count).is_ok() => {}
                Some(_) => return self.violation(codes::STREAM_CREATION_ERROR, "control twice"),
                None => return self.violation(codes::SETTINGS_ERROR, "settings"),
            },
            Ok(Err(_)) => return self.violation(codes::FRAME_UNEXPECTED, "settings come first"),
            Err(FrameError::TooLarge(_)) => {
                return self.violation(codes::SETTINGS_ERROR, "settings too large");
            }
            Err(FrameError::Ended) => {}
        }
        // Nothing that may follow (GOAWAY, priorities) changes what is done here.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        self.violation(
            codes::CLOSED_CRITICAL_STREAM,
            "the control stream has ended",
        );
    }

    async fn accept_bidirectional(self: &Arc<Self>) {
        while let Ok((send, receive)) = self.quic.accept_bi().await {
            let http = self.clone();
            finish_soon(&self.quic, async move {
                http.bidirectional(send, receive).await
            });
        }
    }

    async fn bidirectional(self: &Arc<Self>, mut send: SendStream, mut receive: RecvStream) {
        loop {
            let Some(kind) = wire::integer(&mut receive).await else {
                let _ = send.reset(codes::MESSAGE_ERROR);
                return;
            };
            if kind == Frame::WEBTRANSPORT.0.into_inner() {
                match wire::integer(&mut receive).await {
                    Some(session) => self.deliver(session, Some(send), receive),
                    None => drop(send.reset(codes::MESSAGE_ERROR)),
                }
                return;
            }
            match wire::frame_after(&mut receive, kind, Frame::HEADERS).await {
                Ok(None) => {}
                Ok(Some(Ok(fields))) => {
                    return self.request(send, receive, &fields).await;
                }
                Ok(Some(Err(_))) => {
                    return self
                        .violation(codes::FRAME_UNEXPECTED, "a request begins with headers");
                }
                Err(FrameError::TooLarge(_)) => {
                    return request::answer(send, receive, request::TOO_LARGE).await;
                }
                Err(FrameError::Ended) => return drop(send.reset(codes::MESSAGE_ERROR)),
            }
        }
    }

    async fn request(self: &Arc<Self>, mut send: SendStream, receive: RecvStream, fields: &[u8]) {
        let Some(requests) = &self.requests else {
            let _ = send.reset(codes::REQUEST_REJECTED);
            return;
        };
        if let Some(request) = request::receive(self, send, receive, fields).await {
            // Fails when the listener has closed; dropping the request refuses it.
            let _ = timeout(request::PATIENCE, requests.send(request)).await;
        }
    }

    /// Makes a session: for a request that is made, or that has come.
    pub fn session(self: &Arc<Self>, id: u64) -> Option<Arc<Session>> {
        let mut guard = lock(&self.sessions);
        let sessions = &mut *guard;
        if sessions.open.len() >= MAX_SESSIONS as usize {
            return None;
        }
        let session = Session::new(self.clone(), id);
        sessions.open.insert(id, session.clone());
        sessions.next = sessions.next.max(id + 1);
        for _ in 0..sessions.early.len() {
            let Some(early) = sessions.early.pop_front() else {
                break;
            };
            if early.session == id {
                session.deliver(early.send, early.receive);
            } else {
                sessions.early.push_back(early);
            }
        }
        self.count.send_replace(sessions.open.len());
        Some(session)
    }

    /// The session `id` has ended.
    pub fn forget(&self, id: u64) {
        let mut sessions = lock(&self.sessions);
        sessions.open.remove(&id);
        self.count.send_replace(sessions.open.len());
    }

    fn deliver(&self, session: u64, send: Option<SendStream>, mut receive: RecvStream) {
        let mut sessions = lock(&self.sessions);
        if let Some(session) = sessions.open.get(&session).cloned() {
            drop(sessions);
            return session.deliver(send, receive);
        }
        let gone = session < sessions.next || self.role == Role::Client;
        if !gone && sessions.early.len() < MAX_EARLY_STREAMS {
            sessions.early.push_back(Early {
                session,
                send,
                receive,
            });
            return;
        }
        drop(sessions);
        let code = if gone {
            codes::SESSION_GONE
        } else {
            codes::BUFFERED_STREAM_REJECTED
        };
        if let Some(mut send) = send {
            let _ = send.reset(code);
        }
        let _ = receive.stop(code);
    }

    async fn sort_datagrams(&self) {
        while let Ok(mut datagram) = self.quic.read_datagram().await {
            let Ok(quarter) = WireInt::decode(&mut datagram) else {
                continue;
            };
            let id = quarter.into_inner().saturating_mul(4);
            let session = lock(&self.sessions).open.get(&id).cloned();
            // One for a session that is not known may have overtaken its request: it is lost.
            if let Some(session) = session {
                let rest = datagram.copy_to_bytes(datagram.remaining());
                session.deliver_datagram(rest);
            }
        }
    }

    async fn leave_when_idle(&self) {
        let mut count = self.count.subscribe();
        loop {
            let busy = count.wait_for(|sessions| *sessions > 0);
            if timeout(IDLE_PATIENCE, busy).await.is_err() {
                return self.quic.close(codes::NO_ERROR, b"");
            }
            let _ = count.wait_for(|sessions| *sessions == 0).await;
        }
    }
}

/// Sessions that the settings allow; `None` when they cannot be read.
fn peer_sessions(payload: &[u8]) -> Option<u64> {
    let mut stream = Vec::new();
    StreamUni::CONTROL.encode(&mut stream);
    Frame::SETTINGS.encode(&mut stream);
    kind_of(payload.len() as u64).encode(&mut stream);
    stream.extend_from_slice(payload);
    Some(
        Settings::decode(&mut stream.as_slice())
            .ok()?
            .supports_webtransport(),
    )
}

fn kind_of(kind: u64) -> WireInt {
    WireInt::from_u64(kind).unwrap_or(WireInt::MAX)
}

/// Runs at once what does not wait, and spawns the rest: a header is mostly there with its stream.
fn finish_soon(quic: &noq::Connection, future: impl Future<Output = ()> + Send + 'static) {
    let mut future = Box::pin(future);
    let begun = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    if begun == Poll::Pending {
        spawn(quic, future);
    }
}

/// Why there is no session with a peer that takes none.
pub fn no_sessions() -> Failure {
    Failure::new(UNSUPPORTED, "the server does not speak WebTransport")
}

/// Why there is no session on a connection that ended before.
pub fn no_settings() -> Failure {
    Failure::new(CONNECTION_RESET, "the server sent no settings")
}
