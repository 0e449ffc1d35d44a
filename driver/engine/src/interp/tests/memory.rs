//! Loads, stores and copies.

use super::*;

fn load(op: &str, offset: u64) -> u64 {
    value(&format!("setx {:#x} r1; {op} r1 r2; ret r2", KERNEL + offset))
}

#[test]
fn loads_widen_with_zeros_or_the_sign() {
    // 01 82 03 84 05 06 07 88
    assert_eq!(load("ldub", 1), 0x82);
    assert_eq!(load("ldsb", 1), 0x82u8 as i8 as u64);
    assert_eq!(load("lduh", 0), 0x8201);
    assert_eq!(load("ldsh", 0), 0x8201u16 as i16 as u64);
    assert_eq!(load("lduw", 0), 0x8403_8201);
    assert_eq!(load("ldsw", 0), 0x8403_8201u32 as i32 as u64);
    assert_eq!(load("ldx", 0), 0x8807_0605_8403_8201);
    assert_eq!(load("rldx", 0), load("ldx", 0));
}

#[test]
fn loads_need_no_alignment() {
    assert_eq!(load("lduh", 1), 0x0382);
    assert_eq!(load("ldx", 3) & 0xff_ffff, 0x06_0584);
    assert_eq!(
        value("sets \"abcdefghij\" r1; setx 1 r2; add r1 r2 r1; ldx r1 r3; ret r3"),
        u64::from_le_bytes(*b"bcdefghi")
    );
}

#[test]
fn user_loads_read_the_process() {
    assert_eq!(value(&format!("setx {USER:#x} r1; uldub r1 r2; ret r2")), u64::from(b'/'));
    assert_eq!(value(&format!("setx {USER:#x} r1; uldx r1 r2; ret r2")), u64::from_le_bytes(*b"/tmp/use"));
    assert_eq!(
        value(&format!("setx {USER:#x} r1; ulduh r1 r2; ret r2")),
        u64::from(u16::from_le_bytes(*b"/t"))
    );
}

#[test]
fn what_was_stored_is_loaded() {
    for (store, load, stored, loaded) in [
        ("stb", "ldub", 0x1ff_u64, 0xff_u64),
        ("sth", "lduh", 0x1_ffff, 0xffff),
        ("stw", "ldsw", 0xffff_ffff, u64::MAX),
        ("stx", "ldx", 0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef),
    ] {
        for offset in [0, 1, 3, 8] {
            let program = format!(
                "setx 24 r1; allocs r1 r2; setx {offset} r3; add r2 r3 r2; setx {stored:#x} r4; {store} r4 r2; \
                 {load} r2 r5; ret r5"
            );
            assert_eq!(value(&program), loaded, "{store} at {offset}");
        }
    }
}

#[test]
fn a_store_changes_nothing_beside_its_bytes() {
    let program = "setx 16 r1; allocs r1 r2; setx -1 r3; stx r3 r2; setx 2 r4; add r2 r4 r5; sth r0 r5; ldx r2 r6; ret r6";
    assert_eq!(value(program), 0xffff_ffff_0000_ffff);
}

#[test]
fn scratch_memory_lasts_to_the_end_of_the_clause() {
    let mut world = World::new();
    let programs = [
        "local p int; setx 16 r1; flushts; pushtv r1; call alloca r1; stls p r1; ret r1",
        "setx 5 r1; ldls p r2; stw r1 r2; ret r1",
        "setx 6 r1; ldls p r2; setx 4 r3; add r2 r3 r2; stw r1 r2; ret r1",
        "ldls p r1; ldsw r1 r2; setx 4 r3; add r1 r3 r1; ldsw r1 r4; add r2 r4 r5; ret r5",
    ];
    assert_eq!(world.run_all(&programs), Ok(11));
}

#[test]
fn allocated_memory_is_zeros() {
    let mut world = World::new();
    let dirty = "setx 64 r1; allocs r1 r2; setx -1 r3; stx r3 r2; ret r2";
    world.value(dirty);
    assert_eq!(world.value("setx 64 r1; allocs r1 r2; ldx r2 r3; ret r3"), 0);
}

#[test]
fn copys_copies_so_many_bytes() {
    let program = format!(
        "setx 16 r1; allocs r1 r2; setx {KERNEL:#x} r3; setx 3 r4; copys r3 r4 r2; ldx r2 r5; ret r5"
    );
    assert_eq!(value(&program), 0x03_8201);
}

#[test]
fn a_copy_over_itself_moves_up_and_down() {
    let moved = |from: u64, to: u64| {
        let mut world = World::new();
        let text = world.kernel_text(b"0123456789");
        world.text(&format!(
            "setx 32 r1; allocs r1 r2; setx {text:#x} r3; setx 10 r4; copys r3 r4 r2; setx {from} r5; add r2 r5 r5; \
             setx {to} r6; add r2 r6 r6; setx 8 r4; copys r5 r4 r6; ret r2"
        ))
    };
    assert_eq!(moved(0, 2), "0101234567");
    assert_eq!(moved(2, 0), "2345678989");
    assert_eq!(moved(0, 8), "0123456701234567");
    assert_eq!(moved(1, 1), "0123456789");
}

#[test]
fn a_string_at_the_end_of_readable_memory_is_read() {
    let mut world = World::new();
    world.host.kernel[4090..].copy_from_slice(b"tail!\0");
    let address = KERNEL + 4090;
    assert_eq!(world.text(&format!("setx {address:#x} r1; ret r1")), "tail!");
    world.host.kernel[4095] = b'?';
    let fault = world.text_all(&[&format!("setx {address:#x} r1; ret r1")]).unwrap_err();
    assert_eq!((fault.kind, fault.address), (FaultKind::BadAddress, KERNEL + 4096));
}

#[test]
fn a_record_of_bytes_is_copied_whole() {
    let mut world = World::new();
    let code = world.load(&["ret r0"]).remove(0);
    let copied = world.fire(|machine| {
        let mut record = [0; 8];
        machine.copy_bytes(&code, KERNEL + 8, &mut record).map(|()| record)
    });
    assert_eq!(copied, Ok(*b"kernel!\0"));
}

#[test]
fn a_record_cuts_a_long_string_and_ends_it() {
    let mut world = World::new();
    let address = world.kernel_text(&[b'x'; 300]);
    let code = world.load(&["ret r0"]).remove(0);
    let (len, record) = world.fire(|machine| {
        let mut record = [0xaa; 256];
        (machine.copy_string(&code, address, &mut record).unwrap(), record)
    });
    assert_eq!((len, record[254], record[255]), (255, b'x', 0));
}
