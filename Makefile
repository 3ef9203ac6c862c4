# Every target sets up what it needs in .venv and can be repeated.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint bench docs coverage clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      train a multi-level network and its twins on handwritten digits, print a table (3 minutes)"
	@echo "make test      run the tests"
	@echo "make lint      check style, types and the direction of imports"
	@echo "make bench     time neurons and training steps beside other libraries, where installed"
	@echo "make docs      build the documentation into site/"
	@echo "make coverage  run the tests with line coverage"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "synfire needs Python 3.11 to 3.13; choose one with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(READY)

$(VENV)/.docs: $(READY)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[docs]'
	touch $(VENV)/.docs

demo: $(READY)
	$(BIN)/python examples/demo.py

test: $(READY)
	$(BIN)/python -m pytest -q

coverage: $(READY)
	$(BIN)/python -m pytest -q --cov --cov-report=term-missing

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks.neurons
	$(BIN)/python -m benchmarks.train_step

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) site .coverage
