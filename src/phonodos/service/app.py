"""The application: addresses of the REST interface and of the page, and what each answers."""

import asyncio
import gzip
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from phonodos.errors import PhonodosError
from phonodos.service.dispatch import Dispatcher, Gone, Work
from phonodos.service.guard import Guard, problem_response
from phonodos.service.inputs import check_number, files_of, found_of, one_of
from phonodos.service.jobs import Jobs
from phonodos.service.limits import Limits
from phonodos.service.models import examples, model_list, model_record
from phonodos.service.openapi import API, DESCRIPTION, documented
from phonodos.service.orders import (
    AlloyOptions,
    CompareOptions,
    JobOptions,
    Options,
    PredictOptions,
    check_model,
)
from phonodos.service.pages import Pages, static_folder
from phonodos.service.problems import Refused, fault, problem, status_of
from phonodos.service.tasks import Compare, Mix, Predict, Setting, Stored
from phonodos.service.uploads import Body, Workspace, read_body
from phonodos.service.work import Answer, start_work
from phonodos.version import __version__

WORTH_PACKING = 2048  # bytes of an answer
ARRIVING = 8  # requests under way, their uploads included, for every one that may wait
CLIENT_GONE = 499  # nobody sees it
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass
class Service:
    """What the application works with.

    Attributes
    ----------
    default, models
        Name of the default weights; name -> file of all that are served.
    limits
        How much is taken.
    workers
        How many processes predict.
    static
        Folder of the built page.
    broken
        Called when no worker will ever answer.
    start
        What workers start with instead of predictors.
    """

    default: str
    models: dict[str, str]
    limits: Limits = field(default_factory=Limits)
    workers: int = 1
    static: Path = field(default_factory=static_folder)
    broken: Callable[[PhonodosError], None] = lambda _: None
    start: Callable[[], Work] | None = None
    arriving: int = field(default=0, init=False)
    begun: float = field(default_factory=time.monotonic)
    dispatcher: Dispatcher = field(init=False)
    jobs: Jobs = field(init=False)
    workspace: Workspace = field(init=False)
    pages: Pages = field(init=False)

    @asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """Hold workers and the temporary folder as long as the application runs."""
        self.begun = time.monotonic()
        self.pages = Pages(self.static)
        self.workspace = Workspace()
        setting = Setting(self.models, self.default, self.limits)
        start = self.start or partial(start_work, setting)
        self.dispatcher = Dispatcher(start, self.workers, self.limits, self.broken)
        self.jobs = Jobs(self.dispatcher, self.limits, self.models)
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            self.dispatcher.stop()
            await self.jobs.close()
            await asyncio.to_thread(self.dispatcher.close)
            self.workspace.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(60.0)
            self.jobs.sweep()

    @contextmanager
    def room(self) -> Iterator[Path]:
        """Yield a folder for a request; raise `Refused` (503) where too many are under way."""
        self.dispatcher.check_room()
        if self.arriving >= ARRIVING * self.limits.waiting:
            raise Refused(
                "the service is busy",
                f"{self.arriving} requests are under way, as many as may",
                "try again in a few seconds",
                503,
                {"Retry-After": "5"},
            )
        self.arriving += 1
        try:
            with self.workspace.folder() as folder:
                yield folder
        finally:
            self.arriving -= 1

    def options(self, kind: type[Options], body: Body) -> Any:
        """Return the checked options of a request."""
        found = kind.of(body.fields)
        check_model(found.model, list(self.models))
        return found

    async def ask(self, request: Request, task: Any, name: str) -> list[Answer]:
        """Return what a worker answers, unless whoever asked is gone."""
        return await self.dispatcher.ask(task, name, _gone(request))


async def _gone(request: Request) -> None:
    """Return when the other end has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def application(
    service: Service, hosts: Iterable[str] = (), origins: Sequence[str] = ()
) -> ASGIApp:
    """Return the whole application, guarded (`phonodos.service.guard.Guard`)."""
    app = FastAPI(
        title="phonodos",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
        lifespan=service.running,
    )
    app.add_exception_handler(PhonodosError, _told)
    app.add_exception_handler(HTTPException, _told_http)
    app.add_exception_handler(RequestValidationError, _told_invalid)
    app.add_exception_handler(ClientDisconnect, _nobody)
    app.add_exception_handler(Gone, _nobody)
    app.add_exception_handler(Exception, _told_fault)
    _informing(app, service)
    _predicting(app, service)
    _studying(app, service)
    _working(app, service)
    _showing(app, service)
    inner: ASGIApp = app
    if origins:
        inner = CORSMiddleware(
            app, allow_origins=list(origins), allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Content-Type"], expose_headers=["Retry-After"], max_age=600,
        )  # fmt: skip
    return Guard(inner, hosts, origins)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, PhonodosError)
    answer = problem_response(problem(error, request.url.path), status_of(error))
    answer.headers.update(getattr(error, "headers", {}))
    return answer


async def _told_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reasons = {404: "no such address", 405: f"{request.method} is not understood there"}
    refusal = Refused(
        f"{request.method} {request.url.path[:120]} is not answered",
        reasons.get(error.status_code, str(error.detail)),
        f"see {API}/openapi.json",
        error.status_code,
        dict(error.headers or {}),
    )
    return await _told(request, refusal)


async def _told_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = str(first["loc"][-1])[:60]
    refusal = Refused(
        f"{where}: {first['msg']}", "it is not what it may be", f"see {API}/openapi.json"
    )
    return await _told(request, refusal)


async def _told_fault(request: Request, _: Exception) -> Response:
    """Tell of a fault; the server prints the error itself."""
    return await _told(request, fault())


async def _nobody(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return Response(None, CLIENT_GONE)


def _informing(app: FastAPI, service: Service) -> None:
    @app.get(f"{API}/health", **documented("health"))
    async def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "version": __version__,
            "model": service.default,
            "uptime_s": round(time.monotonic() - service.begun, 3),
            **service.dispatcher.state,
            "jobs": len(service.jobs.known),
            "limits": {
                "atoms": service.limits.atoms,
                "file_bytes": service.limits.file_bytes,
                "upload_bytes": service.limits.upload_bytes,
                "seconds": service.limits.seconds,
                "together": service.limits.together,
                "job_crystals": service.limits.job_crystals,
            },
        }

    @app.get(f"{API}/models", **documented("models"))
    async def models() -> dict[str, Any]:
        return await asyncio.to_thread(model_list, service.default, service.models)

    @app.get(API + "/models/{name}", **documented("model"))
    async def model(request: Request, name: str) -> Response:
        check_model(name, list(service.models))
        record = await asyncio.to_thread(model_record, name, service.models[name])
        return await _packed(request, json.dumps(record).encode())

    @app.get(f"{API}/examples", **documented("examples"))
    async def six() -> dict[str, Any]:
        return await asyncio.to_thread(examples)


def _predicting(app: FastAPI, service: Service) -> None:
    async def answers(request: Request, form: str) -> list[Answer]:
        with service.room() as folder:
            body = await read_body(request, folder, service.limits)
            files = files_of(body, folder)
            options = service.options(PredictOptions, body)
            check_number(files, service.limits)
            order = options.order(service.limits)
            found: list[Answer] = []
            for file in files:  # one after the other: no request holds more than one worker
                if len(found) > service.limits.together:
                    break
                found += await _asked(service, request, Predict(file, order, form), file)
            return found

    @app.post(f"{API}/predict", **documented("predict"))
    async def predict(request: Request) -> Response:
        found = await answers(request, "json")
        if len(found) == 1:
            return await _packed(request, _content(found[0]))
        return await _packed(request, _several(found, request.url.path))

    @app.post(f"{API}/files", **documented("files"))
    async def files(request: Request) -> Response:
        answer = _only(await answers(request, "files"))
        return _download(_content(answer), f"{answer.name}.zip", "application/zip")

    @app.post(f"{API}/html", **documented("html"))
    async def html(request: Request) -> Response:
        answer = _only(await answers(request, "html"))
        return _download(_content(answer), f"{answer.name}.html", "text/html; charset=utf-8")


def _studying(app: FastAPI, service: Service) -> None:
    @app.post(f"{API}/alloy", **documented("alloy"))
    async def alloy(request: Request) -> Response:
        with service.room() as folder:
            body = await read_body(request, folder, service.limits)
            first = one_of(body, folder, "file", "structure")
            second = found_of(body, folder, "second")
            options = service.options(AlloyOptions, body)
            limits = service.limits
            if not 0 < len(options.x) <= limits.compositions:
                raise Refused(
                    f"{len(options.x)} compositions",
                    f"there may be 1 to {limits.compositions}",
                    "ask for x=0,0.25,0.5,0.75,1",
                )
            order, kelvin = options.order(limits), options.temperature
            task = Mix(first, second, options.rules(), options.x, order, kelvin)
            (answer,) = await service.ask(request, task, first.name)
            return await _packed(request, _content(answer))

    @app.post(f"{API}/compare", **documented("compare"))
    async def compare(request: Request) -> Response:
        with service.room() as folder:
            body = await read_body(request, folder, service.limits)
            file = one_of(body, folder, "file", "structure")
            reference = one_of(body, folder, "reference", "reference")
            options = service.options(CompareOptions, body)
            order = options.order(service.limits)
            task = Compare(file, reference, order, options.settings())
            (answer,) = await service.ask(request, task, file.name)
            return await _packed(request, _content(answer))


async def _asked(service: Service, request: Request, task: Predict, file: Stored) -> list[Answer]:
    """Return the answers to one of several files; what loses its worker is an answer as well."""
    try:
        return await service.ask(request, task, file.name)
    except Refused as error:
        if error.status == 503:
            raise
        return [Answer(file.stem, error)]
    except PhonodosError as error:
        return [Answer(file.stem, error)]


def _working(app: FastAPI, service: Service) -> None:
    @app.post(f"{API}/jobs", status_code=202, **documented("jobs"))
    async def create(request: Request) -> Response:
        service.jobs.check_room()
        folder = service.workspace.make()
        try:
            body = await read_body(request, folder, service.limits)
            files = files_of(body, folder)
            options = service.options(JobOptions, body)
            name = options.model or service.default
            job = service.jobs.start(folder, files, options, name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        address = f"{API}/jobs/{job.id}"
        return JSONResponse({"id": job.id, "url": address}, 202, headers={"Location": address})

    @app.get(API + "/jobs/{job_id}", **documented("job"))
    async def job(job_id: str) -> dict[str, Any]:
        return service.jobs.job(job_id).record

    @app.delete(API + "/jobs/{job_id}", status_code=204, **documented("delete"))
    async def delete(job_id: str) -> Response:
        await service.jobs.delete(job_id)
        return Response(None, 204)

    @app.get(API + "/jobs/{job_id}/rows", **documented("rows"))
    async def rows(
        request: Request, job_id: str, sort: str | None = None, descending: bool = False,
        offset: int = 0, limit: int = 100,
    ) -> Response:  # fmt: skip
        found = service.jobs.job(job_id)
        async with found.lock:
            page = await asyncio.to_thread(found.page, sort, descending, offset, limit)
        return await _packed(request, json.dumps(page).encode())

    @app.get(API + "/jobs/{job_id}/table.csv", **documented("csv"))
    async def csv(job_id: str) -> Response:
        found = service.jobs.job(job_id)
        async with found.lock:
            text = await asyncio.to_thread(found.csv)
        return _download(text.encode(), "phonodos.csv", "text/csv; charset=utf-8")

    @app.get(API + "/jobs/{job_id}/table.parquet", **documented("parquet"))
    async def parquet(job_id: str) -> Response:
        found = service.jobs.job(job_id)
        path = found.folder / "table.parquet"
        if found.state == "running" or not path.exists():
            raise Refused(
                "the table is not finished",
                f"the job is {found.state}, with {found.done} rows",
                "wait until its state is done; /rows and /table.csv show what there is",
                409,
            )
        return FileResponse(
            path, filename="phonodos.parquet", media_type="application/octet-stream"
        )


def _showing(app: FastAPI, service: Service) -> None:
    @app.get("/{name:path}", include_in_schema=False)
    async def page(request: Request, name: str) -> Response:
        if known := _other_methods(app, request):
            raise HTTPException(405, headers={"Allow": ", ".join(known)})
        return service.pages.answer(request, name)


def _other_methods(app: FastAPI, request: Request) -> list[str]:
    """Return the methods that the address of a request does answer, sorted."""
    found: set[str] = set()
    for route in app.routes:
        if route.matches(request.scope)[0] is Match.PARTIAL and isinstance(route, Route):
            found |= route.methods or set()
    return sorted(found)


def _only(answers: Sequence[Answer]) -> Answer:
    if len(answers) != 1:
        raise Refused(
            f"{len(answers)} structures", "files and pages are made of one", "send one of them"
        )
    return answers[0]


def _content(answer: Answer) -> bytes:
    if isinstance(answer.content, PhonodosError):
        raise answer.content
    return answer.content


def _several(answers: Sequence[Answer], path: str) -> bytes:
    """Return answers as one document of JSON; reports are put in as they are, to the bit."""
    parts = []
    for answer in answers:
        name = json.dumps(answer.name).encode()
        if isinstance(answer.content, PhonodosError):
            record = json.dumps(problem(answer.content, path)).encode()
            parts.append(b'{"name":%b,"problem":%b}' % (name, record))
        else:
            parts.append(b'{"name":%b,"report":%b}' % (name, answer.content))
    return b'{"results":[' + b",".join(parts) + b"]}"


async def _packed(request: Request, content: bytes) -> Response:
    """Return JSON, compressed where that is understood."""
    headers = {"Vary": "Accept-Encoding"}
    if len(content) > WORTH_PACKING and "gzip" in request.headers.get("accept-encoding", ""):
        content = await asyncio.to_thread(gzip.compress, content, 4)
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type="application/json", headers=headers)


def _download(content: bytes, name: str, media: str) -> Response:
    """Return a file to be saved, never shown: what is in it comes from elsewhere."""
    from urllib.parse import quote

    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, media_type=media, headers={"Content-Disposition": disposition})
