//! The screen at several sizes, held against the texts in `expected/`. With `LOADGEN_WRITE_EXPECTED` set they are written anew.

use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Color;

use super::draw::draw;
use super::samples;
use super::view::{Paint, View};
use super::{Phase, Pulse};
use crate::drive::Faults;
use crate::record::{Gaps, Second, Totals};

fn shown(view: &View, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let rows = buffer.content().chunks(usize::from(buffer.area.width));
    rows.map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned() + "\n").collect()
}

fn holds(name: &str, view: &View, width: u16, height: u16) {
    let seen = text(&shown(view, width, height));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/show/expected").join(format!("{name}.txt"));
    if std::env::var_os("LOADGEN_WRITE_EXPECTED").is_some() {
        std::fs::write(&path, &seen).unwrap();
    }
    let meant = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(seen == meant, "{name} is not what {} says:\n{seen}", path.display());
}

fn running() -> View {
    let mut view = View {
        scenario: "fan-out".to_owned(),
        targets: "127.0.0.1:4000".to_owned(),
        minute: samples::minute(),
        paint: Paint { colour: true },
        ..View::default()
    };
    view.pulse(&samples::fan_out(12));
    view
}

fn extreme() -> View {
    let mut view = View {
        scenario: "s".repeat(100),
        targets: "t".repeat(100),
        note: Some("mark 4294967295 set".to_owned()),
        ..running()
    };
    (0..60).for_each(|n| {
        let mut pulse = samples::extreme();
        pulse.second.iter_mut().for_each(|second| second.at += f64::from(n));
        view.pulse(&pulse);
    });
    view
}

#[test]
fn the_usual_size() {
    holds("80x24", &running(), 80, 24);
}

#[test]
fn more_room_shows_more() {
    holds("120x40", &running(), 120, 40);
}

#[test]
fn less_room_shows_what_matters() {
    holds("60x15", &running(), 60, 15);
}

#[test]
fn before_anything_came() {
    let mut view = View { minute: Default::default(), ..running() };
    view.pulse = Pulse { connections: 312, at: 0.4, ..Pulse::default() };
    holds("80x24_begin", &view, 80, 24);
}

#[test]
fn faults_and_gaps_have_their_counts() {
    let mut view = running();
    view.pulse.faults = Faults { lost: 3, reordered: 12, ..Faults::default() };
    view.pulse.gaps = Gaps { told: 40, disconnects: 2, resumed: 1 };
    view.note = Some("mark 2 set".to_owned());
    holds("80x24_faults", &view, 80, 24);
}

#[test]
fn a_storm_of_joins_without_a_server_to_look_at() {
    let mut view = View { minute: Default::default(), ..running() };
    for n in 1..=7u32 {
        let second = Second {
            at: f64::from(n),
            joins: 900,
            cycles: 880,
            p50_us: 800.0,
            p99_us: 9_000.0,
            max_us: 31_000.0,
            heat: vec![(14, 700), (19, 170), (22, 10)],
            driver_share: 0.2,
            ..Second::default()
        };
        let mut heat = vec![0; 40];
        (heat[14], heat[19], heat[22]) = (4_900, 1_190, 70);
        view.pulse(&Pulse {
            phase: Phase::WarmUp,
            at: f64::from(n),
            lasts: 10.0,
            totals: Totals { cycles: 880 * u64::from(n), joins: 900 * u64::from(n), ..Totals::default() },
            second: Some(second),
            heat,
            ..Pulse::default()
        });
    }
    holds("80x24_storm", &view, 80, 24);
}

#[test]
fn extremes_stay_in_their_places() {
    holds("80x24_extreme", &extreme(), 80, 24);
    holds("120x40_extreme", &extreme(), 120, 40);
}

#[test]
fn help_lies_over_the_screen() {
    holds("80x24_help", &View { help: true, ..running() }, 80, 24);
}

#[test]
fn without_colour_it_says_the_same() {
    for (view, size) in [(running(), (80, 24)), (extreme(), (120, 40))] {
        let plain = View { paint: Paint { colour: false }, ..view };
        let seen = shown(&plain, size.0, size.1);
        assert!(seen.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        let coloured = shown(&View { paint: Paint { colour: true }, ..plain }, size.0, size.1);
        assert!(coloured.content().iter().any(|cell| cell.fg != Color::Reset));
        assert_eq!(text(&seen), text(&coloured));
    }
}

#[test]
fn no_size_and_no_pulse_is_too_much() {
    let broken = Pulse {
        at: f64::NAN,
        lasts: f64::INFINITY,
        rate: Some(f64::NAN),
        second: Some(Second {
            p50_us: f64::NAN,
            p99_us: f64::INFINITY,
            heat: vec![(u16::MAX, 1)],
            ..Second::default()
        }),
        heat: vec![u64::MAX; 100],
        ..samples::extreme()
    };
    let mut strange = running();
    strange.pulse(&broken);
    for view in [running(), extreme(), strange, View::default()] {
        for help in [false, true] {
            let view = View { help, minute: view.minute.clone(), pulse: view.pulse.clone(), ..running() };
            for (width, height) in (0..45).flat_map(|n| [(n * 7, n), (n, 24), (80, n), (n, n), (400, n * 3)]) {
                shown(&view, width, height);
            }
        }
    }
}
