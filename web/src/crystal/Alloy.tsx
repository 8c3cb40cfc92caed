/** An alloy along its composition: computed at eleven shares, shown at that of the slider. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type AlloyAnswer, type AlloyRow, form, post } from "../api";
import { ELEMENTS } from "../elements";
import { BASIS_NAMES, densityUnit, number, plain, UNIT_NAMES, withInterval } from "../format";
import { Busy, Card, Choice, Formula, Named, Trouble } from "../parts";
import { Chart, type Mark } from "../plot/Chart";
import type { Problem, Report } from "../record";
import { asProblem, nearest, options, said, source, thermalIndex, unit } from "../state";
import { contents } from "./Facts";
import { Swatch } from "./Spectrum";

/** Shares x in the order they are asked for: ends and middle first, so that the slider soon moves. */
const ROUNDS = [[0, 0.5, 1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9], [0.4, 0.6]];
const WANTED = ROUNDS.flat().length;

interface Point {
  method: string;
  x: number;
  formula: string;
  frequencies: number[];
  perAtom: number[];
  row: AlloyRow;
}

const NO_ROW: AlloyRow = { intervals: {}, absent_intervals: {} };

interface Found {
  points: Point[];
  notes: string[];
  asked: number;
}

function joined(held: Found, answer: AlloyAnswer, atoms: number): Found {
  const { spectra, study } = answer;
  const points = spectra.points.map((p) => ({
    method: p.method,
    x: p.x,
    formula: p.formula,
    frequencies: spectra.frequencies,
    perAtom: p.densities.map((v) => v / (p.n_atoms ?? atoms)),
    row: study.results.find((r) => r.method === p.method && r.x === p.x) ?? NO_ROW,
  }));
  return {
    points: [...held.points, ...points].sort((a, b) => a.x - b.x),
    notes: [...new Set([...held.notes, ...study.notes])],
    asked: held.asked,
  };
}
type Kind = "substitute" | "second";

/** Elements of the same column first, the next heavier before all: those are what chemists put in. */
function partners(symbol: string): string[] {
  const groups = ["Li Na K Rb Cs", "Be Mg Ca Sr Ba", "Sc Y La", "Ti Zr Hf", "V Nb Ta", "Cr Mo W", "Mn Re", "Fe Ru Os", "Co Rh Ir", "Ni Pd Pt", "Cu Ag Au", "Zn Cd Hg", "B Al Ga In Tl", "C Si Ge Sn Pb", "N P As Sb Bi", "O S Se Te", "F Cl Br I"];
  const near = groups.find((g) => g.split(" ").includes(symbol))?.split(" ") ?? [];
  const rest = ELEMENTS.slice(0, 94).map((e) => e.symbol).filter((s) => !near.includes(s));
  const at = near.indexOf(symbol);
  return [...near.slice(at + 1), ...near.slice(0, Math.max(0, at)).reverse(), ...rest].filter((s) => s !== symbol);
}

export function Alloy({ report }: { report: Report }) {
  const elements = contents(report.crystal.sites).map(([symbol]) => symbol);
  const kind = useSignal<Kind>("substitute");
  const from = useSignal(elements[0]);
  const to = useSignal(partners(elements[0])[0]);
  const second = useSignal<File | null>(null);
  const found = useSignal<Found | null>(null);
  const trouble = useSignal<Problem | null>(null);
  const working = useSignal(false);
  const round = useRef(0);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    round.current += 1;
    working.value = false;
    from.value = elements[0];
    to.value = partners(elements[0])[0];
    found.value = null;
    trouble.value = null;
    second.value = null;
    if (field.current) field.current.value = "";
    return () => {
      round.current += 1;
    };
  }, [report]);
  const ask = async (): Promise<void> => {
    if (!source.value) return;
    round.current += 1;
    const mine = round.current;
    working.value = true;
    trouble.value = null;
    found.value = null;
    let held: Found = { points: [], notes: [], asked: WANTED };
    try {
      const kelvin = report.thermal.temperatures[thermalIndex.value];
      const more: Record<string, string | { name: string; text: Blob }> = { temperature: String(kelvin) };
      if (kind.value === "second" && second.value) more.second = { name: second.value.name, text: second.value };
      else more.substitute = `${from.value}=${to.value}`;
      const [crystal, how] = [source.value, options.value];
      for (const shares of ROUNDS) {
        const answer = await post("alloy", form(crystal, how, { ...more, x: shares.join(",") }));
        const read = (await answer.json()) as AlloyAnswer;
        if (round.current !== mine) return;
        held = joined(held, read, report.crystal.n_atoms);
        found.value = held;
      }
      said.value = "All compositions of the alloy are there";
    } catch (error) {
      if (round.current === mine) trouble.value = asProblem(error);
    } finally {
      if (round.current === mine) working.value = false;
    }
  };
  return (
    <Card title="Alloy" id="alloy">
      <form
        class="alloy-form"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <Choice legend="Between" value={kind.value} options={["substitute", "second"]} names={{ substitute: "an element and another", second: "this and a second file" }} onChange={(v) => (kind.value = v)} />
        {kind.value === "substitute" ? (
          <div class="row">
            <label>Replace <select value={from.value} onChange={(e) => { from.value = e.currentTarget.value; to.value = partners(from.value)[0]; }}>{elements.map((s) => <option key={s}>{s}</option>)}</select></label>
            <label>by <select value={to.value} onChange={(e) => (to.value = e.currentTarget.value)}>{partners(from.value).map((s) => <option key={s}>{s}</option>)}</select></label>
            <button type="submit" class="primary" disabled={working.value}>Predict the alloy</button>
          </div>
        ) : (
          <div class="row">
            <label>End member at x = 1 <input ref={field} type="file" onChange={(e) => (second.value = e.currentTarget.files?.[0] ?? null)} /></label>
            <button type="submit" class="primary" disabled={working.value || !second.value}>Predict the alloy</button>
          </div>
        )}
      </form>
      {working.value && <Busy text={`Predicting compositions: ${new Set(found.value?.points.map((p) => p.x)).size} of ${WANTED} …`} />}
      {trouble.value && <Trouble problem={trouble.value} onClose={() => (trouble.value = null)} />}
      {found.value && <Along report={report} found={found.value} />}
    </Card>
  );
}

function Along({ report, found }: { report: Report; found: Found }) {
  const methods = [...new Set(found.points.map((p) => p.method))];
  const method = useSignal(methods[0]);
  const wanted = useSignal(0.5);
  const points = found.points.filter((p) => p.method === method.value);
  const k = nearest(points.map((p) => p.x), wanted.value);
  const point = points[k];
  const factor = report.units[unit.value];
  const axes = points.map((p) => p.frequencies.map((w) => w * factor));
  const curves = points.map((p) => p.perAtom.map((v) => v / factor));
  const top = Math.max(...curves.flat());
  const last = points.length - 1;
  const reach = Math.max(...curves.map((c, j) => axes[j][Math.max(0, c.findLastIndex((v) => v > 1e-3 * top))]));
  const first = Math.min(...curves.map((c, j) => axes[j][Math.max(0, c.findIndex((v) => v > 1e-3 * top))]));
  const marks: Mark[] = [
    { kind: "line", x: axes[0], y: curves[0], colour: "var(--second)", width: 1.3, faint: true },
    { kind: "line", x: axes[last], y: curves[last], colour: "var(--third)", width: 1.3, faint: true },
    { kind: "line", x: axes[k], y: curves[k], colour: "var(--line)", width: 2.1, fill: "y" },
  ];
  const facts = FACTS.map(({ label, column, unit: name, sure }) => ({
    label,
    unit: name ?? UNIT_NAMES[unit.value],
    at: (each: Point): number | null => scaledBy(cell(each, column), name === null ? factor : 1),
    ...told(point, scaledBy(cell(point, column), name === null ? factor : 1), name === null ? factor : 1, sure),
  }));
  // a note on compositions begins with them: those on others are for when they are shown
  const here = new RegExp(`\\bx = ${point.x}(?![.\\d])`);
  const notes = found.notes.filter((text) => !text.startsWith("x = ") || here.test(text));
  const unitName = densityUnit(unit.value, "atom");
  return (
    <div class="along" data-testid="alloy">
      {methods.length > 1 && <Choice legend="Mixed sites by" value={method.value} options={methods} names={Object.fromEntries(methods.map((m) => [m, m]))} onChange={(m) => (method.value = m)} />}
      <div class="slider wide">
        <label for="share">Share x</label>
        <input
          id="share" type="range" min="0" max={last} step="1" value={k}
          aria-valuetext={`x = ${plain(point.x)}, ${point.formula}`}
          onInput={(event) => (wanted.value = points[Number(event.currentTarget.value)].x)}
        />
        <output for="share"><b>x = {plain(point.x)}</b> <Formula text={point.formula} /></output>
      </div>
      <Chart
        name={`Density of states of the alloy at x = ${plain(point.x)}, ${point.formula}`}
        description={`Spectra of the end members are drawn faint. Per ${BASIS_NAMES.atom}.`}
        x={{ label: `Frequency / ${UNIT_NAMES[unit.value]}`, domain: [first < -1 ? first * 1.05 : 0, reach * 1.04] }}
        y={{ label: `Density / (${unitName})`, domain: [0, top * 1.05] }}
        marks={marks}
        height={280}
        keys={
          <>
            <li><Swatch colour="var(--line)" /> x = {plain(point.x)}</li>
            <li><Swatch colour="var(--second)" /> x = {plain(points[0].x)}: <Formula text={points[0].formula} /></li>
            <li><Swatch colour="var(--third)" /> x = {plain(points[last].x)}: <Formula text={points[last].formula} /></li>
          </>
        }
        table={() => ({
          names: [`frequency [${unit.value}]`, `x = ${plain(point.x)} [${unitName}]`],
          columns: [axes[k], curves[k]],
        })}
      />
      <p class="note">At {plain(cell(point, "temperature") ?? 300)} K:</p>
      <dl class="summary">
        {facts.map(({ label, value, unit: name, sure }) => (
          <div key={label} data-alloy={label}>
            <dt><Named text={label} /></dt>
            <dd>
              <span class="value">{value}</span> <span class="unit">{name}</span>
              {sure && <small>{sure}</small>}
            </dd>
          </div>
        ))}
      </dl>
      <Trend facts={facts} points={found.points} methods={methods} x={point.x} />
      {notes.length > 0 && (
        <details open>
          <summary>What is assumed, and doubts at x = {plain(point.x)}</summary>
          <ul class="plain-list">{notes.map((text) => <li key={text}>{text}</li>)}</ul>
        </details>
      )}
    </div>
  );
}

/** A number with its interval, with why there is none, or alone where none is ever stated. */
function told(point: Point, value: number | null, factor: number, name?: string): { value: string; sure: string | null } {
  const alone = number(value, 4);
  if (name === undefined || value === null) return { value: alone, sure: null };
  const interval = point.row.intervals[name];
  if (interval === undefined) {
    const why = point.row.absent_intervals[name];
    return { value: alone, sure: why === undefined ? null : `no interval: ${why.replace(/^n\/a: /, "")}` };
  }
  const found = withInterval(value, [interval.low * factor, interval.high * factor]);
  return { value: found.value, sure: `${number(100 * interval.level, 2)} % interval: ${found.ends}` };
}

/**
 * Column of a study, by the beginning of its name; a unit of null is that of frequencies; `sure` is
 * the name that its intervals go by.
 */
const FACTS: { label: string; column: string; unit: string | null; sure?: string }[] = [
  { label: "Mean frequency", column: "mean_frequency", unit: null, sure: "mean_frequency" },
  { label: "Highest frequency", column: "max_frequency [", unit: null },
  { label: "Heat capacity C_V", column: "c_v [J/(K mol", unit: "J/(K·mol of atoms)", sure: "heat_capacity" },
  { label: "Entropy S", column: "entropy", unit: "J/(K·mol of atoms)" },
  { label: "Free energy F", column: "free_energy", unit: "kJ/mol of atoms" },
  { label: "Zero-point energy", column: "zero_point", unit: "kJ/mol of atoms" },
];

function cell(point: Point, column: string): number | null {
  const key = Object.keys(point.row).find((each) => each.startsWith(column));
  return key === undefined ? null : (point.row[key] as number | null);
}

interface Fact {
  label: string;
  unit: string;
  at: (point: Point) => number | null;
}

/** A quantity against the share x, by every method. */
function Trend({ facts, points, methods, x }: { facts: Fact[]; points: Point[]; methods: string[]; x: number }) {
  const label = useSignal(facts[0].label);
  const fact = facts.find((each) => each.label === label.value) ?? facts[0];
  const lines = methods.map((method) => points.filter((p) => p.method === method && fact.at(p) !== null));
  const values = lines.flat().map((p) => fact.at(p)!);
  const room = 0.08 * (Math.max(...values) - Math.min(...values) || 1);
  return (
    <>
      <label class="row">
        Along x:{" "}
        <select value={fact.label} onChange={(e) => (label.value = e.currentTarget.value)}>
          {facts.map((each) => <option key={each.label} value={each.label}>{each.label.replace("_", "")}</option>)}
        </select>
      </label>
      <Chart
        name={`${fact.label} along the composition`}
        description={`From ${number(values[0], 4)} to ${number(values.at(-1), 4)} ${fact.unit}.`}
        x={{ label: "Share x", domain: [0, 1] }}
        y={{ label: fact.unit, domain: [Math.min(...values) - room, Math.max(...values) + room] }}
        marks={lines.map((each, k) => ({ kind: "line", x: each.map((p) => p.x), y: each.map((p) => fact.at(p)!), colour: ["var(--line)", "var(--second)", "var(--third)"][k % 3], width: 2, dots: true }))}
        rules={[{ axis: "x", at: x, strong: true }]}
        height={210}
        keys={methods.map((method, k) => <li key={method}><Swatch colour={["var(--line)", "var(--second)", "var(--third)"][k % 3]} /> {method}</li>)}
        table={() => ({
          names: ["x", ...methods.map((method) => `${fact.label}, ${method} [${fact.unit}]`)],
          columns: [lines[0].map((p) => p.x), ...lines.map((each) => each.map((p) => fact.at(p)))],
        })}
      />
    </>
  );
}

function scaledBy(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor;
}
