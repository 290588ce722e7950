"""Which engines the next wave measures: as many waves as the ratios between engines need.

A sweep may take days, so samples need not stay in memory: they are on file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.planning.plan import Group, Planned
from bench.planning.protocol import Protocol
from bench.planning.tallies import Tally
from bench.waves.measured import State, Wave, blocks_of
from sizewise.core.specs import Size
from sizewise.core.stats import RIGORS, enough, summarize
from sizewise.core.trials import Block, Result, Trial

ReadBlocks = Callable[[Sequence[str]], Mapping[str, Sequence[Block]]]
"""Gives the blocks of trials, by their identities, as they are on file now."""

_LATER = ("unsupported_backend", "unsupported_source")
"""What was missing may be here by now: a back end, or a file."""
AGAIN = 3
"""A row that is disturbed is measured again, in later runs, for so many times its least number of
waves."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """A wave that is to be measured: engines of a size that need it, each in its build ``rebuild``,
    and where these are not all, the fastest of the others as their ``companion``."""

    group: Group
    wanted: tuple[Planned, ...]
    companion: Planned | None
    number: int
    rebuild: int

    @property
    def members(self) -> tuple[Planned, ...]:
        """All engines of the wave."""
        return self.wanted if self.companion is None else (*self.wanted, self.companion)


class Schedule:
    """What is on file of the trials of a plan, and which of them need more waves.

    Samples are read by ``blocks`` when they are needed, of one group at a time; without it, the
    schedule keeps them.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        on_file: Mapping[str, Result],
        left_out: Collection[str] = (),
        *,
        blocks: ReadBlocks | None = None,
    ) -> None:
        self._groups = groups
        self._left_out = left_out
        """Identities of trials that are not tried, whatever they need."""
        self._known = {
            identity: result if _counts(result) else replace(result, status="ok")
            for identity, result in on_file.items()
        }
        self._tallies = {
            identity: Tally().with_waves(result.blocks, of_this_run=False)
            for identity, result in on_file.items()
        }
        self._disturbed = {
            planned.trial.identity
            for group in groups
            for planned in group.members
            if self.waves(planned) >= waves_of(group.protocol)[0] and self._tally(planned).mending
        }
        """Trials of earlier runs that had their waves, and whose rows are marked all the same."""
        self._answers: dict[tuple[str, Size, Protocol], tuple[Any, Any]] = {}
        """What was found out from the samples of a group, and of which waves it holds."""
        self._blocks: ReadBlocks | None = None
        if blocks is not None:
            self._let_go(blocks)

    def _let_go(self, blocks: ReadBlocks) -> None:
        """Answer from the samples at hand what will be asked first, then forget them."""
        for _ in self.due():
            pass
        self._blocks = blocks
        self._known = {name: replace(one, blocks=()) for name, one in self._known.items()}

    def due(self) -> Iterator[Due]:
        """A wave for each group that needs one."""
        for group in self._groups:
            if wanted := self._wanted(group):
                yield Due(
                    group=group,
                    wanted=wanted,
                    companion=self._companion(group, wanted),
                    number=max(map(self.waves, group.members)),
                    rebuild=self._rebuild(group, wanted),
                )

    @property
    def again(self) -> int:
        """How many trials are measured again for what disturbed them in earlier runs alone."""
        wanted = {planned.trial.identity for due in self.due() for planned in due.wanted}
        return len(wanted & self._disturbed)

    def take(self, wave: Wave, number: int, session: int) -> None:
        """Take what a wave gave; ``number`` is its own in the file, ``session`` the run's."""
        blocks = blocks_of(wave, number, session)
        for member in wave.members:
            self.note(member.trial, member.state)
            identity = member.trial.identity
            before, known = self._tallies.get(identity, Tally()), self._known[identity]
            self._tallies[identity] = before.with_waves(blocks[identity], of_this_run=True)
            memory = (*known.memory, *([member.memory] if member.memory else []))
            kept = () if self._blocks else blocks[identity]
            self._known[identity] = replace(known, blocks=(*known.blocks, *kept), memory=memory)

    def note(self, trial: Trial, state: State) -> None:
        """Take what became of a trial."""
        self._known[trial.identity] = replace(
            self.result(trial),
            status=state.status,
            reason_code=state.reason_code,
            reason=state.reason,
        )

    def waves(self, planned: Planned) -> int:
        """The waves in which a trial has samples, whatever disturbed them: none is lost where a run
        ends early, and a machine that is never quiet comes to an end too."""
        return self._tally(planned).waves

    def to_come(self, due: Due) -> tuple[int, int]:
        """The least and the largest number of waves that a group still needs, this one included."""
        needs = [self._to_come(planned, due.group.protocol) for planned in due.wanted]
        return max(least for least, _ in needs), max(most for _, most in needs)

    def result(self, trial: Trial) -> Result:
        """What is known of a trial; nothing, where it is new. Blocks are there unless the schedule
        reads them when they are needed."""
        return self._known.get(trial.identity) or Result(trial=trial, status="ok")

    def runs(self, planned: Planned) -> bool:
        """Whether a trial can have figures: none that failed in this run, can't be measured, or is
        left out."""
        is_left_out = planned.trial.identity in self._left_out
        return self._result(planned).status == "ok" and not is_left_out

    def _wanted(self, group: Group) -> tuple[Planned, ...]:
        """Engines with too few waves; else those whose rows earlier runs left disturbed; while
        their ratios are not narrow enough, all that may have more."""
        running = [planned for planned in group.members if self.runs(planned)]
        least, most = waves_of(group.protocol)
        if few := [planned for planned in running if self.waves(planned) < least]:
            return tuple(few)
        if again := [planned for planned in running if self._again(planned, group.protocol)[1]]:
            return tuple(again)
        left = [planned for planned in running if self.waves(planned) < most]
        if not left or group.protocol.processes:
            return ()
        return () if self._is_enough(group, running) else tuple(left)

    def _is_enough(self, group: Group, running: Sequence[Planned]) -> bool:
        rigor = RIGORS[group.protocol.rigor]
        return bool(
            self._answer("enough", group, running, lambda results: enough(results, rigor).enough)
        )

    def _answer(
        self,
        what: str,
        group: Group,
        some: Sequence[Planned],
        find: Callable[[Sequence[Result]], Any],
    ) -> Any:
        """What ``find`` gives of ``some`` members of a group with all their samples, found anew
        where they have other waves than before."""
        key = what, group.size, group.protocol
        waves = [(planned.trial.identity, self.waves(planned)) for planned in some]
        if key not in self._answers or self._answers[key][0] != waves:
            self._answers[key] = waves, find(self._with_blocks(some))
        return self._answers[key][1]

    def _with_blocks(self, some: Sequence[Planned]) -> list[Result]:
        results = list(map(self._result, some))
        if self._blocks is None:
            return results
        identities = [planned.trial.identity for planned in some]
        found = self._blocks(identities)
        return [
            replace(result, blocks=tuple(found.get(identity, ())))
            for identity, result in zip(identities, results, strict=True)
        ]

    def _again(self, planned: Planned, protocol: Protocol) -> tuple[int, int]:
        """The least and the largest number of waves that a row of an earlier run is measured again
        for: until enough of its waves are clean, and in one run as many as its least number."""
        tally = self._tally(planned)
        if not tally.mending or planned.trial.identity not in self._disturbed:
            return 0, 0
        least, most = waves_of(protocol)
        ceiling = max(most, (1 + AGAIN) * least)
        left = max(0, min(least - tally.in_this_run, ceiling - tally.waves))
        return min(tally.mending, left), left

    def _to_come(self, planned: Planned, protocol: Protocol) -> tuple[int, int]:
        least, most = (count - self.waves(planned) for count in waves_of(protocol))
        again_least, again_most = self._again(planned, protocol)
        return max(1, least, again_least), max(1, most, again_most)

    def _rebuild(self, group: Group, wanted: Sequence[Planned]) -> int:
        """The build that was in the fewest waves."""
        counts = Counter(dict.fromkeys(range(RIGORS[group.protocol.rigor].rebuilds), 0))
        for planned in wanted:
            builds = self._tally(planned).builds
            counts.update({one: count for one, count in builds.items() if one in counts})
        return min(counts, key=lambda rebuild: (counts[rebuild], rebuild))

    def _companion(self, group: Group, wanted: Sequence[Planned]) -> Planned | None:
        """The fastest engine that needs no more waves: beside it, the ratio of new engines to it is
        measured by turns."""

        others = [one for one in group.members if self.runs(one) and one not in wanted]
        if not others:
            return None
        place: int = self._answer("companion", group, others, _fastest)
        return others[place]

    def _tally(self, planned: Planned) -> Tally:
        return self._tallies.get(planned.trial.identity, Tally())

    def _result(self, planned: Planned) -> Result:
        return self.result(planned.trial)


def waves_of(protocol: Protocol) -> tuple[int, int]:
    """The least and the largest number of waves."""
    if protocol.processes:
        return protocol.processes, protocol.processes
    rigor = RIGORS[protocol.rigor]
    return rigor.min_waves, rigor.max_waves


def _fastest(results: Sequence[Result]) -> int:
    """The place of the fastest."""
    latencies_ms = [summarize(result).latency_ms.point for result in results]
    return latencies_ms.index(min(latencies_ms))


def _counts(result: Result) -> bool:
    """Whether a result stands; a trial that failed is tried again, unless it is left out."""
    return result.status != "failed" and result.reason_code not in _LATER
