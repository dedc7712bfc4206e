# make          run the five stages on the data at hand, print the table, write the report
# make test     run the tests
# make lint     ruff and mypy
# make clean    delete what the stages wrote
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: all test lint clean environment development

all: environment
	$(BIN)/python 1_data_preprocessing.py
	$(BIN)/python 2_lstm_baseline.py
	$(BIN)/python classical.py
	$(BIN)/python 3_quantization.py
	$(BIN)/python 4_pruning.py
	$(BIN)/python 5_distillation.py
	$(BIN)/python report.py

environment: $(VENV)/installed

development: $(VENV)/installed-development

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" \
		|| { echo "error: $(PYTHON) is not Python 3.11 to 3.13 -> make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-development: $(VENV)/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

test: lint
	$(BIN)/python -m pytest

lint: development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	find artifacts -mindepth 1 ! -name README.md -delete

# The reference run on the full 50,000 reviews, both recipes: make reference DATA="data/IMDB Dataset.csv"
.PHONY: reference
DATA ?= data/IMDB Dataset.csv
reference: environment
	for recipe in thesis default; do \
		$(BIN)/python 1_data_preprocessing.py --artifacts artifacts/$$recipe --recipe $$recipe --data "$(DATA)" $(if $(UNLABELLED),--unlabelled "$(UNLABELLED)") && \
		for stage in 2_lstm_baseline classical 3_quantization 4_pruning 5_distillation; do \
			$(BIN)/python $$stage.py --artifacts artifacts/$$recipe || exit; \
		done && \
		$(BIN)/python compare.py --artifacts artifacts/$$recipe --publish results/$$recipe && \
		$(BIN)/python report.py --artifacts artifacts/$$recipe --output results/$$recipe/report || exit; \
	done
