//! Heat maps: distributions over time.
//!
//! A column is what was counted between two looks at the aggregations, a row is a bucket, and the more was counted the darker
//! is the field where they meet. Each key of each aggregation is a panel; of very many those that count most are shown.

use std::cmp::Reverse;

use dtrace_abi::action;

use super::key_text;
use super::svg::{LETTER, Svg};
use crate::consume::Context;
use crate::consume::distribution::{Buckets, words};
use crate::consume::history::{History, Series};

/// A distribution over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panel {
    /// The name of the aggregation and the key.
    pub title: String,
    /// The buckets, from the lowest on.
    pub labels: Vec<String>,
    /// The columns in order.
    pub columns: Vec<Column>,
}

/// What was counted in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// When it ended, in milliseconds from the beginning of tracing. It began when the one before ended.
    pub end: u64,
    /// The counts of the buckets.
    pub counts: Vec<i64>,
}

const WIDTH: f64 = 960.0;
const ROW: f64 = 18.0;
const MARGIN: f64 = 16.0;
const HEADER: f64 = 56.0;
/// Above and below the rows of a panel.
const PANEL: f64 = 72.0;
/// The most panels.
const PANELS: usize = 16;
/// More columns than these are joined.
const COLUMNS: usize = 240;

/// The panels of what has been kept.
pub fn panels(history: &History, context: &Context<'_>) -> Vec<Panel> {
    let total = |series: &Series| {
        series.looks.iter().flat_map(|(_, c)| c).fold(0i64, |sum, &n| sum.saturating_add(n))
    };
    let mut most: Vec<(usize, i64, &Series)> = history
        .series()
        .enumerate()
        .map(|(number, series)| (number, total(series), series))
        .filter(|(_, total, _)| *total > 0)
        .collect();
    most.sort_by_key(|(_, total, _)| Reverse(*total));
    most.truncate(PANELS);
    most.sort_by_key(|(number, ..)| *number);
    most.into_iter().map(|(.., series)| panel(series, history, context)).collect()
}

fn panel(series: &Series, history: &History, context: &Context<'_>) -> Panel {
    let entry = &series.entry;
    let known = context.statements.aggregation(entry.description.variable);
    let mut title = match known.map_or("_", |known| &*known.name) {
        "_" => "@".to_string(),
        name => format!("@{name}"),
    };
    for key in &entry.description.keys {
        let kind = u32::from(key.record.action);
        if !matches!(kind, action::STACK | action::USTACK | action::JSTACK) {
            title.push(' ');
            title.push_str(&key_text(key, entry.key(key), context));
        }
    }
    let words = words(entry.value());
    let labels: Vec<String> = Buckets::new(entry.description.kind(), &words)
        .map(|buckets| (0..buckets.counts.len()).map(|bucket| buckets.label(bucket)).collect())
        .unwrap_or_default();
    let mut looks = series.looks.iter().peekable();
    let column = |(number, time): (usize, &std::time::Duration)| Column {
        end: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        counts: looks
            .next_if(|(look, _)| *look == number)
            .map_or_else(|| vec![0; labels.len()], |(_, counts)| counts.clone()),
    };
    let columns = history.times().iter().enumerate().map(column).collect();
    Panel { title, labels, columns }
}

impl Panel {
    /// The first bucket that counts and the last.
    fn rows(&self) -> Option<(usize, usize)> {
        let counts =
            |bucket: &usize| self.columns.iter().any(|c| c.counts.get(*bucket).is_some_and(|&n| n > 0));
        Some(((0..self.labels.len()).find(counts)?, (0..self.labels.len()).rev().find(counts)?))
    }

    /// The columns, joined where they are too many or too narrow to be seen.
    fn joined(&self) -> Vec<Column> {
        let end = self.columns.last().map_or(0, |c| c.end);
        let least = end / COLUMNS as u64;
        let (mut joined, mut begun) = (Vec::<Column>::new(), 0);
        for column in &self.columns {
            match joined.last_mut() {
                Some(last) if last.end - begun < least => {
                    last.counts
                        .iter_mut()
                        .zip(&column.counts)
                        .for_each(|(sum, n)| *sum = sum.saturating_add(*n));
                    last.end = column.end;
                }
                last => {
                    begun = last.map_or(0, |last| last.end);
                    joined.push(column.clone());
                }
            }
        }
        joined
    }
}

/// Draws panels one below the other.
pub fn draw(panels: &[Panel]) -> String {
    let drawn: Vec<(&Panel, (usize, usize))> = panels.iter().filter_map(|p| Some((p, p.rows()?))).collect();
    let letters =
        drawn.iter().flat_map(|(panel, rows)| &panel.labels[rows.0..=rows.1]).map(|l| l.chars().count());
    let left = MARGIN + letters.max().unwrap_or(0) as f64 * LETTER + 8.0;
    let heights = drawn.iter().map(|(_, (first, last))| PANEL + (last - first + 1) as f64 * ROW);
    let (width, height) = (left + WIDTH + 2.0 * MARGIN, HEADER + heights.sum::<f64>() + MARGIN);
    let mut svg = Svg::new(width, height);
    svg.text((width / 2.0, 26.0), "head middle", "Heat map");
    svg.text(
        (width / 2.0, 44.0),
        "note middle",
        "seconds to the right, values upwards; rest the pointer on a field for its count",
    );
    let mut top = HEADER;
    for (panel, rows) in drawn {
        draw_panel(&mut svg, panel, rows, (left, top));
        top += PANEL + (rows.1 - rows.0 + 1) as f64 * ROW;
    }
    svg.finish("Heat map")
}

fn draw_panel(svg: &mut Svg, panel: &Panel, (first, last): (usize, usize), (left, top): (f64, f64)) {
    let columns = panel.joined();
    let end = columns.last().map_or(1, |c| c.end.max(1));
    let most = columns.iter().flat_map(|c| &c.counts).copied().max().unwrap_or(0).max(1);
    let x = |time: u64| left + time as f64 * WIDTH / end as f64;
    svg.text((left, top + 14.0), "", &panel.title);
    draw_scale(svg, most, (left + WIDTH, top + 4.0));
    let rows = top + 24.0;
    let bottom = rows + (last - first + 1) as f64 * ROW;
    for bucket in first..=last {
        let y = bottom - (bucket - first + 1) as f64 * ROW;
        svg.text((left - 6.0, y + 13.0), "end", &panel.labels[bucket]);
        svg.rect([left, y, WIDTH, ROW - 1.0], "#f4f4f4", "");
        let mut begun = 0;
        for column in &columns {
            let count = column.counts.get(bucket).copied().unwrap_or(0);
            if count > 0 {
                let title = format!(
                    "{} to {} s, {}: {count}",
                    seconds(begun),
                    seconds(column.end),
                    panel.labels[bucket]
                );
                let width = (x(column.end) - x(begun) - 0.5).max(0.5);
                svg.rect([x(begun), y, width, ROW - 1.0], &colour(count, most), &title);
            }
            begun = column.end;
        }
    }
    for tick in 0..=4 {
        let time = end * tick / 4;
        let class = if tick == 0 { "note" } else { "note end" };
        svg.text((x(time), bottom + 14.0), class, &format!("{} s", seconds(time)));
    }
}

/// What the colours mean, with its right end here.
fn draw_scale(svg: &mut Svg, most: i64, (right, top): (f64, f64)) {
    let steps = 5;
    let begin = right - f64::from(steps) * 14.0 - most.to_string().len() as f64 * LETTER - 4.0;
    svg.text((begin - 4.0, top + 10.0), "note end", "1");
    for step in 0..steps {
        // Evenly in the logarithm, as the colours are.
        let count = ((most as f64).powf(f64::from(step) / f64::from(steps - 1))).round() as i64;
        svg.rect([begin + f64::from(step) * 14.0, top, 13.0, 12.0], &colour(count, most), &count.to_string());
    }
    svg.text((right, top + 10.0), "note end", &most.to_string());
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{}", milliseconds / 1000, milliseconds % 1000 / 100)
}

/// The darker the more, by the logarithm: one outlier must not bleach the rest.
fn colour(count: i64, most: i64) -> String {
    const STOPS: [[f64; 3]; 4] =
        [[254.0, 224.0, 144.0], [253.0, 141.0, 60.0], [215.0, 48.0, 31.0], [103.0, 0.0, 31.0]];
    let share = if most > 1 { (count.max(1) as f64).ln() / (most as f64).ln() } else { 1.0 };
    let at = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let low = (at as usize).min(STOPS.len() - 2);
    let mix = |n: usize| STOPS[low][n] + (STOPS[low + 1][n] - STOPS[low][n]) * (at - low as f64);
    format!("rgb({},{},{})", mix(0).round(), mix(1).round(), mix(2).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(end: u64, counts: &[i64]) -> Column {
        Column { end, counts: counts.to_vec() }
    }

    fn panel() -> Panel {
        Panel {
            title: "@ <cat>".into(),
            labels: ["0", "1", "2", "4", "8"].map(String::from).to_vec(),
            columns: vec![
                column(1000, &[0, 3, 0, 0, 0]),
                column(2000, &[0; 5]),
                column(4000, &[0, 1, 0, 90, 0]),
            ],
        }
    }

    fn titles(svg: &str) -> Vec<&str> {
        svg.lines()
            .filter(|line| line.starts_with("<rect"))
            .filter_map(|line| line.split_once("<title>")?.1.split_once("</title>"))
            .map(|(title, _)| title)
            .filter(|title| title.contains(" s, "))
            .collect()
    }

    #[test]
    fn a_field_is_a_bucket_in_a_stretch_of_time() {
        let svg = draw(&[panel()]);
        assert_eq!(titles(&svg), ["0.0 to 1.0 s, 1: 3", "2.0 to 4.0 s, 1: 1", "2.0 to 4.0 s, 4: 90"]);
        assert!(svg.contains("@ &lt;cat&gt;"));
        assert_eq!(svg, draw(&[panel()]));
        // Rows that count nothing above and below are left out, those between are not.
        for label in [">1<", ">2<", ">4<"] {
            assert!(svg.contains(label), "{label}");
        }
        assert!(!svg.contains(">8<"));
    }

    #[test]
    fn more_is_darker() {
        let dark = |count| {
            let colour = colour(count, 1000);
            colour
                .trim_start_matches("rgb(")
                .trim_end_matches(')')
                .split(',')
                .map(|n| n.parse::<i64>().unwrap())
                .sum::<i64>()
        };
        assert!(dark(1) > dark(10) && dark(10) > dark(100) && dark(100) > dark(1000));
    }

    #[test]
    fn many_columns_are_joined_and_nothing_is_lost() {
        let columns: Vec<_> = (1..=10_000).map(|n| column(n * 10, &[1])).collect();
        let panel = Panel { title: String::new(), labels: vec!["0".into()], columns };
        let joined = panel.joined();
        assert!(joined.len() <= COLUMNS + 1, "{}", joined.len());
        assert_eq!(
            joined.iter().map(|c| c.counts[0]).sum::<i64>(),
            panel.columns.iter().map(|c| c.counts[0]).sum()
        );
    }

    #[test]
    fn what_counts_nothing_has_no_panel() {
        let empty = Panel { columns: vec![column(1000, &[0; 5])], ..panel() };
        assert!(titles(&draw(&[empty, Panel::default()])).is_empty());
    }
}
