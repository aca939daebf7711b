//! Do real hosts work behind it? Two kernels talk through `sluice run`, over AF_XDP, AF_PACKET and tap ports.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use tests::capture::bundled;
use tests::lab::{CLIENT, Driver, Lab, SERVER, SERVER6, echo};
use tests::wait;

fn stateful() -> String {
    fs::read_to_string(bundled("rulesets/stateful.nft")).expect("readable")
}

fn stateless() -> String {
    fs::read_to_string(bundled("rulesets/stateless.nft")).expect("readable")
}

/// The stateful ruleset with a rule at the end of input.
fn stateful_ending_in(rule: &str) -> String {
    let text = stateful().replace("counter comment \"closed\"", &format!("{rule} comment \"closed\""));
    assert!(text.contains(rule));
    text
}

/// The stateful ruleset without ssh.
fn stateful_without_22() -> String {
    let text = stateful().replace("{ 22, 53, 80 }", "{ 53, 80 }");
    assert_ne!(text, stateful());
    text
}

fn fetch(lab: &Lab, url: &str) -> (Option<i32>, String) {
    let output = lab.client(&["curl", "-gsS", "--max-time", "10", url]);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn services_work(driver: Driver) {
    let mut lab = Lab::start(driver, &stateful());
    let page = "a page of some length\n".repeat(5000);
    lab.serve_web(&page);
    assert!(lab.ping(SERVER) && lab.ping(SERVER6), "pings");
    for url in [format!("http://{SERVER}/page"), format!("http://[{SERVER6}]/page")] {
        let (code, text) = fetch(&lab, &url);
        assert_eq!(code, Some(0), "{url}");
        assert_eq!(text, page, "{url}");
    }
}

fn closed_ports_are_silent_or_refused(driver: Driver) {
    let lab = Lab::start(driver, &stateful());
    for address in [SERVER, SERVER6] {
        let error = lab.connect(address, 8443).expect_err("a closed port");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{address}: {error}");
        // An offered port that nobody serves: the server's own refusal comes through.
        let error = lab.connect(address, 80).expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{address}: {error}");
    }
    lab.count_at_server("tcp dport 8443");
    lab.daemon.reload(&stateful_ending_in("reject with tcp reset"));
    for address in [SERVER, SERVER6] {
        wait::until("a refusal by sluice", Duration::from_secs(10), || {
            let error = lab.connect(address, 8443).expect_err("a closed port");
            (error.kind() == ErrorKind::ConnectionRefused).then_some(())
        });
    }
    assert_eq!(Lab::counted(&lab.server), 0, "the server saw what was refused for it");
}

fn a_scan_with_acks_sees_nothing(driver: Driver) {
    let mut lab = Lab::start(driver, &stateful());
    lab.serve_web("page");
    let scan = |lab: &Lab| {
        let words =
            ["nmap", "-sA", "-Pn", "-n", "--disable-arp-ping", "--max-retries", "1", "-p", "80", SERVER];
        String::from_utf8_lossy(&lab.client(&words).stdout).into_owned()
    };
    lab.count_at_server("tcp dport 80");
    let said = scan(&lab);
    assert!(said.contains("80/tcp filtered"), "{said}");
    assert_eq!(Lab::counted(&lab.server), 0, "a probe reached the server");
    // The counter does count: the stateless style lets the same scan through.
    lab.daemon.reload(&stateless());
    wait::until("the stateless ruleset", Duration::from_secs(20), || {
        scan(&lab).contains("80/tcp unfiltered").then_some(())
    });
    assert!(Lab::counted(&lab.server) > 0);
}

fn the_server_cannot_call_out(driver: Driver) {
    let lab = Lab::start(driver, &stateful());
    lab.count_at_client("ip saddr 10.99.0.2 meta l4proto { tcp, udp } ct state new");
    let words = ["curl", "-sS", "--max-time", "2", &format!("http://{CLIENT}/")];
    assert_eq!(lab.server(&words).status.code(), Some(28), "curl must run into its timeout");
    assert!(!lab.server(&["ping", "-c", "1", "-W", "1", CLIENT]).status.success(), "the server may not ping");
    assert_eq!(Lab::counted(&lab.client), 0, "the client heard of it");
    assert!(lab.ping(SERVER), "the way in still works");
}

fn a_new_ruleset_keeps_connections(driver: Driver) {
    let lab = Lab::start(driver, &stateful());
    lab.serve_echo(22);
    lab.serve_echo(80);
    let mut old = lab.connect(SERVER, 22).expect("port 22 is offered");
    echo(&mut old, "before").expect("an echo");

    lab.daemon.reload(&stateful_without_22());
    wait::until("port 22 to be closed", Duration::from_secs(15), || lab.connect(SERVER, 22).err());
    echo(&mut old, "after the new ruleset").expect("the old connection lives");
    let mut new = lab.connect(SERVER, 80).expect("port 80 is still offered");
    echo(&mut new, "new").expect("an echo");

    let said = lab.daemon.stderr().len();
    lab.daemon.reload("table inet filter {\n\tchain input {\n\t\ttcp dprot 22 accept\n\t}\n}\n");
    let complaint = wait::until("a complaint about the broken ruleset", Duration::from_secs(10), || {
        let text = lab.daemon.stderr().get(said..).unwrap_or_default().to_owned();
        text.contains("dprot").then_some(text)
    });
    assert!(complaint.contains("rules.nft:3:"), "{complaint}");
    echo(&mut old, "after the broken ruleset").expect("the old connection lives");
    echo(&mut new, "after the broken ruleset").expect("the new connection lives");
    assert!(lab.connect(SERVER, 22).is_err(), "the second ruleset is still in force");
    assert!(lab.connect(SERVER, 80).is_ok(), "the second ruleset is still in force");
}

fn it_ends_when_told(driver: Driver) {
    let mut lab = Lab::start(driver, &stateful());
    assert!(lab.ping(SERVER6));
    lab.daemon.signal(libc::SIGTERM);
    let (status, counters) = lab.daemon.expect_end();
    assert_eq!(status.code(), Some(0), "{}", lab.daemon.stderr());
    let count = |key: &str| counters[key].as_u64().unwrap_or_else(|| panic!("{key}: {counters}"));
    assert!(count("received") >= 4 && count("transmitted") >= 4, "{counters}");
    assert_eq!(count("received"), count("transmitted") + count("dropped") + count("rejected"), "{counters}");
}

macro_rules! on_every_driver {
    ($($test:ident)*) => {
        mod af_xdp {
            $(#[test] fn $test() { super::$test(super::Driver::AfXdp); })*
        }
        mod af_packet {
            $(#[test] fn $test() { super::$test(super::Driver::AfPacket); })*
        }
        mod tap {
            $(#[test] fn $test() { super::$test(super::Driver::Tap); })*
        }
    };
}

on_every_driver! {
    services_work
    closed_ports_are_silent_or_refused
    a_scan_with_acks_sees_nothing
    the_server_cannot_call_out
    a_new_ruleset_keeps_connections
    it_ends_when_told
}
