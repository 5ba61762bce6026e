# `make` alone prints what there is. Everything happens inside this folder: a virtual environment in .venv, nothing system-wide.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint types floors check ci screenshots golden caniemail bench crash lock setup clean

help: ## Print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Send this morning's sample briefing to an outbox folder and print the report
	@$(BIN)/newsletter demo

test: $(READY) ## Run the tests; ARGS="tests/unit -x" are pytest's
	@$(BIN)/pytest $(ARGS)

lint: $(READY) ## Look for mistakes and for lines that are not formatted
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY) ## Check the types, strictly
	@$(BIN)/mypy

floors: $(READY) ## Check that every room imports only from floors below it
	@$(BIN)/lint-imports

check: lint types floors test ## lint, types, floors and test

ci: ## What CI runs, with real servers: needs root on Debian, and installs packages
	@bash .ci/run

screenshots: $(READY) ## Take the README's pictures anew (Chromium)
	@$(BIN)/python -m tools.screenshots

golden: $(READY) ## Print the sample edition anew; look at the difference before you commit it
	@$(BIN)/python -m tests.golden

caniemail: $(READY) ## Bring the data of Can I email up to date from the npm registry; look at the difference
	@$(BIN)/python -m tools.caniemail

bench: $(READY) ## Run the benchmarks and print their tables (20 minutes; ARGS=--quick for a look)
	@$(BIN)/python -m benchmarks $(ARGS)

crash: $(READY) ## Kill senders and print what came of it as a table; KILLS=500 is for a night
	@$(BIN)/python -m tests.crash --kills $(or $(KILLS),20)

lock: $(READY) ## Resolve the dependencies anew into the two lock files
	@$(BIN)/python -m pip install -q uv
	@$(LOCK) --upgrade -o requirements.lock
	@$(LOCK) --upgrade --group dev -o requirements-dev.lock

setup: $(READY) ## Make the virtual environment, and nothing else

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "newsletter needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@echo "Setting up .venv (once; a minute or so)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean: ## Remove the virtual environment and everything that tools left behind
	rm -rf .venv dist build var outbox .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/judges/node_modules
	find newsletter tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
