/** What the page knows: one crystal, how it is shown, and what goes on. */
import { computed, effect, signal } from "@preact/signals";
import { type Options, predict, Refusal, Several, type Source } from "./api";
import { pack } from "./link";
import type { Basis, Problem, Report, Unit } from "./record";

function remembered<T extends string>(key: string, allowed: readonly T[], fallback: T): T {
  try {
    const held = localStorage.getItem(`phonodos.${key}`) as T | null;
    return held !== null && allowed.includes(held) ? held : fallback;
  } catch {
    return fallback;
  }
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`phonodos.${key}`, value);
  } catch {
    /* a private window: nothing is kept */
  }
}

export const THEMES = ["auto", "light", "dark"] as const;
export const theme = signal(remembered("theme", THEMES, "auto"));
export const unit = signal<Unit>(remembered("unit", ["cm-1", "THz", "meV"] as const, "cm-1"));
export const basis = signal<Basis>(remembered("basis", ["atom", "formula", "cell", "kg", "cm3"] as const, "formula"));
export const kelvin = signal(300);

export const record = signal<Report | null>(null);
export const source = signal<Source | null>(null);
export const options = signal<Options>({ model: "", metal: false, isotopes: [] });
export const busy = signal<string | null>(null);
export const problem = signal<Problem | null>(null);
export const said = signal("");
/** The frequency [cm^-1] under the pointer, common to all plots over frequency. */
export const pointed = signal<number | null>(null);
/** The set of modes that is drawn, and which of its partners. */
export const chosen = signal<{ set: number; partner: number } | null>(null);
/** Whether a service stands behind the page; a saved report has none. */
export const served = signal(true);
/** What was sent as one crystal and holds several: it becomes a job. */
export const several = signal<Source | null>(null);

effect(() => {
  remember("theme", theme.value);
  remember("unit", unit.value);
  remember("basis", basis.value);
  const root = document.documentElement;
  if (theme.value === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme.value;
});

/** Place of the temperature on the record's grid: nothing is computed between its points. */
export const thermalIndex = computed(() => {
  const held = record.value;
  return held === null ? 0 : nearest(held.thermal.temperatures, kelvin.value);
});

export function nearest(values: number[], wanted: number): number {
  let best = 0;
  values.forEach((value, k) => {
    if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = k;
  });
  return best;
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Refusal) return error;
  return {
    summary: "the page came upon an error",
    reason: error instanceof Error ? error.message : String(error),
    fix: "reload the page; if it comes again, tell the developers",
  };
}

/** The address under which the crystal on show was entered. */
export let shownHash = "";

let running: AbortController | null = null;

export function show(found: Report): void {
  record.value = found;
  chosen.value = null;
  pointed.value = null;
  const verdict = found.stability ? ` Verdict: ${found.stability.verdict}.` : "";
  said.value = `Predicted ${found.crystal.formula}.${verdict} ${found.warnings.length} warnings.`;
  document.title = `${found.crystal.formula} · phonodos`;
}

/** What holds for a structure that comes in: the weights on show; metal and isotopes were said of another. */
const forAnother = (): Options => ({ model: options.value.model, metal: false, isotopes: [] });

/** Predict a structure; the one asked for last is shown, an earlier answer is dropped. */
export async function run(wanted: Source, how: Options = forAnother()): Promise<void> {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  busy.value = `Predicting ${wanted.name} …`;
  said.value = busy.value;
  problem.value = null;
  try {
    const found = await predict(wanted, how, mine.signal);
    if (running !== mine) return;
    source.value = wanted;
    options.value = how;
    scrollTo(0, 0);
    show(found);
    const link = (await pack(wanted, how)) ?? "#crystal";
    if (running !== mine) return;
    if (link !== location.hash) history.pushState(null, "", link);
    shownHash = link;
  } catch (error) {
    if (running !== mine) return;
    if (error instanceof Several) {
      several.value = wanted;
      return;
    }
    scrollTo(0, 0);
    problem.value = asProblem(error);
    said.value = `${problem.value.summary}. ${problem.value.reason}. ${problem.value.fix}`;
  } finally {
    if (running === mine) {
      busy.value = null;
      running = null;
    }
  }
}

export function reset(): void {
  running?.abort();
  running = null;
  busy.value = null;
  record.value = null;
  shownHash = "";
  source.value = null;
  problem.value = null;
  chosen.value = null;
  document.title = "phonodos · phonons from a crystal structure";
}
