# Everything there is to do, from a fresh Debian 12 on, as root. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export PATH := $(HOME)/.cargo/bin:$(PATH)
export CARGO_TERM_COLOR ?= auto

SLUICE   := target/release/sluice
INSIDE   := 192.0.2.0/24,2001:db8:2::/64
CAPTURE  := tests/captures/demo.pcap
RULESETS := tests/rulesets
FUZZ_SECONDS ?= 60
SCENARIOS ?= 1000
BENCH_ROUNDS ?= 5
BENCH_SECONDS ?= 2

# what the build needs, and what the tests need besides
BUILD_PACKAGES := build-essential pkgconf clang libclang-dev libdpdk-dev curl ca-certificates
TEST_PACKAGES  := nftables iptables iproute2 ethtool nmap nginx-light iputils-ping tshark tcpdump procps \
                  python3 python3-scapy conntrack
RUST_VERSION   := 1.89

.PHONY: help deps deps-test build demo test parity conformance lint loom fuzz bench bench-parts bench-kernel bench-load bench-ovs bench-profile bench-rivals bench-skew clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

deps: ## install what the build needs (apt, rustup)
	@./deps.sh packages $(BUILD_PACKAGES)
	@./deps.sh rust $(RUST_VERSION)

deps-test: deps ## install what the tests need besides
	@./deps.sh packages $(TEST_PACKAGES)
	@./deps.sh cargo-tool cargo-nextest

build: deps ## build target/release/sluice
	cargo build --release --package control

demo: build ## what a stateful ruleset stops that a stateless one lets through, on a real capture
	@echo
	@echo "== What does the stateful ruleset stop that the stateless one lets through?"
	$(SLUICE) compare --rules $(RULESETS)/stateless.nft --against $(RULESETS)/stateful.nft \
	    --pcap $(CAPTURE) --inside $(INSIDE)
	@echo
	@echo "== The same from iptables-save dumps"
	$(SLUICE) compare --rules $(RULESETS)/stateless.iptables $(RULESETS)/stateless.ip6tables \
	    --against $(RULESETS)/stateful.iptables $(RULESETS)/stateful.ip6tables \
	    --pcap $(CAPTURE) --inside $(INSIDE)
	@echo
	@echo "== The stateful ruleset alone, on two workers; verdicts of the first packets"
	$(SLUICE) replay --rules $(RULESETS)/stateful.nft --pcap $(CAPTURE) --inside $(INSIDE) \
	    --workers 2 --verdicts target/demo-verdicts.jsonl
	@head -n 5 target/demo-verdicts.jsonl

test: deps-test ## run all tests
	cargo build --workspace --all-targets
	cargo nextest run --workspace --no-fail-fast
	$(MAKE) --no-print-directory loom

parity: deps-test ## compare with the kernel on SCENARIOS (1000) that a SEED makes; TRIAL runs one of its trials again
	cargo build --package control --package tests
	SEED=$(SEED) SCENARIOS=$(SCENARIOS) TRIAL=$(TRIAL) DIFFERENCES=$(DIFFERENCES) target/debug/parity

conformance: deps-test ## write docs/conformance.md: SCENARIOS of a SEED and the captures, judged by both; or compare CAPTURES=folder alone
	cargo build --package control --package tests
	SEED=$(SEED) SCENARIOS=$(SCENARIOS) $(if $(CAPTURES),CAPTURES="$(CAPTURES)" RULESETS="$(RULESET_FILES)" INSIDE="$(INSIDE_ADDRESS)") target/debug/conformance

loom: deps ## run the model checks of what workers and the control thread share
	RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=3 CARGO_TARGET_DIR=target/loom \
	    cargo test --package dataplane --release --lib loom

lint: deps ## formatting and lints, of the fuzz targets too, as a change must pass them
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --bins -- -D warnings

fuzz: deps ## fuzz every target for FUZZ_SECONDS (60) each
	@./deps.sh packages python3
	@./deps.sh cargo-tool cargo-fuzz
	@fuzz/seeds.py
	@for target in $$(sed -n 's/^name = "\(fuzz_.*\)"/\1/p' fuzz/Cargo.toml); do \
	    echo "== $$target"; \
	    case $$target in fuzz_frame|fuzz_pipeline) sanitizer=address;; *) sanitizer=none;; esac; \
	    (cd fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer $$sanitizer --target-dir target/$$sanitizer \
	        "$$target" -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -rss_limit_mb=4096); \
	done

bench: bench-parts bench-rivals bench-kernel bench-ovs bench-profile bench-load bench-skew ## run all benches; what they say goes into docs/performance.md

bench-parts: deps ## parser, flow table, tracker and classifier, each alone, beside the run before
	cargo bench --package dataplane --features test-support --bench parts

bench-rivals: build ## the loop, the flow table and the classifier beside rte_hash, rte_acl, hashbrown, bare forwarding
	cargo bench --package control --bench rivals -- --sluice $(CURDIR)/$(SLUICE) --seconds $(BENCH_SECONDS) \
	    --json $(CURDIR)/target/bench-rivals.json --markdown $(CURDIR)/docs/performance.md

bench-kernel: deps-test build ## the loop beside nftables with connection tracking in the kernel
	@./deps.sh packages clang libbpf-dev conntrack
	SLUICE_BIN=$(CURDIR)/$(SLUICE) cargo bench --package tests --features kernel-bench --bench kernel -- \
	    --rounds $(BENCH_ROUNDS) --json $(CURDIR)/target/bench-kernel.json --markdown $(CURDIR)/docs/performance.md

bench-load: deps-test build ## large rulesets: time and memory beside nft and iptables-restore
	SLUICE_BIN=$(CURDIR)/$(SLUICE) cargo bench --package tests --bench load -- --rounds $(BENCH_ROUNDS) \
	    --json $(CURDIR)/target/bench-load.json --markdown $(CURDIR)/docs/performance.md

bench-ovs: deps-test build ## the loop beside Open vSwitch with DPDK
	@./deps.sh packages openvswitch-switch-dpdk
	SLUICE_BIN=$(CURDIR)/$(SLUICE) cargo bench --package tests --bench ovs -- --rounds $(BENCH_ROUNDS) \
	    --json $(CURDIR)/target/bench-ovs.json --markdown $(CURDIR)/docs/performance.md

bench-profile: deps-test build ## where each cycle of a packet goes
	@./deps.sh packages linux-perf
	SLUICE_BIN=$(CURDIR)/$(SLUICE) cargo bench --package tests --bench profile -- \
	    --json $(CURDIR)/target/bench-profile.json --markdown $(CURDIR)/docs/performance.md

bench-skew: deps-test ## how evenly flows fall on workers, simulated
	cargo bench --package tests --bench skew -- --markdown $(CURDIR)/docs/performance.md

clean: ## remove what was built
	cargo clean
