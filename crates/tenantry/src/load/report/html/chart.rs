//! Plots as inline SVG.
//!
//! Marks have presentation attributes besides their classes, so that a plot can be read even where
//! a site's policy forbids the page's style; lines differ by dashes as well as by colour. Each plot
//! has a title and a description for those who cannot see it, and its numbers as a table below.

use std::fmt::Write as _;

use super::escape::Escaped;
use super::scale::Scale;

/// A plot of lines over an axis.
#[derive(Debug)]
pub(super) struct Chart {
    /// Unique in the page.
    pub(super) id: &'static str,
    /// What it shows.
    pub(super) title: String,
    /// The same for those who cannot see it, with the main numbers.
    pub(super) description: String,
    /// The horizontal axis.
    pub(super) x: Axis,
    /// The vertical axis.
    pub(super) y: Axis,
    /// The lines.
    pub(super) lines: Vec<Line>,
    /// The horizontal range that does not count, if there is one.
    pub(super) shaded: Option<(f64, f64, &'static str)>,
}

/// An axis with its ticks.
#[derive(Debug)]
pub(super) struct Axis {
    /// What is on it.
    pub(super) label: String,
    /// Where values lie.
    pub(super) scale: Scale,
    /// Values and their names.
    pub(super) ticks: Vec<(f64, String)>,
}

/// A line through points; a point without a value interrupts it.
#[derive(Debug)]
pub(super) struct Line {
    /// Its name in the legend.
    pub(super) name: String,
    /// Its points, from left to right.
    pub(super) points: Vec<(f64, Option<f64>)>,
}

impl Axis {
    /// An axis with ticks where its scale has round values.
    pub(super) fn new(label: &str, scale: Scale, name: impl Fn(f64) -> String) -> Self {
        let ticks = scale.ticks().into_iter();
        Self {
            label: label.to_owned(),
            ticks: ticks.map(|tick| (tick, name(tick))).collect(),
            scale,
        }
    }
}

impl Chart {
    /// The plot with its legend; nothing without any point.
    pub(super) fn svg(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        begin(out, self.id, &self.title, &self.description, HEIGHT);
        self.shade(out);
        self.axes(out);
        for (index, line) in self.lines.iter().enumerate() {
            self.line(out, index, line);
        }
        out.push_str("</svg></div>\n");
        self.legend(out);
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.scale.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.scale.place(value) * (HEIGHT - TOP - BOTTOM)
    }

    fn shade(&self, out: &mut String) {
        let Some((from, to, name)) = self.shaded else {
            return;
        };
        let (left, right) = (self.x(from), self.x(to));
        if right - left < 1.0 {
            return;
        }
        push(
            out,
            format_args!(
                "<rect class=\"shade\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\" \
                 fill=\"#888888\" fill-opacity=\"0.15\"><title>{name}</title></rect>\n",
                right - left,
                HEIGHT - TOP - BOTTOM
            ),
        );
    }

    fn axes(&self, out: &mut String) {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        out.push_str("<g class=\"axes\" stroke=\"none\" fill=\"currentColor\">\n");
        for (value, name) in &self.y.ticks {
            let y = self.y(*value);
            grid(out, (LEFT, y), (right, y));
            label(out, (LEFT - 6.0, y + 4.0), "end", name);
        }
        for (value, name) in &self.x.ticks {
            let x = self.x(*value);
            grid(out, (x, TOP), (x, bottom));
            label(out, (x, bottom + 16.0), "middle", name);
        }
        label(out, (LEFT, TOP - 8.0), "start", &self.y.label);
        label(out, (right, HEIGHT - 4.0), "end", &self.x.label);
        out.push_str("</g>\n");
    }

    fn line(&self, out: &mut String, index: usize, line: &Line) {
        let mut path = String::new();
        let mut alone = Vec::new();
        let mut run: Vec<(f64, f64)> = Vec::new();
        let points = line.points.iter();
        for (x, y) in points.map(|(x, y)| (*x, *y)).chain([(0.0, None)]) {
            match y {
                Some(y) => run.push((self.x(x), self.y(y))),
                None => {
                    match run.as_slice() {
                        [] => {}
                        [one] => alone.push(*one),
                        [(x, y), rest @ ..] => {
                            push(&mut path, format_args!("M{x:.1} {y:.1}"));
                            for (x, y) in rest {
                                push(&mut path, format_args!("L{x:.1} {y:.1}"));
                            }
                        }
                    }
                    run.clear();
                }
            }
        }
        let (colour, dashes) = look(index);
        if !path.is_empty() {
            push(
                out,
                format_args!(
                    "<path class=\"mark line c{index}\" d=\"{path}\" fill=\"none\" \
                     stroke=\"{colour}\" stroke-width=\"1.75\" stroke-dasharray=\"{dashes}\" \
                     stroke-linejoin=\"round\"/>\n"
                ),
            );
        }
        for (x, y) in alone {
            push(
                out,
                format_args!(
                    "<circle class=\"mark dot d{index}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" \
                     fill=\"{colour}\"/>\n"
                ),
            );
        }
    }

    fn legend(&self, out: &mut String) {
        out.push_str("<ul class=\"legend\">\n");
        for (index, line) in self.lines.iter().enumerate() {
            let (colour, dashes) = look(index);
            push(
                out,
                format_args!(
                    "<li><svg width=\"34\" height=\"10\" aria-hidden=\"true\"><line class=\"line c{index}\" \
                     x1=\"1\" y1=\"5\" x2=\"33\" y2=\"5\" stroke=\"{colour}\" stroke-width=\"2\" \
                     stroke-dasharray=\"{dashes}\"/></svg> {}</li>\n",
                    Escaped(&line.name)
                ),
            );
        }
        out.push_str("</ul>\n");
    }
}

/// Horizontal bars, one below the other.
#[derive(Debug)]
pub(super) struct Bars {
    /// Unique in the page.
    pub(super) id: &'static str,
    /// What they show.
    pub(super) title: String,
    /// The same for those who cannot see it.
    pub(super) description: String,
    /// What a bar is, how long, in words, and whether it is a good thing.
    pub(super) bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug)]
pub(super) struct Bar {
    /// What it is.
    pub(super) name: String,
    /// How long, against the others.
    pub(super) value: f64,
    /// The same in words.
    pub(super) words: String,
    /// Which colour.
    pub(super) tone: Tone,
}

/// What a bar means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As wanted.
    Good,
    /// Not now.
    Later,
    /// Not at all.
    Bad,
}

impl Bars {
    /// The bars.
    pub(super) fn svg(&self) -> String {
        let mut out = String::new();
        let height = TOP + BAR * self.bars.len() as f64;
        begin(&mut out, self.id, &self.title, &self.description, height);
        let scale = Scale::linear(self.bars.iter().map(|bar| bar.value).fold(0.0, f64::max));
        out.push_str("<g stroke=\"none\" fill=\"currentColor\">\n");
        for (index, bar) in self.bars.iter().enumerate() {
            bar.write(&mut out, TOP + BAR * index as f64, &scale);
        }
        out.push_str("</g>\n</svg></div>\n");
        out
    }
}

impl Bar {
    fn write(&self, out: &mut String, top: f64, scale: &Scale) {
        let room = WIDTH - NAMES - VALUES;
        // Something is never nothing.
        let least = if self.value > 0.0 { 1.5 } else { 0.0 };
        let width = (scale.place(self.value) * room).max(least);
        let (class, colour) = match self.tone {
            Tone::Good => ("good", "#0f7b8a"),
            Tone::Later => ("later", "#b7791f"),
            Tone::Bad => ("bad", "#c53030"),
        };
        let middle = top + BAR / 2.0 + 4.0;
        label(out, (NAMES - 8.0, middle), "end", &shortened(&self.name));
        push(
            out,
            format_args!(
                "<rect class=\"mark {class}\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{width:.1}\" \
                 height=\"{:.1}\" fill=\"{colour}\"><title>{}: {}</title></rect>\n",
                top + 3.0,
                BAR - 6.0,
                Escaped(&self.name),
                Escaped(&self.words)
            ),
        );
        label(out, (NAMES + width + 6.0, middle), "start", &self.words);
    }
}

fn shortened(name: &str) -> String {
    const LONGEST: usize = 28;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let beginning: String = name.chars().take(LONGEST - 3).collect();
    format!("{beginning}...")
}

fn begin(out: &mut String, id: &str, title: &str, description: &str, height: f64) {
    push(
        out,
        format_args!(
            "<div class=\"scroll\" tabindex=\"0\"><svg class=\"plot\" id=\"{id}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n",
            Escaped(title),
            Escaped(description)
        ),
    );
}

fn grid(out: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    push(
        out,
        format_args!(
            "<line class=\"grid\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" \
             stroke=\"#888888\" stroke-opacity=\"0.3\"/>\n"
        ),
    );
}

fn label(out: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    push(
        out,
        format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>\n",
            Escaped(text)
        ),
    );
}

/// The colour and the dashes of a line; the colours can be told apart by those who see few.
fn look(index: usize) -> (&'static str, &'static str) {
    LOOKS
        .get(index % LOOKS.len())
        .copied()
        .unwrap_or(("#0072b2", "none"))
}

const LOOKS: [(&str, &str); 8] = [
    ("#0072b2", "none"),
    ("#d55e00", "7 3"),
    ("#009e73", "2 3"),
    ("#b05a8c", "9 3 2 3"),
    ("#a07800", "none"),
    ("#3a97c9", "7 3"),
    ("#8a6d3b", "2 3"),
    ("#777777", "9 3 2 3"),
];

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;
/// Of a bar with its distance to the next.
const BAR: f64 = 22.0;
/// Room for the names of bars.
const NAMES: f64 = 205.0;
/// Room for the values of bars.
const VALUES: f64 = 230.0;
