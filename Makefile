# make demo, make test: both create .venv first. TORCH_INDEX=URL installs PyTorch from another index,
# WORKERS=N runs the tests in N processes, PYTEST_OPTIONS are passed to pytest.
PYTHON ?= python3
TORCH_INDEX ?=
WORKERS ?= 2
PYTEST_OPTIONS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt
STAMP := $(VENV)/.installed
NEEDED := torch,cpu,digits,rtx,dev
# The client that the server is tested with.
CLIENT := tritonclient[grpc,http]

.PHONY: demo demo-pages test types tests test-gpu test-slow test-browser test-triton docs bench changelog networks ablation multiscale engines tensorrt public-models gpu sbom clean
demo: $(STAMP)
	$(BIN)/sizewise run examples/digits.toml

# docs/demo and the README's table: runs the demo unless runs/digits holds its results.
demo-pages: $(STAMP)
	$(BIN)/python -m docs.make.demo

test: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@# Beside the tests, since each of them leaves a core idle at times.
	@$(MAKE) --no-print-directory --jobs 2 types tests

types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/lint-imports

tests: $(STAMP)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not gpu and not slow and not browser" --benchmark-skip $(PYTEST_OPTIONS)

test-slow: $(STAMP)
	$(BIN)/pytest -m slow

# Needs Chromium (Debian: apt-get install chromium).
test-browser: $(STAMP)
	$(PIP) -e ".[html,docs,browser]"
	$(BIN)/pytest -m browser tests/reports/page tests/docs

# Packages in NVIDIA's own server on loopback, from the package nvidia-pytriton (Linux x86-64 with
# glibc 2.35, Python 3.11; 150 MB). Its Python back end needs NumPy 1, so it has an environment of its own.
test-triton: $(STAMP) .venv-triton/.installed
	SIZEWISE_TRITON=.venv-triton $(BIN)/pytest tests/sizewise/pipeline/prediction/packaging/test_triton_server.py $(PYTEST_OPTIONS)

.venv-triton/.installed: constraints.txt
	$(PYTHON) -m venv .venv-triton
	.venv-triton/bin/python -m pip install --disable-pip-version-check -q 'numpy<2' \
		$$(grep -E '^(onnxruntime|openvino|pillow)==' constraints.txt)
	.venv-triton/bin/python -m pip install --disable-pip-version-check -q --no-deps nvidia-pytriton==0.7.0
	touch $@

# site: the pages as a site that works offline. A broken link or any other warning fails.
docs: $(STAMP)
	$(PIP) -e ".[docs]"
	$(BIN)/python -m sphinx -E -W --keep-going -q docs site

test-gpu: $(STAMP)
	$(BIN)/pytest -m gpu

bench: $(STAMP)
	$(BIN)/pytest tests/benchmarks --benchmark-only

# Writes CHANGELOG.md from the fragments in changelog.d, and removes them.
# Raise the version in sizewise/_version.py first.
changelog: $(STAMP)
	$(BIN)/towncrier build --yes

# docs/networks.md: exports and measures every network.
networks: $(STAMP)
	$(BIN)/python -m docs.make.networks

# docs/multiscale.md: ablation trains ten networks with three seeds each (an hour);
# multiscale measures the cost of fusions (15 min) and fills in the page.
ablation: $(STAMP)
	$(BIN)/python -m docs.make.multiscale.ablation

multiscale: $(STAMP)
	$(BIN)/python -m docs.make.multiscale.cost
	$(BIN)/python -m docs.make.multiscale.tables

# docs/engines.md: files (30 min), speed (40 min, on an idle machine), export time, what runs.
engines: $(STAMP)
	$(BIN)/python -m docs.make.engines.files
	$(BIN)/python -m docs.make.engines.speed
	$(BIN)/python -m docs.make.engines.export_time
	$(BIN)/python -m docs.make.engines.matrix
	$(BIN)/python -m docs.make.engines.tables

# reports/measured/gpu-*.json: needs an NVIDIA GPU for hours, and at least one GPU back end.
gpu: $(STAMP)
	$(BIN)/python -m docs.make.gpu.sweep

# docs/public-models.md: files of others, out of packages that were downloaded into WHEELS before.
# Without WHEELS, it says how to download them.
public-models: $(STAMP)
	$(BIN)/python -m docs.make.public_models.measure $(if $(WHEELS),--wheels $(WHEELS))

# docs/tensorrt.md: cost of building (15 min, on an idle machine; no GPU needed).
tensorrt: $(STAMP)
	$(BIN)/python -m docs.make.tensorrt.builds
	$(BIN)/python -m docs.make.tensorrt.tables

# sbom.cdx.json: what sizewise and its extras have installed, in CycloneDX.
sbom: $(STAMP)
	$(BIN)/python -m docs.make.sbom

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(PIP) --no-compile --no-deps --index-url $(TORCH_INDEX) torch)
	@# At once, since each call of pip builds sizewise and looks at all requirements anew.
	$(PIP) --no-compile -e ".[$(NEEDED),html,docs,tune,serve]" "$(CLIENT)" || $(MAKE) --no-print-directory apart
	@# Tests use the ONNX file of this package, as a model from outside.
	$(PIP) --no-compile --no-deps --ignore-requires-python rapidocr-onnxruntime
	@# On all cores, where pip takes one, and without the tests of libraries.
	@$(BIN)/python -m compileall -qq -j 0 -x /tests/ $(VENV)/lib || true
	touch $@

# Where one of these is not to be had, the others are: a report then has no HTML page, and says so;
# tests of the site, of tune and of serve are skipped.
.PHONY: apart
apart:
	$(PIP) --no-compile -e ".[$(NEEDED)]"
	-$(PIP) --no-compile -e ".[html]"
	-$(PIP) --no-compile -e ".[docs]"
	-$(PIP) --no-compile -e ".[tune]"
	-$(PIP) --no-compile -e ".[serve]"
	-$(PIP) --no-compile "$(CLIENT)"

clean:
	rm -rf $(VENV) site
