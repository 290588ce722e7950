"""``sizewise doctor``: what can be used here, what is missing, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.core import codec
from sizewise.core.machine.environment import read_environment
from sizewise.pipeline.doctor import Finding, examine


def doctor(*, as_json: Json = False) -> None:
    """Say which back ends, devices and data can be used here, and why others can't."""
    environment = read_environment()
    findings = examine(environment)
    if as_json:
        console.show_json(
            {"environment": codec.to_plain(environment), "findings": codec.to_plain(findings)}
        )
        return
    console.show_table(
        f"sizewise {environment.sizewise}, Python {environment.python}",
        ("", "what", "here", "detail"),
        [(f.kind, f.name, f.answer, f.detail) for f in findings],
    )
    _say("To do", _todos(findings))
    _say("Which TensorRT", _tensorrts())
    console.next_step("sizewise run examples/digits.toml")


def _say(title: str, lines: Iterable[str]) -> None:
    """Print lines unbroken, unlike a table: they hold commands to be copied."""
    console.say("\n".join(("", title, *(f"  {line}" for line in lines))))


def _todos(findings: Iterable[Finding]) -> list[str]:
    names = defaultdict(list)
    for finding in findings:
        if finding.todo:
            names[finding.todo].append(finding.name)
    return [f"{', '.join(who)}: {todo}" for todo, who in names.items()] or ["nothing"]


def _tensorrts() -> tuple[str, ...]:
    from engines.tensorrt.availability import TENSORRT, TENSORRT_RTX

    capabilities = ", ".join(TENSORRT_RTX.capabilities)
    return (
        f"without a GPU, {TENSORRT_RTX.name} builds engines for RTX GPUs:",
        f"  {TENSORRT_RTX.install}",
        f"on an RTX GPU (compute capability {capabilities}), {TENSORRT_RTX.name} runs them, too:",
        f"  {TENSORRT_RTX.install}",
        f"on a data-centre GPU (T4, A100, H100, B200), {TENSORRT.name} builds and runs:",
        f"  {TENSORRT.install}",
    )
