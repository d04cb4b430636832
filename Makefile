# What a newcomer can do. `make` alone lists it.

PYTHON ?= python3
BIN := .venv/bin
WHEEL := build/wheel
# With a lock, everybody installs the same versions; CI checks their hashes.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install demo test coverage lint reference pictures bench profile race mutants interop lock clean wheel deb bundle sbom release

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/.installed: pyproject.toml requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "NRDOT needs Python 3.11 or newer: name one, as in make install PYTHON=python3.12, or see docs/releases.md" >&2; \
		exit 1; }
	@echo "installing into .venv; once, and it takes a minute or two" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --require-hashes --requirement requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

install: $(BIN)/.installed ## make .venv with the command `nrdot` and every extra

demo: install ## half a minute on this host: what would be sent, what it saves
	@$(BIN)/nrdot demo

wheel: install ## the wheel, in dist
	@rm -rf dist/*.whl $(WHEEL) && mkdir -p build
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist . >build/wheel.log 2>&1 || { cat build/wheel.log; exit 1; }
	@$(INSTALL) --no-deps --no-index --target $(WHEEL) dist/nrdot-*.whl

# Three at a time on two processors: whoever watches a running agent waits most of the time.
test: wheel ## the tests, on the built wheel
	@PYTHONPATH=$(abspath $(WHEEL)) $(BIN)/pytest -n 3 --dist worksteal $(ARGS)

coverage: install ## which lines the tests run: a table by file, and build/coverage/html; ARGS as for test
	@rm -rf build/coverage && mkdir -p build/coverage
	@$(BIN)/coverage run -m pytest -n 3 --dist worksteal $(ARGS) || echo "some tests failed" >&2
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet --directory build/coverage/html
	@$(BIN)/coverage report --sort=cover

lint: install ## ruff, mypy, the layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: install ## the figures that README and docs quote
	@$(BIN)/python tests/bench/run.py $(ARGS)

race: install ## as root, half an hour: NRDOT beside its peers, into docs/race.md
	@tests/bench/race/setup >/dev/null
	@$(BIN)/python tests/bench/race/race.py $(ARGS)

profile: install ## where a tick's time goes: build/profile.svg and a table
	@$(BIN)/python tests/bench/flame.py $(ARGS)

mutants: install ## ARGS=aggregate: small faults planted in a room; do its tests notice?
	@$(BIN)/python tests/mutants/run.py $(ARGS)

interop: wheel ## beside a real Collector, Prometheus, PostgreSQL, nginx and Redis
	@tests/interop/setup
	@PYTHONPATH=$(abspath $(WHEEL)) $(BIN)/pytest tests/interop $(ARGS)

reference: install ## docs/reference, generated from the types that load a configuration
	@$(BIN)/nrdot profile schema --markdown >docs/reference/configuration.md
	@for kind in configuration profile tests; do \
		$(BIN)/nrdot profile schema --of $$kind >docs/reference/$$kind.schema.json || exit 1; done

deb: wheel ## a Debian package, in dist
	@packaging/build-deb

bundle: wheel ## a bundle with its own interpreter; ARGS=aarch64 for another processor
	@packaging/build-bundle $(ARGS)

sbom: install ## what the packages consist of, as CycloneDX
	@packaging/build-sbom

release: install ## all of a release in dist, with SHA256SUMS
	@packaging/check-release
	@rm -rf dist
	@$(MAKE) --no-print-directory deb
	@packaging/build-bundle x86_64
	@packaging/build-bundle aarch64
	@packaging/build-sbom >build/sbom.log
	@packaging/finish-release

COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links
EXTRAS := --extra report --extra train --extra operator --extra s3 --extra dashboards

pictures: install ## the README's pictures, from a real terminal and browser; needs tmux and chromium
	@$(BIN)/python tests/docs/pictures.py

lock: ## resolve the locked versions anew
	@$(COMPILE) $(EXTRAS) --extra dev --output-file requirements.lock pyproject.toml
	@$(COMPILE) --no-annotate --constraint requirements.lock --output-file packaging/locks/agent.txt pyproject.toml
	@$(COMPILE) --no-annotate --constraint requirements.lock --extra operator --output-file packaging/locks/operator.txt pyproject.toml
	@$(COMPILE) --no-annotate --constraint requirements.lock $(EXTRAS) --output-file packaging/locks/all.txt pyproject.toml
	@$(COMPILE) --no-annotate --output-file packaging/locks/sbom.txt packaging/locks/sbom.in

clean: ## remove what was built, but not .venv and the caches
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
