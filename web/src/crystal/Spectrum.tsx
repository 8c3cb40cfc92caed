/** The density of states with its error band and the elements' parts, and the numbers under it. */
import { bisector } from "d3-array";
import { lineColours } from "../colours";
import { densityUnit, number, per, UNIT_NAMES, unitText, withInterval, withSpread } from "../format";
import { Card, Choice, Named } from "../parts";
import { signal } from "@preact/signals";
import { Chart, type Mark } from "../plot/Chart";
import type { Report, SummaryRow } from "../record";
import { basis, chosen, pointed, unit } from "../state";

const placed = bisector((x: number) => x).center;
const shown = signal<"parts" | "total">("parts");

export function frequencyDomain(report: Report): [number, number] {
  const factor = report.units[unit.value];
  const { frequencies, densities } = report.dos;
  const top = Math.max(...densities);
  const held = frequencies.filter((_, k) => densities[k] > 1e-4 * top);
  const bands = report.bands?.segments.flatMap((s) => s.frequencies) ?? [];
  let low = Math.min(0, held[0] ?? 0);
  let high = held.at(-1) ?? 1;
  for (const row of bands)
    for (const w of row) {
      if (w < low) low = w;
      if (w > high) high = w;
    }
  return [(low < -1 ? low * 1.08 : 0) * factor, high * 1.04 * factor];
}

export function modeRule(report: Report, axis: "x" | "y") {
  const now = chosen.value;
  const set = now === null ? undefined : report.modes?.sets[now.set];
  return set ? [{ axis, at: set.frequency * report.units[unit.value], label: set.irrep, strong: true }] : [];
}

/** Frequencies and densities in the units on show. */
export function scaled(report: Report) {
  const { dos } = report;
  const factor = report.units[unit.value];
  const share = report.bases[basis.value] / factor;
  const times = (row: number[]): number[] => row.map((v) => v * share);
  return {
    factor,
    x: dos.frequencies.map((w) => w * factor),
    total: times(dos.densities),
    spread: dos.spread ? times(dos.spread) : null,
    parts: Object.entries(dos.elements ?? {}).map(([name, row]) => [name, times(row)] as [string, number[]]),
  };
}

export function symbolOf(part: string): string {
  return /^[A-Z][a-z]?/.exec(part)?.[0] ?? part;
}

export function Spectrum({ report }: { report: Report }) {
  const { factor, x, total, spread, parts } = scaled(report);
  const colours = lineColours(parts.map(([name]) => symbolOf(name)));
  const showParts = parts.length > 1 && shown.value === "parts";
  const name = UNIT_NAMES[unit.value];
  const marks: Mark[] = [];
  if (spread)
    marks.push({
      kind: "band", x, colour: "var(--line)", strength: 0.2,
      low: total.map((v, k) => Math.max(0, v - spread[k])), high: total.map((v, k) => v + spread[k]),
    });
  if (showParts)
    for (const [part, y] of parts) marks.push({ kind: "line", x, y, colour: colours[symbolOf(part)], fill: "y", width: 1.5 });
  marks.push({ kind: "line", x, y: total, colour: "var(--line)", width: 1.8, fill: showParts ? undefined : "y" });
  const top = Math.max(...total.map((v, k) => v + (spread?.[k] ?? 0)));
  const where = densityUnit(unit.value, basis.value);
  const read = (w: number) => {
    const k = placed(report.dos.frequencies, w);
    return (
      <>
        <b>{number(x[k], 4)} {name}</b>: {withSpread(total[k], spread?.[k], 3)} {where}
        {parts.length > 1 && parts.map(([part, row]) => <span key={part}> · {part} {number(row[k], 3)}</span>)}
      </>
    );
  };
  return (
    <Card
      title="Phonon density of states"
      id="dos"
      class="dos"
      aside={parts.length > 1 && (
        <Choice legend="Show" value={shown.value} options={["parts", "total"]} names={{ parts: "by element", total: "total" }} onChange={(v) => (shown.value = v)} />
      )}
    >
      <Chart
        name={`Phonon density of states of ${report.crystal.formula}`}
        description={`From ${number(x[0], 3)} to ${number(x.at(-1), 4)} ${name}; in all ${report.dos.n_modes} modes per cell. Highest at ${number(x[total.indexOf(Math.max(...total))], 4)} ${name}. The data are in the table below the plot.`}
        x={{ label: `Frequency / ${name}`, domain: frequencyDomain(report) }}
        y={{ label: `Density / (${where})`, domain: [0, top * 1.06] }}
        marks={marks}
        rules={modeRule(report, "x")}
        height={330}
        pointer={pointed}
        scale={factor}
        reading={read}
        keys={
          <>
            <li><Swatch colour="var(--line)" /> total</li>
            {spread && <li><Swatch colour="var(--line)" band /> ± 1 s.d. of the networks</li>}
            {showParts && parts.map(([part]) => <li key={part}><Swatch colour={colours[symbolOf(part)]} /> {part}</li>)}
          </>
        }
        table={() => ({
          names: [`frequency [${unit.value}]`, `total [${where}]`, ...(spread ? ["s.d. of the networks"] : []), ...parts.map(([p]) => p)],
          columns: [x, total, ...(spread ? [spread] : []), ...parts.map(([, row]) => row)],
        })}
      />
      <Summary report={report} />
      {!Object.keys(report.intervals ?? {}).length && !Object.keys(report.absent_intervals ?? {}).length && (
        <p class="note">No intervals: how far off these weights are was not calibrated.</p>
      )}
    </Card>
  );
}

export function Swatch({ colour, band = false, dash = false }: { colour: string; band?: boolean; dash?: boolean }) {
  return (
    <svg class="swatch" viewBox="0 0 18 10" aria-hidden="true">
      {band ? <rect width="18" height="10" fill={colour} fill-opacity="0.28" /> : <line x1="0" x2="18" y1="5" y2="5" stroke={colour} stroke-width="2.6" stroke-dasharray={dash ? "5 3" : undefined} />}
    </svg>
  );
}

interface Shown {
  value: string;
  unit: string;
  sure: string | null;
}

/** A row of the summary in the units on show. */
function shownRow(row: SummaryRow, report: Report): Shown {
  let [factor, name] = [1, unitText(row.unit).replace(/ \(.*\)$/, "")];
  if (row.scale === "frequency") [factor, name] = [report.units[unit.value], UNIT_NAMES[unit.value]];
  if (row.scale === "amount") {
    factor = report.bases[basis.value];
    name = per(row.unit.startsWith("kJ") ? "kJ" : "J", basis.value, row.unit.includes("K"));
  }
  const places = Math.max(4, 1 + Math.floor(Math.log10(Math.abs(row.value) || 1)));
  if (row.interval) {
    const ends: [number, number] = [row.interval[0] * factor, row.interval[1] * factor];
    const told = withInterval(row.value * factor, ends);
    const level = report.intervals?.[row.key]?.level ?? 0.9;
    return { value: told.value, unit: name, sure: `${number(100 * level, 2)} % interval: ${told.ends}` };
  }
  if (row.spread !== null) return { value: withSpread(row.value * factor, row.spread * factor, places), unit: name, sure: "± 1 s.d. of the networks" };
  return { value: number(row.value * factor, places), unit: name, sure: null };
}

function Summary({ report }: { report: Report }) {
  return (
    <dl class="summary">
      {report.summary.map((row) => {
        const { value, unit: name, sure } = shownRow(row, report);
        return (
          <div key={row.key} data-key={row.key}>
            <dt><Named text={row.label.replace(/^./, (c) => c.toUpperCase())} /></dt>
            <dd>
              <span class="value">{value}</span> <span class="unit">{name}</span>
              {sure && <small>{sure}</small>}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
