# Leadline. `make demo` and `make test` set everything up from a fresh clone.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
UNIT ?= tests

.DEFAULT_GOAL := help
.PHONY: help demo train check test test-all soak mutants bench image format schemas lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/demo.stamp: requirements.txt requirements-train.txt pyproject.toml
	@echo "Setting up $(VENV) (once; about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Leadline needs Python 3.11 or newer; this is %d.%d: make PYTHON=python3.11" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements-train.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp requirements-dev.txt
	@echo "Adding the development tools to $(VENV) ..."
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/delivery.stamp: requirements-delivery.txt requirements-checkov.txt
	@echo "Adding the tools that check manifests, templates and image, in environments of their own ..."
	@for tools in delivery checkov; do \
		test -x .venv-$$tools/bin/python || $(PYTHON) -m venv .venv-$$tools || exit 1; \
		.venv-$$tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-$$tools.txt || exit 1; \
	done
	@mkdir -p $(VENV) && touch $@

demo: $(VENV)/demo.stamp  ## the main job on 5,000 real customers, no AWS
	@$(BIN)/leadline demo

train: $(VENV)/demo.stamp  ## the full comparison; the winner goes to build/model
	@$(BIN)/leadline train

check: $(VENV)/dev.stamp  ## format, lint, strict types, import rules
	@$(BIN)/ruff format --check --quiet . || { echo "make format mends this"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: $(VENV)/dev.stamp $(VENV)/delivery.stamp  ## all tests, with branch coverage
	@$(BIN)/pytest --numprocesses=2 --dist=worksteal --cov --cov-report=term $(UNIT)

test-all: test  ## the same on Python 3.12 and 3.13, where they are (on the PATH, or under pyenv)
	@for version in 3.12 3.13; do \
		found=; \
		for python in "python$$version" "$$HOME"/.pyenv/versions/$$version.*/bin/python; do \
			if "$$python" -c '' 2>/dev/null; then found="$$python"; break; fi; \
		done; \
		if [ -z "$$found" ]; then echo "== Python $$version is not here: not tested"; continue; fi; \
		echo "== Python $$version"; \
		$(MAKE) --no-print-directory test PYTHON="$$found" VENV=".venv-$$version" || exit 1; \
	done

soak: $(VENV)/dev.stamp  ## the long versions of tests and simulation (half an hour)
	@$(BIN)/pytest --numprocesses=2 -m soak $(UNIT)
	@$(BIN)/python -m tests.fuzz
	@$(BIN)/leadline simulate --seeds 10000 --events 100 --fault-rate 0.2
	@$(BIN)/leadline simulate --crash-everywhere

mutants: $(VENV)/dev.stamp  ## do the tests notice small faults in the source? (ten minutes)
	@$(BIN)/python -m tests.mutants

.venv-bench/bench.stamp: requirements.txt requirements-bench.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-bench.txt
	@touch $@

bench: $(VENV)/demo.stamp .venv-bench/bench.stamp  ## Leadline beside other consumers: events per second, CPU, memory, start (ten minutes)
	@$(BIN)/python -m benchmarks.bench

image: build/release-key.pem  ## the images worker, worker-lean, console and trainer, and what each has beyond its base
	@sh image.sh build worker worker-lean console trainer
	@sh image.sh size worker worker-lean console trainer

build/release-key.pem: build/model/manifest.json
	@$(BIN)/leadline model sign build/model --public-key-out $@

build/model/manifest.json: $(VENV)/demo.stamp
	@$(BIN)/leadline train

format: $(VENV)/dev.stamp  ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --quiet .

schemas: $(VENV)/demo.stamp  ## write the JSON Schemas from the classes
	@$(BIN)/python -m schemas

lock: $(VENV)/dev.stamp  ## pin every requirement, with hashes
	@sh requirements.sh $(BIN)/uv

clean:  ## remove what was built
	@rm -rf build mutants $(VENV) .venv-delivery .venv-checkov .venv-bench .venv-3.12 .venv-3.13 *.egg-info
