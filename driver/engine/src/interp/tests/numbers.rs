//! Numbers and internet addresses as text, and byte orders.

use super::strings::call;
use super::*;

#[test]
fn lltostr_writes_signed_decimals() {
    for number in [0, 7, 255, -1, 1_000_000, i64::MAX, i64::MIN] {
        assert_eq!(text(&call("lltostr", &[&number.to_string()])), number.to_string());
    }
}

#[test]
fn lltostr_writes_other_bases_unsigned_and_marked() {
    for (number, base, expected) in [
        (255, 16, "0xff".to_owned()),
        (8, 8, "010".to_owned()),
        (0, 8, "0".to_owned()),
        (-1, 16, "0xffffffffffffffff".to_owned()),
        (-1, 2, "1".repeat(64)),
        (35, 36, "z".to_owned()),
        (-7, 10, "-7".to_owned()),
    ] {
        assert_eq!(text(&call("lltostr", &[&number.to_string(), &base.to_string()])), expected);
    }
}

#[test]
fn strtoll_reads_what_a_string_begins_with() {
    for (string, expected) in [
        ("0", 0),
        ("  -12rest", -12),
        ("+7", 7),
        ("", 0),
        ("-", 0),
        ("x", 0),
        ("9223372036854775807", i64::MAX),
        ("9223372036854775808", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("-99999999999999999999", i64::MIN),
    ] {
        assert_eq!(value(&call("strtoll", &[&format!("\"{string}\"")])) as i64, expected, "{string}");
    }
}

#[test]
fn strtoll_reads_the_base_it_is_told() {
    for (string, base, expected) in [
        ("0x1F", 16, 31),
        ("1f", 16, 31),
        ("0x", 16, 0),
        ("777", 8, 511),
        ("zZ", 36, 35 * 36 + 35),
        ("12", 2, 1),
    ] {
        let args = [&*format!("\"{string}\""), &base.to_string()];
        assert_eq!(value(&call("strtoll", &args)), expected, "{string}");
    }
}

#[test]
fn a_base_that_is_none_is_an_illegal_operation() {
    for base in ["0", "1", "37"] {
        assert_eq!(fault(&call("lltostr", &["1", base])).kind, FaultKind::IllegalOperation);
        assert_eq!(fault(&call("strtoll", &["\"1\"", base])).kind, FaultKind::IllegalOperation);
    }
}

#[test]
fn byte_orders_are_swapped() {
    let swap = |name: &str, number: u64| value(&call(name, &[&number.to_string()]));
    assert_eq!(swap("htons", 0x1234), 0x3412);
    assert_eq!(swap("htonl", 0x1234_5678), 0x7856_3412);
    assert_eq!(swap("htonll", 0x1122_3344_5566_7788), 0x8877_6655_4433_2211);
    assert_eq!((swap("ntohs", 1), swap("ntohl", 1), swap("ntohll", 1)), (1 << 8, 1 << 24, 1 << 56));
    assert_eq!(swap("htons", 0xabcd_1234), 0x3412);
}

fn at_bytes(bytes: &[u8], program: impl Fn(u64) -> String) -> Result<String, Fault> {
    let mut world = World::new();
    let address = world.kernel_bytes(bytes);
    world.text_all(&[&program(address)])
}

#[test]
fn inet_ntoa_writes_four_decimals() {
    let text =
        |bytes: [u8; 4]| at_bytes(&bytes, |address| call("inet_ntoa", &[&address.to_string()])).unwrap();
    assert_eq!(text([127, 0, 0, 1]), "127.0.0.1");
    assert_eq!(text([255, 10, 100, 0]), "255.10.100.0");
}

#[test]
fn inet_ntoa6_writes_what_the_standard_library_does() {
    let text = |groups: [u16; 8]| {
        let bytes: Vec<u8> = groups.iter().flat_map(|group| group.to_be_bytes()).collect();
        at_bytes(&bytes, |address| call("inet_ntoa6", &[&address.to_string()])).unwrap()
    };
    for groups in [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 1],
        [0xfe80, 0, 0, 0, 0x0204, 0x61ff, 0xfe9d, 0xf156],
        [0x2001, 0xdb8, 0, 1, 0, 0, 0, 1],
        [0x2001, 0xdb8, 0, 1, 1, 1, 1, 1],
        [1, 2, 3, 4, 5, 6, 7, 8],
        [1, 0, 0, 4, 0, 0, 0, 0],
        [0, 0, 3, 4, 5, 6, 0, 0],
        [0, 0, 0, 0, 0, 0xffff, 0xc0a8, 0x0102],
        [0xabcd, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(text(groups), std::net::Ipv6Addr::from(groups).to_string());
    }
}

#[test]
fn an_embedded_ipv4_address_is_written_as_one() {
    let bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 1, 2, 3];
    assert_eq!(
        at_bytes(&bytes, |address| call("inet_ntoa6", &[&address.to_string()])),
        Ok("::10.1.2.3".into())
    );
}

#[test]
fn inet_ntop_goes_by_the_family() {
    let ntop = |family: &str, bytes: &[u8]| {
        at_bytes(bytes, |address| call("inet_ntop", &[family, &address.to_string()]))
    };
    assert_eq!(ntop("2", &[10, 0, 0, 1]), Ok("10.0.0.1".into()));
    assert_eq!(ntop("10", &[0; 16]), Ok("::".into()));
    assert_eq!(ntop("1", &[0; 16]).unwrap_err().kind, FaultKind::IllegalOperation);
}
