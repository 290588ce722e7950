"""Signals that end a command: Ctrl-C (SIGINT), SIGTERM, and SIGHUP of a terminal that closes.

The system would end a process by the last two where it stands, and leave drafts of engines and
temporary files. Here all three interrupt the work as Ctrl-C does, by KeyboardInterrupt: so whatever
is at work ends its children and removes what is not whole.

Python hears a signal when a library gives control back. One that never does, as with a loop in a
model that has no end, is left all the same: a thread of ours waits for that.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
_CLEARING_S = 10.0
"""So long, a further signal is the same wish: a shell and its wrapper may both pass on a Ctrl-C,
and a second interruption would leave what the first one has removed half."""
_IMPORTING_S = 15.0
_DEAF_S = 30.0
"""So long, a library may keep control after a signal."""
_SOON_S = 0.05
_IMPORT = "<frozen importlib._bootstrap"
_LOCKING = ("__enter__", "__exit__", "_acquire_restore")
"""Of ``threading``: an interruption within would leave a lock that nobody gives back."""
_HERE = sys.platform != "win32"


class Interruptions:
    """What interrupts a command, from :meth:`listen` to the end of the process.

    Where nothing is at work, nothing needs to be removed, and a signal ends the process at once.
    """

    def __init__(self) -> None:
        self._numbers: list[signal.Signals] = []
        self._number = 0
        self._heard_s = 0.0
        self._at_work = False
        self._told: socket.socket | None = None
        """Signals come out of it; open to the end, or the system's part of Python complains."""

    @property
    def heard(self) -> bool:
        """Whether a signal interrupted the command: an error after it is a consequence."""
        return self._number != 0

    @property
    def code(self) -> int:
        """The exit code as shells know it: 128 and the signal's number."""
        return 128 + (self._number or signal.SIGINT)

    @property
    def sentence(self) -> str:
        number = self._number or signal.SIGINT
        by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
        return f"Interrupted{by}. Finished work is kept; the same command resumes."

    def listen(self) -> None:
        """Hear signals from now on, but for those that are ignored, as after ``nohup``."""
        for name in _ENDING:
            number = getattr(signal, name, None)
            unheard = (signal.SIG_DFL, signal.default_int_handler)
            if number is not None and signal.getsignal(number) in unheard:
                signal.signal(number, self._hear)
                self._numbers.append(number)
        if _HERE:
            signal.signal(signal.SIGALRM, self._try_again)
            self._watch()
        sys.unraisablehook = self._unraised
        atexit.register(self._deafen)  # so it comes after what others register

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Within the block, a signal raises KeyboardInterrupt."""
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False
            self._soon(0.0)  # Python gives the alarm back to the system when it ends

    def _watch(self) -> None:
        """Have a thread wait for signals, which the system's part of Python passes on at once."""
        told, tells = socket.socketpair()
        self._told = told
        tells.setblocking(False)
        signal.set_wakeup_fd(tells.detach(), warn_on_full_buffer=False)
        threading.Thread(target=self._wait, args=(told,), daemon=True).start()

    def _wait(self, told: socket.socket) -> None:
        while not (ending := set(told.recv(64)) & set(self._numbers)):
            pass
        end_s = time.monotonic() + _DEAF_S
        while not self.heard:
            if time.monotonic() > end_s:
                self._number = ending.pop()
                self._leave(say=True)
            time.sleep(_SOON_S)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        is_first = not self.heard
        self._number = self._number or number
        if not self._at_work:
            self._leave(say=is_first)
        if is_first or time.monotonic() - self._heard_s > _CLEARING_S:
            self._heard_s = time.monotonic()
            self._interrupt(frame)

    def _try_again(self, number: int, frame: FrameType | None) -> None:
        del number
        if self._at_work:
            self._interrupt(frame)

    def _interrupt(self, frame: FrameType | None) -> None:
        """Interrupt the work, as soon as that can be: libraries take an interruption in the middle
        of an import for a part of them that is missing."""
        waited_s = time.monotonic() - self._heard_s
        if _HERE and waited_s < _IMPORTING_S and _can_not_be(frame):
            self._soon()
            return
        raise KeyboardInterrupt

    def _unraised(self, found: Any) -> None:
        """Where Python passes no error on, as in ``__del__``, an interruption is raised again."""
        is_ours = self.heard and issubclass(found.exc_type, KeyboardInterrupt)
        if _HERE and is_ours and self._at_work:
            self._soon()
        else:
            sys.__unraisablehook__(found)

    def _soon(self, seconds: float = _SOON_S) -> None:
        """Try again then; 0: never."""
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def _deafen(self) -> None:
        """Nothing more is done but to give memory back; Python leaves signals to the system before
        that, and the exit code would be another."""
        for number in self._numbers:
            signal.signal(number, signal.SIG_IGN)

    def _leave(self, *, say: bool) -> NoReturn:
        if say:
            with contextlib.suppress(OSError):  # the terminal is gone
                os.write(2, f"sizewise: {self.sentence}\n".encode())
        os._exit(self.code)


def _can_not_be(frame: FrameType | None) -> bool:
    """Whether an import is under way in this stack of frames, or a lock is taken or given back."""
    while frame is not None:
        code = frame.f_code
        locks = code.co_name in _LOCKING and code.co_filename.endswith("threading.py")
        if locks or code.co_filename.startswith(_IMPORT):
            return True
        frame = frame.f_back
    return False
