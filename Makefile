# Needs Python 3.11 or newer and make; everything else is installed into .venv.
.DEFAULT_GOAL := help
.PHONY: help run demo test chaos check bench lock clean

# The first that really runs (a version manager's shim may not) and can make a venv.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
TOOLS := $(VENV)/.installed-tools
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes

# What kills at random, and what uses tests.thorough.
PROOFS := tests/chaos tests/supervisor tests/integrations/test_stripe_in_any_order.py tests/journeys/test_promises.py \
	tests/leads/test_form_fields.py tests/leads/test_merging.py tests/leads/test_rules_sql.py

# Many processes import the same thousand modules: each is compiled once, whatever the shell thinks of compiled files.
export PYTHONDONTWRITEBYTECODE =

NO_DATABASE := env VAR_DIR=$(VENV)/check-var DATABASE_URL=postgresql://nobody@127.0.0.1:1/none
PRODUCTION := SITE_URL=https://crm.example.com ALLOWED_HOSTS=crm.example.com EMAIL_URL=smtps://user:password@mail.example.com \
	DEFAULT_FROM_EMAIL=hello@example.com CELERY_BROKER_URL=redis://127.0.0.1:6379/0

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 10

run: $(READY) ## start everything; Ctrl-C stops it
	@exec $(BIN)/python manage.py up

demo: export DEMO = 1
demo: $(READY) ## the same after a simulated quarter, on a database of its own; ARGS=--fresh for another one
	@$(BIN)/python manage.py demo $(ARGS)
	@exec $(BIN)/python manage.py up

test: $(READY) ## all tests, on their own PostgreSQL
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -q $(ARGS)

check: $(READY) $(TOOLS) ## lint, format, types, layers, migrations, deploy checks
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-logo > $(VENV)/layers.txt || { cat $(VENV)/layers.txt; exit 1; }
	@# A database that does not exist: both look at the code alone.
	$(NO_DATABASE) $(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	$(NO_DATABASE) $(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

chaos: $(READY) ## kill workers, supervisor and database at random, race opt-outs, and try many more orders and examples
	@THOROUGH=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -q $(PROOFS) $(ARGS)

bench: $(READY) ## floors and ours, measured on this machine
	@$(BIN)/python -m tests.bench $(ARGS)

lock: $(TOOLS) ## compile the requirements again, with hashes
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header \
		requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header \
		requirements-dev.in -o requirements-dev.txt

clean: ## remove .venv and caches; var/ with all data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer, with venv, is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV), once ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(TOOLS): requirements-dev.txt $(READY)
	@echo "Installing the developers' tools, once ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@
