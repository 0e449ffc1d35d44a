//! The addresses under which programs see memory that is ours: scratch, variables, string tables, names.
//!
//! Who may look into the kernel is given the addresses that the memory has. To anybody else they would tell where the kernel has put its
//! stacks, heap and modules, and a program can record an address like any number, compare it, or calculate with it. So he is
//! given others: each piece of memory has a place of its own, always the same, in that half of the numbers that no memory has (on
//! x86 they are not canonical). An address is looked up by the place; what is in none is nobody's.
//!
//! Rejected: to refuse such programs when they are loaded. What becomes of an address is a question of data flow through variables and
//! memory, and a number that was guessed does as well.

/// Bits of an offset into a piece. No piece is as large.
const OFFSET: u32 = 40;

/// The place of a piece of this number.
const fn place(number: u64) -> u64 {
    1 << 63 | number << OFFSET
}

/// Scratch memory.
pub(crate) const SCRATCH: u64 = place(1);
/// The string table of the code that runs.
pub(crate) const STRINGS: u64 = place(2);
/// `execname`.
pub(crate) const EXECNAME: u64 = place(3);
/// `zonename`.
pub(crate) const ZONENAME: u64 = place(4);
/// The names of the probe: four.
pub(crate) const NAMES: u64 = place(5);
/// The store of dynamic variables.
pub(crate) const DYNVARS: u64 = place(9);
/// The first area of a variable.
const AREAS: u64 = place(16);

/// The name of this number.
pub(crate) const fn name(number: u64) -> u64 {
    NAMES + (number << OFFSET)
}

/// The area of this number.
pub(crate) const fn area(number: u32) -> u64 {
    AREAS + ((number as u64) << OFFSET)
}

/// The number of the area that an address would be in.
pub(crate) const fn area_at(address: u64) -> Option<u64> {
    match address.checked_sub(AREAS) {
        Some(offset) => Some(offset >> OFFSET),
        None => None,
    }
}
