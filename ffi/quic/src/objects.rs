//! The table of everything a handle may name.

use std::sync::{Arc, Mutex};

use crate::connection::Connection;
use crate::direct::{Incoming, Listener};
use crate::endpoint::Endpoint;
use crate::entry::{entry, lock};
use crate::queue::Queue;
use crate::status::{BAD_HANDLE, Failure};
use crate::streams::{ReceiveSide, SendSide};
use crate::table::Table;

/// What a handle names.
#[derive(Clone)]
pub enum Object {
    Queue(Arc<Queue>),
    Endpoint(Arc<Endpoint>),
    Listener(Arc<Listener>),
    Incoming(Arc<Incoming>),
    Connection(Arc<Connection>),
    Send(Arc<SendSide>),
    Receive(Arc<ReceiveSide>),
}

/// A kind of object that handles name.
pub trait Kind: Sized {
    const NAME: &'static str;
    fn of(object: Object) -> Option<Arc<Self>>;
}

macro_rules! kind {
    ($type:ty, $variant:ident, $name:literal) => {
        impl Kind for $type {
            const NAME: &'static str = $name;
            fn of(object: Object) -> Option<Arc<Self>> {
                match object {
                    Object::$variant(value) => Some(value),
                    _ => None,
                }
            }
        }
    };
}

kind!(Queue, Queue, "queue");
kind!(Endpoint, Endpoint, "endpoint");
kind!(Listener, Listener, "listener");
kind!(Incoming, Incoming, "incoming session");
kind!(Connection, Connection, "connection");
kind!(SendSide, Send, "sending stream");
kind!(ReceiveSide, Receive, "receiving stream");

static OBJECTS: Mutex<Table<Object>> = Mutex::new(Table::new());

/// Gives `object` a handle.
pub fn store(object: Object) -> Result<f64, Failure> {
    match lock(&OBJECTS).insert(object) {
        Some(handle) => Ok(handle as f64),
        None => Err(Failure::new(BAD_HANDLE, "too many handles")),
    }
}

/// What `handle` names.
pub fn find(handle: u64) -> Option<Object> {
    lock(&OBJECTS).get(handle)
}

/// Frees a handle: a stream that was not ended is reset or stopped with code 0, a connection closed
/// with code 0, an endpoint or a listener closed, an incoming session refused. Operations that wait on it complete. Freeing twice is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_free(handle: f64) -> i32 {
    entry(|| {
        let object = lock(&OBJECTS).remove(handle as u64);
        match object {
            Some(Object::Send(stream)) => stream.abandon(),
            Some(Object::Receive(stream)) => stream.abandon(),
            Some(Object::Connection(connection)) => connection.abandon(),
            Some(Object::Endpoint(endpoint)) => endpoint.abandon(),
            Some(Object::Listener(listener)) => listener.abandon(),
            // Dropping it refuses it.
            Some(Object::Queue(_) | Object::Incoming(_)) | None => {}
        }
        Ok(0)
    })
}

/// How many handles are alive; for tests of leaks.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_handles() -> i32 {
    entry(|| Ok(lock(&OBJECTS).len() as i32))
}
