//! What the tags of another compiler mean in the words of ours.
//!
//! Oracle's compiler grew from the same root and has since renamed some errors, and joined others: where ours (and the
//! original) has a tag of its own for the prototype of each action, it has one for all. A test of such a tag has passed when
//! ours reports what it means. The rest is one to one, in both suites.

use crate::test::Dialect;

/// Tag there, tags here, and what both mean.
const SAME: &[(&str, &[&str], &str)] = &[
    (
        "D_PROTO_LEN",
        &[
            "D_CLEAR_PROTO",
            "D_NORMALIZE_PROTO",
            "D_TRUNC_PROTO",
            "D_STACK_PROTO",
            "D_USTACK_PROTO",
            "D_TRACEMEM_ARGS",
        ],
        "an action has too few arguments, or too many",
    ),
    (
        "D_PROTO_ARG",
        &[
            "D_NORMALIZE_SCALAR",
            "D_TRUNC_SCALAR",
            "D_STACK_SIZE",
            "D_USTACK_FRAMES",
            "D_USTACK_STRSIZE",
            "D_PRINTF_ARG_FMT",
        ],
        "an argument of an action has the wrong type",
    ),
    ("D_TRACE_DYN", &["D_TRACE_AGG"], "trace( ) of an aggregation"),
    ("D_LLQUANT_LMAGTYPE", &["D_LLQUANT_LOWTYPE"], "the low magnitude is no integer constant"),
    ("D_LLQUANT_LMAGVAL", &["D_LLQUANT_LOWVAL"], "the low magnitude is out of range"),
    ("D_LLQUANT_HMAGTYPE", &["D_LLQUANT_HIGHTYPE"], "the high magnitude is no integer constant"),
    (
        "D_LLQUANT_HMAGVAL",
        &["D_LLQUANT_HIGHVAL", "D_LLQUANT_MAGRANGE", "D_LLQUANT_MAGTOOBIG"],
        "the high magnitude is out of range, below the low one, or overflows",
    ),
    ("D_LLQUANT_FACTORVAL", &["D_LLQUANT_FACTORSMALL"], "the factor is out of range"),
    (
        "D_LLQUANT_STEPTYPE",
        &["D_LLQUANT_NSTEPTYPE", "D_LLQUANT_NSTEPVAL", "D_LLQUANT_FACTORNSTEPS"],
        "the steps are no positive integer constant",
    ),
    (
        "D_LLQUANT_STEPVAL",
        &["D_LLQUANT_NSTEPVAL", "D_LLQUANT_FACTOREVEN", "D_LLQUANT_FACTORNSTEPS"],
        "the steps do not go with the factor, or are out of range",
    ),
    (
        "D_LLQUANT_MATCHFACTOR",
        &["D_LLQUANT_FACTORMATCH"],
        "the factor is not that of the same aggregation elsewhere",
    ),
    (
        "D_LLQUANT_MATCHLMAG",
        &["D_LLQUANT_LOWMATCH"],
        "the low magnitude is not that of the same aggregation elsewhere",
    ),
    (
        "D_LLQUANT_MATCHHMAG",
        &["D_LLQUANT_HIGHMATCH"],
        "the high magnitude is not that of the same aggregation elsewhere",
    ),
    (
        "D_LLQUANT_MATCHSTEPS",
        &["D_LLQUANT_NSTEPMATCH"],
        "the steps are not those of the same aggregation elsewhere",
    ),
];

/// Tags for what this language does not have, and why a test of them says nothing about ours.
const FOREIGN: &[(&str, &str)] = &[
    ("D_ALLOCA_INCOMPAT", "pointers into scratch memory are no type of their own here"),
    ("D_ALLOCA_SIZE", "scratch memory has no size that a program sets here"),
    (
        "D_ARR_BOUNDS",
        "an index is C's here: an array at the end of a structure may be longer than it is declared",
    ),
];

/// Whether a tag that ours reported says what a test expects.
pub(crate) fn means(dialect: Dialect, expected: &str, found: &str) -> bool {
    expected == found
        || dialect == Dialect::Oracle
            && SAME.iter().any(|(there, here, _)| *there == expected && here.contains(&found))
}

/// Why a tag does not exist here, if it does not.
pub(crate) fn foreign(tag: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(there, _)| *there == tag).map(|(_, why)| *why)
}
