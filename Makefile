# From a bare clone: `make bench` measures, `make test` tests; each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A module's tests stay in one process: they share what they set up.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

.PHONY: setup bench full test quicktest torture executors devices lint types peers likeness harness readme lock clean help
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

setup: $(VENV)/.ready ## the environment in .venv, locked versions

$(VENV)/.ready: requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hexbench needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing: on Debian or Ubuntu, apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV), about 1.6 GB; this takes some minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

bench: setup ## the quick suite, into results/quick
	$(BIN)/python run_benchmarks.py --suite quick

full: setup ## everything, into results/full
	$(BIN)/python run_benchmarks.py --suite full

test: lint ## lint, types and every test but those of `make executors`
	$(PYTEST) -m "not slurm and not dask"

quicktest: setup ## the tests that take seconds
	$(PYTEST) -m "not slow"

# OPTIONS goes to pytest: make torture OPTIONS="-k kills"
torture: setup ## the long forms: kills, full disks, two at once, nonsense for input; prints what was survived
	HEXBENCH_TORTURE=1 $(BIN)/python -m pytest --torture tests/torture tests/fuzz $(OPTIONS)

lint: setup ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) --no-print-directory types

# mypy does not see packages that an editable install maps to other folders: it reads a tree of links.
types: setup ## types alone
	@rm -rf build/types && mkdir -p build/types/hexbench
	@ln -s $(CURDIR)/bench/* $(CURDIR)/models build/types/hexbench/
	$(BIN)/mypy

# For Linux, PyPI's PyTorch brings gigabytes of CUDA; uv knows where PyTorch has its CPU builds.
# OPTIONS goes to the command: make peers OPTIONS=--help
peers: setup ## networks and SVMs beside PyTorch, Keras and scikit-learn (2 GB more), into results/peers
	$(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend cpu \
	  --constraint requirements.lock --editable ".[peers]" 2>/dev/null || \
	  { echo "PyTorch's own CPU builds cannot be had: pip takes what it finds."; \
	    $(BIN)/python -m pip install --quiet --constraint requirements.lock --editable ".[peers]"; }
	$(BIN)/python -m hexbench.peers $(OPTIONS)

likeness: setup ## hold the synthetic images against the real ones that HEXBENCH_DATA names, into results/likeness
	$(BIN)/python run_benchmarks.py data compare "$${HEXBENCH_DATA:?names no folder of real images}" synthetic --beside-report

# Slurm's tests need its daemons (Debian: apt install slurm-wlm munge) and root; elsewhere they skip.
executors: setup ## the tests of Slurm and Dask, on real daemons
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements.lock --editable ".[slurm,dask]"
	$(BIN)/python -m pytest tests/executors -m "slurm or dask" $(OPTIONS)

# In an environment of its own: with these plugins JAX behaves otherwise.
devices: .venv-devices/.ready ## every network's programs compiled for a TPU v5e and an H100, without either (3 GB more)
	.venv-devices/bin/python -m hexbench.run.compile_ahead $(OPTIONS)
	.venv-devices/bin/python -m pytest tests/devices

.venv-devices/.ready: requirements.lock pyproject.toml setup.py
	$(PYTHON) -m venv .venv-devices
	$(BIN)/uv pip install --quiet --python .venv-devices/bin/python -r requirements.lock
	$(BIN)/uv pip install --quiet --python .venv-devices/bin/python --constraint requirements.lock --editable ".[tpu,cuda]"
	@touch $@

harness: setup ## what hexbench itself costs for 100, 1,000 and 10,000 cells, into results/harness
	$(BIN)/python -m hexbench.run.harness

readme: setup ## copy the reference runs' tables into README.md and docs/
	$(BIN)/python -m hexbench.report.readme

lock: setup ## choose the locked versions anew
	$(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --upgrade --no-annotate --no-header --extra dev pyproject.toml -o requirements.lock

clean: ## remove the environment and caches
	rm -rf $(VENV) .venv-devices .mypy_cache .ruff_cache .pytest_cache *.egg-info
