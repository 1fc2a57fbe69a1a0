# Every target sets itself up: a clean clone, git and Python 3.11 or newer are enough.
#
#   make demo    walk through an experiment in a scratch repository
#   make test    everything that must hold: make check, then the tests
#   make check   format, lint, types and import rules
#   make fix     let the tools repair what they can
#   make bench   measure what the budgets promise
#   make scale   a thousand experiments, 100,000 trials, 100,000 files (ten minutes)
#   make soak    many processes at once, killed at random: nothing lost, nothing doubled
#   make faults  every command that writes, killed or refused the disk at every step (hours)
#
# PYTHON=… chooses the interpreter, VENV=… the folder of the environment, SOAK=… how many
# seconds a soak takes, EVERY=4 that make faults takes every fourth step.

SHELL := /bin/sh
PYTHON ?=
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= auto
SOAK ?= 180
EVERY ?= 1

# one stamp for what users install, one for what developers need on top
USER_READY = $(VENV)/.ready
DEV_READY = $(VENV)/.ready-dev

.PHONY: demo test check fix bench scale soak faults
.DEFAULT_GOAL := test

demo: $(USER_READY)
	@"$(BIN)/git-exp" demo

test: check
	@"$(BIN)/python" -m pytest -q -n $(JOBS)

check: $(DEV_READY)
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/ruff" check .
	@"$(BIN)/python" -m mypy
	@"$(BIN)/lint-imports"

fix: $(DEV_READY)
	@"$(BIN)/ruff" format .
	@"$(BIN)/ruff" check --fix .

bench: $(DEV_READY)
	@set -e; PATH="$(abspath $(BIN)):$$PATH"; export PATH; for script in bench/*.py bench/*/__main__.py; do \
	  case "$$script" in bench/soak/*|bench/scale/*) continue ;; esac; test -e "$$script" || continue; \
	  name=$${script%.py}; name=$${name%/__main__}; \
	  echo "== $$name"; "$(BIN)/python" -m "$$(echo "$$name" | tr / .)"; \
	done

scale: $(DEV_READY)
	@"$(BIN)/python" -m bench.scale

soak: $(DEV_READY)
	@"$(BIN)/python" -m bench.soak $(SOAK)

faults: $(DEV_READY)
	@GITEXP_TEST_EVERY_STEP=$(EVERY) "$(BIN)/python" -m pytest -q -n $(JOBS) --timeout=0 tests/faults tests/apply/test_killed.py

$(USER_READY): pyproject.toml
	@$(environment)
	@$(pip) --editable .
	@touch "$@"

$(DEV_READY): pyproject.toml
	@$(environment)
	@$(pip) --editable '.[dev]'
	@touch "$(USER_READY)" "$@"

pip = "$(BIN)/python" -m pip install --quiet --disable-pip-version-check

# An environment left half made, or whose interpreter is gone, is made anew.
define environment
set -e; \
if "$(BIN)/python" -m pip --version >/dev/null 2>&1; then exit 0; fi; \
python="$(PYTHON)"; \
if [ -z "$$python" ]; then \
  for name in python3.14 python3.13 python3.12 python3.11 python3 python; do \
    if command -v $$name >/dev/null 2>&1 && \
       $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
    then python=$$name; break; fi; \
  done; \
fi; \
if [ -z "$$python" ]; then \
  echo "error: no Python 3.11 or newer was found" >&2; \
  echo "hint: install one, or name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
  exit 1; \
fi; \
echo "setting up $(VENV) with $$python (once)"; \
if ! "$$python" -m venv --clear "$(VENV)" >"$(VENV).log" 2>&1; then \
  cat "$(VENV).log" >&2; rm -rf "$(VENV)" "$(VENV).log"; \
  echo "error: $$python cannot make an environment in $(VENV)" >&2; \
  echo "hint: on Debian and Ubuntu: sudo apt install python3-venv" >&2; \
  exit 1; \
fi; \
rm -f "$(VENV).log"
endef
