//! C's arguments: strings, lists of words, places for results.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

use dtrace_rs::error::{Error, Result};
use libc::{FILE, size_t};

/// The text of a string. EINVAL for null.
///
/// # Safety
///
/// The pointer is null or of a string that stays as it is while the result is in use.
pub(crate) unsafe fn text<'a>(string: *const c_char) -> Result<std::borrow::Cow<'a, str>> {
    // SAFETY: the caller's promise.
    unsafe { optional(string) }.ok_or(Error::Sys(libc::EINVAL))
}

/// The bytes of a string, whatever they are. EINVAL for null.
///
/// # Safety
///
/// As for [`text`].
pub(crate) unsafe fn bytes<'a>(string: *const c_char) -> Result<&'a [u8]> {
    if string.is_null() {
        return Err(Error::Sys(libc::EINVAL));
    }
    // SAFETY: the caller's promise: it is a string.
    Ok(unsafe { CStr::from_ptr(string) }.to_bytes())
}

/// The text of a string that may be left out.
///
/// # Safety
///
/// As for [`text`].
pub(crate) unsafe fn optional<'a>(string: *const c_char) -> Option<std::borrow::Cow<'a, str>> {
    if string.is_null() {
        return None;
    }
    // SAFETY: the caller's promise: it is a string.
    Some(unsafe { CStr::from_ptr(string) }.to_string_lossy())
}

/// A list of words with its length.
///
/// # Safety
///
/// `argv` points to `argc` strings, or is null.
pub(crate) unsafe fn words(argc: c_int, argv: *const *mut c_char) -> Vec<OsString> {
    let count = if argv.is_null() { 0 } else { usize::try_from(argc).unwrap_or(0) };
    // SAFETY: the caller's promise: there are that many strings.
    (0..count).map(|n| word(unsafe { bytes(*argv.add(n)) }.unwrap_or_default())).collect()
}

/// A list of words that a null pointer ends.
///
/// # Safety
///
/// `argv` is null or points to strings and, behind the last of them, null.
pub(crate) unsafe fn word_list(argv: *const *mut c_char) -> Vec<OsString> {
    let mut words = Vec::new();
    // SAFETY: the caller's promise: the list has an end, and is read no further.
    while let Some(Ok(bytes)) = unsafe { argv.as_ref() }.map(|_| unsafe { bytes(*argv.add(words.len())) }) {
        words.push(word(bytes));
    }
    words
}

fn word(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}

/// Puts a result where the caller wants it, if he does.
///
/// # Safety
///
/// The pointer is null or of a place that may be written to.
pub(crate) unsafe fn put<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: the caller's promise.
        unsafe { place.write(value) };
    }
}

/// Puts text into a buffer, cut so that a NUL follows, and says how long all of it is.
///
/// # Safety
///
/// The buffer has that many bytes, or is null.
pub(crate) unsafe fn put_text(buffer: *mut c_char, size: size_t, text: &str) -> size_t {
    if !buffer.is_null() && size != 0 {
        let kept = text.len().min(size - 1);
        // SAFETY: the buffer has room for what is kept and the NUL; text and buffer are not the same memory, one being
        // Rust's and the other C's.
        unsafe {
            buffer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), kept);
            buffer.add(kept).write(0);
        }
    }
    text.len()
}

/// The rest of a stream. EDT_FIO when it cannot be read.
///
/// # Safety
///
/// The stream is null or open for reading.
pub(crate) unsafe fn contents(file: *mut FILE) -> Result<Vec<u8>> {
    if file.is_null() {
        return Err(Error::Sys(libc::EINVAL));
    }
    let mut all = Vec::new();
    let mut chunk = [0u8; 4096];
    loop {
        // SAFETY: the stream is the caller's promise, and the chunk has as many bytes as it says.
        let read = unsafe { libc::fread(chunk.as_mut_ptr().cast(), 1, chunk.len(), file) };
        all.extend_from_slice(&chunk[..read]);
        if read < chunk.len() {
            break;
        }
    }
    // SAFETY: as above.
    if unsafe { libc::ferror(file) } != 0 {
        return Err(dtrace_rs::error::Code::FileIo.into());
    }
    Ok(all)
}
