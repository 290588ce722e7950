"""Back ends are found by their names, those in files of other names too."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engines.registry import backends, find_backend
from sizewise.core.errors import UsageError

SCRIPT = """
import sys
from engines.registry import find_backend
assert find_backend("onnxruntime").name == "onnxruntime"
folder = "engines.backends."
print(*(m for m in sys.modules if m.startswith(folder) and m[len(folder)] != "_"))
"""


def test_one_whose_file_has_its_name_imports_no_other() -> None:
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True
    )
    assert said.stdout.split() == ["engines.backends.onnxruntime"]


def test_each_is_found_as_it_stands_among_all() -> None:
    assert all(find_backend(name) is backend for name, backend in backends().items())


@pytest.mark.parametrize("name", ["_failures", "onnxruntime.py", "", "..registry", "rtx"])
def test_others_are_refused(name: str) -> None:
    if name in backends():
        pytest.skip("it is one")
    with pytest.raises(UsageError, match="There is no back end named"):
        find_backend(name)
