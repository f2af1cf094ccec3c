# What a developer does, one word each. `make run` is all that a user needs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run build web library test test-rust test-web stores test-stores test-package-cache test-machine kill-test chaos test-security attempts e2e lint fmt bench bench-storage measure dev stories pictures bindings system clean

# Further flags of `alcove serve`, of the end-to-end tests, or of what measures.
ARGS ?=
# Data of `make run`; the environment wins, as with the program itself.
export ALCOVE_DATA_DIR ?= data
# The binary is the development profile's: optimized dependencies, compiled once for all purposes.
ALCOVE := target/debug/alcove

help: ## Lists these
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

run: ## Installs what is missing, builds, and serves on http://alcove.localhost:8080
	@scripts/system-packages run
	@$(MAKE) --no-print-directory build
	@exec $(ALCOVE) serve $(ARGS)

# The page is embedded last: everything else is compiled while npm fetches and Vite builds.
build: ## Builds web application and binary
	@$(MAKE) --no-print-directory -j2 web library
	@cargo build --locked -p alcove

# Cargo would take make's two jobs for its own limit.
library:
	@MAKEFLAGS= cargo build --locked -p alcove --lib

# Built anew only when something of it changed.
WEB_SOURCES := $(shell find web/src web/public web/build -type f 2>/dev/null) web/index.html web/package.json web/vite.config.ts web/tsconfig.json
web: web/dist/index.html
web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	@cd web && npm run --silent build
	@touch $@
web/node_modules/.package-lock.json: web/package-lock.json
	@cd web && npm ci --no-audit --no-fund
	@touch $@

test: ## Runs all tests, those in a real browser included
	@scripts/system-packages test
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test-web test-rust e2e

# The embedded web application comes first: everything is compiled once.
test-rust: web stores
	@cargo test --locked --workspace

stores: target/moto/bin/moto_server ## Installs the S3 server that the tests use
target/moto/bin/moto_server: crates/volume/tests/volume/moto.txt
	@python3 -m venv target/moto
	@target/moto/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The version that was tried.
VERSITYGW := v1.8.0
test-stores: target/versitygw/versitygw ## Tests the store against a production server too, where Go is
	@cargo test --locked -p alcove-volume --test volume -- --include-ignored conformance
target/versitygw/versitygw:
	@command -v go >/dev/null || { echo 'Go is missing (https://go.dev/dl/): it builds versitygw, the S3 server that storage is measured and tested over. The other sections of make bench do without: SECTION=echo' >&2; exit 1; }
	@GOBIN=$(CURDIR)/target/versitygw go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW)

# Another profile than that of `make test`: what people run is tried.
ROUNDS ?= 1000
kill-test: web ## Kills servers and sandboxes in the midst of work, ROUNDS times, and looks for what was lost
	@KILL_ROUNDS=$(ROUNDS) cargo test --locked --quiet --release -p alcove --test kills

REPLS ?= 50
TIME ?= 300
chaos: web ## Harms REPLS repls in every way for TIME seconds, and looks for what was lost or left
	@CHAOS_REPLS=$(REPLS) CHAOS_SECONDS=$(TIME) cargo test --locked --quiet --release -p alcove --test chaos

test-package-cache: ## Tries the cache of packages (deploy/package-cache) with real clients, where nginx is
	@PATH="$$PATH:/usr/sbin" python3 deploy/package-cache/test.py

test-machine: build ## Tries the systemd units in a virtual machine: control groups, restarts, a power cut, a reboot
	@python3 deploy/machine/test.py

test-security: web ## Tries to break out of real repls, alone; see docs/reference/security.md
	@cargo test --locked --quiet --workspace --test security

attempts: web ## Writes the list of those attempts in docs/reference/security.md anew
	@UPDATE_ATTEMPTS=1 cargo test --locked --quiet --workspace --test security

test-web: web/node_modules/.package-lock.json
	@cd web && npm run --silent test

e2e: build ## Runs the end-to-end tests alone
	@scripts/system-packages test
	@cd web && npm run --silent e2e -- $(ARGS)

lint: web/node_modules/.package-lock.json web ## Checks formatting, lints, types, and which part may use which
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets -- -D warnings
	@cargo test --locked --workspace --quiet --test arrows --test bindings
	@cd web && npm run --silent lint && npm run --silent typecheck

fmt: ## Formats everything
	@cargo fmt --all
	@cd web && npm run --silent fmt

# Storage is measured over a production server, with a real application's dependencies, beside other programs.
bench: $(if $(filter-out storage,$(SECTION)),,bench-storage) build ## Measures; SECTION=echo runs one section
	@scripts/system-packages test
	@cargo run --locked --quiet -p alcove-bench -- $(if $(SECTION),--section $(SECTION),) $(ARGS)

bench-storage: target/versitygw/versitygw target/bench/app/node_modules/.package-lock.json
	@scripts/system-packages bench
BENCH_APP := $(shell find bench/app -type f 2>/dev/null)
target/bench/app/node_modules/.package-lock.json: $(BENCH_APP)
	@mkdir -p target/bench && cp -R bench/app target/bench
	@cd target/bench/app && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

dev: build ## Serves with hot reload of the web application
	@scripts/dev $(ARGS)

stories: web/node_modules/.package-lock.json ## Shows every state of the screens, with a server that is made up
	@cd web && npm run --silent stories -- --host 127.0.0.1 --port 5180

measure: build ## Measures how soon the pages can be used, in a real browser
	@scripts/system-packages test
	@cd web && npm run --silent measure

pictures: build ## Takes the pictures of docs/images anew
	@scripts/system-packages test
	@cd web && ALCOVE_PICTURES=../docs/images npx playwright test e2e/pictures.spec.ts

transitions: ## Writes the table of a repl's life in docs/reference/lifecycle.md anew
	@UPDATE_TRANSITIONS=1 cargo test --locked --quiet -p alcove-server --lib lifecycle::transitions

bindings: ## Writes the TypeScript of the wire types anew
	@UPDATE_BINDINGS=1 cargo test --locked -p alcove-protocol --test bindings

clean: ## Removes what was built; data stays
	@cargo clean
	@rm -rf web/dist web/node_modules web/test-results
