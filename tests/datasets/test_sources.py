"""The public data sets: found by name, each with what a user must cite, each its own file."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from phonodos.datasets.sources import SOURCES, source_of
from phonodos.errors import ConfigError


def test_sources_are_found_by_name() -> None:
    for kind in SOURCES:
        found = source_of(kind)
        assert found.kind == kind
        assert found is SOURCES[kind]
    with pytest.raises(ConfigError, match="no data set is called 'dfpt'") as caught:
        source_of("dfpt")
    assert all(kind in caught.value.reason for kind in SOURCES)
    # The advice works.
    (advised,) = re.findall(r"phonodos data fetch (\S+)", caught.value.fix)
    assert source_of(advised).kind == advised


def test_every_source_says_where_it_is_and_what_to_cite() -> None:
    for source in SOURCES.values():
        for address in (source.address, source.home):
            parts = urlsplit(address)
            assert parts.scheme == "https"
            assert parts.hostname
        assert re.search(r"doi 10\.\d{4,}/\S+$", source.citation)
        assert "CC" in source.licence
        assert Path(source.file).name == source.file
        assert source.file.split(".", 1)[1] in ("tar", "tar.gz")  # unpacked by its content
    assert len({s.file for s in SOURCES.values()}) == len(SOURCES)  # one cache folder for all
