"""Which engines the next wave measures: as many waves as the ratios between engines need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.planning.plan import Group, Planned
from bench.planning.protocol import Protocol
from bench.waves.measured import State, Wave, blocks_of
from sizewise.core.stats import RIGORS, enough, summarize
from sizewise.core.stats.counting import Rounds, mending_waves, rounds_of
from sizewise.core.trials import Result, Trial

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
    """What is on file of the trials of a plan, and which of them need more waves."""

    def __init__(
        self,
        groups: Sequence[Group],
        on_file: Mapping[str, Result],
        left_out: Collection[str] = (),
    ) -> None:
        self._groups = groups
        self._left_out = left_out
        """Identities of trials that are not tried, whatever they need."""
        self._known = {
            identity: result if _counts(result) else replace(result, status="ok")
            for identity, result in on_file.items()
        }
        self._now: set[int] = set()
        """The waves of this run."""
        self._disturbed = {
            planned.trial.identity
            for group in groups
            for planned in group.members
            if self.waves(planned) >= waves_of(group.protocol)[0]
            and mending_waves(self._rounds(planned))
        }
        """Trials of earlier runs that had their waves, and whose rows are marked all the same."""

    def due(self) -> Iterator[Due]:
        """A wave for each group that needs one."""
        for group in self._groups:
            if wanted := self._wanted(group):
                yield Due(
                    group=group,
                    wanted=wanted,
                    companion=self._companion(group, wanted),
                    number=max(len(self._builds(planned)) for planned in group.members),
                    rebuild=self._rebuild(group, wanted),
                )

    def take(self, wave: Wave, number: int, session: int) -> None:
        """Take what a wave gave; ``number`` is its own in the file, ``session`` the run's."""
        blocks = blocks_of(wave, number, session)
        self._now.add(number)
        for member in wave.members:
            self.note(member.trial, member.state)
            known = self._known[member.trial.identity]
            added = (*known.blocks, *blocks[member.trial.identity])
            memory = (*known.memory, *([member.memory] if member.memory else []))
            self._known[member.trial.identity] = replace(known, blocks=added, memory=memory)

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
        return len(self._rounds(planned))

    def to_come(self, due: Due) -> tuple[int, int]:
        """The least and the largest number of waves that a group still needs, this one included."""
        needs = [self._to_come(planned, due.group.protocol) for planned in due.wanted]
        return max(least for least, _ in needs), max(most for _, most in needs)

    def result(self, trial: Trial) -> Result:
        """What is known of a trial; nothing, where it is new."""
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
        progress = enough(list(map(self._result, running)), RIGORS[group.protocol.rigor])
        return () if progress.enough else tuple(left)

    def _again(self, planned: Planned, protocol: Protocol) -> tuple[int, int]:
        """The least and the largest number of waves that a row of an earlier run is measured again
        for: until enough of its waves are clean, and in one run as many as its least number."""
        rounds = self._rounds(planned)
        mending = mending_waves(rounds)
        if not mending or planned.trial.identity not in self._disturbed:
            return 0, 0
        least, most = waves_of(protocol)
        in_this_run = sum(wave in self._now for wave in rounds)
        ceiling = max(most, (1 + AGAIN) * least)
        left = max(0, min(least - in_this_run, ceiling - len(rounds)))
        return min(mending, left), left

    def _to_come(self, planned: Planned, protocol: Protocol) -> tuple[int, int]:
        least, most = (count - self.waves(planned) for count in waves_of(protocol))
        again_least, again_most = self._again(planned, protocol)
        return max(1, least, again_least), max(1, most, again_most)

    def _rebuild(self, group: Group, wanted: Sequence[Planned]) -> int:
        """The build that was in the fewest waves."""
        counts = Counter(dict.fromkeys(range(RIGORS[group.protocol.rigor].rebuilds), 0))
        for planned in wanted:
            counts.update(one for one in self._builds(planned).values() if one in counts)
        return min(counts, key=lambda rebuild: (counts[rebuild], rebuild))

    def _companion(self, group: Group, wanted: Sequence[Planned]) -> Planned | None:
        """The fastest engine that needs no more waves: beside it, the ratio of new engines to it is
        measured by turns."""

        def latency_ms(planned: Planned) -> float:
            return summarize(self._result(planned)).latency_ms.point

        others = (one for one in group.members if self.runs(one) and one not in wanted)
        return min(others, key=latency_ms, default=None)

    def _builds(self, planned: Planned) -> Mapping[int, int]:
        """The build of each wave in which a trial has samples."""
        return {block.wave: block.rebuild for block in self._result(planned).blocks}

    def _rounds(self, planned: Planned) -> Mapping[int, Rounds]:
        return rounds_of(self._result(planned).blocks)

    def _result(self, planned: Planned) -> Result:
        return self.result(planned.trial)


def waves_of(protocol: Protocol) -> tuple[int, int]:
    """The least and the largest number of waves."""
    if protocol.processes:
        return protocol.processes, protocol.processes
    rigor = RIGORS[protocol.rigor]
    return rigor.min_waves, rigor.max_waves


def _counts(result: Result) -> bool:
    """Whether a result stands; a trial that failed is tried again, unless it is left out."""
    return result.status != "failed" and result.reason_code not in _LATER
