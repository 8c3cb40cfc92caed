/** An alloy along its composition: computed at eleven shares, shown at that of the slider. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { type AlloyAnswer, form, post } from "../api";
import { ELEMENTS } from "../elements";
import { BASIS_NAMES, densityUnit, number, UNIT_NAMES } from "../format";
import { Busy, Card, Choice, Formula, Trouble } from "../parts";
import { Chart, type Mark } from "../plot/Chart";
import type { Problem, Report } from "../record";
import { asProblem, options, source, thermalIndex, unit } from "../state";
import { contents } from "./Facts";
import { Swatch } from "./Spectrum";

const SHARES = Array.from({ length: 11 }, (_, k) => k / 10);
type Kind = "substitute" | "second";

/** Elements of the same column first: those are what chemists put in. */
function partners(symbol: string): string[] {
  const groups = ["Li Na K Rb Cs", "Be Mg Ca Sr Ba", "Sc Y La", "Ti Zr Hf", "V Nb Ta", "Cr Mo W", "Mn Re", "Fe Ru Os", "Co Rh Ir", "Ni Pd Pt", "Cu Ag Au", "Zn Cd Hg", "B Al Ga In Tl", "C Si Ge Sn Pb", "N P As Sb Bi", "O S Se Te", "F Cl Br I"];
  const near = groups.find((g) => g.split(" ").includes(symbol))?.split(" ") ?? [];
  const rest = ELEMENTS.slice(0, 94).map((e) => e.symbol).filter((s) => !near.includes(s));
  return [...near, ...rest].filter((s) => s !== symbol);
}

export function Alloy({ report }: { report: Report }) {
  const elements = contents(report.crystal.sites).map(([symbol]) => symbol);
  const kind = useSignal<Kind>("substitute");
  const from = useSignal(elements[0]);
  const to = useSignal(partners(elements[0])[0]);
  const second = useSignal<File | null>(null);
  const found = useSignal<AlloyAnswer | null>(null);
  const trouble = useSignal<Problem | null>(null);
  const working = useSignal(false);
  useEffect(() => {
    from.value = elements[0];
    to.value = partners(elements[0])[0];
    found.value = null;
    trouble.value = null;
    second.value = null;
  }, [report]);
  const ask = async (): Promise<void> => {
    if (!source.value) return;
    working.value = true;
    trouble.value = null;
    try {
      const kelvin = report.thermal.temperatures[thermalIndex.value];
      const more: Record<string, string | { name: string; text: Blob }> = { x: SHARES.join(","), temperature: String(kelvin) };
      if (kind.value === "second" && second.value) more.second = { name: second.value.name, text: second.value };
      else more.substitute = `${from.value}=${to.value}`;
      const answer = await post("alloy", form(source.value, options.value, more));
      found.value = (await answer.json()) as AlloyAnswer;
    } catch (error) {
      trouble.value = asProblem(error);
    } finally {
      working.value = false;
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
            <label>End member at x = 1 <input type="file" onChange={(e) => (second.value = e.currentTarget.files?.[0] ?? null)} /></label>
            <button type="submit" class="primary" disabled={working.value || !second.value}>Predict the alloy</button>
          </div>
        )}
      </form>
      {working.value && <Busy text="Predicting eleven compositions …" />}
      {trouble.value && <Trouble problem={trouble.value} onClose={() => (trouble.value = null)} />}
      {found.value && <Along report={report} answer={found.value} />}
    </Card>
  );
}

function Along({ report, answer }: { report: Report; answer: AlloyAnswer }) {
  const { spectra, study } = answer;
  const methods = [...new Set(spectra.points.map((p) => p.method))];
  const method = useSignal(methods[0]);
  const place = useSignal(5);
  const points = spectra.points.filter((p) => p.method === method.value);
  const rows = study.results.filter((r) => r.method === method.value);
  const k = Math.min(place.value, points.length - 1);
  const point = points[k];
  const factor = report.units[unit.value];
  const n = report.crystal.n_atoms;
  const x = useMemo(() => spectra.frequencies.map((w) => w * factor), [spectra, factor]);
  const perAtom = (row: number[], atoms = n): number[] => row.map((v) => v / atoms / factor);
  const curves = points.map((p) => perAtom(p.densities, p.n_atoms));
  const top = Math.max(...curves.flat());
  const last = points.length - 1;
  const reach = Math.max(...curves.map((c) => c.findLastIndex((v) => v > 1e-3 * top)));
  const first = Math.min(...curves.map((c) => c.findIndex((v) => v > 1e-3 * top)));
  const marks: Mark[] = [
    { kind: "line", x, y: curves[0], colour: "var(--second)", width: 1.3, faint: true },
    { kind: "line", x, y: curves[last], colour: "var(--third)", width: 1.3, faint: true },
    { kind: "line", x, y: curves[k], colour: "var(--line)", width: 2.1, fill: "y" },
  ];
  const row = rows[k] ?? {};
  const value = (name: string): number | null => {
    const key = Object.keys(row).find((each) => each.startsWith(name));
    return key === undefined ? null : (row[key] as number | null);
  };
  const facts: [string, number | null, string][] = [
    ["Mean frequency", scaledBy(value("mean_frequency"), factor), UNIT_NAMES[unit.value]],
    ["Highest frequency", scaledBy(value("max_frequency ["), factor), UNIT_NAMES[unit.value]],
    ["Heat capacity C_V", value("c_v [J/(K mol"), "J/(K·mol of atoms)"],
    ["Entropy S", value("entropy"), "J/(K·mol of atoms)"],
    ["Free energy F", value("free_energy"), "kJ/mol of atoms"],
    ["Zero-point energy", value("zero_point"), "kJ/mol of atoms"],
  ];
  const unitName = densityUnit(unit.value, "atom");
  return (
    <div class="along" data-testid="alloy">
      {methods.length > 1 && <Choice legend="Mixed sites by" value={method.value} options={methods} names={Object.fromEntries(methods.map((m) => [m, m]))} onChange={(m) => (method.value = m)} />}
      <div class="slider wide">
        <label for="share">Share x</label>
        <input
          id="share" type="range" min="0" max={last} step="1" value={k}
          aria-valuetext={`x = ${number(point.x, 2)}, ${point.formula}`}
          onInput={(event) => (place.value = Number(event.currentTarget.value))}
        />
        <output for="share"><b>x = {number(point.x, 2)}</b> <Formula text={point.formula} /></output>
      </div>
      <Chart
        name={`Density of states of the alloy at x = ${number(point.x, 2)}, ${point.formula}`}
        description={`Spectra of the end members are drawn faint. Per ${BASIS_NAMES.atom}.`}
        x={{ label: `Frequency / ${UNIT_NAMES[unit.value]}`, domain: [Math.min(0, x[Math.max(0, first)]), x[Math.max(1, reach)] * 1.04] }}
        y={{ label: `Density / (${unitName})`, domain: [0, top * 1.05] }}
        marks={marks}
        height={280}
        table={() => ({
          names: [`frequency [${unit.value}]`, ...points.map((p) => `x = ${number(p.x, 2)} [${unitName}]`)],
          columns: [x, ...curves],
        })}
      />
      <ul class="keys" aria-label="Key">
        <li><Swatch colour="var(--line)" /> x = {number(point.x, 2)}</li>
        <li><Swatch colour="var(--second)" /> x = {number(points[0].x, 2)}: <Formula text={points[0].formula} /></li>
        <li><Swatch colour="var(--third)" /> x = {number(points[last].x, 2)}: <Formula text={points[last].formula} /></li>
      </ul>
      <p class="note">At {number(value("temperature") ?? 300, 4)} K:</p>
      <dl class="summary">
        {facts.map(([label, v, name]) => (
          <div key={label} data-alloy={label}><dt>{label.replace("C_V", "Cᵥ")}</dt><dd><span class="value">{number(v, 4)}</span> <span class="unit">{name}</span></dd></div>
        ))}
      </dl>
      {study.notes.length > 0 && (
        <details open>
          <summary>What is assumed</summary>
          <ul class="plain-list">{study.notes.map((text) => <li key={text}>{text}</li>)}</ul>
        </details>
      )}
    </div>
  );
}

function scaledBy(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor;
}
