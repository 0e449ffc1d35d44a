//! The subroutine `json`.

use super::*;

const TEXT: &str = r#" { "name" : "Joe", "empty":"", "n": -1.5e3, "yes":true, "no": false, "nil":null,
    "quote": "a \" b", "list": [10, [20, 21], {"deep": {"er": "x"}}], "obj": {"a":1, "b" : [ ] },
    "braces": "}]{[", "name": "second" } "#;

/// The value of an element of a document, None for NULL.
fn element(document: &str, path: &str) -> Option<String> {
    let mut world = World::new();
    world.strsize = 1024;
    let (document, path) = (world.kernel_text(document.as_bytes()), path.to_owned());
    let program = format!(
        "flushts; setx {document} r1; pushtv r1; sets \"{path}\" r1; pushtv r1; call json r2; ret r2"
    );
    if world.value(&program) == 0 { None } else { Some(world.text(&program)) }
}

fn found(path: &str) -> String {
    element(TEXT, path).unwrap_or_else(|| panic!("{path} is not found"))
}

#[test]
fn a_string_is_what_stands_between_its_quotes() {
    assert_eq!(found("name"), "Joe");
    assert_eq!(found("empty"), "");
    assert_eq!(found("braces"), "}]{[");
    assert_eq!(found("quote"), r#"a \" b"#);
}

#[test]
fn any_other_value_is_its_text() {
    assert_eq!(found("n"), "-1.5e3");
    assert_eq!((found("yes"), found("no"), found("nil")), ("true".into(), "false".into(), "null".into()));
    assert_eq!(found("obj"), r#"{"a":1, "b" : [ ] }"#);
    assert_eq!(found("list[1]"), "[20, 21]");
}

#[test]
fn elements_are_named_by_steps() {
    assert_eq!(found("list[0]"), "10");
    assert_eq!(found("list[1][1]"), "21");
    assert_eq!(found("list[2].deep.er"), "x");
    assert_eq!(element("[1, 2]", "[1]").as_deref(), Some("2"));
}

#[test]
fn what_is_not_there_is_null() {
    for path in
        ["nobody", "name.x", "name[0]", "list[3]", "list[1][2]", "list.x", "obj[0]", "nam", "namee", "obj.c"]
    {
        assert_eq!(element(TEXT, path), None, "{path}");
    }
}

#[test]
fn an_element_that_is_misnamed_is_null() {
    for path in ["", ".", "list[", "list[]", "list[x]", "list[1", "obj..a", "obj.", "list[0]x"] {
        assert_eq!(element(TEXT, path), None, "{path}");
    }
}

#[test]
fn a_text_that_is_no_json_is_null() {
    let deep = format!("{{\"a\": {}1{}, \"b\": 2}}", "[".repeat(65), "]".repeat(65));
    for document in
        ["", "{", "{\"a\"", "{\"a\":", "{\"a\": [1, 2}, \"b\": 1}", "{a: 1, \"b\": 1}", "{\"a\": \"x", &deep]
    {
        assert_eq!(element(document, "b"), None, "{document}");
    }
}

#[test]
fn nesting_is_followed_to_a_depth_of_64() {
    let deep = format!("{{\"a\": {}1{}, \"b\": 2}}", "[".repeat(64), "]".repeat(64));
    assert_eq!(element(&deep, "b").as_deref(), Some("2"));
}
