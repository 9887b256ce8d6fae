# Two commands for a newcomer: `make demo` and `make test`. Both make the virtual environment first, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test bench clean

demo: $(VENV)/.demo
	$(BIN)/tubelet demo $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks $(ARGS)

$(VENV)/.demo: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[demo]'
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(INSTALL) --editable '.[demo,test]'
	touch $@

clean:
	rm -rf $(VENV) demo
