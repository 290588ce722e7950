"""The table and the sentences of an audit."""

from __future__ import annotations

from dataclasses import replace

from bench.audit.audited import Audit, Skipped
from bench.audit.checks import checks
from bench.audit.words import fault, verdict
from tests.bench.audit.audits import FAST, SLOW, audit, parity, sight, twins


def answers(found: Audit) -> dict[str, str]:
    return {check.name: check.holds for check in checks(found)}


def test_on_a_quiet_machine_everything_holds() -> None:
    found = audit()
    assert found.exit_code == 0
    assert set(answers(found).values()) == {"yes", ""}
    said = verdict(found)
    assert said[0].startswith("Ratios hold to ±")
    assert "both can be relied upon" in said[0]
    assert not [s for s in said if "fault" in s or "not found" in s]


def test_where_a_session_is_slower_than_its_library_sizewise_is_at_fault() -> None:
    found = audit(cells=(parity(1.0, 0.01), parity(1.2, 0.01, "openvino at 160")))
    assert found.exit_code == 1
    assert verdict(found)[0].startswith("sizewise is at fault: openvino at 160, takes 1.200")
    assert answers(found)["openvino at 160 ÷ the library by itself"] == "no"


def test_a_median_out_of_bounds_is_a_fault_though_no_cell_is() -> None:
    """The table, the sentences and the exit code say the same."""
    found = audit(cells=(parity(1.03, 0.01), parity(1.03, 0.01, "another")))
    assert answers(found)["2 of these 2 are shown: their median"] == "no"
    assert found.exit_code == 1
    assert verdict(found)[0].startswith("sizewise is at fault: engines take 1.030 times")
    assert not any("as in their libraries" in sentence for sentence in verdict(found))


def test_a_cell_whose_interval_reaches_into_the_bounds_is_said_to() -> None:
    found = audit(cells=(parity(1.055, 0.01), parity(1.0, 0.01), parity(1.0, 0.01)))
    assert found.exit_code == 0
    (said,) = [s for s in verdict(found) if "as in their libraries" in s]
    assert "none of these has its whole interval outside 0.97–1.05" in said
    (line,) = [c for c in checks(found) if c.found.startswith("1.055")]
    assert (line.wanted, line.holds) == ("not wholly outside 0.97–1.05", "yes")


def test_cpu_time_is_told_beside_that_of_the_libraries() -> None:
    found = audit(cells=(parity(1.0, 0.01, cpu=0.98), parity(1.0, 0.01, cpu=1.01)))
    (line,) = [c for c in checks(found) if c.name.startswith("CPU time over wall time")]
    assert (line.found, line.holds) == ("0.980–1.010", "")


def test_where_few_cells_are_shown_all_of_them_together_are_not() -> None:
    found = audit(cells=(parity(1.03, 0.01), *[parity(1.0, 0.05)] * 3))
    assert answers(found)["1 of these 4 are shown: their median"] == "not shown"
    assert found.exit_code == 0
    assert any("is not shown: 1 of 4 cells" in sentence for sentence in verdict(found))


def test_a_cell_that_failed_leaves_the_rule_open() -> None:
    found = audit(skipped=(Skipped(label="torch_compile at 416x416", reason="no compiler"),))
    assert answers(found)["2 of these 3 are shown: their median"] == "not shown"
    assert any("1 of 3 cells could not be measured" in sentence for sentence in verdict(found))


def test_a_back_end_that_was_left_out_has_a_line_and_leaves_nothing_open() -> None:
    found = audit(left_out=(Skipped(label="torch_eager at 416x416", reason="it is slow"),))
    (line,) = [c for c in checks(found) if c.name.startswith("torch_eager")]
    assert (line.found, line.holds) == ("left out: it is slow", "")
    assert answers(found)["2 of these 2 are shown: their median"] == "yes"


def test_a_wide_interval_is_no_fault_wherever_it_lies() -> None:
    found = audit(cells=(parity(1.5, 0.05), parity(1.0, 0.05, "another")))
    assert found.exit_code == 0
    assert answers(found)["a cell ÷ the library by itself"] == "not shown"
    assert any("not shown" in sentence for sentence in verdict(found))


def test_a_slow_clock_is_no_fault() -> None:
    assert audit(harness=SLOW, clock=SLOW).exit_code == 0
    found = audit(harness=SLOW, clock=FAST)
    assert found.exit_code == 1
    assert "adds 9.0 µs to a call" in verdict(found)[0]


def test_there_is_an_error_wherever_the_exit_code_says_so() -> None:
    bad, fine, near = parity(1.2, 0.01), parity(1.0, 0.01), parity(1.03, 0.01)
    for cells in ((bad, fine), (bad, bad), (near, near), (fine, fine), (parity(1.5, 0.05), fine)):
        for harness in (SLOW, FAST):
            found = audit(harness=harness, clock=FAST, cells=cells)
            error = fault(found)
            assert found.exit_code == (error.exit_code if error else 0)
            said = [one for one in verdict(found) if one.startswith("sizewise is at fault")]
            assert bool(said) == bool(error)
            assert len(said) != 1 or said == [str(error)]


def test_a_noisy_machine_is_told_to_take_ratios() -> None:
    found = audit(twinned=twins(noise=0.12))
    assert found.exit_code == 0
    first = verdict(found)[0]
    assert "take ratios, not milliseconds" in first


def test_disturbed_engines_are_told_and_their_milliseconds_are_not_relied_upon() -> None:
    """Also where the load is so even that nothing wanders."""
    found = audit(twinned=twins(disturbed=lambda wave, number: True))
    first, second, *_ = verdict(found)
    assert "milliseconds wandered by 0 %" in first or "milliseconds wandered by 1 %" in first
    assert first.endswith("take ratios, not milliseconds.")
    assert second.startswith("A report would mark 4 of 4 engines as disturbed (load):")
    (line,) = [c for c in checks(found) if c.name.startswith("disturbed attempts")]
    assert (line.found, line.holds) == ("32 of 32; 4 of 4 engines marked", "")
    quiet = audit()
    assert not any("as disturbed" in sentence for sentence in verdict(quiet))


def test_wide_milliseconds_are_not_relied_upon_though_nothing_wandered() -> None:
    first = verdict(audit(twinned=replace(twins(), half_width=0.08)))[0]
    assert "milliseconds to ±8.0 %, after 8 processes" in first
    assert first.endswith("take ratios, not milliseconds.")


def test_where_others_took_much_of_the_cores_no_ratio_is_said_to_hold() -> None:
    found = audit(twinned=twins(disturbed=lambda wave, number: True, taken=0.5))
    first, second, *_ = verdict(found)
    assert first.startswith("No answer yet: others took 25 % of the cores or more")
    assert second.startswith("A report would mark 4 of 4 engines")
    shown = answers(found)
    assert shown["the same engine twice (fake)"] == "not shown"
    assert shown["11 convolutions ÷ 10 (fake)"] == "not shown"


def test_where_nothing_is_known_it_says_how_to_go_on() -> None:
    found = audit(twinned=twins(noise=0.6))
    assert found.exit_code == 0
    first = verdict(found)[0]
    assert first.startswith("No answer yet: ratios hold to ±")
    assert "sizewise audit --minutes 10" in first


def test_a_difference_that_is_none_is_told() -> None:
    found = audit(twinned=twins(same=1.05))
    assert found.exit_code == 0
    assert any("was called different" in sentence for sentence in verdict(found))


def test_twins_by_few_processes_are_not_shown() -> None:
    found = audit(twinned=twins(processes=3))
    assert answers(found)["the same engine twice (fake)"] == "not shown"
    assert any("is not shown by 3 processes" in sentence for sentence in verdict(found))


def test_a_tenth_that_is_called_something_else_is_told() -> None:
    found = audit(twinned=twins(ratio=1.5))
    assert answers(found)["11 convolutions ÷ 10 (fake)"] == "no"
    assert any("was called something else (1.50 SLOWER" in said for said in verdict(found))
    assert not any("not found for certain" in said for said in verdict(found))


def test_images_outside_the_caches_are_told_where_they_cost() -> None:
    assert any("cost 8 % more" in sentence for sentence in verdict(audit(fresh=1.08)))
    assert not any("caches" in sentence for sentence in verdict(audit(fresh=1.005)))


def test_what_could_not_be_measured_has_a_line_with_its_reason() -> None:
    found = audit(skipped=(Skipped(label="torch_compile at 416x416", reason="no compiler"),))
    (line,) = [c for c in checks(found) if c.name.startswith("torch_compile")]
    assert line.found == "not measured: no compiler"


def test_a_burner_that_is_not_seen_is_told_unless_it_is_small() -> None:
    blind = audit(seen=sight(flagged=1))
    assert answers(blind)["a burner takes 25 % of the cores"] == "no"
    assert any("did not see" in sentence for sentence in verdict(blind))
    large = audit(seen=sight(flagged=0, burnt=0.5 / 64))
    assert answers(large)["a burner takes 1 % of the cores"] == ""
    assert any("lets up to 10 % pass" in sentence for sentence in verdict(large))


def test_beside_other_programs_a_burner_tells_nothing() -> None:
    busy = audit(seen=sight(flagged=1, quiet=("load",)))
    assert answers(busy)["a burner takes 25 % of the cores"] == "not shown"
    assert not any("did not see" in sentence for sentence in verdict(busy))


def test_what_runs_already_and_what_can_not_be_read_is_told() -> None:
    said = verdict(audit(seen=sight(quiet=("load",), steal=False)))
    assert any("disturbed by load" in sentence for sentence in said)
    assert any("hypervisor" in sentence for sentence in said)
