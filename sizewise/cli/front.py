"""The way from the command line to an exit code; tracebacks appear with ``--debug`` only."""

from __future__ import annotations

import errno
import io
import json
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from sizewise.cli.failures import plain_error, say_error
from sizewise.core.errors import InputError, SizewiseError
from sizewise.core.exit_codes import ExitCode
from sizewise.core.files import OF_WRITES, output_error
from sizewise.core.options.declared import spelling
from sizewise.core.printable import printable
from sizewise.core.rooms import check_rooms
from sizewise.interrupting import Interruptions

_ANYWHERE = ("--debug", "--quiet")
"""Flags that every command takes, in any place."""
_EXTRAS = {
    **{"torch": "torch", "onnxscript": "torch", "onnxruntime": "cpu", "openvino": "cpu"},
    **dict.fromkeys(("starlette", "uvicorn", "grpc", "prometheus_client"), "serve"),
}
"""The extra that installs each package that a base install lacks."""
_ALSO_CALLED = {"--max-drop": "--max-loss-points"}
"""Options by an older name, which not every command takes."""


def run_command_line(arguments: list[str], interruptions: Interruptions | None = None) -> int:
    """Run a command and return its exit code (:class:`sizewise.core.exit_codes.ExitCode`).

    With ``--json``, an error is one JSON document, too. ``interruptions`` are those that are
    listened for; none: Ctrl-C alone, as Python hears it.
    """
    debug, quiet = (flag in arguments for flag in _ANYWHERE)
    _let_any_terminal_print()
    interruptions = interruptions or Interruptions()
    code: int | None
    try:
        _demand_here()
        check_rooms()
        from sizewise.cli.app import app
        from sizewise.cli.console import console
        from sizewise.cli.options import spell

        console.quiet = quiet
        command = typer.main.get_command(app)
        with spelling(spell), interruptions.at_work():
            code = command.main(
                [a for a in arguments if a not in _ANYWHERE],
                prog_name="sizewise",
                standalone_mode=False,
            )
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except Exception as raised:  # noqa: BLE001 - the outermost edge: every failure gets its sentence
        error = _as_ours(raised)
        if debug:
            sys.stderr.write(printable(traceback.format_exc()))
            _print_child_trace(error)
        if not interruptions.heard:
            return _say_failure(error, as_json="--json" in arguments)
        code = ExitCode.INTERRUPTED
    # typer gives the code of an Exit, of an interruption too, and what the command returned without
    if interruptions.heard or code == ExitCode.INTERRUPTED:
        return _say(interruptions.sentence, interruptions.code)
    return code or ExitCode.OK


def _demand_here() -> None:
    """Raises InputError where the current folder is gone: relative paths lead nowhere then, and
    libraries end the process over it."""
    try:
        Path.cwd()
    except OSError as error:
        raise InputError(
            "The current folder can't be used",
            (error.strerror or str(error)).lower(),
            "Change into a folder that is there, and run the same command again.",
        ) from error


def _say_failure(error: Exception, *, as_json: bool) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error}\n")
        return ExitCode.USAGE
    if as_json:
        with suppress(OSError):  # stdout itself may be what can't be written
            sys.stdout.write(json.dumps({"error": _plain(error)}, indent=2) + "\n")
    return _say(*_sentence(error))


def _as_ours(error: Exception) -> Exception:
    """A full disk, or one that can only be read, is an OutputError wherever it is met."""
    if isinstance(error, OSError) and error.errno in OF_WRITES and error.filename:
        from sizewise.cli.options import spell

        with spelling(spell):
            return output_error(Path(str(error.filename)), error)
    return error


def _plain(error: Exception) -> dict[str, str]:
    """The error for machines; one of typer's own has the option that it is about, if any."""
    if isinstance(error, SizewiseError):
        return plain_error(error)
    param: Any = getattr(error, "param", None)
    about = param.opts[0] if getattr(param, "param_type_name", "") == "option" else ""
    return {
        "type": type(error).__name__,
        "what": _sentence(error)[0],
        "why": "",
        "todo": "",
        "option": getattr(error, "option_name", None) or about,
    }


def _say(sentence: str, code: int) -> int:
    with suppress(OSError):  # a terminal that was closed
        say_error(sentence)
    return code


def _sentence(error: Exception) -> tuple[str, int]:
    if isinstance(error, SizewiseError):
        return str(error), error.exit_code
    if isinstance(error, OSError) and error.errno is not None:
        return _system_sentence(error), ExitCode.ERROR
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        return _missing_sentence(error.name), ExitCode.ERROR
    if hasattr(error, "format_message"):
        return _usage_sentence(error), ExitCode.USAGE
    kind = type(error).__name__
    return (
        f"Something unexpected happened: {kind}: {error}. "
        "Run the same command with --debug, and report what it prints.",
        ExitCode.ERROR,
    )


def _usage_sentence(error: Any) -> str:
    """A sentence for a command line that typer refuses."""
    unknown = error.option_name if type(error).__name__ == "NoSuchOption" else ""
    near = getattr(error, "possibilities", None) or _near(error, unknown)
    where = f"Run {error.ctx.command_path if error.ctx else 'sizewise'} --help to see all."
    if type(error).__name__ == "MissingParameter" and error.param is not None:
        kind = "argument" if error.param.param_type_name == "argument" else "option"
        param = error.param
        name = param.opts[0] if kind == "option" else param.metavar or param.name
        command = error.ctx.command_path
        return f"The {kind} {name} is missing. Run {command} --help to see what it takes."
    if unknown and near:
        return f"There is no option {unknown}. Did you mean {' or '.join(near)}?"
    if unknown:
        return f"There is no option {unknown}. {where}"
    return f"{error.format_message()} {where}"


def _near(error: Any, unknown: str) -> list[str]:
    """What the command calls an option of another command."""
    known = [one for param in error.ctx.command.params for one in param.opts] if error.ctx else []
    other = _ALSO_CALLED.get(unknown, "")
    return [other] if other in known else []


def _system_sentence(error: OSError) -> str:
    where = error.filename or "A file"
    todo = (
        "Free some space; nothing that was finished is lost."
        if error.errno == errno.ENOSPC
        else "Check the path and its permissions, and try again."
    )
    return f"{where} can't be used: {(error.strerror or str(error)).lower()}. {todo}"


def _missing_sentence(package: str) -> str:
    return (
        f"This command needs {package}: it is not installed. "
        f"Run: pip install 'sizewise[{_EXTRAS[package]}]'."
    )


def _let_any_terminal_print() -> None:
    """Print a question mark for a sign such as × that the locale lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _print_child_trace(error: Exception) -> None:
    trace = getattr(error, "trace", "")
    if trace:
        sys.stderr.write(printable(f"In the child process:\n{trace}"))
