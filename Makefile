# make repro: raw pictures to a registered classifier.  make test: everything is checked.  make help: the rest.
SHELL := /bin/bash
IN_RANGE := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for one in python3.13 python3.12 python3.11; do $$one -c '$(IN_RANGE)' 2>/dev/null && echo $$one && exit; done; echo python3)
TORCH_BACKEND ?= $(shell cat .venv/.torch-backend 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed$(TORCH_BACKEND)
EXTRAS ?= $(shell cat $(VENV)/.extras 2>/dev/null)
MORE := $(EXTRAS:%=$(VENV)/.installed-with-%)
LOCKED := --extra elpv --extra digits --extra weights --extra tune --extra pretrain --extra clips --extra volumes --extra onnx --extra dev
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONDONTWRITEBYTECODE  # without bytecode each process of the tests compiles them again, and each stage pipeline/

.DEFAULT_GOAL := help
.PHONY: help install repro is-repository test year long check quick fast ui lock
.NOTPARALLEL:
ifneq ($(findstring :,$(CURDIR)),)
$(error the folder's path holds a colon, which no PATH can name; move the project elsewhere)
endif

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 16
	@echo "  make repro TORCH_BACKEND=cpu   installs another torch build (any of uv's --torch-backend)"
	@echo "  make install EXTRAS=remote     installs what reads s3:// and gs:// too"

install: $(STAMP) $(MORE)  ## create .venv with the locked environment

repro: $(STAMP) $(MORE)  ## run the pipeline (colibri run), which ends with the headline figures
	@colibri run

is-repository:
	@command -v git >/dev/null || { echo "Colibri needs git, which is not installed; install it, then run make $(MAKECMDGOALS) again" >&2; exit 1; }
	@[ -e .git ] || git rev-parse --git-dir >/dev/null 2>&1 || { echo "this folder is no git repository, which DVC needs (a downloaded zip?); run git init && git add -A && git commit -m start, then make $(MAKECMDGOALS)" >&2; exit 1; }

test: $(STAMP)  ## the whole test suite, but for make year and make long
	@python -m pytest -n auto --dist loadgroup --no-loadscope-reorder -m "not year and not long"

year: $(STAMP)  ## twelve months of colibri retrain, with kills and drift: three to four minutes
	@python -m pytest -s -m year tests/test_year.py

long: $(STAMP)  ## DVC's queue and experiments, a search and two processes that are killed: six minutes
	@python -m pytest -m long tests/test_dvc.py tests/stages/test_train_together.py tests/experiments

check: $(STAMP)  ## format, lint and types
	@ruff format --check .
	@ruff check .
	@mypy

quick: $(STAMP)  ## format, lint, types, and the tests of what you changed
	@ruff format --check .
	@ruff check .
	@mypy
	@python -m pytest -n auto --dist loadfile -q -m "not slow" --hypothesis-profile=quick $$(python tests/changed.py)

fast: $(STAMP)  ## the fast tests, with fewer examples of each property
	@python -m pytest -n auto --dist loadfile -q -m "not slow" --hypothesis-profile=quick

ui: $(STAMP)  ## MLflow's pages on http://127.0.0.1:5000; prints the page of the runs
	@colibri ui

lock: $(VENV)/bin/python  ## pin every dependency again, with hashes
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@$(BIN)/python -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url $(LOCKED) pyproject.toml -o requirements.lock

$(VENV)/bin/python:
	@$(PYTHON) -c '$(IN_RANGE)' 2>/dev/null || { echo "Colibri needs Python 3.11 to 3.13, with venv, found $$($(PYTHON) --version); set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.lock pyproject.toml | is-repository $(VENV)/bin/python
	@echo "installing the locked environment into $(VENV) ..."
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
ifeq ($(TORCH_BACKEND),)
	@$(BIN)/python -m uv pip install --quiet --compile-bytecode --require-hashes --python $(BIN)/python -r requirements.lock
else
	@$(BIN)/python -c "import re; print(''.join(block for block in re.split(r'(?m)^(?=\S)', open('requirements.lock').read()) if not re.match(r'torch|triton|nvidia|cuda', block)))" > $(VENV)/without-torch.txt
	@$(BIN)/python -m uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python -r $(VENV)/without-torch.txt
	@$(BIN)/python -m uv pip install --quiet --compile-bytecode --torch-backend=$(TORCH_BACKEND) --python $(BIN)/python $$(grep -oE '^torch(vision)?==[0-9.]+' requirements.lock)
endif
	@$(BIN)/python -m uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@echo $(TORCH_BACKEND) > $(VENV)/.torch-backend
	@rm -f $(VENV)/.installed*
	@touch $(STAMP)

$(VENV)/.installed-with-%: $(STAMP)
	@echo "installing the extra $* into $(VENV) ..."
	@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --constraint requirements.lock $$($(BIN)/python -c 'import sys, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"][sys.argv[1]])' $*)
	@echo $(EXTRAS) > $(VENV)/.extras
	@touch $@
