# Makefile - the verbs; meson.build knows how things are built. `make help` lists them.
.DEFAULT_GOAL := all
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

PREFIX  ?= /usr/local
DESTDIR ?=
TIME    ?= 60
SUITES  := unit contract sim fault

UI_SRC := $(shell find ui -name node_modules -prune -o -name dist -prune -o -type f -print \
            2>/dev/null)

# A suite's own runner, where there is one yet.
run = $(if $(wildcard $(1)),$(1),echo "none yet: there is no $(1)")

.PHONY: all release ui check tidy format lint units test fmt fuzz corpus sim bench e2e uitest \
        interop asan tsan clang install clean help

## all: build/sluice, with asserts and debug info (the default)
all:
	@tool/build default

## release: build-release/sluice, hardened and stripped, with the UI inside
release: ui
	@tool/build release

## ui: ui/dist, the web pages that the program embeds (needs npm)
ui: $(if $(wildcard ui/build.mjs),ui/dist/files.txt)
	@:

ui/dist/files.txt: $(UI_SRC) $(if $(wildcard ui/package.json),ui/node_modules/.package-lock.json)
	@cd ui && node build.mjs
	@touch $@

ui/node_modules/.package-lock.json: ui/package.json $(wildcard ui/package-lock.json)
	@cd ui && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

## check: tidy, format, lint, then the unit, contract, sim and fault tests (before every commit)
check:
	@tool/check

tidy:
	@tool/tidy

format:
	@tool/format

lint:
	@tool/lint

## units: only the tests: MATCH=seg picks programs by name, SUITES="unit sim" picks suites
units: all
	@tool/suites build $(SUITES)

## test: everything a release needs: check, fuzz corpus, e2e, UI tests (script/test without setup)
test:
	@script/test --no-setup

## fmt: rewrites the C sources with clang-format
fmt:
	@tool/format --write

## fuzz: every fuzz target for TIME=60 seconds each, MATCH=avro picks some (clang)
fuzz:
	@tool/build fuzz
	@tool/fuzz $(TIME)

## corpus: every fuzz target over its kept corpus, without clang
corpus: all
	@tool/suites build fuzz

## sim: the simulator's tests; SEED=n replays one run
sim: all
	@tool/suites build sim

## bench: builds the benches in release mode and runs them; MATCH=log picks some
bench:
	@tool/build release benches
	@set -e; for b in build-release/bench/*$(MATCH)*_bench; do echo "== $${b##*/}"; $$b; done

## e2e: real clients, drivers and a browser against the real binary
e2e: ui all
	@$(call run,test/e2e/run)

## uitest: the UI's own tests
uitest: ui all
	@$(call run,test/ui/run)

## interop: against the real systems, skipped loudly where no address is given
interop: all
	@$(call run,test/interop/run)

## asan: the tests under AddressSanitizer and UBSan, in build-asan
asan:
	@tool/build asan
	@tool/suites build-asan $(SUITES) fuzz

## tsan: the tests under ThreadSanitizer, in build-tsan
tsan:
	@tool/build tsan
	@tool/suites build-tsan $(SUITES)

## clang: the build and the tests with clang, in build-clang
clang:
	@tool/build clang
	@tool/suites build-clang $(SUITES) fuzz

## install: the release build to DESTDIR and PREFIX=/usr/local
install: release
	@install -D -m 755 build-release/sluice $(DESTDIR)$(PREFIX)/bin/sluice

## clean: removes every build folder
clean:
	@rm -rf build build-release build-asan build-tsan build-clang build-fuzz ui/dist

help:
	@sed -n 's/^## \([a-z0-9]*\): \(.*\)/\1\t\2/p' Makefile | \
		awk -F'\t' '{printf "make %-9s%s\n", $$1, $$2}'
