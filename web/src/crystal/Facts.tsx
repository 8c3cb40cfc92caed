/** The crystal in words, the verdict of its stability, and every reason for doubt. */
import { element } from "../elements";
import { number, plain, spaceGroupText, UNIT_NAMES, withSpread } from "../format";
import { Card } from "../parts";
import type { Report, Site } from "../record";
import { unit } from "../state";

export function contents(sites: Site[]): [string, number][] {
  const found = new Map<string, number>();
  for (const site of sites)
    for (const [symbol, share] of Object.entries(site.elements)) found.set(symbol, (found.get(symbol) ?? 0) + share);
  return [...found];
}

export function Composition({ report }: { report: Report }) {
  const { crystal } = report;
  const whole = contents(crystal.sites);
  const mixed = crystal.sites.filter((s) => {
    const shares = Object.values(s.elements);
    return shares.length > 1 || shares[0] < 0.999;
  });
  return (
    <>
      <ul class="legend" aria-label="Elements in the cell">
        {whole.map(([symbol, count]) => (
          <li key={symbol}>
            <svg class="ball" viewBox="0 0 12 12" aria-hidden="true"><circle cx="6" cy="6" r="5.5" fill={element(symbol).colour} /></svg>
            <span>
              <strong>{symbol}</strong> {number(count, Number.isInteger(count) ? 1 + Math.floor(Math.log10(count)) : 3)}
            </span>
          </li>
        ))}
      </ul>
      <dl class="facts">
        <div><dt>Space group</dt><dd>{crystal.space_group ? <><i>{spaceGroupText(crystal.space_group.symbol)}</i> (no. {crystal.space_group.number})</> : "not found"}</dd></div>
        <div><dt>In the cell</dt><dd>{crystal.n_atoms} atoms, {plain(crystal.n_formula_units)} formula {crystal.n_formula_units === 1 ? "unit" : "units"}</dd></div>
        <div><dt>Volume</dt><dd>{number(crystal.volume_a3, 5)} Å³ per cell</dd></div>
        <div><dt>Density</dt><dd>{number(crystal.density_g_cm3, 4)} g/cm³</dd></div>
      </dl>
      {mixed.length > 0 && (
        <details open={mixed.length < 9}>
          <summary>Shared sites</summary>
          <ul class="plain-list">
            {mixed.map((s) => <li key={s.label}>{s.label}: {Object.entries(s.elements).map(([e, f]) => `${e} ${number(f, 3)}`).join(", ")}</li>)}
          </ul>
        </details>
      )}
    </>
  );
}

const SIGNS = { stable: "✓", unstable: "✕", unsure: "?" } as const;
const HEADS = { stable: "Dynamically stable", unstable: "Dynamically unstable", unsure: "Stability not certain" } as const;

export function Verdict({ report }: { report: Report }) {
  const found = report.stability;
  const kind = found?.verdict ?? "unsure";
  const factor = report.units[unit.value];
  return (
    <section class={`verdict ${kind}`} aria-label="Stability" data-verdict={kind}>
      <span class="sign" aria-hidden="true">{SIGNS[kind]}</span>
      <div>
        <p class="verdict-head">{found ? HEADS[kind] : "No verdict on stability"}</p>
        {!found && <p>This network predicts a spectrum only.</p>}
        {found && (
          <p>
            {found.lowest_frequency !== null && (
              <>
                Lowest frequency{" "}
                <span class="value">
                  {withSpread(found.lowest_frequency * factor, found.spread == null ? null : found.spread * factor, 3)} {UNIT_NAMES[unit.value]}
                </span>
                {found.where ? ` ${found.where.startsWith("near") ? "" : "at "}${found.where}` : ""}
                {found.lowest_frequency < 0 ? " (negative: imaginary)" : ""}.{" "}
              </>
            )}
            {found.probability !== null && <>Probability of instability <span class="value">{number(found.probability, found.probability < 0.1 ? 1 : 2)}</span>.</>}
          </p>
        )}
      </div>
      {report.warnings.length > 0 && (
        <button
          type="button"
          class="doubts"
          onClick={() => {
            const card = document.getElementById("warnings");
            card?.scrollIntoView({ block: "nearest" });
            card?.focus();
          }}
        >
          {report.warnings.length === 1 ? "1 reason for doubt" : `${report.warnings.length} reasons for doubt`}
        </button>
      )}
    </section>
  );
}

export function Warnings({ report }: { report: Report }) {
  const all = report.warnings;
  const absent = Object.entries(report.absent_intervals ?? {});
  if (!all.length && !absent.length) return null;
  return (
    <Card title={all.length === 1 ? "One reason for doubt" : `${all.length || "No"} reasons for doubt`} class="warnings" id="warnings">
      <ul>
        {all.map((text) => <li key={text}>{text}</li>)}
        {absent.map(([key, why]) => <li key={key}>No interval for {key.replaceAll("_", " ")}: {why.replace(/^n\/a: /, "")}</li>)}
      </ul>
    </Card>
  );
}
