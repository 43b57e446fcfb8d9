# Everything a person runs. Each target makes the environment that it needs, or finds it.
PYTHON ?= python3
ONLY ?=
TESTS ?= tests

# The path of an environment's Python; making it is told on standard error.
python_of = "$$($(PYTHON) scripts/setup.py --part $(1) --print-python)"

# What images are built upon: the one that `make engine` made, else the Dockerfile's own default.
export TRAINSHED_BASE_IMAGE ?= $(shell cat .trainshed/engine/base-image 2>/dev/null)

# Tests that restart the engine: by themselves, and only where `make engine` started it from here.
is_ours = [ -s .trainshed/engine/engine.pid ] && \
  [ "$$(cat .trainshed/engine/engine.pid)" = "$$(cat /var/run/docker.pid 2>/dev/null)" ]
restart_tests = if $(is_ours); then "$$python" -m pytest -q tests/e2e/engine_restart.py; \
  else echo "tests/e2e/engine_restart.py is not run: this engine is not one of ours"; fi

.DEFAULT_GOAL := help
.PHONY: help setup engine demo test lint bench lock generate clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## make the framework's environment, and the developer's
	@$(PYTHON) scripts/setup.py --part framework --part dev

engine: ## a container engine, a registry and base images, on a bare Debian 12 machine (as root)
	@.ci/engine

demo: ## play the whole journey in a throwaway clone (KEEP=1, VERBOSE=1)
	@python=$(call python_of,framework) && \
	  "$$python" scripts/demo.py $(if $(KEEP),--keep) $(if $(VERBOSE),--verbose)

test: ## run every test (TESTS=tests/unit for some)
	@python=$(call python_of,dev) && \
	  $(if $(filter tests,$(TESTS)),$(restart_tests) &&) "$$python" -m pytest -n 2 $(TESTS)

lint: ## formatting, style, types, and the actions and workflows
	@python=$(call python_of,dev) && bin=$$(dirname "$$python") && \
	  "$$python" -m ruff format --check . && "$$python" -m ruff check . && "$$python" -m mypy && \
	  "$$bin/zizmor" --offline --persona pedantic --quiet .github actions && \
	  "$$bin/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml && \
	  "$$bin/check-jsonschema" --builtin-schema vendor.github-actions actions/*/action.yml

bench: ## measure, beside rivals, into benchmarks/results.json (ONLY=hash,rollback)
	@python=$(call python_of,dev) && "$$python" scripts/bench.py $(if $(ONLY),--only $(ONLY))

COMPILE = uv pip compile --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
  --no-annotate --custom-compile-command "make lock" --no-emit-index-url --quiet $(UPGRADE)

lock: ## pin every requirements file anew, with hashes for every platform (UPGRADE=--upgrade)
	$(COMPILE) requirements/train.in requirements/serve.in requirements/framework.in \
	  -o requirements.txt
	for part in train serve framework statistics export mlflow dev ci engine; do \
	  $(COMPILE) -c requirements.txt requirements/$$part.in -o requirements/$$part.txt || exit 1; \
	done

generate: ## write the docs that are made from code
	@python=$(call python_of,dev) && "$$python" scripts/generate.py

clean: ## remove what is kept in this clone: runs, environments' state, logs
	@rm -rf .trainshed .pytest_cache .mypy_cache .ruff_cache .hypothesis
