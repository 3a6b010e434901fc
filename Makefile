.PHONY: help run demo test check bench fuzz fault setup setup-test format messages clean
.DEFAULT_GOAL := help
PY := .venv/bin/python
# Tests start hundreds of processes: each would compile all our code where the environment forbids compiled files.
unexport PYTHONDONTWRITEBYTECODE
CODE := dose dacs dash_app orthanc_plugin migrations tests benchmarks tools

help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: setup ## start Orthanc with the dose plugin, the worker and the web app; Ctrl-C stops all
	@$(PY) -m dacs run

demo: setup ## send a small demo hospital to the Orthanc of `make run` (REMOVE=1 takes it away again)
	@$(PY) -m dacs demo $(if $(REMOVE),--remove)

test: setup-test check ## everything: unit, integration, faults, browser, corpus
	@$(PY) -m pytest tests -m "(integration or browser or slow) and not long" -p no:cacheprovider -n 4 --dist loadfile --no-loadscope-reorder

check: setup-test ## format, lint, types, import contracts, size budgets, unit tests (under two minutes)
	@$(PY) -m ruff format --check --quiet $(CODE)
	@$(PY) -m ruff check --quiet $(CODE)
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-logo --cache-dir .ruff_cache/imports
	@$(PY) tools/budgets.py
	@PYTHONPATH=. $(PY) tools/docs.py --check
	@$(PY) -m pytest tests -m "not (integration or browser or slow or long)" -p no:cacheprovider -n 2 --dist loadfile

bench: setup-test ## what the performance claims rest on, as tables (SHORT=1 for a quick look)
	@$(PY) -m benchmarks $(if $(SHORT),--short)

fuzz: setup-test ## the long property tests; spoil every kind of object 200,000 times and read it (OBJECTS=n)
	@$(PY) -m pytest tests -m long -p no:cacheprovider -n 2 --dist loadfile
	@$(PY) -m benchmarks.fuzz $(if $(OBJECTS),--objects $(OBJECTS))

fault: setup-test ## the long fault runs: kill -9 again and again during intake and while notices go, the deepest poison
	@$(PY) -m benchmarks.fault_kill
	@$(PY) -m benchmarks.fault_notify
	@$(PY) -m benchmarks.fault_notify --postgresql
	@$(PY) -m benchmarks.fault_poison

format: setup-test ## format and mend what can be mended
	@$(PY) -m ruff check --quiet --fix $(CODE); $(PY) -m ruff format --quiet $(CODE)

setup: ## install what `make run` needs
	@tools/setup.sh run

setup-test: ## install what the tests need
	@tools/setup.sh test

clean: ## remove caches, keep var and .venv
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis bench-results
