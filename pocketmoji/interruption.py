"""A Ctrl-C that cannot get lost.

Python turns SIGINT into KeyboardInterrupt wherever the main thread happens to be. Inside a library's callback that can
end as a line "Exception ignored in ...", and the command goes on. The signal is therefore noted beside it, without
another handler (asyncio behaves differently under one), and looked for between two pieces of work.
"""

from __future__ import annotations

import os
import signal
import threading

_reading: int | None = None


def listen() -> None:
    """From here on `check` knows of every SIGINT; those before, or that were meant as a normal end, are forgotten. Only
    the main thread can listen."""
    global _reading
    if threading.current_thread() is not threading.main_thread():
        return
    if _reading is None:
        _reading, writing = os.pipe()
        os.set_blocking(_reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    _received()


def check() -> None:
    """KeyboardInterrupt if there was a SIGINT since the last look, whether or not one was raised for it already."""
    if _received():
        raise KeyboardInterrupt


def _received() -> bool:
    if _reading is None:
        return False
    try:
        return signal.SIGINT in os.read(_reading, 4096)
    except BlockingIOError:
        return False
