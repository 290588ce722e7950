"""What commands are given of a command line: the same as by typer's own way, without pydantic."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from sizewise.cli.app import SizewiseCommands, app
from sizewise.cli.options import take_as_typed

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
WORD = WORDS.filter(lambda text: not text.startswith("-"))


def parsed(words: list[str], *, by_typer: bool) -> dict[str, Any]:
    """The values of a command of all kinds of parameters that sizewise has."""
    given: dict[str, Any] = {}
    alone = typer.Typer(add_completion=False)

    @alone.command()
    def command(
        name: str,
        files: Annotated[list[Path], typer.Argument()],
        *,
        out: Annotated[Path | None, typer.Option("--out")] = None,
        folder: Annotated[Path, typer.Option("--folder")] = Path("runs"),
        option: Annotated[list[str] | None, typer.Option("--option")] = None,
        sizes: Annotated[str | None, typer.Option("--sizes")] = None,
        is_set: Annotated[bool, typer.Option("--is-set")] = False,
    ) -> None:
        given.update(
            name=name, files=files, out=out, folder=folder, option=option, sizes=sizes, set=is_set
        )

    made: Any = typer.main.get_command(alone)
    if not by_typer:
        take_as_typed(made.params)
    made.main(words, standalone_mode=False)
    return given


@given(
    st.lists(WORD, min_size=2, max_size=4),
    st.dictionaries(st.sampled_from(("--out", "--folder", "--sizes")), WORDS),
    st.lists(WORDS, max_size=3),
    st.booleans(),
)
def test_values_are_those_that_typer_reads(
    words: list[str], given: dict[str, str], several: list[str], is_set: bool
) -> None:
    line = [f"{name}={value}" for name, value in given.items()]
    line += [f"--option={value}" for value in several]
    line += ["--is-set"] if is_set else []
    line += words
    assert parsed(line, by_typer=False) == parsed(line, by_typer=True)


@pytest.mark.parametrize("name", SizewiseCommands.lines)
def test_no_parameter_of_a_command_needs_pydantic(name: str) -> None:
    """To import it takes longer than to read an ONNX file."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("sizewise", ["doctor"])
    for parameter in group.get_command(context, name).get_params(context):
        is_of_old = not hasattr(parameter, "type_descriptor")
        assert is_of_old or "get_runtime_param" in vars(parameter), parameter.name


def test_a_command_runs_without_pydantic(tmp_path: Path) -> None:
    program = "import sys; sys.modules['pydantic'] = None\nfrom sizewise.cli import main\nmain()"
    words = ("cache", "list", str(tmp_path), "--json")
    done = subprocess.run(
        (sys.executable, "-c", program, *words), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
