"""A ratio, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass

from sizewise.core.stats import Ratio, Verdict

_INVERSE: dict[Verdict, Verdict] = {
    "FASTER": "SLOWER",
    "SLOWER": "FASTER",
    "SAME": "SAME",
    "UNCLEAR": "UNCLEAR",
}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The latency per image of one engine over that of another, and the verdict on the first: None
    where they were measured apart, or in one process."""

    ratio: Ratio
    verdict: Verdict | None

    @property
    def certain(self) -> bool:
        """Whether there is a difference."""
        return self.verdict in ("FASTER", "SLOWER")

    @property
    def decided(self) -> bool:
        """Whether there is an answer: a difference, or that there is none."""
        return self.certain or self.verdict == "SAME"

    def inverse(self) -> Judged:
        """The same, said of the other."""
        verdict = None if self.verdict is None else _INVERSE[self.verdict]
        return Judged(ratio=self.ratio.inverse(), verdict=verdict)
