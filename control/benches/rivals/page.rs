//! How are the figures told? Tables of Markdown in their place on the page, and plots beside it.

use crate::duel::Cycles;
use crate::{Measured, account, plots};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Puts the tables where `page` has their place, and the plots into `plots/` beside it.
///
/// # Panics
/// If there is no such place.
pub fn write(measured: &Measured, page: &Path) {
    let text = fs::read_to_string(page).expect("a page");
    let (before, rest) = text.split_once(BEGIN).expect("the place begins");
    let (_, after) = rest.split_once(END).expect("the place ends");
    fs::write(page, format!("{before}{BEGIN}\n{}{END}{after}", tables(measured)))
        .expect("the page is written");
    let directory = page.parent().expect("a page in a directory").join("plots");
    fs::create_dir_all(&directory).expect("a directory");
    plots::draw(measured, &directory);
}

fn tables(measured: &Measured) -> String {
    let machine = &measured.machine;
    let mut out = format!(
        "{}, {} processors, TSC {:.2} GHz, Linux {}, {}; tables of all in huge pages{}. Cycles of the TSC, undisturbed \
         (tenth percentile) / median.\n",
        machine.cpu,
        machine.cpus,
        machine.tsc_hz as f64 / 1e9,
        machine.kernel,
        machine.dpdk,
        if machine.dpdk_huge_pages { "" } else { ", but for DPDK's" },
    );
    if !measured.loops.is_empty() {
        loops(measured, &mut out);
        account::push(measured, &mut out);
    }
    if !measured.lookups.is_empty() {
        lookups(measured, &mut out);
    }
    if !measured.classifying.is_empty() {
        classifying(measured, &mut out);
    }
    joining(measured, &mut out);
    out
}

fn loops(measured: &Measured, out: &mut String) {
    out.push_str("\n### The whole loop, beside bare forwarding over the same ports\n\n");
    out.push_str("| packets | flows | rules | cycles a packet | million a second | times bare forwarding | new flows a second |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    for run in &measured.loops {
        let new = run.new_flows_per_second / 1e6;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {:.0} / {:.0} | {:.1} | {:.2} / {:.2} | {} |",
            run.mix.join(", "),
            grouped(run.flows),
            grouped(run.rules as u64),
            run.cycles_per_packet_p10,
            run.cycles_per_packet,
            run.mpps_p10,
            run.ratio_to_floor_p10,
            run.ratio_to_floor,
            if new > 0.0 { format!("{new:.1} million") } else { String::new() },
        );
    }
    out.push_str("\n![Cycles a packet by flows](plots/loop-by-flows.svg)\n");
}

fn lookups(measured: &Measured, out: &mut String) {
    out.push_str("\n### A flow found and its record touched\n\n");
    out.push_str("| flows | Sluice | `rte_hash` bulk 32 and a record | bulk 64 | hashbrown with ahash | times as fast as bulk 32 | as bulk 64 | as hashbrown | bytes a flow | of `rte_hash` |\n");
    out.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for one in &measured.lookups {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} |",
            grouped(one.flows.into()),
            both(one.sluice),
            both(one.rte_hash),
            both(one.rte_hash_by_bursts),
            both(one.hashbrown),
            one.rte_hash.p10 / one.sluice.p10,
            one.rte_hash_by_bursts.p10 / one.sluice.p10,
            one.hashbrown.p10 / one.sluice.p10,
            one.sluice_bytes,
            one.rte_hash_bytes,
        );
    }
    out.push_str("\n![Cycles a lookup by flows](plots/lookups-by-flows.svg)\n");
}

fn classifying(measured: &Measured, out: &mut String) {
    out.push_str("\n### The first rule that matches\n\n");
    out.push_str("| rules | kind | Sluice | `rte_acl` | its algorithm | times as fast | Sluice, from frames to decisions | bytes | of `rte_acl` | ms to build | of `rte_acl` |\n");
    out.push_str("|---|---|---|---|---|---|---|---|---|---|---|\n");
    for one in &measured.classifying {
        let _ =
            write!(out, "| {} | {} | {} | ", grouped(one.rules as u64), one.kind.word(), both(one.sluice));
        let own = |bytes: usize| grouped(bytes as u64);
        let _ = match &one.rte_acl {
            Some(rival) => writeln!(
                out,
                "{} | {} | {:.2} | {} | {} | {} | {:.1} | {:.1} |",
                both(rival.cycles),
                rival.algorithm,
                rival.cycles.p10 / one.sluice.p10,
                both(one.sluice_whole),
                own(one.sluice_bytes),
                own(rival.bytes),
                one.sluice_build,
                rival.build,
            ),
            None => {
                writeln!(
                    out,
                    "not built | | | {} | {} | | {:.1} | |",
                    both(one.sluice_whole),
                    own(one.sluice_bytes),
                    one.sluice_build
                )
            }
        };
    }
    out.push_str("\n![Cycles a packet by rules](plots/classifying-by-rules.svg)\n");
}

fn joining(measured: &Measured, out: &mut String) {
    if measured.joining.is_empty() {
        return;
    }
    out.push_str("\n### One rule more, until every worker uses it\n\n");
    out.push_str("| rules | kind | Sluice, median of | us | us at worst | one in so many compiles all anew | ms | ms to build `rte_acl` anew |\n");
    out.push_str("|---|---|---|---|---|---|---|---|\n");
    for one in &measured.joining {
        let changes = one.changes;
        let same = measured.classifying.iter().find(|of| (of.rules, of.kind) == (one.rules, one.kind));
        let rival = same.and_then(|same| same.rte_acl.as_ref());
        let milliseconds = |of: Option<f64>| of.map_or_else(String::new, |of| format!("{of:.1}"));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {:.0} | {:.0} | {} | {} | {} |",
            grouped(one.rules as u64),
            one.kind.word(),
            changes.rules_added,
            changes.until_used_us,
            changes.until_used_us_worst,
            changes.rules_added.checked_div(changes.compiled_anew).unwrap_or(0),
            milliseconds(changes.compiled_anew_us.map(|of| of / 1e3)),
            milliseconds(rival.map(|rival| rival.build)),
        );
    }
}

fn both(cycles: Cycles) -> String {
    format!("{:.0} / {:.0}", cycles.p10, cycles.p50)
}

/// With a comma before every three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

const BEGIN: &str = "<!-- make bench-rivals: begin -->";
const END: &str = "<!-- make bench-rivals: end -->";
