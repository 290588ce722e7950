"""What processes that want the same engine owe each other, and what they say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engines.base import Backend
from engines.store.finding import Unfit
from engines.store.locks import alone, if_free
from engines.store.names import asides_of, clear_drafts, discard, drafts_of, lock_of, set_aside
from engines.store.signing import why_no_key
from engines.store.using import is_open
from sizewise.core.errors import BuildError
from sizewise.core.files import output_error
from sizewise.core.holding.locks import NoLocksError
from sizewise.core.options.declared import spelled

Remark = Callable[[str], None]
_MARGIN_S = 60.0
"""What a build takes beside the time that its limit counts."""
_said: set[str] = set()
"""What holds for all engines of this process is said once."""


@contextmanager
def sole_builder(home: Path, timeout_s: float, remark: Remark) -> Iterator[bool]:
    """Whether no other process builds ``home`` within the block; false where there are no locks.

    It waits for one that does. Raises BuildError (``timeout``) where that takes longer than
    ``timeout_s``, in which a build ends, and OutputError.
    """
    patience_s = timeout_s + _MARGIN_S
    waiting = f"Another process is building {home.name}: waiting for it."
    with ExitStack() as held:
        try:
            held.enter_context(
                alone(lock_of(home), patience_s=patience_s, waits=lambda: remark(waiting))
            )
            is_sole = True
        except NoLocksError:
            is_sole = False
            _say_once(
                f"{home.parent} has no locks between processes: engines are built there without "
                "waiting for each other.",
                remark,
            )
        except TimeoutError as error:
            raise _kept_waiting(home, patience_s) from error
        except OSError as error:
            raise output_error(home, error) from error
        yield is_sole


def clear_dead_drafts(home: Path) -> None:
    """Remove what builders that died left of an engine which is there."""
    if any(drafts_of(home)):
        with if_free(lock_of(home)) as free:
            if free:
                clear_drafts(home)


def move_aside(home: Path, unfit: Unfit, remark: Remark) -> None:
    """Make room for an engine where another thing lies, and say so. Of what was moved aside before,
    nothing stays but what is in use. Raises OutputError."""
    before = list(asides_of(home))
    if aside := set_aside(home):
        remark(
            f"The engine {home} was not used: {unfit.why}. It is now {aside.name}, and is built "
            "anew."
        )
        for one in before:
            if not is_open(one):
                discard(one)


def remark_without_key(backend: Backend, remark: Remark) -> None:
    """Say it where the user can have no key. Raises OutputError where ``backend`` needs one,
    InputError where theirs can't be used."""
    if error := why_no_key(is_needed=backend.native_code):
        _say_once(
            f"Engines are not signed: {error.why}. They are used again while nobody but you may "
            f"write them. {error.todo}",
            remark,
        )


def _say_once(text: str, remark: Remark) -> None:
    if text not in _said:
        _said.add(text)
        remark(text)


def _kept_waiting(home: Path, waited_s: float) -> BuildError:
    return BuildError(
        f"The engine {home} was not built",
        f"another process has been at it for {waited_s:.0f} s",
        f"End that process, or choose another folder with {spelled('out')}.",
        reason_code="timeout",
    )
