"""``sizewise tune``: a network and a data set → the settings to train it with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netzoo.data.pictures.folder import PictureFolder
from sizewise.cli import console
from sizewise.cli.options import Json, Out, spell, typed
from sizewise.core import codec
from sizewise.core.options.declared import options_of
from sizewise.pipeline.preparation.tuning.options import FixedTraining, TuneOptions
from sizewise.pipeline.preparation.tuning.rows import TrialRow

if TYPE_CHECKING:
    from sizewise.pipeline.preparation.tune import Tuned

_SHOWN = 5
"""Trials in the table."""


def tune(
    context: typer.Context,
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="A network's name (sizewise networks).")
    ],
    tuning: TuneOptions,
    options: FixedTraining,
    *,
    data: Annotated[
        str,
        typer.Option(
            help="Data to learn from, with a part for validation: a data set's name, or a folder "
            "as sizewise train takes it.",
            rich_help_panel="Data",
        ),
    ],
    folder: PictureFolder,
    out: Out = Path("runs/tune"),
    as_json: Json = False,
) -> None:
    """Search learning rate, weight decay, changes of images and gains of the loss.

    Each trial is an ordinary training, scored on the validation part of the data. Those that do
    worse than others end early. The same command goes on where it was interrupted, and more
    --trials add to it. It writes tune.csv, tune.png, and each training in a folder of its own.
    Needs the extra tune (Optuna).
    """
    from sizewise.pipeline.preparation.tune import tune

    found = tune(
        network,
        data,
        tuning,
        options,
        out=out,
        images=folder.images,
        reporter=console.reporter(),
    )
    command = _command(found, context, data, folder)
    if as_json:
        console.show_json(_plain(found, command))
    else:
        _show(found)
    console.next_step(command)


def _command(found: Tuned, context: typer.Context, data: str, folder: PictureFolder) -> str:
    """The training with the best values, and all that was given."""
    given = context.params
    names = options_of(FixedTraining)
    switches = [name for name, known in names.items() if known.reader.switch]
    words = typed(context, (name for name in names if name not in switches))
    words += [spell(name) for name in switches if given.get(name)]
    where = [] if folder.images is None else [spell("images"), str(folder.images)]
    best = [word for name, value in found.best.values.items() for word in (spell(name), str(value))]
    return console.command("train", found.network, spell("data"), data, *where, *words, *best)


def _plain(found: Tuned, command: str) -> dict[str, Any]:
    return {
        "network": found.network,
        "metric": found.metric,
        "folder": str(found.folder),
        "trials": [codec.to_plain(row) | {"folder": row.folder} for row in found.trials],
        "best": codec.to_plain(found.best) | {"folder": found.best.folder},
        "checkpoint": found.checkpoint,
        "command": command,
    }


def _show(found: Tuned) -> None:
    complete = [row for row in found.trials if row.state == "complete"]
    ranked = sorted(complete, key=lambda row: (-(row.score or 0.0), row.number))
    names = list(found.best.values)
    console.show_table(
        f"Best of {len(found.trials)} trials ({_counted(found.trials)})",
        ("trial", found.metric, *(name.replace("_", " ") for name in names)),
        [
            (
                row.number,
                f"{row.score:.3f}",
                *(f"{row.values[name]:g}" for name in names),
            )
            for row in ranked[:_SHOWN]
        ],
    )
    console.say(f"Best: {found.metric} {found.best.score:.3f}, {found.checkpoint}")
    console.say(f"All trials: {found.folder / 'tune.csv'}, {found.folder / 'tune.png'}")


def _counted(rows: Iterable[TrialRow]) -> str:
    """``12 complete, 3 pruned``."""
    states = [row.state for row in rows]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
