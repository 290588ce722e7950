"""Where a picture of any size is run: first choice, and what else can run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sizewise.core.specs import EngineArtifact, Size
from sizewise.core.specs.plan import InputRule, Place, Plan


@dataclass(frozen=True, kw_only=True)
class Member:
    """An engine of a pool. ``sizes`` are the input sizes that it is there for, ``memory_mib`` is
    what it adds to the process (None: not known)."""

    name: str
    artifact: EngineArtifact
    sizes: tuple[Size, ...]
    memory_mib: float | None = None

    def best_for(self, asked: Size) -> Size:
        """The size that it runs what asks for ``asked`` at: the very same, where it takes that;
        else the smallest that holds it; else the one that leaves the picture largest."""
        card, profiles = self.artifact.card, self.artifact.spec.profiles
        near = (card.rounded(profile.clamp(asked)) for profile in profiles)
        taken = (size for size in near if self._admits(size))
        return min((*taken, *self.sizes), key=lambda size: cost(size, asked))

    def _admits(self, size: Size) -> bool:
        return self.artifact.spec.admits(size) and not self.artifact.card.refusal(size)


@dataclass(frozen=True, kw_only=True)
class Places:
    """The places of ``members`` for each picture: ``first`` says the first choice where a plan has
    one, ``rule`` the input size that a picture asks for."""

    members: Sequence[Member]
    rule: InputRule
    first: Callable[[Size], Place] | None = None

    def of(self, picture: Size) -> tuple[Place, ...]:
        """One place for each engine, best first: the smallest input that holds what the picture
        asks for; where none does, the one that leaves it largest."""
        asked = self.rule.size_for(picture)
        ordered = sorted(
            (Place(engine=one.name, input=one.best_for(asked)) for one in self.members),
            key=lambda place: cost(place.input, asked),
        )
        if self.first is None:
            return tuple(ordered)
        best = self.first(picture)
        return (best, *(place for place in ordered if place.engine != best.engine))


def places_of(plan: Plan, members: Sequence[Member]) -> Places:
    return Places(members=members, rule=plan.rule, first=plan.place_of)


def places_without_plan(members: Sequence[Member]) -> Places:
    """A picture asks for its own size, scaled down to the longest side that an engine takes."""
    cards = [member.artifact.card for member in members]
    longest = max(max(size.height, size.width) for size in _all_sizes(members))
    rule = InputRule(
        side_px=longest,
        stride=max(card.stride for card in cards),
        smallest_px=max(card.smallest for card in cards),
        letterbox=cards[0].letterbox,
    )
    return Places(members=members, rule=rule)


def _all_sizes(members: Iterable[Member]) -> Iterable[Size]:
    return (size for member in members for size in member.sizes)


def cost(size: Size, asked: Size) -> tuple[bool, float, int]:
    """Sizes that hold what is asked for come first, the smallest of them before others; then those
    that scale it down least."""
    scale = min(size.height / asked.height, size.width / asked.width)
    return (scale < 1, -min(scale, 1), size.pixels)
