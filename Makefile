# make          run the stages that are missing or stale, print the table, write the report
# make encoder  the transformers' track on the bundled sentences: encoder/*.py, table and report in artifacts/encoder
# make test     run the tests
# make kills    kill the stages at 50 random moments, and look whether anything is lost
# make lint     ruff and mypy
# make demo     build the page from ARTIFACTS, or from the published models, and serve it on localhost (needs npm)
# make demo-site  the same as a folder for any web server: SITE=folder
# make demo-module  put the JavaScript module for pages of others together in demo/module (needs npm)
# make demo-test  test the page in a headless Chromium (needs Node.js and Chromium)
# make clean    delete what the stages wrote into artifacts/; the ledger of scorings and experiments in sub-folders stay
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: all encoder test kills lint clean environment development

all: environment
	$(BIN)/python compare.py --refresh
	$(BIN)/python report.py

# A folder that no stage has worked in belongs to the other track: the first stage tells which one it is.
ENCODER_ARTIFACTS ?= artifacts/encoder
encoder: $(VENV)/installed-encoder
	test -f "$(ENCODER_ARTIFACTS)/reviews.json" || $(BIN)/python encoder/1_data.py --artifacts "$(ENCODER_ARTIFACTS)"
	$(BIN)/python compare.py --artifacts "$(ENCODER_ARTIFACTS)" --refresh
	$(BIN)/python report.py --artifacts "$(ENCODER_ARTIFACTS)"

environment: $(VENV)/installed

development: $(VENV)/installed-development

$(VENV)/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" \
		|| { echo "error: $(PYTHON) is not Python 3.11 to 3.13 -> make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/installed-encoder: $(VENV)/installed requirements-encoder.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-encoder.txt
	@touch $@

$(VENV)/installed-development: $(VENV)/installed requirements-dev.txt requirements-search.txt requirements-scale.txt requirements-encoder.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Two files at a time: most of a test is one thread that builds graphs.
test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

kills: development
	SENTIPRESS_KILLS=50 $(BIN)/python -m pytest tests/test_faults.py -k kills -s

lint: development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	find artifacts -maxdepth 1 -type f ! -name README.md ! -name ledger.csv -delete
	rm -rf artifacts/figures artifacts/logs artifacts/report artifacts/.search

# The reference run on the full 50,000 reviews, both recipes: make reference DATA="data/IMDB Dataset.csv"
.PHONY: reference
DATA ?= data/IMDB Dataset.csv
reference: environment
	for recipe in thesis default; do \
		$(BIN)/python 1_data_preprocessing.py --artifacts artifacts/$$recipe --recipe $$recipe --data "$(DATA)" $(if $(UNLABELLED),--unlabelled "$(UNLABELLED)") && \
		$(BIN)/python compare.py --artifacts artifacts/$$recipe --refresh && \
		$(BIN)/python compare.py --artifacts artifacts/$$recipe --publish results/$$recipe && \
		$(BIN)/python report.py --artifacts artifacts/$$recipe --output results/$$recipe/report || exit; \
	done

# The official split of the same reviews, three seeds, all controls: make official DATA=... UNLABELLED=...
.PHONY: official
official: environment
	$(BIN)/python benchmarks/official.py --data "$(DATA)" $(if $(UNLABELLED),--unlabelled "$(UNLABELLED)") --publish results

# The page that runs the models in a browser: those of ARTIFACTS (folders with commas between), or the published ones.
.PHONY: demo demo-site demo-module demo-test demo-tools
PORT ?= 8000
SITE ?= site
SERVED := $(if $(ARTIFACTS),--artifacts "$(ARTIFACTS)")
NODE_MODULES := demo/node_modules/.package-lock.json

demo: environment $(NODE_MODULES)
	$(BIN)/python demo/build.py $(SERVED)
	@echo "http://localhost:$(PORT)/ (Ctrl-C ends it)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory demo/dist

demo-site: environment $(NODE_MODULES)
	$(BIN)/python demo/build.py $(SERVED) --target "$(SITE)"

demo-module: environment $(NODE_MODULES)
	$(BIN)/python demo/library.py

demo-test: environment $(NODE_MODULES)
	$(BIN)/python demo/build.py $(SERVED)
	$(BIN)/python demo/golden.py $(SERVED)
	$(BIN)/python demo/library.py
	@if $(BIN)/python -c "import tokenizers, torch" 2> /dev/null; then \
		$(BIN)/python demo/pieces_check.py && $(BIN)/python demo/encoder_golden.py --texts 60; \
	else echo "encoders are not tested: they need pip install -r requirements-encoder.txt"; fi
	PYTHON=$(BIN)/python node --test --test-concurrency=1 demo/tests/*.test.mjs

$(NODE_MODULES): demo/package-lock.json
	@command -v npm > /dev/null || { echo "error: npm is missing -> install Node.js 20.12 or newer (Debian: make demo-tools)"; exit 2; }
	npm ci --prefix demo --ignore-scripts --no-audit --no-fund
	@touch $@

demo-tools:
	@command -v npm > /dev/null || { apt-get update -qq && apt-get install -y -qq nodejs npm; }
	@command -v chromium > /dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }
