# make demo   environment, pinned install, then a comparison and a report on the bundled model, offline
# make test   environment, pinned install, all tests

VENV   ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := $(VENV)/bin
PROMPT := Once upon a time, in a distant galaxy, there was a spaceship called Voyager.

.DEFAULT_GOAL := help
.PHONY: help demo test lint types docs bench-smoke lock clean

help:  ## say what the targets do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

# pip's install is repeated only when the lock or the project's metadata changed
$(VENV)/.demo: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Thermoscope needs Python 3.11 or newer: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements-dev.lock
	$(BIN)/python -m pip install --quiet -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.demo  ## compare two temperatures, then measure six and write a report, on the bundled model, offline
	HF_HUB_OFFLINE=1 $(BIN)/thermoscope compare "$(PROMPT)" -t 0.2 -t 0.9
	@mkdir -p runs
	HF_HUB_OFFLINE=1 $(BIN)/thermoscope measure --use-case creative-story -t 0.2,0.3,0.5,0.7,0.9,1.2 --seeds 4 \
	  --max-new-tokens 60 --html runs/demo.html
	@echo "The report is runs/demo.html: open it in a browser."

test: $(VENV)/.dev  ## run all tests
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

lint: $(VENV)/.dev  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## types, strict on src
	$(BIN)/mypy

docs: $(VENV)/.dev  ## check that the generated documents are what the code says
	$(BIN)/python docs/generate.py --check

bench-smoke: $(VENV)/.dev  ## a short run of every benchmark
	for file in benchmarks/coverage.py benchmarks/[a-z]*_*.py; do $(BIN)/python $$file --quick || exit 1; done

lock: $(VENV)/.dev  ## pin the newest versions that fit pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --allow-unsafe --no-header --annotation-style line \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --build-deps-for editable \
	  --constraint constraints.txt --output-file requirements.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+[a-z0-9]*/\1/' requirements.lock
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --allow-unsafe --no-header --annotation-style line \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --extra dev --extra embeddings \
	  --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+[a-z0-9]*/\1/' requirements-dev.lock

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
