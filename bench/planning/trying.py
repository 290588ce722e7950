"""Which trials a sweep does not try: those that failed twice in the same way, and those that are
expected to run out of memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.planning.expecting import ExpectedFailures
from bench.planning.plan import Group
from bench.planning.settings import SweepSettings
from bench.waves.measured import State
from sizewise.core.trials import EXPECTED_OOM, Result, Trial


class Trying:
    """What is known of failures, on file and of this sweep.

    ``quarantined`` are reason codes by identity (``bench.journal.failures``). The options ``retry``
    and ``force`` of ``settings`` forgive the one and the other.
    """

    def __init__(
        self,
        groups: Iterable[Group],
        on_file: Mapping[str, Result],
        quarantined: Mapping[str, str],
        settings: SweepSettings,
    ) -> None:
        self._expected = ExpectedFailures(forced=settings.force)
        kept = {} if settings.retry else quarantined
        for identity, code in kept.items():
            if identity in on_file:
                self._expected.note(on_file[identity].trial, code)
        trials = [planned.trial for group in groups for planned in group.members]
        self.quarantined = frozenset(kept) & {trial.identity for trial in trials}
        """Identities of the planned trials that failed twice in the same way."""
        self.left_out = self.quarantined | {
            trial.identity for trial in trials if self._is_settled(trial, on_file)
        }
        """Identities of all planned trials of which nothing new would come."""

    def note(self, trial: Trial, state: State) -> None:
        """Note what became of a trial."""
        if state.status == "failed":
            self._expected.note(trial, state.reason_code)

    def expected_of(self, trial: Trial) -> State | None:
        """What is to be stored of a trial that is not worth a try; None of all others."""
        return self._expected.of(trial)

    def _is_settled(self, trial: Trial, on_file: Mapping[str, Result]) -> bool:
        """Whether the file says already that it is not worth a try."""
        known = on_file.get(trial.identity)
        is_said = known is not None and known.reason_code == EXPECTED_OOM
        return is_said and self.expected_of(trial) is not None
