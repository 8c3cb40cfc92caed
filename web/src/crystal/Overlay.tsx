/** A spectrum from elsewhere, two columns, beside the prediction. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type ComparisonAnswer, form, post } from "../api";
import { number, UNIT_NAMES } from "../format";
import { reference } from "../intake";
import { Busy, Card, FileDrop, Trouble } from "../parts";
import { Chart } from "../plot/Chart";
import type { Problem, Report } from "../record";
import { asProblem, options, pointed, source, unit } from "../state";
import { Swatch } from "./Spectrum";

export function Overlay({ report }: { report: Report }) {
  const found = useSignal<{ name: string; answer: ComparisonAnswer } | null>(null);
  const trouble = useSignal<Problem | null>(null);
  const working = useSignal(false);
  const held = useSignal("");
  const weighted = useSignal(false);
  const last = useSignal<File | null>(null);
  const round = useRef(0);
  useEffect(() => {
    round.current += 1; // an answer about another crystal is not for this one
    working.value = false;
    last.value = null;
    found.value = null;
    trouble.value = null;
  }, [report]);
  const ask = async (file: File): Promise<void> => {
    if (!source.value) return;
    last.value = file;
    round.current += 1;
    const mine = round.current;
    working.value = true;
    trouble.value = null;
    try {
      const more: Record<string, string | { name: string; text: Blob }> = { reference: { name: file.name, text: file } };
      if (held.value) more.reference_units = held.value;
      if (weighted.value) more.neutron = "true";
      const answer = await post("compare", form(source.value, options.value, more));
      const read = (await answer.json()) as ComparisonAnswer;
      if (round.current === mine) found.value = { name: file.name, answer: read };
    } catch (error) {
      if (round.current === mine) trouble.value = asProblem(error);
    } finally {
      if (round.current === mine) working.value = false;
    }
  };
  useEffect(() => {
    const file = reference.value;
    if (!file) return;
    reference.value = null;
    void ask(file);
  }, [reference.value]);
  const again = (): void => void (last.value && ask(last.value));
  const factor = report.units[unit.value];
  return (
    <Card title="Beside a measured or calculated spectrum" id="compare">
      <div class="row">
        <FileDrop label="Drop two columns: frequency, intensity" hint="csv, dat, txt; measured or calculated" onFiles={([file]) => void ask(file)} />
        <label>
          Its frequencies are in{" "}
          <select value={held.value} onChange={(e) => { held.value = e.currentTarget.value; again(); }}>
            <option value="">what its header says</option>
            <option value="cm-1">cm⁻¹</option>
            <option value="THz">THz</option>
            <option value="meV">meV</option>
          </select>
        </label>
        <label class="check">
          <input type="checkbox" checked={weighted.value} onChange={(e) => { weighted.value = e.currentTarget.checked; again(); }} /> neutron-weighted
        </label>
      </div>
      {working.value && <Busy text="Comparing …" />}
      {trouble.value && <Trouble problem={trouble.value} onClose={() => (trouble.value = null)} />}
      {found.value && <Beside name={found.value.name} answer={found.value.answer} factor={factor} />}
    </Card>
  );
}

function Beside({ name, answer, factor }: { name: string; answer: ComparisonAnswer; factor: number }) {
  const { curves, comparison } = answer;
  const x = curves.frequencies.map((w) => w * factor);
  const top = Math.max(...curves.reference, ...curves.prediction);
  return (
    <div class="along" data-testid="comparison">
      <p>
        Wasserstein distance <span class="value">{number(comparison["wasserstein_cm-1"] * factor, 3)}</span> {UNIT_NAMES[unit.value]} between the prediction and {name}.
      </p>
      <Chart
        name={`Prediction beside ${name}`}
        description={`Both over the maximum of the reference. Wasserstein distance ${number(comparison["wasserstein_cm-1"] * factor, 3)} ${UNIT_NAMES[unit.value]}.`}
        x={{ label: `Frequency / ${UNIT_NAMES[unit.value]}`, domain: [Math.min(0, x[0]), x.at(-1)!] }}
        y={{ label: "Over the maximum of the reference", domain: [Math.min(0, ...curves.reference), top * 1.05] }}
        marks={[
          { kind: "line", x, y: curves.reference, colour: "var(--second)", width: 1.8, dash: "6 4" },
          { kind: "line", x, y: curves.prediction, colour: "var(--line)", width: 1.8, fill: "y" },
        ]}
        height={280}
        keys={
          <>
            <li><Swatch colour="var(--line)" /> prediction</li>
            <li><Swatch colour="var(--second)" dash /> {name}</li>
          </>
        }
        pointer={pointed}
        scale={factor}
        table={() => ({ names: [`frequency [${unit.value}]`, "reference", "prediction"], columns: [x, curves.reference, curves.prediction] })}
      />
      <ul class="plain-list">{comparison.notes.map((text) => <li key={text}>{text}</li>)}</ul>
    </div>
  );
}
