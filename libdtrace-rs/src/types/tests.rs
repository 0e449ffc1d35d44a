//! What the type store promises.

use super::*;

#[test]
fn intrinsic_types_have_lp64_sizes() {
    let t = Types::with_btf_directory("/nonexistent");
    for (name, size) in
        [("char", 1), ("short", 2), ("int", 4), ("long", 8), ("long long", 8), ("uint32_t", 4)]
    {
        assert_eq!(t.size(t.lookup(name).unwrap()), Some(size), "{name}");
    }
    assert_eq!(t.size(t.lookup("long double").unwrap()), Some(16));
    assert_eq!(t.size(t.lookup("void *").unwrap()), Some(8));
    assert_eq!(t.size(t.intrinsics().void), None);
}

#[test]
fn an_intrinsic_type_may_be_spelt_in_any_order() {
    let t = Types::with_btf_directory("/nonexistent");
    assert_eq!(t.lookup("long unsigned int"), t.lookup("unsigned long"));
    assert_eq!(t.lookup("short int unsigned"), t.lookup("unsigned short"));
    assert_eq!(t.lookup("signed"), t.lookup("int"));
    assert_eq!(t.lookup("signed unsigned int"), Err(TypeError::NotFound));
    assert_eq!(t.lookup("long long long"), Err(TypeError::NotFound));
}

#[test]
fn names_read_as_c() {
    let t = Types::with_btf_directory("/nonexistent");
    let i = *t.intrinsics();
    let function = t.function(i.int, vec![i.char, i.long], false);
    let pointer = t.pointer_to(function);
    assert_eq!(t.name(pointer), "int (*)(char, long)");
    assert_eq!(t.name(t.array_of(i.char, 8)), "char [8]");
    assert_eq!(t.name(t.array_of(t.array_of(i.char, 3), 2)), "char [2][3]");
    assert_eq!(t.name(t.pointer_to(t.array_of(i.char, 8))), "char (*)[8]");
    assert_eq!(t.name(t.array_of(t.pointer_to(i.char), 8)), "char *[8]".replace("*[", "* ["));
    assert_eq!(t.name(t.pointer_to(t.qualified(Qualifier::Const, i.char))), "const char *");
    assert_eq!(t.name(t.lookup("const char *").unwrap()), "const char *");
    assert_eq!(t.declaration(t.pointer_to(i.char), "p"), "char *p");
    assert_eq!(t.declaration(t.array_of(i.char, 8), "b"), "char b[8]");
}

#[test]
fn a_forward_declaration_becomes_its_definition() {
    let t = Types::with_btf_directory("/nonexistent");
    let node = t.declare_tag(Tag::Struct, "node");
    let pointer = t.pointer_to(node);
    assert_eq!(t.size(node), None);
    let mut b = AggregateBuilder::new(Some("node"), false);
    b.member(&t, "next", pointer).unwrap();
    b.member(&t, "value", t.intrinsics().int).unwrap();
    t.define(node, b.finish());
    assert_eq!(t.size(node), Some(16));
    assert_eq!(t.member(t.element(pointer).unwrap(), "value").unwrap().bit_offset, 64);
    assert_eq!(t.lookup("struct node"), Ok(node));
}

#[test]
fn members_of_anonymous_aggregates_are_found() {
    let t = Types::with_btf_directory("/nonexistent");
    let mut inner = AggregateBuilder::new(None, true);
    inner.member(&t, "a", t.intrinsics().long).unwrap();
    inner.member(&t, "b", t.intrinsics().char).unwrap();
    let inner = t.define_anonymous(inner.finish());
    let mut outer = AggregateBuilder::new(Some("o"), false);
    outer.member(&t, "x", t.intrinsics().int).unwrap();
    outer.member(&t, "", inner).unwrap();
    let outer = t.define_anonymous(outer.finish());
    assert_eq!(t.member(outer, "b").unwrap().bit_offset, 64);
    assert_eq!(t.member(outer, "c"), None);
}

#[test]
fn duplicate_and_incomplete_members_are_refused() {
    let t = Types::with_btf_directory("/nonexistent");
    let mut b = AggregateBuilder::new(None, false);
    b.member(&t, "x", t.intrinsics().int).unwrap();
    assert_eq!(b.member(&t, "x", t.intrinsics().int), Err(LayoutError::Duplicate));
    assert_eq!(b.member(&t, "v", t.intrinsics().void), Err(LayoutError::Incomplete));
    assert_eq!(b.bit_field(&t, "f", t.intrinsics().int, 33), Err(LayoutError::BitFieldWidth));
    assert_eq!(b.bit_field(&t, "f", t.intrinsics().void_pointer, 3), Err(LayoutError::BitFieldType));
}

#[test]
fn pointers_to_void_and_to_the_same_are_compatible() {
    let t = Types::with_btf_directory("/nonexistent");
    let i = *t.intrinsics();
    let (pi, pl) = (t.pointer_to(i.int), t.pointer_to(i.long));
    assert!(t.compatible(pi, i.void_pointer));
    assert!(!t.compatible(pi, pl));
    assert!(t.compatible(pi, t.pointer_to(t.declare_typedef("int_alias", i.int))));
    assert!(t.compatible(i.char, i.unsigned_long));
    assert!(!t.compatible(i.int, pi));
}

#[test]
fn declarations_are_taken_back() {
    let t = Types::with_btf_directory("/nonexistent");
    let node = t.declare_tag(Tag::Struct, "node");
    let before = t.checkpoint();
    let mut b = AggregateBuilder::new(Some("node"), false);
    b.member(&t, "x", t.intrinsics().int).unwrap();
    t.define(node, b.finish());
    t.declare_typedef("node_t", node);
    t.declare_typedef("node_t", t.intrinsics().int);
    t.roll_back(before);
    assert_eq!(t.lookup("node_t"), Err(TypeError::NotFound));
    assert_eq!(t.lookup("struct node"), Ok(node));
    assert_eq!(t.size(node), None);
}
