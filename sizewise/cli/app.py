"""The list of the commands; each has a file of its own, imported when it is called."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

from sizewise._version import __version__
from sizewise.cli.options import takes_options
from sizewise.cli.tables.help import Commands


class SizewiseCommands(Commands):
    """The commands of sizewise; the file and the function of each have its name."""

    lines = {  # noqa: RUF012 - never changed
        "run": "Train, export, build, measure and report, from one TOML file.",
        "doctor": "Say which back ends, devices and data can be used here, and why others can't.",
        "networks": "List the networks with parameters, BFLOPs, strides and smallest sizes.",
        "data": "Check a data set: counts, sizes, classes, and what is doubtful or broken.",
        "anchors": "Fit a detector's anchors to the boxes of a data set.",
        "tune": "Search the settings of a training by its validation scores.",
        "train": "Train a network and write a safetensors checkpoint.",
        "export": "Write ONNX and .pt2 files, proven equal to eager PyTorch.",
        "build": "Build engines of an ONNX file and report the error of each against FP32.",
        "cache": "List, verify or remove the engines below a folder.",
        "bench": "Measure latency, memory and accuracy of every engine; resumes where it stopped.",
        "evaluate": "Measure accuracy at every size.",
        "explain": "Say what each layer of an int8 file costs in accuracy and saves in time.",
        "predict": "Find objects in pictures and draw them.",
        "serve": "Serve the engines of a plan by HTTP and gRPC (KServe v2).",
        "package": "Pack a plan for Triton, OpenVINO Model Server, KServe or a program.",
        "audit": "Say what numbers of this machine are worth, in 3 minutes (6 with PyTorch).",
        "best": "Choose the engine to ship under a budget of latency, memory and accuracy.",
        "compare": "Say what became slower or faster from one results file to another.",
        "history": "Draw latencies over many results files, and name the changes.",
        "traffic": "Count the sizes of the pictures that come, in their order.",
        "plan": "Choose the engines to keep loaded for the sizes that come.",
        "replay": "Run a plan's engines over a traffic, and compare with what was expected.",
        "reproduce": "Measure a published table with what this machine has.",
        "report": "Write a decision, tables and plots from what was measured.",
        "results": "Say what a results file holds, and save what is whole of a damaged one.",
    }

    rooms = {  # noqa: RUF012 - never changed
        "preparation": ("anchors", "data", "networks", "traffic", "tune"),
        "records": (
            *("best", "compare", "history", "plan", "replay"),
            *("reproduce", "report", "results"),
        ),
        "running": ("package", "predict", "serve"),
    }
    """Folders of ``sizewise.cli``, each with the commands in it."""

    def load(self, name: str) -> Any:
        inner = [folder for folder, names in self.rooms.items() if name in names]
        room = ".".join(("sizewise.cli", *inner))
        function = getattr(importlib.import_module(f"{room}.{name}"), name)
        return takes_options(function)


app = typer.Typer(
    name="sizewise",
    help="Export once, build the right engine for every input size, know what each costs.",
    epilog="sizewise COMMAND --help explains a command. Given anywhere, --debug shows the "
    "traceback of an error, and --quiet leaves out bars, remarks and next steps.",
    cls=SizewiseCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sizewise {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _show: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options of sizewise itself."""
