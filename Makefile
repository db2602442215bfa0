SHELL := bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
PORT ?= 0
bin := .venv/bin
axe := tests/site/node_modules/.package-lock.json
export PATH := $(CURDIR)/$(bin):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# the tests start hundreds of Pythons: each takes what was compiled, whatever the shell says
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help docs test test-all test-peers browser lint constraints mutants power prove prove-mutants speed bench train digits serve exercises export readme prepare clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1\t/p' Makefile | expand -t 22

docs: .venv/.docs  ## build the site into _docs/
	@$(bin)/python tools/build_docs.py

test: lint axe  ## run every notebook, then pytest, on all cores
	@echo "== notebooks$(if $(LSTM_NB_LONG),; the long forms from SEED=$(LSTM_NB_SEED))"
	@$(bin)/nbdev_test --do_print --timing
	@echo "== pytest"
	@$(bin)/python -m pytest -n auto --dist worksteal --durations 10

# one program per core is faster than products on all cores
test test-all: export OPENBLAS_NUM_THREADS := 1

test-all: export LSTM_NB_SEED := $(or $(SEED),$(shell echo $$RANDOM$$RANDOM))
test-all: export LSTM_NB_LONG := 1
test-all: export PYTEST_ADDOPTS = --hypothesis-seed=$(LSTM_NB_SEED)
test-all: test  ## the same in its long forms, from a seed that it prints, or SEED=

test-peers: .venv/.peers  ## compare with PyTorch, JAX, Keras, Flax, ONNX and MKL, installed on the first call
	@$(bin)/python -m pytest --durations 10 tests/peers tests/engines/test_parts.py tests/engines/test_bench.py::test_tried

browser: .venv/.test  ## let Playwright install a Chromium where the system has none (not tried by us)
	@$(bin)/playwright install chromium

lint: .venv/.test
	@ruff check -q
	@zizmor -q --offline .github

constraints: .venv/.test  ## write constraints.txt for Python 3.10 and later, what is there kept; UPGRADE=1 takes the newest
	@$(bin)/python -m pip install -qq uv
	@uv pip compile -q --universal --python-version 3.10 --all-extras --no-header --no-annotate \
	  $(if $(UPGRADE),--upgrade) setup.py -o constraints.txt

mutants: .venv/.mutants  ## change the core in every small way and see which test notices
	@$(bin)/python tools/mutants.py

power: .venv/.power  ## plant mistakes and see which test suite notices, others' suites too
	@$(bin)/python -W ignore tools/power.py

prove:  ## check the theorem of page 08 with Coq; installs nothing, says what is missing; RECORD=1 writes its record
	@$(PYTHON) tools/prove.py $(if $(RECORD),--record) $(if $(LIBRARY),--library)

prove-mutants:  ## plant mistakes in the theorem and see it fail; writes proof/records/mutants.json
	@$(PYTHON) tools/prove_mutants.py

speed: .venv/.bench  ## time what a plain install and a plain call take, beside PyTorch and JAX, for page E8, on a quiet machine
	@$(bin)/python bench/run.py
	@$(bin)/python bench/memory.py
	@$(bin)/python bench/layers.py
	@$(bin)/python -W ignore bench/loop.py

bench: speed  ## the same, then move after move and all else that the pages of the engines show
	@$(bin)/python bench/moves.py
	@$(bin)/python bench/halves.py
	@$(bin)/python bench/compiled.py
	@$(bin)/python bench/tried.py
	@$(bin)/python bench/long.py
	@$(bin)/python bench/shards.py
	@$(bin)/python bench/check.py

train: .venv/.bench  ## train on digits, sums and text for the numbers of the training part
	@$(bin)/python -W ignore bench/digits.py
	@$(bin)/python bench/adding.py
	@$(bin)/python bench/text.py
	@$(bin)/python bench/flow.py

digits: .venv/.test  ## compute with fifty digits and see how many of ours are right
	@$(bin)/python tools/digits.py

serve: .venv/.docs  ## serve _docs/ on this machine, PORT=8000 to choose the port
	@test -f _docs/index.html || $(MAKE) --no-print-directory docs
	@$(bin)/python -u -m http.server --bind 127.0.0.1 --directory _docs $(PORT)

exercises: .venv/.docs  ## write exercises/, the chapters with gaps, and their solutions
	@$(bin)/python tools/exercises.py

export: .venv/.docs  ## write lstm_nb/ out of the notebooks
	@$(bin)/nbdev_export

readme: .venv/.docs  ## write README.md out of nbs/index.ipynb
	@$(bin)/python tools/readme.py

prepare: export  ## export, clean the notebooks, write the READMEs: before every commit
	@$(bin)/nbdev_clean
	@$(bin)/python tools/readme.py
	@$(bin)/python tools/stamps.py

clean:  ## remove all that was built, except .venv
	rm -rf _docs _proc build dist exercises nbs/nbdev.yml .pytest_cache .hypothesis .ruff_cache

$(bin)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or later is needed" if sys.version_info < (3, 10) else 0)'
	@$(PYTHON) -m venv .venv

# what one extra of settings.ini names, in the versions of constraints.txt
.venv/.%: settings.ini setup.py pyproject.toml constraints.txt | $(bin)/python
	@echo "== .venv: installing what '$*' names in settings.ini (once)"
	@$(bin)/python -m pip install -c constraints.txt -e '.[$*]' | awk '/^Collecting / { printf "%s ", $$2; fflush() } END { print "" }'
	@touch $@

.PHONY: axe
axe:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(axe); \
	else echo "npm is missing: the accessibility test will be skipped"; fi

$(axe): tests/site/package-lock.json
	@echo "== axe-core: npm ci"
	@npm ci --prefix tests/site --silent --no-audit --no-fund
	@touch $@
