//! Images of random clauses: soundly built, with code from [`crate::code`], and with actions in any order.

use dtrace_abi::dof::{SECIDX_NONE, SECT_ACTDESC, SECT_OPTDESC};
use dtrace_abi::{DofActDesc, DofOptDesc, action, agg, option};

use crate::code::{self, Gives};
use crate::image::{Builder, act};
use crate::input::Input;

/// What programs are for.
const PROBES: [[&str; 4]; 10] = [
    ["mock", "m", "f", "entry"],
    ["mock", "m", "f", "return"],
    ["mock", "", "", ""],
    ["dtrace", "", "", "BEGIN"],
    ["dtrace", "", "", "END"],
    ["dtrace", "", "", "ERROR"],
    ["m*", "?", "", "e[a-z]*y"],
    ["later", "", "", ""],
    ["", "", "", ""],
    ["mock", "m", "g*", ""],
];

/// The clauses of a program.
struct Clauses<'a, 'i> {
    input: &'a mut Input<'i>,
    addresses: &'a [u64],
    builder: Builder,
    actions: Vec<DofActDesc>,
}

impl Clauses<'_, '_> {
    fn object(&mut self, gives: Gives) -> u32 {
        code::object(self.input, &mut self.builder, gives, self.addresses)
    }

    fn any_object(&mut self) -> u32 {
        let gives = match self.input.below(6) {
            0..=2 => Gives::Number,
            3 => Gives::String,
            4 => Gives::Bytes(1 + self.input.below(64) as u32),
            _ => Gives::Nothing,
        };
        self.object(gives)
    }

    fn push(&mut self, kind: u32, difo: u32) {
        let uarg = self.actions.len() as u64;
        self.actions.push(DofActDesc { uarg, ..act(kind, difo) });
    }

    fn action(&mut self) {
        match self.input.below(16) {
            0..=3 => {
                let difo = self.any_object();
                self.push(action::DIFEXPR, difo);
            }
            4 => {
                let strtab = self.builder.strings("\0%d %s\n\0");
                let uarg = self.actions.len() as u64;
                for _ in 0..=self.input.below(3) {
                    let difo = self.any_object();
                    self.actions.push(DofActDesc { strtab, arg: 1, uarg, ..act(action::PRINTF, difo) });
                }
            }
            5..=8 => self.aggregation(),
            9 => {
                let kind = self.input.one(&[action::STACK, action::USTACK, action::JSTACK]);
                self.push(kind, SECIDX_NONE);
                let arg = u64::from(self.input.byte()) | u64::from(self.input.byte()) << 32;
                if let Some(last) = self.actions.last_mut() {
                    last.arg = arg;
                }
            }
            10 => {
                let difo = self.object(Gives::Number);
                let kind = self.input.one(&[
                    action::SYM,
                    action::MOD,
                    action::USYM,
                    action::UMOD,
                    action::UADDR,
                    action::TRACEMEM,
                    action::TRACEMEM_DYNSIZE,
                    action::LIBACT,
                    action::PRINTA,
                ]);
                self.push(kind, difo);
                let arg = u64::from(self.input.byte());
                if let Some(last) = self.actions.last_mut() {
                    last.arg = arg;
                }
            }
            11..=13 => {
                let difo = self.object(Gives::Number);
                let kind = self.input.one(&[action::SPECULATE, action::COMMIT, action::DISCARD]);
                self.push(kind, difo);
            }
            14 => {
                let difo = self.object(Gives::Number);
                let kind = self.input.one(&[
                    action::EXIT,
                    action::STOP,
                    action::RAISE,
                    action::CHILL,
                    action::BREAKPOINT,
                    action::PANIC,
                ]);
                self.push(kind, difo);
            }
            _ => {
                let difo = self.any_object();
                let kind = u32::from(self.input.half()) & 0x7ff;
                self.push(kind, difo);
                let (ntuple, arg) = (u32::from(self.input.byte()), self.input.long());
                if let Some(last) = self.actions.last_mut() {
                    (last.ntuple, last.arg) = (ntuple, arg);
                }
            }
        }
    }

    fn aggregation(&mut self) {
        let variable = self.builder.constant(1 + self.input.below(3) as u64);
        self.push(action::DIFEXPR, variable);
        let mut ntuple = 1;
        for _ in 0..self.input.below(4) {
            let gives = self.input.one(&[Gives::Number, Gives::String, Gives::Bytes(12)]);
            let difo = self.object(gives);
            self.push(action::DIFEXPR, difo);
            ntuple += 1;
        }
        let function = self.input.below(9) as u32;
        let arg = match agg::COUNT + function {
            agg::LQUANTIZE => agg::LquantizeArg {
                base: -5,
                step: 1 + self.input.half() % 10,
                levels: 1 + self.input.half() % 40,
            }
            .pack(),
            agg::LLQUANTIZE => agg::LlquantizeArg { factor: 10, low: 0, high: 3, nsteps: 10 }.pack(),
            _ => 0,
        };
        let difo = match agg::COUNT + function {
            agg::COUNT => SECIDX_NONE,
            _ => self.object(Gives::Number),
        };
        self.push(agg::COUNT + function, difo);
        if let Some(last) = self.actions.last_mut() {
            (last.ntuple, last.arg) = (ntuple, arg);
        }
    }

    fn clause(&mut self) {
        let names = self.input.one(&PROBES);
        let probe = self.builder.probe(names);
        let predicate = if self.input.once_in(3) { self.object(Gives::Number) } else { SECIDX_NONE };
        self.actions = Vec::new();
        for _ in 0..self.input.below(6) {
            self.action();
        }
        let actions = match self.actions.is_empty() {
            true => SECIDX_NONE,
            false => self.builder.table(SECT_ACTDESC, 8, &self.actions),
        };
        self.builder.ecb(probe, predicate, actions);
    }
}

/// An image of up to four clauses. `addresses` are some that may be worth looking at.
#[must_use]
pub fn image(input: &mut Input<'_>, addresses: &[u64]) -> Vec<u8> {
    let mut clauses = Clauses { input, addresses, builder: Builder::new(), actions: Vec::new() };
    for _ in 0..=clauses.input.below(4) {
        clauses.clause();
    }
    clauses.builder.build()
}

/// An image of options: sensible sizes, and now and then what nobody would want.
#[must_use]
pub fn options(input: &mut Input<'_>) -> Vec<u8> {
    let sizes = [8 << 10, 64, 256, 1 << 10, 64 << 10, 20];
    let mut values = vec![
        (option::BUFSIZE, input.one(&sizes)),
        (option::AGGSIZE, input.one(&sizes)),
        (option::DYNVARSIZE, input.one(&sizes)),
        (option::SPECSIZE, input.one(&sizes)),
        (option::BUFPOLICY, input.one(&[2, 0, 1])),
    ];
    while input.once_in(3) {
        values.push(match input.below(8) {
            0 => (option::STRSIZE, input.one(&[8, 1, 7, 1000, 70_000])),
            1 => (option::NSPEC, input.one(&[1, 2, 8, 0])),
            2 => (option::CPU, i64::from(input.byte() & 3)),
            3 => (option::DESTRUCTIVE, 1),
            4 => (option::STACKFRAMES, i64::from(input.byte())),
            5 => (option::BUFRESIZE, i64::from(input.byte() & 1)),
            _ => (u32::from(input.byte()) % 30, input.long() as i64 >> input.below(64)),
        });
    }
    let descs: Vec<DofOptDesc> = values
        .into_iter()
        .map(|(option, value)| DofOptDesc { option, strtab: SECIDX_NONE, value: value as u64 })
        .collect();
    let mut builder = Builder::new();
    builder.table(SECT_OPTDESC, 8, &descs);
    builder.build()
}
