//! The percentile text that HdrHistogram's tools write and their plotters read, in milliseconds.

use crate::record::curve::Curve;

pub fn hgrm(curve: &Curve) -> String {
    let ms = |us: f64| us / 1_000.0;
    let mut out = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for &(quantile, us, count) in &curve.points {
        out += &format!("{:>12.3} {quantile:>2.12} {count:>10}", ms(us));
        // The last line has no fourth column: nothing is above it, and plotters leave it out.
        if quantile < 1.0 {
            out += &format!(" {:>14.2}", 1.0 / (1.0 - quantile));
        }
        out.push('\n');
    }
    out += &format!("#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]\n", ms(curve.mean_us), ms(curve.stddev_us));
    out += &format!("#[Max     = {:>12.3}, Total count    = {:>12}]\n", ms(curve.max_us), curve.count);
    out
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::*;

    #[test]
    fn the_text_is_the_one_that_plotters_read() {
        let mut histogram = Histogram::<u64>::new_with_bounds(100, 60_000_000_000, 3).unwrap();
        (1..=10_000u64).for_each(|n| histogram.record(n * 1_000).unwrap());
        let text = hgrm(&Curve::of(&histogram));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("       Value     Percentile TotalCount 1/(1-Percentile)"));
        assert_eq!(lines.next(), Some(""));
        let rows: Vec<Vec<f64>> = lines
            .clone()
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        let (last, plotted) = rows.split_last().unwrap();
        assert_eq!((last.len(), last[1], last[2]), (3, 1.0, 10_000.0));
        assert!(plotted.len() > 40);
        for row in plotted {
            let [ms, quantile, count, inverse] = row[..] else { panic!("{row:?} has not four columns") };
            assert!((inverse - 1.0 / (1.0 - quantile)).abs() < inverse * 0.01 + 0.01, "{row:?}");
            // Evenly spread from 0 to 10 ms: the value follows the quantile.
            assert!((ms - quantile * 10.0).abs() < 0.02 && count >= quantile * 10_000.0, "{row:?}");
        }
        let foot: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(foot[1], "#[Max     =       10.002, Total count    =        10000]");
        assert!(foot[0].starts_with("#[Mean    =        5.00") && foot[0].contains("StdDeviation   =        2.88"));
    }

    #[test]
    fn nothing_measured_is_an_empty_table() {
        let text = hgrm(&Curve::default());
        assert!(text.ends_with("Total count    =            0]\n") && text.lines().count() == 4);
    }
}
