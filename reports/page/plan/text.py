"""A plan as Markdown: what to load, what is not known, and what it was chosen from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.choice.planning.telling import Unknown, how_near, told
from reports.page.plan import tables
from reports.sections import Section
from reports.text.grid import plain
from reports.text.words import command_without_folders, counted, without_folders
from sizewise.core.machine.environment import Environment
from sizewise.core.specs.plan import Plan, Prediction


@dataclass(frozen=True, kw_only=True)
class Told:
    """A plan, the machine that it is for, what it does not know, and what its engines took
    together (None: that was not measured)."""

    plan: Plan
    machine: Environment
    unknown: tuple[Unknown, ...] = ()
    together: Prediction | None = None


def markdown(told_of: Told) -> str:
    """The text of the page."""
    plan = told_of.plan
    engines = counted(len(plan.engines), "engine")
    title = f"# {plain(f'{engines} for {plan.traffic} on {told_of.machine.cpu}')}"
    sentences = "\n".join(f"{turn}. {plain(one)}" for turn, one in enumerate(told(plan), start=1))
    sections = map(str, _sections(told_of))
    return "\n\n".join(filter(None, (title, sentences, *sections))) + "\n"


def _sections(told_of: Told) -> Iterator[Section]:
    plan = told_of.plan
    yield Section(title="Before you rely on it", parts=tuple(_reliance(told_of)))
    yield Section(title="Engines to load", parts=(tables.engines(plan),), note=_of_engines(plan))
    yield Section(title="Limits", parts=(tables.limits(plan),))
    yield Section(
        title="Expected and measured together",
        parts=(tables.together(plan, told_of.together),),
        note=" ".join(_of_together(told_of)),
    )
    yield Section(title="Plain choices under the same limits", parts=(tables.baselines(plan),))
    yield Section(
        title="What looser limits would buy", parts=(tables.looser(plan), _no_limit(plan))
    )
    yield Section(title="The best set of each number of engines", parts=(tables.by_engines(plan),))
    yield Section(
        title="Sizes, and where each runs", parts=(tables.sizes(plan),), note=tables.of_sizes(plan)
    )
    yield Section(
        title="How it was chosen", parts=(_rule(plan), _objective(plan), _origin(told_of))
    )


def _reliance(told_of: Told) -> Iterator[str]:
    """What a reader has to know who answers for the choice; commands can be copied."""
    for one in told_of.unknown:
        yield plain(without_folders(one.what))
        if one.command:
            yield f"```\n{command_without_folders(one.command)}\n```"
    machine = told_of.machine
    yield plain(
        f"All figures are of {machine.cpu}, {counted(machine.cores, 'core')}, and of this traffic: "
        f"{counted(told_of.plan.pictures, 'picture')} one after another. Other pictures, or "
        "several at a time, take other times."
    )
    if told_of.together is None:
        yield (
            "Nothing here was measured over the traffic itself. `sizewise replay` runs these "
            "engines over it, and puts what is measured beside what is expected."
        )


def _of_together(told_of: Told) -> Iterator[str]:
    if told_of.together is not None:
        yield "The engines of this plan, in one process, over the first pictures of the traffic."
    if told_of.plan.measured is not None:
        yield (
            "Accuracy: each image in the engine and at the input of its own size. What was "
            "expected is that of square inputs; accuracies on this page are corrected by it."
        )


def _of_engines(plan: Plan) -> str:
    return (
        f"The process takes {plan.process_mib:.0f} MiB with the engines' libraries, and "
        f"{plan.predicted.memory_mib:.0f} MiB with all engines. Padding: pixels that no picture "
        "fills. Computed ÷ needed: pixels of the inputs that are run, by those of the inputs that "
        "the pictures ask for. A change: what a picture takes longer after one of another input."
    )


def _no_limit(plan: Plan) -> str:
    if plan.decision.limits.max_engines is not None:
        return ""
    return (
        "The number of engines has no limit: within this memory, none of any number does better "
        "than the bound below."
    )


def _rule(plan: Plan) -> str:
    rule = plan.rule
    shape = "keeps its shape in there" if rule.letterbox else "is stretched to it"
    return (
        f"A picture asks for an input: its long side is scaled down to {rule.side_px} px where it "
        f"is longer, and both sides are rounded up to multiples of {rule.stride} px. The picture "
        f"{shape}. A larger input costs time; a smaller one costs accuracy, and is only taken "
        "where that was measured."
    )


def _objective(plan: Plan) -> str:
    what = {
        "mean": "the mean time of a picture",
        "p99": "the time that 99 % of the pictures keep to",
        "throughput": "the mean time of a picture, for most pictures in a second",
    }[plan.decision.objective]
    of = "for 99 % of the pictures" if plan.decision.objective == "p99" else "in the mean"
    return (
        f"Least was to be {what}. A mixed-integer program chose among all sets of the engines that "
        f"were measured or modelled. {how_near(plan, of)}"
    )


def _origin(told_of: Told) -> str:
    models: Sequence[str] = [
        f"{one.network} {one.precision}, SHA-256 {one.sha256[:12]}" for one in told_of.plan.models
    ]
    machine = told_of.plan.environment[:12] or "–"
    return plain(
        f"Models: {'; '.join(models)}. Machine: fingerprint {machine}; "
        f"sizewise {told_of.machine.sizewise}."
    )
