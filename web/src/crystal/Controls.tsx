/** Units, basis and temperature: what all numbers of the view obey. */
import { BASES, BASIS_NAMES, plain, UNIT_NAMES, UNITS } from "../format";
import { Choice } from "../parts";
import type { Report } from "../record";
import { basis, kelvin, nearest, thermalIndex, unit } from "../state";

export function Controls({ report }: { report: Report }) {
  const grid = report.thermal.temperatures;
  const at = grid[thermalIndex.value];
  return (
    <div class="controls" role="group" aria-label="How numbers are shown">
      <Choice legend="Frequency in" value={unit.value} options={UNITS} names={UNIT_NAMES} onChange={(u) => (unit.value = u)} />
      <Choice legend="Per" value={basis.value} options={BASES} names={BASIS_NAMES} onChange={(b) => (basis.value = b)} />
      <div class="slider">
        <label for="temperature">Temperature</label>
        <input
          id="temperature" type="range" min="0" max={grid.length - 1} step="1" value={thermalIndex.value}
          aria-valuetext={`${plain(at)} kelvin`}
          onInput={(event) => (kelvin.value = grid[Number(event.currentTarget.value)])}
        />
        <input
          type="number" aria-label="Temperature in kelvin" min={grid[0]} max={grid.at(-1)} step={grid.length > 1 ? grid[1] - grid[0] : 1}
          value={at}
          onChange={(event) => {
            kelvin.value = grid[nearest(grid, Number(event.currentTarget.value))];
            event.currentTarget.value = String(kelvin.value);
          }}
        />
        <span>K</span>
      </div>
    </div>
  );
}
