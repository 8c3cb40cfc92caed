# Everything runs in .venv, which is made on first use: Python 3.11 or newer and pip are enough.
#   make test     set up, then style, types, floors and tests
#   make check    style, types and floors alone
#   make format   put the code into its one layout
#   make cards    model cards, docs/accuracy.md, pages of groups and the README's table, from docs/metrics
#   make docs     the documentation site, in build/site (docs-links: asks addresses elsewhere too)
#   make web      the page of phonodos serve and the HTML report, from web/ (needs node and npm)
#   make bench    the benchmarks: ratios, printed side by side (some minutes)

PYTHON ?= python3
BIN := .venv/bin
BENCHMARKS = $(shell grep -l __main__ benchmarks/*.py)

.PHONY: setup format check test cards docs docs-links web bench

setup: .venv/installed

.venv/installed: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make test PYTHON=python3.12')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,ray,sqs,neutron,web,workflows]'
	@touch $@

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest -n auto --dist worksteal

cards: setup
	$(BIN)/python tools/documents.py .

web:
	cd web && npm ci --no-audit --no-fund && npm run build

.venv/docs: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@

docs: .venv/docs
	$(BIN)/python tools/website.py .

docs-links: .venv/docs
	$(BIN)/python tools/website.py . --external

bench: setup
	@for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python $$script || exit 1; done
