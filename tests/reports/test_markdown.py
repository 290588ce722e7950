from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt
from PIL import Image

from reports.findings.find import find
from reports.load import select_records
from reports.markdown import compose, write_report
from reports.method.describe import method
from reports.page.shell import why_no_page
from reports.provenance import environment_table, left_out, reproduction
from sizewise.core.errors import OutputError
from sizewise.core.specs import Size
from sizewise.core.trials import Result
from sizewise.core.trials.disturbances import DRIFT, KINDS

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


@pytest.fixture(scope="module")
def results(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [*lab.sweep(), lab.bad(lab.trial("torch_eager"), reason="/home/me/x.onnx | is odd")]
    return lab.file(tmp_path_factory.mktemp("records") / "results.sqlite", lab.run(rows))


@pytest.fixture(scope="module")
def one_row(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    bare = lab.mend(lab.ok(lab.trial()), accuracy=None)
    return lab.file(tmp_path_factory.mktemp("one") / "results.sqlite", lab.run([bare]))


@pytest.fixture(scope="module")
def out(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(results, tmp_path_factory.mktemp("report")).path.parent


def test_pictures_lie_beside_the_page_and_are_pictures(out: Path) -> None:
    text = (out / "report.md").read_text(encoding="utf-8")
    linked = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    names = ("latency", "ecdf", "accuracy", "memory", "builds", "machine", "dynamic")
    assert linked == [f"{name}.png" for name in names]
    vectors = {f"{name}.svg" for name in names}
    page = set() if why_no_page() else {"report.html"}
    assert {path.name for path in out.iterdir()} == {"report.md", *page, *linked, *vectors}
    for name in linked:
        with Image.open(out / name) as picture:
            assert picture.width >= 1000


def test_the_page_renders_with_all_its_tables(out: Path) -> None:
    page = MarkdownIt("commonmark").enable("table").render((out / "report.md").read_text("utf-8"))
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "Overview",
        "Speed",
        "Tails and throughput",
        "Accuracy",
        "Memory",
        "Builds",
        "What is unreliable",
        "Not measured",
        "One dynamic engine or one per size",
        "Findings",
        "Environment",
        "How it was measured",
        "How to reproduce",
    ]
    assert page.count("<table>") == 12
    assert page.count("<ol>") == 2
    decision, findings = re.findall(r"<ol>.*?</ol>", page, re.DOTALL)
    assert (decision.count("<li>"), findings.count("<li>")) == (8, 2)


@pytest.mark.usefixtures("empty_pictures")
def test_the_sentences_come_first_and_go_to_the_caller(one_row: Path, tmp_path: Path) -> None:
    report = write_report(one_row, tmp_path / "new" / "folder")
    text = report.path.read_text(encoding="utf-8").replace("\\", "")
    opening, found = text.partition("\n## ")[0], text.partition("\n## Findings")[2]
    for told, sentences in ((opening, report.decision), (found, report.findings)):
        assert sentences
        for turn, sentence in enumerate(sentences, start=1):
            assert f"{turn}. {sentence}" in told


@pytest.mark.usefixtures("empty_pictures")
def test_without_the_extra_there_is_no_page_and_it_is_said_how_to_have_one(
    one_row: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.page.shell.find_spec", lambda name: name != "altair" or None)
    report = write_report(one_row, tmp_path)
    assert report.page is None
    assert report.no_page == (
        "No report.html was written: altair is not installed. Run: pip install 'sizewise[html]'."
    )
    assert report.path.exists()
    assert not (tmp_path / "report.html").exists()


def test_the_same_records_give_the_same_report(results: Path, out: Path, tmp_path: Path) -> None:
    write_report(results, tmp_path)
    for path in out.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_no_folder_of_the_machine_is_told(out: Path) -> None:
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "/home" not in text
    assert "sizewise bench digits.onnx --sizes 128:320:64" in text
    assert "x.onnx \\| is odd" in text


def test_other_environments_are_named_and_left_out(lab: Lab, other_lab: Lab) -> None:
    old = other_lab.run(other_lab.sweep(("torch_eager",)), started="2026-01-01")
    records = select_records([old, lab.run(lab.sweep())], "x")
    text = compose(records, ("a.", "b.", "c."), {})
    assert "torch_eager" not in text
    assert "Left out: 8 results of another environment" in left_out(records)
    assert "cpu Older CPU @ 2.00GHz and cores 8" in text
    assert left_out(select_records([lab.run(lab.sweep())], "x")) == ""


def test_the_title_names_what_the_engines_ran_on(lab: Lab) -> None:
    where = replace(lab, where=replace(lab.where, devices=("A GPU, driver 1.2", "B, driver 1.2")))

    def on_gpu(backend: str) -> Result:
        result = where.ok(where.trial(backend))
        taken = replace(result.memory[0], device_bytes=2**29, device_before_bytes=2**20)
        return replace(result, memory=(taken,))

    def title(*results: Result) -> str:
        records = select_records((where.run(results),), "results.sqlite")
        return compose(records, find(records), {}).partition("\n")[0]

    on_cpu, failed = where.ok(where.trial()), where.bad(where.trial("torch_compile"))
    assert title(on_cpu).endswith(" on Imaginary CPU @ 3.00GHz")
    assert title(on_gpu("torch_eager"), failed).endswith(" on A GPU and B")
    both = title(on_cpu, on_gpu("torch_eager"))
    assert both.endswith(" on Imaginary CPU @ 3.00GHz, A GPU and B")


@pytest.mark.parametrize("pace", [0.01, 100.0])
def test_a_machine_of_another_pace_changes_figures_alone(lab: Lab, pace: float) -> None:
    """Ranks, verdicts, disturbances and sentences are the same."""

    def without_figures(where: Lab) -> str:
        records = select_records([where.run(where.sweep())], "x")
        text = re.sub(r"\d+(\.\d+)?", "0", compose(records, find(records), {}))
        return re.sub(r" +|-+", lambda run: run[0][0], text)  # a table is as wide as its figures

    assert without_figures(replace(lab, pace=pace)) == without_figures(lab)


def test_configurations_are_shown_once_each(lab: Lab) -> None:
    first, second = lab.run([]), lab.run([], command="sizewise bench b.onnx")
    text = reproduction([first, first, second])
    assert text.count("```sh") == 2
    (found, _) = re.findall(r"```json\n(.*?)\n```", text, flags=re.DOTALL)
    settings = {"rigor": "standard", "rounds": 4}
    assert json.loads(found) == {"models": ["digits.onnx"], "settings": settings}


def test_a_configuration_can_not_break_out_of_its_block(lab: Lab) -> None:
    text = reproduction([lab.run([], command="echo '```' '````'")])
    page = MarkdownIt().render(text)
    assert page.count("<pre>") == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(one_row: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permission denied"):
        write_report(one_row, tmp_path)


def test_a_folder_that_is_a_file(one_row: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OutputError):
        write_report(one_row, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.usefixtures("empty_pictures")
def test_a_full_disk_leaves_no_half_report(
    one_row: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="no space left"):
        write_report(one_row, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".svg"}


def test_a_configuration_that_is_no_json_is_shown_as_it_is(lab: Lab) -> None:
    odd = lab.run([], configuration="models = /home/me/x.onnx")
    assert "models = x.onnx" in reproduction([odd])


def test_what_sets_another_environment_apart_is_named(lab: Lab) -> None:
    there = environment_with(lab, packages={"numpy": "1.0"}, cpu_flags=())
    old = there.run(there.sweep(), started="2026-01-01")
    told = left_out(select_records([old, lab.run(lab.sweep())], "x"))
    assert "(cpu flags none and packages numpy 1.0)" in told


def test_the_machine_is_told_with_what_changes_figures(lab: Lab) -> None:
    there = environment_with(
        lab,
        cores=8,
        physical_cores=4,
        quota=2.5,
        variables={"OMP_NUM_THREADS": "2"},
        microcode="0xb000",
    )
    told = environment_table(select_records([there.run(there.sweep())], "x"))
    assert "| 4 (8 with hyper-threads), quota of 2.5 " in told
    assert "| OMP_NUM_THREADS=2 " in told
    assert "| 0xb000 " in told
    assert "| b007b007 " in told
    assert "stepping 2" in told


def test_it_is_told_how_rows_were_measured(lab: Lab) -> None:
    static, dynamic, *others = lab.sweep(("openvino",))
    pair = [with_a_round_sent_back(result) for result in (static, dynamic)]
    told = method(select_records([lab.run([*pair, *others])], "x"))
    for words in (
        "A wave had 4 rounds;",
        "a pause of 20 ms, 2 cold calls that count in no figure, then at least 5 calls and 60 ms",
        "Rigor standard: waves were added until",
        "±2 %, 8 at least and 24 at most",
        "128×128: 5 waves, ±",
        "The first of a turn took 2.0",
        "openvino: threads wait.",
        "(anchor 1)",
        "the hypervisor took more than 3 % of the cores",
        "81 attempts at 80 rounds; disturbed: 1 (1 with cores that the hypervisor took).",
        "or it is less accurate by 0.5 points at most. Without an interval",
        "it holds during this sweep",
        "were judged together (Benjamini and Hochberg). Decided are ",
        "2.2 % at most of pairs of equal engines got a verdict",
        "where one of four engines takes 10 % more, 1.2 % at most were none.",
        "lies within ±2 % and no difference is certain",
    ):
        assert words in told


def test_a_sweep_that_was_stopped_before_its_least_number_of_waves_says_so(lab: Lab) -> None:
    def told(processes: int, settings: str) -> str:
        few = replace(lab, processes=processes, rounds=1)
        run = few.run(few.sweep(("openvino",)), configuration=f'{{"settings": {settings}}}')
        return method(select_records([run], "x"))

    limited = '{"rigor": "quick", "max_minutes": 5.0}'
    stopped = "So measuring was stopped before 4 sizes had the least number of waves."
    assert f"{stopped} The limit of time was 5 minutes." in told(5, limited)
    assert f"{stopped} The limit" not in told(5, '{"rigor": "quick", "max_minutes": 0}')
    assert stopped in told(5, '{"rigor": "quick"}')
    assert stopped not in told(8, limited)


def test_a_run_of_which_nothing_is_on_file_says_so(lab: Lab) -> None:
    """Its time is in the table, beside figures that are none of its own."""
    (one,) = lab.sweep(("openvino",), ("static",), (Size(128, 128),))
    start = datetime(2026, 11, 21, 10, tzinfo=UTC).timestamp()
    later = tuple(
        replace(block, started_ns=round((start + 60) * 1e9) + number)
        for number, block in enumerate(one.blocks)
    )
    first, second = (f"2026-11-21T10:0{minute}:00+00:00" for minute in (0, 1))
    runs = [lab.run([], started=first), lab.run([replace(one, blocks=later)], started=second)]
    told = environment_table(select_records(runs, "x"))
    assert f"{first} (it left no turn on file) and {second} " in told
    early = tuple(replace(block, started_ns=block.started_ns - 30 * 10**9) for block in later)
    runs[1] = lab.run([replace(one, blocks=early)], started=second)
    assert f"| {first} and {second} " in environment_table(select_records(runs, "x"))
    runs[0] = lab.run([], started="yesterday")
    told = environment_table(select_records(runs, "x"))
    assert "yesterday" in told
    assert "no turn" not in told


def test_only_what_was_read_is_said_to_have_been_watched(lab: Lab) -> None:
    def told(anchor_ns: float | None, *unread: str) -> str:
        one = lab.ok(lab.trial())
        blocks = (replace(b, unread=unread, anchor_ns=anchor_ns) for b in one.blocks)
        return method(select_records([lab.run([replace(one, blocks=tuple(blocks))])], "x"))

    everything = told(5e6)
    assert all(kind.rule in everything for kind in KINDS.values())
    assert "Not read here" not in everything
    here = told(None, "steal", "gpu_clock", "gpu_shared")
    unseen = {"steal", "gpu_clock", "gpu_shared", DRIFT}
    assert {code for code, kind in KINDS.items() if kind.rule not in here} == unseen
    assert here.count("Not read here, and so no reason to repeat a round: ") == 1
    assert (
        "time that a hypervisor took, the clock of a GPU at work, other programs on it and the "
        "machine's own speed, by the anchor."
    ) in here


@pytest.mark.parametrize(
    ("mhz", "said"),
    [
        ((2450.4, 3190.0, 0.0), "was from 2,450 MHz to 3,190 MHz."),
        ((2450.0,), "was 2,450 MHz in each round."),
        ((0.0,), "The frequency of the cores was not reported."),
    ],
)
def test_the_frequency_of_the_cores_is_told(lab: Lab, mhz: tuple[float, ...], said: str) -> None:
    one = lab.ok(lab.trial())
    blocks = (replace(b, clock_mhz=mhz[n % len(mhz)]) for n, b in enumerate(one.blocks))
    told = method(select_records([lab.run([replace(one, blocks=tuple(blocks))])], "x"))
    assert told.count(said) == 1


def test_what_the_file_holds_no_reading_of_is_told(out: Path) -> None:
    text = (out / "report.md").read_text("utf-8")
    assert "no reason to repeat a round: time that a hypervisor took, stops by a CPU quota" in text
    assert "went to or from swap" not in text
    assert "the anchor kernel was out of line" in text


def test_a_round_that_stayed_disturbed_is_counted(lab: Lab) -> None:
    one = lab.ok(lab.trial())
    first, *others = one.blocks
    again = [replace(first, attempt=n, disturbed=("load",)) for n in range(3)]
    told = method(select_records([lab.run([replace(one, blocks=(*again, *others))])], "x"))
    assert (
        "That made 22 attempts at 20 rounds; disturbed: 3 (3 with background load); rounds without "
        "an undisturbed attempt: 1."
    ) in told


def with_a_round_sent_back(result: Result) -> Result:
    first, *others = result.blocks
    sent_back, again = replace(first, disturbed=("steal",)), replace(first, attempt=1)
    return replace(result, blocks=(sent_back, again, *others))


def test_an_older_file_is_told_to_be_one(lab: Lab) -> None:
    old = replace(lab, harness=1, anchored=False)
    records = select_records([old.run(old.sweep(), configuration="{}")], "x")
    told = method(records)
    assert "Rows of the earlier harness were measured without pauses" in told
    assert "Rigor" not in told
    assert "anchor had" not in told
    text = compose(records, find(records), {})
    assert "openvino static earlier harness" in text


def test_a_fixed_number_of_processes_is_told(lab: Lab) -> None:
    fixed = json.dumps({"settings": {"rigor": "quick", "processes": 5}})
    told = method(select_records([lab.run(lab.sweep(), configuration=fixed)], "x"))
    assert "As requested, there were 5 waves of each size." in told


def test_tables_of_unlike_rigor_make_no_claim_of_one_of_them(lab: Lab) -> None:
    mixed = json.dumps({"settings": {"rigor": "quick", "sweep": [{}, {"processes": 3}]}})
    told = method(select_records([lab.run(lab.sweep(), configuration=mixed)], "x"))
    assert (
        "asked for different ends: rigor quick and 3 waves. So there were 128×128: 5 waves" in told
    )
    assert "at most, while" not in told
    assert "As requested" not in told


def environment_with(lab: Lab, **changes: object) -> Lab:
    return replace(lab, where=replace(lab.where, **changes))  # type: ignore[arg-type]
