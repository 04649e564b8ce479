# Everything a person or a machine does with healstream; `make` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Test files run side by side; those that start whole systems go one after the other (tests/conftest.py). Those wait for half of their time,
# so there is one more than the two cores that CI has.
JOBS ?= 3
COVERAGE := 90
CORE_COVERAGE := 95
CORE := schemas/*,learning/*,streams/*,recoverers/*,console/readmodel.py,console/casefile.py,console/recognition.py,console/yaml_places.py
SHELL_FILES := streams/app.py,streams/agents.py,streams/gatekeeper.py,streams/prober.py,recoverers/worker.py
SOURCE := $(wildcard schemas learning infra streams recoverers console tests)
.DEFAULT_GOAL := help
.PHONY: help setup schemas model calibration check types lint budgets test test-kubernetes demo up down corpus accuracy learning bench chaos sim mutants chaos-long outcomes dashboards docs screenshots vendor clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## make .venv from the lock and fetch the broker, once

$(VENV)/.ready: requirements.lock pyproject.toml infra/broker/jgo.lock.toml
	@echo "setting up $(VENV) from requirements.lock"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=..." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv with pip: install the package python3-venv, then run make again"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@# The lock names every package: nothing is left to resolve, so a newer release elsewhere cannot change or stop this.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m infra.broker.install
	@$(BIN)/python -m console.warm
	@touch $@

schemas: setup ## write the .avsc files from the records' classes
	$(BIN)/python -m schemas.write_avsc schemas/avro

model: setup ## train the shipped classifier from the shipped patterns
	$(BIN)/python -m learning.write_model learning/catalogue

dashboards: setup ## draw the Grafana dashboards anew from tests/dashboards/boards.py
	$(BIN)/python -m tests.dashboards

screenshots: setup ## drive the page in Chromium and write docs/pictures
	$(BIN)/python -m tests.pictures

docs: setup ## build the site of the documentation into build/site, with every warning an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

vendor: setup ## fetch the page's two libraries anew, checked by their sums
	$(BIN)/python -m console.site.vendor

check: setup ## lint, types, imports, budgets
	@# The types take longer than all others, on a core of their own.
	@$(MAKE) --no-print-directory -j 2 --output-sync=target types lint budgets

types:
	$(BIN)/mypy $(SOURCE)

lint:
	$(BIN)/ruff check $(SOURCE)
	$(BIN)/ruff format --check $(SOURCE)
	$(BIN)/lint-imports

budgets:
	$(BIN)/python -m pytest -q tests/house

test: check ## check, then all tests, with the coverage that is asked for
	@rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/python -m coverage run -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder tests --ignore tests/house
	@$(BIN)/python -m coverage combine -q
	$(BIN)/python -m coverage report --fail-under $(COVERAGE) | tail -n 3
	$(BIN)/python -m coverage report --include '$(CORE)' --omit '$(SHELL_FILES)' --fail-under $(CORE_COVERAGE) | tail -n 3

test-kubernetes: setup ## run recipes on a real Kubernetes API; builds it once, which takes half an hour
	tests/kubernetes/build.sh
	$(BIN)/python -m pytest -q -rs tests/kubernetes tests/contracts/test_cluster_port.py

demo: setup ## play the planned failures in a sandbox and heal them
	$(BIN)/healstream demo

up: setup ## start everything on this machine, observing only
	$(BIN)/healstream up

down: setup ## stop what `make up` started; its data stays
	$(BIN)/healstream down

corpus: setup ## run real tools under real faults, store their logs (TOOLS="git pip": only of these)
	$(BIN)/python -m tests.corpus $(TOOLS)

accuracy: setup ## measure recognition by split into build/accuracy.json
	$(BIN)/python -m tests.accuracy

calibration: setup ## fit the confidence anew on the corpora that come with the project
	$(BIN)/python -m learning.write_calibration learning/catalogue tests/accuracy/written learning/corpus

learning: setup ## simulate six months of learning into build/learning.json and a picture
	$(BIN)/python -m tests.learning_run

bench: setup ## measure the figures into build/bench.json
	$(BIN)/python -m tests.bench

chaos: setup ## kill workers and the broker under work, judge the invariants into build/chaos.json
	HEALSTREAM_CHAOS_FIGURES=build/chaos.json $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder tests/chaos

sim: setup ## play the whole system in virtual time under drawn faults into build/sim.json
	$(BIN)/python -m tests.sim --seeds $(or $(SEEDS),1-300)

mutants: setup ## put defects into the code; the invariants must find each
	$(BIN)/python -m tests.mutants

chaos-long: setup ## ten thousand chaotic steps and more
	$(BIN)/python -m tests.sim --seeds 1-10000
	HEALSTREAM_OUTAGE_S=60 HEALSTREAM_FLOOD_S=60 $(BIN)/python -m pytest -q tests/chaos

outcomes: setup ## heal an hour of 200 seeded failures under faults, beside the same unhealed, into build/outcomes.json and .html
	$(BIN)/python -m tests.outcomes --minutes $(or $(MINUTES),60) --incidents $(or $(INCIDENTS),200) $(if $(SEED),--seed $(SEED))

clean: ## remove what was built; data of `make up` stays
	rm -rf build .mypy_cache .ruff_cache .hypothesis .coverage $(VENV)
