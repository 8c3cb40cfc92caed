"""`phonodos models join`, `calibrate` and `seal`: many networks in one file, how sure, how safe."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from phonodos.cli.output import format_note
from phonodos.errors import ConfigError


def join(
    files: Annotated[
        list[str],
        typer.Argument(
            help="weight files or released names: all networks of each, or FILE:2 the second alone"
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="weight file to write")],
    name: Annotated[str, typer.Option(help="name of the ensemble")],
    bits: Annotated[
        int, typer.Option(help="of the stored numbers, 8, 16 or 32; computed in 32 all the same")
    ] = 16,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Parquet data set of the members, may be repeated: formulas are compared as well"
        ),
    ] = None,
) -> None:
    """Join networks of one configuration as the members of an ensemble.

    They may have been trained on different materials, but are judged by the same valid and test,
    and none of these may be in the training of any member. With --data (all data sets that they
    were trained with) this holds for formulas too, but for those that every member was trained on.
    """
    from phonodos.model.ensemble import join_members

    header = join_members(files, output, name, bits=bits, formulas=_formulas(data))
    size = output.stat().st_size / 1e6
    print(f"written: {output}, {header.members} members, {size:.1f} MB", file=sys.stderr)
    print("its intervals are not calibrated yet: phonodos models calibrate", file=sys.stderr)


def _formulas(data: list[Path] | None) -> dict[str, str] | None:
    """Return the formula of every record of data sets; None where none are given."""
    if not data:
        return None
    from phonodos.datasets.dataset import Dataset

    found: dict[str, str] = {}
    for records in map(Dataset.open, data):
        found |= zip(records.ids, records.column("formula"), strict=True)
    return found


def calibrate(
    file: Annotated[Path, typer.Argument(help="weight file; its header gets the result")],
    data: Annotated[
        list[Path] | None, typer.Option(help="Parquet data set; may be repeated")
    ] = None,
    split: Annotated[
        list[Path] | None,
        typer.Option(help="split file of each --data but the first, whose ids are in the weights"),
    ] = None,
    part: Annotated[str, typer.Option(help="part that training did not see")] = "valid",
    strain_file: Annotated[
        list[Path] | None,
        typer.Option(help="exam on strain, whose result is kept too; may be repeated"),
    ] = None,
) -> None:
    """Measure on held-back materials how wide the 90 % intervals must be, and keep it.

    The valid part of the first data set chose the epoch of training: intervals are fitted on the
    further ones where they hold 30 materials. What the lowest frequency says of stability is
    fitted on all.

    With --strain-file the weights sit exams on strain, and their header keeps the result; without
    --data nothing else in it changes.
    """
    if data or not strain_file:
        _calibrate_intervals(file, data or [], split, part)
    if strain_file:
        from phonodos.evaluation.strain_exam import keep_judgement

        print(keep_judgement(file, strain_file).text)


def _calibrate_intervals(file: Path, data: list[Path], split: list[Path] | None, part: str) -> None:
    from phonodos.datasets.dataset import Dataset
    from phonodos.datasets.splits import Split
    from phonodos.evaluation.calibration import calibrate_weights
    from phonodos.evaluation.stability import turning_points
    from phonodos.model.weights import read_header

    if part == "train" or len(data) != 1 + len(split or []):
        raise ConfigError(
            f"{len(data)} data sets, {len(split or [])} split files, part '{part}'",
            "every further data set needs its split file, and errors on training materials say "
            "nothing of new ones",
            "write for example --data dfpt2018.parquet --data phonondb.parquet "
            "--split split_phonondb.json",
        )
    parts = [read_header(file).split, *(Split.read(path).parts for path in split or [])]
    records = [Dataset.open(d).select(p[part]) for d, p in zip(data, parts, strict=True)]
    found = calibrate_weights(file, records, part)
    for members, entries in found.items():
        for name, entry in entries.items():
            text = f"factor {entry['factor']:.3f}, floor {entry['floor']:.3g}"
            given = f"{entry['materials']} materials of {' + '.join(entry['data'])}"
            print(f"{name}, {members} members: {text} ({given})")
    for members, judged in read_header(file).stability.items():
        below, above = turning_points(judged)
        counts = f"{judged.materials} materials, {judged.unstable_materials} unstable"
        text = f"unstable below {below:.1f}, stable above {above:.1f} cm^-1"
        print(f"stability, {members} members: {text} ({counts})")
    if not all(entry["held_back"] for entries in found.values() for entry in entries.values()):
        text = (
            "some of these materials chose the epoch that the weights are from: the intervals may "
            "be too narrow; a further --data with its --split tells more"
        )
        print(format_note("note", file.name, text), file=sys.stderr)


def seal(
    file: Annotated[Path, typer.Argument(help="weight file written by phonodos 0.1")],
) -> None:
    """Add checksum and reference answers of all members to a weight file that you trust."""
    from phonodos.model.weights import seal as add_checksum

    checksum = add_checksum(file).checksum
    assert checksum is not None
    print(f"{file}: SHA-256 of the tensors {checksum.tensors}")
