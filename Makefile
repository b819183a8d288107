# The two commands: `make run` and `make test`. Each sets up whatever is missing, then does its work.

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# What set-up installs and builds is independent and runs on one core each.
MAKEFLAGS += --jobs=2
# Many processes import torch, which takes a third of the time once its bytecode is kept: also where a container says not to.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-browsers lint setup app chromium litert base harness demo dist clean
.DELETE_ON_ERROR:

run: setup
	$(BIN)/pocketmoji run --seeds seeds/personal.csv

test: setup lint harness
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The app in Firefox: apt-get install firefox-esr, or POCKETMOJI_FIREFOX=/path/to/firefox.
test-browsers: setup tests/demo/firefox/node_modules/ready
	$(BIN)/python -m pytest tests/demo/test_firefox.py -rs

tests/demo/firefox/node_modules/ready: tests/demo/firefox/package-lock.json | app
	cd tests/demo/firefox && PATH="$$(cd $(CURDIR) && $(BIN)/python -m pocketmoji.browser_tests.app.node --bin):$$PATH" npm ci --ignore-scripts
	@touch $@

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The page goes in built: nobody who installs the wheel needs Node.js. The wheel is built from the sdist.
dist: app
	$(BIN)/python -m pocketmoji.browser_tests.app.node --pack
	$(BIN)/python -m build --no-isolation --outdir dist .

demo: setup
	$(BIN)/pocketmoji demo

setup: litert base app chromium

litert: .venv/ready
	@$(BIN)/python -m pocketmoji.export.litert.bundle --ensure-environment

base: .venv/ready
	@$(BIN)/python -m pocketmoji.train.base.weights

app: .venv/ready
	@$(BIN)/python -m pocketmoji.browser_tests.app.node

chromium: .venv/ready
	@$(BIN)/python -m pocketmoji.browser_tests.engines.installed

.venv/ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "pocketmoji needs Python 3.11, 3.12 or 3.13: install one, or make PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# inspect_ai and lm-evaluation-harness, only to check that they read what evaluate writes: their pins are not ours.
harness: .venv-harness/ready

.venv-harness/ready: requirements-harness.lock
	$(PYTHON) -m venv .venv-harness
	.venv-harness/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements-harness.lock
	@touch $@

clean:
	rm -rf .venv .venv-litert .venv-harness demo/dist demo/node_modules dist pocketmoji/page.zip
