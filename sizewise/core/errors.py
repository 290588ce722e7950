"""Every failure of sizewise has a type and a sentence, and its type has an exit code.

The rule, whatever the command (``docs/exit-codes.md``):

- 2: what was typed is wrong. A command, an option, a key of a configuration file or a value of one
  is unknown or missing, does not go with the others, or does not fit the model.
- 1: anything else. A file or a data set is missing, damaged, of another kind or of other content
  than is needed, wherever it was named: as an argument, by an option or in a configuration file. An
  output can't be written. An export, a build or a run fails. Something unexpected happens.

No type has 3 or 4: the command went on (:class:`sizewise.core.exit_codes.ExitCode`).

SizewiseError                    exit 1
├── UsageError                   exit 2: an option or a key of a configuration file is wrong
│   └── OptionError              one option, named as the user wrote it
├── InputError                   a file or a data set given to us can't be used
├── OutputError                  what was made can't be written: permission, full disk
├── TrainingError                a training can't go on: its loss, its memory or a worker fails
├── ExportError                  PyTorch → ONNX failed
│   ├── UnsupportedOperatorError
│   └── ParityError              the exported graph computes something else
├── EngineError                  ONNX → engine, or the engine's run, failed
│   ├── BackendUnavailableError
│   ├── BuildError
│   ├── EngineMismatchError      the engine does not fit the model, the size or the machine
│   └── InferenceError
├── RecordError                  a results file can't be read or written
│   ├── DamagedRecordError       it does not hold what was written
│   ├── SchemaVersionError
│   └── EnvironmentMismatchError
└── InstallConflictError         another package took the place of one of our rooms
"""

from __future__ import annotations

from typing import ClassVar

from sizewise.core.exit_codes import ExitCode


class SizewiseError(Exception):
    """What happened, why, and what to do next.

    ``why`` is empty only where what to do says it all: a choice that is none of those listed.

    ``reason_code`` is what a trial that fails with this error is filed under
    (``unsupported_*``, ``oom_host``, ``oom_device``, ``start``, ``timeout``, ``output_limit``,
    ``crash_<signal>``, ``crash_exception``, ``crash_protocol``, ``numerics``, ``environment``,
    ``untrusted``, or the plain ``error``).
    """

    exit_code: ClassVar[ExitCode] = ExitCode.ERROR

    def __init__(self, what: str, why: str, todo: str, *, reason_code: str = "error") -> None:
        super().__init__(what, why, todo)
        self.what = what.strip()
        self.why = why.strip().rstrip(".")
        self.todo = todo.strip()
        self.reason_code = reason_code

    def __str__(self) -> str:
        return f"{self.what}: {self.why}. {self.todo}" if self.why else f"{self.what}. {self.todo}"

    def to_json(self) -> dict[str, str]:
        """The error as plain strings, to cross from a child process to its parent."""
        return {
            "type": type(self).__name__,
            "what": self.what,
            "why": self.why,
            "todo": self.todo,
            "reason_code": self.reason_code,
        }


class UsageError(SizewiseError):
    exit_code = ExitCode.USAGE


class OptionError(UsageError):
    """``option`` is the option's name as the user wrote it; empty where nobody said it."""

    def __init__(
        self, what: str, why: str, todo: str, *, reason_code: str = "error", option: str = ""
    ) -> None:
        super().__init__(what, why, todo, reason_code=reason_code)
        self.option = option


class InputError(SizewiseError):
    pass


class OutputError(SizewiseError):
    pass


class TrainingError(SizewiseError):
    pass


class ExportError(SizewiseError):
    pass


class UnsupportedOperatorError(ExportError):
    pass


class ParityError(ExportError):
    pass


class EngineError(SizewiseError):
    pass


class BackendUnavailableError(EngineError):
    pass


class BuildError(EngineError):
    pass


class EngineMismatchError(EngineError):
    pass


class InferenceError(EngineError):
    pass


class RecordError(SizewiseError):
    pass


class DamagedRecordError(RecordError):
    pass


class SchemaVersionError(RecordError):
    pass


class EnvironmentMismatchError(RecordError):
    pass


class InstallConflictError(SizewiseError):
    pass


def _all_types(root: type[SizewiseError]) -> dict[str, type[SizewiseError]]:
    found = {root.__name__: root}
    for sub in root.__subclasses__():
        found |= _all_types(sub)
    return found


def error_from_json(data: dict[str, str]) -> SizewiseError:
    """The inverse of :meth:`SizewiseError.to_json`; an unknown type becomes its root."""
    kind = _all_types(SizewiseError).get(data["type"], SizewiseError)
    return kind(data["what"], data["why"], data["todo"], reason_code=data["reason_code"])
