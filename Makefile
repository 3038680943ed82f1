# `make help` lists what there is. Needs Python 3.11 or later with venv and pip, nothing else.
PYTHON ?= python3
VENV ?= .venv
PRESET ?= standard
RUN := $(VENV)/bin
EMPTY :=
SPACE := $(EMPTY) $(EMPTY)
# A space in the name of a target is written with a backslash; in commands names stand in quotes.
STAMP := $(subst $(SPACE),\ ,$(VENV))/.installed
OUT ?= lnncmp-results
# Where to get torch from, whatever this machine is, e.g. https://download.pytorch.org/whl/cu126.
TORCH_INDEX ?=
# On Linux the default index has torch with gigabytes of CUDA, of no use without an NVIDIA driver.
TORCH_CPU := https://download.pytorch.org/whl/cpu
NVIDIA ?= $(wildcard /proc/driver/nvidia)$(shell command -v nvidia-smi)
PIP := "$(RUN)/pip" install --disable-pip-version-check -q -c constraints.txt
HAS_TORCH := "$(RUN)/python" -c 'import importlib.metadata as m; m.version("torch")' 2>/dev/null
TORCH_CPU_ANSWERS := timeout 10 "$(RUN)/python" -c 'import urllib.request as u; u.urlopen("$(TORCH_CPU)/torch/", timeout=5)' 2>/dev/null

# How many files of tests run at once: a number, or auto for one on each core, but four at most (each takes about 1 GB).
TEST_JOBS ?= auto
PYTEST := "$(RUN)/pytest" -n $(TEST_JOBS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install reproduce-all readme-picture smoke test test-all check format clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

install: $(STAMP)  ## create .venv and install lnncmp with its development tools

$(STAMP): pyproject.toml constraints.txt
	test -x "$(RUN)/python" || $(PYTHON) -m venv "$(VENV)"
	@if [ -n "$(TORCH_INDEX)" ]; then $(PIP) --index-url $(TORCH_INDEX) torch; \
	elif [ "$$(uname -s)" != Linux ] || [ -n "$(NVIDIA)" ] || $(HAS_TORCH); then $(PIP) torch; \
	elif $(TORCH_CPU_ANSWERS); then \
	  echo "No NVIDIA driver here: taking the CPU build of torch from $(TORCH_CPU)."; \
	  $(PIP) --extra-index-url $(TORCH_CPU) torch || $(PIP) torch; \
	else \
	  echo "No NVIDIA driver here, but $(TORCH_CPU) does not answer: taking torch from the default index."; \
	  $(PIP) torch; \
	fi
	$(PIP) -e '.[dev,tune,export]'
	@touch "$(VENV)/.installed"

reproduce-all: install  ## run the whole study and print its tables (PRESET=quick for a first look)
	"$(RUN)/lnncmp" reproduce-all --preset $(PRESET) --out "$(OUT)"

smoke: install  ## two models, one seed, one epoch: does it run here?
	"$(RUN)/lnncmp" walker2d --preset quick --models cfc,lstm --seeds 1 --set train.epochs=1 --out "$(OUT)"

STUDY := docs/readme-study

readme-picture: install  ## draw the picture of the README from the study that is stored in docs/
	"$(RUN)/lnncmp" figures walker2d --out $(STUDY) --format svg
	mv $(STUDY)/figures/*/accuracy_cost.svg docs/walker2d-accuracy-cost.svg
	rm -r $(STUDY)/figures

# Threads of torch that wait would keep the core busy on which the other worker computes.
test test-all: export OMP_WAIT_POLICY = PASSIVE

test: install  ## run the tests, without the slow ones
	$(PYTEST) -m "not slow and not gpu"

test-all: install  ## run every test that this machine can run
	$(PYTEST)

check: install  ## lint and types
	"$(RUN)/ruff" check .
	"$(RUN)/ruff" format --check .
	"$(RUN)/mypy"

format: install  ## reformat the code
	"$(RUN)/ruff" check --fix .
	"$(RUN)/ruff" format .

clean:  ## remove what make and the tests made (not the results)
	rm -rf "$(VENV)" build dist .pytest_cache .mypy_cache .ruff_cache *.egg-info
