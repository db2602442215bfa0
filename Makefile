PYTHON ?= python3
PORT ?= 0
SECONDS ?= 600
bin := .venv/bin
ready := .venv/.ready
axe := tests/site/node_modules/.package-lock.json
export PATH := $(CURDIR)/$(bin):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help docs test test-peers fuzz mutants power bench train digits serve exercises export readme prepare clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1\t/p' Makefile | expand -t 18

docs: $(ready)  ## build the site into _docs/
	@$(bin)/python tools/build_docs.py

test: $(ready) axe  ## run every notebook, then pytest
	@echo "== notebooks"
	@$(bin)/nbdev_test --do_print --timing
	@echo "== pytest"
	@$(bin)/python -m pytest

test-peers: .venv/.extra-peers  ## compare with PyTorch, JAX, Keras, Flax and ONNX, installed on the first call
	@$(bin)/python -m pytest tests/peers

fuzz: $(ready)  ## call every public function with nonsense, for SECONDS=600
	@LSTM_NB_FUZZ=$(SECONDS) $(bin)/python -m pytest -s tests/test_hostile.py

mutants: .venv/.extra-mutants  ## change the core in every small way and see which test notices
	@$(bin)/python tools/mutants.py

power: .venv/.extra-power  ## plant mistakes and see which test suite notices, others' suites too
	@$(bin)/python -W ignore tools/power.py

bench: .venv/.extra-bench  ## time the engines against PyTorch and JAX on a quiet machine
	@$(bin)/python bench/run.py
	@$(bin)/python bench/halves.py
	@$(bin)/python bench/layers.py
	@$(bin)/python bench/compiled.py
	@$(bin)/python bench/tried.py
	@$(bin)/python bench/long.py

train: .venv/.extra-bench  ## train on digits, sums and text for the figures of page 21
	@$(bin)/python -W ignore bench/digits.py
	@$(bin)/python bench/adding.py
	@$(bin)/python bench/text.py

digits: $(ready)  ## compute with fifty digits and see how many of ours are right
	@$(bin)/python tools/digits.py

serve: $(ready)  ## serve _docs/ on this machine, PORT=8000 to choose the port
	@test -f _docs/index.html || $(MAKE) --no-print-directory docs
	@$(bin)/python -u -m http.server --bind 127.0.0.1 --directory _docs $(PORT)

exercises: $(ready)  ## write exercises/, the chapters with gaps, and their solutions
	@$(bin)/python tools/exercises.py

export: $(ready)  ## write lstm_nb/ out of the notebooks
	@$(bin)/nbdev_export

readme: $(ready)  ## write README.md out of nbs/index.ipynb
	@$(bin)/python tools/readme.py

prepare: export  ## export, clean the notebooks, write the README: before every commit
	@$(bin)/nbdev_clean
	@$(bin)/python tools/readme.py

clean:  ## remove all that was built, except .venv
	rm -rf _docs _proc build dist exercises nbs/nbdev.yml .pytest_cache .hypothesis

$(ready): settings.ini setup.py pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or later is needed" if sys.version_info < (3, 10) else 0)'
	@echo "== .venv: installing the pinned development set (once)"
	@$(PYTHON) -m venv .venv
	@$(bin)/python -m pip install -qq -c constraints.txt -e '.[dev]'
	@touch $@

# the development set and one extra of settings.ini
.venv/.extra-%: $(ready)
	@echo "== .venv: installing what '$*' names in settings.ini (once)"
	@$(bin)/python -m pip install -qq -c constraints.txt -e '.[dev,$*]'
	@touch $@

.PHONY: axe
axe:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(axe); \
	else echo "npm is missing: the accessibility test will be skipped"; fi

$(axe): tests/site/package-lock.json
	@echo "== axe-core: npm ci"
	@npm ci --prefix tests/site --silent --no-audit --no-fund
	@touch $@
