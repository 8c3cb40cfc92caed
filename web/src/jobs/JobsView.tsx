/** Many crystals: a job, its progress, the table that comes of it, and what failed and why. */
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getJson, post, Refusal, remove } from "../api";
import { number, unitText } from "../format";
import { submit, waiting } from "../intake";
import { Busy, Card, FileDrop, Trouble } from "../parts";
import type { Problem } from "../record";
import { asProblem, said } from "../state";

interface Failure {
  name: string;
  source: string | null;
  summary: string;
  reason: string;
  fix: string;
}

interface State {
  state: string;
  done: number;
  total: number | null;
  failed: number;
  seconds: number;
  failures: Failure[];
}

interface Column {
  name: string;
  unit: string | null;
  description: string | null;
}

type Cell = string | number | boolean | null | (string | number)[];

interface Rows {
  columns: Column[];
  rows: (Cell[] | Record<string, Cell>)[];
  total: number;
}

const PAGE = 50;
const LAST = ["source", "status", "reason", "trust", "warnings", "notes", "fix"]; // columns of words, behind the numbers
const ENDED = ["done", "finished", "failed", "cancelled", "ended", "stopped"];
const trouble = signal<Problem | null>(null);
const sending = signal(false);
const job = signal<string | null>(null);

function fromHash(): string | null {
  return location.hash.split("/")[1] || null;
}

async function send(files: File[]): Promise<void> {
  const data = new FormData();
  for (const file of files) data.append("file", file, file.name);
  sending.value = true;
  trouble.value = null;
  try {
    const answer = (await (await post("jobs", data)).json()) as { id: string };
    history.pushState(null, "", `#jobs/${answer.id}`);
    job.value = answer.id;
    said.value = "The job has begun";
  } catch (error) {
    trouble.value = asProblem(error);
  } finally {
    sending.value = false;
  }
}

function ordered(found: Rows): Rows {
  const order = found.columns.map((_, k) => k).sort((a, b) => LAST.indexOf(found.columns[a].name) - LAST.indexOf(found.columns[b].name) || a - b);
  return {
    total: found.total,
    columns: order.map((k) => found.columns[k]),
    rows: found.rows.map((row) => (Array.isArray(row) ? order.map((k) => row[k]) : row)),
  };
}

export function JobsView() {
  useEffect(() => {
    job.value = fromHash();
    const back = (): void => {
      if (location.hash.startsWith("#jobs")) job.value = fromHash();
    };
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  useEffect(() => {
    const files = waiting.value;
    if (!files) return;
    waiting.value = null;
    void send(files);
  }, [waiting.value]);
  return (
    <article class="jobs">
      <header class="hero"><h1>Many crystals</h1><p>One row a structure: frequencies, thermodynamics, stability, and how sure each is. What cannot be predicted is named, with the reason.</p></header>
      <FileDrop big={job.value === null} multiple label="Drop a zip, an extxyz, a JSON or several structure files, or choose them" hint="the table can be sorted while it grows, and taken as CSV or Parquet" onFiles={submit} />
      {sending.value && <Busy text="Sending the files …" />}
      {trouble.value && <Trouble problem={trouble.value} onClose={() => (trouble.value = null)} />}
      {job.value && <Job id={job.value} key={job.value} />}
    </article>
  );
}

function Job({ id }: { id: string }) {
  const state = useSignal<State | null>(null);
  const rows = useSignal<Rows | null>(null);
  const sort = useSignal<{ column: string; descending: boolean } | null>(null);
  const offset = useSignal(0);
  const gone = useSignal<Problem | null>(null);
  const lost = useSignal<Problem | null>(null);
  const path = `jobs/${encodeURIComponent(id)}`;
  const over = state.value !== null && (ENDED.includes(state.value.state) || (state.value.total !== null && state.value.total > 0 && state.value.done >= state.value.total));

  const table = async (): Promise<void> => {
    const query = new URLSearchParams({ offset: String(offset.value), limit: String(PAGE) });
    if (sort.value) {
      query.set("sort", sort.value.column);
      query.set("descending", String(sort.value.descending));
    }
    try {
      rows.value = ordered(await getJson<Rows>(`${path}/rows?${query}`));
    } catch (error) {
      if (state.value && over) gone.value = asProblem(error);
    }
  };
  useEffect(() => {
    let timer = 0;
    let live = true;
    let rest = 400; // [ms]
    const look = async (): Promise<void> => {
      try {
        const now = await getJson<State>(path);
        if (!live) return;
        lost.value = null;
        const news = now.done !== state.value?.done || now.state !== state.value?.state;
        state.value = now;
        if (news) await table();
        if (ENDED.includes(now.state)) {
          said.value = `The job has ended: ${now.done - now.failed} of ${now.done} predicted, ${now.failed} failed`;
          return;
        }
      } catch (error) {
        if (!live) return;
        // the job goes on without its watcher: only an answer ends the watch, not a lost connection
        if (!(error instanceof Refusal) || error.status !== 0) {
          gone.value = asProblem(error);
          return;
        }
        lost.value = error;
      }
      rest = Math.min(2500, rest * 1.2);
      timer = window.setTimeout(() => void look(), rest);
    };
    void look();
    return () => {
      live = false;
      clearTimeout(timer);
    };
  }, []);
  useEffect(() => {
    if (state.value) void table();
  }, [sort.value, offset.value]);

  if (gone.value) return <Trouble problem={gone.value} />;
  const now = state.value;
  const silence = lost.value && <Trouble problem={lost.value} />;
  if (!now) return silence ?? <Busy text="Asking for the job …" />;
  const total = now.total ?? 0;
  return (
    <>
      {silence}
      <Card
        title={over ? "Done" : "At work"}
        aside={
          <button
            type="button"
            onClick={async () => {
              try {
                await remove(path);
              } catch {
                /* it is gone already */
              }
              history.pushState(null, "", "#jobs");
              job.value = null;
            }}
          >
            {over ? "Remove" : "Cancel"}
          </button>
        }
      >
        <progress value={now.done} max={Math.max(1, total)} aria-label="Structures done" />
        <p class="job-state" data-state={now.state}>
          <b>{now.done}</b> of {total || "?"} structures, <b>{now.failed}</b> failed, {number(now.seconds, 3)} s
        </p>
        <div class="buttons">
          <a class="button" href={`api/v1/${path}/table.csv`} download={`phonodos-${id.slice(0, 8)}.csv`}>CSV</a>
          <a class="button" href={`api/v1/${path}/table.parquet`} download={`phonodos-${id.slice(0, 8)}.parquet`}>Parquet</a>
        </div>
      </Card>
      {now.failures.length > 0 && (
        <Card title={`${now.failures.length} failed`} class="failures">
          <ul class="plain-list">
            {now.failures.map((each, k) => (
              <li key={k}>
                <b>{each.summary.startsWith(each.name) ? each.summary : `${each.name}: ${each.summary}`}</b>
                {each.source && <span class="quiet"> in {each.source}</span>}
                <br />
                {each.reason}. <span class="quiet">What to do: {each.fix}</span>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {rows.value && rows.value.total > 0 && <Table rows={rows.value} sort={sort.value} offset={offset.value} onSort={(column) => {
        sort.value = { column, descending: sort.value?.column === column ? !sort.value.descending : false };
        offset.value = 0;
      }} onOffset={(k) => (offset.value = k)} />}
    </>
  );
}

function shown(cell: Cell): string {
  if (cell === null || cell === undefined) return "–";
  if (typeof cell === "number") return Number.isInteger(cell) ? String(cell) : number(cell, 5);
  if (Array.isArray(cell)) return cell.map((c) => shown(c)).join("; ");
  if (typeof cell === "object") return JSON.stringify(cell);
  return String(cell);
}

function Table({ rows, sort, offset, onSort, onOffset }: {
  rows: Rows;
  sort: { column: string; descending: boolean } | null;
  offset: number;
  onSort: (column: string) => void;
  onOffset: (offset: number) => void;
}) {
  const { columns, total } = rows;
  const value = (row: Cell[] | Record<string, Cell>, k: number): Cell => (Array.isArray(row) ? row[k] : row[columns[k].name]);
  const last = Math.min(total, offset + rows.rows.length);
  return (
    <Card title="Results" class="results" aside={
      <div class="pages">
        <span>{offset + 1} to {last} of {total}</span>
        <button type="button" disabled={offset === 0} onClick={() => onOffset(Math.max(0, offset - PAGE))}>Back</button>
        <button type="button" disabled={last >= total} onClick={() => onOffset(offset + PAGE)}>On</button>
      </div>
    }>
      <div class="scroll wide-table" tabindex={0} role="region" aria-label="Table of results">
        <table>
          <thead>
            <tr>
              {columns.map((column) => {
                const mine = sort?.column === column.name;
                return (
                  <th key={column.name} scope="col" aria-sort={mine ? (sort.descending ? "descending" : "ascending") : "none"}>
                    <button type="button" title={column.description ?? undefined} onClick={() => onSort(column.name)}>
                      {column.name.replaceAll("_", " ")}{" "}
                      {column.unit && <small>{unitText(column.unit)}</small>}
                      <span aria-hidden="true">{mine ? (sort.descending ? "▾" : "▴") : ""}</span>
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {rows.rows.map((row, j) => (
              <tr key={j}>
                {columns.map((column, k) => {
                  const cell = value(row, k);
                  const text = shown(cell);
                  return <td key={column.name} class={typeof cell === "number" ? "num" : ""} title={text.length > 40 ? text : undefined}>{text.length > 40 ? `${text.slice(0, 39)}…` : text}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
