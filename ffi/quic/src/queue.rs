//! The completion queue: what finished or became ready, for one waiting thread to collect.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Wake, Waker};

use tokio::task::AbortHandle;

use crate::entry::{copy_text, entry, lock, object, output_slice};
use crate::objects::{Object, store};
use crate::panics;
use crate::status::{CANCELED, Failure, PANIC};

/// One finished operation, as the other side reads it: 24 bytes, no padding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Completion {
    /// The number the operation was submitted with.
    pub op: u32,
    /// Zero, or why it failed.
    pub status: i32,
    /// A handle, or the failure's code.
    pub value: f64,
    /// A second handle, or the length in bytes of the failure's text.
    pub extra: f64,
}

/// What an operation that succeeded gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub value: f64,
    pub extra: f64,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Completion>,
    texts: HashMap<u32, String>,
    running: HashMap<u32, AbortHandle>,
    woken: bool,
}

/// Completions of everything that was made with this queue.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

impl Queue {
    fn push(&self, completion: Completion, text: Option<String>) {
        let mut state = lock(&self.state);
        if let Some(text) = text {
            state.texts.insert(completion.op, text);
        }
        state.ready.push_back(completion);
        drop(state);
        self.arrived.notify_one();
    }

    /// Posts the outcome of `op`.
    pub fn complete(&self, op: u32, outcome: Result<Done, Failure>) {
        match outcome {
            Ok(Done { value, extra }) => self.push(
                Completion {
                    op,
                    status: 0,
                    value,
                    extra,
                },
                None,
            ),
            Err(failure) => self.push(
                Completion {
                    op,
                    status: failure.status,
                    value: failure.code as f64,
                    extra: failure.text.len() as f64,
                },
                (!failure.text.is_empty()).then_some(failure.text),
            ),
        }
    }

    /// Remembers how to cancel `op` until its completion is taken.
    pub fn track(&self, op: u32, handle: AbortHandle) {
        lock(&self.state).running.insert(op, handle);
    }

    fn cancel(&self, op: u32) {
        if let Some(handle) = lock(&self.state).running.remove(&op) {
            handle.abort();
        }
    }

    fn wait(&self) -> usize {
        let mut state = lock(&self.state);
        while state.ready.is_empty() && !state.woken {
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        state.woken = false;
        state.ready.len()
    }

    fn wake(&self) {
        lock(&self.state).woken = true;
        self.arrived.notify_one();
    }

    fn take(&self, into: &mut [Completion]) -> usize {
        let mut state = lock(&self.state);
        let count = into.len().min(state.ready.len());
        for slot in &mut into[..count] {
            if let Some(completion) = state.ready.pop_front() {
                state.running.remove(&completion.op);
                *slot = completion;
            }
        }
        count
    }

    fn take_text(&self, op: u32) -> String {
        lock(&self.state).texts.remove(&op).unwrap_or_default()
    }
}

/// Posts a completion however the operation ends: also when its task is aborted or panics.
pub struct Promise {
    queue: Arc<Queue>,
    op: u32,
    kept: bool,
}

impl Promise {
    pub fn new(queue: Arc<Queue>, op: u32) -> Self {
        Self {
            queue,
            op,
            kept: false,
        }
    }

    pub fn keep(mut self, outcome: Result<Done, Failure>) {
        self.kept = true;
        self.queue.complete(self.op, outcome);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let failure = if std::thread::panicking() {
            Failure::new(PANIC, panics::last().unwrap_or_default())
        } else {
            Failure::new(CANCELED, "canceled")
        };
        self.queue.complete(self.op, Err(failure));
    }
}

/// A waker that says "call again": at most one completion, however often it is woken.
pub struct Ready {
    queue: Arc<Queue>,
    op: u32,
    fired: AtomicBool,
}

impl Ready {
    pub fn waker(queue: &Arc<Queue>, op: u32) -> Waker {
        Waker::from(Arc::new(Self {
            queue: queue.clone(),
            op,
            fired: AtomicBool::new(false),
        }))
    }
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.fired.swap(true, Ordering::AcqRel) {
            self.queue.complete(self.op, Ok(Done::default()));
        }
    }
}

/// Makes a queue; its handle goes to `out[0]`.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_queue_new(out: *mut f64) -> i32 {
    panics::watch();
    entry(|| {
        let handle = store(Object::Queue(Arc::default()))?;
        // SAFETY: the caller's promise.
        let out = unsafe { output_slice(out, 1) };
        out[0] = handle;
        Ok(0)
    })
}

/// Blocks until there is a completion or `xoq_quic_queue_wake` is called. The only call that blocks,
/// and the only one to be made from another thread. It touches no memory of the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_queue_wait(queue: f64) -> i32 {
    entry(|| Ok(object::<Queue>(queue)?.wait() as i32))
}

/// Makes a waiting thread return.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_queue_wake(queue: f64) -> i32 {
    entry(|| {
        object::<Queue>(queue)?.wake();
        Ok(0)
    })
}

/// Moves up to `max` completions to `into`; returns how many.
///
/// # Safety
/// `into` points to `max` writable completions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_queue_take(queue: f64, into: *mut Completion, max: u32) -> i32 {
    entry(|| {
        let queue = object::<Queue>(queue)?;
        // SAFETY: the caller's promise.
        Ok(queue.take(unsafe { output_slice(into, max as usize) }) as i32)
    })
}

/// Copies the text of a failed completion to `into`, and forgets it; returns its length.
///
/// # Safety
/// `into` points to `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_queue_text(
    queue: f64,
    op: u32,
    into: *mut u8,
    length: u32,
) -> i32 {
    entry(|| {
        let text = object::<Queue>(queue)?.take_text(op);
        // SAFETY: the caller's promise.
        Ok(unsafe { copy_text(&text, into, length) })
    })
}

/// Cancels an operation: its completion says so, unless it was faster.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_cancel(queue: f64, op: u32) -> i32 {
    entry(|| {
        object::<Queue>(queue)?.cancel(op);
        Ok(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(queue: &Queue) -> Vec<Completion> {
        let mut batch = [Completion::default(); 8];
        let count = queue.take(&mut batch);
        batch[..count].to_vec()
    }

    #[test]
    fn a_waker_posts_once_however_often_it_is_woken() {
        let queue = Arc::new(Queue::default());
        let waker = Ready::waker(&queue, 7);
        waker.wake_by_ref();
        waker.wake();
        assert_eq!(taken(&queue).iter().map(|c| c.op).collect::<Vec<_>>(), [7]);
    }

    #[test]
    fn a_promise_that_is_dropped_posts_a_cancellation() {
        let queue = Arc::new(Queue::default());
        drop(Promise::new(queue.clone(), 3));
        let batch = taken(&queue);
        assert_eq!((batch[0].op, batch[0].status), (3, CANCELED));
        assert_eq!(queue.take_text(3), "canceled");
        assert_eq!(queue.take_text(3), "");
    }

    #[test]
    fn waiting_ends_with_a_completion_or_a_wake() {
        let queue = Arc::new(Queue::default());
        queue.wake();
        assert_eq!(queue.wait(), 0);
        queue.complete(1, Ok(Done::default()));
        assert_eq!(queue.wait(), 1);
    }
}
