//! The loop.

use super::code::{ABOVE, BELOW, Code, EQUAL, GREATER, Insn, LESS, Load, Op};
use super::tuple::Tuple;
use super::{Fault, FaultKind, Machine, Subject, Trap};
use crate::host::Host;

/// What a run has for itself.
pub(crate) struct Frame {
    regs: [u64; 8],
    /// The operands of the last comparison. A test is a comparison with 0; a comparison of strings is one of 0, 1 or 2
    /// with 1.
    left: u64,
    right: u64,
    pub(crate) tuple: Tuple,
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

/// Whether the outcome of comparing the two is one of `outcomes`.
#[inline(always)]
fn compares(left: u64, right: u64, outcomes: u8) -> bool {
    let outcome = u8::from(left == right) * EQUAL
        | u8::from((left as i64) < right as i64) * LESS
        | u8::from(left as i64 > right as i64) * GREATER
        | u8::from(left < right) * BELOW
        | u8::from(left > right) * ABOVE;
    outcome & outcomes != 0
}

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    /// Runs code to its end: the value, which by the type of the code's result may be an address.
    #[inline]
    pub fn run(&self, code: &Code) -> Result<u64, Fault> {
        let strings = code.difo().strings();
        self.strings.set((strings.as_ptr(), strings.len()));
        let mut frame = Frame { regs: [0; 8], left: 0, right: 0, tuple: Tuple::new() };
        let insns = code.insns();
        let mut pc = 0usize;
        loop {
            // Verification has seen to it that the text ends in `ret`.
            let Some(insn) = insns.get(pc) else {
                return Err(Trap::new(FaultKind::IllegalOperation).fault(Some(pc as u32 * 4)));
            };
            pc += 1;
            if insn.op > Op::LAST_HOT {
                if let Err(trap) = self.step(&mut frame, insn) {
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
                    pc = if compares(frame.left, frame.right, insn.d) { insn.x as usize } else { pc + 2 };
                }
                Op::CmpBranch => {
                    (frame.left, frame.right) = (frame.get(insn.a), frame.get(insn.b));
                    pc = if compares(frame.left, frame.right, insn.d) { insn.x as usize } else { pc + 1 };
                }
                Op::TstBranch => {
                    (frame.left, frame.right) = (frame.get(insn.a), 0);
                    pc = if compares(frame.left, 0, insn.d) { insn.x as usize } else { pc + 1 };
                }
                Op::Branch => {
                    if compares(frame.left, frame.right, insn.d) {
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
                // Op::Sub, the last of the hot ones.
                _ => frame.set(insn.d, frame.get(insn.a).wrapping_sub(frame.get(insn.b))),
            }
        }
    }

    /// Everything that is not hot.
    #[inline(never)]
    fn step(&self, frame: &mut Frame, insn: &Insn) -> Result<(), Trap> {
        let (a, b, d, x) = (frame.get(insn.a), frame.get(insn.b), frame.get(insn.d), insn.x);
        let divisor = || if b == 0 { Err(Trap::new(FaultKind::DivideByZero)) } else { Ok(b) };
        let value = match insn.op {
            Op::Thread => self.load_thread(x),
            Op::SetThread => return self.store_thread(x, a),
            Op::Assoc => self.load_assoc(x, &frame.tuple),
            Op::SetAssoc => return self.store_assoc(x, &frame.tuple, a),
            Op::Builtin => self.builtin(x)?,
            Op::PushValue => return frame.tuple.push_value(d),
            Op::PushRef => return self.push_ref(&mut frame.tuple, d, b, x != 0),
            Op::Flush => {
                frame.tuple.flush();
                return Ok(());
            }
            Op::Load => {
                let how = Load::unpack(x);
                self.load(a, how)?
            }
            Op::Local => self.load_local(x),
            Op::SetLocal => {
                self.store_local(x, a);
                return Ok(());
            }
            Op::Or => a | b,
            Op::Xor => a ^ b,
            Op::And => a & b,
            // A shift count is taken modulo 64, as the processor does.
            Op::Sll => a.wrapping_shl(b as u32),
            Op::Srl => a.wrapping_shr(b as u32),
            Op::Sra => (a as i64).wrapping_shr(b as u32) as u64,
            Op::Mul => a.wrapping_mul(b),
            // INT64_MIN / -1 wraps.
            Op::Sdiv => (a as i64).wrapping_div(divisor()? as i64) as u64,
            Op::Srem => (a as i64).wrapping_rem(divisor()? as i64) as u64,
            Op::Udiv => a.wrapping_div(divisor()?),
            Op::Urem => a.wrapping_rem(divisor()?),
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
            Op::Store => return self.store(d, a, x),
            Op::Array => self.builtin_array(x, b)?,
            Op::GlobalBytes | Op::LocalBytes => self.load_area(x),
            Op::SetGlobalBytes | Op::SetLocalBytes => return self.store_area(x, a),
            Op::Call => self.call(x, &frame.tuple, d)?,
            Op::Pop => {
                frame.tuple.pop();
                return Ok(());
            }
            Op::Allocs => self.allocate(a)?,
            Op::Copys => return self.copy(a, d, b),
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
        Ok(start.expose_provenance() as u64)
    }

    /// Scratch memory with whatever is in it.
    pub(crate) fn take(&self, size: u64) -> Result<*mut u8, Trap> {
        self.scratch.take(size).ok_or(Trap::new(FaultKind::NoScratch))
    }
}
