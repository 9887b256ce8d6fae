# Two commands for a newcomer: `make demo` and `make test`. Both make the virtual environment first, once.

PYTHON ?= python3
TIER ?= not long
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-long bench lint lint-python lint-browser editor format clean

demo: $(VENV)/.demo
	$(BIN)/tubelet demo $(ARGS)

# One thread per process: the workers share the cores, and threads of each would wait for one another.
test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "$(TIER)" $(ARGS)

# What `make test` leaves out: every case of a long list, journeys in a browser, kills, simulations, runs of many processes. CI runs both tiers at once (`TIER=`).
test-long:
	$(MAKE) test TIER=long

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks $(ARGS)

$(VENV)/.demo: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[demo]'
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(INSTALL) --editable '.[demo,mcp,s3,zarr,test]'
	touch $@

clean:
	rm -rf $(VENV) demo

# Format, rules and types, for whoever changes something. `make format` mends what a program can.
lint: lint-python lint-browser

lint-python: $(VENV)/.lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/.lint: $(VENV)/.test
	$(INSTALL) --editable '.[demo,mcp,s3,zarr,test,lint]'
	touch $@

# Browser modules. Needs Node.js 20.19 or newer; nothing of it is needed to run or install Tubelet.
lint-browser: node_modules/.package-lock.json
	npm run --silent lint

# The editor of the SQL page, from the packages that package-lock.json pins. Its result is kept in the repository: installing needs no Node.js.
editor: node_modules/.package-lock.json
	npm run --silent editor

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund
	touch $@
