//! The few elements of SVG that the pictures are made of.

use std::fmt::Write;

/// Columns of a letter of the font that the pictures use, in its size of 12.
pub(super) const LETTER: f64 = 7.2;

/// An SVG file in the making.
#[derive(Debug)]
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    /// An empty picture.
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// A rectangle that says what it is.
    pub(super) fn rect(&mut self, [x, y, width, height]: [f64; 4], fill: &str, title: &str) {
        let (x, y, width, height) = (number(x), number(y), number(width), number(height));
        let rect = format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"");
        if title.is_empty() {
            let _ = writeln!(self.body, "{rect}/>");
        } else {
            let _ = writeln!(self.body, "{rect}><title>{}</title></rect>", escape(title));
        }
    }

    /// A text that begins, or by the class ends or has its middle, here. The pointer looks through it.
    pub(super) fn text(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let _ = writeln!(
            self.body,
            "<text x=\"{}\" y=\"{}\"{class}>{}</text>",
            number(x),
            number(y),
            escape(text)
        );
    }

    /// The file.
    pub(super) fn finish(self, title: &str) -> String {
        let (width, height) = (number(self.width), number(self.height));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             <title>{}</title>\n\
             <style>text{{font:12px monospace;fill:#000;pointer-events:none}} .head{{font:bold 16px sans-serif}} \
             .end{{text-anchor:end}} .middle{{text-anchor:middle}} .note{{fill:#666}} \
             rect[fill]:hover{{stroke:#000;stroke-width:1}}</style>\n\
             <rect x=\"0\" y=\"0\" width=\"{width}\" height=\"{height}\" fill=\"#fff\" style=\"pointer-events:none\"/>\n\
             {}</svg>\n",
            escape(title),
            self.body
        )
    }
}

/// A number with at most two digits behind the point.
fn number(value: f64) -> String {
    let shown = format!("{value:.2}");
    shown.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Text in an element: what XML has its own use for is replaced, and so is what no XML file may have in it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\0'..' ' | '\x7f'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A text cut to so many columns; none if not even two letters and the dots fit.
pub(super) fn cut(text: &str, width: f64) -> Option<String> {
    let room = (width / LETTER) as usize;
    let length = text.chars().count();
    if length <= room {
        return Some(text.to_string());
    }
    (room >= 4).then(|| text.chars().take(room - 2).chain(['.', '.']).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_has_its_own_use_for_is_replaced() {
        assert_eq!(escape("a<b>&\"c\"\u{1}é"), "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}é");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([number(1.0), number(0.125), number(10.5), number(100.0)], ["1", "0.12", "10.5", "100"]);
    }

    #[test]
    fn a_text_that_is_too_long_ends_in_dots() {
        assert_eq!(cut("vfs_read", 8.0 * LETTER).as_deref(), Some("vfs_read"));
        assert_eq!(cut("vfs_read", 6.0 * LETTER).as_deref(), Some("vfs_.."));
        assert_eq!(cut("vfs_read", 3.0 * LETTER), None);
    }
}
