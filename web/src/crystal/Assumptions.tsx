/** What a prediction may be told: weights, metal, isotopes. */
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getJson } from "../api";
import { Card } from "../parts";
import type { Report } from "../record";
import { busy, options, run, source } from "../state";
import { contents } from "./Facts";

interface Models {
  default: string;
  models: { name: string; summary: string }[];
}

const models = signal<Models | null>(null);

export function Assumptions({ report }: { report: Report }) {
  const model = useSignal(options.value.model);
  const metal = useSignal(options.value.metal);
  const isotopes = useSignal(options.value.isotopes.join(", "));
  useEffect(() => {
    if (models.value === null) getJson<Models>("models").then((found) => (models.value = found)).catch(() => undefined);
  }, []);
  useEffect(() => {
    const now = options.value;
    model.value = now.model;
    metal.value = now.metal;
    isotopes.value = now.isotopes.join(", ");
  }, [report]);
  const first = contents(report.crystal.sites)[0]?.[0] ?? "O";
  return (
    <Card title="Assumptions" id="assumptions">
      <form
        class="assumptions"
        onSubmit={(event) => {
          event.preventDefault();
          const masses = isotopes.value.split(/[,;\s]+/).filter(Boolean);
          if (source.value) void run(source.value, { model: model.value, metal: metal.value, isotopes: masses });
        }}
      >
        <label>
          Weights
          <select value={model.value} onChange={(e) => (model.value = e.currentTarget.value)}>
            <option value="">{models.value ? `${models.value.default} (default)` : "default"}</option>
            {(models.value?.models ?? []).filter((m) => m.name !== models.value?.default).map((m) => (
              <option key={m.name} value={m.name}>{m.name}: {m.summary}</option>
            ))}
          </select>
        </label>
        <label>
          Isotopes
          <input
            type="text" value={isotopes.value} placeholder={`${first}=… , for example O=O18, H=D, 3=O18`} spellcheck={false}
            onInput={(e) => (isotopes.value = e.currentTarget.value)} aria-describedby="isotope-hint"
          />
          <small id="isotope-hint">element = isotope or mass in amu; a number is a site, counted from 1</small>
        </label>
        <label class="check">
          <input type="checkbox" checked={metal.value} onChange={(e) => (metal.value = e.currentTarget.checked)} />
          <span>It is a metal: leave the charges out, whose field metals screen</span>
        </label>
        <button type="submit" class="primary" disabled={busy.value !== null}>Predict again</button>
      </form>
    </Card>
  );
}
