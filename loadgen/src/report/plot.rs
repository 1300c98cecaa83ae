//! A chart as HTML: the drawing is SVG and stretches with the page, every letter is HTML and keeps its size.

use serde_json::json;

use super::text::{escape, escape_long};

/// Drawings are so many units wide and high, whatever they show.
pub const UNITS: f64 = 1_000.0;

/// A line of the grid: where it lies (share of the axis), and what stands beside it.
pub struct Tick {
    pub at: f64,
    pub text: String,
    /// Narrow pages leave it out.
    pub spare: bool,
}

/// A series: the number of its colour, its name, and the words for each point that can be pointed at.
pub struct Series {
    pub colour: usize,
    pub name: String,
    pub words: Vec<String>,
    /// Where the line ends (share of the height), to write its name there. None: the legend alone names it.
    pub end: Option<f64>,
}

/// A moment that somebody marked: where, and its number.
#[derive(Clone)]
pub struct Flag {
    pub at: f64,
    pub number: usize,
}

#[derive(Default)]
pub struct Plot {
    pub title: String,
    /// A sentence below the title.
    pub note: String,
    /// What a listener hears in place of the picture.
    pub summary: String,
    pub height: u32,
    pub x: Vec<Tick>,
    pub y: Vec<Tick>,
    /// SVG.
    pub drawn: String,
    pub series: Vec<Series>,
    pub flags: Vec<Flag>,
    /// Whether the flags' numbers are written.
    pub numbered: bool,
    /// The points that can be pointed at: where, and their name.
    pub points: Vec<(f64, String)>,
    /// Charts over the same axis show their points together.
    pub over_time: bool,
}

impl Plot {
    /// `id` is unique in the page.
    pub fn html(&self, id: &str) -> String {
        let (title, summary) = (escape(&self.title), escape_long(&self.summary));
        let mut out = format!("<figure class=chart id={id}>\n<figcaption><h3>{title}</h3>");
        if !self.note.is_empty() {
            out += &format!("<p class=note>{}</p>", escape(&self.note));
        }
        out += &self.legend();
        let ends = self.series.iter().any(|series| series.end.is_some());
        out += &format!(
            "</figcaption>\n<div class=\"plot{}\" style=\"--high:{}px\" data-over={} data-read='{}'>\n",
            if ends { " ends" } else { "" },
            self.height,
            if self.over_time { "time" } else { id },
            self.words(),
        );
        out += "<div class=ys aria-hidden=true>";
        for tick in &self.y {
            out += &format!("<span style=\"bottom:{:.2}%\">{}</span>", tick.at * 100.0, escape(&tick.text));
        }
        out += "</div>\n<div class=area>";
        out += &format!(
            "<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=none role=img aria-labelledby=\"{id}-t {id}-d\">\
             <title id={id}-t>{title}</title><desc id={id}-d>{summary}</desc>\n\
             <path class=grid d=\"{}\"/>{}<path class=mark d=\"{}\"/></svg>",
            self.grid(),
            self.drawn,
            self.flags.iter().map(|flag| format!("M{:.1} 0V1000", flag.at * UNITS)).collect::<String>(),
        );
        out += &self.flags();
        out += &self.ends();
        out += "</div>\n<div class=xs aria-hidden=true>";
        for tick in &self.x {
            let edge = if tick.at < 0.02 {
                " class=first"
            } else if tick.at > 0.98 {
                " class=last"
            } else {
                ""
            };
            let spare = if tick.spare && edge.is_empty() { " class=spare" } else { edge };
            out += &format!("<span{spare} style=\"left:{:.2}%\">{}</span>", tick.at * 100.0, escape(&tick.text));
        }
        out + "</div></div>\n</figure>\n"
    }

    fn legend(&self) -> String {
        let item = |series: &Series| {
            // A chart with one line is named by its title.
            let key = if series.name.is_empty() { "" } else { &format!("<i class=\"key c{}\"></i>", series.colour) };
            format!("<li>{key}{} <b></b></li>", escape(&series.name))
        };
        format!("<ul class=legend>{}</ul>", self.series.iter().map(item).collect::<String>())
    }

    /// What the page's script shows beside the pointer.
    fn words(&self) -> String {
        let at: Vec<f64> = self.points.iter().map(|(at, _)| (at * 10_000.0).round() / 10_000.0).collect();
        let names: Vec<&str> = self.points.iter().map(|(_, name)| name.as_str()).collect();
        let words: Vec<&[String]> = self.series.iter().map(|series| series.words.as_slice()).collect();
        let text = json!({ "at": at, "names": names, "words": words }).to_string();
        text.replace('&', "&amp;").replace('\'', "&#39;").replace('<', "&lt;")
    }

    fn grid(&self) -> String {
        let lines = self.y.iter().map(|tick| format!("M0 {:.1}H1000", (1.0 - tick.at) * UNITS));
        lines.chain(self.x.iter().map(|tick| format!("M{:.1} 1000v-8", tick.at * UNITS))).collect()
    }

    /// Numbers stand side by side; one that comes near the one before stands lower, and a third is left to the list.
    fn flags(&self) -> String {
        let mut last = [-1.0; 2];
        let mut out = String::new();
        for flag in self.flags.iter().filter(|_| self.numbered) {
            let Some(row) = last.iter().position(|last| flag.at - last >= 0.06) else { continue };
            last[row] = flag.at;
            let class = ["flag", "\"flag lower\""][row];
            out += &format!("<span class={class} style=\"left:{:.2}%\">{}</span>", flag.at * 100.0, flag.number);
        }
        out
    }

    /// Names at the ends of their lines, moved apart where lines end together.
    fn ends(&self) -> String {
        let mut ends: Vec<(f64, &Series)> = self.series.iter().filter_map(|one| Some((one.end?, one))).collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let apart = 16.0 / f64::from(self.height.max(1));
        for n in 1..ends.len() {
            ends[n].0 = ends[n].0.max(ends[n - 1].0 + apart);
        }
        // Whoever was pushed out at the top comes back in, and pushes the others down.
        let mut top = 1.0;
        for (at, _) in ends.iter_mut().rev() {
            *at = at.min(top);
            top = *at - apart;
        }
        let span = |(at, series): &(f64, &Series)| {
            let (bottom, colour) = (at * 100.0, series.colour);
            format!("<span class=\"end c{colour}\" style=\"bottom:{bottom:.2}%\">{}</span>", escape(&series.name))
        };
        ends.iter().map(span).collect()
    }
}

/// A line through points (shares of both axes) with a gap where there is none; a lone point is a dot.
pub fn line(points: &[Option<(f64, f64)>]) -> String {
    let mut out = String::new();
    for run in points.split(|point| point.is_none()) {
        for (n, (x, y)) in run.iter().flatten().enumerate() {
            out += &format!("{}{:.1} {:.1}", if n == 0 { 'M' } else { 'L' }, x * UNITS, (1.0 - y) * UNITS);
        }
        if run.len() == 1 {
            out += "h.1";
        }
    }
    out
}

/// The same, closed down to the axis.
pub fn filled(points: &[Option<(f64, f64)>]) -> String {
    let mut out = String::new();
    for run in points.split(|point| point.is_none()) {
        if let (Some(Some((first, _))), Some(Some((last, _)))) = (run.first(), run.last()) {
            out += &format!("{}V1000", line(run).replacen('M', &format!("M{:.1} 1000L", first * UNITS), 1));
            out += &format!("H{:.1}Z", first.min(*last) * UNITS);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_gaps_and_dots() {
        let points = [Some((0.0, 0.0)), Some((0.5, 1.0)), None, Some((1.0, 0.5))];
        assert_eq!(line(&points), "M0.0 1000.0L500.0 0.0M1000.0 500.0h.1");
        assert_eq!(filled(&points[..2]), "M0.0 1000L0.0 1000.0L500.0 0.0V1000H0.0Z");
        assert_eq!((line(&[]), filled(&[None])), (String::new(), String::new()));
    }

    #[test]
    fn names_at_the_ends_keep_apart_and_inside() {
        let series = |end| Series { colour: 1, name: "x".to_owned(), words: Vec::new(), end: Some(end) };
        let plot = Plot { height: 160, series: vec![series(1.0), series(1.0), series(0.99)], ..Plot::default() };
        let ends = plot.ends();
        for place in ["bottom:100.00%", "bottom:90.00%", "bottom:80.00%"] {
            assert!(ends.contains(place), "{ends}");
        }
    }

    #[test]
    fn numbers_of_marks_do_not_cover_each_other() {
        let flags = [0.1, 0.11, 0.12, 0.2].into_iter().enumerate().map(|(n, at)| Flag { at, number: n + 1 }).collect();
        let shown = Plot { flags, numbered: true, ..Plot::default() }.flags();
        assert_eq!(shown.matches("class=flag ").count(), 2);
        assert!(shown.contains("lower\" style=\"left:11.00%\">2<") && !shown.contains(">3<"), "{shown}");
    }

    #[test]
    fn what_the_script_reads_cannot_leave_its_attribute() {
        let words = vec!["'><script>alert(1)</script>".to_owned()];
        let series = vec![Series { colour: 1, name: "<b>".to_owned(), words, end: None }];
        let html = Plot { series, points: vec![(0.5, "'".to_owned())], ..Plot::default() }.html("x");
        assert!(!html.contains("<script") && !html.contains("<b>&"), "{html}");
        assert_eq!(html.matches('\'').count(), 2);
    }
}
