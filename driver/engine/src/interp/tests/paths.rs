//! `basename`, `dirname`, `cleanpath`.

use super::strings::call;
use super::*;

fn path(name: &str, path: &str) -> String {
    text(&call(name, &[&format!("\"{path}\"")]))
}

#[test]
fn basename_is_the_last_component() {
    for (from, base) in [
        ("a/b/c.txt", "c.txt"),
        ("c", "c"),
        ("/c", "c"),
        ("/a/b/", "b"),
        ("a//", "a"),
        ("/", "/"),
        ("///", "/"),
        ("", "."),
    ] {
        assert_eq!(path("basename", from), base, "{from}");
    }
}

#[test]
fn dirname_is_all_but_the_last_component() {
    for (from, dir) in [
        ("a/b/c.txt", "a/b"),
        ("c", "."),
        ("/c", "/"),
        ("/a/b/", "/a"),
        ("a//b", "a"),
        ("a/", "."),
        ("/", "/"),
        ("//a", "/"),
        ("", "."),
    ] {
        assert_eq!(path("dirname", from), dir, "{from}");
    }
}

#[test]
fn cleanpath_takes_out_what_leads_nowhere() {
    for (from, clean) in [
        ("a//b/../c", "a/c"),
        ("/foo/../bar", "/bar"),
        ("/a/./b", "/a/b"),
        ("/a/b/../../c", "/c"),
        ("/../a", "/a"),
        ("/a/..", "/"),
        ("/", "/"),
        ("//", "/"),
        ("/a/", "/a/"),
        ("/a//b//", "/a/b/"),
        ("/a/b/.", "/a/b"),
        ("a", "a"),
        ("", ""),
    ] {
        assert_eq!(path("cleanpath", from), clean, "{from}");
    }
}

#[test]
fn cleanpath_keeps_the_dots_that_a_relative_path_begins_with() {
    for (from, clean) in [
        ("../a", "../a"),
        ("../../a", "../../a"),
        ("./a", "./a"),
        ("./../a", "./../a"),
        ("a/../b", "b"),
        ("..", ".."),
    ] {
        assert_eq!(path("cleanpath", from), clean, "{from}");
    }
}

#[test]
fn components_that_only_look_like_dots_stay() {
    assert_eq!(path("cleanpath", "/a/.b/..c/d"), "/a/.b/..c/d");
    assert_eq!(path("cleanpath", "/a/.../b"), "/a/.../b");
}
