# Recursion Lens. `make app` and `make test` install what is missing; if nothing is, they start at once.

PYTHON ?= python3
TORCH ?= $(shell grep -o '^torch[^ ]*' requirements.txt)
PORT ?=
MODEL_DIR ?=
DATA_DIR ?=
SITE ?=
WORKERS ?= 3
TESTS ?= tests
BIN := .venv/bin
SCRIPTS := '{app,tests,trm}/**/*.{js,mjs,css}'

# `make test`: browser tests mostly wait, so three workers keep two cores busy. They take longest and therefore start first.
# A test run starts many processes; without stored bytecode each of them would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: app test quick test-types test-slow coverage docs site bench recorded lint format clean
.DELETE_ON_ERROR:

app: .venv/.app  ## install what is missing and open the app; MODEL_DIR=folder with your checkpoints, DATA_DIR=folder with ARC tasks and recorded states, SITE=address of the published site
	$(BIN)/recursion-lens $(if $(PORT),--port $(PORT)) $(if $(MODEL_DIR),--model-dir '$(MODEL_DIR)') $(if $(DATA_DIR),--data-dir '$(DATA_DIR)') $(if $(SITE),--site '$(SITE)')

test: lint .venv/.browser  ## install what is missing, then run lint, unit, app and browser tests
	$(BIN)/pytest -m 'not alone and not slow' --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
	$(BIN)/pytest -m 'alone and not slow' tests/browser tests/served

quick: lint  ## the check for every commit: lint, unit tests without the heavy ones, JavaScript tests
	$(BIN)/pytest tests/unit -m 'not heavy and not slow' --numprocesses 2 --dist loadfile

test-types: .venv/.test  ## the unit tests with every shape and type in an annotation checked
	$(BIN)/pytest tests/unit -m 'not slow' --numprocesses 2 --dist loadfile \
		--jaxtyping-packages=trm,probes,beartype.beartype

test-slow: .venv/.test .venv/.browser  ## the slow tests that `make test` leaves out, and ten times as many examples of the property-based ones
	$(BIN)/pytest -m '(slow or hypothesis) and not alone' --hypothesis-profile=many --numprocesses 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/pytest -m 'alone and slow' tests/browser tests/served

coverage: .venv/.test .venv/.browser  ## which lines and branches the tests reach; TESTS=tests/unit/trm/tasks for those of some tests
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(TESTS) -m 'not alone and not slow' --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

docs: .venv/.test  ## build the documentation site into build/docs
	$(BIN)/python -m sphinx -W --keep-going -q docs build/docs
	@echo "The site is in build/docs. Open build/docs/index.html."

site: .venv/.app  ## build static pages on which the models run in the browser into build/site; fetches ONNX Runtime Web once
	STREAMLIT_LOGGER_LEVEL=error $(BIN)/python -m app.site.build --out build/site

bench: .venv/.test .venv/.browser  ## run the benchmarks: one JSON line per figure
	$(BIN)/python -m bench

recorded: .venv/.app  ## recompute the results that the pages open with, and docs/findings.md; an hour on two cores
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

# torch first and alone: a version range of another package could pull a different build of it.
.venv/.app: requirements.txt pyproject.toml .venv/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	grep -v '^torch' requirements.txt > .venv/others.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r .venv/others.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.venv/.test: .venv/.app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

# Playwright drives the system's Chromium; it is installed where it is missing and permissions allow it. The models of the
# site run there in ONNX Runtime Web.
.venv/.browser: .venv/.test
	command -v chromium-headless-shell || command -v chromium || command -v chromium-browser || command -v google-chrome \
		|| { apt-get update -qq && { apt-get install -y -qq chromium-headless-shell || apt-get install -y -qq chromium; }; } \
		|| { echo "The browser tests need Chromium: install the package chromium, then run make again."; exit 1; }
	$(BIN)/python -m trm.web.runtime
	touch $@
