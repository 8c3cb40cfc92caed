"""The table of `phonodos predict`: numbers with unit and basis, intervals, warnings."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from phonodos.cli.output import Column, format_note, format_table, written, written_folders
from phonodos.physics.units import FREQUENCY_DIGITS, ROOM_TEMPERATURE, STANDARD_TEMPERATURE

SUMMARY = "summary.csv"  # of several crystals
LARGE = 100.0  # of numbers with two decimals: from here on one is enough, and the column holds it


def report(done: list[dict[str, Any]], model: str, units: str, output: Path = Path()) -> None:
    """Print the table of `predict`, what its columns mean, warnings and where the files are.

    `output` is the folder of the folders, and of the summary of several crystals.
    """
    print(_table(done, units))
    amount = _amount(done)
    basis = {"kg": "kilogram", "cm^3": "cubic centimetre"}.get(amount, amount)
    basis = basis.replace("mol of", "mole of")
    print(f"{model}; C_V, S ({ROOM_TEMPERATURE:g} K) and zero-point energy (ZPE) per {basis}")
    print(_at_standard_temperature(done))
    if any("spread" in r["max_frequency"] for r in done):
        what = "mean of the members' largest frequencies (their s.d. in the last digit)"
        if not any(r["stability"] for r in done):
            what = "mean of the members' ends of spectra, roughly (their s.d. in the last digit)"
        print(f"max: {what}")
    print("Debye (2nd moment): k theta = hbar sqrt(5 <w^2> / 3) over all frequencies")
    if any(r["intervals"] for r in done):
        print("after +-: half width of the interval that holds 9 of 10 DFT values (PBEsol)")
    if line := _stability(done):
        print(line)
    for result in done:
        if result["absent_intervals"]:
            reason = next(iter(result["absent_intervals"].values())).removeprefix("n/a: ")
            text = f"no interval is stated, since 9 of 10 would not hold: {reason}"
            print(format_note("n/a", result["name"], text))
    for result in done:
        for text in result["warnings"]:
            print(format_note("warning", result["name"], text))
    print(written_folders(done))
    if len(done) > 1:
        print(written([SUMMARY], str(output)))


def summary_table(done: list[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Return head and rows of ``summary.csv``: every number of the table, a line a crystal."""
    names = [key for key, value in done[0].items() if isinstance(value, dict) and "value" in value]
    head = ["input", "name", "formula", "n_atoms"]
    for name in names:
        head.append(f"{name} [{done[0][name]['unit']}]")
        if name in ("mean_frequency", "heat_capacity"):
            unit = done[0][name]["unit"]
            head.append(f"{name}_half_width [{unit}]")
    head += ["stability", "probability_unstable", "lowest_frequency", "warnings"]
    rows = []
    for record in done:
        row: list[Any] = [record[key] for key in ("input", "name", "formula", "n_atoms")]
        for name in names:
            row.append(record[name]["value"])
            if name in ("mean_frequency", "heat_capacity"):
                row.append(record["intervals"].get(name, {}).get("half_width"))
        known = record["stability"] or {}
        row += [known.get(key) for key in ("verdict", "probability", "lowest")]
        rows.append([*row, "; ".join(record["warnings"])])
    return head, rows


def _at_standard_temperature(done: list[dict[str, Any]]) -> str:
    """Return C_V and S of a single crystal at 298.15 K, and where those of several stand."""
    at = f"at {STANDARD_TEMPERATURE:g} K"
    if len(done) > 1:
        return f"C_V and S {at} are in {SUMMARY}"
    heat, entropy = (done[0][name]["value"] for name in ("heat_capacity_298", "entropy_298"))
    return f"{at}: C_V {heat:.2f}, S {entropy:.2f} J/(K {_amount(done)})"


def _stability(done: list[dict[str, Any]]) -> str:
    """Return how many are stable, and what is known of a single one; empty for spectra alone."""
    found = [r["stability"] for r in done if r.get("stability")]
    if not found:
        return ""
    verdicts = [s["verdict"] for s in found]
    if len(found) > 1:
        counts = (f"{verdicts.count(v)} {v}" for v in ("stable", "unstable", "unsure"))
        return f"stability: {', '.join(counts)}"
    only = found[0]
    known = only["probability"] is not None
    sure = f" (p of unstable {only['probability']:.2f})" if known else ""
    digits = FREQUENCY_DIGITS[only["unit"]]
    return (
        f"stability: {only['verdict']}{sure}; lowest frequency {only['lowest']:z.{digits}f} "
        f"{only['unit']}"
    )


def _amount(done: list[dict[str, Any]]) -> str:
    """Return what the numbers are for: ``mol of formula units``, ``kg``, ..."""
    return str(done[0]["zero_point_energy"]["unit"]).removeprefix("kJ/")


def _table(done: list[dict[str, Any]], units: str) -> str:
    amount = _amount(done).split()[0].replace("^", "")
    columns = [
        Column("atoms", "", 5),
        Column("mean", units, 8),
        Column("max", units, 8),
        Column("C_V", f"J/(K {amount})", 11),
        Column("S", f"J/(K {amount})", 9),
        Column("ZPE", f"kJ/{amount}", 6),
        Column("Debye", "K", 5),
    ]
    digits = FREQUENCY_DIGITS[units]
    shown = (
        ("mean_frequency", digits),
        ("max_frequency", digits),
        ("heat_capacity", 2),
        ("entropy", 2),
        ("zero_point_energy", 2),
        ("debye_temperature", 0),
    )
    rows = [
        (r["name"], r["formula"], [str(r["n_atoms"]), *(_number(r, key, d) for key, d in shown)])
        for r in done
    ]
    widths = [max(map(len, cells)) for cells in zip(*(row[2] for row in rows), strict=True)]
    wide = [replace(c, width=max(c.width, n)) for c, n in zip(columns, widths, strict=True)]
    return format_table(("input", "formula"), wide, rows)


def _number(result: dict[str, Any], key: str, digits: int) -> str:
    """Return a number of the table, with the half width of its interval or n/a where it has one."""
    if digits > 1 and abs(result[key]["value"]) >= LARGE:
        digits -= 1
    text = f"{result[key]['value']:.{digits}f}"
    if (spread := result[key].get("spread")) is not None:
        return f"{text}({spread * 10**digits:.0f})"
    if key in result["absent_intervals"]:
        return f"{text}+-n/a"
    interval = result["intervals"].get(key)
    return text if interval is None else f"{text}+-{interval['half_width']:.{digits}f}"
