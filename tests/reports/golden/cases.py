"""What the golden reports are of: each kind of file that a report has to make sense of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from reports.load import Records, select_records
from sizewise.core.trials import Result
from tests.reports.conftest import SIZES, Lab
from tests.reports.scripted import steady

_LAB = Lab(noise=0.004)


def _records(results: Iterable[Result], lab: Lab = _LAB) -> Records:
    return select_records([lab.run(results)], "results.sqlite")


def _sweep() -> Records:
    failed = _LAB.bad(_LAB.trial("torch_eager"), reason="/home/me/x.onnx | is odd")
    return _records([*_LAB.sweep(sizes=SIZES[:2]), failed])


def _without_accuracy() -> Records:
    return _records(replace(one, accuracy=None) for one in _LAB.sweep(sizes=SIZES[:2]))


def _one_row() -> Records:
    return _records([replace(_LAB.ok(_LAB.trial()), accuracy=None)])


def _nothing_measured() -> Records:
    trials = _LAB.trial(), _LAB.trial("onnxruntime")
    return _records([_LAB.bad(trials[0]), _LAB.bad(trials[1], "unsupported")])


def _disturbed() -> Records:
    sound = _LAB.ok(_LAB.trial("onnxruntime"))
    return _records([sound, _LAB.ok(_LAB.trial(), disturbed=("load",))])


def _precisions() -> Records:
    kinds = {"fp32": 0.50, "bf16": 0.49, "int8": 0.0}
    return _records(_LAB.ok(_LAB.trial(precision=kind), ap=ap) for kind, ap in kinds.items())


def _batches() -> Records:
    return _records(_LAB.ok(_LAB.trial(batch_size=size)) for size in (1, 8))


def _open() -> Records:
    wild = [1.0, 1.6, 1.3, 1.9, 1.2]
    names = ("openvino", "onnxruntime")
    return _records(
        steady(_LAB.ok(_LAB.trial(n), ap=0.5), wild[i:] + wild[:i]) for i, n in enumerate(names)
    )


def _open_sizes() -> Records:
    """Without accuracy: at the first size nothing is decided, at the second all is."""
    wild = [1.0, 1.6, 1.3, 1.9, 1.2]
    names = ("openvino", "onnxruntime")
    undecided = (
        steady(_LAB.ok(_LAB.trial(n, size=SIZES[0])), wild[i:] + wild[:i])
        for i, n in enumerate(names)
    )
    decided = (steady(_LAB.ok(_LAB.trial(n, size=SIZES[1])), 2.0 + i) for i, n in enumerate(names))
    return _records(replace(one, accuracy=None) for one in (*undecided, *decided))


def _earlier_harness() -> Records:
    old = replace(_LAB, harness=1, anchored=False)
    return _records(old.sweep(sizes=SIZES[:1]), old)


CASES: Mapping[str, Callable[[], Records]] = {
    "sweep": _sweep,
    "without-accuracy": _without_accuracy,
    "one-row": _one_row,
    "nothing-measured": _nothing_measured,
    "disturbed": _disturbed,
    "precisions": _precisions,
    "batches": _batches,
    "open": _open,
    "open-sizes": _open_sizes,
    "earlier-harness": _earlier_harness,
}
