//! What each key asks for.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Faster,
    Slower,
    Mark,
    Stop,
    Help,
    Back,
}

pub fn meant(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return (event.code == KeyCode::Char('c')).then_some(Key::Stop);
    }
    if event.code == KeyCode::Esc {
        return Some(Key::Back);
    }
    // Those with and without the shift key, which keyboards do not agree about.
    Some(match event.code.as_char()? {
        '+' | '=' => Key::Faster,
        '-' | '_' => Key::Slower,
        'm' | 'M' => Key::Mark,
        'q' | 'Q' => Key::Stop,
        '?' | 'h' => Key::Help,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_the_footer_says() {
        let plain = |key| meant(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE));
        assert_eq!(['+', '=', '-', 'm'].map(plain), [Key::Faster, Key::Faster, Key::Slower, Key::Mark].map(Some));
        assert_eq!(['q', '?', 'c', 'x'].map(plain), [Some(Key::Stop), Some(Key::Help), None, None]);
        let control = |key| meant(KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL));
        assert_eq!(['c', 'q', 'm'].map(control), [Some(Key::Stop), None, None]);
        let released = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(meant(released), None);
    }
}
