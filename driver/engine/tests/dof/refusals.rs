//! What is wrong with an image, one fault at a time, and what the loader says to it.

use dtrace_abi::dof::*;
use dtrace_abi::{DifType, DofActDesc, DofHdr, DofOptDesc, DofSec, action, agg, dif, limit};
use dtrace_engine::difo::Limits;
use dtrace_engine::dof::{DofError, Program, Purpose};
use dtrace_engine::errno::Errno;
use dtrace_engine::verify::{Flaw, VerifyError};

use crate::image::{self, Builder, INT, act, ret};

fn enable(image: &[u8]) -> Option<DofError> {
    Program::load(image, Purpose::Enable, &Limits::new(true)).err()
}

fn help(image: &[u8]) -> Option<DofError> {
    Program::load(image, Purpose::Helper { base: 0x1000 }, &Limits::for_helper()).err()
}

/// What is said to the sample program after a change of its headers.
fn touched(touch: impl FnOnce(&mut DofHdr, &mut [DofSec])) -> Option<DofError> {
    enable(&image::program().build_with(touch))
}

/// What is said to the sample program after a change of the first section of a type.
fn changed(kind: u32, change: impl FnOnce(&mut image::Part)) -> Option<DofError> {
    let mut b = image::program();
    change(b.first(kind));
    enable(&b.build())
}

/// What is said to the sample helper after a change of the first section of a type.
fn helper_changed(kind: u32, change: impl FnOnce(&mut image::Part)) -> Option<DofError> {
    let mut b = image::helper();
    change(b.first(kind));
    help(&b.build())
}

/// What is said to a clause with these actions, whose expression answers 1.
fn acting(acts: impl FnOnce(u32) -> Vec<DofActDesc>) -> Option<DofError> {
    let mut b = Builder::new();
    let probe = b.probe(["", "", "", "BEGIN"]);
    let one = b.constant(1);
    let actions = b.table(SECT_ACTDESC, 8, &acts(one));
    b.ecb(probe, SECIDX_NONE, actions);
    enable(&b.build())
}

/// Puts a word at an offset of a section.
fn put(part: &mut image::Part, offset: usize, word: u32) {
    part.data[offset..offset + 4].copy_from_slice(&word.to_ne_bytes());
}

fn index_of(kind: u32) -> u32 {
    image::program().parts.iter().position(|part| part.header.kind == kind).unwrap() as u32
}

fn index_in_helper(kind: u32) -> u32 {
    image::helper().parts.iter().position(|part| part.header.kind == kind).unwrap() as u32
}

#[test]
fn the_samples_themselves_are_sound() {
    assert_eq!(touched(|_, _| ()), None);
    assert_eq!(help(&image::helper().build()), None);
}

#[test]
fn the_identification() {
    assert_eq!(touched(|h, _| h.ident[0] = 0), Some(DofError::Magic));
    assert_eq!(touched(|h, _| h.ident[3] = b'f'), Some(DofError::Magic));
    assert_eq!(touched(|h, _| h.ident[ID_MODEL] = MODEL_ILP32), None);
    assert_eq!(touched(|h, _| h.ident[ID_MODEL] = MODEL_NONE), Some(DofError::Model(0)));
    assert_eq!(touched(|h, _| h.ident[ID_MODEL] = 3), Some(DofError::Model(3)));
    assert_eq!(touched(|h, _| h.ident[ID_ENCODING] = ENCODE_MSB), Some(DofError::Encoding(2)));
    assert_eq!(touched(|h, _| h.ident[ID_VERSION] = VERSION_1), None);
    assert_eq!(touched(|h, _| h.ident[ID_VERSION] = 0), Some(DofError::Version(0)));
    assert_eq!(touched(|h, _| h.ident[ID_VERSION] = 3), Some(DofError::Version(3)));
    assert_eq!(touched(|h, _| h.ident[ID_DIFVERS] = 1), Some(DofError::DifVersion(1)));
    assert_eq!(touched(|h, _| h.ident[ID_DIFIREG] = 9), Some(DofError::Registers(9)));
    assert_eq!(touched(|h, _| h.ident[ID_DIFTREG] = 9), Some(DofError::Registers(9)));
    assert_eq!(touched(|h, _| h.ident[ID_PAD] = 1), Some(DofError::Reserved));
    assert_eq!(touched(|h, _| h.ident[15] = 1), Some(DofError::Reserved));
    assert_eq!(touched(|h, _| h.flags = 1), Some(DofError::Reserved));
}

#[test]
fn the_size() {
    let image = image::program().build();
    assert_eq!(enable(&[]), Some(DofError::Truncated));
    assert_eq!(enable(&image[..63]), Some(DofError::Truncated));
    assert_eq!(enable(&image[..64]), Some(DofError::Truncated));
    assert_eq!(enable(&image[..image.len() - 1]), Some(DofError::Truncated));
    assert_eq!(touched(|h, _| h.loadsz = limit::DOF_MAXSIZE), Some(DofError::TooBig));
    assert_eq!(touched(|h, _| h.loadsz = u64::MAX), Some(DofError::TooBig));
    assert_eq!(touched(|h, _| h.loadsz = 63), Some(DofError::Truncated));
}

#[test]
fn the_section_table() {
    assert_eq!(touched(|h, _| h.secnum = 0), Some(DofError::SectionTable));
    assert_eq!(touched(|h, _| h.secnum = u32::MAX), Some(DofError::SectionTable));
    assert_eq!(touched(|h, _| h.secoff = 0), Some(DofError::SectionTable));
    assert_eq!(touched(|h, _| h.secoff += 4), Some(DofError::SectionTable));
    assert_eq!(touched(|h, _| h.secoff = u64::MAX - 7), Some(DofError::SectionTable));
    assert_eq!(touched(|h, _| h.secoff = h.loadsz & !7), Some(DofError::SectionTable));
    assert_eq!(touched(|h, _| h.secsize = 24), Some(DofError::SectionTable));
    assert_eq!(touched(|h, _| h.secsize = 36), Some(DofError::SectionTable));
    assert_eq!(touched(|h, _| h.secsize = 0), Some(DofError::SectionTable));
    assert_eq!(touched(|h, _| h.hdrsize = 32), Some(DofError::SectionTable));
}

#[test]
fn the_bounds_and_alignment_of_a_section() {
    let first = |change: fn(&mut DofSec)| touched(|_, s| change(&mut s[1]));
    assert_eq!(first(|s| s.offset = u64::MAX), Some(DofError::Bounds { section: 1 }));
    assert_eq!(first(|s| s.size = u64::MAX), Some(DofError::Bounds { section: 1 }));
    assert_eq!(first(|s| s.offset = 1 << 40), Some(DofError::Bounds { section: 1 }));
    assert_eq!(touched(|h, s| s[1].size = h.loadsz), Some(DofError::Bounds { section: 1 }));
    assert_eq!(first(|s| s.align = 0), Some(DofError::Alignment { section: 1 }));
    assert_eq!(first(|s| s.align = 3), Some(DofError::Alignment { section: 1 }));
    assert_eq!(first(|s| s.align = 1 << 31), Some(DofError::Alignment { section: 1 }));
    assert_eq!(first(|s| s.offset += 1), Some(DofError::Alignment { section: 1 }));
    assert_eq!(first(|s| s.align = 2), Some(DofError::Alignment { section: 1 }));
}

#[test]
fn the_type_of_a_section() {
    let comments = index_of(SECT_COMMENTS) as usize;
    assert_eq!(touched(|_, s| s[comments].kind = 1000), None, "unknown, but not for the driver");
    assert_eq!(
        touched(|_, s| {
            s[comments].kind = 1000;
            s[comments].flags = SECF_LOAD;
        }),
        Some(DofError::UnknownSection { section: comments as u32, kind: 1000 })
    );
    assert_eq!(touched(|_, s| s[0].flags = 0), Some(DofError::NotLoadable { section: 0 }));
    for kind in [SECT_PROVIDER, SECT_PROBES, SECT_PRARGS, SECT_PROFFS, SECT_PRENOFFS] {
        let mut b = image::program();
        let index = b.section(kind, 8, 0, vec![0; 96]);
        assert_eq!(enable(&b.build()), Some(DofError::NotHere { section: index, kind }));
    }
}

#[test]
fn the_shape_of_each_type_of_section() {
    let tables = [
        (SECT_ACTDESC, 8),
        (SECT_DIF, 4),
        (SECT_VARTAB, 4),
        (SECT_RELTAB, 8),
        (SECT_OPTDESC, 8),
        (SECT_INTTAB, 8),
        (SECT_XLTAB, 4),
        (SECT_XLMEMBERS, 4),
    ];
    for (kind, align) in tables {
        let section = index_of(kind);
        let shape = Some(DofError::Shape { section });
        assert_eq!(changed(kind, |p| p.header.entsize = 0), shape, "type {kind}: no entry size");
        assert_eq!(changed(kind, |p| p.header.entsize = 2), shape, "type {kind}: small entries");
        assert_eq!(changed(kind, |p| p.header.entsize = 1 << 20), shape, "type {kind}: large entries");
        assert_eq!(
            changed(kind, |p| p.header.align = align / 2),
            Some(DofError::Alignment { section }),
            "type {kind}"
        );
    }
    let records = [
        (SECT_ECBDESC, 8),
        (SECT_PROBEDESC, 4),
        (SECT_DIFOHDR, 4),
        (SECT_KRELHDR, 4),
        (SECT_XLIMPORT, 4),
        (SECT_XLEXPORT, 4),
    ];
    for (kind, align) in records {
        let section = index_of(kind);
        assert_eq!(changed(kind, |p| p.header.size = 8), Some(DofError::Shape { section }), "type {kind}");
        assert_eq!(
            changed(kind, |p| p.header.align = align / 2),
            Some(DofError::Alignment { section }),
            "type {kind}"
        );
    }
    let section = index_of(SECT_DIFOHDR);
    assert_eq!(
        changed(SECT_DIFOHDR, |p| {
            p.data.push(0);
            p.header.size += 1;
        }),
        Some(DofError::Shape { section })
    );
    let section = index_of(SECT_STRTAB);
    assert_eq!(changed(SECT_STRTAB, |p| p.header.size -= 1), Some(DofError::StringTable { section }));
    assert_eq!(changed(SECT_STRTAB, |p| p.header.size = 0), Some(DofError::StringTable { section }));
}

#[test]
fn the_shape_of_a_helpers_sections() {
    for (kind, align) in [(SECT_PROBES, 8), (SECT_PROFFS, 4), (SECT_PRENOFFS, 4)] {
        let section = index_in_helper(kind);
        assert_eq!(
            helper_changed(kind, |p| p.header.entsize = 0),
            Some(DofError::Shape { section }),
            "type {kind}"
        );
        assert_eq!(
            helper_changed(kind, |p| p.header.align = align / 2),
            Some(DofError::Alignment { section }),
            "type {kind}"
        );
    }
    let section = index_in_helper(SECT_PRARGS);
    assert_eq!(helper_changed(SECT_PRARGS, |p| p.header.entsize = 2), Some(DofError::Shape { section }));
    let section = index_in_helper(SECT_PROVIDER);
    assert_eq!(helper_changed(SECT_PROVIDER, |p| p.header.size = 40), Some(DofError::Shape { section }));
}

#[test]
fn references_lead_to_sections_of_the_right_type() {
    let program = image::program();
    let count = program.parts.len() as u32;
    let comments = index_of(SECT_COMMENTS);
    for wrong in [index_of(SECT_OPTDESC), comments, count, u32::MAX - 1] {
        let link = |wanted| Some(DofError::Link { section: wrong, wanted });
        assert_eq!(changed(SECT_ECBDESC, |p| put(p, 0, wrong)), link(SECT_PROBEDESC));
        assert_eq!(changed(SECT_ECBDESC, |p| put(p, 4, wrong)), link(SECT_DIFOHDR));
        assert_eq!(changed(SECT_ECBDESC, |p| put(p, 8, wrong)), link(SECT_ACTDESC));
        assert_eq!(changed(SECT_PROBEDESC, |p| put(p, 0, wrong)), link(SECT_STRTAB));
        assert_eq!(changed(SECT_ACTDESC, |p| put(p, 0, wrong)), link(SECT_DIFOHDR));
        assert_eq!(changed(SECT_ACTDESC, |p| put(p, 4, wrong)), link(SECT_STRTAB));
        assert_eq!(changed(SECT_KRELHDR, |p| put(p, 0, wrong)), link(SECT_STRTAB));
        assert_eq!(changed(SECT_KRELHDR, |p| put(p, 4, wrong)), link(SECT_RELTAB));
    }
    let section = u32::MAX;
    assert_eq!(
        changed(SECT_ECBDESC, |p| put(p, 0, section)),
        Some(DofError::Link { section, wanted: SECT_PROBEDESC }),
        "a clause has probes"
    );
    assert_eq!(
        changed(SECT_KRELHDR, |p| put(p, 8, comments)),
        Some(DofError::Link { section: comments, wanted: SECT_NONE })
    );
}

#[test]
fn strings_are_inside_their_table() {
    let section = index_of(SECT_STRTAB);
    let size = image::program().parts[section as usize].data.len() as u32;
    for offset in [size, size + 1, u32::MAX] {
        let missing = Some(DofError::StringOffset { section, offset: offset.into() });
        for field in [4, 8, 12, 16] {
            assert_eq!(changed(SECT_PROBEDESC, |p| put(p, field, offset)), missing);
        }
    }
    assert!(matches!(
        changed(SECT_ACTDESC, |p| put(p, 20, 1)),
        Some(DofError::StringOffset { offset: 0x1_0000_0001, .. })
    ));
}

#[test]
fn names_fit_their_fields() {
    let long = "x".repeat(64);
    for (names, good) in [
        ([&long[..63], "", "", ""], true),
        ([&long, "", "", ""], false),
        (["", &long, "", ""], false),
        (["", "", &long, ""], true),
        (["", "", &"x".repeat(127), ""], true),
        (["", "", &"x".repeat(128), ""], false),
        (["", "", "", &long], false),
    ] {
        let mut b = Builder::new();
        let probe = b.probe(names);
        b.ecb(probe, SECIDX_NONE, SECIDX_NONE);
        let expected = if good { None } else { Some(DofError::Name { section: probe }) };
        assert_eq!(enable(&b.build()), expected);
    }
}

#[test]
fn a_difo_has_each_part_once_and_code() {
    let difo = |links: fn(&mut Builder) -> Vec<u32>| {
        let mut b = Builder::new();
        let probe = b.probe(["", "", "", ""]);
        let links = links(&mut b);
        let difo = b.difo_of(INT, &links);
        b.ecb(probe, difo, SECIDX_NONE);
        (enable(&b.build()), difo)
    };
    let (error, _) = difo(|b| vec![b.table(SECT_DIF, 4, &[ret(0)])]);
    assert_eq!(error, None);
    let cases: [fn(&mut Builder) -> Vec<u32>; 7] = [
        |b| vec![b.table(SECT_INTTAB, 8, &[1u64])],
        |b| {
            let one = b.table(SECT_DIF, 4, &[ret(0)]);
            vec![one, one]
        },
        |b| {
            vec![
                b.table(SECT_DIF, 4, &[ret(0)]),
                b.table(SECT_INTTAB, 8, &[1u64]),
                b.table(SECT_INTTAB, 8, &[1u64]),
            ]
        },
        |b| vec![b.table(SECT_DIF, 4, &[ret(0)]), b.strings("\0"), b.strings("\0")],
        |b| vec![b.table(SECT_DIF, 4, &[ret(0)]), b.probe(["", "", "", ""])],
        |b| vec![b.table(SECT_DIF, 4, &[ret(0)]), SECIDX_NONE],
        |b| vec![b.table(SECT_DIF, 4, &[ret(0)]), 1000],
    ];
    for case in cases {
        let (error, section) = difo(case);
        assert_eq!(error, Some(DofError::Difo { section }));
    }
    let mut b = Builder::new();
    let text = b.table(SECT_DIF, 4, &[ret(0)]);
    let own = text + 1;
    let difo = b.difo_of(INT, &[text, own]);
    let probe = b.probe(["", "", "", ""]);
    b.ecb(probe, difo, SECIDX_NONE);
    assert_eq!(enable(&b.build()), Some(DofError::Difo { section: difo }), "a DIFO is no part of itself");
}

#[test]
fn code_that_is_not_safe_to_run_is_refused() {
    let mut b = Builder::new();
    let probe = b.probe(["", "", "", ""]);
    let difo = b.difo(&[ret(8)], &[], "", &[], INT);
    b.ecb(probe, difo, SECIDX_NONE);
    let error = VerifyError { at: 0, flaw: Flaw::Register(8) };
    assert_eq!(enable(&b.build()), Some(DofError::Verify { section: difo, error }));
    let mut b = Builder::new();
    let probe = b.probe(["", "", "", ""]);
    let difo = b.difo(&[], &[], "", &[], INT);
    b.ecb(probe, difo, SECIDX_NONE);
    let error = VerifyError { at: 0, flaw: Flaw::Empty };
    assert_eq!(enable(&b.build()), Some(DofError::Verify { section: difo, error }));
    let mut b = Builder::new();
    let probe = b.probe(["", "", "", ""]);
    let odd = DifType { kind: dif::TYPE_CTF, ckind: 0, flags: 0, pad: 0, size: 3 };
    let difo = b.difo(&[ret(0)], &[], "", &[], odd);
    b.ecb(probe, difo, SECIDX_NONE);
    let error = VerifyError { at: 0, flaw: Flaw::ResultType };
    assert_eq!(enable(&b.build()), Some(DofError::Verify { section: difo, error }));
}

#[test]
fn actions_are_known_and_have_what_they_need() {
    for kind in [0, 8, 0x100, 0x106, 0x205, 0x301, 0x404, 0x482, 0x504, 0x604, 0x700, 0x70a, 0x800, 0x1_0001]
    {
        let error = acting(|one| vec![act(kind, one)]);
        assert!(
            matches!(error, Some(DofError::ActionKind { entry: 0, kind: k, .. }) if k == kind),
            "{kind:#x}"
        );
    }
    let lacking = [
        action::DIFEXPR,
        action::EXIT,
        action::PRINTA,
        action::LIBACT,
        action::TRACEMEM,
        action::TRACEMEM_DYNSIZE,
        action::USYM,
        action::UMOD,
        action::UADDR,
        action::SYM,
        action::MOD,
        action::RAISE,
        action::CHILL,
        action::SPECULATE,
        action::COMMIT,
        action::DISCARD,
    ];
    for kind in lacking {
        let error = acting(|one| vec![act(action::DIFEXPR, one), act(kind, SECIDX_NONE)]);
        assert!(matches!(error, Some(DofError::ActionIncomplete { entry: 1, .. })), "{kind:#x}");
        assert_eq!(acting(|one| vec![act(kind, one)]), None, "{kind:#x}");
    }
    for kind in [action::PRINTF, action::SYSTEM, action::FREOPEN] {
        let error = acting(|one| vec![act(kind, one)]);
        assert!(matches!(error, Some(DofError::ActionIncomplete { entry: 0, .. })), "{kind:#x}");
    }
    for kind in [agg::SUM, agg::MIN, agg::MAX, agg::AVG, agg::STDDEV, agg::QUANTIZE] {
        let with =
            |difo| move |one| vec![act(action::DIFEXPR, one), DofActDesc { ntuple: 1, ..act(kind, difo) }];
        let error = acting(with(SECIDX_NONE));
        assert!(matches!(error, Some(DofError::ActionIncomplete { entry: 1, .. })), "{kind:#x}");
    }
}

#[test]
fn the_keys_of_an_aggregation_are_recording_actions_before_it() {
    let count = |ntuple| DofActDesc { ntuple, ..act(agg::COUNT, SECIDX_NONE) };
    assert_eq!(acting(|one| vec![act(action::DIFEXPR, one), count(1)]), None);
    let tuple = |acts: Vec<DofActDesc>| match acting(|_| acts) {
        Some(DofError::Tuple { entry, .. }) => Some(entry),
        _ => None,
    };
    // In these images the constant is the fourth section: probe strings, probe, code, integers, DIFO.
    let one = 4;
    assert_eq!(tuple(vec![count(0)]), Some(0));
    assert_eq!(tuple(vec![count(1)]), Some(0));
    assert_eq!(tuple(vec![act(action::DIFEXPR, one), count(0)]), Some(1));
    assert_eq!(tuple(vec![act(action::DIFEXPR, one), count(2)]), Some(1));
    assert_eq!(tuple(vec![act(action::DIFEXPR, one), count(u32::MAX)]), Some(1));
    assert_eq!(tuple(vec![act(action::DIFEXPR, one), count(1), count(1)]), Some(2));
    assert_eq!(tuple(vec![act(action::EXIT, one), count(1)]), Some(1));
    assert_eq!(tuple(vec![act(action::STOP, SECIDX_NONE), count(1)]), Some(1));
    assert_eq!(tuple(vec![act(action::SPECULATE, one), act(action::DIFEXPR, one), count(1)]), None);
}

#[test]
fn the_argument_of_a_distribution_describes_one() {
    let with = |kind, arg| {
        acting(|one| vec![act(action::DIFEXPR, one), DofActDesc { ntuple: 1, arg, ..act(kind, one) }])
    };
    let linear = |step: u16, levels| agg::LquantizeArg { base: 0, step, levels }.pack();
    assert_eq!(with(agg::LQUANTIZE, linear(1, 1)), None);
    assert!(matches!(with(agg::LQUANTIZE, linear(0, 1)), Some(DofError::ActionArgument { entry: 1, .. })));
    assert!(matches!(with(agg::LQUANTIZE, linear(1, 0)), Some(DofError::ActionArgument { entry: 1, .. })));
    let scale = |factor, low, high, nsteps| agg::LlquantizeArg { factor, low, high, nsteps }.pack();
    assert_eq!(with(agg::LLQUANTIZE, scale(10, 0, 6, 20)), None);
    for arg in [0, scale(1, 0, 6, 20), scale(10, 6, 0, 20), scale(10, 0, 20, 20), scale(10, 0, 6, 30)] {
        assert!(matches!(with(agg::LLQUANTIZE, arg), Some(DofError::ActionArgument { entry: 1, .. })));
    }
}

#[test]
fn options_have_a_value_and_no_string() {
    let section = index_of(SECT_OPTDESC);
    let bad = Some(DofError::Option { section, entry: 0 });
    assert_eq!(changed(SECT_OPTDESC, |p| put(p, 4, 0)), bad);
    let unset = DofOptDesc { option: 1, strtab: SECIDX_NONE, value: -2i64 as u64 };
    assert_eq!(changed(SECT_OPTDESC, |p| p.data = dtrace_abi::Plain::as_bytes(&unset).to_vec()), bad);
}

#[test]
fn relocations_are_inside_their_target() {
    let section = index_in_helper(SECT_RELTAB);
    let bad = Some(DofError::Relocation { section, entry: 0 });
    assert_eq!(helper_changed(SECT_RELTAB, |p| put(p, 4, 2)), bad, "unknown type");
    assert_eq!(helper_changed(SECT_RELTAB, |p| put(p, 4, RELO_NONE)), None);
    assert_eq!(helper_changed(SECT_RELTAB, |p| put(p, 8, 4)), bad, "misaligned");
    assert_eq!(helper_changed(SECT_RELTAB, |p| put(p, 8, 48)), bad, "at the end");
    assert_eq!(helper_changed(SECT_RELTAB, |p| put(p, 12, u32::MAX)), bad, "far away");
    assert!(matches!(
        helper_changed(SECT_RELTAB, |p| put(p, 0, 1000)),
        Some(DofError::StringOffset { offset: 1000, .. })
    ));
}

#[test]
fn a_provider_and_its_probes_are_sound() {
    let section = index_in_helper(SECT_PROVIDER);
    for (field, wanted) in
        [(0, SECT_STRTAB), (4, SECT_PROBES), (8, SECT_PRARGS), (12, SECT_PROFFS), (40, SECT_PRENOFFS)]
    {
        let error = helper_changed(SECT_PROVIDER, |p| put(p, field, section));
        assert_eq!(error, Some(DofError::Link { section, wanted }));
    }
    assert_eq!(helper_changed(SECT_PROVIDER, |p| put(p, 16, 0)), Some(DofError::Name { section }), "no name");

    let section = index_in_helper(SECT_PROBES);
    let bad = Some(DofError::Probe { section, entry: 0 });
    let probe = |field, word| helper_changed(SECT_PROBES, |p| put(p, field, word));
    assert_eq!(probe(8, 0), Some(DofError::Name { section }), "no function");
    assert_eq!(probe(12, 0), Some(DofError::Name { section }), "no name");
    assert_eq!(probe(24, 2), bad, "arguments behind their table");
    assert_eq!(probe(24, u32::MAX), bad);
    assert_eq!(probe(24, 0), bad, "an argument made from the tenth");
    assert_eq!(probe(28, 2), bad, "offsets behind their table");
    assert_eq!(probe(28, u32::MAX), bad);
    assert_eq!(probe(36, 1), bad, "enabled offsets behind their table");
    assert!(matches!(probe(20, 1000), Some(DofError::StringOffset { .. })), "types nowhere");
    let nowhere = helper_changed(SECT_PROBES, |p| {
        put(p, 32, 0x0000_0102);
        p.data[40] = 0;
    });
    assert_eq!(nowhere, bad, "no place at all");
    let wrapping = helper_changed(SECT_PROBES, |p| {
        p.data[..8].copy_from_slice(&(u64::MAX - 0x1000 - 0x1f).to_ne_bytes());
    });
    assert_eq!(wrapping, bad, "an offset that wraps");
}

#[test]
#[cfg_attr(miri, ignore = "many providers")]
fn a_process_has_only_so_many_providers() {
    let mut b = image::helper();
    let provider = b.first(SECT_PROVIDER).clone();
    while b.parts.iter().filter(|part| part.header.kind == SECT_PROVIDER).count()
        < limit::HELPER_PROVIDERS_MAX
    {
        b.parts.push(provider.clone());
    }
    assert_eq!(help(&b.build()), None);
    b.parts.push(provider);
    assert_eq!(help(&b.build()), Some(DofError::TooManyProviders));
}

#[test]
#[cfg_attr(miri, ignore = "many actions")]
fn a_program_has_only_so_many_actions() {
    let mut b = Builder::new();
    let probe = b.probe(["", "", "", "BEGIN"]);
    let acts = vec![act(action::STOP, SECIDX_NONE); limit::ACTIONS_MAX / 4];
    let actions = b.table(SECT_ACTDESC, 8, &acts);
    for _ in 0..4 {
        b.ecb(probe, SECIDX_NONE, actions);
    }
    assert_eq!(enable(&b.build()), None);
    b.ecb(probe, SECIDX_NONE, actions);
    assert_eq!(enable(&b.build()), Some(DofError::TooManyActions));
}

#[test]
#[cfg_attr(miri, ignore = "much is referred to")]
fn referring_to_the_same_thing_again_and_again_does_not_multiply_it() {
    let mut b = Builder::new();
    let probe = b.probe(["", "", "", "BEGIN"]);
    let text = b.table(SECT_DIF, 4, &vec![ret(0); 40_000]);
    let difos: Vec<u32> = (0..100).map(|_| b.difo_of(INT, &[text])).collect();
    let acts: Vec<DofActDesc> = difos.iter().map(|&difo| act(action::DIFEXPR, difo)).collect();
    let actions = b.table(SECT_ACTDESC, 8, &acts);
    b.ecb(probe, SECIDX_NONE, actions);
    assert_eq!(enable(&b.build()), Some(DofError::TooMuch));

    let mut b = Builder::new();
    let probe = b.probe(["", "", "", "BEGIN"]);
    let one = b.constant(1);
    let strtab = b.strings(&("x".repeat(100_000) + "\0"));
    let format = DofActDesc { strtab, ..act(action::PRINTF, one) };
    let actions = b.table(SECT_ACTDESC, 8, &[format; 100]);
    b.ecb(probe, SECIDX_NONE, actions);
    assert_eq!(enable(&b.build()), Some(DofError::TooMuch));
}

#[test]
fn each_error_has_its_number() {
    assert_eq!(Errno::from(DofError::TooBig), Errno::E2BIG);
    assert_eq!(Errno::from(DofError::OutOfMemory), Errno::ENOMEM);
    assert_eq!(Errno::from(DofError::Magic), Errno::EINVAL);
    assert_eq!(Errno::from(DofError::TooMuch), Errno::EINVAL);
}
