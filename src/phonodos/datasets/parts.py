"""`Parts`: a data set that grows on disk, batch by batch, so that a killed run can go on."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phonodos.datasets.columns import METADATA_KEY, schema
from phonodos.datasets.dataset import unwritable, write_dataset
from phonodos.errors import ConfigError, DataError


class Parts:
    """Batches of rows in a folder beside the output; `join` makes one file of them.

    Parameters
    ----------
    output
        The data set to be; the parts lie in ``<output>.parts``.
    settings
        What the rows depend on: parts made with other settings are of no use.
    resume
        Whether to go on with parts that are there; else they are thrown away.

    Raises
    ------
    ConfigError
        If parts are there that were made with other settings.
    """

    def __init__(self, output: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
        self._output = output
        self._folder = output.with_name(output.name + ".parts")
        self._settings = json.loads(json.dumps(dict(settings)))
        # Names in the source that need no second look: written now or before, or failed now. What
        # failed in an earlier run is tried again: its files may have been mended since.
        self.done: set[str] = set()
        self.ids: set[str] = set()
        self.failed: dict[str, str] = {}
        self._kept: list[Path] = []
        if resume:
            self._read()
        if not self._kept and self._folder.exists():
            shutil.rmtree(self._folder)

    def _read(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        for path in sorted(self._folder.glob("*.parquet")):
            try:
                header = json.loads(pq.read_schema(path).metadata[METADATA_KEY])
                ids = pq.read_table(path, columns=["id"]).column("id").to_pylist()
            except (pa.ArrowException, OSError, KeyError, TypeError):
                continue  # of another version, or damaged: made again
            self._check(header.get("settings", {}))
            self._kept.append(path)
            self.ids |= set(ids)
            self.done |= set(header["done"]) - set(header["failed"])

    def _check(self, theirs: Mapping[str, Any]) -> None:
        ours = self._settings
        other = [k for k in {**theirs, **ours} if theirs.get(k) != ours.get(k)]
        if not other:
            return
        shown = "; ".join(f"{k} was {theirs.get(k)!r}, is now {ours.get(k)!r}" for k in other)
        raise ConfigError(
            f"an unfinished run for {self._output} was made with other settings",
            f"{shown} (its parts are in {self._folder})",
            "give the settings it was begun with, or another output, or begin anew with --restart",
        )

    @property
    def written(self) -> int:
        """Number of rows."""
        return len(self.ids)

    def column(self, name: str) -> list[Any]:
        """Return a column of all rows, in the order they will have."""
        import pyarrow.parquet as pq

        parts = [pq.read_table(path, columns=[name]).column(name) for path in self._kept]
        return [value for part in parts for value in part.to_pylist()]

    def add(
        self, rows: Sequence[Mapping[str, Any]], done: Sequence[str], failed: Mapping[str, str]
    ) -> None:
        """Write one batch; one without rows is remembered, but not beyond this run."""
        self.done |= set(done)
        self.failed |= failed
        self.ids |= {row["id"] for row in rows}
        if not rows:
            return
        header = {"settings": self._settings, "done": list(done), "failed": dict(failed)}
        numbers = [int(path.stem) for path in self._folder.glob("*.parquet")]
        path = self._folder / f"{max(numbers, default=0) + 1:05d}.parquet"
        write_dataset(path, rows, header)
        self._kept.append(path)

    def join(self, provenance: Mapping[str, Any]) -> None:
        """Write the data set from the parts, atomically, and remove them.

        Raises
        ------
        DataError
            If there are no rows, or the disk refuses.
        """
        import pyarrow.parquet as pq

        if not self._kept:
            raise DataError("nothing to write", "there are no records", "check the source")
        partial = self._output.with_name(self._output.name + ".partial")
        whole = schema(provenance)
        try:
            with pq.ParquetWriter(partial, whole, compression="zstd") as writer:
                for path in self._kept:
                    table = pq.read_table(path)
                    writer.write_table(table.replace_schema_metadata(whole.metadata))
            partial.replace(self._output)
        except OSError as err:
            partial.unlink(missing_ok=True)
            raise unwritable(self._output, err) from err
        shutil.rmtree(self._folder, ignore_errors=True)
