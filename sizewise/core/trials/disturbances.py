"""What may disturb a round of measuring: how it is told, what a report says, and what to do.

A disturbed round is measured again, three times at most. Its ratios may still hold, because all
engines of the round met the same, unless much was taken from them (``CROWDED``); its milliseconds
are not those of the machine alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sizewise.core.trials.samples import Reading

MAX_LOAD = 0.10
"""Of all cores, by other programs. On a noisy virtual machine (reports/measured/engines-speed.json)
turns at a load of 5–15 % took 5 % longer, and those at 15–25 % took 23 % longer."""
CROWDED = 0.25
"""Of all cores, by other programs and the hypervisor together, in half of the rounds. From here on,
ratios do not hold either: threads that wait for each other lose more than those that need not, and
calls that fit between two turns of the scheduler lose nothing. With 90 % taken, a network took 23
times (13 to 42) as long in OpenVINO as in ONNX Runtime; with the cores for itself, 1.4 times. Under
10 %, engines of known differences were tried (docs.make.method.loaded); what lies between the two
is not known."""
MAX_STEAL = 0.03
"""Of all cores, by the hypervisor. It takes a core only while there is work on it, so all of it
falls into calls, and two threads that wait for each other lose it twice."""
MAX_THROTTLED = 0.01
"""Of the time, by a quota. A stop lasts for most of a period of 100 ms: one of them is a whole call
or several."""
MAX_SWAPPED_PER_S = 100
"""Pages of any program: the system does not say whose. One comes back from an SSD in 0.1 ms, so
this is a hundredth of the time, were they all ours; from memory (zram) it is a thousandth. A
desktop that swaps a page now and then disturbs nothing."""

MAX_STOPPED_S = 0.0
"""A stop is in one call, whole. Those of less than a second are not seen (``bench.gate.stops``)."""

DRIFT = "drift"
"""The code that the anchor's history gives (``bench.anchor.drift``), and no reading."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of disturbance.

    ``holds`` tells it from a round's reading. ``sentence`` says how much there was, ``counted``
    follows a number of rounds or rows, ``rule`` is the limit in words, and ``todo`` is a sentence
    for the user.
    """

    holds: Callable[[Reading], bool]
    sentence: Callable[[Reading], str]
    counted: str
    rule: str
    todo: str


KINDS: Mapping[str, Kind] = {
    "load": Kind(
        holds=lambda reading: reading.load > MAX_LOAD + reading.resolution,
        sentence=lambda reading: f"other programs took {_percent(reading.load)} of the cores",
        counted="with background load",
        rule=f"other programs took more than {100 * MAX_LOAD:.0f} % of the cores",
        todo="Stop other programs and measure again.",
    ),
    "steal": Kind(
        holds=lambda reading: (reading.steal or 0) > MAX_STEAL + reading.resolution,
        sentence=lambda reading: f"the hypervisor took {_percent(reading.steal)} of the cores",
        counted="with cores that the hypervisor took",
        rule=f"the hypervisor took more than {100 * MAX_STEAL:.0f} % of the cores",
        todo="Measure at another hour, or on a machine with cores of its own.",
    ),
    "throttled": Kind(
        holds=lambda reading: (reading.throttled or 0) > MAX_THROTTLED,
        sentence=lambda reading: f"a CPU quota stopped us for {_percent(reading.throttled)} of it",
        counted="stopped by a CPU quota",
        rule=f"a CPU quota stopped us for more than {100 * MAX_THROTTLED:.0f} % of the time",
        todo="Use fewer threads (--threads), or raise the container's quota (docker run --cpus).",
    ),
    "swap": Kind(
        holds=lambda reading: (reading.swapped_pages or 0) > MAX_SWAPPED_PER_S * reading.elapsed_s,
        sentence=lambda reading: f"{reading.swapped_pages or 0} pages went to or from swap",
        counted="with swapping",
        rule=f"more than {MAX_SWAPPED_PER_S} pages a second went to or from swap",
        todo="Free memory: stop other programs, or measure fewer engines at a time.",
    ),
    "stopped": Kind(
        holds=lambda reading: reading.stopped_s > MAX_STOPPED_S,
        sentence=lambda reading: f"the measurement was stopped for {reading.stopped_s:.0f} s",
        counted="in which the measurement was stopped",
        rule="the measurement was stopped for more than a second (Ctrl-Z, a paused container)",
        todo="Let a sweep run: don't stop it with Ctrl-Z, and don't pause its container.",
    ),
    "gpu_clock": Kind(
        holds=lambda reading: bool(reading.gpu_limits),
        sentence=lambda reading: f"the GPU's clock was lowered by {_listed(reading.gpu_limits)}",
        counted="with a lowered GPU clock",
        rule="the driver reports that the GPU's clock was lowered",
        todo="Cool the GPU, or lock its clock lower: nvidia-smi --lock-gpu-clocks.",
    ),
    "gpu_shared": Kind(
        holds=lambda reading: bool(reading.gpu_programs),
        sentence=lambda reading: f"other programs on the GPU: {reading.gpu_programs or 0}",
        counted="with other programs on the GPU",
        rule="another program computes on the GPU",
        todo="End other programs on the GPU (nvidia-smi lists them) and measure again.",
    ),
    DRIFT: Kind(
        holds=lambda _: False,
        sentence=lambda _: "the machine's own speed changed",
        counted="in which the machine's speed changed",
        rule="the anchor kernel was out of line with the rounds before",
        todo="Let the machine come to rest (heat, power saving, neighbours) and measure again.",
    ),
}
"""All kinds by their codes, in the order in which reports name them."""


def disturbances(reading: Reading) -> tuple[str, ...]:
    """The codes of what disturbed a round, by its reading."""
    return tuple(code for code, kind in KINDS.items() if kind.holds(reading))


def describe(code: str, reading: Reading) -> str:
    """What disturbed the round, with its size. Codes of a later version stand for themselves."""
    return KINDS[code].sentence(reading) if code in KINDS else code


def todos(codes: Iterable[str]) -> str:
    """What to do about disturbances, each sentence once, in the order of ``KINDS``."""
    known = set(codes)
    return " ".join(kind.todo for code, kind in KINDS.items() if code in known)


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0):.0f} %"


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(words)
