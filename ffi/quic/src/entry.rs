//! What every entry point needs: panics and failures turned into codes, handles into objects,
//! pointers into slices, and futures into operations.

use std::cell::RefCell;
use std::future::Future;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Runtime};

use crate::objects::{Kind, find};
use crate::panics;
use crate::queue::{Done, Promise, Queue};
use crate::status::{BAD_HANDLE, Failure, PANIC, PENDING};

thread_local! {
    /// The last failure of a call on this thread, to be read at once, like errno.
    static LAST: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Half of the cores, at most: packets go from the socket to the caller's thread, and a further worker
/// that wakes up to look for work costs more than it helps (p50 of a round trip 0.31 ms with two on two
/// cores, 0.26 ms with one).
const MAX_WORKERS: usize = 4;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    panics::watch();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread()
        .worker_threads((cores / 2).clamp(1, MAX_WORKERS))
        .thread_name(panics::RUNTIME_THREAD)
        .enable_all()
        .build()
        .expect("a runtime needs threads, a poller and a timer")
});

/// The runtime everything runs on; it lives as long as the process.
pub fn runtime() -> &'static Runtime {
    &RUNTIME
}

/// Locks, also after a panic elsewhere: what the mutexes here guard is valid at every step.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the body of an entry point. Nothing unwinds past it.
pub fn entry(body: impl FnOnce() -> Result<i32, Failure>) -> i32 {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(result)) => return result,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let said = panics::last().unwrap_or_else(|| panics::message(&*panic).to_owned());
            Failure::new(PANIC, said)
        }
    };
    let status = failure.status;
    LAST.with_borrow_mut(|last| *last = Some(failure));
    status
}

/// The object of kind `K` that `handle` names.
pub fn object<K: Kind>(handle: f64) -> Result<Arc<K>, Failure> {
    find(handle as u64)
        .and_then(K::of)
        .ok_or_else(|| Failure::new(BAD_HANDLE, format!("no such {}", K::NAME)))
}

/// Starts an operation: polled once here, and finished on the runtime when that was not enough.
///
/// # Safety
/// `out` points to two writable doubles.
pub unsafe fn submit(
    queue: &Arc<Queue>,
    op: u32,
    out: *mut f64,
    future: impl Future<Output = Result<Done, Failure>> + Send + 'static,
) -> Result<i32, Failure> {
    let _context = runtime().enter();
    let mut future = Box::pin(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(outcome) => {
            let done = outcome?;
            // SAFETY: the caller's promise.
            let out = unsafe { output_slice(out, 2) };
            out[0] = done.value;
            out[1] = done.extra;
            Ok(0)
        }
        Poll::Pending => {
            let promise = Promise::new(queue.clone(), op);
            let task = runtime().spawn(async move {
                let outcome = future.await;
                promise.keep(outcome);
            });
            queue.track(op, task.abort_handle());
            Ok(PENDING)
        }
    }
}

/// The caller's bytes.
///
/// # Safety
/// `data` points to `length` readable bytes, and the slice is not used after the call.
pub unsafe fn input_slice<'a>(data: *const u8, length: u32) -> &'a [u8] {
    if data.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data, length as usize) }
}

/// The caller's UTF-8.
///
/// # Safety
/// As [`input_slice`].
pub unsafe fn input_text<'a>(data: *const u8, length: u32) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    std::str::from_utf8(unsafe { input_slice(data, length) })
        .map_err(|_| Failure::argument("text is not UTF-8"))
}

/// The caller's room for results.
///
/// # Safety
/// `data` points to `count` writable, initialized values, and the slice is not used after the call.
pub unsafe fn output_slice<'a, T>(data: *mut T, count: usize) -> &'a mut [T] {
    if data.is_null() || count == 0 {
        return &mut [];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(data, count) }
}

/// Copies as much of `text` as fits; returns its whole length in bytes, so that the caller can come
/// again with more room.
///
/// # Safety
/// `into` points to `length` writable bytes.
pub unsafe fn copy_text(text: &str, into: *mut u8, length: u32) -> i32 {
    // SAFETY: the caller's promise.
    let room = unsafe { output_slice(into, length as usize) };
    let count = room.len().min(text.len());
    room[..count].copy_from_slice(&text.as_bytes()[..count]);
    i32::try_from(text.len()).unwrap_or(i32::MAX)
}

/// Tells of the last call on this thread that failed: its code to `out[0]`, its text to `into`;
/// returns the text's length.
///
/// # Safety
/// `out` points to a writable double, `into` to `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_error(out: *mut f64, into: *mut u8, length: u32) -> i32 {
    let last = LAST.with_borrow_mut(Option::take);
    entry(|| {
        let failure = last.unwrap_or_else(|| Failure::new(0, ""));
        // SAFETY: the caller's promise.
        unsafe {
            output_slice(out, 1)[0] = failure.code as f64;
            Ok(copy_text(&failure.text, into, length))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_code_and_a_text() {
        panics::watch();
        assert_eq!(entry(|| panic!("a {}", "bug")), PANIC);
        let mut code = 1.0;
        let mut text = [0u8; 100];
        // SAFETY: both point to what the lengths say.
        let length = unsafe { xoq_quic_error(&mut code, text.as_mut_ptr(), 100) };
        let text = std::str::from_utf8(&text[..length as usize]).unwrap();
        assert!(text.starts_with("a bug at src/entry.rs:"), "{text}");
    }

    #[test]
    fn a_handle_of_another_kind_is_refused() {
        let queue = crate::objects::store(crate::objects::Object::Queue(Arc::default())).unwrap();
        assert!(object::<Queue>(queue).is_ok());
        let failure = object::<crate::endpoint::Endpoint>(queue).err().unwrap();
        assert_eq!(failure.status, BAD_HANDLE);
        for made_up in [f64::NAN, -1.0, f64::INFINITY, 0.0] {
            assert!(object::<Queue>(made_up).is_err());
        }
    }
}
