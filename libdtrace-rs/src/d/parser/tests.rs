use super::super::ast::{ExprKind, Item, StmtKind};
use super::super::macros::Macros;
use super::*;

fn parse(text: &str) -> Result<Program> {
    parse_program(text.as_bytes(), SpecKind::None, &Macros::new(vec!["prog".into()]), &())
}

fn fault(text: &str) -> (Tag, u32) {
    match parse(text) {
        Err(Error::Compile(fault)) => (fault.tag, fault.line),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_clause_has_probes_a_predicate_and_statements() {
    let program = parse("syscall::open*:entry, tick-5s /pid / 2 == 4/ { trace(1); x = 2 }").unwrap();
    let [Item::Clause(clause)] = program.items.as_slice() else { panic!("{program:?}") };
    assert_eq!(
        clause.probes.iter().map(|p| &*p.text).collect::<Vec<_>>(),
        ["syscall::open*:entry", "tick-5s"]
    );
    assert!(clause.predicate.is_some());
    assert_eq!(clause.body.as_ref().unwrap().len(), 2);
}

#[test]
fn a_slash_in_parentheses_divides_even_before_a_brace() {
    assert!(parse("BEGIN /(4 / 2)/ { }").is_ok());
}

#[test]
fn precedence_is_that_of_c() {
    let program = parse("BEGIN { a = 1 + 2 * 3 == 7 && 1 | 2 ? 3 : 4 }").unwrap();
    let [Item::Clause(clause)] = program.items.as_slice() else { panic!("{program:?}") };
    let StmtKind::Expr(stmt) = &clause.body.as_ref().unwrap()[0].kind else { panic!() };
    let ExprKind::Assign { value, .. } = &stmt.kind else { panic!() };
    let ExprKind::Cond(condition, ..) = &value.kind else { panic!() };
    assert!(matches!(condition.kind, ExprKind::Binary(super::super::ast::BinaryOp::And, ..)));
}

#[test]
fn a_typedef_makes_its_name_a_type() {
    assert!(parse("typedef int foo; foo x; BEGIN { x = (foo)2; }").is_ok());
    assert_eq!(fault("foo x; BEGIN { }").0, Tag::Syntax);
    assert_eq!(fault("BEGIN { trace((foo)1); }").0, Tag::Syntax);
}

#[test]
fn faults_of_the_text_have_their_tags_and_lines() {
    for (text, tag, line) in [
        ("BEGIN { trace(08); }", Tag::IntDigit, 1),
        ("BEGIN {\n trace(99999999999999999999); }", Tag::IntOflow, 2),
        ("BEGIN { trace(1.5); }", Tag::Syntax, 1),
        ("BEGIN { trace('abcdefghi'); }", Tag::ChrOflow, 1),
        ("BEGIN { trace(''); }", Tag::ChrNull, 1),
        ("BEGIN { trace('a\n'); }", Tag::ChrNl, 1),
        ("BEGIN { trace(\"a\n\"); }", Tag::StrNl, 1),
        ("BEGIN { trace($foo); }", Tag::MacroUndef, 1),
        ("BEGIN { trace($1); }", Tag::MacroUndef, 1),
        ("BEGIN { trace(1) trace(2); }", Tag::Syntax, 1),
        ("BEGIN {\n\n trace(1);", Tag::Syntax, 3),
        ("BEGIN { \\ }", Tag::Syntax, 1),
        ("BEGIN", Tag::Syntax, 1),
        ("BEGIN // { }", Tag::Syntax, 1),
        ("BEGIN /1/ ;", Tag::Syntax, 1),
        ("int x y;", Tag::Syntax, 1),
        ("int char x;", Tag::DeclCombo, 1),
        ("unsigned float x;", Tag::DeclSignint, 1),
        ("unsigned void x;", Tag::DeclVoidattr, 1),
        ("static self int x;", Tag::DeclClass, 1),
        ("int f(static int x);", Tag::DeclParmclass, 1),
        ("int x[int, ...];", Tag::DeclProtoVarargs, 1),
        ("#foo\nBEGIN { }", Tag::PragctlInval, 1),
        ("#line x\nBEGIN { }", Tag::PragmaMalform, 1),
    ] {
        assert_eq!(fault(text), (tag, line), "{text}");
    }
}

#[test]
fn line_controls_set_line_and_file() {
    let Err(Error::Compile(fault)) = parse("# 7 \"x.c\"\nBEGIN { ) }") else { panic!() };
    assert_eq!((fault.line, fault.file.as_deref()), (7, Some("x.c")));
}

#[test]
fn macro_arguments_are_integers_names_or_strings_by_their_form() {
    let macros = Macros::new(["prog", "0x10", "pid", "\"s\"", "a b"].map(Into::into).to_vec());
    let text = b"BEGIN { trace($1); trace($2); trace($3); trace($$4); }";
    assert!(parse_program(text, SpecKind::None, &macros, &()).is_ok());
}

#[test]
fn a_probe_without_actions_is_for_the_command_line_only() {
    let macros = Macros::default();
    assert!(parse_program(b"BEGIN", SpecKind::Name, &macros, &()).is_ok());
    assert!(parse_program(b"BEGIN", SpecKind::None, &macros, &()).is_err());
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    for open in [
        "(",
        "-",
        "!",
        "x[",
        "f(",
        "1?",
        "{",
        "if(1)",
        "*",
        "a=",
        "sizeof ",
        "(int)",
        "1+(",
        "1||(",
        "stringof ",
    ] {
        let text = format!("BEGIN {{ {} }}", open.repeat(100_000));
        assert!(parse(&text).is_err(), "{open}");
    }
    for open in ["struct {", "int (*", "int f(int (", "int *"] {
        assert!(parse(&open.repeat(50_000)).is_err(), "{open}");
    }
    let chain = format!("BEGIN {{ x = 1{}; }}", " + 1".repeat(100_000));
    assert_eq!(fault(&chain).0, Tag::Syntax);
    assert!(parse(&format!("BEGIN {{ x = 1{}; }}", " + 1".repeat(1000))).is_ok());
}
