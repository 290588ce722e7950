from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.planning.plan import Group, plan_sweep
from bench.planning.settings import Axes, SweepSettings
from engines.backends.fake import FakeOptions
from engines.planning.specs import engine_specs
from engines.registry import find_backend
from sizewise.core.errors import InputError, OptionError, UsageError
from sizewise.core.further.reading import read_inputs
from sizewise.core.machine.cores import default_threads
from sizewise.core.onnxfiles.model import with_inputs
from sizewise.core.options.declared import fill, spelling
from sizewise.core.specs import (
    NMS_LAYOUT,
    BackendOptions,
    BatchRange,
    ExportedModel,
    Profile,
    Size,
    Sizes,
    TensorSpec,
)
from sizewise.core.trials import Trial
from tests.bench.models import CARD, colours


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    return colours(tmp_path_factory.mktemp("model") / "colours.onnx")


def planned(*models: ExportedModel, environment: str = "here", **keys: Any) -> tuple[Group, ...]:
    return plan_sweep(
        models,
        fill(SweepSettings, {"backends": ["fake"], "threads": 1} | keys),
        environment_fingerprint=environment,
    )


def some(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(elements, min_size=1, max_size=4, unique=True)


def trials(groups: tuple[Group, ...]) -> list[Trial]:
    return [member.trial for group in groups for member in group.members]


def test_a_static_engine_has_one_size_and_a_dynamic_one_all(model: ExportedModel) -> None:
    found = trials(planned(model, sizes="32,64x96,128"))
    spanning = Profile(min=Size(32, 32), opt=Size(64, 96), max=Size(128, 128))
    assert {(t.cell.strategy, str(t.cell.size), t.spec.profiles) for t in found} == {
        *(("static", s, (Profile.fixed(Size.parse(s)),)) for s in ("32x32", "64x96", "128x128")),
        *(("dynamic", s, (spanning,)) for s in ("32x32", "64x96", "128x128")),
    }
    assert (
        len(
            engine_specs(
                fill(SweepSettings, {"backends": "fake", "sizes": "32,64x96,128"}).products()
            )
        )
        == 4
    )


@given(
    st.fixed_dictionaries(
        {
            "graph_fusion": some(st.sampled_from(["none", "basic", "extended", "all"])),
            "batch": some(st.integers(1, 8)),
            "strategies": some(st.sampled_from(["static", "dynamic", "profiles"])),
            "replicas": st.integers(1, 3),
        }
    ),
    some(st.integers(1, 20)),
)
@settings(max_examples=50, deadline=None)
def test_the_plan_is_the_cross_product_in_groups_of_a_size(
    model: ExportedModel, keys: dict[str, Any], sizes: list[int]
) -> None:
    groups = planned(model, sizes=",".join(map(str, sizes)), **keys)
    assert [group.size.height for group in groups] == sizes
    per_size = keys["replicas"] * math.prod(
        len(keys[axis]) for axis in ("graph_fusion", "batch", "strategies")
    )
    assert all(len(group.members) == per_size for group in groups)
    assert all(t.cell.size == g.size for g in groups for t in trials((g,)))
    assert len({t.identity for t in trials(groups)}) == per_size * len(sizes)


def test_profiles_are_shared_out_among_the_sizes_that_a_model_takes(
    model: ExportedModel, tmp_path: Path
) -> None:
    coarse = colours(tmp_path / "coarse.onnx", card=replace(CARD, network="coarse", stride=32))
    keys: dict[str, Any] = {"sizes": "32,40,64,96", "strategies": ["profiles"]}
    found = trials(planned(model, coarse, profiles=2, **keys))
    spans = {t.cell.network: [(str(p.min), str(p.max)) for p in t.spec.profiles] for t in found}
    assert spans == {
        model.card.network: [("32x32", "40x40"), ("64x64", "96x96")],
        "coarse": [("32x32", "32x32"), ("64x64", "96x96")],
    }
    bounded = trials(planned(coarse, sizes="32,64", strategies=["profiles"], profiles=[32, "64"]))
    assert {len(t.spec.profiles) for t in bounded} == {2}


def test_a_batch_range_is_another_engine_measured_at_what_it_is_tuned_for(
    model: ExportedModel,
) -> None:
    found = trials(planned(model, sizes="32", strategies=["static"], batch=[4, "1:4:8"]))
    assert [t.cell.batch_size for t in found] == [4, 4]
    assert [t.spec.batch_range for t in found] == [None, BatchRange(1, 8)]


def test_options_reach_the_back_ends_that_have_them(model: ExportedModel) -> None:
    keys: dict[str, Any] = {
        "sizes": "32",
        "strategies": ["static"],
        "backends": ["fake", "onnxruntime"],
    }
    found = {t.cell.backend: t for t in trials(planned(model, options=["seed=3"], **keys))}
    assert found["fake"].spec.options == FakeOptions(seed=3)
    assert found["fake"].cell.options == "seed=3"
    assert type(found["onnxruntime"].spec.options) is BackendOptions
    assert found["onnxruntime"].cell.options == ""


def test_a_table_may_inherit_options_that_only_another_has(model: ExportedModel) -> None:
    tables = [{"backends": ["fake"]}, {"backends": ["onnxruntime"]}]
    settings = {"sizes": "32", "options": ["seed=3"], "sweep": tables}
    specs = engine_specs(fill(SweepSettings, settings).products())
    assert {spec.backend for spec in specs} == {"fake", "onnxruntime"}
    alone = settings | {"sweep": [tables[0], tables[1] | {"options": ["seed=4"]}]}
    with pytest.raises(UsageError, match="'seed' isn't an option of onnxruntime"):
        engine_specs(fill(SweepSettings, alone).products())


def test_profiles_without_an_engine_that_has_any_are_an_error() -> None:
    with pytest.raises(UsageError, match=r"profiles 3 has no effect.*strategies"):
        engine_specs(SweepSettings(backends=("fake",), profiles="3").products())


def test_a_table_takes_what_it_does_not_say_from_the_common_one(model: ExportedModel) -> None:
    tables = [{"strategies": ["static"]}, {"strategies": ["dynamic"], "sizes": "64", "rounds": 6}]
    groups = planned(model, sizes="32,64", rounds=2, batch=[2], sweep=tables)
    found = [
        (t.cell.strategy, str(t.cell.size), g.protocol.rounds) for g in groups for t in trials((g,))
    ]
    assert found == [("static", "32x32", 2), ("static", "64x64", 2), ("dynamic", "64x64", 6)]
    assert {t.cell.batch_size for t in trials(groups)} == {2}


def test_tables_that_overlap_share_a_group_and_its_trials(model: ExportedModel) -> None:
    tables = [{"strategies": ["static"]}, {"strategies": ["dynamic", "static"]}]
    (group,) = planned(model, sizes="32", sweep=tables)
    assert [t.cell.strategy for t in trials((group,))] == ["static", "dynamic"]


@pytest.mark.parametrize("order", [1, -1])
def test_tables_that_overlap_take_the_data_that_one_of_them_names(
    model: ExportedModel, order: int
) -> None:
    tables = [{"strategies": ["static"]}, {"strategies": ["static"], "data": "here", "images": 5}]
    (group,) = planned(model, sizes="32", sweep=tables[::order])
    assert [(one.data, one.images) for one in group.members] == [("here", 5)]


def test_what_is_not_said_is_the_back_ends_own(model: ExportedModel) -> None:
    (trial, _) = trials(planned(model, sizes="32", threads=0))
    fake = find_backend("fake")
    assert trial.cell.graph_fusion == trial.spec.graph_fusion == fake.default_graph_fusion
    assert trial.spec.threads == default_threads()
    assert trial.backend_version == fake.version()
    assert type(trial.spec.options) is fake.options_type


def test_whatever_can_change_a_figure_makes_another_trial(
    model: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only(of: ExportedModel, **keys: Any) -> str:
        (trial,) = trials(planned(of, sizes="32", strategies=["static"], **keys))
        return trial.identity

    retrained = colours(tmp_path / "colours.onnx", box=(1, 2, 3, 4))
    assert retrained.card.network == model.card.network
    identities = {
        "the same": only(model),
        "retrained": only(retrained),
        "threads": only(model, threads=2),
        "environment": only(model, environment="there"),
        "batch": only(model, batch=[2]),
        "batch range": only(model, batch=["1:1:2"]),
        "options": only(model, options=["seed=1"]),
        "graph fusion": only(model, graph_fusion=["none"]),
        "layout": only(replace(model, card=replace(model.card, layout="b_4c_n"))),
        "NMS of others": only(replace(model, nms=True)),
    }
    monkeypatch.setattr(type(find_backend("fake")), "version", lambda self: "2")
    identities["version"] = only(model)
    assert len(set(identities.values())) == len(identities)
    monkeypatch.undo()
    assert only(model) == identities["the same"]
    alike: list[dict[str, Any]] = [
        {"block_s": 1},
        {"rigor": "paper"},
        {"processes": 3},
        {"images": 5},
    ]
    assert {only(model, **keys) for keys in alike} == {identities["the same"]}
    moved = replace(model, path=tmp_path / "elsewhere.onnx")
    assert only(moved) == identities["the same"]


def test_nms_in_a_graph_is_known_by_its_layout_or_its_operators(model: ExportedModel) -> None:
    """A graph of ours is the trial that it was before operators were read."""
    ours = replace(model, card=replace(model.card, layout=NMS_LAYOUT))
    found = [
        trials(planned(one, sizes="32", strategies=["static"]))[0]
        for one in (model, ours, replace(ours, nms=True), replace(model, nms=True))
    ]
    assert [trial.has_nms_inside for trial in found] == [False, True, True, True]
    assert found[1] == found[2]


def test_more_trials_than_can_be_planned_are_counted_before_they_are_made(
    model: ExportedModel,
) -> None:
    many: dict[str, Any] = {"sizes": "32:32000:32", "replicas": 100, "strategies": ["static"]}
    with spelling(lambda name: f"--{name}"), pytest.raises(UsageError) as caught:
        planned(model, **many)
    assert caught.value.why.startswith("100,000 trials are more than the limit")
    assert "SIZEWISE_MAX_TRIALS" in caught.value.todo
    tables = [{"sizes": "32:6400:32", "replicas": 60, "seed": 1}, {"replicas": 100}] * 2
    with pytest.raises(UsageError, match="So many trials can't be planned"):
        planned(model, sizes="32:3200:32", strategies=["static"], sweep=tables)
    with pytest.raises(UsageError, match="12,000 engines are more than the limit"):
        engine_specs(
            (fill(Axes, {"sizes": many["sizes"], "batch": "1,2,3", "backends": "fake,fake"}),)
        )


def of_fusions(model: ExportedModel, *fusions: str) -> list[ExportedModel]:
    return [
        replace(model, card=replace(model.card, fusion=fusion), sha256=fusion) for fusion in fusions
    ]


def test_a_fusion_keeps_the_models_that_have_it(model: ExportedModel) -> None:
    models = of_fusions(model, "average", "absi", "absi", "none")
    kept = {
        fusion: [t.cell.fusion for t in trials(planned(*models, sizes="32", fusion=fusion))]
        for fusion in ((), ("absi",), ("none", "average"))
    }
    assert set(kept[()]) == {"average", "absi", "none"}
    assert set(kept["absi",]) == {"absi"}
    assert set(kept["none", "average"]) == {"average", "none"}


def test_tables_may_ask_for_a_fusion_each(model: ExportedModel) -> None:
    tables = [{"fusion": ["absi"], "sizes": "32"}, {"fusion": ["average"], "sizes": "64"}]
    found = trials(planned(*of_fusions(model, "average", "absi"), sweep=tables))
    assert {(t.cell.fusion, t.cell.size.height) for t in found} == {("absi", 32), ("average", 64)}


def test_tables_may_ask_for_a_precision_each(model: ExportedModel) -> None:
    models = [
        replace(model, card=replace(model.card, precision=precision), sha256=precision)
        for precision in ("fp32", "int8")
    ]
    tables = [{"precision": ["int8"], "sizes": "32"}, {"sizes": "64"}]
    found = trials(planned(*models, strategies=["static"], sweep=tables))
    assert {(t.cell.precision, t.cell.size.height) for t in found} == {
        *(("int8", 32), ("fp32", 64), ("int8", 64)),
    }
    with pytest.raises(UsageError, match="precision 'fp8': the models have 'fp32', 'int8'"):
        planned(*models, sizes="32", precision=("fp8",))


def test_a_fusion_that_no_model_has_is_an_error_that_lists_those_there_are(
    model: ExportedModel,
) -> None:
    with pytest.raises(UsageError, match=r"fusion 'absy': the models have 'absi', 'average'\."):
        planned(*of_fusions(model, "average", "absi"), sizes="32", fusion=("absi", "absy"))


def test_a_size_that_one_model_takes_is_planned_for_all(
    model: ExportedModel, tmp_path: Path
) -> None:
    coarse = colours(tmp_path / "coarse.onnx", card=replace(CARD, network="coarse", stride=32))
    found = trials(planned(model, coarse, sizes="32,40,64"))
    assert len(found) == 12
    dynamic = next(t for t in found if t.cell.network == "coarse" and t.cell.strategy == "dynamic")
    assert dynamic.spec.profiles == (Profile.spanning((Size(32, 32), Size(64, 64))),)


def test_a_size_that_no_model_takes_is_an_error(tmp_path: Path) -> None:
    coarse = colours(tmp_path / "coarse.onnx", card=replace(CARD, stride=32))
    with pytest.raises(
        UsageError, match=r"does not take the size 64x40: .*multiples of its stride 32"
    ):
        planned(coarse, sizes="32,64x40")


def test_a_size_other_than_the_fixed_one_is_an_error(model: ExportedModel) -> None:
    fixed = TensorSpec(name="images", dtype="float32", shape=(1, 3, 48, 48))
    with pytest.raises(UsageError, match="height is fixed to 48"):
        planned(replace(model, inputs=(fixed,)), sizes="32")


def taking(model: ExportedModel, *sides: int | str) -> ExportedModel:
    """A file of its own whose input has these: batch, height and width."""
    batch, height, width = sides
    images = TensorSpec(name="images", dtype="float32", shape=(batch, 3, height, width))
    name = "-".join(map(str, sides))
    card = replace(model.card, network=name)
    return replace(model, inputs=(images,), card=card, sha256=name)


def places(groups: tuple[Group, ...]) -> set[tuple[str, str, str, int]]:
    return {
        (t.cell.network, str(t.cell.size), t.cell.strategy, t.cell.batch_size)
        for t in trials(groups)
    }


def test_files_of_different_sizes_are_planned_each_at_its_own(model: ExportedModel) -> None:
    files = [taking(model, batch, side, side) for batch, side in ((1, 320), (1, 416), (4, 640))]
    groups = planned(*files)
    assert places(groups) == {
        ("1-320-320", "320x320", "static", 1),
        ("1-416-416", "416x416", "static", 1),
        ("4-640-640", "640x640", "static", 4),
    }
    assert [str(group.size) for group in groups] == ["320x320", "416x416", "640x640"]


def test_beside_a_file_of_one_size_others_are_measured_at_it_too(model: ExportedModel) -> None:
    usual = [str(size) for size in Axes().sizes]
    free, rows = taking(model, "b", "h", "w"), taking(model, "b", 64, "w")
    found = places(planned(taking(model, 1, 416, 416), free, rows))
    assert found == {
        ("1-416-416", "416x416", "static", 1),
        *(("b-h-w", size, s, 1) for size in (*usual, "416x416") for s in ("static", "dynamic")),
        *(
            ("b-64-w", f"64x{size.width}", strategy, 1)
            for size in Axes().sizes
            for strategy in ("static", "dynamic")
        ),
    }
    assert not any(one.model.refusal(g.size) for g in planned(free, rows) for one in g.members)


def test_sizes_that_are_given_are_planned_for_every_file(model: ExportedModel) -> None:
    """What a file does not take is filed as unsupported; so are profiles of one size."""
    files = [taking(model, 1, 320, 320), taking(model, 1, 416, 416)]
    assert {(network, size) for network, size, *_ in places(planned(*files, sizes="320,416"))} == {
        (file.card.network, size) for file in files for size in ("320x320", "416x416")
    }
    table = [{"sizes": "320", "strategies": ["dynamic"]}]
    assert {place[2] for place in places(planned(files[0], sweep=table))} == {"dynamic"}
    grouped = planned(*files, taking(model, 1, "h", "w"), strategies=["profiles"], profiles=3)
    assert len(trials(grouped)) == 2 + len(Axes().sizes)


def test_a_model_that_takes_no_images_is_an_error(model: ExportedModel) -> None:
    flat = TensorSpec(name="tokens", dtype="int64", shape=("batch", "length"))
    with pytest.raises(InputError, match="does not take images"):
        planned(replace(model, inputs=(flat,)), sizes="32")


def test_what_further_inputs_are_given_is_part_of_the_identity(model: ExportedModel) -> None:
    def trial_of(*said: str, others: tuple[TensorSpec, ...]) -> Trial:
        given = with_inputs(
            replace(model, inputs=(*model.inputs, *others)), read_inputs(list(said))
        )
        (trial,) = trials(planned(given, sizes="32", strategies="static"))
        return trial

    size = TensorSpec(name="orig_size", dtype="int64", shape=("batch", 2))
    plain, unsaid = trial_of(others=()), trial_of(others=(size,))
    said = trial_of("orig_size=height,width", others=(size,))
    other = trial_of("orig_size=7,9", others=(size,))
    assert (plain.further, plain.assumed) == ((), ())
    assert unsaid.further == ("orig_size = height, width [batch, 2]",)
    assert (unsaid.assumed, said.assumed) == (("orig_size",), ())
    assert unsaid.identity == said.identity
    assert len({one.identity for one in (plain, said, other)}) == 3


def test_an_unknown_back_end_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'onyx'.*onnxruntime, .*openvino"):
        engine_specs(fill(SweepSettings, {"backends": "onyx"}).products())


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"stategies": ["static"]}, r"option stategies.*mean strategies\?"),
        ({"strategies": ["fast"]}, "'fast' for strategies.*static, dynamic, profiles"),
        ({"backends": []}, "for backends"),
        ({"rounds": 0}, "value 0 for rounds.*whole number, 1 or more"),
        ({"block_s": float("nan")}, "nan for block_s"),
        ({"sweep": [{"size": "32"}]}, r"option sweep\[0\]\.size.*mean sweep\[0\]\.sizes\?"),
        ({"sweep": [{"sweep": []}]}, r"option sweep\[0\]\.sweep"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(keys: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        fill(SweepSettings, keys)


def test_each_product_is_whole() -> None:
    whole = fill(SweepSettings, {"seed": 3, "sweep": [{"sizes": "32"}]}).products()
    assert whole == (Axes(seed=3, sizes=Sizes.parse("32")),)
