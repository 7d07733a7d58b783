//! The table of everything a handle may name.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crate::connection::Connection;
use crate::direct::{Incoming, Listener};
use crate::endpoint::Endpoint;
use crate::entry::{entry, lock, object};
use crate::queue::Queue;
use crate::status::{BAD_HANDLE, Failure, PANIC};
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

impl Object {
    /// Where its operations complete; `None` of a queue itself.
    fn queue(&self) -> Option<&Arc<Queue>> {
        match self {
            Self::Queue(_) => None,
            Self::Endpoint(endpoint) => Some(&endpoint.queue),
            Self::Listener(listener) => Some(&listener.queue),
            Self::Incoming(incoming) => Some(&incoming.queue),
            Self::Connection(connection) => Some(&connection.queue),
            Self::Send(stream) => Some(&stream.queue),
            Self::Receive(stream) => Some(&stream.queue),
        }
    }
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

/// Looks for connections that a panic, which said `text`, has broken: whoever waits on one is told. To be
/// called on a thread that holds nothing of theirs.
pub fn examine(text: &str) {
    let objects = lock(&OBJECTS).values();
    for object in &objects {
        if let Object::Connection(connection) = object {
            let usable = catch_unwind(AssertUnwindSafe(|| connection.link.close_reason()));
            if usable.is_err() {
                connection.breaks(Failure::new(PANIC, text));
                // While it is held nobody is its last owner, who would have to close it, in a destructor.
                std::mem::forget(connection.clone());
            }
        }
    }
    // Those who wait on a stream try again, and find out.
    for object in &objects {
        match object {
            Object::Send(stream) => stream.wake(),
            Object::Receive(stream) => stream.wake(),
            _ => {}
        }
    }
    for object in objects {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(object)));
    }
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

/// How many handles that were made with a queue are alive; for tests of leaks.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_handles(queue: f64) -> i32 {
    entry(|| {
        let queue = object::<Queue>(queue)?;
        let objects = lock(&OBJECTS).values();
        let owned = |object: &&Object| {
            object
                .queue()
                .is_some_and(|owner| Arc::ptr_eq(owner, &queue))
        };
        Ok(objects.iter().filter(owned).count() as i32)
    })
}
