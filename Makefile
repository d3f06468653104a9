# Everything a developer or a curious reader types. Needs Python 3.10+, make and a package registry; `uv` is used when
# it is there and fetched into the virtual environment when it is not.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Test processes side by side. More than two cores need: most of what the tests do is wait for runs (two cores: 225 s with
# seven, 276 s with four). The slow ones wait less. The fast ones are dealt out anew wherever a process runs dry, since a few modules wait for as long as all others together.
JOBS ?= 7
PYTEST := $(BIN)/python -m pytest
# Compiled modules are kept, whatever this machine prefers: the tests start hundreds of processes that import Airflow,
# and compiling it is most of what such a process does.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv test test-all slow e2e faults lint format demo up bench docs matrix package clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

venv: $(VENV)/.ready ## The development environment, in .venv

$(VENV)/.ready: pyproject.toml
	@dev/tools/make-venv "$(PYTHON)" "$(VENV)" -e '.[dev]'
	@touch $@

test: venv ## Fast suite, and one true deferral through a real Airflow's triggerer
	$(PYTEST) -n $(JOBS) --dist worksteal -m "not slow and not e2e"
	$(PYTEST) -m e2e tests/e2e/test_deferral.py

test-all: venv ## Everything pytest runs, the slow and the end-to-end tests too
	$(PYTEST) -n $(JOBS) --dist loadscope -m "not e2e" --hypothesis-profile=many
	$(PYTEST) -m e2e

slow: venv ## Slow tests that need no Airflow processes (every release of the official SDK), properties on many examples
	$(PYTEST) -n 4 --dist loadscope -m "(slow or hypothesis) and not e2e" --hypothesis-profile=many

e2e: venv ## End-to-end tests on a real Airflow, without the fault matrix
	$(PYTEST) -m e2e tests/e2e --ignore=tests/e2e/faults

faults: venv ## The fault matrix: what dies, and how many runs there are afterwards
	$(PYTEST) -m e2e -s tests/e2e/faults

lint: venv ## ruff, mypy, the layers of the house, unused code, security of code and workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy dev/local_airflow dev/demo
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/bandit --quiet --severity-level medium --recursive airflow_provider_arize_tasks
	$(BIN)/zizmor --quiet --offline .github

format: venv ## Let ruff tidy up
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: ## A real Airflow runs a nightly experiment and a week's backfill against a local Arize; a few minutes
	@dev/tools/make-venv "$(PYTHON)" .demo/venv -e .
	@.demo/venv/bin/python -m dev.demo

up: ## The same, and leave Airflow's UI running until Ctrl-C
	@dev/tools/make-venv "$(PYTHON)" .demo/venv -e .
	@.demo/venv/bin/python -m dev.demo --up

bench: venv ## The benchmarks; dev/benchmarks/README.md says what they show
	$(BIN)/python -m dev.benchmarks

docs: venv ## Build the documentation (a warning is an error), and run every command that it tells people to type
	@dev/tools/make-venv "$(PYTHON)" .cache/docs-venv -e '.[docs]'
	$(MAKE) -C docs PYTHON=$(abspath .cache/docs-venv/bin/python) html
	$(PYTEST) tests/integration/docs/test_commands.py

# AUDIT=--strict also fails where vulnerabilities can't be looked up.
package: ## Wheel and sdist with their checks, licences and vulnerabilities, lineage with the OpenLineage provider
	@dev/tools/make-venv "$(PYTHON)" .cache/nox-venv nox uv
	PATH="$(abspath .cache/nox-venv/bin):$$PATH" nox -s package audit lineage -- $(AUDIT)

matrix: ## Fast suite on every supported Airflow and Python, one deferral on 2.11, 3.0 and 3.3; writes README's table
	@dev/tools/make-venv "$(PYTHON)" .cache/nox-venv nox uv
	PATH="$(abspath .cache/nox-venv/bin):$$PATH" nox -t matrix

clean: ## Remove what the other targets made
	rm -rf $(VENV) .demo build dist .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis docs/_build
