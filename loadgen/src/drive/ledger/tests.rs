//! The judge on faultless and faulty streams, in every framing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::adapter::{self, Kind, Language, Settings};
use crate::drive::line::{InFlight, Line};
use crate::ws::frame;

/// How messages of the benches lie in the stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Frames,
    /// Up to three in a frame.
    Parts,
    Nats,
}

const FORMS: [Form; 3] = [Form::Frames, Form::Parts, Form::Nats];

/// A room of one listener into which `published` messages were sent, and the messages a faultless server would send.
struct Bench {
    form: Form,
    ledger: Ledger,
    line: Arc<Line>,
    in_flight: InFlight,
    listener: Listener,
    adapter: Box<dyn Adapter>,
    messages: Vec<Vec<u8>>,
}

fn bench(published: u64) -> Bench {
    bench_of(Form::Frames, published)
}

fn bench_of(form: Form, published: u64) -> Bench {
    let body = marker::template(64);
    let in_flight = InFlight::default();
    let line = Arc::new(Line::new(4, in_flight.clone(), 32));
    let messages = (0..published)
        .map(|_| {
            let number = line.publish(1_000, 1);
            let mut stamped = body.clone();
            marker::stamp(&mut stamped, &Mark { room: 4, number }.encode());
            // The prefix grows with the number, as decimal numbers in front of a body do.
            let (before, behind) = match form {
                Form::Frames | Form::Parts => (format!("{{\"seq\":{number},\"b\":\""), ""),
                Form::Nats => ("MSG load.4 1 64\r\n".to_owned(), "\r\n"),
            };
            [before.as_bytes(), &stamped, behind.as_bytes()].concat()
        })
        .collect();
    let ledger = Ledger::new(vec![Track::new(line.clone(), 1, 1)], body);
    let language = match form {
        Form::Frames => Kind::Floor.into(),
        Form::Parts => Language::find("centrifugo").unwrap(),
        Form::Nats => Kind::Nats.into(),
    };
    let adapter = adapter::make(&language, &Settings::default());
    Bench { form, ledger, line, in_flight, listener: Listener::default(), adapter, messages }
}

impl Bench {
    fn read(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.read_told(bytes, &mut Told::default())
    }

    fn read_told(&mut self, bytes: &[u8], told: &mut Told) -> io::Result<usize> {
        let seat = Seat { listener: &mut self.listener, track: 0, is_slow: false, cursor: None };
        self.ledger.read(bytes, &mut 0, Some(seat), 0, self.adapter.as_mut(), 2_000, told)
    }

    /// These messages on their way.
    fn stream(&self, order: &[usize]) -> Vec<u8> {
        let messages: Vec<&[u8]> = order.iter().map(|&i| self.messages[i].as_slice()).collect();
        let mut out = Vec::new();
        match self.form {
            Form::Frames => messages.iter().for_each(|one| frame::write_plain(&mut out, frame::BINARY, one)),
            Form::Parts => {
                messages.chunks(3).for_each(|some| frame::write_plain(&mut out, frame::TEXT, &some.join(&b'\n')));
            }
            Form::Nats => out = messages.concat(),
        }
        out
    }

    fn all(&self) -> Vec<u8> {
        self.stream(&(0..self.messages.len()).collect::<Vec<_>>())
    }

    fn faults(mut self, order: &[usize]) -> Faults {
        let bytes = self.stream(order);
        assert_eq!(self.read(&bytes).unwrap(), bytes.len());
        Faults { lost: self.listener.lost(self.line.published()), ..self.ledger.faults }
    }
}

#[test]
fn a_faultless_stream_is_counted_and_completes_every_message() {
    for form in FORMS {
        let mut bench = bench_of(form, 15);
        let bytes = bench.all();
        assert_eq!(bench.read(&bytes).unwrap(), bytes.len());
        assert_eq!((bench.ledger.deliveries, bench.in_flight.load(Ordering::Relaxed)), (15, 0));
        assert_eq!(bench.ledger.tally.of(crate::record::What::Delivery).unwrap().len(), 15);
        assert_eq!(bench.ledger.faults, Faults::default());
        // `{"seq":N,"b":"` is 14 bytes, 15 from number 10 on; `MSG load.4 1 64` and two line ends are 19.
        let expected = if form == Form::Nats { 19 * 15 } else { 14 * 10 + 15 * 5 };
        assert_eq!(bench.ledger.overhead_bytes(), expected, "{form:?}");
    }
}

#[test]
fn every_split_of_the_stream_gives_the_same_count() {
    for form in FORMS {
        let whole = bench_of(form, 5).all();
        for cut in 0..=whole.len() {
            let mut bench = bench_of(form, 5);
            let used = bench.read(&whole[..cut]).unwrap();
            let rest = &whole[used..];
            assert_eq!(bench.read(rest).unwrap(), rest.len(), "{form:?} cut at {cut}");
            assert_eq!(bench.ledger.deliveries, 5, "{form:?} cut at {cut}");
            assert_eq!(bench.ledger.faults, Faults::default(), "{form:?} cut at {cut}");
        }
    }
}

#[test]
fn each_fault_of_a_faulty_stream_is_seen_and_named() {
    let none = Faults::default();
    for form in FORMS {
        let bench = |published| bench_of(form, published);
        assert_eq!(bench(4).faults(&[0, 1, 2, 3]), none);
        assert_eq!(bench(4).faults(&[0, 2, 3]), Faults { lost: 1, ..none });
        assert_eq!(bench(4).faults(&[0, 1]), Faults { lost: 2, ..none });
        assert_eq!(bench(4).faults(&[0, 1, 1, 2, 3]), Faults { duplicated: 1, ..none });
        assert_eq!(bench(4).faults(&[0, 2, 1, 3]), Faults { reordered: 1, ..none });
        assert_eq!(bench(4).faults(&[3, 2, 1, 0]), Faults { reordered: 3, ..none });
        assert_eq!(bench(4).faults(&[]), Faults { lost: 4, ..none });

        let mut damaged = bench(1);
        let last = damaged.messages[0].len() - 3;
        damaged.messages[0][last] ^= 1;
        assert_eq!(damaged.faults(&[0]), Faults { damaged: 1, ..none }, "{form:?}");

        let mut other_room = bench(1);
        other_room.line = Arc::new(Line::new(5, InFlight::default(), 4));
        other_room.ledger.tracks = vec![Track::new(other_room.line.clone(), 1, 1)];
        assert_eq!(other_room.faults(&[0]), Faults { unexpected: 1, ..none }, "{form:?}");
    }
}

#[test]
fn refusals_are_faults_too() {
    for (form, message) in
        [(Form::Frames, "no"), (Form::Parts, r#"{"id":1,"error":{"code":103}}"#), (Form::Nats, "-ERR 'no'\r\n")]
    {
        let mut refused = bench_of(form, 1);
        refused.messages.push(message.as_bytes().to_vec());
        assert_eq!(refused.faults(&[0, 1]), Faults { refused: 1, ..Faults::default() });
    }
}

#[test]
fn what_turns_the_judging_ends_a_read_inside_a_frame_and_the_next_one_goes_on_there() {
    let mut bench = bench_of(Form::Parts, 2);
    bench.messages.push(br#"{"id":2,"subscribe":{}}"#.to_vec());
    let bytes = bench.stream(&[0, 2, 1]);
    let (mut rest, mut told) = (0, Told::default());
    let used = bench
        .ledger
        .read(
            &bytes,
            &mut rest,
            Some(Seat { listener: &mut bench.listener, track: 0, is_slow: false, cursor: None }),
            0,
            bench.adapter.as_mut(),
            2_000,
            &mut told,
        )
        .unwrap();
    assert!(told.turns());
    assert_eq!((bench.ledger.deliveries, rest), (1, bench.messages[1].len()));
    assert_eq!(bytes.len() - used, rest);
    let seat = Seat { listener: &mut bench.listener, track: 0, is_slow: false, cursor: None };
    let (adapter, told) = (bench.adapter.as_mut(), &mut Told::default());
    let read = bench.ledger.read(&bytes[used..], &mut rest, Some(seat), 0, adapter, 2_000, told).unwrap();
    assert_eq!(read, bytes.len() - used);
    assert_eq!((bench.ledger.deliveries, rest), (2, 0));
}

#[test]
fn several_events_in_one_frame_are_all_entered_even_after_the_offset_was_learnt() {
    let mut bench = bench(6);
    let pair = [&bench.messages[2][..], &bench.messages[3]].concat();
    let mut stream = bench.stream(&[0, 1]);
    frame::write_plain(&mut stream, frame::BINARY, &pair);
    stream.extend(bench.stream(&[4, 5]));
    assert_eq!(bench.read(&stream).unwrap(), stream.len());
    assert_eq!(bench.ledger.deliveries, 6);
    assert_eq!(bench.ledger.faults, Faults::default());
}

#[test]
fn a_close_and_a_fragment_end_the_run_and_a_ping_is_answered() {
    let mut closed = Vec::new();
    frame::write_plain(&mut closed, frame::CLOSE, b"\x0f\xa0later");
    let mut told = Told::default();
    bench(0).read_told(&closed, &mut told).unwrap();
    assert_eq!(told.closed.as_deref(), Some("4000 later"));
    assert!(bench(0).read(&[0x02, 0]).is_err());

    bench(0).read_told(&[0x89, 1, b'x'], &mut told).unwrap();
    assert_eq!(told.pings, [b"x".to_vec()]);
}
