"""Help in titled groups, with no description cut."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from sizewise.cli.options import take_as_typed

_ARGUMENTS, _GENERAL = "Arguments", "General"


class TitledCommand(TyperCommand):
    """A command whose options stand under the titles of their groups."""

    def get_params(self, ctx: Any) -> Any:
        return take_as_typed(super().get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for param in self.get_params(ctx):
            if record := param.get_help_record(ctx):
                name, text = record  # of an argument, typer adds Python's type
                groups[_title(param)].append((name.partition(" <")[0], text))
        last = groups.pop(_GENERAL, [])
        for title, records in (*groups.items(), (_GENERAL, last)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _title(param: Any) -> str:
    if param.param_type_name == "argument":
        return _ARGUMENTS
    return getattr(param, "rich_help_panel", None) or _GENERAL


class Commands(TyperGroup):
    """Commands that are imported when they are called, each with its line in the list."""

    lines: dict[str, str] = {}  # noqa: RUF012 - filled by a subclass

    def get_params(self, ctx: Any) -> Any:
        return take_as_typed(super().get_params(ctx))

    def load(self, name: str) -> Any:
        """The function of a command."""
        raise NotImplementedError

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(self.lines)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        if cmd_name not in self.lines:
            return None
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name, cls=TitledCommand)(self.load(cmd_name))
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self.lines.items()))
