//! A format string, read.
//!
//! The grammar of a conversion is `%` flags width `.` precision modifier letter. The flags are C's and `@`, which makes
//! the conversion take an aggregation's value. A width or precision of `*` takes an argument of its own. Reading knows
//! which letters there are; which argument types a letter takes is the checker's business, and how a value looks is
//! the consumer's.

use std::fmt;

/// The letters that name a conversion (contract 6.5), `%%` apart.
pub const LETTERS: &[u8] = b"aAcCdeEfgGiIkopPsSTuxXY";

/// A format string, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// Text and conversions in order. Two literals never stand side by side.
    pub parts: Vec<Part>,
}

/// A piece of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text to be printed as it is; `%%` is text already.
    Literal(Box<[u8]>),
    /// A conversion.
    Conversion(Conversion),
}

/// A conversion of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// Its flags.
    pub flags: Flags,
    /// The least number of columns.
    pub width: Option<Amount>,
    /// The precision.
    pub precision: Option<Amount>,
    /// The size modifier.
    pub modifier: Modifier,
    /// The letter.
    pub letter: u8,
}

/// The flags of a conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `-`: to the left.
    pub left: bool,
    /// `+`: always a sign.
    pub plus: bool,
    /// A space where a sign would be.
    pub space: bool,
    /// `#`: the alternate form.
    pub alternate: bool,
    /// `0`: padded with zeros.
    pub zero: bool,
    /// `'`: digits grouped; the C locale has no groups.
    pub group: bool,
    /// `@`: of an aggregation's value.
    pub aggregation: bool,
}

/// A width or a precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Written in the format.
    Fixed(u32),
    /// `*`: an argument.
    Argument,
}

/// A size modifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Modifier {
    /// None.
    #[default]
    None,
    /// `h`
    Short,
    /// `l`
    Long,
    /// `ll`
    LongLong,
    /// `L`
    LongDouble,
    /// `w`: wide characters.
    Wide,
}

impl Modifier {
    /// As it is written.
    pub fn spelling(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Short => "h",
            Self::Long => "l",
            Self::LongLong => "ll",
            Self::LongDouble => "L",
            Self::Wide => "w",
        }
    }
}

impl Modifier {
    /// Whether there is such a conversion.
    fn applies_to(self, letter: u8) -> bool {
        match self {
            Self::None => true,
            Self::Short | Self::LongLong => b"diouxX".contains(&letter),
            Self::Long => b"diouxXcs".contains(&letter),
            Self::LongDouble => b"eEfgG".contains(&letter),
            Self::Wide => b"cs".contains(&letter),
        }
    }
}

impl Conversion {
    /// The conversion's name, as messages show it: modifier and letter.
    pub fn name(&self) -> String {
        format!("{}{}", self.modifier.spelling(), char::from(self.letter))
    }

    /// How many arguments it takes: its value, and what `*` asks for. An aggregation's value is no argument.
    pub fn arguments(&self) -> usize {
        self.dynamic() + usize::from(!self.flags.aggregation)
    }

    /// How many arguments `*` asks for.
    pub fn dynamic(&self) -> usize {
        usize::from(self.width == Some(Amount::Argument))
            + usize::from(self.precision == Some(Amount::Argument))
    }
}

/// Why a format cannot be read. The conversions are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// The string ends within a conversion.
    Unfinished(usize),
    /// There is no such conversion.
    Undefined(usize, String),
    /// A width or precision is greater than any line.
    TooWide(usize),
    /// An argument is asked for by its number.
    Positional(usize),
    /// There are two precisions.
    ManyPoints(usize),
    /// There are two stars for the width or the precision.
    ManyStars(usize, &'static str),
    /// `%%` with flags, a width or a precision.
    FlaggedPercent(usize),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished(n) => {
                write!(f, "format conversion #{n} name expected before end of format string")
            }
            Self::Undefined(n, name) => write!(f, "format conversion #{n} is undefined: %{name}"),
            Self::TooWide(n) => {
                write!(f, "format conversion #{n} has a width or precision that is too large")
            }
            Self::Positional(n) => {
                write!(f, "format conversion #{n} uses unsupported positional format (%n$)")
            }
            Self::ManyPoints(n) => write!(f, "format conversion #{n} has more than one '.' specified"),
            Self::ManyStars(n, what) => {
                write!(f, "format conversion #{n} has more than one '*' specified for the output {what}")
            }
            Self::FlaggedPercent(n) => {
                write!(f, "format conversion #{n} cannot be combined with other format flags: %%")
            }
        }
    }
}

impl std::error::Error for FormatError {}

impl Format {
    /// Reads a format, its escapes already resolved.
    pub fn parse(text: &[u8]) -> Result<Self, FormatError> {
        Reader { text, at: 0, conversions: 0 }.format()
    }

    /// The conversions in order.
    pub fn conversions(&self) -> impl Iterator<Item = &Conversion> {
        self.parts.iter().filter_map(|part| match part {
            Part::Conversion(conversion) => Some(conversion),
            Part::Literal(_) => None,
        })
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    conversions: usize,
}

impl Reader<'_> {
    fn format(mut self) -> Result<Format, FormatError> {
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        while let Some(byte) = self.next() {
            if byte != b'%' {
                literal.push(byte);
            } else if self.peek() == Some(b'%') {
                self.at += 1;
                literal.push(b'%');
            } else {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal).into()));
                }
                self.conversions += 1;
                parts.push(Part::Conversion(self.conversion()?));
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        Ok(Format { parts })
    }

    fn conversion(&mut self) -> Result<Conversion, FormatError> {
        let mut flags = self.flags();
        let (width, precision) = self.amounts(&mut flags)?;
        let start = self.at;
        let modifier = self.modifier();
        let undefined = self.text[start..].starts_with(b"hh");
        if undefined {
            self.at = start + 2;
        }
        let letter = self.next().ok_or(FormatError::Unfinished(self.conversions))?;
        if letter == b'%' && !undefined && modifier == Modifier::None {
            return Err(FormatError::FlaggedPercent(self.conversions));
        }
        if undefined || !LETTERS.contains(&letter) || !modifier.applies_to(letter) {
            let name = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
            return Err(FormatError::Undefined(self.conversions, name));
        }
        Ok(Conversion { flags, width, precision, modifier, letter })
    }

    /// Width and precision. Of a number and a star for the same, the later one counts. `?` is the width of an address, and
    /// `@` may stand here too.
    fn amounts(&mut self, flags: &mut Flags) -> Result<(Option<Amount>, Option<Amount>), FormatError> {
        let mut amounts = [None, None];
        let mut which = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b'0'..=b'9' => amounts[which] = Some(Amount::Fixed(self.number()?)),
                b'$' if matches!(amounts[which], Some(Amount::Fixed(_))) => {
                    return Err(FormatError::Positional(self.conversions));
                }
                b'@' => {
                    flags.aggregation = true;
                    self.at += 1;
                }
                b'?' => {
                    amounts[which] = Some(Amount::Fixed(16));
                    self.at += 1;
                }
                b'*' if amounts[which] == Some(Amount::Argument) => {
                    return Err(FormatError::ManyStars(self.conversions, ["width", "precision"][which]));
                }
                b'*' => {
                    amounts[which] = Some(Amount::Argument);
                    self.at += 1;
                }
                b'.' if which == 1 => return Err(FormatError::ManyPoints(self.conversions)),
                b'.' => {
                    which = 1;
                    amounts[which] = Some(Amount::Fixed(0));
                    self.at += 1;
                }
                _ => break,
            }
        }
        let [width, precision] = amounts;
        Ok((width, precision))
    }

    fn number(&mut self) -> Result<u32, FormatError> {
        let mut value: u32 = 0;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            let next = value.checked_mul(10).and_then(|v| v.checked_add(u32::from(digit - b'0')));
            value = next.filter(|&v| v <= 65535).ok_or(FormatError::TooWide(self.conversions))?;
            self.at += 1;
        }
        Ok(value)
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            let flag = match byte {
                b'-' => &mut flags.left,
                b'+' => &mut flags.plus,
                b' ' => &mut flags.space,
                b'#' => &mut flags.alternate,
                b'0' => &mut flags.zero,
                b'\'' => &mut flags.group,
                b'@' => &mut flags.aggregation,
                _ => break,
            };
            *flag = true;
            self.at += 1;
        }
        flags
    }

    fn modifier(&mut self) -> Modifier {
        let (modifier, len) = match &self.text[self.at..] {
            [b'l', b'l', ..] => (Modifier::LongLong, 2),
            [b'l', ..] => (Modifier::Long, 1),
            [b'h', ..] => (Modifier::Short, 1),
            [b'L', ..] => (Modifier::LongDouble, 1),
            [b'w', ..] => (Modifier::Wide, 1),
            _ => (Modifier::None, 0),
        };
        self.at += len;
        modifier
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Conversion {
        *Format::parse(text.as_bytes()).unwrap().conversions().next().unwrap()
    }

    #[test]
    fn text_stays_and_a_doubled_percent_is_text() {
        let format = Format::parse(b"100%% of %s\n").unwrap();
        assert_eq!(format.parts[0], Part::Literal((*b"100% of ").into()));
        assert_eq!(format.parts[2], Part::Literal((*b"\n").into()));
        assert_eq!(format.conversions().count(), 1);
    }

    #[test]
    fn a_conversion_has_flags_width_precision_modifier_and_letter() {
        let c = only("%-+08.3lld");
        assert!(c.flags.left && c.flags.plus && c.flags.zero && !c.flags.space);
        assert_eq!((c.width, c.precision), (Some(Amount::Fixed(8)), Some(Amount::Fixed(3))));
        assert_eq!((c.modifier, c.letter, c.name().as_str()), (Modifier::LongLong, b'd', "lld"));
    }

    #[test]
    fn stars_take_arguments_and_aggregations_do_not() {
        assert_eq!((only("%*.*d").arguments(), only("%*.*d").dynamic()), (3, 2));
        assert_eq!(only("%@10d").arguments(), 0);
        assert!(only("%@-10d").flags.left && only("%-@10d").flags.aggregation);
        assert!(only("%8@d").flags.aggregation);
        assert_eq!(only("%?p").width, Some(Amount::Fixed(16)));
        assert_eq!(only("%.d").precision, Some(Amount::Fixed(0)));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_number() {
        let error = |text: &str| Format::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("%d %q"), "format conversion #2 is undefined: %q");
        assert_eq!(error("%hhd"), "format conversion #1 is undefined: %hhd");
        assert_eq!(error("%5"), "format conversion #1 name expected before end of format string");
        assert_eq!(error("%1$d"), "format conversion #1 uses unsupported positional format (%n$)");
        assert_eq!(error("%5.5.5d"), "format conversion #1 has more than one '.' specified");
        assert_eq!(
            error("%**d"),
            "format conversion #1 has more than one '*' specified for the output width"
        );
        assert_eq!(error("%-%"), "format conversion #1 cannot be combined with other format flags: %%");
        assert_eq!(error("%hs"), "format conversion #1 is undefined: %hs");
        assert_eq!(error("%LX"), "format conversion #1 is undefined: %LX");
        assert!(Format::parse(b"%99999999999d").is_err());
    }
}
