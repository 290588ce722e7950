from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

import pytest
import torch
from torch import Tensor, nn

from exporter.diagnosis.places import Place, place_here, place_in, place_of

FILE = Path(__file__)
SOURCE = """
import torch

class Mine(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(7, 2))

    def forward(self, images):
        return self.body(images)
"""


def raised(work: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        work()
    return caught.value


def mine(file: str) -> nn.Module:
    space = types.ModuleType("mine")
    exec(compile(SOURCE, file, "exec"), space.__dict__)
    module: nn.Module = space.Mine()
    return module


def test_the_innermost_line_that_is_not_torch_s_is_named_with_its_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOURCE)
    module = mine(str(file))
    place = place_of(raised(lambda: module(torch.zeros(1, 3, 8, 8))))
    assert place is not None
    assert (place.line, place.function, place.operation) == (10, "Mine.forward", "Linear")
    monkeypatch.chdir(tmp_path)
    assert str(place) == "mine.py:10 (return self.body(images))"
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert str(place) == f"{Path('..', 'mine.py')}:10 (return self.body(images))"


@pytest.mark.parametrize(
    "file",
    [
        "<stdin>",
        "<ipython-input-3-0a1b2c>",
        pytest.param(str(Path(gettempdir(), "ipykernel_7", "42.py")), id="ipykernel"),
    ],
)
def test_what_was_typed_into_a_prompt_has_a_function_and_a_line(file: str) -> None:
    place = place_of(raised(lambda: mine(file)(torch.zeros(1, 3, 8, 8))))
    assert str(place) == "line 10 of Mine.forward"


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "long.py"
    file.write_text(f"x = {'1 + ' * 100}1\n")
    place = Place(file=str(file), line=1, function="f")
    assert len(place.code) > 400
    assert len(str(place)) < len(str(file)) + 120
    assert str(place).endswith("…)")


def test_the_cause_of_an_error_is_searched_as_well() -> None:
    def work() -> None:
        try:
            torch.zeros(2) + torch.zeros(3)
        except RuntimeError as error:
            raise error.with_traceback(None) from ValueError("of no line")

    error = raised(work)
    outside = RuntimeError("of no line")
    outside.__cause__ = error
    place = place_of(outside)
    assert place is not None
    assert place.file == str(FILE)


def test_an_error_of_no_line_has_no_place() -> None:
    assert place_of(RuntimeError("made and never raised")) is None


def test_a_layer_that_no_line_calls_is_named_by_itself() -> None:
    """As in a ``nn.Sequential`` that sizewise calls."""
    from exporter.checks.probes import Probe
    from exporter.checks.reference import run_module
    from sizewise.core.specs import Size

    module = nn.Sequential(nn.Flatten(), nn.Linear(7, 2))
    probe = Probe(batch_size=1, size=Size(8, 8))
    place = place_of(raised(lambda: run_module(module, probe, ["out"])))
    assert str(place) == "a layer Linear"


def test_the_line_that_calls_torch_is_found_from_within() -> None:
    seen: list[Place | None] = []

    def hook(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen.append(place_here())

    layer = nn.Linear(2, 2)
    layer.register_forward_pre_hook(hook)
    layer(torch.zeros(1, 2))
    (place,) = seen
    assert place is not None
    assert place.function.endswith("hook")  # the innermost


def test_the_user_s_line_is_read_from_torch_s_notes() -> None:
    torch_file = Path(torch.__file__).parent / "nn" / "functional.py"
    note = (
        f'File "{FILE}", line 3, in outer\n    a()\n'
        f'File "{FILE}", line 7, in forward\n    b()\n'
        f'File "{torch_file}", line 9, in linear\n    c()'
    )
    place = place_in(note)
    assert place is not None
    assert (place.line, place.function) == (7, "forward")
    assert place_in("") is None
    assert place_in(f'File "{torch_file}", line 9, in linear') is None


def test_places_are_found_without_torch() -> None:
    """Sources are checked before torch is loaded."""
    program = (
        "import sys; from exporter.diagnosis.places import place_of;"
        "\ntry: 1 / 0\nexcept ZeroDivisionError as error: print(place_of(error))"
        "\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=FILE.parents[3])
