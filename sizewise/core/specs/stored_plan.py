"""``plan.json``: a plan as it stands on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sizewise.core import codec
from sizewise.core.errors import InputError, SchemaVersionError, SizewiseError
from sizewise.core.files import read_file, written_whole
from sizewise.core.options.limits import PLAN_BYTES
from sizewise.core.specs.engines import BackendOptions
from sizewise.core.specs.plan import Plan

NAME, KIND, VERSION = "plan.json", "sizewise plan", 1
"""The file's usual name; what it says it is, and the number of its format."""
_LATER: Mapping[str, Any] = {"plan.measured": None}
"""Fields that came later: at their defaults they are left out."""
_TODO = "Make it again with sizewise plan."


def write_plan(plan: Plan, path: Path) -> None:
    """Write it whole. Raises OutputError."""
    document = {"kind": KIND, "version": VERSION, "plan": codec.to_plain(_plain(plan))}
    with written_whole(path) as draft:
        draft.write_text(f"{codec.to_json(codec.without(document, _LATER))}\n", encoding="utf-8")


def read_plan(path: Path) -> Plan:
    """The plan in a file, or in ``plan.json`` of a folder.

    Raises InputError where there is none or it is damaged, SchemaVersionError where a newer
    sizewise wrote it.
    """
    file = path / NAME if path.is_dir() else path
    try:
        content = read_file(file, PLAN_BYTES)
    except OSError as error:
        raise _unread(file, (error.strerror or str(error)).lower()) from error
    try:
        document = codec.from_json(content, Any)
        said = document if isinstance(document, dict) else {}
        if said.get("kind") != KIND:
            raise ValueError(f"it does not say that it is a {KIND}")
        _demand_version(file, said.get("version"))
        return codec.from_plain(said.get("plan"), Plan)
    except SchemaVersionError:
        raise
    except (ValueError, RecursionError, SizewiseError) as error:
        raise _unread(file, str(error)) from error


def _plain(plan: Plan) -> Plan:
    """``plan`` with plain options in its specifications: their others stand as text beside them."""
    return replace(
        plan,
        engines=tuple(
            replace(
                one,
                spec=replace(
                    one.spec,
                    options=BackendOptions(allow_fallback=one.spec.options.allow_fallback),
                ),
            )
            for one in plan.engines
        ),
    )


def _demand_version(path: Path, found: object) -> None:
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ValueError("the number of its format is missing")
    if found > VERSION:
        raise SchemaVersionError(
            f"{path} can't be read",
            f"its format is {found}, and this version of sizewise reads up to {VERSION}",
            "Use the version of sizewise that wrote it, or make it again with sizewise plan.",
        )


def _unread(path: Path, why: str) -> InputError:
    return InputError(f"{path} is no plan of sizewise", why, _TODO)
