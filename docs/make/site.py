"""What Sphinx is told beside docs/conf.py: links of included files, options in the reference."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from sizewise.core.options.declared import Option, options_of

_ROOT_PAGES = {"CONTRIBUTING.md": "contributing.md"}
"""Files beside docs that are included in a page of the site."""
_AWAITED = ("regressions", "reproduced")
"""Pages that have a place in the navigation, and that other changes bring."""
_MARKUP = re.compile(r"([\\*`|_])")


def connect(app: Any) -> None:
    """Take part in a build."""
    app.connect("source-read", _leave_out_awaited)
    app.connect("include-read", _move_links)
    app.connect("autodoc-process-signature", _leave_out_signatures)
    app.connect("autodoc-process-docstring", _add_options)


def linked_from_docs(text: str) -> str:
    """``text`` of a file in the repository's root, with links as they are from ``docs``."""
    text = text.replace("](docs/", "](")
    for name, page in _ROOT_PAGES.items():
        text = text.replace(f"]({name})", f"]({page})")
    return text


def options_in_words(kind: type[Any]) -> list[str]:
    """A field of reStructuredText for each option that a dataclass declares."""
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    return [
        f":param {name}: {_escaped(known.help)} {_default(known, defaults[name])}"
        for name, known in options_of(kind).items()
    ]


def _leave_out_awaited(app: Any, _page: str, content: list[str]) -> None:
    for name in _AWAITED:
        if not (Path(app.srcdir) / f"{name}.md").exists():
            content[0] = content[0].replace(f"\n{name}\n", "\n")


def _move_links(_app: Any, _path: Path, _page: str, content: list[str]) -> None:
    content[0] = linked_from_docs(content[0])


def _leave_out_signatures(
    _app: Any, what: str, _name: str, _found: Any, _options: Any, _signature: str, _result: str
) -> tuple[str, str] | None:
    """Of classes: users make few of them, and the options of those stand below."""
    return ("", "") if what in ("class", "exception") else None


def _add_options(
    _app: Any, what: str, _name: str, found: Any, _options: Any, lines: list[str]
) -> None:
    if what == "class" and dataclasses.is_dataclass(found):
        lines.extend(options_in_words(found))


def _default(known: Option, value: object) -> str:
    if value is dataclasses.MISSING:
        return "Required."
    return f"Default: {_escaped(known.shown or _plain(value))}."


def _plain(value: object) -> str:
    if isinstance(value, tuple) and type(value) is tuple:
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None or value == "" else str(value)


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
