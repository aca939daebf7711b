//! What do the figures look like? Cycles by size, a line for each contender, as SVG.

use crate::Measured;
use crate::rulesets::Kind;
use plotters::prelude::*;
use std::path::Path;

/// One line: its name and points.
type Line<'a> = (&'a str, Vec<(f64, f64)>);

/// Draws everything that was measured into `directory`.
pub fn draw(measured: &Measured, directory: &Path) {
    let established = measured.loops.iter().filter(|run| run.mix == ["established"]);
    let by_flows = |of: fn(&crate::loops::Loop) -> f64| -> Vec<(f64, f64)> {
        established.clone().map(|run| (run.flows as f64, of(run))).collect()
    };
    plot(
        &directory.join("loop-by-flows.svg"),
        "Established TCP, 20 rules: cycles a packet",
        "flows",
        &[
            ("Sluice", by_flows(|run| run.cycles_per_packet_p10)),
            ("bare forwarding", by_flows(|run| run.floor_cycles_per_packet_p10)),
        ],
    );
    let lookups = |of: fn(&crate::lookups::Lookups) -> f64| -> Vec<(f64, f64)> {
        measured.lookups.iter().map(|one| (f64::from(one.flows), of(one))).collect()
    };
    plot(
        &directory.join("lookups-by-flows.svg"),
        "A flow found and touched: cycles",
        "flows",
        &[
            ("Sluice", lookups(|one| one.sluice.p10)),
            ("rte_hash bulk 32", lookups(|one| one.rte_hash.p10)),
            ("bulk 64", lookups(|one| one.rte_hash_by_bursts.p10)),
            ("hashbrown", lookups(|one| one.hashbrown.p10)),
        ],
    );
    let of_kind = |kind: Kind| measured.classifying.iter().filter(move |one| one.kind == kind);
    let own = |kind| of_kind(kind).map(|one| (one.rules as f64, one.sluice.p10)).collect();
    let theirs = |kind| {
        of_kind(kind).filter_map(|one| Some((one.rules as f64, one.rte_acl.as_ref()?.cycles.p10))).collect()
    };
    plot(
        &directory.join("classifying-by-rules.svg"),
        "The first rule that matches: cycles a packet",
        "rules",
        &[
            ("Sluice, whitelist", own(Kind::Whitelist)),
            ("rte_acl, whitelist", theirs(Kind::Whitelist)),
            ("Sluice, acl", own(Kind::Acl)),
            ("rte_acl, acl", theirs(Kind::Acl)),
        ],
    );
}

fn plot(path: &Path, title: &str, sizes: &str, lines: &[Line<'_>]) {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let values = || points().map(of);
        (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max))
    };
    let ((left, right), (_, top)) = (ends(|point| point.0), ends(|point| point.1));
    if left >= right {
        return;
    }
    let area = SVGBackend::new(path, (720, 420)).into_drawing_area();
    area.fill(&WHITE).expect("a plot");
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d((left..right).log_scale(), 0.0..top * 1.1)
        .expect("a plot");
    let whole = |value: &f64| format!("{value:.0}");
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(sizes).y_desc("cycles").x_label_formatter(&whole).y_label_formatter(&whole);
    mesh.draw().expect("a plot");
    for (number, (name, points)) in lines.iter().enumerate() {
        let color = Palette99::pick(number).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3))
            .expect("a plot")
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
    }
    let mut labels = chart.configure_series_labels();
    labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).border_style(BLACK);
    labels.draw().expect("a plot");
    area.present().expect("the plot is written");
}
