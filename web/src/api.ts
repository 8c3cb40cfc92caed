/** The service's addresses, and problem documents (RFC 9457) as errors. */
import type { Interval, Problem, Report } from "./record";

const ROOT = "api/v1";

export class Refusal extends Error implements Problem {
  readonly summary: string;
  readonly reason: string;
  readonly fix: string;
  readonly status: number;

  constructor(problem: Problem, status = 0) {
    super(problem.summary);
    this.summary = problem.summary;
    this.reason = problem.reason;
    this.fix = problem.fix;
    this.status = status;
  }
}

export interface Source {
  name: string;
  text: Blob;
}

export interface Options {
  model: string;
  metal: boolean;
  isotopes: string[];
}

async function refusal(answer: Response): Promise<Refusal> {
  const wait = answer.headers.get("Retry-After");
  let problem: Problem = {
    summary: `the service answered ${answer.status} ${answer.statusText}`.trim(),
    reason: "the answer says no more",
    fix: "try again; look at the terminal in which phonodos serve runs",
  };
  try {
    const told = (await answer.json()) as Record<string, unknown>;
    if (typeof told.title === "string") {
      problem = {
        summary: told.title,
        reason: typeof told.detail === "string" ? told.detail : problem.reason,
        fix: typeof told.fix === "string" ? told.fix : wait ? `try again in ${wait} s` : problem.fix,
      };
    }
  } catch {
    /* no JSON: the words above stand */
  }
  return new Refusal(problem, answer.status);
}

async function ask(path: string, init?: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(`${ROOT}/${path}`, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal({
      summary: "the service does not answer",
      reason: "the connection was refused or lost",
      fix: "see whether phonodos serve still runs, then try again",
    });
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

export async function getJson<T>(path: string): Promise<T> {
  return (await (await ask(path)).json()) as T;
}

export function form(source: Source, options: Partial<Options>, more: Record<string, string | Source> = {}): FormData {
  const data = new FormData();
  data.append("file", source.text, source.name);
  if (options.model) data.append("model", options.model);
  if (options.metal) data.append("metal", "true");
  if (options.isotopes?.length) data.append("isotopes", options.isotopes.join(","));
  for (const [name, value] of Object.entries(more)) {
    if (typeof value === "string") data.append(name, value);
    else data.append(name, value.text, value.name);
  }
  return data;
}

export async function post(path: string, body: FormData, signal?: AbortSignal): Promise<Response> {
  return ask(path, { method: "POST", body, signal });
}

export async function postJson<T>(path: string, value: unknown): Promise<T> {
  const answer = await ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  });
  return (await answer.json()) as T;
}

export async function remove(path: string): Promise<void> {
  await ask(path, { method: "DELETE" });
}

type Many = { results: ({ name: string; report: Report } | { name: string; problem: Record<string, string> })[] };

const PARTS = ["displacements", "bands", "modes"];
const TOO_LONG = 504;

/** Predict a crystal with all its parts; where those take too long, without them, which is told. */
export async function predict(source: Source, options: Options, signal: AbortSignal): Promise<Report> {
  try {
    return await asked(source, options, PARTS.join(","), signal);
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== TOO_LONG) throw error;
    const found = await asked(source, options, "none", signal);
    const { reason, fix } = error;
    const left = PARTS.map((what) => ({ what, summary: "left out, so that the rest could be shown in time", reason, fix }));
    return { ...found, not_made: [...found.not_made, ...left] };
  }
}

async function asked(source: Source, options: Options, include: string, signal: AbortSignal): Promise<Report> {
  const answer = await post("predict", form(source, options, { include }), signal);
  const found = (await answer.json()) as Report | Many;
  if (!("results" in found)) return found;
  const [first] = found.results;
  if (found.results.length === 1 && "report" in first) return first.report;
  throw new Several();
}

/** A file that was taken for a crystal holds several. */
export class Several extends Error {}

/** Numbers by name and unit, and how sure they are. */
export interface AlloyRow {
  intervals: Record<string, Interval>;
  absent_intervals: Record<string, string>;
  [column: string]: number | string | null | Record<string, Interval> | Record<string, string>;
}

export interface AlloyAnswer {
  study: {
    model: string;
    results: AlloyRow[];
    notes: string[];
    lattice_of: string;
  };
  spectra: {
    frequencies: number[];
    points: { method: string; x: number; formula: string; densities: number[]; n_atoms?: number }[];
  };
}

export interface ComparisonAnswer {
  comparison: Record<string, unknown> & { "wasserstein_cm-1": number; notes: string[] };
  curves: { frequencies: number[]; reference: number[]; prediction: number[] };
}

export interface Example {
  name: string;
  formula: string;
  filename: string;
  text: string;
  summary?: string;
}
