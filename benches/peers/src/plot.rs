//! The results as charts, both of them logarithmic: the systems are far apart.

use crate::report::digits;
use crate::rounds::{Results, Series, Unit};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::path::Path;

/// Workloads of one publisher and one event at a time, by the number of receivers.
const DELIVERIES: [&str; 4] = ["handoff", "fanout-8", "fanout-64", "fanout-1024"];
const WIDTH: u32 = 900;
const MARGIN: u32 = 20;
const FONT: &str = "sans-serif";
const OURS: RGBColor = RGBColor(31, 119, 180);
const OTHERS: RGBColor = RGBColor(176, 176, 176);
/// Colours that differ also for people who see few colours.
const LINES: [RGBColor; 10] = [
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 94, 60),
    RGBColor(110, 110, 110),
    RGBColor(180, 170, 20),
    RGBColor(100, 60, 160),
    RGBColor(20, 20, 20),
];

type Drawn = Result<(), Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Writes `events.svg` and `receivers.svg`, each only if there is something to show.
pub(crate) fn write(results: &Results, dir: &Path) -> Drawn {
    // Looked at here: a backend that cannot write its file says so in its destructor, if at all.
    std::fs::create_dir_all(dir)?;
    let groups: Vec<Vec<&Series>> = DELIVERIES
        .iter()
        .map(|&measure| {
            let of_measure =
                |series: &&Series| series.measure == measure && series.unit == Unit::Ns;
            results.series.iter().filter(of_measure).collect()
        })
        .filter(|group: &Vec<_>| !group.is_empty())
        .collect();
    if groups.is_empty() {
        return Ok(());
    }
    let mut svg = String::new();
    bars(&groups, &mut svg)?;
    std::fs::write(dir.join("events.svg"), &svg)?;
    if groups.len() > 1 {
        svg.clear();
        lines(&groups, &mut svg)?;
        std::fs::write(dir.join("receivers.svg"), &svg)?;
    }
    Ok(())
}

/// What an event takes, a bar for each system.
fn bars(groups: &[Vec<&Series>], svg: &mut String) -> Drawn {
    const ROW: u32 = 22;
    // A row for the name of each workload.
    let rows = groups.iter().map(|group| group.len() + 1).sum::<usize>() as u32;
    let area = SVGBackend::with_string(svg, (WIDTH, rows * ROW + 110)).into_drawing_area();
    area.fill(&WHITE)?;
    let values = groups.iter().flatten().map(|series| series.median());
    let (least, most) = decades(values);
    let mut chart = ChartBuilder::on(&area)
        .caption("ns an event takes (less is better)", (FONT, 24))
        .margin(MARGIN)
        .margin_right(3 * MARGIN)
        .x_label_area_size(30)
        .y_label_area_size(180)
        // The first row is on top.
        .build_cartesian_2d((least..most).log_scale(), f64::from(rows)..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .light_line_style(WHITE)
        .label_style((FONT, 17))
        .x_label_formatter(&|ns| ns.to_string())
        .draw()?;
    let write = |text: &str, at, beside: i32, side, size, colour| {
        let (x, y) = chart.plotting_area().map_coordinate(&at);
        let style = (FONT, size).into_text_style(&area).color(colour);
        let style = style.pos(Pos::new(side, VPos::Center));
        area.draw(&Text::new(text.to_owned(), (x + beside, y), style))
    };
    let mut top = 0.0;
    for group in groups {
        let name = group[0].measure;
        write(name, (least, top + 0.5), -10, HPos::Right, 19, &OURS)?;
        top += 1.0;
        for series in group {
            let ns = series.median();
            let colour = match series.system {
                "laneway" => OURS,
                _ => OTHERS,
            };
            let corners = [(least, top + 0.15), (ns, top + 0.85)];
            let plot = chart.plotting_area();
            plot.draw(&Rectangle::new(corners, colour.filled()))?;
            let middle = top + 0.5;
            write(series.system, (least, middle), -10, HPos::Right, 16, &BLACK)?;
            write(&digits(ns), (ns, middle), 6, HPos::Left, 16, &BLACK)?;
            top += 1.0;
        }
    }
    drop(chart);
    Ok(area.present()?)
}

/// What a delivery takes where there are more and more receivers, a line for each system.
fn lines(groups: &[Vec<&Series>], svg: &mut String) -> Drawn {
    const LEGEND: u32 = 190;
    let area = SVGBackend::with_string(svg, (WIDTH, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    let (area, legend) = area.split_horizontally(WIDTH - LEGEND);
    let all = || groups.iter().flatten();
    let (least, most) = decades(all().map(|series| of_delivery(series)));
    let mut chart = ChartBuilder::on(&area)
        .caption("ns a delivery takes (less is better)", (FONT, 24))
        .margin(MARGIN)
        .x_label_area_size(45)
        .y_label_area_size(60)
        .build_cartesian_2d((0.8f64..1300.0).log_scale(), (least..most).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .label_style((FONT, 17))
        .x_desc("receivers")
        .y_desc("ns")
        .x_label_formatter(&|receivers| receivers.to_string())
        .y_label_formatter(&|ns| ns.to_string())
        .draw()?;
    let mut systems: Vec<&str> = Vec::new();
    for series in all() {
        // One point is no line.
        let points = all().filter(|other| other.system == series.system);
        if !systems.contains(&series.system) && points.count() > 1 {
            systems.push(series.system);
        }
    }
    let mut colours = LINES.iter().cycle();
    for (row, system) in systems.into_iter().enumerate() {
        let (colour, width) = match system {
            "laneway" => (&OURS, 4),
            _ => (colours.next().expect("a cycle"), 2),
        };
        let points: Vec<_> = all()
            .filter(|series| series.system == system)
            .map(|series| (series.deliveries as f64, of_delivery(series)))
            .collect();
        let dots = points
            .iter()
            .map(|&point| Circle::new(point, 4, colour.filled()));
        chart.draw_series(dots)?;
        chart.draw_series(LineSeries::new(points, colour.stroke_width(width)))?;
        legend_row(&legend, row, system, colour.stroke_width(width))?;
    }
    drop(chart);
    Ok(area.present()?)
}

/// Beside the chart, where no line can be behind it.
fn legend_row(legend: &Area<'_>, row: usize, system: &str, style: ShapeStyle) -> Drawn {
    let y = 70 + 24 * row as i32;
    legend.draw(&PathElement::new([(0, y), (24, y)], style))?;
    let text = (FONT, 17)
        .into_text_style(legend)
        .pos(Pos::new(HPos::Left, VPos::Center));
    Ok(legend.draw(&Text::new(system, (32, y), text))?)
}

fn of_delivery(series: &Series) -> f64 {
    series.median() / series.deliveries as f64
}

/// The whole decades that hold all values.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let least = values.clone().fold(f64::MAX, f64::min);
    let most = values.fold(f64::MIN_POSITIVE, f64::max);
    let decade = |exponent: f64| 10f64.powf(exponent);
    (decade(least.log10().floor()), decade(most.log10().ceil()))
}
