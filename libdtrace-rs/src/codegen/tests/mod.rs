//! Code for hand-built trees, run on a small machine: what it computes, and where the text matters, the text.

mod c;
mod image;
mod machine;
mod vectors;

use std::rc::Rc;

use dtrace_abi::{action, agg, dif};

use super::{Context, compile, compile_expr};
use crate::d::ast::Pos;
use crate::d::typed::{
    Action, Aggregate, AggregationId, BinaryOp, BitField, Clause, Datum, Expr, ExprKind, Formatted, Program,
    Stmt, StmtKind, Var,
};
use crate::error::Code;
use crate::program::{self, ActionArg, Aggregations, Attribute, Difo, ProbeDesc, VarScope};
use crate::types::{AggregateBuilder, TypeId, Types};
use machine::{MEMORY, Machine};

/// Trees of one store.
struct Trees {
    t: Types,
}

impl Trees {
    fn new() -> Self {
        Trees { t: Types::with_btf_directory("/nonexistent") }
    }

    fn ty(&self, name: &str) -> TypeId {
        self.t.lookup(name).unwrap()
    }

    fn e(&self, ty: TypeId, kind: ExprKind) -> Expr {
        Expr { pos: Pos::default(), ty, user: false, kind }
    }

    fn int(&self, value: i64) -> Expr {
        self.e(self.ty("int"), ExprKind::Int(value.cast_unsigned()))
    }

    fn constant(&self, ty: &str, value: u64) -> Expr {
        self.e(self.ty(ty), ExprKind::Int(value))
    }

    fn str(&self, s: &str) -> Expr {
        self.e(self.ty("string"), ExprKind::Str(Rc::from(s.as_bytes())))
    }

    fn var(&self, id: u32, name: &str, ty: &str) -> Expr {
        let ty = self.ty(ty);
        let var = Var { id, scope: VarScope::Global, name: name.into(), array: false, ty };
        self.e(ty, ExprKind::Var(var))
    }

    fn binary(&self, op: BinaryOp, l: Expr, r: Expr) -> Expr {
        self.e(l.ty, ExprKind::Binary(op, Box::new(l), Box::new(r)))
    }

    fn convert(&self, ty: &str, inner: Expr) -> Expr {
        self.e(self.ty(ty), ExprKind::Convert(Box::new(inner)))
    }

    fn assign(&self, target: Expr, value: Expr) -> Expr {
        self.e(target.ty, ExprKind::Assign(Box::new(target), Box::new(value)))
    }

    fn difo(&self, e: &Expr) -> Rc<Difo> {
        compile_expr(e, &self.t, 256).unwrap()
    }

    fn run(&self, e: &Expr) -> u64 {
        Machine::default().run(&self.difo(e))
    }
}

/// The variable `a` (0x500), set before the run so that nothing is constant.
fn with_a(trees: &Trees, value: u64, e: &Expr) -> u64 {
    let mut m = Machine::default();
    m.scalars.insert((0, 0x500), value);
    m.run(&trees.difo(e))
}

#[test]
fn the_simplest_text_is_the_originals() {
    let x = Trees::new();
    assert_eq!(x.difo(&x.int(42)).text, [0x2500_0001, 0x2300_0001]);
    let sum = x.binary(BinaryOp::Add, x.var(0x500, "a", "int"), x.var(0x501, "b", "int"));
    assert_eq!(x.difo(&sum).text, [0x2905_0001, 0x2905_0102, 0x0701_0201, 0x2300_0001]);
    let not = x.e(x.ty("int"), ExprKind::Not(Box::new(x.var(0x500, "a", "int"))));
    let text = [0x2905_0001, 0x1001_0000, 0x1200_0005, 0x0e00_0001, 0x1100_0006, 0x2500_0001, 0x2300_0001];
    assert_eq!(x.difo(&not).text, text);
}

#[test]
fn conversions_are_those_of_c() {
    let x = Trees::new();
    let values = [
        0u64,
        1,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0xffff,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        !0,
        !0 << 31,
    ];
    /// What C makes of a bit pattern in a type.
    type Conversion = fn(u64) -> u64;
    let types: &[(&str, Conversion)] = &[
        ("char", |v| i64::from(v as i8).cast_unsigned()),
        ("unsigned char", |v| u64::from(v as u8)),
        ("short", |v| i64::from(v as i16).cast_unsigned()),
        ("unsigned short", |v| u64::from(v as u16)),
        ("int", |v| i64::from(v as i32).cast_unsigned()),
        ("unsigned", |v| u64::from(v as u32)),
        ("long", |v| v),
        ("unsigned long", |v| v),
        ("_Bool", |v| u64::from(v != 0)),
    ];
    for &v in &values {
        for &(from, into) in types {
            for &(to, then) in types {
                // A variable of the first type holds what the type can hold.
                let held = into(v);
                let e = x.convert(to, x.var(0x500, "a", from));
                assert_eq!(with_a(&x, held, &e), then(held), "({to})({from}){v:#x}");
                let constant = x.convert(to, x.constant(from, held));
                assert_eq!(x.run(&constant), then(held), "constant ({to})({from}){v:#x}");
            }
        }
    }
}

#[test]
fn arithmetic_is_signed_or_unsigned_as_its_type() {
    let x = Trees::new();
    let minus_seven = (-7i64).cast_unsigned();
    let run =
        |op, ty: &str, a: u64, b: u64| with_a(&x, a, &x.binary(op, x.var(0x500, "a", ty), x.constant(ty, b)));
    assert_eq!(run(BinaryOp::Div, "int", minus_seven, 2), (-3i64).cast_unsigned());
    assert_eq!(run(BinaryOp::Mod, "int", minus_seven, 2), (-1i64).cast_unsigned());
    assert_eq!(run(BinaryOp::Shr, "long", minus_seven, 1), (-4i64).cast_unsigned());
    assert_eq!(run(BinaryOp::Div, "unsigned long", minus_seven, 2), minus_seven / 2);
    assert_eq!(run(BinaryOp::Shr, "unsigned long", minus_seven, 1), minus_seven >> 1);
}

#[test]
fn unsigned_arithmetic_wraps_at_the_width_of_its_type() {
    let x = Trees::new();
    let a = || x.var(0x500, "a", "unsigned");
    let one = || x.constant("unsigned", 1);
    assert_eq!(with_a(&x, 0xffff_ffff, &x.binary(BinaryOp::Add, a(), one())), 0);
    assert_eq!(with_a(&x, 0, &x.binary(BinaryOp::Sub, a(), one())), 0xffff_ffff);
    assert_eq!(with_a(&x, 0, &x.e(x.ty("unsigned"), ExprKind::BitNot(Box::new(a())))), 0xffff_ffff);
    assert_eq!(with_a(&x, 1, &x.e(x.ty("unsigned"), ExprKind::Neg(Box::new(a())))), 0xffff_ffff);
}

#[test]
fn comparisons_follow_signedness() {
    let x = Trees::new();
    let compare = |op, ty: &str, a: u64, b: u64| {
        let e = ExprKind::Compare(op, Box::new(x.var(0x500, "a", ty)), Box::new(x.constant(ty, b)));
        with_a(&x, a, &x.e(x.ty("int"), e))
    };
    let minus = (-1i64).cast_unsigned();
    let cases = [
        (BinaryOp::Lt, 1, 0),
        (BinaryOp::Le, 1, 0),
        (BinaryOp::Gt, 0, 1),
        (BinaryOp::Ge, 0, 1),
        (BinaryOp::Eq, 0, 0),
        (BinaryOp::Ne, 1, 1),
    ];
    for (op, signed, unsigned) in cases {
        assert_eq!(compare(op, "long", minus, 1), signed, "{op:?}");
        assert_eq!(compare(op, "unsigned long", minus, 1), unsigned, "{op:?}");
        let equal = u64::from(matches!(op, BinaryOp::Le | BinaryOp::Ge | BinaryOp::Eq));
        assert_eq!(compare(op, "int", 1, 1), equal, "{op:?}");
    }
}

#[test]
fn strings_compare_by_content() {
    let x = Trees::new();
    let compare = |op, a: &str, b: &str| {
        x.run(&x.e(x.ty("int"), ExprKind::CompareStr(op, Box::new(x.str(a)), Box::new(x.str(b)))))
    };
    assert_eq!(compare(BinaryOp::Lt, "abc", "abd"), 1);
    assert_eq!(compare(BinaryOp::Eq, "abc", "abc"), 1);
    assert_eq!(compare(BinaryOp::Ne, "abc", "abc"), 0);
}

#[test]
fn logic_is_short_circuit() {
    let x = Trees::new();
    // (n = n + 1) as the right side tells whether it ran.
    for (op, left, ran, value) in [
        (BinaryOp::And, 0, 0, 0),
        (BinaryOp::And, 3, 1, 1),
        (BinaryOp::Or, 0, 1, 1),
        (BinaryOp::Or, 3, 0, 1),
        (BinaryOp::Xor, 0, 1, 1),
        (BinaryOp::Xor, 3, 1, 0),
    ] {
        let n = || x.var(0x501, "n", "int");
        let count = x.assign(n(), x.binary(BinaryOp::Add, n(), x.int(1)));
        let e = x.e(x.ty("int"), ExprKind::Logical(op, Box::new(x.var(0x500, "a", "int")), Box::new(count)));
        let mut m = Machine::default();
        m.scalars.insert((0, 0x500), left);
        assert_eq!(m.run(&x.difo(&e)), value, "{op:?} {left}");
        assert_eq!(m.scalars.get(&(0, 0x501)).copied().unwrap_or(0), ran, "{op:?} {left}");
    }
}

#[test]
fn both_branches_of_a_conditional_end_in_one_register() {
    let x = Trees::new();
    let int = x.ty("int");
    let step = |delta, post| {
        let target = Box::new(x.var(0x501, "n", "int"));
        x.e(int, ExprKind::Step { target, delta, post })
    };
    for (c, want) in [(1, 10), (0, 11)] {
        let e = x.e(
            int,
            ExprKind::Cond(
                Box::new(x.var(0x500, "a", "int")),
                Box::new(step(1, true)),
                Box::new(x.binary(BinaryOp::Add, step(1, false), x.int(0))),
            ),
        );
        let sum = x.binary(BinaryOp::Add, x.var(0x502, "z", "int"), e);
        let mut m = Machine::default();
        m.scalars.extend([((0, 0x500), c), ((0, 0x501), 10), ((0, 0x502), 100)]);
        assert_eq!(m.run(&x.difo(&sum)), 100 + want);
        assert_eq!(m.scalars[&(0, 0x501)], 11);
    }
}

#[test]
fn a_chain_that_leans_to_the_right_needs_few_registers() {
    let x = Trees::new();
    let a = || x.var(0x500, "a", "int");
    let nested = (0..100).fold(a(), |e, _| x.binary(BinaryOp::Add, a(), e));
    assert_eq!(with_a(&x, 3, &nested), 303);
    let differences = (0..20).fold(a(), |e, _| x.binary(BinaryOp::Sub, x.int(100), e));
    assert_eq!(with_a(&x, 3, &differences), 3, "operands keep their sides");
}

#[test]
fn an_eighth_register_is_refused() {
    let x = Trees::new();
    // Each value has an effect, so they are computed in their order.
    let step = || {
        let target = Box::new(x.var(0x500, "a", "int"));
        x.e(x.ty("int"), ExprKind::Step { target, delta: 1, post: false })
    };
    let nested = |n| (0..n).fold(step(), |e, _| x.binary(BinaryOp::Add, step(), e));
    assert!(compile_expr(&nested(5), &x.t, 256).is_ok());
    assert_eq!(compile_expr(&nested(7), &x.t, 256), Err(Code::NoReg.into()));
}

/// `struct { unsigned a:3; int b:5; unsigned c:9; long d:40; char e; }` and a pointer to one in variable 0x500.
fn bits(x: &Trees) -> (TypeId, impl Fn(&str) -> Expr + '_) {
    let i = *x.t.intrinsics();
    let mut b = AggregateBuilder::new(Some("bits"), false);
    b.bit_field(&x.t, "a", i.unsigned_int, 3).unwrap();
    b.bit_field(&x.t, "b", i.int, 5).unwrap();
    b.bit_field(&x.t, "c", i.unsigned_int, 9).unwrap();
    b.bit_field(&x.t, "d", i.long, 40).unwrap();
    b.member(&x.t, "e", i.char).unwrap();
    let ty = x.t.define_anonymous(b.finish());
    let pointer = x.t.pointer_to(ty);
    let member = move |name: &str| {
        let found = x.t.member(ty, name).unwrap();
        let var = Var { id: 0x500, scope: VarScope::Global, name: "p".into(), array: false, ty: pointer };
        let p = x.e(pointer, ExprKind::Var(var));
        let base = x.e(ty, ExprKind::Deref(Box::new(p)));
        let offset = found.bit_offset / 8;
        let bits =
            found.member.bit_width.map(|width| BitField { offset: (found.bit_offset % 8) as u32, width });
        x.e(found.member.ty, ExprKind::Member { base: Box::new(base), offset, bits })
    };
    (ty, member)
}

#[test]
fn bit_fields_are_read_and_written_where_gcc_puts_them() {
    let x = Trees::new();
    let (ty, member) = bits(&x);
    let size = x.t.size(ty).unwrap() as usize;
    let mut m = Machine::with_memory(vec![0; size]);
    m.scalars.insert((0, 0x500), MEMORY);
    let values: [(&str, i64); 5] = [("a", 5), ("b", -7), ("c", 300), ("d", -12345), ("e", -1)];
    for (name, value) in values {
        let target = member(name);
        let constant = x.e(target.ty, ExprKind::Int(value.cast_unsigned()));
        let stored = m.run(&x.difo(&x.assign(target, constant)));
        assert_eq!(stored, value.cast_unsigned(), "the value of storing {name}");
    }
    for (name, value) in values {
        assert_eq!(m.run(&x.difo(&member(name))), value.cast_unsigned(), "{name}");
    }
    // 5 | (-7 & 31) << 3 | (300 & 0xff) << 8, as gcc has it.
    assert_eq!(m.memory[..3], [5 | 25 << 3, 300u32 as u8, 1 | (((-12345i64) << 1) as u8 & 0xfe)]);
}

#[test]
fn the_value_of_storing_a_bit_field_is_what_it_can_hold() {
    let x = Trees::new();
    let (ty, member) = bits(&x);
    let mut m = Machine::with_memory(vec![0; x.t.size(ty).unwrap() as usize]);
    m.scalars.insert((0, 0x500), MEMORY);
    let assign = x.assign(member("b"), x.int(17));
    assert_eq!(m.run(&x.difo(&assign)), (-15i64).cast_unsigned());
    let step =
        x.e(x.ty("unsigned"), ExprKind::Step { target: Box::new(member("a")), delta: -1, post: false });
    assert_eq!(m.run(&x.difo(&step)), 7, "0 - 1 in three bits");
    assert_eq!(m.run(&x.difo(&member("b"))), (-15i64).cast_unsigned(), "the neighbour is untouched");
}

/// An associative array with a `string` and an `int` key.
fn element(x: &Trees, scope: VarScope, ty: TypeId, key: Expr) -> Expr {
    let var = Var { id: 0x510, scope, name: "m".into(), array: true, ty };
    x.e(ty, ExprKind::Element(var, vec![x.str("k"), key]))
}

#[test]
fn elements_are_found_again_by_their_keys() {
    let x = Trees::new();
    for scope in [VarScope::Global, VarScope::Thread] {
        let at = |n| element(&x, scope, x.ty("long"), x.int(n));
        let mut m = Machine::default();
        m.run(&x.difo(&x.assign(at(1), x.constant("long", 10))));
        m.run(&x.difo(&x.assign(at(2), x.constant("long", 20))));
        let add = x.e(
            x.ty("long"),
            ExprKind::AssignOp {
                op: BinaryOp::Add,
                target: Box::new(at(1)),
                // The value uses the tuple stack itself.
                value: Box::new(at(2)),
                compute: x.ty("long"),
            },
        );
        assert_eq!(m.run(&x.difo(&add)), 30);
        assert_eq!(m.run(&x.difo(&at(1))), 30);
        assert_eq!(m.run(&x.difo(&at(2))), 20);
        let post = x.e(x.ty("long"), ExprKind::Step { target: Box::new(at(2)), delta: 1, post: true });
        assert_eq!(m.run(&x.difo(&post)), 20);
        assert_eq!(m.run(&x.difo(&at(2))), 21);
    }
}

#[test]
fn an_element_may_be_the_key_of_another() {
    let x = Trees::new();
    let at = |key| element(&x, VarScope::Global, x.ty("int"), key);
    let mut m = Machine::default();
    m.run(&x.difo(&x.assign(at(x.int(1)), x.int(2))));
    m.run(&x.difo(&x.assign(at(x.int(2)), x.int(3))));
    assert_eq!(m.run(&x.difo(&at(at(at(x.int(1)))))), 0);
    assert_eq!(m.run(&x.difo(&at(at(x.int(1))))), 3);
}

#[test]
fn eight_keys_fit_and_nine_do_not() {
    let x = Trees::new();
    let keys = |n| (0..n).map(|i| x.var(0x520 + i, "k", "int")).collect::<Vec<_>>();
    let var = || Var { id: 0x510, scope: VarScope::Global, name: "m".into(), array: true, ty: x.ty("int") };
    let at = |n| x.e(x.ty("int"), ExprKind::Element(var(), keys(n)));
    clause(&x, None, vec![StmtKind::Expr(x.assign(at(8), x.int(1)))]);
    assert_eq!(compile_expr(&at(9), &x.t, 256), Err(Code::NoTupleReg.into()));
}

#[test]
fn a_structure_in_dynamic_memory_exists_from_its_first_use() {
    let x = Trees::new();
    let mut b = AggregateBuilder::new(Some("s"), false);
    b.member(&x.t, "a", x.ty("int")).unwrap();
    b.member(&x.t, "b", x.ty("long")).unwrap();
    let s = x.t.define_anonymous(b.finish());
    let field = |n| {
        let base = Box::new(element(&x, VarScope::Global, s, x.int(n)));
        x.e(x.ty("long"), ExprKind::Member { base, offset: 8, bits: None })
    };
    let mut m = Machine::with_memory(vec![0; 8]);
    assert_eq!(m.run(&x.difo(&field(1))), 0);
    m.run(&x.difo(&x.assign(field(1), x.constant("long", 7))));
    assert_eq!(m.run(&x.difo(&field(1))), 7);
    assert_eq!(m.run(&x.difo(&field(2))), 0);
}

#[test]
fn a_structure_is_copied_through_a_pointer() {
    let x = Trees::new();
    let mut b = AggregateBuilder::new(Some("s"), false);
    b.member(&x.t, "a", x.t.array_of(x.ty("char"), 5)).unwrap();
    let s = x.t.define_anonymous(b.finish());
    let at = |offset| {
        let p = x.e(x.t.pointer_to(s), ExprKind::Int(MEMORY + offset));
        x.e(s, ExprKind::Deref(Box::new(p)))
    };
    let mut m = Machine::with_memory(b"helloXXXXXY".to_vec());
    m.run(&x.difo(&x.assign(at(5), at(0))));
    assert_eq!(m.memory, b"hellohelloY");
}

#[test]
fn user_memory_is_read_by_user_loads() {
    let x = Trees::new();
    let mut p = x.e(x.t.pointer_to(x.ty("int")), ExprKind::Int(MEMORY));
    p.user = true;
    let load = x.e(x.ty("int"), ExprKind::Deref(Box::new(p)));
    assert_eq!(dif::Instr(x.difo(&load).text[1]).op(), dif::OP_ULDSW);
}

#[test]
fn a_narrow_probe_argument_is_cut_to_its_type() {
    let x = Trees::new();
    let var =
        Var { id: dif::VAR_ARGS, scope: VarScope::Global, name: "args".into(), array: true, ty: x.ty("int") };
    let arg = x.e(x.ty("int"), ExprKind::Builtin(var, Box::new(x.int(0))));
    let mut m = Machine::default();
    m.scalars.insert((9, 0), 0xdead_beef_ffff_fffe);
    assert_eq!(m.run(&x.difo(&arg)), (-2i64).cast_unsigned());
}

/// Compiles a program of one clause.
fn clause(x: &Trees, predicate: Option<Expr>, stmts: Vec<StmtKind>) -> (program::Program, Aggregations) {
    let attribute = Attribute::MAXIMUM;
    let stmts = stmts.into_iter().map(|kind| Stmt { pos: Pos::default(), kind, attribute }).collect();
    let probe = ProbeDesc { name: "BEGIN".into(), ..ProbeDesc::default() };
    let clause = Clause { pos: Pos::default(), probe, predicate, stmts, attribute };
    let program = Program { clauses: vec![clause], ..Program::default() };
    let mut aggregations = Aggregations::default();
    let mut next = 0x600;
    let mut fresh_local = || {
        next += 1;
        next
    };
    let mut context =
        Context { types: &x.t, strsize: 256, aggregations: &mut aggregations, fresh_local: &mut fresh_local };
    let program = compile(&program, &mut context).unwrap();
    assert_accepted(&program);
    (program, aggregations)
}

/// The engine's verifier takes the program.
fn assert_accepted(program: &program::Program) {
    let mut image = crate::dof::program_image(program);
    let device = dtrace_user::Device::open().unwrap();
    // SAFETY: the image is live, and as long as its header says.
    let matched = unsafe { device.ioctl(dtrace_abi::ioctl::ENABLE, image.as_mut_ptr().cast()) };
    assert_eq!(matched, Ok(program.ecbs.len() as i32));
}

#[test]
fn an_aggregation_is_its_number_its_keys_and_its_function() {
    let x = Trees::new();
    let aggregate = Aggregate {
        id: AggregationId(3),
        name: "calls".into(),
        keys: vec![Datum::Expr(x.var(dif::VAR_EXECNAME, "execname", "string")), Datum::Stack(5)],
        kind: agg::QUANTIZE,
        value: Some(x.int(1)),
        increment: None,
        param: 0,
    };
    let (program, aggregations) = clause(&x, None, vec![StmtKind::Aggregate(aggregate)]);
    let actions = &program.ecbs[0].stmts[0].actions;
    let kinds: Vec<u32> = actions.iter().map(|a| a.kind).collect();
    assert_eq!(kinds, [action::DIFEXPR, action::DIFEXPR, action::STACK, agg::QUANTIZE]);
    assert_eq!(Machine::default().run(actions[0].difo.as_ref().unwrap()), 3);
    assert_eq!((actions[3].ntuple, &actions[2].arg), (3, &ActionArg::Value(5)));
    assert_eq!(&*aggregations.get(3).unwrap().name, "calls");
}

#[test]
fn a_printf_is_an_action_for_each_argument_and_one_if_there_is_none() {
    let x = Trees::new();
    let printf = |format: &str, args: Vec<Expr>| {
        let args = args.into_iter().map(Datum::Expr).collect();
        StmtKind::Action(Action::Printf(Formatted { format: format.into(), args }))
    };
    let stmts = vec![printf("%d %s", vec![x.constant("long", 1), x.str("x")]), printf("hi", vec![])];
    let (mut program, _) = clause(&x, None, stmts);
    assert_eq!(program.number(1), 3);
    let [two, none] = &program.ecbs[0].stmts[..] else { panic!("two statements") };
    assert_eq!((two.actions.len(), two.number), (2, 1));
    assert!(two.actions.iter().all(|a| a.arg == ActionArg::String("%lld %s".into())));
    assert_eq!(none.actions.len(), 1);
    assert_eq!(none.actions[0].difo.as_ref().unwrap().text, [0x2300_0000]);
}

/// Runs a clause as the kernel would: block by block, each if its predicate holds.
fn fire(program: &program::Program, m: &mut Machine) {
    for ecb in &program.ecbs {
        if ecb.predicate.as_ref().is_some_and(|p| m.run(p) == 0) {
            continue;
        }
        for a in ecb.stmts.iter().flat_map(|s| &s.actions) {
            m.run(a.difo.as_ref().unwrap());
        }
    }
}

#[test]
fn if_runs_the_branch_that_the_condition_chose() {
    let x = Trees::new();
    let n = || x.var(0x501, "n", "int");
    let set = |v| StmtKind::Expr(x.assign(n(), x.binary(BinaryOp::Add, n(), x.int(v))));
    let stmt = |kind| Stmt { pos: Pos::default(), kind, attribute: Attribute::MAXIMUM };
    // The branches change what the condition looked at: it is looked at once.
    let clear = || stmt(StmtKind::Expr(x.assign(x.var(0x500, "a", "int"), x.int(0))));
    let nested = |v| {
        stmt(StmtKind::If {
            condition: x.var(0x502, "b", "int"),
            then: vec![stmt(set(v)), clear()],
            otherwise: vec![stmt(set(v * 2))],
        })
    };
    let stmts = vec![
        set(1),
        StmtKind::If {
            condition: x.var(0x500, "a", "int"),
            then: vec![clear(), nested(10), stmt(set(100))],
            otherwise: vec![nested(1000)],
        },
        set(10000),
    ];
    let (program, _) = clause(&x, Some(x.var(0x503, "p", "int")), stmts);
    for (p, a, b, want) in
        [(1, 1, 1, 10111), (1, 1, 0, 10121), (1, 0, 1, 11001), (1, 0, 0, 12001), (0, 1, 1, 0), (0, 0, 0, 0)]
    {
        let mut m = Machine::default();
        // What an earlier firing left behind must not choose.
        for id in 0x600..0x610 {
            m.scalars.insert((2, id), 1);
        }
        m.scalars.extend([((0, 0x503), p), ((0, 0x500), a), ((0, 0x502), b)]);
        fire(&program, &mut m);
        assert_eq!(m.scalars.get(&(0, 0x501)).copied().unwrap_or(0), want, "p={p} a={a} b={b}");
    }
}
