//! The terminal of a run: taken over at its begin, drawn with every pulse, and given back however the run ends.

use std::io::{self, Stdout, stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

use super::draw::draw;
use super::keys::{Key, meant};
use super::view::{Paint, View};
use super::{Pulse, Wish};

/// How much one `+` changes the rate.
const STEP: f64 = 1.25;
/// How long the answer to a key stays.
const NOTE_STAYS: Duration = Duration::from_secs(3);
/// Keys that are read in one go, so that a pasted text does not hold up the run.
const KEYS_AT_ONCE: usize = 64;

/// Whether the terminal is ours. A panic gives it back; nothing is drawn after that.
static TAKEN: AtomicBool = AtomicBool::new(false);

pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    hands: Hands,
}

impl Screen {
    pub fn start(scenario: &str, targets: &[String]) -> io::Result<Screen> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                // What it says is to be read on the ordinary screen.
                give_back();
                before(info);
            }));
        });
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let hands = Hands::new(scenario, targets, colours());
        let mut screen = Screen { terminal, hands };
        // From here on dropping it gives the terminal back.
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        screen.draw()?;
        Ok(screen)
    }

    pub fn pulse(&mut self, pulse: &Pulse) -> io::Result<()> {
        self.hands.view.pulse(pulse);
        if self.hands.note_until.is_some_and(|until| until <= Instant::now()) {
            self.hands.view.note = None;
        }
        self.draw()
    }

    /// What was asked for since the last call. Does not wait.
    pub fn wishes(&mut self) -> io::Result<Vec<Wish>> {
        let mut wishes = Vec::new();
        let mut changed = false;
        for _ in 0..KEYS_AT_ONCE {
            if !TAKEN.load(Ordering::SeqCst) || !event::poll(Duration::ZERO)? {
                break;
            }
            changed = true;
            if let Event::Key(key) = event::read()?
                && let Some(key) = meant(key)
            {
                wishes.extend(self.hands.press(key));
            }
        }
        if changed {
            self.draw()?;
        }
        Ok(wishes)
    }

    fn draw(&mut self) -> io::Result<()> {
        if TAKEN.load(Ordering::SeqCst) {
            self.terminal.draw(|frame| draw(frame, &self.hands.view))?;
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Once for each taking. What fails here has nobody left to tell.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// <https://no-color.org>: set to anything but nothing means none.
fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// What is shown, and what keys make of it.
struct Hands {
    view: View,
    marks: u32,
    note_until: Option<Instant>,
}

impl Hands {
    fn new(scenario: &str, targets: &[String], colour: bool) -> Hands {
        let view = View {
            scenario: scenario.to_owned(),
            targets: targets.join(", "),
            paint: Paint { colour },
            ..View::default()
        };
        Hands { view, marks: 0, note_until: None }
    }

    fn press(&mut self, key: Key) -> Option<Wish> {
        match key {
            Key::Faster => self.rate(STEP, "× 1.25"),
            Key::Slower => self.rate(1.0 / STEP, "÷ 1.25"),
            Key::Mark => {
                self.marks += 1;
                let name = format!("mark {}", self.marks);
                self.note(format!("{name} set"));
                Some(Wish::Mark(name))
            }
            Key::Stop => {
                self.note("stopping".to_owned());
                Some(Wish::Stop)
            }
            Key::Help => {
                self.view.help = !self.view.help;
                None
            }
            Key::Back => {
                self.view.help = false;
                None
            }
        }
    }

    fn rate(&mut self, times: f64, said: &str) -> Option<Wish> {
        if self.view.pulse.rate.is_none() {
            self.note("no rate to change".to_owned());
            return None;
        }
        self.note(format!("rate {said}"));
        Some(Wish::Rate(times))
    }

    fn note(&mut self, text: String) {
        self.view.note = Some(text);
        self.note_until = Some(Instant::now() + NOTE_STAYS);
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn keys_become_wishes() {
        let mut hands = Hands::new("fan-out", &["127.0.0.1:4000".to_owned()], false);
        // Without a rate there is nothing to change.
        assert_eq!((hands.press(Key::Faster), hands.view.note.as_deref()), (None, Some("no rate to change")));
        hands.view.pulse(&samples::fan_out(1));
        assert_eq!(hands.press(Key::Faster), Some(Wish::Rate(1.25)));
        assert_eq!(hands.press(Key::Slower), Some(Wish::Rate(0.8)));
        assert_eq!(hands.press(Key::Mark), Some(Wish::Mark("mark 1".to_owned())));
        assert_eq!(hands.press(Key::Mark), Some(Wish::Mark("mark 2".to_owned())));
        assert_eq!(hands.press(Key::Stop), Some(Wish::Stop));
        assert_eq!((hands.press(Key::Help), hands.view.help), (None, true));
        assert_eq!((hands.press(Key::Back), hands.view.help), (None, false));
    }
}
