//! The string subroutines.

use super::*;

/// `call` of a subroutine with strings and numbers as arguments.
pub(super) fn call(name: &str, args: &[&str]) -> String {
    let mut program = String::from("flushts; ");
    for arg in args {
        program += &if arg.starts_with('"') {
            format!("sets {arg} r1; pushtv r1; ")
        } else {
            format!("setx {arg} r1; pushtv r1; ")
        };
    }
    program + &format!("call {name} r2; ret r2")
}

fn answer(name: &str, args: &[&str]) -> String {
    text(&call(name, args))
}

fn number(name: &str, args: &[&str]) -> i64 {
    value(&call(name, args)) as i64
}

#[test]
fn strlen_counts_the_bytes_before_the_nul() {
    assert_eq!(number("strlen", &["\"a/b/c.txt\""]), 9);
    assert_eq!(number("strlen", &["\"\""]), 0);
}

#[test]
fn strlen_goes_no_further_than_strsize() {
    let mut world = World::new();
    let address = world.kernel_text(&[b'x'; 1000]);
    assert_eq!(world.value(&call("strlen", &[&address.to_string()])), 256);
}

#[test]
fn strjoin_joins_and_cuts_at_strsize() {
    assert_eq!(answer("strjoin", &["\"a/b\"", "\"!\""]), "a/b!");
    assert_eq!(answer("strjoin", &["\"\"", "\"\""]), "");
    let mut world = World::new();
    world.strsize = 8;
    assert_eq!(world.text(&call("strjoin", &["\"abcde\"", "\"fghij\""])), "abcdefg");
}

#[test]
fn strchr_and_strrchr_give_the_address_of_the_first_and_last() {
    assert_eq!(answer("strchr", &["\"a/b/c.txt\"", "47"]), "/b/c.txt");
    assert_eq!(answer("strrchr", &["\"a/b/c.txt\"", "47"]), "/c.txt");
    assert_eq!(number("strchr", &["\"abc\"", "120"]), 0);
    assert_eq!(number("strrchr", &["\"abc\"", "120"]), 0);
    assert_eq!(answer("strchr", &["\"abc\"", "0"]), "");
}

#[test]
fn strstr_gives_the_address_of_the_first_occurrence() {
    assert_eq!(answer("strstr", &["\"a/b/c.txt\"", "\"c.\""]), "c.txt");
    assert_eq!(answer("strstr", &["\"aaab\"", "\"ab\""]), "ab");
    assert_eq!(answer("strstr", &["\"abc\"", "\"\""]), "abc");
    assert_eq!(answer("strstr", &["\"abc\"", "\"abc\""]), "abc");
    assert_eq!(number("strstr", &["\"abc\"", "\"abcd\""]), 0);
    assert_eq!(number("strstr", &["\"abc\"", "\"x\""]), 0);
}

#[test]
fn index_and_rindex_count_from_the_start_of_the_string() {
    assert_eq!(number("index", &["\"a/b/c.txt\"", "\"/\""]), 1);
    assert_eq!(number("rindex", &["\"a/b/c.txt\"", "\"/\""]), 3);
    assert_eq!(number("index", &["\"abc\"", "\"x\""]), -1);
    assert_eq!(number("rindex", &["\"abc\"", "\"x\""]), -1);
    assert_eq!(number("index", &["\"abc\"", "\"bc\""]), 1);
    assert_eq!(number("rindex", &["\"bcabc\"", "\"bc\""]), 3);
}

#[test]
fn index_and_rindex_begin_where_they_are_told() {
    assert_eq!(number("index", &["\"abcabc\"", "\"abc\"", "1"]), 3);
    assert_eq!(number("index", &["\"abcabc\"", "\"abc\"", "-5"]), 0);
    assert_eq!(number("index", &["\"abcabc\"", "\"abc\"", "4"]), -1);
    assert_eq!(number("index", &["\"abc\"", "\"c\"", "100"]), -1);
    assert_eq!(number("rindex", &["\"abcabc\"", "\"abc\"", "2"]), 0);
    assert_eq!(number("rindex", &["\"abcabc\"", "\"abc\"", "3"]), 3);
    assert_eq!(number("rindex", &["\"abcabc\"", "\"abc\"", "100"]), 3);
    assert_eq!(number("rindex", &["\"abc\"", "\"a\"", "-1"]), -1);
}

#[test]
fn an_empty_string_is_found_everywhere() {
    assert_eq!(number("index", &["\"abc\"", "\"\"", "2"]), 2);
    assert_eq!(number("index", &["\"abc\"", "\"\"", "9"]), 3);
    assert_eq!(number("rindex", &["\"abc\"", "\"\""]), 3);
    assert_eq!(number("rindex", &["\"abc\"", "\"\"", "-4"]), 0);
}

#[test]
fn substr_counts_from_either_end() {
    assert_eq!(answer("substr", &["\"a/b/c.txt\"", "2", "3"]), "b/c");
    assert_eq!(answer("substr", &["\"abcdef\"", "2"]), "cdef");
    assert_eq!(answer("substr", &["\"abcdef\"", "-2"]), "ef");
    assert_eq!(answer("substr", &["\"abcdef\"", "-4", "2"]), "cd");
    assert_eq!(answer("substr", &["\"abcdef\"", "1", "-2"]), "bcd");
    assert_eq!(answer("substr", &["\"abcdef\"", "-5", "-1"]), "bcde");
}

#[test]
fn substr_leaves_out_what_is_outside_the_string() {
    assert_eq!(answer("substr", &["\"abc\"", "3"]), "");
    assert_eq!(answer("substr", &["\"abc\"", "100", "5"]), "");
    assert_eq!(answer("substr", &["\"abc\"", "1", "100"]), "bc");
    assert_eq!(answer("substr", &["\"abc\"", "-5", "3"]), "a");
    assert_eq!(answer("substr", &["\"abc\"", "-100"]), "abc");
    assert_eq!(answer("substr", &["\"abc\"", "2", "-2"]), "");
    assert_eq!(answer("substr", &["\"abc\"", "1", "0"]), "");
    assert_eq!(answer("substr", &["\"abc\"", "0x7fffffffffffffff", "0x7fffffffffffffff"]), "");
    assert_eq!(answer("substr", &["\"abc\"", "0x8000000000000000", "0x8000000000000000"]), "");
}

#[test]
fn case_is_changed_for_ascii_letters() {
    assert_eq!(answer("toupper", &["\"a/b/c.Txt1\""]), "A/B/C.TXT1");
    assert_eq!(answer("tolower", &["\"ABC.d[\""]), "abc.d[");
}

#[test]
fn strtok_goes_through_a_string_token_by_token() {
    let mut world = World::new();
    let first = "sets \",;one,two;;three,\" r1; sets \",;\" r2; flushts; pushtv r1; pushtv r2; call strtok r3; ret r3";
    let next = "sets \";,\" r2; flushts; pushtv r0; pushtv r2; call strtok r3; ret r3";
    // The string must be there as long as it is worked on, so it comes from kernel memory.
    let address = world.kernel_text(b",;one,two;;three,");
    let start = format!(
        "setx {address:#x} r1; sets \",;\" r2; flushts; pushtv r1; pushtv r2; call strtok r3; ret r3"
    );
    assert_eq!(world.text(first), "one");
    assert_eq!(world.text_all(&[&start, next]).unwrap(), "two");
    assert_eq!(world.text_all(&[&start, next, next]).unwrap(), "three");
    assert_eq!(world.run_all(&[&start, next, next, next]), Ok(0));
    assert_eq!(world.run_all(&[&start, next, next, next, next]), Ok(0));
}

#[test]
fn the_separator_behind_a_token_begins_the_next_if_it_is_none_any_more() {
    let mut world = World::new();
    let address = world.kernel_text(b"one,two;three");
    let call = "flushts; pushtv r1; pushtv r2; call strtok r3; ret r3";
    let start = format!("setx {address:#x} r1; sets \",\" r2; {call}");
    let next = "sets \";\" r2; flushts; pushtv r0; pushtv r2; call strtok r3; ret r3";
    assert_eq!(world.text_all(&[&start, next]).unwrap(), ",two");
    assert_eq!(world.text_all(&[&start, next, next]).unwrap(), "three");
}

#[test]
fn strtok_without_a_string_has_no_token() {
    assert_eq!(number("strtok", &["0", "\" \""]), 0);
    assert_eq!(number("strtok", &["\"\"", "\" \""]), 0);
    assert_eq!(number("strtok", &["\"   \"", "\" \""]), 0);
    assert_eq!(answer("strtok", &["\"x y\"", "\" \""]), "x");
    assert_eq!(answer("strtok", &["\"x y\"", "\"\""]), "x y");
}

#[test]
fn strtok_does_not_change_its_string() {
    let mut world = World::new();
    let start = "local s string 32; sets \"a b\" r1; stls s r1; ret r0";
    let token = "ldls s r1; sets \" \" r2; flushts; pushtv r1; pushtv r2; call strtok r3; ret r3";
    assert_eq!(world.text_all(&[start, token, "ldls s r1; ret r1"]).unwrap(), "a b");
}

#[test]
fn searches_read_foreign_memory_across_its_pieces() {
    let mut world = World::new();
    let mut text = vec![b'.'; 200];
    text[150..156].copy_from_slice(b"needle");
    let address = world.kernel_text(&text).to_string();
    assert_eq!(world.value(&call("index", &[&address, "\"needle\""])), 150);
    assert_eq!(world.value(&call("rindex", &[&address, "\"needle\""])), 150);
    assert_eq!(world.value(&call("rindex", &[&address, "\".\""])), 199);
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn a_search_finds_what_a_plain_search_finds() {
    // All strings of length up to 6 and parts of length up to 3 over two letters.
    let strings = |max: usize| {
        (0..=max).flat_map(|len| {
            (0..1usize << len).map(move |bits| {
                (0..len).map(|n| if bits >> n & 1 == 0 { 'a' } else { 'b' }).collect::<String>()
            })
        })
    };
    for string in strings(6) {
        for part in strings(3) {
            let args = [format!("\"{string}\""), format!("\"{part}\"")];
            let args = [args[0].as_str(), args[1].as_str()];
            let expect = |found: Option<usize>| found.map_or(-1, |at| at as i64);
            assert_eq!(number("index", &args), expect(string.find(&part)), "{string} {part}");
            assert_eq!(number("rindex", &args), expect(string.rfind(&part)), "{string} {part}");
        }
    }
}
