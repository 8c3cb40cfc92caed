"""The public data sets phonodos knows: where they are, what to cite, under which licence."""

from dataclasses import dataclass

from phonodos.errors import ConfigError


@dataclass(frozen=True)
class Source:
    """A public data set that is one archive."""

    kind: str  # what the command line calls it
    title: str
    address: str  # of the archive
    home: str  # page to open in a browser
    file: str  # name in the cache folder
    citation: str
    licence: str


_KNOWN = (
    Source(
        kind="dfpt2018",
        title="DFPT phonons of 1,521 semiconductors (ABINIT, PBEsol), parsed phonon data",
        address="https://figshare.com/ndownloader/files/9850858",
        home="https://doi.org/10.6084/m9.figshare.5649298",
        # The compression is the server's secret; it is recognised from the content.
        file="dfpt2018-figshare-9850858.tar",
        citation="Petretto et al., Sci. Data 5, 180065 (2018), doi 10.1038/sdata.2018.65",
        licence="the one stated on figshare (Scientific Data: CC0 or CC BY 4.0)",
    ),
    Source(
        kind="phonondb",
        title="phonondb@kyoto-u, version 2018-04-17 (VASP, PBEsol): phonopy calculations",
        address="https://codeload.github.com/WMD-group/phononDB/tar.gz/refs/heads/master",
        home="https://github.com/WMD-group/phononDB",
        file="phonondb-2018-github-master.tar.gz",
        citation="A. Togo, phonondb (MDR phonon calculation database), doi 10.48505/nims.4197",
        licence="CC BY 4.0",
    ),
)
SOURCES = {source.kind: source for source in _KNOWN}


def source_of(kind: str) -> Source:
    """Return the source of that name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if kind not in SOURCES:
        raise ConfigError(
            f"no data set is called '{kind}'",
            "known are " + ", ".join(SOURCES),
            "choose one of them, for example: phonodos data fetch dfpt2018",
        )
    return SOURCES[kind]
