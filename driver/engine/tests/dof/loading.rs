//! What a sound image becomes.

use dtrace_abi::dof::*;
use dtrace_abi::{DofActDesc, action, agg, name_bytes};
use dtrace_engine::difo::{Limits, Uses};
use dtrace_engine::dof::{DofError, Program, Purpose};

use crate::image::{self, Builder, act};

fn enable(builder: &Builder) -> Result<Program, DofError> {
    Program::load(&builder.build(), Purpose::Enable, &Limits::new(true))
}

#[test]
fn a_program_becomes_its_clauses_difos_and_options() {
    let program = enable(&image::program()).unwrap();
    assert_eq!(program.options, [(6, 512)]);
    assert!(program.providers.is_empty());
    let [ecb] = &program.ecbs[..] else { panic!("one clause") };
    assert_eq!(name_bytes(&ecb.probe.provider), b"syscall");
    assert_eq!(name_bytes(&ecb.probe.module), b"");
    assert_eq!(name_bytes(&ecb.probe.function), b"read");
    assert_eq!(name_bytes(&ecb.probe.name), b"entry");
    assert_eq!((ecb.probe.id, ecb.uarg), (0, 0x77));
    let kinds: Vec<u32> = ecb.actions.iter().map(|action| action.kind.into()).collect();
    assert_eq!(kinds, [action::PRINTF, action::DIFEXPR, action::DIFEXPR, agg::QUANTIZE]);
    assert_eq!(ecb.actions[0].format.as_deref(), Some(&b"%d\n"[..]));
    assert_eq!(ecb.actions[0].uarg, 0x99);
    assert_eq!(ecb.actions[3].ntuple, 2);
}

#[test]
fn a_difo_that_is_used_twice_is_loaded_once() {
    let program = enable(&image::program()).unwrap();
    let ecb = &program.ecbs[0];
    assert!(ecb.predicate.is_some());
    assert_eq!(ecb.predicate, ecb.actions[0].difo);
    assert_eq!(program.difos.len(), 4);
    let predicate = program.difo(ecb.predicate.unwrap()).unwrap();
    assert_eq!(predicate.uses(), Uses::THREAD_LOCALS);
    assert_eq!(predicate.strings(), b"\0x\0");
}

#[test]
fn a_clause_may_do_nothing_at_all() {
    let mut b = Builder::new();
    let probe = b.probe(["dtrace", "", "", "BEGIN"]);
    b.ecb(probe, SECIDX_NONE, SECIDX_NONE);
    let program = enable(&b).unwrap();
    assert!(program.ecbs[0].actions.is_empty() && program.ecbs[0].predicate.is_none());
}

#[test]
fn what_lies_behind_the_loadable_part_is_not_looked_at() {
    let mut image = image::program().build();
    image.extend_from_slice(&[0xff; 100]);
    assert!(Program::load(&image, Purpose::Enable, &Limits::new(true)).is_ok());
}

#[test]
fn section_headers_and_entries_may_have_grown() {
    let mut b = image::program();
    b.header.secsize = 48;
    let options = b.first(SECT_OPTDESC);
    options.header.entsize = 24;
    options.header.size = 24;
    options.data.extend_from_slice(&[0xee; 8]);
    assert_eq!(enable(&b).unwrap().options, [(6, 512)]);
}

#[test]
fn a_program_that_may_destroy_says_so() {
    let mut b = Builder::new();
    let probe = b.probe(["", "", "", "BEGIN"]);
    let actions = b.table(SECT_ACTDESC, 8, &[act(action::PANIC, SECIDX_NONE)]);
    b.ecb(probe, SECIDX_NONE, actions);
    assert!(enable(&b).unwrap().destructive());
    assert!(!enable(&image::program()).unwrap().destructive());
}

#[test]
fn actions_that_need_nothing_get_along_without() {
    let mut b = Builder::new();
    let probe = b.probe(["", "", "", "BEGIN"]);
    let one = b.constant(1);
    let stacks = [action::STACK, action::USTACK, action::JSTACK, action::STOP, action::BREAKPOINT];
    let mut acts = vec![act(action::DIFEXPR, one)];
    acts.extend(stacks.map(|kind| act(kind, SECIDX_NONE)));
    acts.push(act(action::STACK, SECIDX_NONE));
    acts.push(DofActDesc { ntuple: 1, ..act(agg::COUNT, SECIDX_NONE) });
    let actions = b.table(SECT_ACTDESC, 8, &acts);
    b.ecb(probe, SECIDX_NONE, actions);
    assert_eq!(enable(&b).unwrap().ecbs[0].actions.len(), 8);
}

#[test]
fn a_helper_becomes_providers_with_absolute_addresses() {
    let image = image::helper().build();
    let base = 0x7f00_0000_0000;
    let program = Program::load(&image, Purpose::Helper { base }, &Limits::for_helper()).unwrap();
    let [provider] = &program.providers[..] else { panic!("one provider") };
    assert_eq!(provider.name, b"web");
    assert_eq!(
        (provider.attributes.args.name, provider.attributes.args.data, provider.attributes.args.class),
        (5, 5, 1)
    );
    let [probe] = &provider.probes[..] else { panic!("one probe") };
    assert_eq!((&probe.function[..], &probe.name[..]), (&b"main"[..], &b"request"[..]));
    assert_eq!(probe.address, base + 0x1000);
    assert_eq!((&probe.offsets[..], &probe.enabled_offsets[..]), (&[0x10, 0x20][..], &[0x30][..]));
    assert_eq!(probe.native, [b"int".to_vec(), b"char *".to_vec()]);
    assert_eq!(probe.translated, [b"string".to_vec()]);
    assert_eq!(probe.mapping, [1]);
    assert_eq!(program.ecbs.len(), 1);
}

#[test]
fn an_image_of_version_1_has_no_enabled_offsets() {
    let mut b = image::helper();
    b.header.ident[ID_VERSION] = VERSION_1;
    let provider = b.first(SECT_PROVIDER);
    provider.data.truncate(40);
    provider.header.size = 40;
    let program = Program::load(&b.build(), Purpose::Helper { base: 0 }, &Limits::for_helper()).unwrap();
    assert!(program.providers[0].probes[0].enabled_offsets.is_empty());
}

#[test]
fn relocations_of_a_program_to_enable_move_nothing() {
    let mut b = image::program();
    b.first(SECT_KRELHDR).header.kind = SECT_URELHDR;
    assert!(enable(&b).is_ok());
}
