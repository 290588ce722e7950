# make demo · make test — both make .venv first. TORCH_INDEX=URL takes PyTorch from another index,
# WORKERS=N runs the tests in N processes, PYTEST_OPTIONS are handed on to pytest.
PYTHON ?= python3
TORCH_INDEX ?=
WORKERS ?= 2
PYTEST_OPTIONS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt
STAMP := $(VENV)/.installed

.PHONY: demo test test-gpu test-slow bench changelog networks ablation multiscale engines tensorrt gpu clean
demo: $(STAMP)
	$(BIN)/sizewise run examples/digits.toml

test: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not gpu and not slow and not browser" --benchmark-skip $(PYTEST_OPTIONS)

test-slow: $(STAMP)
	$(BIN)/pytest -m slow

test-gpu: $(STAMP)
	$(BIN)/pytest -m gpu

bench: $(STAMP)
	$(BIN)/pytest tests/benchmarks --benchmark-only

# CHANGELOG.md from the fragments in changelog.d, which it removes; raise sizewise/_version.py before.
changelog: $(STAMP)
	$(BIN)/towncrier build --yes

networks: $(STAMP)
	$(BIN)/python -m docs.make.networks

# docs/multiscale.md: three seeds of ten trainings (an hour), what fusions cost (15 min), the page.
ablation: $(STAMP)
	$(BIN)/python -m docs.make.multiscale.ablation

multiscale: $(STAMP)
	$(BIN)/python -m docs.make.multiscale.cost
	$(BIN)/python -m docs.make.multiscale.tables

# docs/engines.md: files (a quarter of an hour), then what wants a quiet machine (40 min), what runs.
engines: $(STAMP)
	$(BIN)/python -m docs.make.engines.files
	$(BIN)/python -m docs.make.engines.speed
	$(BIN)/python -m docs.make.engines.benchmark_app
	$(BIN)/python -m docs.make.engines.matrix
	$(BIN)/python -m docs.make.engines.tables

# reports/measured/gpu-*.json: needs an NVIDIA GPU, hours of it, and whichever of its back ends.
gpu: $(STAMP)
	$(BIN)/python -m docs.make.gpu.sweep

# docs/tensorrt.md: what building costs (a quarter of an hour, on a quiet machine; no GPU needed).
tensorrt: $(STAMP)
	$(BIN)/python -m docs.make.tensorrt.builds
	$(BIN)/python -m docs.make.tensorrt.tables

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(PIP) --no-deps --index-url $(TORCH_INDEX) torch)
	$(PIP) -e ".[torch,cpu,digits,rtx,dev]"
	@# Only its ONNX file is used: a model that is not ours, for a test.
	$(PIP) --no-deps --ignore-requires-python rapidocr-onnxruntime
	touch $@

clean:
	rm -rf $(VENV)
