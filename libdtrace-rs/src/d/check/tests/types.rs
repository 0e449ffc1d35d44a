//! What expressions are: their types, their values where they are constant, and the shape of the checked tree.

use super::super::super::typed::{Action, Datum, StmtKind};
use super::*;
use crate::d::typed::{BinaryOp, ExprKind};

/// The argument of the `trace` that ends the program, with the name of its type.
fn traced(prelude: &str, expr: &str) -> (Expr, String) {
    let types = Types::with_btf_directory("/nonexistent");
    let macros = Macros::new(vec!["./prog.d".into(), "-5".into()]);
    let text = format!("{prelude} BEGIN {{ trace({expr}); }}");
    let options = Options { allow_unused_args: true, ..Options::default() };
    let mut identifiers = Identifiers::default();
    let program = compile(text.as_bytes(), options, &macros, &types, &mut identifiers, &mut World)
        .unwrap_or_else(|error| panic!("{text}: {}", error.tagged()));
    let stmt = program.clauses.into_iter().next_back().and_then(|c| c.stmts.into_iter().next_back()).unwrap();
    let StmtKind::Action(Action::Trace(Datum::Expr(expr))) = stmt.kind else { panic!("{text}") };
    let name = types.name(expr.ty);
    (expr, name)
}

#[test]
fn the_types_of_expressions_are_those_of_c() {
    for (expr, ty) in [
        ("1", "int"),
        ("1L", "long"),
        ("1ull", "unsigned long long"),
        ("2147483648", "long"),
        ("0x80000000", "unsigned"),
        ("0xffffffffffffffff", "unsigned long"),
        ("'a'", "int"),
        ("1 + 1L", "long"),
        ("1L + 1U", "long"),
        ("1 + 1U", "unsigned"),
        ("(char)1 + (char)1", "int"),
        ("(unsigned short)1 << 1L", "int"),
        ("-(short)1", "int"),
        ("~(unsigned char)1", "int"),
        ("pid + 1", "pid_t"),
        ("1 + pid", "pid_t"),
        ("timestamp - arg0", "uint64_t"),
        ("pid == 1", "int"),
        ("!pid", "int"),
        ("pid && tid", "int"),
        ("pid ? 1 : 2L", "long"),
        ("pid ? execname : 0", "string"),
        ("pid ? (int *)0 : NULL", "int *"),
        ("sizeof(int)", "size_t"),
        ("&((int *)arg0)[1]", "int *"),
        ("(int *)8 - (int *)0", "ptrdiff_t"),
        ("execname[0]", "char"),
        ("(1, 2L)", "long"),
        ("strlen(execname)", "size_t"),
        ("stringof(arg0)", "string"),
    ] {
        assert_eq!(traced("", expr).1, ty, "{expr}");
    }
}

#[test]
fn constants_are_folded_in_their_types() {
    for (expr, value) in [
        ("2 + 3 * 4", 14),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("1 << 31", 1 << 31),
        ("(1 << 63) - 1", i64::MAX),
        ("(int)(1 << 31)", i64::from(i32::MIN)),
        ("2147483647 + 1", 1 << 31),
        ("0xffffffff + 1", 0),
        ("(char)200", -56),
        ("(unsigned char)-1", 255),
        ("-1 < 1U", 0),
        ("-1 < 1L", 1),
        ("-1 >> 1", -1),
        ("-1U >> 31", 1),
        ("~0", -1),
        ("!5", 0),
        ("1 ^^ 1", 0),
        ("3 && 0 || 2", 1),
        ("1 ? 5 : 6", 5),
        ("'\\377'", -1),
        ("'ab'", 0x6162),
        ("sizeof(\"abc\")", 4),
        ("B + 1", 8),
        ("$1", -5),
        ("offsetof(struct s, c)", 8),
        ("sizeof(struct s)", 16),
    ] {
        let (found, _) = traced("enum e { A, B = 7 }; struct s { char a; short b; long c; };", expr);
        let ExprKind::Int(found) = found.kind else { panic!("{expr}: {found:?}") };
        assert_eq!(found as i64, value, "{expr}");
    }
}

#[test]
fn pointer_arithmetic_is_scaled() {
    let (sum, _) = traced("int *p;", "p + pid");
    let ExprKind::Binary(BinaryOp::Add, _, offset) = sum.kind else { panic!("{sum:?}") };
    let ExprKind::Binary(BinaryOp::Mul, _, size) = offset.kind else { panic!("{offset:?}") };
    assert!(matches!(size.kind, ExprKind::Int(4)));
    let (difference, _) = traced("int *p;", "p - p");
    assert!(matches!(difference.kind, ExprKind::Binary(BinaryOp::Div, ..)));
    let (bytes, _) = traced("char *p;", "p - p");
    assert!(matches!(bytes.kind, ExprKind::Binary(BinaryOp::Sub, ..)));
}

#[test]
fn members_have_offsets_and_bit_fields_their_units() {
    let structure = "struct s { char a; int b:5; int c:9; struct { long d; }; } *p;";
    let member = |expr| {
        let ExprKind::Member { offset, bits, .. } = traced(structure, expr).0.kind else { panic!("{expr}") };
        (offset, bits.map(|b| (b.offset, b.width)))
    };
    assert_eq!(member("p->a"), (0, None));
    assert_eq!(member("p->b"), (0, Some((8, 5))));
    assert_eq!(member("p->c"), (0, Some((13, 9))));
    assert_eq!(member("p->d"), (8, None));
}

#[test]
fn strings_are_compared_as_strings_and_with_null_as_addresses() {
    assert!(matches!(traced("", "execname == \"x\"").0.kind, ExprKind::CompareStr(BinaryOp::Eq, ..)));
    assert!(matches!(traced("", "execname == (char *)arg0").0.kind, ExprKind::CompareStr(..)));
    assert!(matches!(traced("", "execname != NULL").0.kind, ExprKind::Compare(BinaryOp::Ne, ..)));
}

#[test]
fn an_inline_is_its_value_and_no_place() {
    let (value, ty) = traced("inline long i = 5;", "i + 1");
    assert!(matches!(value.kind, ExprKind::Int(6)));
    assert_eq!(ty, "long");
    let (value, ty) = traced("inline int twice[int a] = a * 2;", "twice[pid]");
    assert_eq!(ty, "int");
    assert!(!matches!(value.kind, ExprKind::Var(_)));
}

#[test]
fn a_translator_gives_the_members_that_are_asked_for() {
    let prelude = "struct in { int i; }; struct out { int o; string s; int none; };
        translator struct out < struct in *p > { o = p->i + 1; s = \"x\"; };";
    let (value, ty) = traced(prelude, "xlate<struct out *>((struct in *)arg0)->o");
    assert!(matches!(value.kind, ExprKind::Binary(BinaryOp::Add, ..)), "{value:?}");
    assert_eq!(ty, "int");
    assert_eq!(traced(prelude, "xlate<struct out>((struct in *)arg0).s").1, "string");
}

#[test]
fn a_type_is_compiled_from_its_name() {
    let types = Types::with_btf_directory("/nonexistent");
    let identifiers = Identifiers::default();
    let compiled =
        |text: &str| compile_type(text.as_bytes(), &types, &identifiers, &mut World).map(|ty| types.name(ty));
    assert_eq!(compiled("const char *").unwrap(), "const char *");
    assert_eq!(compiled("unsigned long long int [4]").unwrap(), "unsigned long long [4]");
    assert_eq!(compiled("int (*)(int, char *)").unwrap(), "int (*)(int, char *)");
    assert_eq!(compiled("uint64_t").unwrap(), "uint64_t");
    assert!(compiled("nosuch_t").is_err());
    assert!(compiled("int x").is_err());
    assert!(compiled("int int").is_err());
}
