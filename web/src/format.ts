/** Numbers, units and formulas as chemists write them. */
import type { Basis, Unit } from "./record";

export const UNITS: Unit[] = ["cm-1", "THz", "meV"];
export const BASES: Basis[] = ["formula", "atom", "cell", "kg", "cm3"];
export const UNIT_NAMES: Record<Unit, string> = { "cm-1": "cm⁻¹", THz: "THz", meV: "meV" };
export const BASIS_NAMES: Record<Basis, string> = {
  formula: "formula unit",
  atom: "atom",
  cell: "cell",
  kg: "kg",
  cm3: "cm³",
};

const AMOUNTS: Record<Basis, string> = {
  formula: "mol of formula units",
  atom: "mol of atoms",
  cell: "mol of cells",
  kg: "kg",
  cm3: "cm³",
};

/** A unit of energy over the amount that a quantity is of: `J/(K·mol of atoms)`, `kJ/kg`. */
export function per(energy: "J" | "kJ", basis: Basis, kelvin: boolean): string {
  return kelvin ? `${energy}/(K·${AMOUNTS[basis]})` : `${energy}/${AMOUNTS[basis]}`;
}

/** The unit of a density of states. */
export function densityUnit(unit: Unit, basis: Basis): string {
  const states = basis === "kg" || basis === "cm3" ? "mol of states" : "states";
  return `${states}/${UNIT_NAMES[unit]} per ${BASIS_NAMES[basis]}`;
}

export function decimals(value: number, significant: number): number {
  if (!Number.isFinite(value) || value === 0) return significant - 1;
  return Math.max(0, significant - 1 - Math.floor(Math.log10(Math.abs(value))));
}

function fixed(value: number, places: number): string {
  const rounded = Number(value.toFixed(places));
  return (Object.is(rounded, -0) ? 0 : rounded).toFixed(places).replace("-", "−");
}

const POWERS: Record<string, string> = Object.fromEntries([..."-0123456789"].map((c, k) => [c, "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"[k]]));

/** `significant` digits, with a true minus; powers of ten only where zeros would take over. */
export function number(value: number | null | undefined, significant = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
    const [digits, power] = value.toExponential(significant - 1).split("e");
    const raised = [...String(Number(power))].map((c) => POWERS[c]).join("");
    return `${digits.replace("-", "−")}·10${raised}`;
  }
  return fixed(value, decimals(value, significant));
}

/** A value and its standard deviation, which has two digits. */
export function withSpread(value: number, spread: number | null | undefined, significant = 4): string {
  if (spread === null || spread === undefined || !Number.isFinite(spread)) return number(value, significant);
  if (spread === 0 || Math.abs(value) >= 1e7) return `${number(value, significant)} ± ${number(spread, 2)}`;
  const places = Math.min(decimals(spread, 2), Math.max(decimals(value, significant), 0));
  if (Number(spread.toFixed(places)) === 0) return `${fixed(value, places)} ± <${(10 ** -places).toFixed(places)}`;
  return `${fixed(value, places)} ± ${fixed(spread, places)}`;
}

/** A number of a grid, such as a temperature: no zeros that say nothing. */
export function plain(value: number): string {
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

/** A value and both ends of its interval, with as many digits as the half width can carry. */
export function withInterval(value: number, [low, high]: [number, number]): { value: string; ends: string } {
  const half = (high - low) / 2;
  const places = Math.min(6, decimals(half || value, half ? 2 : 4));
  return { value: fixed(value, places), ends: `${fixed(low, places)} to ${fixed(high, places)}` };
}

/** A unit as the library writes it, with raised powers: `cm-1` becomes `cm⁻¹`. */
export function unitText(unit: string): string {
  return unit
    .replace(/cm\^?-1/g, "cm⁻¹")
    .replace(/\^(-?\d)/g, (_, p: string) => [...p].map((c) => POWERS[c]).join(""))
    .replace(/J\/\(K (mol|kg)/g, "J/(K·$1")
    .replace(/A\^?2|A²/g, "Å²");
}

/** Bars over digits of Hermann-Mauguin symbols: `R-3c` has it over the 3. */
export function spaceGroupText(symbol: string): string {
  return symbol.replace(/-(\d)/g, "$1\u0305").replace(/_(\d)/g, (_, d: string) => "₀₁₂₃₄₅₆"[Number(d)]);
}

/** A formula in pieces, those to be lowered marked. */
export function formulaPieces(formula: string): { text: string; low: boolean }[] {
  const pieces: { text: string; low: boolean }[] = [];
  for (const [text] of formula.matchAll(/(?<=[A-Za-z)\]])[\d.]+|[^\d.]+|[\d.]+/g)) {
    const last = pieces.at(-1)?.text ?? "";
    pieces.push({ text, low: /^[\d.]+$/.test(text) && /[A-Za-z)\]]$/.test(last) });
  }
  return pieces;
}

/** Labels of points in a Brillouin zone. */
export function pointText(label: string): string {
  return label
    .replace(/GAMMA|\\Gamma|\bG\b/g, "Γ")
    .replace(/SIGMA/g, "Σ")
    .replace(/DELTA/g, "Δ")
    .replace(/LAMBDA/g, "Λ")
    .replace(/[$\\{}]/g, "")
    .replace(/_(\d)/g, (_, d: string) => "₀₁₂₃₄₅₆₇₈₉"[Number(d)]);
}

export function csv(names: string[], columns: (number | string | null)[][]): string {
  const quoted = (cell: number | string | null): string =>
    cell === null ? "" : /[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell);
  const rows = columns[0].map((_, k) => columns.map((column) => quoted(column[k])).join(","));
  return [names.map(quoted).join(","), ...rows].join("\n") + "\n";
}
