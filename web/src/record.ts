/** The JSON of a report (`phonodos.studies.report`), as far as the page reads it. */

export type Unit = "cm-1" | "THz" | "meV";
export type Basis = "atom" | "formula" | "cell" | "kg" | "cm3";
export type Vector = [number, number, number];

export interface Site {
  label: string;
  elements: Record<string, number>;
  fractional: Vector;
  cartesian: Vector;
  mass_amu: number;
}

export interface Crystal {
  formula: string;
  n_atoms: number;
  n_formula_units: number;
  space_group: { number: number; symbol: string } | null;
  cell: [Vector, Vector, Vector];
  volume_a3: number;
  density_g_cm3: number;
  sites: Site[];
  bonds?: [number, number, Vector][] | null;
}

export interface SummaryRow {
  key: string;
  label: string;
  value: number;
  unit: string;
  interval: [number, number] | null;
  spread: number | null;
  digits: number;
  scale: "frequency" | "amount" | null;
  text: string;
}

export interface Dos {
  frequencies: number[];
  densities: number[];
  spread: number[] | null;
  elements: Record<string, number[]> | null;
  unit: string;
  n_modes: number;
}

export type Quantity = "heat_capacity" | "entropy" | "free_energy" | "internal_energy";
export type Thermal = { temperatures: number[] } & Record<Quantity, number[]> &
  Partial<Record<`${Quantity}_spread`, number[] | null>>;

export interface Segment {
  distances: number[];
  frequencies: number[][];
  spread: number[][] | null;
  from?: string;
  to?: string;
}

export interface Bands {
  segments: Segment[];
  ticks: { at: number; label: string }[];
  unit: string;
}

export interface ModeSet {
  irrep: string;
  degeneracy: number;
  frequency: number;
  spread: number | null;
  activity: string;
  ir_intensity: number | null;
  ir_intensity_spread?: number | null;
  patterns: Vector[][] | null;
}

export interface Modes {
  sets: ModeSet[];
  point_group?: string | null;
  intensity_unit?: string;
  notes?: string[] | null;
  axis?: number[] | null;
  reflectivity?: number[][] | null;
  permittivity?: { real: number[][]; imag: number[][] } | null;
  longitudinal?: Record<string, number[]> | null;
  eps_inf?: number[][] | null;
  eps_0?: (number | null)[][] | null;
  damping?: number | null;
}

export interface Displacements {
  unit?: string;
  temperatures: number[];
  sites: (string | number)[];
  u_iso: number[][];
  spread: number[][] | null;
}

export interface Problem {
  summary: string;
  reason: string;
  fix: string;
}

export interface Stability {
  verdict: "stable" | "unstable" | "unsure";
  probability: number | null;
  lowest_frequency: number | null;
  spread?: number | null;
  where: string | null;
  text: string;
}

/** What a reference lies in in `level` of all cases, in `unit`. */
export interface Interval {
  low: number;
  high: number;
  half_width: number;
  level: number;
  unit: string;
}

export interface Report {
  format: string;
  format_version: number;
  provenance: Record<string, unknown>;
  name: string;
  model: { name: string; summary: string };
  crystal: Crystal;
  units: Record<Unit, number>;
  bases: Record<Basis, number>;
  digits?: Record<Unit, number>;
  amounts: Record<Basis, string>;
  summary: SummaryRow[];
  dos: Dos;
  thermal: Thermal;
  intervals: Record<string, Interval> | null;
  absent_intervals?: Record<string, string> | null;
  stability: Stability | null;
  warnings: string[];
  bands: Bands | null;
  modes: Modes | null;
  displacements: Displacements | null;
  not_made: ({ what: string } & Problem)[];
  command: string | null;
  python: string | null;
  cite: string;
}
