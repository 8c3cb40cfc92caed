/** The weights: their card, and how wrong they are element by element. */
import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { getJson } from "../api";
import { ELEMENTS, element, place } from "../elements";
import { number, plain, unitText } from "../format";
import { Busy, Card, Choice, Trouble } from "../parts";
import type { Problem } from "../record";
import { asProblem } from "../state";
import { Markdown } from "./Markdown";

interface ElementError {
  n_train: number;
  n?: number | null;
  error: number | null;
  unit: string | null;
  measure: string | null;
}

interface Model {
  name: string;
  kind?: string;
  summary?: string;
  card: { markdown?: string | null; members?: number; training_formulas?: number; parts?: Record<string, number> } & Record<string, unknown>;
  elements: Record<string, ElementError>;
}

type By = "error" | "n_train";

const list = signal<{ default: string; models: { name: string; summary: string }[] } | null>(null);
const model = signal<Model | null>(null);
const trouble = signal<Problem | null>(null);
const by = signal<By>("error");

async function load(name: string): Promise<void> {
  try {
    model.value = await getJson<Model>(`models/${encodeURIComponent(name)}`);
  } catch (error) {
    trouble.value = asProblem(error);
  }
}

export function ModelsView() {
  useEffect(() => {
    getJson<NonNullable<typeof list.value>>("models")
      .then((found) => {
        list.value = found;
        const asked = decodeURIComponent(location.hash.split("/")[1] ?? "");
        return load(asked || model.value?.name || found.default);
      })
      .catch((error) => (trouble.value = asProblem(error)));
  }, []);
  const now = model.value;
  return (
    <article class="models">
      <header class="hero"><h1>The model</h1><p>What it was taught, and how far it can be trusted for your elements.</p></header>
      {trouble.value && <Trouble problem={trouble.value} onClose={() => (trouble.value = null)} />}
      {list.value && now && (
        <Choice
          legend="Weights" value={now.name} options={list.value.models.map((m) => m.name)}
          names={Object.fromEntries(list.value.models.map((m) => [m.name, m.name]))}
          onChange={(name) => {
            history.replaceState(null, "", `#models/${encodeURIComponent(name)}`);
            void load(name);
          }}
        />
      )}
      {!now && !trouble.value && <Busy text="Loading …" />}
      {now && (
        <>
          <p class="lead"><b>{now.name}</b>{now.name === list.value?.default && " (default)"}: {now.summary}</p>
          <Periodic model={now} />
          {now.card.markdown && <Card title="Model card" class="prose"><Markdown text={now.card.markdown} /></Card>}
        </>
      )}
    </article>
  );
}

function figure(value: number | null, quantity: By): string {
  return value === null ? "" : quantity === "n_train" ? plain(value) : number(value, 2);
}

function Periodic({ model: held }: { model: Model }) {
  const chosen = useSignal<string | null>(null);
  const rows = held.elements;
  const known = Object.values(rows).filter((r) => r.error !== null);
  const quantity: By = known.length ? by.value : "n_train";
  const values = Object.values(rows).map((r) => r[quantity]).filter((v): v is number => v !== null && v > 0);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const share = (v: number | null | undefined): number | null =>
    v == null || v <= 0 ? null : high > low ? Math.log(v / low) / Math.log(high / low) : 0.5;
  const unit = unitText(known[0]?.unit ?? "");
  const measure = known[0]?.measure ?? "";
  const table = useRef<HTMLDivElement>(null);
  /** Arrow keys go to the next element in their direction; one stop of the tab key is enough. */
  const walk = (event: KeyboardEvent): void => {
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
    if (!down && !right) return;
    event.preventDefault();
    const [row, column] = place(element(chosen.value ?? "H").number);
    const near = ELEMENTS.map((each) => ({ each, at: place(each.number) }))
      .map(({ each, at }) => ({ each, ahead: (at[0] - row) * down + (at[1] - column) * right, aside: Math.abs(down ? at[1] - column : at[0] - row) }))
      .filter(({ ahead, aside }) => ahead > 0 && aside === 0)
      .sort((a, b) => a.ahead - b.ahead)[0];
    if (near) table.current?.querySelector<HTMLButtonElement>(`[data-symbol=${near.each.symbol}]`)?.focus();
  };
  const detail = chosen.value === null ? null : rows[chosen.value];
  const words = (symbol: string): string => {
    const row = rows[symbol];
    if (!row) return "not in the training data";
    const error = row.error === null ? "no error known" : `error ${number(row.error, 3)} ${unit}`;
    return `${error}, ${row.n_train} training crystals`;
  };
  return (
    <Card
      title={quantity === "error" ? "Error by element" : "Training crystals by element"}
      aside={known.length > 0 && <Choice legend="Colour by" value={quantity} options={["error", "n_train"]} names={{ error: "error", n_train: "training crystals" }} onChange={(v) => (by.value = v)} />}
    >
      {measure && <p class="note">{measure}{unit && `, in ${unit}`}</p>}
      <div class="scroll" tabindex={0} role="region" aria-label="Periodic table">
        <div ref={table} class="periodic" role="list" onKeyDown={walk} aria-label={quantity === "error" ? "Error by element" : "Training crystals by element"}>
          {ELEMENTS.map((each) => {
            const [row, column] = place(each.number);
            const level = share(rows[each.symbol]?.[quantity]);
            return (
              <div role="listitem" key={each.symbol} class="at" style={{ gridRow: row, gridColumn: column }}>
                <button
                  type="button"
                  class={level === null ? "unknown" : `level l${Math.round((quantity === "error" ? level : 1 - level) * 9)}`}
                  aria-label={`${each.name}: ${words(each.symbol)}`}
                  aria-pressed={chosen.value === each.symbol}
                  data-symbol={each.symbol}
                  tabindex={(chosen.value ?? "H") === each.symbol ? 0 : -1}
                  onClick={() => (chosen.value = each.symbol)}
                  onPointerEnter={() => (chosen.value = each.symbol)}
                  onFocus={() => (chosen.value = each.symbol)}
                >
                  <span>{each.symbol}</span>
                  <small>{level === null ? "" : figure(rows[each.symbol][quantity], quantity)}</small>
                </button>
              </div>
            );
          })}
        </div>
      </div>
      <p class="reading" role="status">
        {chosen.value === null ? (
          <span class="quiet">Point at an element, or walk through the table with the arrow keys.</span>
        ) : (
          <><b>{element(chosen.value).name}</b>: {words(chosen.value)}{detail?.n ? `; error over ${detail.n} held-out crystals` : ""}</>
        )}
      </p>
      <ul class="keys scale" aria-label="Key">
        <li>{figure(low, quantity)}</li>
        {Array.from({ length: 10 }, (_, k) => <li key={k} class={`level l${quantity === "error" ? k : 9 - k}`} aria-hidden="true" />)}
        <li>{figure(high, quantity)} {quantity === "error" ? unit : "crystals"}</li>
        <li><span class="unknown box" aria-hidden="true" /> {quantity === "error" ? "not known" : "none"}</li>
      </ul>
    </Card>
  );
}
