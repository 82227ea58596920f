"""What Windows refuses, as far as Linux can act it, for the process that asks for it; not to be taken back.

There: no fcntl, no os.pread, fewer signals; a file that this process has open is neither deleted nor replaced, a byte
that is locked cannot be read by others, and no folder is opened. Run as a module, it is the command `octseg` there.
"""

import fcntl
import importlib
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

HANDLES = Path("/proc/self/fd")
ABSENT = {os: ("pread",), signal: ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")}
LOCKING = "octseg.export.locking"


def write_text_as_there(
    path: Path, data: str, encoding: str | None = None, *_: object, newline: str | None = None
) -> int:
    """`Path.write_text` there: two bytes end a line where nothing else is asked for."""
    return path.write_bytes(data.replace("\n", "\r\n" if newline is None else newline).encode(encoding or "cp1252"))


def can_be_had() -> bool:
    return HANDLES.is_dir()


def from_now_on() -> None:
    """Call it before anything of octseg is imported."""
    assert not any(name.startswith("octseg.") for name in sys.modules)
    platform = sys.platform
    sys.modules["msvcrt"], sys.modules["fcntl"] = _msvcrt(), None  # type: ignore[assignment]
    sys.platform = "win32"
    importlib.import_module(LOCKING)
    del sys.modules["msvcrt"]  # of which, as of the platform, packages would take it that all of Windows is here
    sys.platform = platform
    for module, names in ABSENT.items():
        for name in names:
            delattr(module, name)
    sys.addaudithook(_refuse)


def _msvcrt() -> ModuleType:
    module = ModuleType("msvcrt")
    vars(module).update(LK_NBLCK=2, locking=_locking)
    return module


def _locking(handle: int, _mode: int, _bytes: int) -> None:
    if os.lseek(handle, 0, os.SEEK_CUR) < os.fstat(handle).st_size:
        raise AssertionError("a byte is locked that others are to read")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PermissionError(13, "Permission denied") from error


def _is_ours() -> bool:
    """Whether our own code asks; what removes folders on Linux opens them, and on Windows does not."""
    return str(sys._getframe(2).f_globals.get("__name__")).startswith(("octseg.", "train."))


def _refuse(event: str, given: tuple[object, ...]) -> None:
    if event == "open" and isinstance(given[0], str) and Path(given[0]).is_dir() and _is_ours():
        raise PermissionError(13, "Permission denied", given[0])
    if event not in ("os.remove", "os.rename"):
        return
    paths = {Path.cwd() / each for each in given[:2] if isinstance(each, (str, Path))}
    for handle in HANDLES.iterdir():
        with suppress(FileNotFoundError):  # that of the listing itself
            held = handle.readlink()
            if paths & {held, *held.parents}:
                raise PermissionError(13, "it is being used by another process", str(held))


if __name__ == "__main__":
    from_now_on()
    from octseg.cli import main

    sys.exit(main())
