/** Modes at Gamma: symmetry, activity, infrared intensity; a chosen one moves in the cell. */
import { Irrep } from "../cell/Cell";
import { number, spaceGroupText, UNIT_NAMES, withSpread } from "../format";
import { Card } from "../parts";
import { Chart, type Mark } from "../plot/Chart";
import type { ModeSet, Report } from "../record";
import { signal } from "@preact/signals";
import { chosen, pointed, said, unit } from "../state";
import { Swatch } from "./Spectrum";

const AXES = ["x", "y", "z"];
const COLOURS = ["var(--line)", "var(--second)", "var(--third)"];
const onlyInfrared = signal(false);

const seenByLight = (set: ModeSet): boolean => set.activity.includes("IR");

function choose(k: number, set: ModeSet): void {
  const off = chosen.value?.set === k;
  chosen.value = off ? null : { set: k, partner: 0 };
  said.value = off ? "Mode stopped" : `Mode ${set.irrep} is shown in the cell`;
}

export function ModeTable({ report }: { report: Report }) {
  const modes = report.modes;
  if (!modes) return null;
  const factor = report.units[unit.value];
  const strongest = Math.max(1e-12, ...modes.sets.map((s) => s.ir_intensity ?? 0));
  const rows = modes.sets.map((set, k) => [set, k] as const).filter(([set]) => !onlyInfrared.value || seenByLight(set));
  return (
    <Card
      title="Modes at Γ"
      id="modes"
      aside={
        <label class="check">
          <input type="checkbox" checked={onlyInfrared.value} onChange={(e) => (onlyInfrared.value = e.currentTarget.checked)} /> infrared-active only
        </label>
      }
    >
      {modes.point_group && <p class="note">Point group {spaceGroupText(modes.point_group)}. Choose a mode to see it move in the cell.</p>}
      <div class="scroll modes" tabindex={0} role="region" aria-label="Table of modes at Gamma">
        <table>
          <thead>
            <tr>
              <th scope="col">Show</th>
              <th scope="col">Irrep</th>
              <th scope="col" class="num">Frequency / {UNIT_NAMES[unit.value]}</th>
              <th scope="col">Active</th>
              <th scope="col" class="num">IR intensity / ((D/Å)²/amu)</th>
              <th scope="col"><span class="offscreen">Intensity as a bar</span></th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([set, k]) => (
              <tr
                key={k}
                class={chosen.value?.set === k ? "chosen" : ""}
                onPointerEnter={() => (pointed.value = set.frequency)}
                onPointerLeave={() => (pointed.value = null)}
              >
                <td>
                  <button
                    type="button"
                    aria-pressed={chosen.value?.set === k}
                    disabled={!set.patterns}
                    aria-label={`Show mode ${k + 1}, ${set.irrep}, at ${number(set.frequency * factor, 4)} ${UNIT_NAMES[unit.value]}`}
                    onClick={() => choose(k, set)}
                  >
                    {chosen.value?.set === k ? "■" : "▶"}
                  </button>
                </td>
                <th scope="row"><Irrep text={set.irrep} />{set.degeneracy > 1 && <span class="quiet"> ×{set.degeneracy}</span>}</th>
                <td class="num">{set.activity === "acoustic" ? "0" : withSpread(set.frequency * factor, set.spread === null ? null : set.spread * factor)}</td>
                <td>{set.activity}</td>
                <td class="num">{seenByLight(set) ? withSpread(set.ir_intensity ?? Number.NaN, set.ir_intensity_spread, 3) : "–"}</td>
                <td>
                  {seenByLight(set) && (
                    <svg class="bar" viewBox="0 0 60 8" aria-hidden="true"><rect width={(60 * (set.ir_intensity ?? 0)) / strongest} height="8" rx="2" /></svg>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {(modes.notes ?? []).map((text) => <p key={text} class="note">{text}</p>)}
      <Infrared report={report} />
    </Card>
  );
}

function Infrared({ report }: { report: Report }) {
  const modes = report.modes!;
  const axis = modes.axis;
  if (!axis || !modes.reflectivity) return null;
  const factor = report.units[unit.value];
  const x = axis.map((w) => w * factor);
  const rows = AXES.map((_, j) => modes.reflectivity!.map((row) => row[j]));
  const same = (a: number[], b: number[]): boolean => a.every((v, k) => Math.abs(v - b[k]) < 1e-4);
  const kept: { name: string; y: number[]; colour: string }[] = [];
  rows.forEach((y, j) => {
    const like = kept.find((each) => same(each.y, y));
    if (like) like.name += ` = ${AXES[j]}`;
    else kept.push({ name: AXES[j], y, colour: COLOURS[kept.length] });
  });
  const marks: Mark[] = kept.map(({ y, colour }) => ({ kind: "line", x, y, colour, width: 1.7 }));
  const eps = (tensor: (number | null)[][] | null | undefined): string =>
    tensor ? [0, 1, 2].map((k) => number(tensor[k][k], 3)).join(", ") : "–";
  return (
    <details class="more">
      <summary>Infrared reflectivity and dielectric constants</summary>
      <Chart
        name="Infrared reflectivity at normal incidence"
        description="Reflectivity of light polarised along x, y and z of the conventional setting."
        x={{ label: `Frequency / ${UNIT_NAMES[unit.value]}`, domain: [0, x.at(-1)!] }}
        y={{ label: "Reflectivity", domain: [0, 1] }}
        marks={marks}
        height={230}
        pointer={pointed}
        scale={factor}
        table={() => ({ names: [`frequency [${unit.value}]`, ...kept.map((each) => `reflectivity ${each.name}`)], columns: [x, ...kept.map((each) => each.y)] })}
      />
      <ul class="keys" aria-label="Key">{kept.map((each) => <li key={each.name}><Swatch colour={each.colour} /> light along {each.name}</li>)}</ul>
      <dl class="facts">
        <div><dt>ε<sub>∞</sub> (xx, yy, zz)</dt><dd>{eps(modes.eps_inf)}</dd></div>
        <div><dt>ε<sub>0</sub> (xx, yy, zz)</dt><dd>{eps(modes.eps_0)}</dd></div>
        <div><dt>Damping</dt><dd>{number((modes.damping ?? 0) * factor, 2)} {UNIT_NAMES[unit.value]}, assumed for all modes</dd></div>
      </dl>
    </details>
  );
}
