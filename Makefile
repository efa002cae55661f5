# make demo    install and show the whole way on a made-up Telegram
# make test    lint, types, tests
# make soak    the tests that take minutes

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := bot exporter sandbox trainer

# Where pip shall look for a CPU or CUDA build of torch first; see "Installing" in README.md.
TORCH_INDEX ?=
TORCH := 'torch>=2.11,<2.13.1'

# The demo's input: a Telegram Desktop export and whose it is. None: the made-up cast.
WORLD ?=
OWNER ?=

# llama.cpp is compiled here: without multimodal, tools and server, on every core, and, unless CMAKE_ARGS says
# something else, with its many small files joined into few, which takes half the time.
export CMAKE_ARGS ?= -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=12
override CMAKE_ARGS += -DLLAVA_BUILD=OFF -DCMAKE_PROJECT_INCLUDE=$(CURDIR)/packaging/llama-cpp.cmake
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell getconf _NPROCESSORS_ONLN)

.PHONY: demo test soak format clean

demo: $(VENV)/.demo
	$(BIN)/python -m sandbox demo $(if $(WORLD),--world "$(WORLD)") $(if $(OWNER),--owner "$(OWNER)")

test: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile

soak: $(VENV)/.dev
	$(BIN)/pytest -m soak --timeout 1800

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build

$(VENV)/.demo: pyproject.toml packaging/llama-cpp.cmake
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(BIN)/pip install $(TORCH) --index-url $(TORCH_INDEX))
	$(BIN)/pip install --editable '.[train,demo,stats]'
	touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/pip install --editable '.[train,demo,stats,report,dev]'
	touch $@
