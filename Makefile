# What a developer does, one word each. `make run` is all that a user needs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run build web binary test test-rust test-web e2e lint fmt bench dev bindings system clean

# Further flags of `alcove serve`.
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

build: web binary ## Builds web application and binary

binary: web
	@cargo build --locked -p alcove

# Built anew only when something of it changed.
WEB_SOURCES := $(shell find web/src web/public -type f 2>/dev/null) web/index.html web/package.json web/vite.config.ts web/tsconfig.json
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
test-rust: web
	@cargo test --locked --workspace

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

bench: build ## Measures; SECTION=echo runs one section
	@scripts/system-packages test
	@cargo run --locked --quiet -p alcove-bench -- $(if $(SECTION),--section $(SECTION),)

dev: build ## Serves with hot reload of the web application
	@scripts/dev $(ARGS)

bindings: ## Writes the TypeScript of the wire types anew
	@UPDATE_BINDINGS=1 cargo test --locked -p alcove-protocol --test bindings

clean: ## Removes what was built; data stays
	@cargo clean
	@rm -rf web/dist web/node_modules web/test-results
