# `make help` lists what there is. Needs Python 3.11 or later with venv and pip, nothing else.
PYTHON ?= python3
VENV ?= .venv
PRESET ?= standard
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed
OUT ?= lnncmp-results
# Where to get torch if not from the default index, e.g. https://download.pytorch.org/whl/cpu for a small CPU build.
TORCH_INDEX ?=
# How many files of tests run at once: a number, or auto for one on each core, but four at most (each takes about 1 GB).
TEST_JOBS ?= auto
PYTEST := $(RUN)/pytest -n $(TEST_JOBS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install reproduce-all smoke test test-all check format clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

install: $(STAMP)  ## create .venv and install lnncmp with its development tools

$(STAMP): pyproject.toml constraints.txt
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/pip install --disable-pip-version-check -q $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -c constraints.txt torch
	$(RUN)/pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

reproduce-all: install  ## run the whole study and print its tables (PRESET=quick for a first look)
	$(RUN)/lnncmp reproduce-all --preset $(PRESET) --out $(OUT)

smoke: install  ## two models, one seed, one epoch: does it run here?
	$(RUN)/lnncmp walker2d --preset quick --models cfc,lstm --seeds 1 --set train.epochs=1 --out $(OUT)

test: install  ## run the tests, without the slow ones
	$(PYTEST) -m "not slow and not gpu"

test-all: install  ## run every test that this machine can run
	$(PYTEST)

check: install  ## lint and types
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

format: install  ## reformat the code
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

clean:  ## remove what make and the tests made (not the results)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache *.egg-info
