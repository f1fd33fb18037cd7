# `make help` lists the targets. Nothing is needed but Python >= 3.11, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_ARGS ?=
# How many processes run the tests side by side: three for two cores, because each waits a third of its time for servers
# and other processes. The tests of a file stay together. 0 for a debugger.
TEST_PROCESSES ?= $(shell $(PYTHON) -c 'import os; print((3 * (os.cpu_count() or 1) + 1) // 2)')

# Where the tests' files lie. Servers and stores wait for each write until the disk has it, which is a third of what flows
# take: where there is room, files lie in memory, and go at the end. On the disk they stay: make test TEST_MEMORY=
TEST_MEMORY ?= $(shell df -Pk /dev/shm 2>/dev/null | awk 'END {if ($$4 > 2000000) print "/dev/shm"}')

# Hundreds of processes are started by tests and demonstration: each would compile the whole program again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Safeconduct needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(STAMP) ## make .venv and install Safeconduct into it

.PHONY: demo
demo: $(STAMP) ## run Operation Orchid: the whole main job with six parties, narrated; leaves demo-out/
	@$(BIN)/safeconduct demo --out demo-out

.PHONY: test
test: $(STAMP) ## run all tests
	@$(if $(TEST_MEMORY),TMPDIR=$$(mktemp -d $(TEST_MEMORY)/sc.XXXXXX) && export TMPDIR && chmod 711 "$$TMPDIR" || exit 1; \
		trap 'rm -rf "$$TMPDIR"' EXIT; trap 'exit 130' INT TERM;) \
		$(BIN)/python -m pytest -q -n $(TEST_PROCESSES) --maxprocesses 8 --dist loadfile --no-loadscope-reorder \
		$(if $(TEST_MEMORY),--basetemp "$$TMPDIR/t") $(PYTEST_ARGS)

MINUTES ?= 10

# In name spaces of its own, where the machine has them, the kit may mount the small disk that it fills; nobody else sees it.
OWN_MOUNTS := unshare --user --map-root-user --mount

.PHONY: soak
soak: $(STAMP) ## kill and cut things for MINUTES (10) under load, then compare what was accepted with what arrived
	@$$($(OWN_MOUNTS) true 2>/dev/null && echo $(OWN_MOUNTS)) $(BIN)/python -m tests.faults --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

.PHONY: lint
lint: $(STAMP) ## ruff and strict mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

.PHONY: bench
bench: $(STAMP) ## measure speed as ratios against a raw relay and a naive service
	@$(BIN)/safeconduct bench

# The model is an extra: it is installed here, once, and every column is measured. WRITE=1 writes the figures where they
# are published, QUICK=1 asks for few of the generated forms, MODEL=without leaves the model out.
EVAL := $(if $(WRITE),--write) $(if $(QUICK),--quick) $(if $(MODEL),--model $(MODEL)) $(EVAL_ARGS)

$(VENV)/.ner: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,ner]'
	@touch $@

.PHONY: eval
eval: $(if $(filter without,$(MODEL)),$(STAMP),$(VENV)/.ner) ## measure the redactor's errors (WRITE=1: into docs/redaction.md)
	@$(BIN)/python -m evaluation $(EVAL)

.PHONY: demo-ner
demo-ner: $(VENV)/.ner ## show the named-entity net at work on the narratives of Operation Orchid (installs the model)
	@$(BIN)/python -m cli.demo_net

.PHONY: vectors
vectors: $(STAMP) ## write the test vectors again (tests/vectors)
	@$(BIN)/python -m tests.vectors.generate

.PHONY: texts
texts: $(STAMP) ## collect the console's texts for translators (broker/console/locale/console.pot)
	@$(BIN)/python -m tests.console.catalogue

.PHONY: clean
clean: ## remove .venv, caches and demo-out
	@rm -rf $(VENV) demo-out build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
