"""`Pages`: the files of the page, from memory, compressed once, tagged by their content."""

import gzip
import re
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response

from phonodos.service.problems import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
PACKED = (".html", ".js", ".css", ".json", ".svg", ".txt", ".md", ".wasm", ".webmanifest")
INDEX = "index.html"
REVISED, UNCHANGING = "no-cache", "public, max-age=31536000, immutable"
_HASHED = re.compile(r"-(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{8}\.(js|css|woff2)$")  # app-Bx3kQ9aZ.js


def static_folder() -> Path:
    """Return where the built page lies in the package."""
    return Path(str(files("phonodos"))) / "service" / "static"


@dataclass(frozen=True)
class Page:
    """A file of the page: content, the same compressed (empty: not worth it), and headers."""

    content: bytes
    packed: bytes
    headers: dict[str, str]


class Pages:
    """The files below a folder, read once."""

    def __init__(self, folder: Path) -> None:
        self.pages = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in TYPES
        }

    def answer(self, request: "Request", name: str) -> Response:
        """Return a file; raises `Refused` (404) if there is none of that name."""
        page = self.pages.get(name or INDEX)
        if page is None:
            raise Refused(
                f"there is no {request.url.path[:80]} here",
                "the page is not built in this copy of phonodos" if not name else "no such address",
                "the REST interface is at /api/v1 (openapi.json lists it)",
                404,
            )
        if page.headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers=page.headers)
        accepted = re.search(
            r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\b)", request.headers.get("accept-encoding", "")
        )
        if page.packed and accepted:
            return Response(page.packed, headers={**page.headers, "Content-Encoding": "gzip"})
        return Response(page.content, headers=page.headers)


def _read(path: Path) -> Page:
    content = path.read_bytes()
    packed = gzip.compress(content, 9, mtime=0) if path.suffix in PACKED else b""
    return Page(
        content,
        packed if len(packed) < 0.9 * len(content) else b"",
        {
            "Content-Type": TYPES[path.suffix],
            "ETag": f'"{sha256(content).hexdigest()[:20]}"',
            "Cache-Control": UNCHANGING if _HASHED.search(path.name) else REVISED,
            "Vary": "Accept-Encoding",
        },
    )
