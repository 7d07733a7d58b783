//! Panics. One on a thread of the runtime has nobody to be thrown to: it is told on standard error with
//! its place, before anything that follows from it can end the process, and those who wait on a
//! connection that it broke get it as their failure.
//!
//! What QUIC's own code was in the middle of stays locked for ever: whoever touches it panics, too, and
//! a destructor that does so while another panic unwinds ends the process. So tasks that own parts of a
//! connection are not run any more once it is broken.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::pin::Pin;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;

use crate::entry::runtime;
use crate::objects::examine;

/// Name of the runtime's threads.
pub const RUNTIME_THREAD: &str = "xoq-quic";
/// Panics that are told; what follows from the first ones says nothing new.
const MOST_TOLD: usize = 8;

/// Whether there was one on the runtime's threads.
static PANICKED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The last one of this thread.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether this thread looks for what is broken, by trying: its panics are its answers.
    static TRYING: Cell<bool> = const { Cell::new(false) };
}

/// Tells of panics from now on. The hook is this library's alone: the program that loaded it has its own.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_hook(Box::new(tell)));
}

/// What a panic said, from what was caught.
pub fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panicked")
}

/// Message and place of this thread's last panic.
pub fn last() -> Option<String> {
    LAST.try_with(|last| last.try_borrow().ok()?.clone())
        .ok()
        .flatten()
}

fn tell(info: &PanicHookInfo<'_>) {
    if TRYING.try_with(Cell::get).unwrap_or(false) {
        return;
    }
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let text = format!("{} at {place}", message(info.payload()));
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(text.clone());
        }
    });
    let thread = thread::current();
    let name = thread.name().unwrap_or("unnamed");
    static TOLD: AtomicUsize = AtomicUsize::new(0);
    if TOLD.fetch_add(1, Ordering::Relaxed) < MOST_TOLD {
        let mut lines = format!("xoq_quic: panic in thread {name}: {text}\n");
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            lines += &format!("{trace}\n");
        }
        // In one piece, and whether or not anybody reads it.
        let _ = std::io::stderr().write_all(lines.as_bytes());
    }
    if name == RUNTIME_THREAD {
        PANICKED.store(true, Ordering::Relaxed);
        // What is locked here now can only be tried when this thread has let go of it.
        let _ = thread::Builder::new()
            .name("xoq-quic-panic".to_owned())
            .spawn(move || {
                TRYING.set(true);
                examine(&text);
            });
    }
}

/// Whether anything can be done with a connection, which `touch` locks.
fn usable<T>(touch: impl FnOnce() -> T) -> bool {
    let before = TRYING.replace(true);
    let tried = catch_unwind(AssertUnwindSafe(touch));
    TRYING.set(before);
    tried.is_ok()
}

/// A task that owns parts of a connection.
struct Task<F> {
    connection: noq::Connection,
    /// Gone when it has ended.
    future: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = ()>> Future for Task<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if PANICKED.load(Ordering::Relaxed) && !usable(|| self.connection.close_reason()) {
            // Neither run nor dropped: both would touch what is broken.
            forget(self.connection.clone());
            forget(self.future.take());
            return Poll::Ready(());
        }
        match &mut self.future {
            Some(future) => future.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}

/// Runs a task that owns parts of `connection`.
pub fn spawn(
    connection: &noq::Connection,
    future: Pin<Box<impl Future<Output = ()> + Send + 'static>>,
) {
    runtime().spawn(Task {
        connection: connection.clone(),
        future: Some(future),
    });
}
