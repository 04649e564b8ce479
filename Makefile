# Everything a person or a machine does with healstream; `make` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCE := $(wildcard schemas learning infra streams recoverers console tests)
.DEFAULT_GOAL := help
.PHONY: help setup schemas model check test demo up down bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## make .venv from the lock and fetch the broker, once

$(VENV)/.ready: requirements.lock pyproject.toml infra/broker/jgo.lock.toml
	@echo "setting up $(VENV) from requirements.lock"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=..." if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m infra.broker.install
	@touch $@

schemas: setup ## write the .avsc files from the records' classes
	$(BIN)/python -m schemas.write_avsc schemas/avro

model: setup ## train the shipped classifier from the shipped patterns
	$(BIN)/python -m learning.write_model learning/catalogue

check: setup ## lint, types, imports, budgets
	$(BIN)/ruff check $(SOURCE)
	$(BIN)/ruff format --check $(SOURCE)
	$(BIN)/mypy $(SOURCE)
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/house

test: check ## check, then all tests
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q tests
	$(BIN)/python -m coverage report --skip-covered

clean: ## remove what was built; data of `make up` stays
	rm -rf build .mypy_cache .ruff_cache .hypothesis .coverage $(VENV)
