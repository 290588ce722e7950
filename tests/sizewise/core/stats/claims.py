"""What the method claims, each with the campaign that counts it and the bound that it keeps."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sizewise.core.stats import RIGORS
from tests.sizewise.core.stats import campaigns
from tests.sizewise.core.stats.claim import DRIFTING, MACHINES, MANY, Claim
from tests.sizewise.core.stats.interval_claims import INTERVAL_CLAIMS
from tests.sizewise.core.stats.mixed import MIXED_CLAIMS
from tests.sizewise.core.stats.simulated import QUIET


def _false() -> Iterable[Claim]:
    for name, machine in DRIFTING.items():
        for engines in (2, 4):
            yield Claim(
                name=f"false-{name}-{engines}",
                says=f"pairs of {engines} identical engines that get a verdict of FASTER or "
                f"SLOWER; {name} machine with drift, bursts and process offsets",
                run=partial(campaigns.false_verdicts, machine=machine, engines=engines),
                groups=MANY if engines == 2 else MANY // 4,
                high=0.02,
            )


def _found() -> Iterable[Claim]:
    yield Claim(
        name="same-quiet",
        says="pairs of identical engines that are called SAME; quiet machine, standard",
        run=partial(campaigns.called_same, machine=QUIET, rigor=RIGORS["standard"]),
        low=0.85,
    )
    for name, planted in (("quiet", 0.03), ("shared", 0.10), ("loaded", 0.10)):
        for engines in (2, 4):
            yield Claim(
                name=f"planted-{name}-{engines}",
                says=f"planted differences of {100 * planted:.0f} % that are found; {name} machine,"
                f" {engines} engines",
                run=partial(
                    campaigns.found_slower,
                    machine=MACHINES[name],
                    planted=planted,
                    engines=engines,
                ),
                groups=MANY if engines == 2 else MANY // 4,
                low=0.95,
                required=engines == 2,
            )


def _across() -> Iterable[Claim]:
    for name in ("quiet", "shared"):
        across = partial(campaigns.across_runs, machine=DRIFTING[name])
        runs = f"between runs tied by the anchor; {name} machine with drift, 2 % per engine and run"
        yield Claim(
            name=f"across-false-{name}",
            says=f"pairs of identical engines that get a verdict of FASTER or SLOWER {runs}",
            run=across,
            high=0.02,
        )
        yield Claim(
            name=f"across-found-{name}",
            says=f"planted differences of 10 % that are found {runs}",
            run=partial(across, planted=0.10),
            low=0.80,
            required=name == "quiet",
        )


CLAIMS = (*_false(), *MIXED_CLAIMS, *_found(), *_across(), *INTERVAL_CLAIMS)
