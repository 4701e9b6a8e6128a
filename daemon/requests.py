"""How a command asks a running daemon to do something: a file in, a file out, each renamed into place.

A lake has one writer. A command that writes takes the writer's lock if it is free, and asks its holder if it is not.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pointline.config import LakePaths
from pointline.errors import LakeInUse, PointlineError
from pointline.io.durable import make_folder, replace_file
from pointline.io.lock import LakeLock, describe_holder

ANSWER_SECONDS = 60.0
LOOK_SECONDS = 0.05
STALE_SECONDS = 3600.0

Request = dict[str, Any]
Handler = Callable[[Request], Request]


def do_or_ask(
    paths: LakePaths, request: Request, do: Handler, *, purpose: str, patience: float = ANSWER_SECONDS
) -> Request:
    """Do it here under the writer's lock, or have the lock's holder do it.

    Raises LakeInUse where the holder does not answer, PointlineError where it answers with an error.
    """
    try:
        with LakeLock(paths.lock_file, purpose=purpose):
            return do(request)
    except LakeInUse:
        return _ask(paths, request, patience)


def _ask(paths: LakePaths, request: Request, patience: float) -> Request:
    make_folder(paths.requests)
    name = uuid.uuid4().hex
    question, answer = paths.requests / f"{name}.json", paths.requests / f"{name}.answer"
    replace_file(question, json.dumps(request).encode(), flush=False)
    deadline = time.monotonic() + patience
    while not answer.exists():
        if time.monotonic() > deadline:
            question.unlink(missing_ok=True)
            holder = describe_holder(paths.lock_file)
            raise LakeInUse(
                f"{holder} has the lake and does not answer", subject=str(paths.root), hint="stop it and try again"
            )
        time.sleep(LOOK_SECONDS)
    found: Request = json.loads(answer.read_text())
    answer.unlink(missing_ok=True)
    if "error" in found:
        raise PointlineError(str(found["error"]), hint=str(found.get("hint", "")))
    return found


def serve(folder: Path, handlers: Mapping[str, Handler], *, elsewhere: Collection[str] = ()) -> None:
    """Answer the requests that lie there, but those that another part of the daemon answers. One look at a folder."""
    try:
        names = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except FileNotFoundError:
        return
    for question in names:
        # Whoever asked may give up or fetch the answer at any moment; a disk too full for it is tried again.
        with suppress(OSError):
            if time.time() - question.stat().st_mtime > STALE_SECONDS:
                question.unlink()  # nobody came for it
            elif question.suffix == ".json" and (answer := _answer(question, handlers, elsewhere)) is not None:
                replace_file(question.with_suffix(".answer"), json.dumps(answer).encode(), flush=False)
                question.unlink()


def _answer(question: Path, handlers: Mapping[str, Handler], elsewhere: Collection[str]) -> Request | None:
    """Return the answer, or None where the request is for another part of the daemon."""
    try:
        request: Request = json.loads(question.read_text())
        command = request["command"]
        return None if command in elsewhere else handlers[command](request)
    except FileNotFoundError:
        return None  # its asker gave up
    except PointlineError as error:
        return {"error": str(error), "hint": error.hint}
    except (ValueError, KeyError, TypeError, OSError) as error:
        return {"error": f"the daemon does not understand the request ({error!r})", "hint": "use the same version"}
