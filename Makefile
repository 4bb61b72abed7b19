# `make` alone lists what there is. Everything lives in .venv and .orchestrator, and in packages that
# `make test` and `make demo` name before they install them.
SHELL := /bin/bash
PYTHON_HERE := .venv/bin/python
BIN := .venv/bin

.PHONY: help venv test check live live-again fmt bench demo demo-down page screenshots schema lock clean

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1	\2/p' Makefile | expand -t 20

venv:  ## create or refresh the virtual environment
	@scripts/venv.sh requirements/dev.txt

test: venv  ## everything from zero: checks, fast tests, and the live tests on real Podman and Docker
	@scripts/engines.sh
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory live

check: venv  ## style, types, architecture, fast tests; the core covered by its own to the last branch
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTHON_HERE) -m scripts.page check
	$(PYTHON_HERE) -m pytest tests/core --cov --cov-report=term-missing:skip-covered --cov-fail-under=100
	$(PYTHON_HERE) -m pytest --ignore=tests/live --ignore=tests/browser --ignore=tests/core

live: venv  ## the live tests alone, those in a browser too (root; every engine they need is their own)
	$(PYTHON_HERE) -m scripts.page tools
	$(PYTHON_HERE) -m pytest tests/live || $(MAKE) --no-print-directory live-again
	$(PYTHON_HERE) -m pytest tests/browser || $(MAKE) --no-print-directory live-again

live-again: venv  ## those live tests that failed the last time
	@echo "Once more, each by itself, what failed: what fails twice fails; what passes now is a race to be found."
	$(PYTHON_HERE) -m pytest tests/live tests/browser --last-failed --last-failed-no-failures=none

fmt: venv  ## put the style right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: venv  ## the figures: benchmarks/ on real engines, side by side
	@scripts/engines.sh bench
	$(PYTHON_HERE) -m scripts.page build
	$(PYTHON_HERE) -m benchmarks

demo:  ## a stack of your own to break, watched and healed; Ctrl-C ends it
	@scripts/venv.sh requirements/run.txt
	@exec $(PYTHON_HERE) -m scripts.demo up

demo-down:  ## remove every trace of the demo
	@scripts/venv.sh requirements/run.txt
	@exec $(PYTHON_HERE) -m scripts.demo down

page: venv  ## build the dashboard, unless what is built is of these sources
	$(PYTHON_HERE) -m scripts.page build

screenshots: venv  ## write docs/screenshots/ anew, from a real stack in a real browser
	@scripts/engines.sh
	$(PYTHON_HERE) -m scripts.page build
	$(PYTHON_HERE) -m pytest tests/browser/screenshots.py

schema: venv  ## write anew what is made from the product: the file's JSON schema, the API's types of the dashboard
	$(PYTHON_HERE) -m scripts.page types
	$(BIN)/orchestrator check --schema >src/orchestrator/configuration/orchestrator.schema.json

lock: venv  ## resolve all requirements anew, pinned with hashes
	@scripts/lock.sh

clean:  ## remove what was built here; the demo's containers: make demo-down
	rm -rf src/orchestrator/dashboard frontend/node_modules
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
