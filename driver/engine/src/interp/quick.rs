//! What needs no machine: the [recognised](super::shape) objects, run from the firing and the variables alone.
//!
//! A [`Machine`](super::Machine) has scratch memory, a string table and a place for `strtok`; making one costs more than
//! most objects do. A [`Quick`] is five words that are there anyway. It does the whole of an object or nothing: whatever
//! it cannot do (a fault, a string variable, an argument only the provider knows) is answered with None before anything
//! has happened that a program could notice, and the machine does it from the start.

use core::sync::atomic::Ordering::Relaxed;

use dtrace_abi::dif;

use super::code::Code;
use super::machine::holds;
use super::shape::{Shape, Source, Target};
use super::{Moment, NamePart, Subject};
use crate::dynvar::{KeyWords, NoKey, Stored};
use crate::host::{EXECNAME_SIZE, Host};
use crate::probe::Probe;
use crate::variable::Variables;

/// One clause in one firing, as far as recognised objects see it.
pub(crate) struct Quick<'a, H: Host, P: Subject<H> = Probe<H>> {
    pub(crate) moment: &'a Moment<'a, H, P>,
    pub(crate) variables: &'a Variables,
    /// Whether the process may be looked at.
    pub(crate) process: bool,
    pub(crate) strsize: usize,
    pub(crate) epid: u32,
}

/// A string that stays where it is during a firing, and can be had without a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// `execname`
    Execname,
    /// A part of the probe's name.
    Name(NamePart),
}

impl Text {
    /// The string that a source is the address of, if it is one of these.
    #[inline(always)]
    pub(crate) fn of(source: Source) -> Option<Text> {
        let Source::Builtin(variable) = source else { return None };
        Some(match variable {
            dif::VAR_EXECNAME => Text::Execname,
            dif::VAR_PROBEFUNC => Text::Name(NamePart::Function),
            dif::VAR_PROBEMOD => Text::Name(NamePart::Module),
            dif::VAR_PROBENAME => Text::Name(NamePart::Name),
            dif::VAR_PROBEPROV => Text::Name(NamePart::Provider),
            _ => return None,
        })
    }
}

fn address(text: &[u8]) -> u64 {
    text.as_ptr().expose_provenance() as u64
}

impl<H: Host, P: Subject<H>> Quick<'_, H, P> {
    /// The value of an object, if it can be had this way.
    #[inline(always)]
    pub(crate) fn run(&self, code: &Code) -> Option<u64> {
        match *code.shape() {
            Shape::Value(Source::Constant(value)) => Some(value),
            Shape::Value(Source::Arg(n)) => self.arg(n),
            Shape::Compare { source: Source::Arg(n), constant, condition } => {
                Some(u64::from(holds(condition, self.arg(n)?, constant)))
            }
            Shape::General => None,
            _ => self.run_shape(code.shape()),
        }
    }

    #[inline(never)]
    pub(super) fn run_shape(&self, shape: &Shape) -> Option<u64> {
        Some(match *shape {
            Shape::General => return None,
            Shape::Value(source) => self.source(source)?,
            Shape::Compare { source, constant, condition } => {
                u64::from(holds(condition, self.source(source)?, constant))
            }
            Shape::Add { global, constant, before } => {
                let word = self.variables.global(global)?;
                let old = word.load(Relaxed);
                let new = old.wrapping_add(constant);
                word.store(new, Relaxed);
                if before { old } else { new }
            }
            Shape::Store { target, source } => {
                let value = self.source(source)?;
                match target {
                    Target::Global(index) => self.variables.global(index)?.store(value, Relaxed),
                    Target::Local(index) => {
                        self.variables.local(self.moment.cpu, index)?.store(value, Relaxed);
                    }
                    Target::Thread(index) => self.store_dynamic(index, &NoKey, value)?,
                }
                value
            }
            Shape::Difference(first, second) => {
                let first = self.source(first)?;
                first.wrapping_sub(self.source(second)?)
            }
            Shape::Array(ref array) => return self.run_array(array),
        })
    }

    #[inline(always)]
    fn arg(&self, n: u32) -> Option<u64> {
        self.moment.firing.args.get(n as usize).copied()
    }

    #[inline(always)]
    pub(super) fn source(&self, source: Source) -> Option<u64> {
        Some(match source {
            Source::Constant(value) => value,
            Source::Arg(n) => self.arg(n)?,
            Source::Global(index) => self.variables.global(index)?.load(Relaxed),
            Source::Thread(index) => self.load_dynamic(index, &NoKey),
            Source::Local(index) => self.variables.local(self.moment.cpu, index)?.load(Relaxed),
            Source::Builtin(dif::VAR_TIMESTAMP) => self.moment.timestamp(),
            Source::Builtin(dif::VAR_PID) if self.process => u64::from(self.moment.host.pid()),
            Source::Builtin(variable) => self.builtin(variable)?,
        })
    }

    /// Those built-in variables that programs use all the time.
    #[inline(never)]
    fn builtin(&self, variable: u32) -> Option<u64> {
        let (moment, host) = (self.moment, self.moment.host);
        match variable {
            dif::VAR_VTIMESTAMP => return Some(moment.vtimestamp()),
            dif::VAR_WALLTIMESTAMP => return Some(moment.walltimestamp()),
            dif::VAR_EPID => return Some(u64::from(self.epid)),
            dif::VAR_ID => return Some(u64::from(moment.probe.id())),
            _ => {}
        }
        if let Some(text) = Text::of(Source::Builtin(variable)) {
            return self.text(text).map(address);
        }
        if !self.process {
            return None;
        }
        match variable {
            dif::VAR_TID => Some(u64::from(host.tid())),
            dif::VAR_UID => Some(u64::from(host.uid())),
            dif::VAR_GID => Some(u64::from(host.gid())),
            dif::VAR_ERRNO => Some(i64::from(host.errno(moment.firing)) as u64),
            _ => None,
        }
    }

    /// A string with its NUL, and with whatever is behind that.
    #[inline(always)]
    pub(crate) fn text(&self, text: Text) -> Option<&[u8]> {
        match text {
            Text::Execname if self.process => Some(self.moment.execname()),
            Text::Execname => None,
            Text::Name(part) => Some(self.moment.probe.name(part)),
        }
    }

    /// Copies a string with its NUL to the front of `to`, if it fits. What is behind the NUL stays as it is if `bare`, and is
    /// cleared otherwise.
    #[inline(always)]
    pub(crate) fn copy_text(&self, text: Text, to: &mut [u8], bare: bool) -> Option<()> {
        let len = match text {
            // Two words, whatever is in them.
            Text::Execname if bare => {
                let name = self.text(text)?;
                *to.first_chunk_mut::<EXECNAME_SIZE>()? = *name.first_chunk()?;
                return Some(());
            }
            Text::Execname => {
                let name = self.text(text)?.first_chunk::<EXECNAME_SIZE>()?;
                *to.first_chunk_mut()? = up_to_nul(u128::from_le_bytes(*name)).to_le_bytes();
                EXECNAME_SIZE
            }
            // A name ends in its only NUL.
            Text::Name(_) => {
                let name = self.text(text)?;
                copy_short(name, to.get_mut(..name.len())?)?;
                if bare {
                    return Some(());
                }
                name.len()
            }
        };
        to.get_mut(len..)?.fill(0);
        Some(())
    }

    #[inline(always)]
    pub(super) fn load_dynamic<K: KeyWords + ?Sized>(&self, index: u32, key: &K) -> u64 {
        match (self.variables.dynamic(index), self.variables.dynvars()) {
            (Some(dynamic), Some(store)) => {
                let thread = if dynamic.thread { self.moment.thread() } else { 0 };
                store.load(&dynamic.identity(thread), key)
            }
            _ => 0,
        }
    }

    /// A store that finds no room is a drop, counted by the store, and no fault.
    #[inline(always)]
    pub(super) fn store_dynamic<K: KeyWords + ?Sized>(&self, index: u32, key: &K, value: u64) -> Option<()> {
        let (Some(dynamic), Some(store)) = (self.variables.dynamic(index), self.variables.dynvars()) else {
            return Some(());
        };
        if value != 0 && dynamic.bytes != 0 {
            return None;
        }
        let thread = if dynamic.thread { self.moment.thread() } else { 0 };
        let who = dynamic.identity(thread);
        if value == 0 {
            store.clear(self.moment.cpu, &who, key);
        } else {
            let (Stored::Done | Stored::Dropped) = store.store(self.moment.cpu, &who, key, value);
        }
        Some(())
    }
}

/// The bytes of a name before its first NUL, the others zero.
#[inline(always)]
fn up_to_nul(name: u128) -> u128 {
    const LOW: u128 = u128::from_ne_bytes([0x01; EXECNAME_SIZE]);
    const HIGH: u128 = LOW << 7;
    // The lowest mark is exact; what borrows may have marked lies above it.
    let zeros = name.wrapping_sub(LOW) & !name & HIGH;
    let first = zeros & zeros.wrapping_neg();
    if first == 0 { name } else { name & (first >> 7).wrapping_sub(1) }
}

/// Copies a few bytes, between slices of the same length: in words, of which the last may overlap the one before.
#[inline(always)]
fn copy_short(from: &[u8], to: &mut [u8]) -> Option<()> {
    if let Some(last) = from.last_chunk::<8>() {
        let mut at = 0;
        while at + 8 < from.len() {
            *to.get_mut(at..)?.first_chunk_mut::<8>()? = *from.get(at..)?.first_chunk()?;
            at += 8;
        }
        *to.last_chunk_mut()? = *last;
    } else {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_at_its_nul() {
        for len in 0..16 {
            for behind in [0, 1, 0x7f, 0x80, 0xff] {
                let mut name = [behind; 16];
                name[..len].fill(b'x');
                name[len] = 0;
                let mut cut = [0; 16];
                cut[..len].fill(b'x');
                assert_eq!(up_to_nul(u128::from_le_bytes(name)).to_le_bytes(), cut);
            }
        }
    }

    #[test]
    fn short_copies_are_copies() {
        for len in 0..40u8 {
            let from: Vec<u8> = (1..=len).collect();
            let mut to = vec![0xff; from.len()];
            copy_short(&from, &mut to).unwrap();
            assert_eq!(to, from);
        }
    }
}
