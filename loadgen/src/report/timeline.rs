//! Charts over the time of the window: rates, CPU of both sides, the server's memory, faults.

use super::plot::{Flag, Plot, Series, Tick, filled, line};
use super::scale::{Scale, moments};
use super::text::{bytes, moment, percent, rate, short};
use crate::record::verdict::grouped;
use crate::record::{Record, Second};

/// More columns than this are not seen, and a day would fill the page's file.
const COLUMNS_MAX: usize = 120;

/// Marks beyond this many are in the record alone.
pub const MARKS_MAX: usize = 40;

/// The window in columns of equally many seconds each.
pub struct Columns<'a> {
    pub all: Vec<Column<'a>>,
    /// Seconds in a column.
    pub each: usize,
    /// Length of the window.
    pub end: f64,
}

pub struct Column<'a> {
    pub from: f64,
    pub to: f64,
    pub seconds: &'a [Second],
}

impl<'a> Columns<'a> {
    pub fn of(record: &'a Record) -> Columns<'a> {
        let each = record.seconds.len().div_ceil(COLUMNS_MAX).max(1);
        let mut from = 0.0;
        let column = |seconds: &'a [Second]| {
            let to = seconds.last().map_or(from, |second| second.at).max(from);
            let column = Column { from, to, seconds };
            from = to;
            column
        };
        let all: Vec<Column<'a>> = record.seconds.chunks(each).map(column).collect();
        let end = all.last().map_or(0.0, |column| column.to);
        Columns { all, each, end }
    }

    /// Where a moment lies, as a share of the window.
    pub fn place(&self, at: f64) -> f64 {
        Scale::exact(self.end).at(at)
    }

    pub fn middle(&self, column: &Column<'_>) -> f64 {
        self.place((column.from + column.to) / 2.0)
    }

    pub fn ticks(&self) -> Vec<Tick> {
        let tick = |(n, at): (usize, f64)| Tick { at: self.place(at), text: moment(at), spare: n % 2 == 1 };
        moments(self.end).into_iter().enumerate().map(tick).collect()
    }

    /// The columns as somebody points at them.
    pub fn points(&self) -> Vec<(f64, String)> {
        let name = |column: &Column<'_>| format!("{}–{}", short(column.from), moment(column.to));
        self.all.iter().map(|column| (self.middle(column), name(column))).collect()
    }

    pub fn flags(&self, record: &Record) -> Vec<Flag> {
        let marks = record.marks.iter().take(MARKS_MAX).enumerate();
        marks.map(|(n, mark)| Flag { at: self.place(mark.at), number: n + 1 }).collect()
    }

    /// One value of each column, drawn as a line. `None`: nothing was to be measured there.
    pub fn line(&self, y: &Scale, values: &[Option<f64>]) -> Vec<Option<(f64, f64)>> {
        let all = self.all.iter().zip(values);
        all.map(|(column, value)| value.map(|value| (self.middle(column), y.at(value)))).collect()
    }
}

impl Column<'_> {
    fn per_second(&self, count: fn(&Second) -> u64) -> f64 {
        let sum: f64 = self.seconds.iter().map(|second| count(second) as f64).sum();
        sum / if self.to > self.from { self.to - self.from } else { 1.0 }
    }

    /// The mean of what was measured.
    pub fn mean(&self, value: impl Fn(&Second) -> Option<f64>) -> Option<f64> {
        let all: Vec<f64> = self.seconds.iter().filter_map(value).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }

    pub fn most(&self, value: impl Fn(&Second) -> Option<f64>) -> Option<f64> {
        self.seconds.iter().filter_map(value).reduce(f64::max)
    }
}

/// One line of a chart.
struct Line<'a> {
    colour: usize,
    name: &'a str,
    values: Vec<Option<f64>>,
}

type Count = fn(&Second) -> u64;

const RATES: [(&str, Count); 6] = [
    ("Posts a second", |second| second.posts),
    ("Deliveries a second", |second| second.deliveries),
    ("Acks a second", |second| second.acks),
    ("Joins a second", |second| second.joins),
    ("Pages of history a second", |second| second.pages),
    ("Cycles a second", |second| second.cycles),
];

/// Every chart for which there is something, with a name for the page.
pub fn plots(record: &Record, columns: &Columns<'_>) -> Vec<(String, Plot)> {
    let flags = columns.flags(record);
    let mut all = Vec::new();
    for (n, (name, count)) in RATES.into_iter().enumerate() {
        if record.seconds.iter().any(|second| count(second) > 0) {
            let values = columns.all.iter().map(|column| Some(column.per_second(count))).collect();
            let line = Line { colour: 1, name: "", values };
            let round = |value: f64| grouped(value).replace("-0", "0");
            let plot = chart(
                columns,
                &flags,
                name,
                &[line],
                &|value| if value < 10.0 { short(value) } else { round(value) },
                rate,
            );
            all.push((format!("rate-{n}"), plot));
        }
    }
    let share = |colour, name, of: fn(&Second) -> Option<f64>| {
        let values: Vec<Option<f64>> = columns.all.iter().map(|column| column.mean(of)).collect();
        Line { colour, name, values }
    };
    let sides =
        [share(1, "server", |second| second.server_share), share(2, "generator", |second| Some(second.driver_share))];
    let sides: Vec<Line<'_>> = sides.into_iter().filter(|line| line.values.iter().any(Option::is_some)).collect();
    if !sides.is_empty() {
        all.push(("cpu".to_owned(), chart(columns, &flags, "CPU: 100 % is one core", &sides, &percent, percent)));
    }
    let memory: Vec<Option<f64>> = columns
        .all
        .iter()
        .map(|column| column.most(|second| second.server_memory_bytes.map(|bytes| bytes as f64)))
        .collect();
    if memory.iter().any(Option::is_some) {
        let line = Line { colour: 1, name: "", values: memory };
        all.push(("memory".to_owned(), memory_chart(columns, &flags, line)));
    }
    if record.seconds.iter().any(|second| second.faults > 0) {
        let values = columns.all.iter().map(|column| Some(column.per_second(|second| second.faults))).collect();
        let line = Line { colour: 6, name: "", values };
        all.push(("faults-over-time".to_owned(), chart(columns, &flags, "Faults a second", &[line], &short, rate)));
    }
    all
}

/// The grid of memory is round in MiB, not in bytes.
fn memory_chart(columns: &Columns<'_>, flags: &[Flag], line: Line<'_>) -> Plot {
    const MIB: f64 = 1024.0 * 1024.0;
    let values = line.values.into_iter().map(|value| value.map(|bytes| bytes / MIB)).collect();
    let line = Line { values, ..line };
    chart(columns, flags, "Server memory: private", &[line], &|mib| format!("{} MiB", short(mib)), |mib| {
        bytes(mib * MIB)
    })
}

fn chart(
    columns: &Columns<'_>,
    flags: &[Flag],
    title: &str,
    lines: &[Line<'_>],
    tick: &dyn Fn(f64) -> String,
    word: fn(f64) -> String,
) -> Plot {
    let most = lines.iter().flat_map(|line| line.values.iter().flatten()).copied().fold(0.0, f64::max);
    let y = Scale::linear(most);
    let mut drawn = String::new();
    let mut series = Vec::new();
    let mut said = Vec::new();
    for Line { colour, name, values } in lines {
        let points = columns.line(&y, values);
        if lines.len() == 1 {
            drawn += &format!("<path class=\"area c{colour}\" d=\"{}\"/>", filled(&points));
        }
        drawn += &format!("<path class=\"line c{colour}\" d=\"{}\"/>", line(&points));
        let words = values.iter().map(|value| value.map_or_else(|| "–".to_owned(), word)).collect();
        let end = points.iter().rev().find_map(|point| *point).map(|point| point.1);
        series.push(Series { colour: *colour, name: (*name).to_owned(), words, end: end.filter(|_| lines.len() > 1) });
        let measured = || values.iter().flatten().copied();
        let (least, most) = (measured().fold(f64::INFINITY, f64::min), measured().fold(0.0, f64::max));
        said.push(format!("{name} from {} to {}", word(least), word(most)).trim().to_owned());
    }
    Plot {
        title: title.to_owned(),
        summary: format!("{title} over {}: {}.", moment(columns.end), said.join("; ")),
        height: 132,
        x: columns.ticks(),
        y: y.ticks().into_iter().map(|value| Tick { at: y.at(value), text: tick(value), spare: false }).collect(),
        drawn,
        series,
        flags: flags.to_vec(),
        points: columns.points(),
        over_time: true,
        ..Plot::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{Sample, record, stall};

    fn read(value: serde_json::Value) -> Record {
        Record::read(&value.to_string()).unwrap()
    }

    #[test]
    fn a_day_is_drawn_in_columns_that_keep_the_rates() {
        let day = read(record(Sample { seconds: 4_000, stall: false, slower: 0 }));
        let columns = Columns::of(&day);
        assert!(columns.all.len() <= COLUMNS_MAX && columns.each == 34 && columns.end == 4_000.0);
        let rates: Vec<f64> = columns.all.iter().map(|column| column.per_second(|second| second.posts)).collect();
        assert!(rates.iter().all(|rate| (980.0..1_020.0).contains(rate)), "{rates:?}");
    }

    #[test]
    fn there_is_a_chart_for_everything_that_was_measured_and_nothing_else() {
        let names = |record: &Record| -> Vec<String> {
            plots(record, &Columns::of(record)).into_iter().map(|(name, _)| name).collect()
        };
        let mut run = read(stall());
        let all = ["rate-0", "rate-1", "rate-2", "rate-3", "rate-4", "rate-5", "cpu", "memory", "faults-over-time"];
        assert_eq!(names(&run), all);
        for second in &mut run.seconds {
            *second = Second { at: second.at, posts: 5, driver_share: 0.1, ..Second::default() };
        }
        assert_eq!(names(&run), ["rate-0", "cpu"]);
        run.seconds.clear();
        assert!(names(&run).is_empty());
    }

    #[test]
    fn marks_are_where_their_time_is() {
        let run = read(stall());
        let flags = Columns::of(&run).flags(&run);
        assert_eq!(flags.len(), 2);
        assert!((flags[0].at - 29.6 / 60.0).abs() < 1e-9 && flags[1].number == 2);
    }
}
