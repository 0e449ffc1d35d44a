//! A hundred thousand images that are truncated, bent or mere noise: each is loaded or refused, and all memory comes
//! back.

use dtrace_abi::dof::{ID_PAD, SECT_MAX};
use dtrace_abi::{DofHdr, DofSec};
use dtrace_engine::difo::Limits;
use dtrace_engine::dof::{Program, Purpose};

use crate::allocator;
use crate::image;
use crate::random::Random;

/// So many rounds, a few under Miri.
const fn rounds(natively: usize) -> usize {
    if cfg!(miri) { natively / 2_000 } else { natively }
}

/// How often one of each kind came up.
#[derive(Default)]
struct Tally {
    loaded: u32,
    refused: u32,
}

/// Loads an image both ways and with both rights.
fn load(image: &[u8], tally: &mut Tally) {
    let ways = [
        (Purpose::Enable, Limits::new(true)),
        (Purpose::Enable, Limits::new(false)),
        (Purpose::Helper { base: 0x1234_5678_9abc_def0 }, Limits::for_helper()),
    ];
    for (purpose, limits) in ways {
        match Program::load(image, purpose, &limits) {
            Ok(program) => {
                tally.loaded += 1;
                drop(program);
            }
            Err(error) => {
                tally.refused += 1;
                assert_ne!(dtrace_engine::errno::Errno::from(error).code(), 0);
            }
        }
    }
}

fn samples() -> [Vec<u8>; 2] {
    [image::program().build(), image::helper().build()]
}

/// Runs `f`, and asserts that this thread holds as much memory afterwards as before.
fn balanced(f: impl FnOnce()) {
    let before = allocator::live();
    f();
    assert_eq!(allocator::live(), before, "allocations without a free");
}

#[test]
fn truncated_images_are_refused() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut short = Tally::default();
    let mut tally = Tally::default();
    balanced(|| {
        for sample in samples() {
            for len in (0..sample.len()).step_by(if cfg!(miri) { 97 } else { 1 }) {
                load(&sample[..len], &mut short);
            }
            // With a header that admits it, what is cut off may be something that nothing refers to.
            for _ in 0..rounds(10_000) {
                let mut image = sample[..64 + random.below(sample.len() - 64)].to_vec();
                let len = image.len() as u64;
                image[40..48].copy_from_slice(&len.to_ne_bytes());
                load(&image, &mut tally);
            }
        }
    });
    assert_eq!(short.loaded, 0);
    assert!(tally.refused as usize > rounds(50_000));
}

#[test]
fn bent_images_are_loaded_or_refused() {
    let mut random = Random(0x0123_4567_89ab_cdef);
    let mut tally = Tally::default();
    balanced(|| {
        for sample in samples() {
            for _ in 0..rounds(15_000) {
                let mut image = sample.clone();
                for _ in 0..1 + random.below(4) {
                    let at = random.below(image.len());
                    image[at] ^= 1 << random.below(8);
                }
                load(&image, &mut tally);
            }
            // Whole words that are likely to be offsets, sizes, indices.
            for _ in 0..rounds(15_000) {
                let mut image = sample.clone();
                for _ in 0..1 + random.below(3) {
                    let at = random.below(image.len() / 4) * 4;
                    let word = match random.below(4) {
                        0 => random.next() as u32,
                        1 => random.below(64) as u32,
                        2 => (image.len() as u32).wrapping_sub(random.below(64) as u32),
                        _ => u32::MAX - random.below(16) as u32,
                    };
                    image[at..at + 4].copy_from_slice(&word.to_ne_bytes());
                }
                load(&image, &mut tally);
            }
        }
    });
    assert!(
        tally.loaded as usize > rounds(1_000) && tally.refused as usize > rounds(10_000),
        "the test bends too much or too little"
    );
}

/// What the fuzzer begins with: the images of our own compiler, beside those of the builder.
fn corpus() -> Vec<Vec<u8>> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/dof");
    let files = std::fs::read_dir(directory).expect("the fuzzer's corpus");
    let read = |file: std::io::Result<std::fs::DirEntry>| std::fs::read(file.unwrap().path()).unwrap();
    samples().into_iter().chain(files.map(read)).filter(|image| image.len() > size_of::<DofHdr>()).collect()
}

/// Ten million images, or as many as `IMAGES` says: one to four words, bits or sections of a sound image are bent.
#[test]
#[ignore = "takes minutes: make exact"]
fn ten_million_bent_images_are_loaded_or_refused() {
    let images: u64 = std::env::var("IMAGES").map_or(10_000_000, |number| number.parse().unwrap());
    let corpus = corpus();
    let mut random = Random(0x5eed_0f7e_4d0f_1234);
    let mut tally = Tally::default();
    let begin = std::time::Instant::now();
    balanced(|| {
        let mut image = Vec::new();
        for _ in 0..images {
            image.clone_from(&corpus[random.below(corpus.len())]);
            for _ in 0..1 + random.below(4) {
                bend(&mut image, &mut random);
            }
            load(&image, &mut tally);
        }
    });
    let Tally { loaded, refused } = tally;
    println!(
        "{images} images, each in three ways: {loaded} loaded, {refused} refused, {:.0?}",
        begin.elapsed()
    );
    assert!(u64::from(loaded) > images / 100 && u64::from(refused) > images / 100);
}

/// Bends one thing of an image: a bit, a word, or a word of a section's header.
fn bend(image: &mut [u8], random: &mut Random) {
    let len = image.len();
    let sections = u32::from_ne_bytes(image[28..32].try_into().unwrap()) as usize;
    let at = match random.below(4) {
        0 => {
            image[random.below(len)] ^= 1 << random.below(8);
            return;
        }
        1 => {
            let header = size_of::<DofHdr>() + random.below(sections.clamp(1, 64)) * size_of::<DofSec>();
            header + random.below(size_of::<DofSec>() / 4) * 4
        }
        _ => random.below(len / 4) * 4,
    };
    let word = match random.below(5) {
        0 => random.next() as u32,
        1 => (len as u32).wrapping_sub(random.below(64) as u32),
        2 => u32::MAX - random.below(16) as u32,
        3 => 1 << random.below(32),
        _ => random.below(64) as u32,
    };
    if let Some(place) = image.get_mut(at..at + 4) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
}

#[test]
fn noise_is_refused_or_loaded() {
    let mut random = Random(0xfeed_beef_dead_f00d);
    let mut tally = Tally::default();
    balanced(|| {
        let mut header = image::Builder::new().header;
        for round in 0..rounds(20_000) {
            let sections = 1 + random.below(12);
            let size = size_of::<DofHdr>() + sections * size_of::<DofSec>() + random.below(1024);
            let mut image: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
            if round % 4 != 0 {
                // A sound header, and section headers that are half sound, so that noise gets further in.
                header.secnum = sections as u32;
                header.secoff = size_of::<DofHdr>() as u64;
                header.loadsz = size as u64;
                header.ident[ID_PAD..].fill(0);
                image[..size_of::<DofHdr>()].copy_from_slice(dtrace_abi::Plain::as_bytes(&header));
                for index in 0..sections {
                    let offset = (random.below(size) & !7) as u64;
                    let section = DofSec {
                        kind: random.below(SECT_MAX as usize + 1) as u32,
                        align: 8,
                        flags: 1,
                        entsize: [0, 1, 4, 8, 16, 20, 24, 32, 48][random.below(9)],
                        offset,
                        size: (random.below(size - offset as usize + 1) / 96 * 96) as u64,
                    };
                    let at = size_of::<DofHdr>() + index * size_of::<DofSec>();
                    image[at..at + size_of::<DofSec>()]
                        .copy_from_slice(dtrace_abi::Plain::as_bytes(&section));
                }
            }
            load(&image, &mut tally);
        }
    });
    assert!(tally.refused as usize > rounds(50_000));
}

#[test]
fn running_out_of_memory_anywhere_is_an_error() {
    for (sample, purpose, limits) in [
        (&samples()[0], Purpose::Enable, Limits::new(true)),
        (&samples()[1], Purpose::Helper { base: 0 }, Limits::for_helper()),
    ] {
        let mut failures = 0;
        loop {
            let mut error = None;
            balanced(|| {
                allocator::fail(failures + 1);
                let result = Program::load(sample, purpose, &limits);
                allocator::fail(0);
                error = result.err();
            });
            match error {
                Some(error) => {
                    assert_eq!(error, dtrace_engine::dof::DofError::OutOfMemory);
                    failures += 1;
                }
                None => break,
            }
        }
        assert!(failures > 10, "only {failures} allocations");
    }
}
