//! Randomness that follows from a seed, for everything on one thread: the order in which hash maps
//! are read, which branch of a `select!` is polled first, jitter, and generated names.
//!
//! All of these start from the C library's `getrandom`. The standard library links it by a weak
//! symbol so that a program can replace it, as happens here. A thread that was not seeded gets the
//! kernel's randomness.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{c_uint, c_void};

thread_local! {
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on everything random on this thread follows from the seed. Must be called before the
/// thread creates its first hash map.
pub fn seed(seed: u64) {
    STATE.set(Some(seed));
    fastrand::seed(seed);
}

/// Fills a buffer: see getrandom(2).
///
/// # Safety
///
/// The buffer must be valid for writes of `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    let Some(state) = STATE.get() else {
        // SAFETY: the same arguments, with the caller's guarantees for them.
        let written = unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) };
        return isize::try_from(written).unwrap_or(-1);
    };
    let mut random = fastrand::Rng::with_seed(state);
    let bytes = buffer.cast::<u8>();
    for position in 0..length {
        // SAFETY: within the length for which the caller guarantees a valid buffer.
        unsafe { bytes.add(position).write(random.u8(..)) };
    }
    STATE.set(Some(random.get_seed()));
    isize::try_from(length).unwrap_or(-1)
}
