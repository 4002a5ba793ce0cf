# Recursion Lens. `make app` and `make test` install what is missing and are quick when nothing is.

PYTHON ?= python3
TORCH ?= $(shell grep -o '^torch[^ ]*' requirements.txt)
PORT ?= 8501
MODEL_DIR ?=
DATA_DIR ?=
WORKERS ?= 3
BIN := .venv/bin
SCRIPTS := '{app,tests,trm}/**/*.{js,mjs,css}'

# Tests in the browser wait a lot: three workers keep two cores busy. They begin first, as they take longest.
# A test run starts many processes. Each would compile everything anew where no bytecode may be kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: app test quick test-slow bench recorded lint format clean
.DELETE_ON_ERROR:

app: .venv/.app  ## install what is missing and open the app; MODEL_DIR=folder of your checkpoints, DATA_DIR=folder of ARC tasks
	$(BIN)/streamlit run app/main.py --server.port $(PORT) --server.maxUploadSize 1024 --server.headless $(if $(or $(DISPLAY),$(filter Darwin,$(shell uname))),false,true) \
		-- $(if $(MODEL_DIR),--model-dir '$(MODEL_DIR)') $(if $(DATA_DIR),--data-dir '$(DATA_DIR)')

test: lint .venv/.browser  ## install what is missing, then lint, unit, app and browser tests
	$(BIN)/pytest -m 'not alone and not slow' --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
	$(BIN)/pytest -m 'alone and not slow' tests/browser tests/served

quick: lint  ## what every commit passes: lint, unit tests without checks of shapes, tests of the JavaScript
	$(BIN)/pytest tests/unit -m 'not heavy and not slow' --numprocesses 2 --dist loadfile \
		--override-ini addopts='-q --strict-markers --import-mode=importlib'

test-slow: .venv/.test .venv/.browser  ## what `make test` leaves out since it takes long
	$(BIN)/pytest -m slow || test $$? = 5  # 5: there are none

bench: .venv/.test .venv/.browser  ## print one JSON line per figure
	$(BIN)/python -m bench

recorded: .venv/.app  ## compute anew what the pages open with, and docs/findings.md; an hour on two cores
	$(BIN)/python -m probes project --record
	$(BIN)/python -m probes compare --model maze-trm --compare-with maze-hrm --data maze/test --limit 100 --record --findings docs/findings.md
	$(BIN)/python -m probes halting --record
	for model in sudoku-trm sudoku-hrm; do $(BIN)/python -m probes fit --model $$model --record || exit 1; done
	for model in maze-trm maze-hrm; do $(BIN)/python -m probes fit --model $$model --record --limit 100 || exit 1; done
	for model in sudoku-trm sudoku-hrm; do $(BIN)/python -m probes intervene --model $$model --record || exit 1; done
	for command in project halting fit intervene; do $(BIN)/python -m probes $$command --findings docs/findings.md || exit 1; done

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/oxfmt --check $(SCRIPTS)
	$(BIN)/oxlint --deny-warnings app tests trm

format: .venv/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/oxfmt $(SCRIPTS)

clean:
	rm -rf .venv

.venv/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make app PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	touch $@

# torch first and alone: a range elsewhere could otherwise pull another build of it.
.venv/.app: requirements.txt pyproject.toml .venv/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	grep -v '^torch' requirements.txt > .venv/others.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r .venv/others.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.venv/.test: .venv/.app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

# Playwright drives the system's Chromium; install that where it is missing and we may.
.venv/.browser: .venv/.test
	command -v chromium || command -v chromium-browser || command -v google-chrome \
		|| { apt-get update -qq && apt-get install -y -qq chromium; } \
		|| { echo "The browser tests need Chromium: install the package chromium, then run make again."; exit 1; }
	touch $@
