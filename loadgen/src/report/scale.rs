//! Axes: where a value lies between two ends, and where the lines of the grid are.

/// Latencies below a tenth of a microsecond are drawn there: a logarithm has no zero.
const LOG_LEAST: f64 = 0.1;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    from: f64,
    to: f64,
    log: bool,
}

impl Scale {
    /// From zero to a round number that holds `most`.
    pub fn linear(most: f64) -> Scale {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let step = nice(most / 3.0);
        Scale { from: 0.0, to: (most / step - 1e-9).ceil() * step, log: false }
    }

    /// From zero to exactly there.
    pub fn exact(to: f64) -> Scale {
        Scale { from: 0.0, to: if to > 0.0 { to } else { 1.0 }, log: false }
    }

    /// Widened to the ones, twos and fives around.
    pub fn log(least: f64, most: f64) -> Scale {
        let (least, most) = (least.max(LOG_LEAST), most.max(LOG_LEAST));
        let decade = |value: f64| 10f64.powf((value * 1.000_001).log10().floor());
        let from =
            [5.0, 2.0, 1.0].map(|digit| digit * decade(least)).into_iter().find(|from| *from <= least * 1.000_001);
        let to = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade(most)).into_iter().find(|to| *to >= most * 0.999_999);
        let (from, to) = (from.unwrap_or(least), to.unwrap_or(most));
        Scale { from, to: if to > from { to } else { from * 10.0 }, log: true }
    }

    /// Logarithmic, from exactly there to exactly there.
    pub fn log_exact(from: f64, to: f64) -> Scale {
        let from = from.max(LOG_LEAST);
        Scale { from, to: to.max(from * 1.01), log: true }
    }

    /// The share of the way from one end to the other; what lies outside is drawn at the end.
    pub fn at(&self, value: f64) -> f64 {
        let way = |value: f64| if self.log { value.max(LOG_LEAST).log10() } else { value };
        let share = (way(value) - way(self.from)) / (way(self.to) - way(self.from));
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Values for the lines of the grid.
    pub fn ticks(&self) -> Vec<f64> {
        if !self.log {
            let step = nice(self.to / 3.0);
            let count = (self.to / step + 1e-9).floor() as u32;
            return (0..=count.min(20)).map(|n| f64::from(n) * step).collect();
        }
        let decades = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
        let at = |digits: &[f64]| -> Vec<f64> {
            let all = decades.clone().flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)));
            all.filter(|tick| *tick >= self.from * 0.999_999 && *tick <= self.to * 1.000_001).collect()
        };
        let fine = at(&[1.0, 2.0, 5.0]);
        if fine.len() <= 8 { fine } else { at(&[1.0]) }
    }
}

/// The one, two or five at or above.
fn nice(step: f64) -> f64 {
    let decade = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|digit| digit * decade)
        .into_iter()
        .find(|nice| *nice >= step * 0.999_999)
        .unwrap_or(10.0 * decade)
}

/// Moments for the lines of a grid over so many seconds, at most seven.
pub fn moments(seconds: f64) -> Vec<f64> {
    const STEPS: [f64; 20] = [
        0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0,
        7_200.0, 14_400.0, 86_400.0,
    ];
    let step = STEPS.into_iter().find(|step| seconds / step <= 6.5).unwrap_or_else(|| nice(seconds / 6.0));
    (0..=7).map(|n| f64::from(n) * step).take_while(|at| *at <= seconds * 1.000_001).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_ends_at_a_round_number() {
        let scale = Scale::linear(101_980.0);
        assert_eq!(scale.ticks(), [0.0, 50_000.0, 100_000.0, 150_000.0]);
        assert_eq!((scale.at(75_000.0), scale.at(-5.0), scale.at(1e9)), (0.5, 0.0, 1.0));
        assert_eq!(Scale::linear(0.0).ticks().last(), Some(&1.0));
        assert_eq!(Scale::linear(f64::NAN), Scale::linear(1.0));
    }

    #[test]
    fn a_logarithmic_axis_has_ones_twos_and_fives_or_powers_alone() {
        assert_eq!(Scale::log(130.0, 900.0).ticks(), [100.0, 200.0, 500.0, 1_000.0]);
        let wide = Scale::log(63.0, 2.5e6);
        let near = |tick: f64| (tick.log10().round() - tick.log10()).abs() < 1e-9;
        assert!(wide.ticks().len() == 5 && wide.ticks().into_iter().all(near), "{:?}", wide.ticks());
        assert!((wide.at(5e6) - 1.0).abs() < 1e-9 && wide.at(0.0) == 0.0);
        assert!(Scale::log(5.0, 5.0).at(5.0).is_finite() && Scale::log(0.0, 0.0).at(0.0) == 0.0);
    }

    #[test]
    fn moments_are_those_of_a_clock() {
        assert_eq!(moments(60.0), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(moments(3.0).len(), 7);
        assert_eq!(moments(86_400.0).last(), Some(&86_400.0));
        assert!([0.0, 0.001, 1e12].into_iter().all(|seconds| moments(seconds).len() <= 8));
    }
}
