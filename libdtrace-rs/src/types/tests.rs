//! What the type store promises.

use super::*;

#[test]
fn types_of_32_bit_programs_are_narrow() {
    let t = Types::narrow();
    let size = |name: &str| t.lookup(name).ok().and_then(|ty| t.size(ty));
    for (name, bytes) in [
        ("long", 4),
        ("unsigned long", 4),
        ("signed long", 4),
        ("long long", 8),
        ("int64_t", 8),
        ("uint64_t", 8),
        ("uintptr_t", 4),
        ("size_t", 4),
        ("long double", 12),
        ("void *", 4),
    ] {
        assert_eq!(size(name), Some(bytes), "{name}");
    }
    assert_eq!(t.align(t.lookup("long long").unwrap()), 4);
    assert!(t.lookup("struct task_struct").is_err());
}

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
    // Some spellings are names of their own for the same type.
    for (spelt, same) in [("signed", "int"), ("unsigned int", "unsigned"), ("int signed short", "short")] {
        assert!(t.same(t.lookup(spelt).unwrap(), t.lookup(same).unwrap()), "{spelt}");
    }
    assert_eq!(t.name(t.lookup("unsigned int").unwrap()), "unsigned int");
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

/// A CTF file as a converter makes it, of these bytes of types and strings, with one variable of type 1.
fn ctf_file(types: &[u8], strings: &[u8]) -> Vec<u8> {
    let half = |n: usize| (n as u16).to_le_bytes();
    let word = |n: usize| (n as u32).to_le_bytes();
    let mut ctf = vec![0xf1, 0xcf, 2, 0];
    for n in [0, 0, 0, 0, 2, 4, 4 + types.len(), strings.len()] {
        ctf.extend(word(n));
    }
    ctf.extend([1, 0, 0, 0]);
    ctf.extend(types);
    ctf.extend(strings);
    // An ELF object by hand: the header, the names, the symbols, and four sections beside the empty one.
    let names = b"\0.SUNW_ctf\0.symtab\0.strtab\0G\0";
    let mut symbols = vec![0; 24];
    symbols.extend(word(27));
    symbols.extend([0x11, 0]);
    symbols.extend(half(1));
    symbols.extend([0; 16]);
    let (names_at, symbols_at) = (64, 64 + names.len());
    let ctf_at = symbols_at + symbols.len();
    let sections_at = (ctf_at + ctf.len()).next_multiple_of(8);
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([1, 0, 62, 0, 1, 0, 0, 0]);
    file.extend([0; 16]);
    file.extend((sections_at as u64).to_le_bytes());
    file.extend([0; 4]);
    for n in [64, 0, 0, 64, 4, 3] {
        file.extend(half(n));
    }
    file.extend(names);
    file.extend(symbols);
    file.extend(ctf);
    file.resize(sections_at, 0);
    // Name, kind, place, size, link and entry size of each.
    let sections = [
        (0, 0, 0, 0, 0, 0),
        (1, 1, ctf_at, sections_at - ctf_at, 0, 0),
        (11, 2, symbols_at, 48, 3, 24),
        (19, 3, names_at, names.len(), 0, 0),
    ];
    for (name, kind, at, size, link, entry) in sections {
        file.extend([word(name), word(kind)].concat());
        for n in [0, 0, at, size] {
            file.extend((n as u64).to_le_bytes());
        }
        file.extend([word(link), word(0)].concat());
        file.extend(1u64.to_le_bytes());
        file.extend((entry as u64).to_le_bytes());
    }
    file
}

/// `struct s { int a; unsigned b:7; }`, `typedef struct s s_t`, and a variable `int G`.
fn sample() -> Vec<u8> {
    let strings = b"\0int\0s\0a\0b\0s_t\0";
    let mut types = Vec::new();
    let mut record = |name: u32, kind: u16, count: u16, size: u16, extra: &[u8]| {
        types.extend(name.to_le_bytes());
        types.extend((kind << 11 | count).to_le_bytes());
        types.extend(size.to_le_bytes());
        types.extend(extra);
    };
    record(1, 1, 0, 4, &[32, 0, 0, 1]);
    record(1, 1, 0, 4, &[7, 0, 0, 0]);
    record(5, 6, 2, 8, &[7, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 2, 0, 32, 0]);
    record(11, 10, 0, 3, &[]);
    ctf_file(&types, strings)
}

#[test]
fn the_ctf_file_of_an_installation_is_read() {
    let path = std::env::temp_dir().join(format!("dtrace-test-{}.ctf", std::process::id()));
    std::fs::write(&path, sample()).unwrap();
    let t = Types::with_btf_directory("/nonexistent");
    t.add_ctf_file(&path, "linux");
    let s = t.lookup("s_t").unwrap();
    assert_eq!((t.size(s), t.object_name(s)), (Some(8), "linux".into()));
    assert_eq!(t.lookup_in("linux", "struct s").map(|id| t.resolve(id)), Ok(t.resolve(s)));
    let b = t.member(s, "b").unwrap();
    assert_eq!((b.bit_offset, b.member.bit_width), (32, Some(7)));
    assert_eq!(t.kernel_variable(None, "G").map(|id| t.name(id)), Some("int".into()));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_damaged_ctf_file_is_as_good_as_none() {
    let whole = sample();
    let path = std::env::temp_dir().join(format!("dtrace-damaged-{}.ctf", std::process::id()));
    let check = |data: &[u8]| {
        std::fs::write(&path, data).unwrap();
        let t = Types::with_btf_directory("/nonexistent");
        t.add_ctf_file(&path, "linux");
        if let Ok(id) = t.lookup("struct s") {
            let _ = (t.size(id), t.align(id), t.name(id), t.member(id, "b"));
        }
    };
    for cut in (0..whole.len()).step_by(7) {
        check(&whole[..cut]);
    }
    for at in (0..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        check(&damaged);
    }
    std::fs::remove_file(&path).unwrap();
}
