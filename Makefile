# make demo   install, then start the app on http://127.0.0.1:7860
# make test   install, then the tests, the browser's too
# make lint   ruff and mypy          make benchmark   timings          make test-slow   the longest ones
# make test-random   as make test, in another order every time; PYTEST_ADDOPTS=--randomly-seed=N repeats the seed it names

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# What is compiled is kept, also where the environment says not to: each process would compile all of it again.
TESTS := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadfile
FAST_TESTS := $(TESTS) -m "not slow and not benchmark"
PACKAGE_FILES := pyproject.toml requirements.txt constraints.txt

.PHONY: demo test test-random test-slow lint benchmark clean

demo: $(VENV)/.app
	$(BIN)/python app.py

test: $(VENV)/.test $(VENV)/.chromium
	$(FAST_TESTS) -p no:randomly --no-loadscope-reorder

test-random: $(VENV)/.test $(VENV)/.chromium
	$(FAST_TESTS) --verbose

test-slow: $(VENV)/.test $(VENV)/.chromium
	$(TESTS) -p no:randomly --no-loadscope-reorder -m slow

benchmark: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.latency

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV)

# torch goes first and alone: a CPU build is taken where the index offers one.
$(VENV)/.torch: constraints.txt
	@$(PYTHON) -c "import sys; (3, 10) <= sys.version_info < (3, 13) or sys.exit('octseg needs Python 3.10 to 3.12; say which with make PYTHON=python3.12')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) $$(grep '^torch==' constraints.txt)
	touch $@

$(VENV)/.app: $(VENV)/.torch $(PACKAGE_FILES)
	$(INSTALL) --requirement requirements.txt
	touch $@

$(VENV)/.test: $(VENV)/.app
	$(INSTALL) --editable ".[app,test,lint]"
	touch $@

# Debian's Chromium, where there is none; elsewhere install Chromium and set OCTSEG_CHROMIUM to its path.
$(VENV)/.chromium: $(VENV)/.test
	sh tests/browser/install_chromium.sh
	touch $@
