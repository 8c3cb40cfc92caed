/** Bands along the standard path, and the density of states over the same frequencies. */
import { useMemo } from "preact/hooks";
import { number, pointText, UNIT_NAMES } from "../format";
import { Card } from "../parts";
import { Chart, type Mark } from "../plot/Chart";
import type { Bands, Report, Segment } from "../record";
import { pointed, unit } from "../state";
import { frequencyDomain, modeRule, scaled } from "./Spectrum";

const turned = (rows: number[][], factor: number): number[][] =>
  (rows[0] ?? []).map((_, j) => rows.map((row) => row[j] * factor));

function bundle(segment: Segment, factor: number): Mark {
  const ys = turned(segment.frequencies, factor);
  const wide = segment.spread ? turned(segment.spread, factor) : null;
  return {
    kind: "bundle",
    x: segment.distances,
    ys,
    lows: wide ? ys.map((row, j) => row.map((w, k) => w - wide[j][k])) : undefined,
    highs: wide ? ys.map((row, j) => row.map((w, k) => w + wide[j][k])) : undefined,
    colour: "var(--line)",
  };
}

function Pointed({ report }: { report: Report }) {
  const w = pointed.value;
  return (
    <p class="reading">
      {w === null ? (
        <span class="quiet">Both plots share the frequency axis; imaginary frequencies lie below zero.</span>
      ) : (
        <b>{number(w * report.units[unit.value], 4)} {UNIT_NAMES[unit.value]}</b>
      )}
    </p>
  );
}

export function BandPlot({ report }: { report: Report }) {
  return report.bands && <Plots report={report} bands={report.bands} />;
}

function Plots({ report, bands }: { report: Report; bands: Bands }) {
  const { factor, x, total, spread } = scaled(report);
  const domain = frequencyDomain(report);
  const name = UNIT_NAMES[unit.value];
  const lines = useMemo(() => bands.segments.map((s) => bundle(s, factor)), [bands, factor]);
  const all = bands.segments.flatMap((s) => s.distances);
  const path = bands.ticks.map((t) => pointText(t.label));
  const lowest = Math.min(...bands.segments.flatMap((s) => s.frequencies.map((row) => Math.min(...row))));
  const beside: Mark[] = [{ kind: "line", x: total, y: x, colour: "var(--line)", fill: "x", width: 1.5 }];
  if (spread)
    beside.unshift({
      kind: "band", upward: true, x, colour: "var(--line)", strength: 0.2,
      low: total.map((v, k) => Math.max(0, v - spread[k])), high: total.map((v, k) => v + spread[k]),
    });
  return (
    <Card title="Bands" id="bands">
      <div class="beside">
        <Chart
          name={`Phonon bands of ${report.crystal.formula}`}
          description={`${bands.segments[0]?.frequencies[0]?.length ?? 0} branches along ${path.join(", ")}; lowest frequency ${number(lowest * factor, 3)} ${name}. Shaded: one standard deviation of the networks.`}
          x={{ label: "Wave vector", domain: [Math.min(...all), Math.max(...all)], ticks: bands.ticks.map((t) => ({ at: t.at, label: pointText(t.label) })) }}
          y={{ label: `Frequency / ${name}`, domain }}
          marks={lines}
          rules={[...(domain[0] < 0 ? [{ axis: "y" as const, at: 0 }] : []), ...modeRule(report, "y")]}
          height={420}
          along="y"
          pointer={pointed}
          scale={factor}
          table={() => {
            const n = bands.segments[0].frequencies[0].length;
            return {
              names: ["segment", "distance [1/Å]", ...Array.from({ length: n }, (_, j) => `branch ${j + 1} [${unit.value}]`)],
              columns: [
                bands.segments.flatMap((s) => s.distances.map(() => `${pointText(s.from ?? "")}–${pointText(s.to ?? "")}`)),
                all,
                ...Array.from({ length: n }, (_, j) => bands.segments.flatMap((s) => s.frequencies.map((row) => row[j] * factor))),
              ],
            };
          }}
        />
        <Chart
          name="Density of states beside the bands"
          description="The density of states of the plot above, turned to the axis of the bands."
          x={{ label: "DOS", domain: [0, Math.max(...total) * 1.08], ticks: [] }}
          y={{ label: "", domain, hidden: true }}
          marks={beside}
          rules={modeRule(report, "y")}
          height={420}
          along="y"
          pointer={pointed}
          scale={factor}
        />
      </div>
      <Pointed report={report} />
    </Card>
  );
}
