//! Arithmetic, logic, comparisons and branches.

use super::*;

/// `op` of two values.
fn binary(op: &str, left: i64, right: i64) -> u64 {
    value(&format!("setx {left} r1; setx {right} r2; {op} r1 r2 r3; ret r3"))
}

#[test]
fn sums_differences_and_products_wrap() {
    assert_eq!(binary("add", 7, -3), 4);
    assert_eq!(binary("sub", 3, 5) as i64, -2);
    assert_eq!(binary("mul", 7, -3) as i64, -21);
    assert_eq!(binary("add", i64::MAX, 1) as i64, i64::MIN);
    assert_eq!(binary("sub", i64::MIN, 1) as i64, i64::MAX);
    assert_eq!(binary("mul", i64::MIN, -1) as i64, i64::MIN);
}

#[test]
fn signed_division_truncates_toward_zero() {
    assert_eq!(binary("sdiv", 7, 2), 3);
    assert_eq!(binary("sdiv", -7, 2) as i64, -3);
    assert_eq!(binary("srem", -7, 2) as i64, -1);
    assert_eq!(binary("srem", 7, -4), 3);
}

#[test]
fn the_least_integer_divided_by_minus_one_wraps_and_does_not_trap() {
    assert_eq!(binary("sdiv", i64::MIN, -1) as i64, i64::MIN);
    assert_eq!(binary("srem", i64::MIN, -1), 0);
}

#[test]
fn unsigned_division_takes_its_operands_as_unsigned() {
    assert_eq!(binary("udiv", -1, 2), u64::MAX / 2);
    assert_eq!(binary("urem", -1, 10), u64::MAX % 10);
}

#[test]
fn logic_works_on_all_bits() {
    assert_eq!(binary("and", 0x0f0f, 0x00ff), 0x000f);
    assert_eq!(binary("or", 0x0f00, 0x00f0), 0x0ff0);
    assert_eq!(binary("xor", 0x0ff0, 0x00ff), 0x0f0f);
    assert_eq!(value("setx 5 r1; not r1 r2; ret r2"), !5);
}

#[test]
fn shifts_fill_with_zeros_or_the_sign_and_count_modulo_64() {
    assert_eq!(binary("sll", 7, 3), 56);
    assert_eq!(binary("srl", -1, 60), 15);
    assert_eq!(binary("sra", -8, 1) as i64, -4);
    assert_eq!(binary("sll", 1, 65), 2);
    assert_eq!(binary("srl", 2, 65), 1);
}

#[test]
fn register_zero_is_zero() {
    assert_eq!(value("mov r0 r1; ret r1"), 0);
    assert_eq!(value("ret r0"), 0);
}

/// Whether `branch` is taken after `cmp left, right`, in each of the ways that code can be fused.
fn taken(branch: &str, left: i64, right: i64) -> bool {
    let fused = value(&format!(
        "setx {left} r1; setx {right} r2; cmp r1 r2; {branch} yes; mov r0 r3; ba end; yes: setx 1 r3; end: ret r3"
    ));
    let pair = value(&format!(
        "setx {right} r2; setx {left} r1; cmp r1 r2; {branch} yes; mov r0 r3; ba end; yes: setx 1 r3; end: ret r3"
    ));
    let apart = value(&format!(
        "setx {right} r2; setx {left} r1; cmp r1 r2; nop; {branch} yes; mov r0 r3; ba end; yes: setx 1 r3; end: ret r3"
    ));
    assert!(fused == pair && pair == apart, "fusion changes nothing");
    fused == 1
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn branches_are_taken_by_the_outcome_of_a_comparison() {
    for (left, right) in
        [(1, 2), (2, 1), (1, 1), (-1, 1), (1, -1), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN)]
    {
        let (l, r) = (left as u64, right as u64);
        assert_eq!(taken("be", left, right), left == right);
        assert_eq!(taken("bne", left, right), left != right);
        assert_eq!(taken("bg", left, right), left > right);
        assert_eq!(taken("bge", left, right), left >= right);
        assert_eq!(taken("bl", left, right), left < right);
        assert_eq!(taken("ble", left, right), left <= right);
        assert_eq!(taken("bgu", left, right), l > r);
        assert_eq!(taken("bgeu", left, right), l >= r);
        assert_eq!(taken("blu", left, right), l < r);
        assert_eq!(taken("bleu", left, right), l <= r);
        assert!(taken("ba", left, right));
    }
}

#[test]
fn a_test_compares_with_zero() {
    let zero = "tst r1; be yes; mov r0 r3; ba end; yes: setx 1 r3; end: ret r3";
    assert_eq!(value(&format!("mov r0 r1; {zero}")), 1);
    assert_eq!(value(&format!("setx 5 r1; {zero}")), 0);
    assert_eq!(value("setx -5 r1; tst r1; bl yes; ret r0; yes: setx 1 r3; ret r3"), 1);
}

#[test]
fn the_outcome_lasts_for_several_branches() {
    let three_ways = |n: i64| {
        value(&format!(
            "setx {n} r1; setx 10 r2; cmp r1 r2; bl less; be same; setx 3 r3; ret r3; less: setx 1 r3; ret r3; \
             same: setx 2 r3; ret r3"
        ))
    };
    assert_eq!([three_ways(9), three_ways(10), three_ways(11)], [1, 2, 3]);
}

#[test]
fn a_branch_into_the_midst_of_a_fused_sequence_runs_the_rest_of_it() {
    // The branch goes to the comparison, over the constant before it, so r2 stays 7.
    let program = |first: i64| {
        format!(
            "setx {first} r1; setx 7 r2; tst r1; be over; setx 1 r2; over: cmp r1 r2; be yes; mov r2 r3; ret r3; \
             yes: setx 100 r3; ret r3"
        )
    };
    assert_eq!(value(&program(0)), 7);
    assert_eq!(value(&program(1)), 100);
}

#[test]
fn a_fused_addition_leaves_its_constant_in_its_register() {
    assert_eq!(value("setx 40 r1; setx 2 r2; add r1 r2 r1; add r1 r2 r3; ret r3"), 44);
    assert_eq!(value("setx 40 r1; setx 2 r2; add r1 r2 r2; ret r2"), 42);
    assert_eq!(value("setx 3 r1; add r1 r1 r2; ret r2"), 6);
}

#[test]
fn strings_are_compared_bytewise() {
    let program = |left: &str, branch: &str, right: &str| {
        value(&format!(
            "sets \"{left}\" r1; sets \"{right}\" r2; scmp r1 r2; {branch} yes; ret r0; yes: setx 1 r3; ret r3"
        )) == 1
    };
    assert!(program("abc", "bl", "abd"));
    assert!(program("abc", "blu", "abd"));
    assert!(program("abd", "bg", "abc"));
    assert!(program("abd", "bgu", "abc"));
    assert!(program("abc", "be", "abc"));
    assert!(program("ab", "bl", "abc"));
    assert!(program("", "bne", "a"));
    assert!(!program("abc", "bne", "abc"));
}

#[test]
fn a_null_string_compares_like_an_empty_one() {
    assert_eq!(value("sets \"\" r1; scmp r0 r1; be yes; ret r0; yes: setx 1 r3; ret r3"), 1);
    assert_eq!(value("sets \"a\" r1; scmp r0 r1; bl yes; ret r0; yes: setx 1 r3; ret r3"), 1);
}

#[test]
fn strings_differ_only_within_strsize() {
    let mut world = World::new();
    world.strsize = 4;
    let program = "sets \"abcdX\" r1; sets \"abcdY\" r2; scmp r1 r2; be yes; ret r0; yes: setx 1 r3; ret r3";
    assert_eq!(world.value(program), 1);
}
