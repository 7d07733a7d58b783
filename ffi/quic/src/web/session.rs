//! One WebTransport session: what the peer sent for it, and its end.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use iroh::endpoint::{RecvStream, SendStream, VarInt};
use tokio::sync::{Notify, SetOnce, mpsc};
use tokio::time::{sleep, timeout};
use web_transport_proto::{Capsule, Frame, Http3CapsuleReader, StreamUni, VarInt as WireInt};

use crate::config::DATAGRAM_RECEIVE_BYTES;
use crate::entry::{lock, runtime};
use crate::header::Header;
use crate::link::datagram_failure;
use crate::panics::spawn;
use crate::status::{
    CLOSED_BY_PEER, CLOSED_LOCALLY, CONNECTION_RESET, Failure, STREAM_RESET, STREAM_STOPPED,
};
use crate::web::codes;
use crate::web::connection::{HttpConnection, Role};

/// How long the peer gets to acknowledge that the session was closed.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// How long a client gets to end its half of the request's stream, once it was told of a close.
const ANSWER_PATIENCE: Duration = Duration::from_millis(300);
/// How long a client that has is left alone. Chromium tells its page of the end a turn of its event loop
/// later, and says "Connection lost" instead when the stream or the connection is over by then.
const AFTERWARDS: Duration = Duration::from_millis(100);

/// Names a stream's half: its id, and whether it is the sending one.
pub type MemberKey = (u64, bool);

/// Half of a stream: it ends with the session.
pub trait Member: Send + Sync {
    fn session_ended(&self);
}

/// Streams or datagrams that nobody has taken yet. How many streams wait is limited by the streams the
/// peer may have open.
struct Arrivals<T> {
    sender: mpsc::UnboundedSender<T>,
    receiver: tokio::sync::Mutex<mpsc::UnboundedReceiver<T>>,
}

impl<T> Arrivals<T> {
    fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            sender,
            receiver: tokio::sync::Mutex::new(receiver),
        }
    }
}

/// Datagrams that nobody has taken yet, up to [`DATAGRAM_RECEIVE_BYTES`].
#[derive(Default)]
struct Datagrams {
    waiting: VecDeque<Bytes>,
    bytes: usize,
}

impl Datagrams {
    fn push(&mut self, datagram: Bytes) {
        self.bytes += datagram.len();
        self.waiting.push_back(datagram);
        while self.bytes > DATAGRAM_RECEIVE_BYTES {
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        let datagram = self.waiting.pop_front()?;
        self.bytes -= datagram.len();
        Some(datagram)
    }
}

/// A session.
pub struct Session {
    http: Arc<HttpConnection>,
    id: u64,
    protocol: OnceLock<String>,
    end: SetOnce<Failure>,
    /// Set when the peer has been told of a close from this side, or never will be.
    told: SetOnce<()>,
    /// Set when nothing comes on the request's stream any more.
    answered: SetOnce<()>,
    members: Mutex<HashMap<MemberKey, Weak<dyn Member>>>,
    bidirectional: Arrivals<(SendStream, RecvStream)>,
    unidirectional: Arrivals<RecvStream>,
    datagrams: Mutex<Datagrams>,
    datagram_arrived: Notify,
    /// The sending half of the CONNECT request's stream.
    request: Mutex<Option<SendStream>>,
}

impl Session {
    pub fn new(http: Arc<HttpConnection>, id: u64) -> Arc<Self> {
        Arc::new(Self {
            http,
            id,
            protocol: OnceLock::new(),
            end: SetOnce::new(),
            told: SetOnce::new(),
            answered: SetOnce::new(),
            members: Mutex::default(),
            bidirectional: Arrivals::new(),
            unidirectional: Arrivals::new(),
            datagrams: Mutex::default(),
            datagram_arrived: Notify::new(),
            request: Mutex::default(),
        })
    }

    /// Begins: the request was answered with success.
    pub fn begin(self: &Arc<Self>, protocol: String, send: SendStream, receive: RecvStream) {
        let _ = self.protocol.set(protocol);
        // The end of a session is more urgent than what is left to send of it.
        let _ = send.set_priority(i32::MAX);
        *lock(&self.request) = Some(send);
        let session = self.clone();
        let reading = async move {
            let mut capsules = Http3CapsuleReader::new(receive);
            let failure = session.read_capsules(&mut capsules).await;
            session.finish(failure);
            let request = lock(&session.request).take();
            session.farewell(request, None).await;
            // Dropped, the request's stream would be stopped, and that can overtake the farewell.
            while let Ok(Some(_)) = capsules.read().await {}
            let _ = session.answered.set(());
        };
        spawn(&self.http.quic, Box::pin(reading));
    }

    /// What the peer says of the session, until its end.
    async fn read_capsules(&self, capsules: &mut Http3CapsuleReader<RecvStream>) -> Failure {
        loop {
            tokio::select! {
                biased;
                capsule = capsules.read() => match capsule {
                    Ok(Some(Capsule::CloseWebTransportSession { code, reason })) => {
                        return Failure::with_code(CLOSED_BY_PEER, code.into(), reason);
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => return Failure::with_code(CLOSED_BY_PEER, 0, ""),
                    Err(_) => return match self.http.quic.close_reason() {
                        Some(reason) => codes::session_failure(reason.into()),
                        None => Failure::new(CONNECTION_RESET, "the peer reset the session"),
                    },
                },
                end = self.end.wait() => return end.clone(),
            }
        }
    }

    /// The connection it is on.
    pub fn quic(&self) -> &noq::Connection {
        &self.http.quic
    }

    /// The agreed subprotocol; empty where there is none.
    pub fn protocol(&self) -> &str {
        self.protocol.get().map_or("", String::as_str)
    }

    /// Why it ended, once it has.
    pub fn end(&self) -> Option<Failure> {
        self.end.get().cloned()
    }

    /// Ends it here, the first time: everything that waits on it is told.
    pub fn finish(&self, failure: Failure) {
        if self.end.set(failure).is_ok() {
            self.ended();
        }
    }

    /// Tells everything that waits on it.
    fn ended(&self) {
        let members: Vec<_> = lock(&self.members)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        for member in members {
            member.session_ended();
        }
        self.http.forget(self.id);
    }

    /// Tells the peer, waits until it knows, and closes the connection where this side made it and no
    /// other session is on it.
    async fn farewell(&self, request: Option<SendStream>, close: Option<Capsule>) {
        if let Some(mut request) = request {
            let told = async {
                if let Some(capsule) = close {
                    request.write_all(&data_frame(&capsule)).await.ok()?;
                    self.let_client_go().await;
                }
                request.finish().ok()?;
                request.stopped().await.ok()
            };
            let _ = timeout(CLOSE_PATIENCE, told).await;
            if self.http.role == Role::Client && *self.http.sessions().borrow() == 0 {
                self.http.close(codes::NO_ERROR).await;
            }
            let _ = self.told.set(());
        }
    }

    /// Waits until a client that was told of the end has made of it what it wants to.
    async fn let_client_go(&self) {
        if self.http.role == Role::Client {
            return;
        }
        let going = async {
            if timeout(ANSWER_PATIENCE, self.answered.wait()).await.is_ok() {
                let _ = self.told.set(());
                sleep(AFTERWARDS).await;
            }
        };
        tokio::select! {
            () = going => {}
            // Ours closes the connection, too.
            _ = self.http.quic.closed() => {}
        }
    }

    /// Closes it from this side.
    pub fn close(self: &Arc<Self>, code: VarInt, reason: &[u8]) {
        let code = u32::try_from(code.into_inner()).unwrap_or(u32::MAX);
        let reason = String::from_utf8_lossy(reason).into_owned();
        // With its end it takes the request's stream, or whoever set the end before does.
        let mut held = lock(&self.request);
        if self
            .end
            .set(Failure::new(CLOSED_LOCALLY, "closed"))
            .is_err()
        {
            return;
        }
        let request = held.take();
        drop(held);
        let capsule = Capsule::CloseWebTransportSession { code, reason };
        let session = self.clone();
        let leaving = self.http.leaving.enter();
        let farewell = async move {
            session.farewell(request, Some(capsule)).await;
            drop(leaving);
        };
        let mut farewell = Box::pin(farewell);
        let _context = runtime().enter();
        let waker = std::task::Waker::noop();
        let begun = farewell
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker));
        self.ended();
        if begun.is_pending() {
            spawn(&self.http.quic, farewell);
        }
    }

    /// Resolves with the reason when it has ended, and the peer knows.
    pub async fn closed(&self) -> Failure {
        let failure = self.end.wait().await.clone();
        if failure.status == CLOSED_LOCALLY {
            self.told.wait().await;
        }
        failure
    }

    /// A stream's half that ends with the session.
    pub fn join(&self, key: MemberKey, member: &Arc<dyn Member>) {
        lock(&self.members).insert(key, Arc::downgrade(member));
        if self.end.get().is_some() {
            member.session_ended();
        }
    }

    pub fn leave(&self, key: MemberKey) {
        lock(&self.members).remove(&key);
    }

    /// A failure of one of its streams, as the stream's user gets it.
    pub fn stream_failure(&self, failure: Failure) -> Failure {
        match failure.status {
            STREAM_RESET | STREAM_STOPPED => Failure {
                code: codes::from_wire(failure.code),
                ..failure
            },
            _ => self
                .end()
                .unwrap_or_else(|| codes::session_failure(failure)),
        }
    }

    /// What a stream that is opened here begins with.
    pub fn stream_header(&self, bidirectional: bool) -> Header {
        let kind = if bidirectional {
            Frame::WEBTRANSPORT.0
        } else {
            StreamUni::WEBTRANSPORT.0
        };
        let mut bytes = BytesMut::with_capacity(16);
        kind.encode(&mut bytes);
        wire_integer(self.id).encode(&mut bytes);
        Header::new(&bytes)
    }

    pub async fn open_bi(&self) -> Result<(SendStream, RecvStream), Failure> {
        let opened = self.http.quic.open_bi().await;
        self.alive(opened.map_err(Failure::from))
    }

    pub async fn open_uni(&self) -> Result<SendStream, Failure> {
        let opened = self.http.quic.open_uni().await;
        self.alive(opened.map_err(Failure::from))
    }

    fn alive<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        match self.end() {
            Some(end) => Err(end),
            None => result.map_err(codes::session_failure),
        }
    }

    pub async fn accept_bi(&self) -> Result<(SendStream, RecvStream), Failure> {
        self.arrival(&self.bidirectional).await
    }

    pub async fn accept_uni(&self) -> Result<RecvStream, Failure> {
        self.arrival(&self.unidirectional).await
    }

    async fn arrival<T>(&self, arrivals: &Arrivals<T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            end = self.end.wait() => Err(end.clone()),
            arrived = async { arrivals.receiver.lock().await.recv().await } => {
                arrived.ok_or_else(|| Failure::new(CLOSED_LOCALLY, "closed"))
            }
        }
    }

    /// Takes a stream of the peer's, its header read.
    pub fn deliver(&self, send: Option<SendStream>, mut receive: RecvStream) {
        if self.end.get().is_some() {
            if let Some(mut send) = send {
                let _ = send.reset(codes::SESSION_GONE);
            }
            let _ = receive.stop(codes::SESSION_GONE);
            return;
        }
        // The receivers live as long as the session.
        match send {
            Some(send) => drop(self.bidirectional.sender.send((send, receive))),
            None => drop(self.unidirectional.sender.send(receive)),
        }
    }

    /// Takes a datagram of the peer's.
    pub fn deliver_datagram(&self, datagram: Bytes) {
        lock(&self.datagrams).push(datagram);
        self.datagram_arrived.notify_one();
    }

    pub async fn read_datagram(&self) -> Result<Bytes, Failure> {
        loop {
            let arrived = pin!(self.datagram_arrived.notified());
            if let Some(datagram) = lock(&self.datagrams).pop() {
                return Ok(datagram);
            }
            tokio::select! {
                biased;
                end = self.end.wait() => return Err(end.clone()),
                () = arrived => {}
            }
        }
    }

    pub fn send_datagram(&self, data: &[u8]) -> Result<(), Failure> {
        let mut datagram = BytesMut::with_capacity(8 + data.len());
        wire_integer(self.id / 4).encode(&mut datagram);
        datagram.extend_from_slice(data);
        let sent = self.http.quic.send_datagram(datagram.freeze());
        sent.map_err(|error| self.stream_failure(datagram_failure(error)))
    }

    pub fn max_datagram_size(&self) -> usize {
        let prefix = wire_integer(self.id / 4).size();
        let whole = self.http.quic.max_datagram_size().unwrap_or(0);
        whole.saturating_sub(prefix)
    }
}

/// Stream ids have 62 bits.
pub fn wire_integer(value: u64) -> WireInt {
    WireInt::from_u64(value).unwrap_or(WireInt::MAX)
}

/// A capsule in a DATA frame (RFC 9297, section 3.2).
fn data_frame(capsule: &Capsule) -> BytesMut {
    let mut payload = BytesMut::new();
    capsule.encode(&mut payload);
    let mut frame = BytesMut::new();
    Frame::DATA.encode(&mut frame);
    wire_integer(payload.len() as u64).encode(&mut frame);
    frame.extend_from_slice(&payload);
    frame
}
