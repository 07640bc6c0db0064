# convviz: everything a person types.
#
#   make run      the app in your browser       (PORT=8501 HOST=localhost; HOST=0.0.0.0 for all)
#   make test     every check there is
#   make check    the same checks, nothing installed first
#
#   make run TORCH_INDEX=https://download.pytorch.org/whl/cpu    the first time, without an NVIDIA GPU
#
# Needs Python 3.11 or newer, make and git. PYTHON names another interpreter:
#   make run PYTHON=python3.12

SHELL = /bin/sh
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 8501
# The address to listen on and the names to answer to belong together: naming one opens both.
HOST := $(or $(HOST),$(if $(CONVVIZ_HOSTS),0.0.0.0,localhost))
HOSTS := $(or $(CONVVIZ_HOSTS),$(HOST))

# Tools are run as `python -m tool`: scripts in .venv/bin break when the folder is moved.
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
STREAMLIT = $(VENV_PYTHON) -m streamlit run app.py --server.port $(PORT) --server.address $(HOST)
# Twice --quiet: errors only.
PIP_INSTALL := $(VENV_PYTHON) -m pip install --quiet --quiet --disable-pip-version-check

# Each of these is touched when its step is through, so that a step broken off is done again.
MADE := $(VENV)/.made
INSTALLED := $(VENV)/.installed
TEST_INSTALLED := $(VENV)/.test-installed

# Where torch and torchvision come from: an index or a folder of wheels; empty for the usual one.
TORCH_INDEX ?=
export TORCH_INDEX

# Processes that run the tests side by side, each of one thread and up to 7 GB.
JOBS ?= 2

PIECES := lint format-check types audit tests

.PHONY: help run dev install preflight test chromium check $(PIECES) unit pages browser \
	choices independent networks views thorough test-load test-walks bench catalogues screenshots \
	format clean

help: ## these lines
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{ printf "make %-13s %s\n", $$1, $$2 }'

# ---- the app -----------------------------------------------------------------------------------

run: install preflight ## the app; PORT and HOST can be set
	@CONVVIZ_HOSTS="$(HOSTS)" exec $(STREAMLIT)

dev: install preflight ## the app, reloading when a file changes
	@CONVVIZ_HOSTS="$(HOSTS)" exec $(STREAMLIT) \
		--server.fileWatcherType auto --server.runOnSave true

install: $(INSTALLED)
	@test -z "$(TORCH_INDEX)" || $(VENV_PYTHON) .ci/torch_index.py late

preflight: $(INSTALLED)
	@$(VENV_PYTHON) -m convviz.preflight

$(MADE):
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo "$(PYTHON) was not found: install Python 3.11 or newer, or name one: make run PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "convviz needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1); name another: make run PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu type: sudo apt install python3-venv" >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(INSTALLED): $(MADE) requirements.txt
	@echo "Installing what convviz needs into $(VENV): a few minutes the first time, several GB on Linux."
	@$(VENV_PYTHON) .ci/torch_index.py
	@$(PIP_INSTALL) -r requirements.txt
	@$(VENV_PYTHON) .ci/torch_index.py check
	@touch $@

# ---- the checks --------------------------------------------------------------------------------

test: $(TEST_INSTALLED) preflight chromium ## every check, with what checking needs installed first
	@$(MAKE) check

# Every piece runs, whatever the others say. pytest is the last: its summary closes the output.
check: ## every check, nothing installed first
	@failed=; \
	for piece in $(PIECES); do \
		echo "--- $$piece"; \
		$(MAKE) $$piece || failed="$$failed $$piece"; \
	done; \
	if [ -n "$$failed" ]; then echo "Failed:$$failed" >&2; exit 1; fi

# pip cannot install an extra without the package itself, so the list is read from its one place.
$(TEST_INSTALLED): $(INSTALLED) pyproject.toml
	@echo "Installing what the checks need into $(VENV)."
	@$(VENV_PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["test"], sep="\n")' > $(VENV)/test-requirements.txt
	@$(PIP_INSTALL) -r $(VENV)/test-requirements.txt
	@touch $@

chromium:
	@.ci/chromium >/dev/null

lint: ## ruff
	@$(VENV_PYTHON) -m ruff check .

format-check:
	@$(VENV_PYTHON) -m ruff format --check .

types: ## mypy --strict on the package
	@$(VENV_PYTHON) -m mypy --strict convviz

audit: ## pip-audit: known vulnerabilities in what is installed
	@$(VENV_PYTHON) .ci/audit

# Files stand in the order of their names: those of the browser, the longest, come early.
tests: ## pytest: unit, page and browser tests
	@CHROMIUM=$$(.ci/chromium) && export CHROMIUM && OMP_NUM_THREADS=1 \
		$(VENV_PYTHON) -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

unit: ## pytest without pages and browser
	@$(VENV_PYTHON) -m pytest --ignore tests/pages --ignore tests/browser

pages: ## the page tests alone
	@$(VENV_PYTHON) -m pytest tests/pages

browser: ## the browser tests alone
	@CHROMIUM=$$(.ci/chromium) && export CHROMIUM && $(VENV_PYTHON) -m pytest tests/browser

choices: ## plays every recorded choice by hand: minutes
	@CHROMIUM=$$(.ci/chromium) && export CHROMIUM && \
		$(VENV_PYTHON) -m pytest --choices -m choices tests/browser/test_choices.py

independent: ## counts many networks again by code that is not convviz': minutes
	@$(VENV_PYTHON) -m pytest --independent -m independent tests

networks: ## every classifier of torchvision, and every page with one of each family: minutes, 8 GB
	@$(VENV_PYTHON) -m pytest --networks tests/networks/test_every_network.py tests/pages/test_every_network.py

views: ## every view, in the browser and in another language, where make test takes a few: minutes
	@CHROMIUM=$$(.ci/chromium) && export CHROMIUM && \
		$(VENV_PYTHON) -m pytest --views -m views tests/browser tests/pages

thorough: ## the further cases in tests/thorough.txt, most of them in the browser: minutes
	@CHROMIUM=$$(.ci/chromium) && export CHROMIUM && OMP_NUM_THREADS=1 \
		$(VENV_PYTHON) -m pytest --thorough -m thorough --numprocesses $(JOBS) --dist loadfile

# WALKS=FOLDER keeps a picture of the end of each
test-walks: ## from a network, weights, a zip or a TIFF to the grid, in a browser: minutes
	@CHROMIUM=$$(.ci/chromium) && export CHROMIUM && \
		$(VENV_PYTHON) -m pytest --walks tests/browser/test_walks.py

# LOAD says which of them: make test-load LOAD="-k thirty"
test-load: ## thirty visitors at once, and a soak: hours; writes docs/LOAD.md and docs/FAULTS.md
	@$(VENV_PYTHON) -m pytest --load -m load -s $(LOAD) tests

bench: $(TEST_INSTALLED) ## everything measured side by side: an hour, a quiet machine; writes benchmarks/RESULTS.md
	@$(PIP_INSTALL) matplotlib torchinfo
	@CHROMIUM=$$(.ci/chromium) && export CHROMIUM && $(VENV_PYTHON) -m benchmarks.side_by_side

catalogues: ## brings the texts in other languages up to date with the code, and lists what is new
	@PYTHONPATH=. $(VENV_PYTHON) scripts/catalogues.py

screenshots: ## the pictures in README, taken anew
	@CHROMIUM=$$(.ci/chromium) && export CHROMIUM && \
		PYTHONPATH=. $(VENV_PYTHON) scripts/make_screenshots.py

format: ## ruff's formatting and safe fixes, written to the files
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .

clean: ## removes .venv, caches and build leftovers
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
