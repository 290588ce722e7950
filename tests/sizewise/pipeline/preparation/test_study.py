"""The trials on file: what is on the disk decides, and what the disk refuses is said."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sizewise.core.errors import InputError, OutputError, UsageError
from sizewise.pipeline.preparation.tuning.space import Dimension
from sizewise.pipeline.preparation.tuning.study import FILE, opened_study

optuna = pytest.importorskip("optuna")
SPACE = (
    Dimension(name="learning_rate", low=1e-4, high=1e-2, logarithmic=True),
    Dimension(name="mosaic", low=0.0, high=1.0),
)


def test_a_trial_has_the_same_values_whenever_it_is_asked(tmp_path: Path) -> None:
    seen, one, other = [], tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    for _ in range(3):
        with opened_study(one, {"network": "n"}, seed=4, prune_from=None) as study:
            trial = study.next(2)
            assert trial is not None
            seen.append((trial.number, trial.values(SPACE)))
    assert seen[0] == seen[1] == seen[2]
    with opened_study(other, {"network": "n"}, seed=5, prune_from=None) as study:
        trial = study.next(2)
        assert trial is not None
        assert trial.values(SPACE) != seen[0][1]


def test_a_trial_that_stopped_between_two_values_gets_the_other_as_if_it_had_not(
    tmp_path: Path,
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    found = []
    for folder, spaces in ((whole, [SPACE]), (parts, [SPACE[:1], SPACE])):
        folder.mkdir()
        for space in spaces:
            with opened_study(folder, {}, seed=4, prune_from=None) as study:
                trial = study.next(1)
                assert trial is not None
                values = trial.values(space)
        found.append(values)
    assert found[0] == found[1]


def test_scores_are_noted_once_and_the_last_trial_is_the_last(tmp_path: Path) -> None:
    with opened_study(tmp_path, {}, seed=0, prune_from=None) as study:
        trial = study.next(1)
        assert trial is not None
        trial.values(SPACE)
        assert not trial.report({2: 0.1})
        assert not trial.report({2: 0.7, 4: 0.3})
        (row,) = study.rows(SPACE)
        assert (row.number, row.state, row.score, row.steps) == (1, "running", 0.3, 4)
        trial.complete(0.3)
        assert study.next(1) is None
        assert study.rows(SPACE)[0].folder == "trial-001"


def test_paths_may_have_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a b%20?#ü"
    folder.mkdir()
    with opened_study(folder, {}, seed=0, prune_from=None):
        pass
    assert (folder / FILE).is_file()


@pytest.mark.parametrize("why", ["database or disk is full", "disk I/O error"])
def test_what_the_disk_refuses_is_said(tmp_path: Path, why: str) -> None:
    from sqlalchemy.exc import OperationalError

    with (
        pytest.raises(OutputError, match=why),
        opened_study(tmp_path, {}, seed=0, prune_from=None),
    ):
        raise OperationalError("INSERT", {}, sqlite3.OperationalError(why))


def test_a_file_of_another_version_of_optuna_is_refused(tmp_path: Path) -> None:
    with opened_study(tmp_path, {}, seed=0, prune_from=None):
        pass
    with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'v99.0.0.a'")
        database.execute("UPDATE version_info SET schema_version = 99")
    with (
        pytest.raises(InputError, match="Install the version of Optuna"),
        opened_study(tmp_path, {}, seed=0, prune_from=None),
    ):
        pass


def test_studies_that_others_made_are_refused(tmp_path: Path) -> None:
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / FILE}")
    study = optuna.create_study(storage=storage, study_name="sizewise", direction="maximize")
    study.ask()
    storage.remove_session()
    storage.engine.dispose()
    with (
        pytest.raises(UsageError, match="holds another search: it differs in: network"),
        opened_study(tmp_path, {"network": "n"}, seed=0, prune_from=None),
    ):
        pass
