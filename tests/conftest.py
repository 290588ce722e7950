from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import InMemoryExampleDatabase

from engines.store.signing import KEY_FILE
from sizewise.core.machine import packages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent

# Tests import these libraries themselves, which would report that, and write to the user's home.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

# How long an example takes says something of the machine and nothing of the code. Where the tree
# may only be read, failing examples are kept in memory, of which hypothesis would warn.
settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=settings().database if os.access(ROOT, os.W_OK) else InMemoryExampleDatabase(),
)
settings.load_profile("tests")

# torch.export does its arithmetic on sizes in sympy, whose cache of 1,000 results is too small for
# that: without a limit, an export takes a fifth less. Read when sympy is imported, so set here.
os.environ.setdefault("SYMPY_CACHE_SIZE", "None")

# Half a million objects of the libraries live as long as the process: garbage collections, of which
# the imports of the tests and each export cause thousands, need not look at them again and again.
gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def own_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Engines of the tests are signed by a key of their own, and not by the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_FILE, str(tmp_path_factory.mktemp("key") / "key"))
        yield


@pytest.fixture(autouse=True)
def versions_read_anew() -> None:
    """Tests put versions of their own in the place of those that are installed."""
    packages.forget()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seconds", action="store_true", help="Print what each file of tests takes.")
    parser.addoption(
        "--rewrite-mistakes",
        action="store_true",
        help="Write tests/sizewise/cli/mistakes.txt anew.",
    )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """With ``--seconds``, print what the tests of each file took, over all processes."""
    if not config.getoption("--seconds"):
        return
    took: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                took[report.location[0]] += report.duration
    terminalreporter.section(f"{sum(took.values()):.1f} s")
    for file, seconds in sorted(took.items(), key=lambda one: -one[1]):
        terminalreporter.line(f"{seconds:8.1f} s  {file}")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of the tests that all of its processes see (``tests.shared``)."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Of torch in this process: tiny tensors gain nothing from threads, and threads that share a
    core wait for each other."""
    if "torch" not in sys.modules:  # tests without it must not import it
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def _translations_read_once() -> Iterator[None]:
    """Each export reads the sources of torch's 500 translations to ONNX anew, for half a second."""
    if "torch" not in sys.modules:
        yield
        return
    lazy: Any = importlib.import_module("torch.onnx._internal._lazy_import")
    apis = lazy.onnxscript_apis

    @cache
    def once() -> Any:
        return apis.__getattr__("get_torchlib_ops")()

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vars(apis), "get_torchlib_ops", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_collections() -> Iterator[None]:
    """What was imported until now is looked at no more."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def built_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines are built in this process, for tests of something else: a child takes a second or
    more, and builds the same."""
    from engines.store import cache

    def run_here(target: str, arguments: dict[str, Any], **limits: object) -> Any:
        del limits
        module, _, name = target.partition(":")
        function = getattr(importlib.import_module(module), name)
        return json.loads(json.dumps(function(**json.loads(json.dumps(arguments)))))

    monkeypatch.setattr(cache, "run_in_child", run_here)


@pytest.fixture
def empty_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of reports are empty files, for tests of what reports say: to render them takes
    four fifths of the time."""

    def save(figure: object, path: Path) -> None:
        del figure
        path.touch()
        path.with_suffix(".svg").touch()

    monkeypatch.setattr("reports.markdown.save", save)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright, for pages that may load nothing."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    driver = pytest.importorskip("playwright.sync_api", reason="make test-browser installs it")
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
