"""Configuration files: TOML, every key known, every error named."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from bench.settings import SweepSettings
from exporter.request import PrecisionOptions
from netzoo.training.settings import ScaleTraining, TrainingSettings
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size, Sizes
from sizewise.pipeline.scaling import Scaling, parse_weights

T = TypeVar("T", bound=BaseModel)


def _joined(given: Any) -> Any:
    return ",".join(map(str, given)) if isinstance(given, list | tuple) else given


CommaList = Annotated[str, BeforeValidator(_joined)]
"""``a,b`` as options have it, or a list."""


class Table(BaseModel):
    """A table of the file: a key that is not listed is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TrainTable(Table):
    """``[train]``: as the options of ``sizewise train``; files are relative to the working folder.
    Each ``fusion`` is a training of its own."""

    network: str
    width: float = 1.0
    depth: float = 1.0
    steps: int = 700
    batch: int = 8
    sizes: str = "160:320:32"
    learning_rate: float = 2e-3
    loss: str = ""
    weights: Path | None = None
    tree: Path | None = None
    classification_data: str = ""
    seed: int = 0

    fusion: CommaList = ""
    scales: CommaList = ""
    backbone: CommaList = ""
    backbone_weights: Path | None = None
    scale_weights: CommaList = ""
    consistency: float = 0.0
    price: float = 0.0
    single_scale_steps: int = 0
    checkpointing: bool = False
    sequential: bool = False

    @property
    def scaling(self) -> Scaling:
        return Scaling(fusion=self.fusion, scales=self.scales, backbone=self.backbone)

    def each(self) -> tuple[TrainTable, ...]:
        """One for each fusion."""
        each = self.scaling.each(self.network)
        return tuple(self.model_copy(update={"fusion": one.fusion}) for one in each)

    @property
    def scale_training(self) -> ScaleTraining | None:
        """None where nothing is said. Raises UsageError."""
        told = ScaleTraining(
            weights=parse_weights(self.scale_weights),
            consistency=self.consistency,
            price=self.price,
            single_scale_steps=self.single_scale_steps,
            checkpointing=self.checkpointing,
            sequential=self.sequential,
        )
        return None if told == ScaleTraining() else told

    @property
    def settings(self) -> TrainingSettings:
        """With the loss that is meant. Raises UsageError."""
        from netzoo.loss import choose_loss
        from netzoo.network import find_network

        loss = choose_loss(find_network(self.network), self.loss)
        return TrainingSettings(
            steps=self.steps,
            batch_size=self.batch,
            sizes=Sizes.parse(self.sizes),
            learning_rate=self.learning_rate,
            loss=loss.name,
            seed=self.seed,
            scales=self.scale_training,
        )

    def check(self) -> None:
        """What types alone don't tell, before hours of training. Raises UsageError."""
        from netzoo.config import NetworkConfig
        from netzoo.cost import build_without_weights
        from netzoo.network import find_network
        from netzoo.training.checks import check_scales, check_sizes

        entry, settings = find_network(self.network), self.settings
        check_sizes(entry, settings)
        for table in self.each():
            config = NetworkConfig(
                name=self.network,
                classes=tuple(map(str, range(entry.classes))),
                width=self.width,
                depth=self.depth,
                multiscale=table.scaling.config(),
            )
            build_without_weights(config)
            check_scales(entry, config, settings)
        self._check_price()

    def _check_price(self) -> None:
        from netzoo.fusion import find_fusion, fusions

        if self.price and not any(find_fusion(one.fusion).weighs for one in self.each()):
            weighing = ", ".join(name for name, entry in fusions().items() if entry.weighs)
            raise UsageError(
                f"Training can't have price = {self.price}",
                "no fusion of these weighs scales, so none leaves any out",
                f"Leave it out, or choose a fusion that does: {weighing}.",
            )


class ExportTable(Table):
    """``[export]``: as the options of ``sizewise export``."""

    precision: CommaList = "fp32"
    size: str = ""
    calibrate: str = ""
    calibration_images: int = 128
    calibration_sizes: CommaList = ""
    check_sizes: CommaList = ""
    method: str = "minmax"
    weight_bits: int = 7
    keep: CommaList = ""
    max_drop: float | None = None

    def options(self, data: str) -> PrecisionOptions:
        """``data`` is what a drop is measured on, where one is limited."""
        return PrecisionOptions(
            **self.model_dump(exclude={"size"}), data=data if self.max_drop is not None else ""
        )


class LineSettings(Table):
    """The whole file. ``out`` is the folder of everything that is made."""

    out: Path
    data: str
    train: TrainTable
    export: ExportTable = ExportTable()
    bench: SweepSettings

    @property
    def sweep(self) -> SweepSettings:
        """``[bench]``; accuracy is measured on ``data``, unless it names other data."""
        return self.bench.model_copy(update={"data": self.bench.data or self.data})

    def check(self) -> None:
        """What types alone don't tell, before hours of training. Raises UsageError."""
        from engines.planning.specs import engine_specs

        self.train.check()
        if self.export.size:
            Size.parse(self.export.size)
        self.export.options(self.data).check()
        engine_specs(self.sweep.products())
        self._check_fusions()

    def _check_fusions(self) -> None:
        """Those that are measured have to be trained."""
        from netzoo.config import NetworkConfig

        made = {
            NetworkConfig(
                name=table.network, classes=("any",), multiscale=table.scaling.config()
            ).fusion
            for table in self.train.each()
        }
        for axes in self.sweep.products():
            for fusion in axes.fusion:
                if fusion not in made:
                    raise UsageError(
                        f"The fusion {fusion} can't be measured",
                        f"[train] makes {', '.join(sorted(made))} only",
                        "Train it as well, or leave it out of [bench].",
                    )


def read_line(path: Path) -> LineSettings:
    """Raises UsageError that names the key."""
    return validated(LineSettings, read_toml(path), path)


class BenchFile(Table):
    """A TOML for ``bench``: ``models`` relative to the working folder, and ``[bench]``."""

    models: tuple[Path, ...]
    bench: SweepSettings


def read_bench_file(path: Path) -> BenchFile:
    """Raises UsageError that names the key."""
    return validated(BenchFile, read_toml(path), path)


def read_toml(path: Path) -> dict[str, Any]:
    """Raises UsageError where there is no file or no TOML in it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"The configuration {path} can't be read",
            str(error),
            "See examples/digits.toml for one that works.",
        ) from error


def validated(kind: type[T], data: dict[str, Any], where: Path | str) -> T:
    """``data`` as ``kind``; raises UsageError with every key that is wrong and why."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        flaws = "; ".join(
            f"{'.'.join(map(str, flaw['loc'])) or 'the file'}: {_why(flaw)}"
            for flaw in error.errors()
        )
        raise UsageError(
            f"The configuration ({where}) is wrong", flaws, "Correct these keys; the rest is fine."
        ) from error


def _why(flaw: Any) -> str:
    if flaw["type"] == "extra_forbidden":
        return "there is no such key"
    return f"{flaw['msg']}, not {flaw['input']!r}"
