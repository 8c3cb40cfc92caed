"""`RayEngine`: chunks on a Ray cluster, through Ray Data and a pool of actors.

Each actor loads the network once. A worker that dies is started again and its chunk tried once
more; a chunk that kills it again is lost, and the run goes on. The numbers that Ray Data sees are
texts: nothing depends on the versions of Python that pickle on either side.
"""

import logging
import os
import socket
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from phonodos.errors import ConfigError
from phonodos.screening.calculator import Calculator, Recipe
from phonodos.screening.chunks import Chunk, ahead
from phonodos.screening.engines import Result, cores
from phonodos.screening.messages import chunk_text, read_chunk, read_rows, rows_text

START_ONE = "start one (ray start --head) and give its address, or leave --address out"
PATIENCE = 10.0  # [s] for a cluster to answer
WAVE = 1024  # chunks handed to Ray Data at once: their texts are held in its object store
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else deaths of workers, which are counted here, fill stderr
}


class RayEngine:
    """A connection to a Ray cluster, or a local one that lives as long as this object.

    Parameters
    ----------
    recipe
        What to compute.
    workers
        Actors, a core each; as many as the cluster has cores if None.
    address
        Of a cluster, or ``auto``; None starts Ray on this machine (or uses a running connection).

    Raises
    ------
    ConfigError
        If Ray is not installed or the cluster is not reached.
    """

    def __init__(self, recipe: Recipe, workers: int | None, address: str | None) -> None:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._ray = _imported()
            self._mine = not self._ray.is_initialized()
            if self._mine:
                _connect(self._ray, workers, address)
        self._recipe = recipe
        self._workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def run(self, chunks: Iterable[Chunk]) -> Iterator[Result]:
        """Yield the chunks as they are done."""
        waves = ahead(_waves(chunks), 1)
        try:
            for wave in waves:
                yield from self._wave(wave)
        finally:
            waves.close()

    def _wave(self, wave: list[Chunk]) -> Iterator[Result]:
        left = dict(enumerate(wave))
        stream = self._texts([{"number": n, "text": chunk_text(c)} for n, c in left.items()])
        while True:
            # Ray warns of its own plans; not while the rows are with whoever asked for them.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    row = next(stream, None)
                except self._ray.exceptions.RayError as err:
                    raise ConfigError(
                        "Ray gave up",
                        str(err).strip().splitlines()[-1],
                        "look at the cluster (ray status); phonodos and the weights must be "
                        "installed on every machine",
                    ) from err
            if row is None:
                break
            yield left.pop(int(row["number"])), read_rows(str(row["text"]))
        for chunk in left.values():
            yield chunk, "the Ray worker died of it, probably for lack of memory"

    def _texts(self, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        from ray import data

        data.DataContext.get_current().max_errored_blocks = -1  # lost chunks are missed below
        size = min(self._workers, len(rows))
        flow = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            RayWorker,
            batch_size=1,
            compute=data.ActorPoolStrategy(size=size),
            fn_constructor_args=(self._recipe,),
            num_cpus=1,
            max_restarts=-1,
            max_task_retries=1,
        )
        yield from flow.iter_rows()

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        if self._mine:
            self._ray.shutdown()


class RayWorker:
    """What an actor runs: a calculator that reads and writes texts."""

    def __init__(self, recipe: Recipe) -> None:
        import torch

        torch.set_num_threads(1)
        self._calculator = Calculator(recipe)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Return number and rows of the one chunk in a batch."""
        rows = self._calculator.rows(read_chunk(str(batch["text"][0])))
        return {"number": [int(batch["number"][0])], "text": [rows_text(rows)]}


def _waves(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    stream = iter(chunks)
    while wave := list(islice(stream, WAVE)):
        yield wave


def _imported() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as err:
        raise ConfigError(
            "the engine ray needs Ray",
            f"it is not installed ({err})",
            "pip install 'phonodos[ray]', or use --engine pool",
        ) from err
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    return ray


def _connect(ray: Any, workers: int | None, address: str | None) -> None:
    if address is not None and ":" in address:
        _knock(address)
    local = {} if address else {"num_cpus": workers or cores(), "include_dashboard": False}
    try:
        ray.init(
            address=address or "local", logging_level=logging.CRITICAL, log_to_driver=False, **local
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as err:
        raise ConfigError(
            f"no Ray cluster at {address}" if address else "Ray does not start on this machine",
            str(err).strip().splitlines()[0],
            START_ONE,
        ) from err


def _knock(address: str) -> None:
    """Raise `ConfigError` if nobody listens at ``host:port``: Ray would ask for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except (OSError, ValueError, OverflowError) as err:
        raise ConfigError(f"no Ray cluster at {address}", str(err), START_ONE) from err
