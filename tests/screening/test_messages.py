"""Messages: what comes out is what went in, to the last bit."""

import numpy as np

from phonodos.errors import PhonodosError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.screening.chunks import Chunk, Lost
from phonodos.screening.items import Item, digest_of
from phonodos.screening.messages import answer_text, chunk_text, read_answer, read_chunk


def test_chunks_come_back_exactly(rng: np.random.Generator) -> None:
    sites = ({"Cu": 0.7, "Au": 0.3}, {"Zn": 1.0})
    crystal = Crystal(4.0 * np.eye(3) + 0.1 * rng.normal(size=(3, 3)), rng.random((2, 3)), sites)
    error = StructureError("a", "b", "c")
    chunk = Chunk((Item("é/1", 3, "f", "0", crystal), Item("2", 4, "f", "1", error)))
    first, second = read_chunk(chunk_text(chunk)).items
    assert isinstance(first.content, Crystal)
    assert digest_of(first.content) == digest_of(crystal)
    assert (first.id, first.position, first.source) == ("é/1", 3, "f")
    assert isinstance(second.content, PhonodosError)
    assert str(second.content) == str(error)


def test_rows_come_back_exactly(rng: np.random.Generator) -> None:
    row = {"id": "x", "c": rng.random(), "dos": rng.random(5).astype(np.float32), "none": None}
    back = read_answer(answer_text(row))
    assert isinstance(back, dict)
    assert (back["id"], back["c"], back["none"]) == ("x", row["c"], None)
    np.testing.assert_array_equal(np.array(back["dos"], dtype=np.float32), row["dos"])
    assert read_answer(answer_text(Lost((), "MemoryError", late=True))) == ("MemoryError", True)
