"""Configuration files in TOML, where unknown keys are errors and errors name the key.

Their tables fill the same dataclasses as the options of the commands.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from bench.planning.settings import SweepSettings
from exporter.request import PrecisionOptions
from netzoo.data.pictures.folder import PictureFolder
from sizewise.core.errors import OptionError, UsageError
from sizewise.core.options.declared import Spelling, fill, option, options_of, spelled_now, spelling
from sizewise.core.options.reading import PATH, SIZE, TEXT, Reader, optional, several
from sizewise.core.specs import Size
from sizewise.pipeline.models.cards import MeaningOptions
from sizewise.pipeline.models.training import Training, TrainOptions
from sizewise.pipeline.toml import read_toml

T = TypeVar("T")


def _is_table(given: object) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError("It must be a table.")
    return given


_TABLE = Reader(_is_table, "TABLE")


@dataclass(frozen=True, kw_only=True)
class _LineFile(PictureFolder):
    """The keys at the top of the file."""

    out: Path = option(PATH, help="Give the folder of all results: out = 'runs/digits'.")
    data: str = option(TEXT, help="Give the data to train and evaluate on: data = 'digits'.")
    train: Mapping[str, Any] = option(_TABLE, help="Give the table [train] with a network.")
    bench: Mapping[str, Any] = option(_TABLE, help="Give the table [bench]; it may be empty.")
    export: Mapping[str, Any] = option(_TABLE, None, help="The table [export].")


@dataclass(frozen=True, kw_only=True)
class _TrainTable(TrainOptions):
    network: str = option(TEXT, help="Give a network's name (sizewise networks).")


@dataclass(frozen=True, kw_only=True)
class ExportTable(PrecisionOptions):
    """The table ``[export]``: options of ``sizewise export``."""

    size: Size | None = option(optional(SIZE), None, help="Size in pixels of the example.")

    def precisions_on(self, data: str, images: Path | None = None) -> PrecisionOptions:
        """The precisions, with ``data`` to measure accuracy loss on where it is limited. Pictures
        lie in ``images`` where that is given, unless the table says where."""
        values = {name: getattr(self, name) for name in PrecisionOptions.__dataclass_fields__}
        limited = self.max_loss_points is not None
        values["data"] = data if limited else ""
        if limited or self.calibrate == data:
            values["images"] = self.images or images
        return PrecisionOptions(**values)


@dataclass(frozen=True, kw_only=True)
class LineSettings:
    """The whole file. ``out`` is the folder of all results."""

    path: Path
    out: Path
    data: str
    training: Training
    export: ExportTable
    bench: SweepSettings
    images: Path | None = None
    """The folder of the pictures of ``data``, where its annotations lie elsewhere."""

    @property
    def sweep(self) -> SweepSettings:
        """The table ``[bench]``; accuracy is measured on ``data``, unless it names other data."""
        if self.bench.data or self.images is None:
            return replace(self.bench, data=self.bench.data or self.data)
        number = self.bench.accuracy.images
        return replace(self.bench, data=self.data, images=self.images, image_count=number)

    @property
    def precisions(self) -> PrecisionOptions:
        """The table ``[export]``, on the same data."""
        return self.export.precisions_on(self.data, self.images)

    def check(self) -> None:
        """Check the values together, before hours of training. Raises UsageError."""
        from engines.planning.specs import engine_specs

        with _keys_of(self.path, "train"):
            self.training.check()
        with _keys_of(self.path, "export"):
            self.precisions.check()
        with _keys_of(self.path, "bench"):
            engine_specs(self.sweep.products())
            self._check_fusions()

    def _check_fusions(self) -> None:
        """Raises UsageError for a fusion that is measured and not trained."""
        from netzoo.zoo.config import NetworkConfig

        trained = {
            NetworkConfig(
                name=training.network,
                classes=("any",),
                multiscale=training.options.scaling.config(),
            ).fusion
            for training in self.training.each()
        }
        for axes in self.sweep.products():
            for fusion in axes.fusion:
                if fusion not in trained:
                    raise UsageError(
                        f"The fusion {fusion} can't be measured",
                        f"[train] trains only {', '.join(sorted(trained))}",
                        "Train it as well, or leave it out of [bench].",
                    )


def read_line(path: Path) -> LineSettings:
    """Read the file of ``sizewise run``. Raises InputError, and UsageError that names the key."""
    given = read_toml(path)
    if "models" in given:
        raise UsageError(
            f"{path} is a file for sizewise bench",
            "it names models, and sizewise run trains its own",
            f"Run sizewise bench {shlex.quote(str(path))}.",
        )
    with _keys_of(path):
        file = fill(_LineFile, given)
    train = _table(_TrainTable, file.train, path, "train")
    options = {name: getattr(train, name) for name in TrainOptions.__dataclass_fields__}
    return LineSettings(
        path=path,
        out=file.out,
        data=file.data,
        images=file.images,
        training=Training(network=train.network, options=TrainOptions(**options)),
        export=_table(ExportTable, file.export or {}, path, "export"),
        bench=_table(SweepSettings, file.bench, path, "bench"),
    )


@dataclass(frozen=True, kw_only=True)
class BenchFile(MeaningOptions):
    """A TOML file for ``bench``: ``models`` relative to the working folder, what their inputs and
    outputs mean, and ``[bench]``."""

    models: tuple[Path, ...] = option(
        several(PATH, 1), help="Give the ONNX files: models = ['a.onnx']."
    )
    bench: SweepSettings = option(_TABLE, help="Give the table [bench]; it may be empty.")


def read_bench_file(path: Path) -> BenchFile:
    """Read a TOML file for ``sizewise bench``. Raises as :func:`read_line`."""
    given = read_toml(path)
    with _keys_of(path):
        file = fill(BenchFile, given)
    table: Any = file.bench
    return replace(file, bench=_table(SweepSettings, table, path, "bench"))


@contextlib.contextmanager
def words_of_bench(path: Path | None) -> Iterator[None]:
    """Spell the options of ``[bench]``, and those of a file's models, as keys of the file ``path``
    within it, and let a UsageError name the file; where there is no file, nothing changes. What the
    command line says keeps its spelling."""
    if path is None:
        yield
        return
    of_models = dict.fromkeys(options_of(MeaningOptions), "")
    tables = of_models | dict.fromkeys(options_of(SweepSettings), "bench.")
    outside = spelled_now()

    def key(name: str) -> str:
        by_command = name in ("retry", "force") or name not in tables
        return outside(name) if by_command else f"{tables[name]}{name}"

    with _spelled_in(path, key):
        yield


def _table(kind: type[T], given: Mapping[str, Any], path: Path, name: str) -> T:
    with _keys_of(path, name):
        return fill(kind, given)


def _keys_of(path: Path, table: str = "") -> contextlib.AbstractContextManager[None]:
    """Spell options as keys of the file within it, and let a UsageError name the file."""
    return _spelled_in(path, lambda name: f"{table}.{name}" if table else name)


@contextlib.contextmanager
def _spelled_in(path: Path, spell: Spelling) -> Iterator[None]:
    """A UsageError names the file; one that names an option becomes an OptionError of its key."""
    keys: list[str] = []

    def key(name: str) -> str:
        keys.append(spell(name))
        return keys[-1]

    try:
        with spelling(key):
            yield
    except UsageError as error:
        said = (f"{path}: {error.what}", error.why, error.todo)
        if option := getattr(error, "option", "") or _first_of(keys, error):
            raise OptionError(*said, option=option) from error
        raise UsageError(*said) from error


def _first_of(keys: Iterable[str], error: UsageError) -> str:
    """The one of ``keys`` that the sentence of ``error`` names first; empty where it names none."""
    text = f"{error.what} {error.why} {error.todo}"
    found = ((re.search(rf"(?<![\w.]){re.escape(key)}(?!\w)", text), key) for key in set(keys))
    return min(((named.start(), key) for named, key in found if named), default=(0, ""))[1]
