//! The loop.

use super::code::{Code, Insn, Op, outcome};
use super::quick::Quick;
use super::tuple::Tuple;
use super::{Clause, Fault, FaultKind, Machine, Subject, Trap};
use crate::host::Host;

/// What a run has for itself.
pub(crate) struct Frame {
    regs: [u64; 8],
    /// The operands of the last comparison. A test is a comparison with 0; a comparison of strings is one of 0, 1 or 2
    /// with 1.
    left: u64,
    right: u64,
}

impl Frame {
    #[inline(always)]
    fn get(&self, register: u8) -> u64 {
        self.regs[usize::from(register & 7)]
    }

    #[inline(always)]
    fn set(&mut self, register: u8, value: u64) {
        self.regs[usize::from(register & 7)] = value;
    }
}

/// Whether a condition holds for two values.
#[inline(always)]
pub(crate) fn holds(condition: u8, left: u64, right: u64) -> bool {
    condition >> outcome(left, right) & 1 != 0
}

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    /// Runs code to its end: the value, which by the type of the code's result may be an address.
    #[inline]
    pub fn run(&self, code: &Code) -> Result<u64, Fault> {
        // In short, addresses are what they are.
        if self.clause.access.kernel
            && let Some(value) = self.quick().run(code)
        {
            return Ok(value);
        }
        let value = self.with_code(code, || self.run_general(code))?;
        self.in_time().map_err(|trap| trap.fault(None))?;
        Ok(value)
    }

    /// What of it recognised objects need.
    #[inline(always)]
    fn quick(&self) -> Quick<'_, H, P> {
        let Clause { variables, access, strsize, epid, .. } = *self.clause;
        Quick { moment: self.moment, variables, process: access.process, strsize, epid }
    }

    /// Does something while the string table of `code` is ours to read.
    #[inline(always)]
    pub(crate) fn with_code<R>(&self, code: &Code, work: impl FnOnce() -> R) -> R {
        self.code.set(code);
        let result = work();
        self.code.set(core::ptr::null());
        result
    }

    /// The string table of the code at hand, and what programs see as its address.
    #[inline]
    pub(crate) fn strings(&self) -> (&[u8], u64) {
        // SAFETY: not null only within `with_code`, which has a reference to it. Nothing outlives that: what is made of
        // this slice is used up before `work` returns.
        unsafe { self.code.get().as_ref() }.map_or((&[], 0), Code::strings)
    }

    #[inline(never)]
    fn run_general(&self, code: &Code) -> Result<u64, Fault> {
        let mut frame = Frame { regs: [0; 8], left: 0, right: 0 };
        // Apart from the frame, so that it is not cleared along with it.
        let mut tuple = Tuple::new();
        let insns = code.insns();
        let mut pc = 0usize;
        loop {
            // Verification has seen to it that the text ends in `ret`.
            let Some(insn) = insns.get(pc) else {
                return Err(Trap::new(FaultKind::IllegalOperation).fault(Some(pc as u32 * 4)));
            };
            pc += 1;
            if insn.op > Op::LAST_HOT {
                if let Err(trap) = self.step(&mut frame, &mut tuple, insn) {
                    return Err(trap.fault(Some((pc as u32 - 1) * 4)));
                }
                continue;
            }
            match insn.op {
                Op::Ret => return Ok(frame.get(insn.a)),
                Op::Imm => frame.set(insn.d, insn.imm),
                Op::Arg => {
                    let value = self.arg(u64::from(insn.x));
                    frame.set(insn.d, value);
                }
                Op::Global => {
                    let value = self.load_global(insn.x);
                    frame.set(insn.d, value);
                }
                Op::SetGlobal => self.store_global(insn.x, frame.get(insn.a)),
                Op::ImmCmpBranch => {
                    frame.set(insn.b, insn.imm);
                    (frame.left, frame.right) = (frame.get(insn.a), insn.imm);
                    pc = if holds(insn.d, frame.left, frame.right) { insn.x as usize } else { pc + 2 };
                }
                Op::CmpBranch => {
                    (frame.left, frame.right) = (frame.get(insn.a), frame.get(insn.b));
                    pc = if holds(insn.d, frame.left, frame.right) { insn.x as usize } else { pc + 1 };
                }
                Op::TstBranch => {
                    (frame.left, frame.right) = (frame.get(insn.a), 0);
                    pc = if holds(insn.d, frame.left, 0) { insn.x as usize } else { pc + 1 };
                }
                Op::Branch => {
                    if holds(insn.d, frame.left, frame.right) {
                        pc = insn.x as usize;
                    }
                }
                Op::Mov => frame.set(insn.d, frame.get(insn.a)),
                Op::ImmAdd => {
                    frame.set(insn.b, insn.imm);
                    frame.set(insn.d, frame.get(insn.a).wrapping_add(insn.imm));
                    pc += 1;
                }
                Op::Add => frame.set(insn.d, frame.get(insn.a).wrapping_add(frame.get(insn.b))),
                Op::Sub => frame.set(insn.d, frame.get(insn.a).wrapping_sub(frame.get(insn.b))),
                Op::Local => {
                    let value = self.load_local(insn.x);
                    frame.set(insn.d, value);
                }
                Op::SetLocal => self.store_local(insn.x, frame.get(insn.a)),
                Op::Thread => {
                    let value = self.load_thread(insn.x);
                    frame.set(insn.d, value);
                }
                Op::Assoc => {
                    let value = self.load_assoc(insn.x, &mut tuple);
                    frame.set(insn.d, value);
                }
                Op::Flush => tuple.flush(),
                op => {
                    let outcome = match op {
                        Op::PushValue => tuple.push_value(frame.get(insn.d)),
                        Op::ImmPushValue => {
                            frame.set(insn.b, insn.imm);
                            pc += 1;
                            tuple.push_value(frame.get(insn.d))
                        }
                        Op::PushRef => {
                            self.push_ref(&mut tuple, frame.get(insn.d), frame.get(insn.b), insn.x != 0)
                        }
                        Op::ImmPushRef => {
                            frame.set(insn.b, insn.imm);
                            pc += 1;
                            self.push_ref(&mut tuple, frame.get(insn.d), insn.imm, insn.x != 0)
                        }
                        Op::SetThread => self.store_thread(insn.x, frame.get(insn.a)),
                        Op::SetAssoc => self.store_assoc(insn.x, &mut tuple, frame.get(insn.a)),
                        // Op::Builtin, the last of the hot ones.
                        _ => self.builtin(insn.x).map(|value| frame.set(insn.d, value)),
                    };
                    if let Err(trap) = outcome {
                        return Err(trap.fault(Some((pc as u32 - 1) * 4)));
                    }
                }
            }
        }
    }

    /// Everything that is not hot. What takes more than a few instructions is in functions of its own, so that this one
    /// has little to save and restore.
    #[inline(never)]
    fn step(&self, frame: &mut Frame, tuple: &mut Tuple, insn: &Insn) -> Result<(), Trap> {
        self.in_time()?;
        let (a, b, x) = (frame.get(insn.a), frame.get(insn.b), insn.x);
        let value = match insn.op {
            Op::Load => self.load(a, x)?,
            Op::Or => a | b,
            Op::Xor => a ^ b,
            Op::And => a & b,
            // A shift count is taken modulo 64, as the processor does.
            Op::Sll => a.wrapping_shl(b as u32),
            Op::Srl => a.wrapping_shr(b as u32),
            Op::Sra => (a as i64).wrapping_shr(b as u32) as u64,
            Op::Mul => a.wrapping_mul(b),
            Op::Sdiv | Op::Srem | Op::Udiv | Op::Urem => divide(insn.op, a, b)?,
            Op::Not => !a,
            Op::Cmp => {
                (frame.left, frame.right) = (a, b);
                return Ok(());
            }
            Op::Tst => {
                (frame.left, frame.right) = (a, 0);
                return Ok(());
            }
            Op::Scmp => {
                (frame.left, frame.right) = (self.compare_strings(a, b)?, 1);
                return Ok(());
            }
            Op::Store => return self.store(frame.get(insn.d), a, x),
            Op::Array => self.builtin_array(x, b)?,
            Op::GlobalBytes | Op::LocalBytes => self.load_area(x),
            Op::SetGlobalBytes | Op::SetLocalBytes => return self.store_area(x, a),
            Op::Call => self.call(x, tuple, frame.get(insn.d))?,
            Op::Pop => {
                tuple.pop();
                return Ok(());
            }
            Op::Allocs => self.allocate(a)?,
            Op::Copys => return self.copy(a, frame.get(insn.d), b),
            Op::Nop => return Ok(()),
            _ => return Err(Trap::new(FaultKind::IllegalOperation)),
        };
        frame.set(insn.d, value);
        Ok(())
    }

    /// Scratch memory of `size` zeros.
    pub(crate) fn allocate(&self, size: u64) -> Result<u64, Trap> {
        let start = self.take(size)?;
        // SAFETY: `take` has just given us these bytes.
        unsafe { start.write_bytes(0, size as usize) };
        Ok(self.scratch.address_of(start))
    }

    /// Scratch memory with whatever is in it.
    pub(crate) fn take(&self, size: u64) -> Result<*mut u8, Trap> {
        self.scratch.take(size).ok_or(Trap::new(FaultKind::NoScratch))
    }
}

/// The four divisions. INT64_MIN / -1 wraps.
fn divide(op: Op, a: u64, b: u64) -> Result<u64, Trap> {
    if b == 0 {
        return Err(Trap::new(FaultKind::DivideByZero));
    }
    Ok(match op {
        Op::Sdiv => (a as i64).wrapping_div(b as i64) as u64,
        Op::Srem => (a as i64).wrapping_rem(b as i64) as u64,
        Op::Udiv => a.wrapping_div(b),
        _ => a.wrapping_rem(b),
    })
}
