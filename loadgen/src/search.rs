//! The highest rate that still holds: doubled until it does not, then halved in between.

/// Two rates as close as this are one.
const CLOSE: f64 = 1.05;

/// More doublings than from one message a second to what any machine can do.
const TRIES_MOST: usize = 40;

/// Calls `holds` with rates until the highest that holds is known to within a twentieth. None: not even the first did,
/// and neither did anything down to a hundredth of it.
pub fn highest<E>(first: f64, mut holds: impl FnMut(f64) -> Result<bool, E>) -> Result<Option<f64>, E> {
    let (mut held, mut failed) = (None, None);
    let mut rate = first;
    for _ in 0..TRIES_MOST {
        if holds(rate)? {
            held = Some(rate);
        } else {
            failed = Some(rate);
        }
        rate = match (held, failed) {
            (Some(held), Some(failed)) if failed <= held * CLOSE => break,
            // In the middle by ratio: the step is the same part of the rate wherever it stands.
            (Some(held), Some(failed)) => f64::sqrt(held * failed),
            (Some(held), None) => held * 2.0,
            (None, _) if rate <= first / 100.0 => break,
            (None, _) => rate / 2.0,
        };
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(first: f64, limit: f64) -> (Option<f64>, usize) {
        let mut tries = 0;
        let found = highest(first, |rate| {
            tries += 1;
            Ok::<bool, ()>(rate <= limit)
        });
        (found.unwrap(), tries)
    }

    #[test]
    fn the_limit_is_found_from_either_side_in_few_tries() {
        for (first, limit) in [(100.0, 12_345.0), (100_000.0, 12_345.0), (12_345.0, 12_345.0)] {
            let (rate, tries) = found(first, limit);
            let rate = rate.unwrap();
            assert!(rate <= limit && rate * CLOSE * CLOSE >= limit, "{rate} for {limit}");
            assert!(tries <= 16, "{tries} tries from {first}");
        }
    }

    #[test]
    fn what_never_holds_and_what_always_holds_come_to_an_end() {
        assert_eq!(found(100.0, 0.0).0, None);
        assert!(found(100.0, f64::INFINITY).1 <= TRIES_MOST);
        assert_eq!(highest(1.0, |_| Err::<bool, &str>("no target")), Err("no target"));
    }
}
