/** Heat capacity, entropy, energies and displacements at the temperature of the slider. */
import { computed, signal } from "@preact/signals";
import { bisector } from "d3-array";
import { number, per, plain, withSpread } from "../format";
import { Card, Choice, Named } from "../parts";
import { Chart, type Mark } from "../plot/Chart";
import type { Quantity, Report } from "../record";
import { basis, kelvin, nearest, thermalIndex } from "../state";

const placed = bisector((x: number) => x).center;
const QUANTITIES: Quantity[] = ["heat_capacity", "entropy", "free_energy", "internal_energy"];
const NAMES: Record<Quantity, string> = {
  heat_capacity: "Heat capacity C_V",
  entropy: "Entropy S",
  free_energy: "Free energy F",
  internal_energy: "Internal energy U",
};
const SHORT: Record<Quantity, string> = { heat_capacity: "C_V", entropy: "S", free_energy: "F", internal_energy: "U" };
const plotted = signal<Quantity>("heat_capacity");
const pointer = computed(() => kelvin.value);
const hovered = signal<number | null>(null);

function inUnits(report: Report, quantity: Quantity) {
  const energy = quantity === "free_energy" || quantity === "internal_energy";
  const factor = report.bases[basis.value] / (energy ? 1000 : 1);
  const wide = report.thermal[`${quantity}_spread`];
  return {
    unit: per(energy ? "kJ" : "J", basis.value, !energy),
    values: report.thermal[quantity].map((v) => v * factor),
    spread: wide ? wide.map((v) => v * factor) : null,
  };
}

export function Thermal({ report }: { report: Report }) {
  const grid = report.thermal.temperatures;
  const k = thermalIndex.value;
  return (
    <Card title={<>Thermodynamics at <span class="value" data-testid="kelvin">{plain(grid[k])} K</span></>} id="thermal">
      <dl class="summary thermal-now" aria-live="polite">
        {QUANTITIES.map((quantity) => {
          const { unit, values, spread } = inUnits(report, quantity);
          return (
            <div key={quantity} data-quantity={quantity}>
              <dt><Named text={NAMES[quantity]} /></dt>
              <dd>
                <span class="value">{withSpread(values[k], spread?.[k])}</span> <span class="unit">{unit}</span>
              </dd>
            </div>
          );
        })}
      </dl>
      <Choice
        legend="Plot" value={plotted.value} options={QUANTITIES} onChange={(q) => (plotted.value = q)}
        names={{ heat_capacity: <Named text="C_V" />, entropy: "S", free_energy: "F", internal_energy: "U" }}
      />
      <Curve report={report} quantity={plotted.value} />
      <p class="note">
        {QUANTITIES.some((quantity) => report.thermal[`${quantity}_spread`]) && "± is one standard deviation of the networks. "}Harmonic, at the volume of the structure given: <Named text="C_V, not C_P" />. U and F hold the zero-point energy.
      </p>
      <Displacements report={report} />
    </Card>
  );
}

function Curve({ report, quantity }: { report: Report; quantity: Quantity }) {
  const grid = report.thermal.temperatures;
  const { unit, values, spread } = inUnits(report, quantity);
  const marks: Mark[] = [];
  if (spread)
    marks.push({ kind: "band", x: grid, low: values.map((v, j) => v - spread[j]), high: values.map((v, j) => v + spread[j]), colour: "var(--line)" });
  marks.push({ kind: "line", x: grid, y: values, colour: "var(--line)", width: 2 });
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  return (
    <Chart
      name={`${NAMES[quantity]} against temperature`}
      description={`${number(values[0], 4)} ${unit} at ${number(grid[0], 3)} K to ${number(values.at(-1), 4)} ${unit} at ${number(grid.at(-1), 4)} K.`}
      x={{ label: "Temperature / K", domain: [grid[0], grid.at(-1)!] }}
      y={{ label: `${SHORT[quantity]} / (${unit})`, domain: [low * 1.05, high * 1.05 || 1] }}
      marks={marks}
      rules={[{ axis: "x", at: pointer.value, strong: true, label: `${plain(grid[nearest(grid, pointer.value)])} K` }]}
      height={250}
      pointer={hovered}
      reading={(t) => {
        const j = placed(grid, t);
        return <><b>{plain(grid[j])} K</b>: {withSpread(values[j], spread?.[j])} {unit}</>;
      }}
      table={() => ({
        names: ["temperature [K]", ...QUANTITIES.flatMap((q) => [`${SHORT[q]} [${inUnits(report, q).unit}]`, `s.d. of ${SHORT[q]}`])],
        columns: [grid, ...QUANTITIES.flatMap((q) => { const f = inUnits(report, q); return [f.values, f.spread ?? grid.map(() => null)]; })],
      })}
    />
  );
}

function Displacements({ report }: { report: Report }) {
  const found = report.displacements;
  if (!found) return null;
  const j = nearest(found.temperatures, report.thermal.temperatures[thermalIndex.value]);
  const name = (site: string | number | Record<string, unknown>, n: number): string =>
    typeof site === "string" ? site : (report.crystal.sites[n]?.label ?? String(n + 1));
  return (
    <>
      <h3>Displacements U<sub>iso</sub> of the atoms at {plain(found.temperatures[j])} K</h3>
      <div class="scroll tall" tabindex={0} role="region" aria-label="Displacements of the atoms">
        <table class="u-iso">
          <thead><tr><th scope="col">Site</th><th scope="col">U<sub>iso</sub> / Å²</th><th scope="col">B<sub>iso</sub> = 8π²U / Å²</th></tr></thead>
          <tbody>
            {grouped(found.u_iso[j], found.spread?.[j] ?? null, report).map((row) => (
              <tr key={row.labels}>
                <th scope="row">{row.labels || name(found.sites[row.first], row.first)}</th>
                <td>{withSpread(row.u, row.spread, 3)}</td>
                <td>{number(row.u * 8 * Math.PI ** 2, 3)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** Sites of equal content and displacement in one row. */
function grouped(values: number[], spread: number[] | null, report: Report) {
  const rows = new Map<string, { first: number; u: number; spread: number | null; names: string[] }>();
  values.forEach((u, n) => {
    const site = report.crystal.sites[n];
    const key = `${Object.keys(site?.elements ?? {}).join()} ${u.toPrecision(5)}`;
    const held = rows.get(key);
    if (held) held.names.push(site.label);
    else rows.set(key, { first: n, u, spread: spread?.[n] ?? null, names: [site?.label ?? String(n + 1)] });
  });
  return [...rows.values()].map((r) => ({
    ...r,
    labels: r.names.length > 4 ? `${r.names[0]} … ${r.names.at(-1)} (${r.names.length})` : r.names.join(", "),
  }));
}
