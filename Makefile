# make demo       two countries on this machine, one consultation, a report in demo-out/
# make demo-up    the same two countries and the doctor's web portal, left running
# make test       the whole suite            make lint    style, types, layers
# make bench      speed of NCP-A             make bench-semantics  speed of reading, translating, showing
# make bench-portal  200 professionals at the portal at the same time
# make attack     the attack tests, one by one
# make clean      back to a fresh checkout
#
# PYTHON=python3.12 make ...  chooses the interpreter (3.11 to 3.13) for a fresh .venv.

SHELL := /bin/bash
PYTHON ?= python3
# One more than processors: many tests wait for programs and browsers that they have started.
JOBS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 1) + 1 )))
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: demo demo-up test bench bench-semantics bench-portal attack lint clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

demo: $(VENV)/.run
	@$(BIN)/ncp demo --out demo-out

demo-up: $(VENV)/.run
	@$(BIN)/ncp demo --out demo-out --up

test: $(VENV)/.dev
	@.ci/browser
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/bench.py $(ARGS)

bench-semantics: $(VENV)/.dev
	$(BIN)/python benchmarks/semantics.py $(ARGS)

bench-portal: $(VENV)/.dev
	$(BIN)/python benchmarks/portal.py $(ARGS)

# What a hostile caller, peer or file may try; one line each, so that it can be read. The modules say `pytest.mark.attack`.
attack: $(VENV)/.dev
	$(BIN)/python -m pytest -v --no-header -m attack $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

clean:
	rm -rf $(VENV) demo-out build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +

# A stamp is older than what it was made from only when something has to be installed again.
$(VENV)/bin/python:
	@.ci/venv $(PYTHON) $(VENV)

PARTS := ./ncp_client ./portal ./portal/identity_provider
MADE_FROM := pyproject.toml $(PARTS:%=%/pyproject.toml)

$(VENV)/.run: $(MADE_FROM) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --prefer-binary $(PARTS:%=-e %) -e .
	@touch $@

$(VENV)/.dev: $(MADE_FROM) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --prefer-binary $(PARTS:%=-e %) -e '.[test,lint]'
	@touch $@ $(VENV)/.run
