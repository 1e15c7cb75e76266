# What people type. Everything runs on the real parts; nothing needs docker.
.PHONY: demo test check events faults faults-all faults-planted attack tools clean

PYTHON ?= python3
UV := $(or $(shell command -v uv),.tools/bin/uv)

demo: $(UV)  ## start everything with two example organisations, and print the address
	@$(UV) run --quiet --no-dev kith demo

test: $(UV) tools  ## all tests, on the real PostgreSQL, Kafka and browser
	$(UV) run --quiet pytest -n 3

check: $(UV)  ## the rules of the house: style, types, rooms, promises
	$(UV) run --quiet ruff format --check .
	$(UV) run --quiet ruff check .
	$(UV) run --quiet mypy
	$(UV) run --quiet lint-imports
	$(UV) run --quiet pytest -q tests/contracts

events: $(UV)  ## store the schemas of new events and write the catalogue
	$(UV) run --quiet python -m deploy.catalogue
	$(UV) run --quiet python -m deploy.settings_page
	$(UV) run --quiet python -m deploy.metrics_page
	$(UV) run --quiet python -m deploy.dashboard
	$(UV) run --quiet python -m deploy.statistics_page

faults: $(UV)  ## kill, freeze and cut everything in 24 ways, and check that nothing is lost, doubled or out of order
	@mkdir -p build
	$(UV) run --quiet python -m tests.faults --quick --seed 2026 --report build/faults.md $(FAULTS)

faults-all: $(UV)  ## every cell that can be run, for hours; goes on where it was
	@mkdir -p build
	for seed in 1 2 3 4 5 6 7 8 9 10; do \
		KITH_GENERATED=20000 $(UV) run --quiet pytest -q --hypothesis-seed=$$seed tests/journeys/test_generated.py || exit 1; \
	done
	$(UV) run --quiet python -m tests.faults --all --resume --seed 2026 --report build/faults-all.md

faults-planted: $(UV)  ## show that the harness bites: 15 planted bugs, each found
	$(UV) run --quiet python -m tests.faults.planted

attack: $(UV)  ## try to compute, from 1,000 tables and 2,000 sequences of releases, what a few people are
	KITH_SEARCHED=1000 $(UV) run --quiet pytest -q -n0 tests/analytics/test_sequences.py
	$(UV) run --quiet python -m tests.attack --report docs/attack.md

tools: $(UV)  ## what only tests need: a browser, kcat, promtool
	@sh deploy/local/tools.sh

.tools/bin/uv:
	@echo "uv is not on this machine: putting it into .tools"
	@$(PYTHON) -m pip install --quiet --target .tools uv

clean:  ## remove what was built here; data of a demo stay where KITH_DATA says
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
