//! Processes on a mock machine, the images they bring, and a consumer that records their stacks.

use dtrace_abi::action::{self, UstackArg};
use dtrace_abi::dif::*;
use dtrace_abi::dof::*;
use dtrace_abi::{DifType, DifVar, HelperDof, Instr, Plain, Status, ioctl, set_name};
use dtrace_engine::Model;
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Handle, Rig, USER_BASE, Who, become_who};

use crate::image::{Builder, act, ret, var};
use crate::program::{Program, S, value_at};

/// What the compiler says of an expression that is a statement.
const UNTYPED: DifType = DifType { kind: TYPE_CTF, ckind: 1, flags: 0, pad: 0, size: 0 };
/// Where a process has its image, and the structure that names it.
const IMAGE_AT: u64 = USER_BASE + 0x100_0000;
const HELPER_AT: u64 = IMAGE_AT - 0x1000;

/// Some code with its tables.
#[derive(Clone, Default)]
pub(crate) struct Code {
    text: Vec<Instr>,
    ints: Vec<u64>,
    strings: String,
    vars: Vec<DifVar>,
}

/// `"text"`
pub(crate) fn text(text: &str) -> Code {
    let text = format!("\0{text}\0");
    Code { text: vec![Instr::indexed(OP_SETS, 1, 1), ret(1)], strings: text, ..Code::default() }
}

/// `number`
pub(crate) fn number(value: u64) -> Code {
    Code { text: vec![Instr::indexed(OP_SETX, 0, 1), ret(1)], ints: vec![value], ..Code::default() }
}

/// `variable`
pub(crate) fn builtin(id: u32) -> Code {
    Code { text: vec![Instr::indexed(OP_LDGS, id as u16, 1), ret(1)], ..Code::default() }
}

/// `subroutine(variable)`
pub(crate) fn call(subroutine: u32, of: u32) -> Code {
    let code = vec![
        Instr::indexed(OP_LDGS, of as u16, 1),
        Instr::new(OP_FLUSHTS, 0, 0, 0),
        Instr::indexed(OP_SETX, 0, 2),
        Instr::new(OP_PUSHTV, 0, 2, 1),
        Instr::indexed(OP_CALL, subroutine as u16, 1),
        ret(1),
    ];
    Code { text: code, ints: vec![0], ..Code::default() }
}

/// The value at the address in a variable, as the kernel would be read.
pub(crate) fn load(of: u32) -> Code {
    let code = vec![Instr::indexed(OP_LDGS, of as u16, 1), Instr::new(OP_LDX, 1, 0, 1), ret(1)];
    Code { text: code, ..Code::default() }
}

/// A clause-local variable that holds a number.
fn local(n: u32) -> DifVar {
    DifVar { flags: DIFV_F_REF | DIFV_F_MOD, ..var(VAR_OTHER_UBASE + n, DIFV_KIND_SCALAR, DIFV_SCOPE_LOCAL) }
}

/// `this->n = code`
pub(crate) fn assign(n: u32, code: Code) -> Code {
    let mut code = code;
    code.text.insert(code.text.len() - 1, Instr::indexed(OP_STLS, (VAR_OTHER_UBASE + n) as u16, 1));
    code.vars.push(local(n));
    if code.strings.is_empty() {
        code.strings = "\0".into();
    }
    code
}

/// `this->n`
pub(crate) fn get(n: u32) -> Code {
    let text = vec![Instr::indexed(OP_LDLS, (VAR_OTHER_UBASE + n) as u16, 1), ret(1)];
    Code { text, strings: "\0".into(), vars: vec![local(n)], ..Code::default() }
}

/// `this->n`, of so many bytes.
pub(crate) fn get_large(n: u32, bytes: u32) -> Code {
    let mut code = get(n);
    code.vars[0].ty = DifType { flags: TF_BYREF, size: bytes, ..UNTYPED };
    code
}

/// `arg0 == value`
pub(crate) fn arg0_is(value: u64) -> Code {
    let text = vec![
        Instr::indexed(OP_LDGS, VAR_ARG0 as u16, 1),
        Instr::indexed(OP_SETX, 0, 2),
        Instr::new(OP_XOR, 1, 2, 1),
        Instr::new(OP_TST, 1, 0, 0),
        Instr::branch(OP_BNE, 7),
        Instr::indexed(OP_SETX, 1, 1),
        ret(1),
        ret(0),
    ];
    Code { text, ints: vec![value, 1], ..Code::default() }
}

/// An image under construction.
pub(crate) struct Helper(pub(crate) Builder);

impl Helper {
    pub(crate) fn new() -> Helper {
        Helper(Builder::new())
    }

    fn difo(&mut self, code: &Code) -> u32 {
        self.0.difo(&code.text, &code.ints, &code.strings, &code.vars, UNTYPED)
    }

    /// `dtrace:helper:ustack: /predicate/ { actions }`
    pub(crate) fn clause(self, predicate: Option<Code>, actions: &[Code]) -> Helper {
        self.clause_for(["dtrace", "helper", "ustack", ""], predicate, actions)
    }

    pub(crate) fn clause_for(
        mut self,
        probe: [&str; 4],
        predicate: Option<Code>,
        actions: &[Code],
    ) -> Helper {
        let probe = self.0.probe(probe);
        let predicate = predicate.map_or(SECIDX_NONE, |code| self.difo(&code));
        let actions: Vec<_> = actions.iter().map(|code| act(action::DIFEXPR, self.difo(code))).collect();
        let actions = match actions.is_empty() {
            true => SECIDX_NONE,
            false => self.0.table(SECT_ACTDESC, 8, &actions),
        };
        self.0.ecb(probe, predicate, actions);
        self
    }

    pub(crate) fn image(&self) -> Vec<u8> {
        self.0.build()
    }
}

/// A helper that gives every frame the same string.
pub(crate) fn constant(string: &str) -> Vec<u8> {
    Helper::new().clause(None, &[text(string)]).image()
}

/// The thread becomes the process of this id, of user 7.
pub(crate) fn become_process(pid: u32) {
    become_who(Who { pid, tid: pid, uid: 7, ..Who::default() });
}

/// The process brings an image by ADDDOF: the generation.
pub(crate) fn bring(rig: &Rig, image: &[u8]) -> Result<i32, Errno> {
    bring_at(rig, image, 0, "prog")
}

/// As `bring`, of a module at this address.
pub(crate) fn bring_at(rig: &Rig, image: &[u8], addr: u64, module: &str) -> Result<i32, Errno> {
    let mut helper = HelperDof { addr, dof: IMAGE_AT, ..HelperDof::zeroed() };
    set_name(&mut helper.module, module.as_bytes());
    rig.mock().poke_user(IMAGE_AT, image)?;
    rig.mock().poke_user(HELPER_AT, helper.as_bytes())?;
    rig.dtrace().helper_ioctl(Model::Lp64, ioctl::HELPER_ADDDOF, HELPER_AT)
}

/// The process brings an image by ADD.
pub(crate) fn bring_plainly(rig: &Rig, model: Model, image: &[u8], pad: u64) -> Result<i32, Errno> {
    // Where a pointer of 32 bits leads.
    let at = match model {
        Model::Lp64 => IMAGE_AT,
        Model::Ilp32 => IMAGE_AT & 0xffff_ffff,
    };
    rig.mock().poke_user(IMAGE_AT, image)?;
    rig.dtrace().helper_ioctl(model, ioctl::HELPER_ADD, at | pad)
}

/// The process takes a generation back.
pub(crate) fn take_back(rig: &Rig, generation: i32) -> Result<i32, Errno> {
    rig.dtrace().helper_ioctl(Model::Lp64, ioctl::HELPER_REMOVE, generation as u64)
}

/// A consumer whose clause on the first probe of the rig is `jstack(frames, room)`.
pub(crate) struct Stacks<'a> {
    rig: &'a Rig,
    handle: Handle<'a>,
    frames: u32,
}

impl<'a> Stacks<'a> {
    pub(crate) fn new(rig: &'a Rig, frames: u32, room: u32) -> Stacks<'a> {
        let arg = UstackArg { nframes: frames, strsize: room }.pack();
        let jstack = S::Act(action::JSTACK, arg, None);
        let image = Program::new().clause(["mock", "", "", ""], None, &[jstack]).buffered().image();
        let handle = rig.open();
        handle.enable(&image).unwrap();
        handle.go().unwrap();
        Stacks { rig, handle, frames }
    }

    /// Fires, and answers the strings of the frames; those behind the last are left out.
    pub(crate) fn strings(&self) -> Vec<String> {
        let (_, strings) = self.record();
        let mut strings: Vec<String> =
            strings.split(|&b| b == 0).map(|s| String::from_utf8_lossy(s).into_owned()).collect();
        strings.truncate(self.frames as usize);
        while strings.last().is_some_and(String::is_empty) {
            strings.pop();
        }
        strings
    }

    /// Fires, and answers the words and the room of strings.
    pub(crate) fn record(&self) -> (Vec<u64>, Vec<u8>) {
        self.rig.probe(0).fire(&[]);
        let data = self.handle.buffer(0).unwrap().data;
        assert!(!data.is_empty(), "the firing was lost");
        // The identifier, a word of padding, the process, the frames.
        let words = (0..=self.frames as usize).map(|n| value_at(&data, 8 + n * 8)).collect();
        (words, data[16 + self.frames as usize * 8..].to_vec())
    }

    pub(crate) fn status(&self) -> Status {
        let mut status = Status::zeroed();
        self.handle.ioctl(ioctl::STATUS, &mut status).unwrap();
        status
    }
}

/// A machine with one probe.
pub(crate) fn rig() -> Rig {
    Rig::new(1, &[["mod", "func", "entry"]])
}
