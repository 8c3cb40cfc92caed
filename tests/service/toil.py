"""What the workers of these tests do: what the name of a file says, as real ones might."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.screening.source import Item
from phonodos.service.dispatch import END, Numbered, Work
from phonodos.service.tasks import Predict, Read, Screen
from phonodos.service.work import Answer


def start() -> Work:
    return work


def work(numbered: Numbered) -> Iterator[Numbered]:
    number, task = numbered
    if isinstance(task, Predict):
        act(task.file.stem, Path(task.file.path).parent.parent)
        yield number, Answer(task.file.stem, b'{"name":"%b"}' % task.file.stem.encode())
    elif isinstance(task, Read):
        for place, file in enumerate(task.files):
            crystal = Crystal.ordered([[5, 0, 0], [0, 5, 0], [0, 0, 5]], [[0, 0, 0]], ["Si"])
            yield number, Item(file.stem, place, file.name, f"{place}", crystal)
    elif isinstance(task, Screen):
        act(task.item.id, Path())
        row = {"id": task.item.id, "status": "ok", "position": task.item.position, "n_atoms": 1}
        yield number, (row | {"digest": task.item.digest}, None)
    else:
        act(task, Path())
        yield number, task
    yield number, END


def act(words: str, place: Path) -> None:
    word, _, value = words.partition(" ")
    if word == "sleep":
        time.sleep(float(value))
    if word == "hold":
        for _ in range(1000):
            if (place / "release").exists():
                return
            time.sleep(0.01)
    if word == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "once":
        diary = Path(value) if value else place / "diary"
        if not diary.exists():
            diary.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if word == "wrong":
        raise StructureError("wrong", "on purpose", "nothing")
