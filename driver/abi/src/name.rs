//! Names as the ABI carries them: byte arrays of a fixed length, ended by a NUL (contract 2.2).

/// One byte of a name. `char` in the C headers.
pub type Char = u8;

/// The name in `field`: the bytes before its first NUL, or all of them when a hostile caller left the NUL out.
#[must_use]
pub fn name_bytes(field: &[Char]) -> &[u8] {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    &field[..end]
}

/// Puts `name` into `field`, cut so that a NUL always follows, and clears the rest. Says whether all of it fitted.
pub fn set_name(field: &mut [Char], name: &[u8]) -> bool {
    let len = name.len().min(field.len().saturating_sub(1));
    field[..len].copy_from_slice(&name[..len]);
    field[len..].fill(0);
    len == name.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_its_nul_or_at_the_end_of_its_field() {
        assert_eq!(name_bytes(b"BEGIN\0junk"), b"BEGIN");
        assert_eq!(name_bytes(b"BEGIN"), b"BEGIN");
        assert_eq!(name_bytes(b"\0BEGIN"), b"");
        assert_eq!(name_bytes(b""), b"");
    }

    #[test]
    fn a_name_that_is_set_is_always_terminated() {
        let mut field = *b"xxxxxx";
        assert!(set_name(&mut field, b"END"));
        assert_eq!(&field, b"END\0\0\0");
        assert!(!set_name(&mut field, b"ERRORS"));
        assert_eq!(&field, b"ERROR\0");
        assert!(set_name(&mut field, b""));
        assert_eq!(&field, b"\0\0\0\0\0\0");
    }
}
