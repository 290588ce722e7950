"""The first lines of a report."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reports.choice.budget import Budget
from reports.choice.choosing import choose
from reports.choice.deciding import chosen_rows, decide
from reports.choice.telling import told as say
from reports.load import Records, select_records
from sizewise.core.specs import Size
from sizewise.core.stats import summarize
from sizewise.core.trials import Result
from tests.reports.scripted import masked, slower, steady

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

SMALL, LARGE = Size(128, 128), Size(256, 256)
WILD = [1.0, 1.6, 1.3, 1.9, 1.2]
_TWO = ((0, "openvino"), (1, "onnxruntime"))


def read(lab: Lab, *results: Result, **run: str) -> Records:
    return select_records([lab.run(results, **run)], "x")


def told(lab: Lab, *results: Result, **run: str) -> str:
    return " ".join(decide(read(lab, *results, **run)))


def test_the_fastest_within_half_a_point_is_named_with_its_figures(lab: Lab) -> None:
    quick = lab.ok(lab.trial("openvino", size=SMALL), ap=0.500)
    best = lab.ok(lab.trial("onnxruntime", size=LARGE), ap=0.504)
    records = read(lab, best, quick)
    ship, speed, accuracy, costs, *_ = decide(records)
    latency = summarize(quick).latency_ms
    where = "openvino static at 128×128"
    assert ship == f"Ship {where}: of 2 engines, the fastest that is as accurate as the best."
    assert speed.startswith(
        f"A call takes {latency.point:.2f} ms (95 % CI {latency.low:.2f}–{latency.high:.2f}), p90 "
    )
    assert speed.endswith(" images/s, measured in 100 calls of 5 processes.")
    ratio = summarize(best).latency_ms.point / latency.point
    assert accuracy.startswith("On 400 images it reaches AP 0.500, 0.40 points less and ")
    assert f" {ratio:.2f}× (95 % CI " in accuracy
    assert accuracy.endswith(") faster than the most accurate, onnxruntime static at 256×256.")
    assert costs == (
        "It takes 149 MiB of memory, 0.400 s to build and 10.0 MiB on disk; its layers run in fp32."
    )
    assert [row.where for row in chosen_rows(records)] == [where]


def test_more_than_half_a_point_is_too_much(lab: Lab) -> None:
    quick = lab.ok(lab.trial("openvino", size=SMALL), ap=0.498)
    best = lab.ok(lab.trial("onnxruntime", size=LARGE), ap=0.504)
    ship, _, accuracy, *_ = decide(read(lab, best, quick))
    assert ship.startswith("Ship onnxruntime static at 256×256: ")
    assert accuracy == "On 400 images it reaches AP 0.504; no engine is more accurate."


def test_what_the_images_do_not_tell_apart_is_as_good(lab: Lab) -> None:
    """The larger size is better by a point; per image they differ by ten, so it may be chance."""
    rng = np.random.default_rng(0)
    easy, luck = rng.uniform(0.5, 0.7, 40), rng.normal(0, 0.1, 40)
    luck -= luck.mean()
    small = masked(lab.ok(lab.trial(size=SMALL)), easy)
    noisy = masked(lab.ok(lab.trial(size=LARGE)), easy + 0.01 + luck)
    sure = masked(lab.ok(lab.trial(size=LARGE)), easy + 0.01 + 0.01 * luck)
    ship, _, accuracy, *_ = decide(read(lab, small, noisy))
    assert ship.startswith("Ship openvino static at 128×128: ")
    peak = "the most accurate, openvino static at 256×256"
    assert (
        f", 0.76 points less than {peak}: too little for these images to tell. It is " in accuracy
    )
    assert accuracy.endswith(" that one.")
    assert "mIoU 0.663 (0.6" in accuracy
    assert told(lab, small, sure).startswith("Ship openvino static at 256×256: ")


def test_what_is_as_accurate_to_the_last_digit_that_is_shown_has_the_same_accuracy(
    lab: Lab,
) -> None:
    quick = lab.ok(lab.trial("openvino", size=SMALL), ap=0.50000)
    best = lab.ok(lab.trial("onnxruntime", size=LARGE), ap=0.50003)
    _, _, accuracy, *_ = decide(read(lab, best, quick))
    assert re.fullmatch(
        r"On 400 images it reaches AP 0\.500\. On these images, its accuracy is the same as that "
        r"of the most accurate, onnxruntime static at 256×256\. It is .* faster than that one\.",
        accuracy,
    )


def test_a_lead_that_is_not_certain_is_no_speed_up(lab: Lab) -> None:
    best = lab.ok(lab.trial("openvino"), ap=0.500)
    peak = steady(lab.ok(lab.trial("onnxruntime"), ap=0.501), WILD)
    other = lab.ok(lab.trial("torch_eager"), ap=0.5)
    said = told(lab, steady(best, 1.3), peak, other)
    assert "faster than" not in said
    assert "not decided (1.0" in said


def test_the_next_is_named_with_its_distance(lab: Lab) -> None:
    results = [lab.ok(lab.trial(backend), ap=0.5) for backend in ("openvino", "onnxruntime")]
    said = told(lab, *results)
    assert re.search(
        r" It is 1\.2\d× \(95 % CI [^)]*\) faster than the next that is as accurate, "
        r"onnxruntime static at 128×128\.",
        said,
    )


def test_rivals_that_are_not_slower_are_named(lab: Lab) -> None:
    twins = [lab.ok(lab.trial(replica=turn), ap=0.5) for turn in range(2)]
    slow = lab.ok(lab.trial("torch_eager"), ap=0.5)
    said = told(lab, *twins, slow)
    assert re.search(r"perhaps as good: openvino static .* \(as fast within ±2 %\)\. ", said)
    assert "torch_eager" not in said
    odd = slower(twins[1], [0.9, 1.2, 1.0, 1.1, 1.0])
    said = told(lab, twins[0], odd, slow)
    assert re.search(r"perhaps as good: openvino static .* \(not shown to be slower\)\. ", said)


def test_a_rival_of_one_process_is_said_to_be_of_one(lab: Lab) -> None:
    fast, slow = (lab.ok(lab.trial(backend)) for backend in ("openvino", "torch_eager"))
    hasty = replace(lab, processes=1)
    said = told(lab, fast, slow, hasty.ok(hasty.trial("onnxruntime")))
    assert "onnxruntime static at 128×128 (measured in one process, so not compared)." in said
    assert "apart" not in said


def test_a_disturbed_row_is_shipped_with_a_warning_and_what_to_do(lab: Lab) -> None:
    quick = lab.ok(lab.trial("openvino"), ap=0.5, disturbed=("load",))
    said = decide(read(lab, quick, lab.ok(lab.trial("onnxruntime"), ap=0.5)))
    assert said[0].startswith("Ship openvino static")
    assert " Warning: background load in 20 of 20 rounds of 5 of 5 processes" in said[1]
    assert said[-2:] == (
        "Reliability: 1 of 2 measured rows is disturbed.",
        "Stop other programs and measure again.",
    )


def test_a_disturbed_row_without_rivals_is_no_answer(lab: Lab) -> None:
    alone = lab.ok(lab.trial("openvino"), ap=0.5, disturbed=("load",))
    for row in (alone, replace(alone, accuracy=None)):
        said = told(lab, row, command="sizewise bench a.onnx")
        assert said.startswith(
            "No answer yet: openvino static at 128×128 was disturbed, and there is no other engine "
            "to compare it with. Measure again, like this: “sizewise bench a.onnx "
        )
        assert " Warning: background load in " in said


def test_the_smallest_batch_is_decided_for(lab: Lab) -> None:
    one = lab.ok(lab.trial("openvino", batch_size=1), ap=0.5)
    many = slower(lab.ok(lab.trial("openvino", batch_size=8), ap=0.5), 0.5)
    ship = decide(read(lab, one, many))[0]
    assert ship.startswith("Ship openvino static batch 1 at 128×128 for calls of 1 image: ")


def test_segmenters_are_ranked_by_their_masks(lab: Lab) -> None:
    result = lab.ok(lab.trial())
    assert result.accuracy is not None
    masks = replace(result, accuracy=replace(result.accuracy, ap=None, ap50=None, miou=0.7))
    assert "it reaches mIoU 0.700; no engine is more accurate." in told(lab, masks)


def test_without_accuracy_each_size_has_its_choice(lab: Lab) -> None:
    results = [replace(result, accuracy=None) for result in lab.sweep()]
    said = decide(read(lab, *results))
    for sentence, size in zip(said, ("128×128", "192×192", "256×256", "320×320"), strict=False):
        assert sentence.startswith(f"Ship openvino static at {size}, ")
    alone = [one for one in results if one.trial.cell.size == SMALL]
    assert "(accuracy was not measured: give --data)" in told(lab, *alone)
    assert told(lab, lab.bad(lab.trial())) == "Ship nothing: no engine was measured."


def test_of_several_choices_one_that_is_open_is_no_answer(lab: Lab) -> None:
    """Sizes without accuracy, and engines with NMS inside beside those without."""
    wild = [steady(lab.ok(lab.trial(n, size=SMALL)), WILD[i:] + WILD[:i]) for i, n in _TWO]
    sure = [steady(lab.ok(lab.trial(n, size=LARGE)), 2.0 + i) for i, n in _TWO]
    said = decide(read(lab, *(replace(one, accuracy=None) for one in (*wild, *sure))))
    assert said[0].startswith("No answer yet: the fastest so far is o")
    assert said[0].endswith(" MiB, and no comparison with 1 rival is decided.")
    assert said[1].startswith("Ship openvino static at 256×256, 2.00 ms")
    assert said[-1].startswith("Measure again, like this: ")

    inside = [lab.ok(replace(lab.trial(n, size=SMALL), nms=True)) for _, n in _TWO]
    said = decide(read(lab, *wild, *inside))
    assert said[0].startswith("Of engines with NMS inside: ship openvino ")
    assert said[1].startswith("Of engines without NMS inside, no answer yet: the fastest so far")


def test_sizewise_best_gives_no_answer_where_nothing_is_decided(lab: Lab) -> None:
    records = read(lab, *(steady(lab.ok(lab.trial(n)), WILD[i:] + WILD[:i]) for i, n in _TWO))
    (choice,) = choose(records, Budget())
    first, *others = say(choice, Budget(), records)
    assert first.startswith("No answer yet: the fastest so far is o")
    assert others[-1].startswith("Measure again, like this: ")
    (choice,) = choose(records, Budget(percentile="p99"))
    assert " ".join(say(choice, Budget(percentile="p99"), records)).count("Measure again") == 1


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (
            "sizewise bench /home/me/a.onnx --processes 2 --rigor=quick --sizes 64",
            "“sizewise bench a.onnx --sizes 64 --rigor {}”.",
        ),
        (  # the other one was measured by another command
            "sizewise bench a.onnx --backend openvino --sizes 64",
            "“sizewise bench a.onnx --backend openvino,onnxruntime --sizes 64 --rigor {}”.",
        ),
        ("sizewise run /home/me/line.toml", '“sizewise run line.toml”, with rigor = "{}"'),
        ("", 'the same call, with rigor = "{}" in its settings.'),
    ],
)
@pytest.mark.parametrize(("processes", "rigor"), [(8, "paper"), (7, "standard")])
def test_where_nothing_is_decided_it_says_how_to_measure_again(
    lab: Lab, command: str, asked: str, processes: int, rigor: str
) -> None:
    """With fewer processes than any sweep rests on, the same rigor goes on."""
    lab = replace(lab, processes=processes)
    wild = np.resize(WILD, processes)
    pair = [
        steady(lab.ok(lab.trial("openvino")), wild),
        steady(lab.ok(lab.trial("onnxruntime")), wild[::-1]),
    ]
    for results in (pair, [replace(result, accuracy=None) for result in pair]):
        said = told(lab, *results, command=command)
        opening = "No answer yet: the fastest so far is o.* static at 128×128, and no comparison "
        assert re.match(rf"{opening}with 1 rival is decided\. Measure again, like ", said)
        assert said.count("Measure again, like ") == 1
        assert asked.format(rigor) in said


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("sizewise bench a.onnx --processes 48", "bench a.onnx --rigor paper --processes 96”."),
        ("sizewise run line.toml", 'with rigor = "paper" and processes = 96 in its settings.'),
    ],
)
def test_where_no_rigor_has_more_waves_it_says_how_many_to_measure(
    lab: Lab, command: str, asked: str
) -> None:
    long = replace(lab, processes=48)
    wild = np.resize(WILD, 48)
    pair = [
        steady(long.ok(long.trial("openvino")), wild),
        steady(long.ok(long.trial("onnxruntime")), wild[::-1]),
    ]
    assert asked in told(long, *pair, command=command)
