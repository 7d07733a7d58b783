//! The CONNECT request that makes a session, asked and answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use iroh::endpoint::{RecvStream, SendStream, VarInt};
use noq::StreamId;
use url::Url;
use web_transport_proto::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use web_transport_proto::{ConnectError, ConnectRequest, ConnectResponse, Frame};

use crate::status::{CONNECTION_RESET, Failure, REJECTED};
use crate::web::codes;
use crate::web::connection::{HttpConnection, no_sessions, no_settings};
use crate::web::session::{Session, wire_integer};
use crate::web::wire;

/// How long a request waits for the program to take it.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Answered to fields beyond what is kept.
pub const TOO_LARGE: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;

/// What a client asks for.
pub struct Wanted {
    pub url: Url,
    pub protocols: Vec<String>,
    pub headers: Vec<(String, String)>,
}

fn id_of(stream: StreamId) -> u64 {
    VarInt::from(stream).into_inner()
}

/// Asks for a session, and waits for the answer.
pub async fn open(http: &Arc<HttpConnection>, wanted: &Wanted) -> Result<Arc<Session>, Failure> {
    let gone = || match http.quic.close_reason() {
        Some(reason) => codes::session_failure(reason.into()),
        None => no_settings(),
    };
    let sessions = tokio::select! {
        sessions = http.peer_sessions.wait() => *sessions,
        _ = http.quic.closed() => return Err(gone()),
    };
    if sessions == 0 {
        return Err(no_sessions());
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &wanted.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Failure::argument(format!("{name} is not a header's name")))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| Failure::argument(format!("header {name}: not a header's value")))?;
        headers.append(name, value);
    }
    let request = ConnectRequest::new(wanted.url.clone())
        .with_protocols(wanted.protocols.iter().cloned())
        .with_headers(headers);
    let mut bytes = BytesMut::new();
    request
        .encode(&mut bytes)
        .map_err(|error| Failure::argument(error.to_string()))?;
    let (mut send, mut receive) = http.quic.open_bi().await.map_err(|_| gone())?;
    let session = http
        .session(id_of(send.id()))
        .ok_or_else(|| Failure::argument("too many sessions"))?;
    let answer = async {
        send.write_all(&bytes).await.map_err(|_| gone())?;
        answered(&mut receive).await?.map_err(|_| gone())
    };
    match answer.await {
        Ok(response) => {
            let protocol = response.protocol.unwrap_or_default();
            session.begin(protocol, send, receive);
            Ok(session)
        }
        Err(failure) => {
            session.finish(failure.clone());
            Err(failure)
        }
    }
}

/// The answer; inside, that there is none.
async fn answered(receive: &mut RecvStream) -> Result<Result<ConnectResponse, ()>, Failure> {
    let Ok(Ok(fields)) = wire::frame(receive, Frame::HEADERS).await else {
        return Ok(Err(()));
    };
    match ConnectResponse::decode(&mut headers_frame(&fields).as_slice()) {
        Ok(response) => Ok(Ok(response)),
        Err(ConnectError::WrongStatus(Some(status))) => {
            let text = status.canonical_reason().unwrap_or_default();
            Err(Failure::with_code(REJECTED, status.as_u16().into(), text))
        }
        Err(error) => Err(Failure::new(CONNECTION_RESET, error.to_string())),
    }
}

/// The frame that `fields` came in.
fn headers_frame(fields: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(fields.len() + 8);
    Frame::HEADERS.encode(&mut frame);
    wire_integer(fields.len() as u64).encode(&mut frame);
    frame.extend_from_slice(fields);
    frame
}

/// A client's wish for a session. Dropping it refuses it.
pub struct Request {
    session: Arc<Session>,
    pub url: Url,
    pub protocols: Vec<String>,
    pub headers: HeaderMap,
    streams: Option<(SendStream, RecvStream)>,
}

/// Reads a request; one that is not for a session is answered here.
pub async fn receive(
    http: &Arc<HttpConnection>,
    send: SendStream,
    receive: RecvStream,
    fields: &[u8],
) -> Option<Request> {
    let request = match ConnectRequest::decode(&mut headers_frame(fields).as_slice()) {
        Ok(request) => request,
        Err(error) => {
            answer(send, receive, status_of(&error)).await;
            return None;
        }
    };
    let Some(session) = http.session(id_of(send.id())) else {
        answer(send, receive, StatusCode::TOO_MANY_REQUESTS).await;
        return None;
    };
    Some(Request {
        session,
        url: request.url,
        protocols: request.protocols,
        headers: request.headers,
        streams: Some((send, receive)),
    })
}

fn status_of(error: &ConnectError) -> StatusCode {
    match error {
        ConnectError::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
        ConnectError::WrongProtocol(_) => StatusCode::NOT_IMPLEMENTED,
        ConnectError::FieldSectionTooLarge => TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn response_frame(response: &ConnectResponse) -> Result<BytesMut, Failure> {
    let mut bytes = BytesMut::new();
    response
        .encode(&mut bytes)
        .map_err(|error| Failure::argument(error.to_string()))?;
    Ok(bytes)
}

/// Answers a request with a status and nothing more.
pub async fn answer(mut send: SendStream, mut receive: RecvStream, status: StatusCode) {
    let _ = receive.stop(codes::NO_ERROR);
    if let Ok(bytes) = response_frame(&ConnectResponse::new(status)) {
        let _ = send.write_all(&bytes).await;
        let _ = send.finish();
    }
}

impl Request {
    /// Where it comes from.
    pub fn quic(&self) -> &noq::Connection {
        self.session.quic()
    }

    /// Lets the client in, with one of its protocols or none.
    pub async fn accept(mut self, protocol: Option<String>) -> Result<Arc<Session>, Failure> {
        let mut response = ConnectResponse::OK;
        if let Some(protocol) = &protocol {
            response = response.with_protocol(protocol.clone());
        }
        let bytes = response_frame(&response)?;
        let Some((mut send, receive)) = self.streams.take() else {
            return Err(no_settings());
        };
        if send.write_all(&bytes).await.is_err() {
            let gone = Failure::new(CONNECTION_RESET, "the client has gone");
            let failure = self.session.end().unwrap_or(gone);
            self.session.finish(failure.clone());
            return Err(failure);
        }
        self.session
            .begin(protocol.unwrap_or_default(), send, receive);
        Ok(self.session.clone())
    }

    /// Keeps the client out.
    pub async fn refuse(mut self, status: StatusCode) {
        if let Some((send, receive)) = self.streams.take() {
            self.session.finish(Failure::new(REJECTED, "refused"));
            answer(send, receive, status).await;
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some((send, receive)) = self.streams.take() {
            self.session.finish(Failure::new(REJECTED, "refused"));
            crate::entry::runtime().spawn(answer(send, receive, StatusCode::SERVICE_UNAVAILABLE));
        }
    }
}
