"""Files that a run leaves: written beside their place and put there in one step, so that no moment
shows half of one.

A full disk, a kill or a power cut leaves what was there before, or the whole of what is new. The
one thing that can be left over is a file ``.*.part``, which nothing reads.
"""

from __future__ import annotations

import os
import re
import secrets
import zlib
from pathlib import Path

from theorems.impl.errors import InputError

_LONGEST_NAME = 120
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a whole file, or leave what was there.

    A link is followed; a device or a pipe (``/dev/stdout``) is written to as it is, since it cannot
    be replaced.

    Raises:
        InputError: if it cannot be written; the message has the reason that the system gives.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        _put(target, data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _put(target: Path, data: bytes) -> None:
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(None, "it is read-only")  # to replace it would ask nobody
    beside = target.with_name(f".{secrets.token_hex(6)}.part")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def require_target(path: Path | None, option: str) -> None:
    """Refuse a file that cannot be written before any work is done; a byte is written beside it and
    taken away again.

    Raises:
        InputError: if its folder does not exist or takes no file, or if it is a folder, or
            read-only.
    """
    if path is None:
        return
    where = path.resolve()
    if not where.parent.is_dir():
        raise InputError(f"expected {option} in an existing folder, got {str(path)!r}")
    if where.is_dir():
        raise InputError(f"expected {option} to be a file, got the folder {str(path)!r}")
    if where.exists() and not os.access(where, os.W_OK):
        raise InputError(
            f"expected {option} to be a file that can be written, got {str(path)!r}, which "
            "is read-only"
        )
    if not where.exists() or where.is_file():
        _probe(where.parent, option, path)


def require_folder(path: Path | None, option: str) -> None:
    """Refuse what cannot be a folder of new files before any work is done; missing parents are made
    later.

    Raises:
        InputError: if it, or what it would lie in, is a file or takes no file.
    """
    if path is not None:
        there = next(part for part in (path.resolve(), *path.resolve().parents) if part.exists())
        if not there.is_dir():
            raise InputError(f"expected {option} to be a folder, got the file {str(there)!r}")
        _probe(there, option, path)


def _probe(folder: Path, option: str, path: Path) -> None:
    probe = folder / f".{secrets.token_hex(6)}.part"
    try:
        try:
            probe.write_bytes(b"\n")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"expected {option} to be a place that can be written to, got {str(path)!r}: "
            f"{error.strerror or error}"
        ) from error


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"expected {str(path)!r} to be written, but {error.strerror or error}; what was "
        "there is as it was"
    )


def file_name(name: str) -> str:
    """A name in words as the name of a file on any system, without its suffix: no separator, no
    control character, not too long.
    """
    safe = re.sub(r"[^\w.-]+", "-", name)
    odd = (
        safe.startswith("-")
        or len(safe.encode()) > _LONGEST_NAME
        or _RESERVED.fullmatch(safe) is not None
    )
    if not odd:
        return safe
    cut = safe.lstrip("-").encode()[:_LONGEST_NAME].decode(errors="ignore")
    return f"{cut}-{zlib.crc32(name.encode()):08x}"
