//! The kernel's own types, read from its BTF. Skipped where the kernel has none.

use dtrace_rs::types::{Kind, TypeError, Types, ctf_file};

use crate::world;

fn kernel() -> Option<Types> {
    if std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Some(Types::new());
    }
    println!("skipped: this kernel has no BTF");
    None
}

#[test]
fn a_structure_of_the_kernel_has_its_members() {
    let Some(t) = kernel() else { return };
    let task = t.lookup("struct task_struct").unwrap();
    assert!(t.size(task).unwrap() > 1000);
    let comm = t.member(task, "comm").unwrap();
    assert_eq!(t.name(comm.member.ty), "char [16]");
    assert_eq!(t.size(comm.member.ty), Some(16));
    let pid = t.member(task, "pid").unwrap();
    assert_eq!((t.name(pid.member.ty), t.size(pid.member.ty)), ("pid_t".into(), Some(4)));
    assert_eq!(t.object_name(task), "vmlinux");
    assert_eq!(t.lookup_in("kernel", "struct task_struct"), Ok(task));
    assert_eq!(t.lookup("vmlinux`struct task_struct"), Ok(task));
}

#[test]
fn members_of_anonymous_parts_of_a_kernel_structure_are_found() {
    let Some(t) = kernel() else { return };
    // The low word of a list is in an anonymous structure of a union in every kernel since 4.18.
    let page = t.lookup("struct page").unwrap();
    let lru = t.member(page, "lru").unwrap();
    assert_eq!(lru.bit_offset % 64, 0);
    let inode = t.lookup("struct inode").unwrap();
    assert!(t.member(inode, "i_nlink").is_some(), "a union without a name");
}

#[test]
fn pointers_and_functions_of_the_kernel_have_types() {
    let Some(t) = kernel() else { return };
    let file = t.lookup("struct file *").unwrap();
    assert_eq!(t.size(file), Some(8));
    let read = t.kernel_function(None, "vfs_read").unwrap();
    assert_eq!(read.ty.params.len(), 4);
    assert_eq!(t.name(read.ty.params[0]), "struct file *");
    assert_eq!(&*read.params[2], "count");
    assert_eq!(t.name(read.ty.ret), "ssize_t");
    assert!(t.same(file, read.ty.params[0]), "one made from a name, one read");
}

#[test]
fn enumerations_of_the_kernel_have_values() {
    let Some(t) = kernel() else { return };
    let Kind::Enum(e) = t.base(t.lookup("enum pid_type").unwrap()) else { panic!("an enumeration") };
    assert_eq!((&*e.values[0].0, e.values[0].1), ("PIDTYPE_PID", 0));
}

#[test]
fn what_the_kernel_does_not_have_is_not_found() {
    let Some(t) = kernel() else { return };
    assert_eq!(t.lookup("struct no_such_thing_at_all"), Err(TypeError::NotFound));
    assert!(matches!(t.lookup_in("no_such_module", "int"), Err(TypeError::NoObject(_))));
    assert!(t.kernel_function(None, "no_such_function").is_none());
}

#[test]
fn every_type_of_the_kernel_reads_without_a_panic_and_has_members_within_its_size() {
    let Some(t) = kernel() else { return };
    for name in
        ["struct task_struct", "struct file", "struct sock", "struct super_block", "struct request_queue"]
    {
        let Kind::Struct(a) = t.base(t.lookup(name).unwrap()) else { panic!("{name} is a structure") };
        for m in a.members.iter() {
            let bits = m.bit_width.map_or_else(|| t.size(m.ty).unwrap_or(0) * 8, u64::from);
            assert!(m.bit_offset + bits <= a.size * 8, "{name}.{}", m.name);
            assert!(!t.name(m.ty).is_empty());
        }
    }
}

#[test]
fn a_damaged_file_is_an_error_and_nothing_else() {
    let Ok(whole) = std::fs::read("/sys/kernel/btf/vmlinux") else {
        println!("skipped: this kernel has no BTF");
        return;
    };
    let dir = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("btf");
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("vmlinux");
    let lookup = |data: &[u8]| {
        std::fs::write(&file, data).unwrap();
        let t = Types::with_btf_directory(&dir);
        // Whatever it finds, it finds without a panic, and what it finds can be looked at.
        if let Ok(id) = t.lookup("struct task_struct") {
            let _ = (t.size(id), t.align(id), t.name(id), t.member(id, "comm"));
        }
    };
    for cut in [0, 1, 10, 24, 100, whole.len() / 2, whole.len() - 1] {
        lookup(&whole[..cut]);
    }
    let mut state = 0x1234_5678_9abc_def1u64;
    for _ in 0..20 {
        let mut damaged = whole.clone();
        for _ in 0..1000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = (state % damaged.len() as u64) as usize;
            damaged[at] = (state >> 32) as u8;
        }
        lookup(&damaged);
    }
}

#[test]
fn constants_of_the_kernels_enumerations_are_known_beside_a_value_of_them() {
    let Some(_) = kernel() else { return };
    let compile = |text: &str| world::program_of_kernel(text);
    assert!(compile("BEGIN { this->k = (enum pid_type)arg0; trace(this->k == PIDTYPE_PGID); }").is_ok());
    assert!(compile("BEGIN /PIDTYPE_PGID != (enum pid_type)arg0/ { trace(1); }").is_ok());
    assert!(compile("BEGIN { trace(arg0 == PIDTYPE_PGID); }").is_err());
    assert!(compile("BEGIN { this->k = (enum pid_type)arg0; trace(this->k == NO_SUCH_CONSTANT); }").is_err());
}

#[test]
fn members_of_kernel_structures_are_reached_through_pointers() {
    let Some(_) = kernel() else { return };
    let compile = |text: &str| world::program_of_kernel(text).map(|_| ());
    assert_eq!(compile("BEGIN { trace(((struct file *)arg0)->f_path.dentry->d_name.len); }"), Ok(()));
    assert_eq!(compile("BEGIN { trace(stringof(curthread->comm)); print(*curthread); }"), Ok(()));
    assert_eq!(
        compile("BEGIN { trace(sizeof (struct task_struct)); trace(offsetof(struct task_struct, comm)); }"),
        Ok(())
    );
}

#[test]
fn open_files_are_found_by_their_descriptors() {
    let Some(_) = kernel() else { return };
    let library = concat!(include_str!("../../dlib/io.d"), include_str!("../../dlib/kernel/file.d"));
    let compile = |text: &str| world::program_of_kernel(&format!("{library}\n{text}")).map(|_| ());
    assert_eq!(compile("BEGIN { trace(getf(0)->f_flags); trace(fds[1].fi_pathname); }"), Ok(()));
    let fault = |text: &str| compile(text).unwrap_err().tagged().split_once(": ").unwrap().1.to_string();
    assert_eq!(fault("BEGIN { getf(); }"), "getf( ) prototype mismatch: 0 args passed, 1 expected");
    let want = "getf( ) argument #1 is incompatible with prototype:\n\tprototype: int\n\t argument: string";
    assert_eq!(fault("BEGIN { getf(\"a\"); }"), want);
    assert!(world::program("BEGIN { getf(0); }").unwrap_err().tagged().starts_with("[D_FUNC_UNDEF]"));
}

#[test]
fn the_kernels_types_survive_the_way_through_a_ctf_file() {
    let Some(t) = kernel() else { return };
    let names = ["struct task_struct", "struct file", "struct inode", "struct sock", "struct sk_buff"];
    let roots: Vec<_> = names.iter().map(|name| t.lookup(name).unwrap()).collect();
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("kernel.ctf");
    std::fs::write(&path, ctf_file(&t, &roots, &[("init_task", roots[0])])).unwrap();
    let r = Types::with_btf_directory("/nonexistent");
    r.add_ctf_file(&path, "linux");
    for (name, &root) in names.iter().zip(&roots) {
        let read = r.lookup(name).unwrap();
        assert_eq!(r.size(read), t.size(root), "{name}");
        let Kind::Struct(a) = r.base(read) else { panic!("{name} is a structure") };
        for m in a.members.iter() {
            let original = t.member(root, &m.name).unwrap_or_else(|| panic!("{name}.{}", m.name));
            assert_eq!(m.bit_offset, original.bit_offset, "{name}.{}", m.name);
            assert_eq!(m.bit_width, original.member.bit_width, "{name}.{}", m.name);
            assert_eq!(r.size(m.ty), t.size(original.member.ty), "{name}.{}", m.name);
        }
    }
    assert_eq!(r.kernel_variable(None, "init_task").map(|id| r.name(id)), Some("struct task_struct".into()));
}
