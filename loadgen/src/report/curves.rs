//! Latency by percentile: the tail is stretched, so that one in a thousand is as wide as one in ten.

use super::percentile::{ABOVE_LEAST, between};
use super::plot::{Plot, Series, Tick, line};
use super::scale::Scale;
use super::text::{short, tick};
use crate::record::curve::Curve;
use crate::record::verdict::time;

/// More points than this are not seen.
const POINTS_MAX: usize = 240;

/// A curve to draw: colour, name, and whether its name stands at its end.
pub struct Drawn<'a> {
    pub colour: usize,
    pub name: String,
    pub curve: &'a Curve,
}

/// None: nothing of all these was measured.
pub fn plot(title: &str, note: &str, curves: &[Drawn<'_>]) -> Option<Plot> {
    let curves: Vec<&Drawn<'_>> =
        curves.iter().filter(|one| one.curve.count > 0 && !one.curve.points.is_empty()).collect();
    let most_samples = curves.iter().map(|one| one.curve.count).max()?;
    // As many powers of ten as the largest has samples: behind them is the one greatest.
    let decades = (most_samples as f64).log10().max(1.0);
    let x_of = |quantile: f64, count: u64| {
        let rest = (1.0 - quantile).max(1.0 / count as f64);
        (-rest.log10() / decades).clamp(0.0, 1.0) + 0.0
    };
    let values = || curves.iter().flat_map(|one| one.curve.points.iter().map(|point| point.1));
    let y = Scale::log(values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let mut drawn = String::new();
    let mut series = Vec::new();
    let points = pointed(decades);
    // The first is what matters most and lies on top.
    for one in curves.iter().rev() {
        let Curve { count, points: all, .. } = one.curve;
        let placed: Vec<(f64, f64, bool)> = all
            .iter()
            .map(|(quantile, us, _)| {
                let known = (1.0 - quantile) * *count as f64 >= ABOVE_LEAST as f64 - 1e-6;
                (x_of(*quantile, *count), y.at(*us), known)
            })
            .collect();
        let split = placed.iter().position(|(_, _, known)| !known).unwrap_or(placed.len());
        let path = |part: &[(f64, f64, bool)]| line(&thinned(part));
        drawn += &format!("<path class=\"line thick c{}\" d=\"{}\"/>", one.colour, path(&placed[..split]));
        drawn +=
            &format!("<path class=\"line tail c{}\" d=\"{}\"/>", one.colour, path(&placed[split.saturating_sub(1)..]));
    }
    for one in &curves {
        let end = one.curve.points.last().map(|point| y.at(point.1));
        let words = points.iter().map(|(_, quantile, _)| {
            let inside = x_of(*quantile, u64::MAX) <= x_of(1.0, one.curve.count) + 1e-9;
            between(one.curve, *quantile).filter(|_| inside).map_or_else(|| "–".to_owned(), time)
        });
        series.push(Series { colour: one.colour, name: one.name.clone(), words: words.collect(), end });
    }
    let said = curves.iter().map(|one| {
        let Curve { p50_us, p99_us, max_us, .. } = *one.curve;
        format!("{}: p50 {}, p99 {}, max {}", one.name, time(p50_us), time(p99_us), time(max_us))
    });
    let shares: [f64; 10] = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 0.9999999, 0.99999999];
    let mut x: Vec<Tick> = Vec::new();
    for (n, quantile) in shares.into_iter().enumerate() {
        let at = x_of(quantile, u64::MAX);
        // The half stands too near to the beginning where there are many powers of ten.
        let apart = x.last().is_none_or(|last| at - last.at > 0.06);
        if -(1.0 - quantile).log10() <= decades + 1e-9 && apart {
            x.push(Tick { at, text: share(quantile), spare: n == 1 || n % 2 == 0 });
        }
    }
    Some(Plot {
        title: title.to_owned(),
        note: note.to_owned(),
        summary: format!(
            "Curves of latency by percentile, both axes logarithmic. {}.",
            said.collect::<Vec<_>>().join("; ")
        ),
        height: 340,
        x,
        y: y.ticks().into_iter().map(|us| Tick { at: y.at(us), text: tick(us), spare: false }).collect(),
        drawn,
        series,
        points: points.into_iter().map(|(at, _, name)| (at, name)).collect(),
        ..Plot::default()
    })
}

/// Places along the axis: where, the quantile, and its name.
fn pointed(decades: f64) -> Vec<(f64, f64, String)> {
    let count = 100;
    let place = |n: u32| {
        let at = f64::from(n) / f64::from(count);
        let quantile = 1.0 - 10f64.powf(-at * decades);
        // One digit more than the share of those above needs.
        let digits = (at * decades - 1.0).max(0.0).ceil() as usize;
        (at, quantile, format!("{:.digits$} %", quantile * 100.0))
    };
    (0..=count).map(place).collect()
}

/// `99.9 %`, with as many nines as there are.
fn share(quantile: f64) -> String {
    let percent = quantile * 100.0;
    if quantile < 0.999 { format!("{} %", short(percent)) } else { format!("{} %", (percent * 1e7).round() / 1e7) }
}

fn thinned(points: &[(f64, f64, bool)]) -> Vec<Option<(f64, f64)>> {
    let each = points.len().div_ceil(POINTS_MAX).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.iter().enumerate().filter(|(n, _)| n.is_multiple_of(each) || *n == last);
    kept.map(|(_, (x, y, _))| Some((*x, *y))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_goes_as_far_as_the_samples_do() {
        let points = vec![(0.0, 100.0, 1), (0.9, 200.0, 90), (0.99, 900.0, 99), (1.0, 1_000.0, 100)];
        let curve = Curve { count: 100, points, max_us: 1_000.0, ..Curve::default() };
        let of = |curve| plot("t", "n", &[Drawn { colour: 1, name: "delivery".to_owned(), curve }]);
        let plot = of(&curve).unwrap();
        let names: Vec<&str> = plot.x.iter().map(|tick| tick.text.as_str()).collect();
        assert_eq!(names, ["0 %", "50 %", "90 %", "99 %"]);
        assert!((plot.x[3].at - 1.0).abs() < 1e-9 && (plot.x[2].at - 0.5).abs() < 1e-9);
        // From the 90th percentile on fewer than ten lie above: there begins the dotted tail.
        assert!(plot.drawn.contains("tail") && plot.drawn.contains("M0.0 1000.0L500.0 699.0\""), "{}", plot.drawn);
        assert_eq!(plot.series[0].words[0], "100 µs");
        assert!(plot.summary.contains("delivery: p50"));
        assert!(of(&Curve::default()).is_none());
    }

    #[test]
    fn shares_are_written_with_all_their_nines() {
        assert_eq!([0.0, 0.5, 0.99, 0.999, 0.99999].map(share), ["0 %", "50 %", "99 %", "99.9 %", "99.999 %"]);
        assert_eq!(pointed(4.0).last().unwrap().2, "99.990 %");
    }
}
