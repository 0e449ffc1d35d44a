//! The subroutines that `call` knows (contract 2.4).

/// `rand()`
pub const SUBR_RAND: u32 = 0;
/// `mutex_owned()`
pub const SUBR_MUTEX_OWNED: u32 = 1;
/// `mutex_owner()`
pub const SUBR_MUTEX_OWNER: u32 = 2;
/// `mutex_type_adaptive()`
pub const SUBR_MUTEX_TYPE_ADAPTIVE: u32 = 3;
/// `mutex_type_spin()`
pub const SUBR_MUTEX_TYPE_SPIN: u32 = 4;
/// `rw_read_held()`
pub const SUBR_RW_READ_HELD: u32 = 5;
/// `rw_write_held()`
pub const SUBR_RW_WRITE_HELD: u32 = 6;
/// `rw_iswriter()`
pub const SUBR_RW_ISWRITER: u32 = 7;
/// `copyin()`
pub const SUBR_COPYIN: u32 = 8;
/// `copyinstr()`
pub const SUBR_COPYINSTR: u32 = 9;
/// `speculation()`
pub const SUBR_SPECULATION: u32 = 10;
/// `progenyof()`
pub const SUBR_PROGENYOF: u32 = 11;
/// `strlen()`
pub const SUBR_STRLEN: u32 = 12;
/// `copyout()`
pub const SUBR_COPYOUT: u32 = 13;
/// `copyoutstr()`
pub const SUBR_COPYOUTSTR: u32 = 14;
/// `alloca()`
pub const SUBR_ALLOCA: u32 = 15;
/// `bcopy()`
pub const SUBR_BCOPY: u32 = 16;
/// `copyinto()`
pub const SUBR_COPYINTO: u32 = 17;
/// `msgdsize()`
pub const SUBR_MSGDSIZE: u32 = 18;
/// `msgsize()`
pub const SUBR_MSGSIZE: u32 = 19;
/// `getmajor()`
pub const SUBR_GETMAJOR: u32 = 20;
/// `getminor()`
pub const SUBR_GETMINOR: u32 = 21;
/// `ddi_pathname()`
pub const SUBR_DDI_PATHNAME: u32 = 22;
/// `strjoin()`
pub const SUBR_STRJOIN: u32 = 23;
/// `lltostr()`
pub const SUBR_LLTOSTR: u32 = 24;
/// `basename()`
pub const SUBR_BASENAME: u32 = 25;
/// `dirname()`
pub const SUBR_DIRNAME: u32 = 26;
/// `cleanpath()`
pub const SUBR_CLEANPATH: u32 = 27;
/// `strchr()`
pub const SUBR_STRCHR: u32 = 28;
/// `strrchr()`
pub const SUBR_STRRCHR: u32 = 29;
/// `strstr()`
pub const SUBR_STRSTR: u32 = 30;
/// `strtok()`
pub const SUBR_STRTOK: u32 = 31;
/// `substr()`
pub const SUBR_SUBSTR: u32 = 32;
/// `index()`
pub const SUBR_INDEX: u32 = 33;
/// `rindex()`
pub const SUBR_RINDEX: u32 = 34;
/// `htons()`
pub const SUBR_HTONS: u32 = 35;
/// `htonl()`
pub const SUBR_HTONL: u32 = 36;
/// `htonll()`
pub const SUBR_HTONLL: u32 = 37;
/// `ntohs()`
pub const SUBR_NTOHS: u32 = 38;
/// `ntohl()`
pub const SUBR_NTOHL: u32 = 39;
/// `ntohll()`
pub const SUBR_NTOHLL: u32 = 40;
/// `inet_ntop()`
pub const SUBR_INET_NTOP: u32 = 41;
/// `inet_ntoa()`
pub const SUBR_INET_NTOA: u32 = 42;
/// `inet_ntoa6()`
pub const SUBR_INET_NTOA6: u32 = 43;
/// `toupper()`
pub const SUBR_TOUPPER: u32 = 44;
/// `tolower()`
pub const SUBR_TOLOWER: u32 = 45;
/// `d_path()` (the Linux port's own)
pub const SUBR_D_PATH: u32 = 46;
/// The greatest of those that the original has.
pub const SUBR_MAX: u32 = SUBR_D_PATH;
/// `json()`: beyond the original, under the number that illumos gives it.
pub const SUBR_JSON: u32 = 47;
/// `strtoll()`: beyond the original, under the number that illumos gives it.
pub const SUBR_STRTOLL: u32 = 48;
