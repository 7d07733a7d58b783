//! Several sessions on one HTTP/3 connection, and requests that are not for one: what the other side's
//! own programs have no calls for.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use bytes::BytesMut;
use noq::{RecvStream, SendStream};
use tokio::time::{Instant, sleep, timeout};
use web_transport_proto::{ConnectError, ConnectRequest, ConnectResponse};

use crate::connection::{Connection, xoq_quic_connection_close, xoq_quic_connection_closed};
use crate::direct::settings::{Transport, Trust, listen_settings};
use crate::direct::socket;
use crate::direct::trust::{Reason, client_config};
use crate::direct::{Listener, Plain};
use crate::entry::runtime;
use crate::link::Link;
use crate::objects::{Object, store, xoq_quic_free};
use crate::queue::{Completion, xoq_quic_queue_take, xoq_quic_queue_text, xoq_quic_queue_wait};
use crate::status::{CLOSED_BY_PEER, CLOSED_LOCALLY, Failure, PANIC, PENDING};
use crate::web::{HttpConnection, Session, Wanted, open};

/// A listener, and an HTTP/3 connection to it.
struct Pair {
    listener: Arc<Listener>,
    http: Arc<HttpConnection>,
}

impl Pair {
    async fn new() -> Self {
        let settings = listen_settings("bind=127.0.0.1:0\nweb=1").unwrap();
        let listener = Listener::bind(Arc::default(), settings).unwrap();
        let alpns = std::iter::once(b"h3".to_vec());
        let config = client_config(
            &Transport::default(),
            &Trust::Anyone,
            alpns,
            Reason::default(),
        );
        let (endpoint, _) = socket::endpoint(&["127.0.0.1:0".parse().unwrap()], None).unwrap();
        let connecting = endpoint.connect_with(config.unwrap(), listener.address, "localhost");
        let connection = connecting.unwrap().await.unwrap();
        let http = HttpConnection::client(connection, endpoint);
        Self { listener, http }
    }

    /// Both ends of a session.
    async fn session(&self, path: &str) -> (Arc<Session>, Arc<Session>) {
        let wanted = Wanted {
            url: format!("https://localhost{path}").parse().unwrap(),
            protocols: Vec::new(),
            headers: Vec::new(),
        };
        let accepting = async {
            let incoming = self.listener.next().await.unwrap();
            incoming.accept(None).await.unwrap()
        };
        let (ours, theirs) = tokio::join!(open(&self.http, &wanted), accepting);
        let Link::Web(theirs) = theirs else {
            panic!("not a session");
        };
        (ours.unwrap(), theirs)
    }

    /// What a request with these bytes is answered.
    async fn ask(&self, bytes: &[u8]) -> u16 {
        let (mut send, mut receive) = self.http.quic.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        let answer = receive.read_to_end(1_000).await.unwrap();
        match ConnectResponse::decode(&mut answer.as_slice()) {
            Err(ConnectError::WrongStatus(Some(status))) => status.as_u16(),
            other => panic!("{other:?}"),
        }
    }
}

fn test(body: impl Future<Output = ()>) {
    runtime().block_on(async {
        timeout(Duration::from_secs(20), body).await.unwrap();
    });
}

/// A stream of the session's with its header and `data`, and its end.
async fn say(session: &Session, data: &[u8]) -> (SendStream, RecvStream) {
    let (mut send, receive) = session.open_bi().await.unwrap();
    let (bytes, length) = session.stream_header(true).with(data);
    send.write_all(&bytes[..length]).await.unwrap();
    send.finish().unwrap();
    (send, receive)
}

async fn hear(session: &Session) -> Vec<u8> {
    let (_, mut receive) = session.accept_bi().await.unwrap();
    receive.read_to_end(1_000).await.unwrap()
}

#[test]
fn sessions_of_one_connection_have_their_own_streams_datagrams_and_ends() {
    test(async {
        let pair = Pair::new().await;
        let (our_first, their_first) = pair.session("/first").await;
        let (our_second, their_second) = pair.session("/second").await;
        let _two = say(&our_second, b"two").await;
        let _one = say(&our_first, b"one").await;
        assert_eq!(hear(&their_first).await, b"one");
        assert_eq!(hear(&their_second).await, b"two");
        their_second.send_datagram(b"for two").unwrap();
        their_first.send_datagram(b"for one").unwrap();
        assert_eq!(&our_first.read_datagram().await.unwrap()[..], b"for one");
        assert_eq!(&our_second.read_datagram().await.unwrap()[..], b"for two");

        their_first.close(7u32.into(), b"enough");
        let Failure { status, code, text } = our_first.closed().await;
        assert_eq!((status, code, text.as_str()), (CLOSED_BY_PEER, 7, "enough"));
        assert_eq!(their_first.closed().await.status, CLOSED_LOCALLY);
        assert!(our_first.open_uni().await.is_err());
        assert!(their_first.accept_uni().await.is_err());
        let _three = say(&our_second, b"three").await;
        assert_eq!(hear(&their_second).await, b"three");
    });
}

#[test]
fn a_stream_that_overtakes_its_sessions_request_waits_for_it() {
    test(async {
        let pair = Pair::new().await;
        // The first request will be on the connection's first stream.
        let mut early = pair.http.quic.open_uni().await.unwrap();
        early.write_all(b"\x40\x54\x00early").await.unwrap();
        early.finish().unwrap();
        assert_eq!(early.stopped().await.unwrap(), None);
        let (_ours, theirs) = pair.session("/").await;
        let mut receive = theirs.accept_uni().await.unwrap();
        assert_eq!(receive.read_to_end(100).await.unwrap(), b"early");
    });
}

#[test]
fn requests_that_are_not_for_a_session_are_answered() {
    test(async {
        let pair = Pair::new().await;
        // GET https://a/, from the static table (RFC 9204, appendix A).
        let get = b"\x01\x08\x00\x00\xd1\xd7\x50\x01a\xc1";
        assert_eq!(pair.ask(get).await, 405);
        // A frame of headers of 20,000 bytes.
        assert_eq!(pair.ask(b"\x01\x80\x00\x4e\x20").await, 431);
        // Fields that refer to a dynamic table, which was not offered.
        assert_eq!(pair.ask(b"\x01\x03\x02\x00\x80").await, 400);
        // Frames of unknown types come first, as clients send them on purpose.
        let mut greased = BytesMut::from(&b"\x21\x02xx"[..]);
        greased.extend_from_slice(get);
        assert_eq!(pair.ask(&greased).await, 405);
        pair.session("/").await;
    });
}

#[test]
fn a_frame_that_breaks_the_order_ends_the_connection() {
    test(async {
        let pair = Pair::new().await;
        let (ours, _theirs) = pair.session("/").await;
        let (mut send, _receive) = pair.http.quic.open_bi().await.unwrap();
        send.write_all(b"\x00\x01x").await.unwrap();
        let failure = ours.closed().await;
        assert!(failure.text.contains("0x105"), "{}", failure.text);
    });
}

#[test]
fn a_client_that_was_told_of_the_end_is_left_alone_for_a_while() {
    test(async {
        let pair = Pair::new().await;
        let (mut send, mut receive) = pair.http.quic.open_bi().await.unwrap();
        let mut request = BytesMut::new();
        ConnectRequest::new("https://localhost/".parse::<url::Url>().unwrap())
            .encode(&mut request)
            .unwrap();
        send.write_all(&request).await.unwrap();
        let incoming = pair.listener.next().await.unwrap();
        let Link::Web(session) = incoming.accept(None).await.unwrap() else {
            panic!("not a session");
        };
        session.close(7u32.into(), b"enough");
        let closing = runtime().spawn(async move { pair.listener.close().await });
        let mut answer = Vec::new();
        while !answer.ends_with(b"enough") {
            let chunk = receive.read_chunk(1_000).await.unwrap().unwrap();
            answer.extend_from_slice(&chunk);
        }
        // Neither the stream's end nor the connection's comes before the client has answered, and a
        // little time has passed.
        send.finish().unwrap();
        let answered = Instant::now();
        assert!(receive.read_chunk(1).await.unwrap().is_none());
        assert!(answered.elapsed() >= Duration::from_millis(100));
        assert_eq!(session.closed().await.status, CLOSED_LOCALLY);
        pair.http.quic.closed().await;
        closing.await.unwrap();
    });
}

/// Panics where QUIC wakes it: in the middle of what is locked.
struct Bug;

impl Wake for Bug {
    fn wake(self: Arc<Self>) {
        panic!("a waker's bug");
    }
}

#[test]
fn what_a_panic_has_broken_fails_for_those_who_wait_and_is_freed_without_harm() {
    let broken = |queue: f64, connection: f64| {
        assert_eq!(xoq_quic_queue_wait(queue), 1);
        let mut completion = [Completion::default(); 1];
        let mut text = [0; 100];
        // SAFETY: everything points to what it must.
        let length = unsafe {
            assert_eq!(xoq_quic_queue_take(queue, completion.as_mut_ptr(), 1), 1);
            xoq_quic_queue_text(queue, 1, text.as_mut_ptr(), 100)
        };
        assert_eq!(completion[0].status, PANIC);
        let text = std::str::from_utf8(&text[..length as usize]).unwrap();
        assert!(text.starts_with("a waker's bug at "), "{text}");
        // SAFETY: as above.
        let again = unsafe { xoq_quic_connection_close(connection, 0.0, std::ptr::null(), 0) };
        assert_eq!(again, 0);
        assert_eq!(xoq_quic_free(connection), 0);
        assert_eq!(xoq_quic_free(queue), 0);
    };
    test(async {
        let pair = Pair::new().await;
        let queue = store(Object::Queue(Arc::default())).unwrap();
        let plain = Plain {
            connection: pair.http.quic.clone(),
            endpoint: None,
            protocol: "".into(),
        };
        let owner = crate::entry::object(queue).unwrap();
        let connection = Connection::store(&owner, Link::Quic(plain)).unwrap().value;
        let mut out = [0.0; 2];
        // SAFETY: it points to two doubles.
        let closed = unsafe { xoq_quic_connection_closed(connection, 1, out.as_mut_ptr()) };
        assert_eq!(closed, PENDING);
        let (mut send, mut receive) = pair.http.quic.open_bi().await.unwrap();
        let waker = Waker::from(Arc::new(Bug));
        let mut context = Context::from_waker(&waker);
        let mut room = [0; 10];
        let read = Pin::new(&mut receive).poll_read(&mut context, &mut room);
        assert!(read.is_pending());
        // What is answered wakes the reader.
        send.write_all(b"\x01\x80\x00\x4e\x20").await.unwrap();
        let waited = tokio::task::spawn_blocking(move || broken(queue, connection));
        waited.await.unwrap();
        // The connection cannot be touched any more, not even to end its streams.
        std::mem::forget((send, receive, pair));
    });
}

#[test]
fn who_comes_while_a_listener_closes_may_still_be_answered() {
    test(async {
        let settings = listen_settings("bind=127.0.0.1:0\nprotocol=61").unwrap();
        let listener = Listener::bind(Arc::default(), settings).unwrap();
        let (endpoint, _) = socket::endpoint(&["127.0.0.1:0".parse().unwrap()], None).unwrap();
        let config = client_config(
            &Transport::default(),
            &Trust::Anyone,
            std::iter::once(b"a".to_vec()),
            Reason::default(),
        );
        let config = config.unwrap();
        let dial = || endpoint.connect_with(config.clone(), listener.address, "localhost");
        let mut dials = Vec::new();
        let newcomer = loop {
            // Its door takes most of them.
            dials.extend((0..10).map(|_| dial().unwrap()));
            if let Ok(newcomer) = timeout(Duration::from_millis(10), listener.newcomer()).await {
                break newcomer;
            }
        };
        let closing = listener.clone();
        let closed = runtime().spawn(async move { closing.close().await });
        sleep(Duration::from_millis(50)).await;
        // QUIC panics here, and in whatever touches the endpoint after that, where it was told meanwhile
        // not to be a server any more.
        assert!(newcomer.retry().is_ok());
        closed.await.unwrap();
    });
}
