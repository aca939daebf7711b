//! How does the kernel get frames to judge, as fast as it can take them? From a BPF program that it runs itself and whose
//! frames it takes as received by a device (`BPF_PROG_RUN` with live frames: Linux, Documentation/bpf/bpf_prog_run.rst).

use libbpf_rs::{MapCore, MapFlags, Object, ObjectBuilder, ProgramInput};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Makes frames.
pub struct Frames {
    object: Object,
}

/// Which frames: those of connections from many clients to port 443 of one server.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The device that receives them.
    pub device: &'static str,
    /// Flows to draw from; in order where there are none.
    pub drawn_of: Option<u32>,
    /// The first, where they come in order.
    pub next: u32,
    /// Whether they come from the server.
    pub reply: bool,
    /// Flags of TCP.
    pub flags: u8,
    /// Whether they are dropped as soon as they are made.
    pub dropped: bool,
}

impl Frames {
    /// Compiles and loads the program.
    ///
    /// # Panics
    /// If clang or the kernel refuses it.
    pub fn load() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (source, object) = (directory.path().join("frames.bpf.c"), directory.path().join("frames.o"));
        fs::write(&source, include_str!("frames.bpf.c")).expect("the source is written");
        let mut clang = Command::new("clang");
        // where Debian keeps <asm/types.h>
        clang
            .args(["-O2", "-g", "-target", "bpf"])
            .arg(format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH));
        let compiled =
            clang.arg("-c").arg(&source).arg("-o").arg(&object).status().expect("clang is installed");
        assert!(compiled.success(), "clang compiles the program");
        Self { object: loaded(&object) }
    }

    /// Has so many frames judged; what each took, on the average.
    ///
    /// # Panics
    /// If the kernel refuses.
    pub fn run(&self, plan: &Plan, count: u32) -> Duration {
        let map = self.object.maps().find(|map| map.name() == "plans").expect("the program's map");
        map.update(&0u32.to_ne_bytes(), &plan.bytes(), MapFlags::ANY).expect("the plan is taken");
        let program = self.object.progs_mut().next().expect("the program");
        // `struct xdp_md`: where the frame ends, and the device that receives it
        let (mut context, frame) = ([0; 24], [0; FRAME as usize]);
        context[4..8].copy_from_slice(&FRAME.to_ne_bytes());
        context[12..16].copy_from_slice(&index(plan.device).to_ne_bytes());
        let input = ProgramInput {
            data_in: Some(&frame),
            context_in: Some(&mut context),
            repeat: count,
            flags: LIVE_FRAMES,
            ..ProgramInput::default()
        };
        program.test_run(input).expect("the kernel runs the program").duration
    }
}

impl Plan {
    /// `struct plan` of frames.bpf.c.
    fn bytes(&self) -> Vec<u8> {
        let verdict = if self.dropped { XDP_DROP } else { XDP_PASS };
        let words = [self.drawn_of.unwrap_or(0), self.next, verdict];
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
        bytes.extend([self.drawn_of.is_some().into(), self.reply.into(), self.flags]);
        bytes.extend(address(self.device));
        bytes.extend([0; 3]);
        bytes
    }
}

fn loaded(path: &Path) -> Object {
    let open = ObjectBuilder::default().open_file(path).expect("a program of BPF");
    open.load().expect("the kernel takes the program; this needs root")
}

fn index(device: &str) -> u32 {
    said(device, "ifindex").parse().expect("a number")
}

fn address(device: &str) -> Vec<u8> {
    let octet = |text| u8::from_str_radix(text, 16).expect("two hexadecimal digits");
    said(device, "address").split(':').map(octet).collect()
}

/// Packets that went out by a device.
pub fn left_by(device: &str) -> u64 {
    said(device, "statistics/rx_packets").parse().expect("a number")
}

fn said(device: &str, what: &str) -> String {
    let path = format!("/sys/class/net/{device}/{what}");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

const FRAME: u32 = 60;
/// `BPF_F_TEST_XDP_LIVE_FRAMES`
const LIVE_FRAMES: u32 = 2;
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
