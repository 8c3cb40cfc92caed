/** Lines, bands and filled parts over two axes, as SVG: sharp in print, readable by machines. */
import { useComputed, useSignal, type Signal } from "@preact/signals";
import { ticks as niceTicks } from "d3-array";
import { area, line } from "d3-shape";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import { csv, number, plain } from "../format";
import { copy } from "../save";

export interface Line {
  kind: "line";
  name?: string;
  x: number[];
  y: number[];
  colour: string;
  width?: number;
  dash?: string;
  /** Fill down to the zero of y (or of x, where the line runs upward). */
  fill?: "y" | "x";
  faint?: boolean;
  /** Mark every point. */
  dots?: boolean;
}

export interface Band {
  kind: "band";
  name?: string;
  /** Where the band runs along y, `x` holds its place and low and high are of x. */
  upward?: boolean;
  x: number[];
  low: number[];
  high: number[];
  colour: string;
  strength?: number;
}

/** Many lines of one look, drawn as one path. */
export interface Bundle {
  kind: "bundle";
  x: number[];
  ys: number[][];
  lows?: number[][];
  highs?: number[][];
  colour: string;
}

export type Mark = Line | Band | Bundle;

export interface Axis {
  label: string;
  domain: [number, number];
  ticks?: { at: number; label: string }[];
  hidden?: boolean;
}

export interface Rule {
  axis: "x" | "y";
  at: number;
  label?: string;
  strong?: boolean;
}

export interface Table {
  names: string[];
  columns: (number | string | null)[][];
}

interface Props {
  name: string;
  description: string;
  x: Axis;
  y: Axis;
  marks: Mark[];
  rules?: Rule[];
  height?: number;
  /** The axis that the pointer reads, a signal that several charts may share, and what is read there. */
  along?: "x" | "y";
  pointer?: Signal<number | null>;
  scale?: number;
  reading?: (value: number) => ComponentChildren;
  table?: () => Table;
  keys?: ComponentChildren;
}

const LEFT = 62;
const RIGHT = 14;
const TOP = 10;
const BOTTOM = 42;

function bounds(domain: [number, number]): [number, number] {
  const [low, high] = domain;
  return high > low ? domain : [low, low + 1];
}

function bundlePath(mark: Bundle, px: (v: number) => number, py: (v: number) => number): string {
  return mark.ys
    .map((ys) => ys.map((y, k) => `${k ? "L" : "M"}${px(mark.x[k]).toFixed(1)} ${py(y).toFixed(1)}`).join(""))
    .join("");
}

function ribbonPath(mark: Bundle, px: (v: number) => number, py: (v: number) => number): string {
  const draw = area<number>()
    .x((k) => px(mark.x[k]))
    .y0((k) => py(current.low[k]))
    .y1((k) => py(current.high[k]))
    .digits(1);
  let current = { low: [] as number[], high: [] as number[] };
  return (mark.lows ?? [])
    .map((low, j) => {
      current = { low, high: mark.highs![j] };
      return draw(low.map((_, k) => k)) ?? "";
    })
    .join("");
}

function draw(mark: Mark, px: (v: number) => number, py: (v: number) => number, key: number) {
  if (mark.kind === "bundle") {
    return (
      <g key={key}>
        {mark.lows && <path d={ribbonPath(mark, px, py)} fill={mark.colour} fill-opacity="0.22" fill-rule="nonzero" />}
        <path d={bundlePath(mark, px, py)} fill="none" stroke={mark.colour} stroke-width="1.2" />
      </g>
    );
  }
  const places = mark.x.map((_, k) => k);
  if (mark.kind === "band") {
    const path = mark.upward
      ? area<number>().y((k) => py(mark.x[k])).x0((k) => px(mark.low[k])).x1((k) => px(mark.high[k])).digits(1)(places)
      : area<number>().x((k) => px(mark.x[k])).y0((k) => py(mark.low[k])).y1((k) => py(mark.high[k])).digits(1)(places);
    return <path key={key} d={path ?? ""} fill={mark.colour} fill-opacity={mark.strength ?? 0.25} />;
  }
  const path = line<number>().x((k) => px(mark.x[k])).y((k) => py(mark.y[k])).digits(1)(places) ?? "";
  const filled =
    mark.fill === "y"
      ? area<number>().x((k) => px(mark.x[k])).y0(py(0)).y1((k) => py(mark.y[k])).digits(1)(places)
      : mark.fill === "x"
        ? area<number>().y((k) => py(mark.y[k])).x0(px(0)).x1((k) => px(mark.x[k])).digits(1)(places)
        : null;
  return (
    <g key={key} opacity={mark.faint ? 0.45 : 1}>
      {filled && <path d={filled} fill={mark.colour} fill-opacity="0.13" />}
      <path
        d={path}
        fill="none"
        stroke={mark.colour}
        stroke-width={mark.width ?? 1.6}
        stroke-dasharray={mark.dash}
        stroke-linejoin="round"
      />
      {mark.dots && places.map((k) => <circle key={k} cx={px(mark.x[k])} cy={py(mark.y[k])} r="3.2" fill={mark.colour} />)}
    </g>
  );
}

export function Chart(props: Props) {
  const { x, y, marks, rules = [], height = 320, along = "x", scale = 1 } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(720);
  const own = useSignal<number | null>(null);
  const pointer = props.pointer ?? own;
  /** The stretch of x that is shown, over `scale`, and the one that is being drawn with the mouse. */
  const zoom = useSignal<[number, number] | null>(null);
  const drawnOut = useSignal<[number, number] | null>(null);
  const id = useId();
  useEffect(() => {
    zoom.value = null;
  }, [props.name]);
  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => {
      const found = Math.round(entry.contentRect.width);
      if (found > 0) width.value = found;
    });
    if (box.current) seen.observe(box.current);
    return () => seen.disconnect();
  }, []);

  const left = y.hidden ? 10 : LEFT;
  const inner = Math.max(40, width.value - left - RIGHT);
  const tall = height - TOP - BOTTOM;
  const [whole0, whole1] = bounds(x.domain);
  const zoomable = along === "x" && !x.ticks;
  const [x0, x1] = zoom.value && zoomable ? [zoom.value[0] * scale, zoom.value[1] * scale] : [whole0, whole1];
  const [y0, y1] = bounds(y.domain);
  const px = (value: number): number => left + ((value - x0) / (x1 - x0)) * inner;
  const py = (value: number): number => TOP + tall - ((value - y0) / (y1 - y0)) * tall;

  const xTicks = x.ticks ?? niceTicks(x0, x1, Math.max(2, Math.floor(inner / 80))).map((at) => ({ at, label: tickText(at) }));
  const yTicks = y.ticks ?? niceTicks(y0, y1, Math.max(2, Math.floor(tall / 48))).map((at) => ({ at, label: tickText(at) }));
  const rows = staggered(xTicks.map((t) => ({ at: px(t.at), width: 7.5 * t.label.length })));
  const drawn = useMemo(() => marks.map((mark, k) => draw(mark, px, py, k)), [marks, width.value, x0, x1, y0, y1, height]);

  const move = (event: PointerEvent): void => {
    const frame = (event.currentTarget as SVGElement).getBoundingClientRect();
    const value =
      along === "x"
        ? x0 + ((event.clientX - frame.left - left) / inner) * (x1 - x0)
        : y0 + ((TOP + tall - (event.clientY - frame.top)) / tall) * (y1 - y0);
    const [low, high] = along === "x" ? [x0, x1] : [y0, y1];
    pointer.value = value >= low && value <= high ? value / scale : null;
    if (drawnOut.value) drawnOut.value = [drawnOut.value[0], Math.min(x1, Math.max(x0, value)) / scale];
  };
  const press = (event: PointerEvent): void => {
    if (!zoomable || event.pointerType !== "mouse" || event.button !== 0 || pointer.value === null) return;
    (event.currentTarget as SVGElement).setPointerCapture(event.pointerId);
    drawnOut.value = [pointer.value, pointer.value];
  };
  const release = (): void => {
    const found = drawnOut.value;
    drawnOut.value = null;
    if (!found) return;
    const [low, high] = [Math.min(...found), Math.max(...found)];
    if ((high - low) * scale > 0.015 * (x1 - x0)) zoom.value = [low, high];
  };
  const magnify = (factor: number): void => {
    const middle = pointer.value === null ? (x0 + x1) / 2 : pointer.value * scale;
    const half = ((x1 - x0) * factor) / 2;
    const [low, high] = [Math.max(whole0, middle - half), Math.min(whole1, middle + half)];
    zoom.value = low <= whole0 && high >= whole1 ? null : [low / scale, high / scale];
  };
  const key = (event: KeyboardEvent): void => {
    const forward = ["ArrowRight", "ArrowUp"].includes(event.key);
    const backward = ["ArrowLeft", "ArrowDown"].includes(event.key);
    if (event.key === "Escape") {
      if (pointer.value === null) zoom.value = null;
      pointer.value = null;
    }
    if (zoomable && !event.ctrlKey && !event.metaKey && "+=-".includes(event.key)) {
      event.preventDefault();
      magnify(event.key === "-" ? 1.5 : 1 / 1.5);
    }
    if (!forward && !backward) return;
    event.preventDefault();
    const [low, high] = along === "x" ? [x0, x1] : [y0, y1];
    const step = ((high - low) / 100) * (event.shiftKey ? 10 : 1) * (forward ? 1 : -1);
    const now = pointer.value === null ? (forward ? low : high) : pointer.value * scale + step;
    pointer.value = Math.min(high, Math.max(low, now)) / scale;
  };
  const zero = along === "x" ? x0 < 0 : y0 < 0;
  return (
    <figure class="chart">
      <div ref={box} class="chart-box">
        <svg
          viewBox={`0 0 ${width.value} ${height}`}
          height={height}
          role="img"
          aria-labelledby={`${id}t ${id}d`}
          tabindex={0}
          onPointerMove={move}
          onPointerLeave={() => (pointer.value = null)}
          onPointerDown={press}
          onPointerUp={release}
          onPointerCancel={() => (drawnOut.value = null)}
          onDblClick={() => (zoom.value = null)}
          onKeyDown={key}
          class={zoomable ? "zoomable" : undefined}
        >
          <title id={`${id}t`}>{props.name}</title>
          <desc id={`${id}d`}>{props.description}</desc>
          <clipPath id={`${id}c`}>
            <rect x={left} y={TOP} width={inner} height={tall} />
          </clipPath>
          {zero && along === "x" && <rect class="imaginary" clip-path={`url(#${id}c)`} x={left} y={TOP} width={Math.max(0, px(0) - left)} height={tall} />}
          {zero && along === "y" && <rect class="imaginary" clip-path={`url(#${id}c)`} x={left} y={py(0)} width={inner} height={Math.max(0, TOP + tall - py(0))} />}
          <g class="grid">
            {yTicks.map((t) => <line key={t.at} x1={left} x2={left + inner} y1={py(t.at)} y2={py(t.at)} />)}
            {x.ticks ? xTicks.map((t) => <line class="strong" key={t.at} x1={px(t.at)} x2={px(t.at)} y1={TOP} y2={TOP + tall} />) : null}
          </g>
          <g clip-path={`url(#${id}c)`}>{drawn}</g>
          <g class="axis">
            <rect x={left} y={TOP} width={inner} height={tall} fill="none" />
            {xTicks.map((t, k) => (
              <g key={t.at}>
                {!x.ticks && <line x1={px(t.at)} x2={px(t.at)} y1={TOP + tall} y2={TOP + tall + 5} />}
                <text x={px(t.at)} y={TOP + tall + (rows[k] ? 30 : 17)} text-anchor="middle">{t.label}</text>
              </g>
            ))}
            {!y.hidden &&
              yTicks.map((t) => (
                <g key={t.at}>
                  <line x1={left - 5} x2={left} y1={py(t.at)} y2={py(t.at)} />
                  <text x={left - 8} y={py(t.at) + 4} text-anchor="end">{t.label}</text>
                </g>
              ))}
            <text class="label" x={left + inner / 2} y={height - 5} text-anchor="middle">{rows.some(Boolean) ? "" : <Lowered text={x.label} />}</text>
            {!y.hidden && (
              <text class="label" transform={`translate(13 ${TOP + tall / 2}) rotate(-90)`} text-anchor="middle"><Lowered text={y.label} /></text>
            )}
          </g>
          {rules.map((rule, k) => {
            const at = rule.axis === "x" ? px(rule.at) : py(rule.at);
            const inside = rule.axis === "x" ? at >= left && at <= left + inner : at >= TOP && at <= TOP + tall;
            if (!inside) return null;
            return (
              <g key={k} class={rule.strong ? "rule strong" : "rule"}>
                {rule.axis === "x" ? (
                  <line x1={at} x2={at} y1={TOP} y2={TOP + tall} />
                ) : (
                  <line x1={left} x2={left + inner} y1={at} y2={at} />
                )}
                {rule.label && (
                  <text
                    x={rule.axis === "x" ? at + (at > left + inner - 90 ? -5 : 5) : left + 5}
                    y={rule.axis === "x" ? TOP + 13 : at - 5}
                    text-anchor={rule.axis === "x" && at > left + inner - 90 ? "end" : "start"}
                  >
                    {rule.label}
                  </text>
                )}
              </g>
            );
          })}
          {drawnOut.value && (
            <rect
              class="drawn-out" y={TOP} height={tall}
              x={px(Math.min(...drawnOut.value) * scale)} width={Math.abs(px(drawnOut.value[1] * scale) - px(drawnOut.value[0] * scale))}
            />
          )}
          <Pointer pointer={pointer} along={along} scale={scale} px={px} py={py} left={left} inner={inner} tall={tall} />
        </svg>
        {zoom.value && zoomable && (
          <button type="button" class="unzoom" onClick={() => (zoom.value = null)}>Whole range</button>
        )}
      </div>
      {props.keys && <ul class="keys" aria-label="Key">{props.keys}</ul>}
      {props.reading && <Reading pointer={pointer} reading={props.reading} />}
      {props.table && <DataTable name={props.name} table={props.table} />}
    </figure>
  );
}

function tickText(value: number): string {
  return Math.abs(value) < 1e-12 ? "0" : plain(value);
}

/** Which labels go to a second row, for want of room beside the one before. */
function staggered(labels: { at: number; width: number }[]): boolean[] {
  let end = Number.NEGATIVE_INFINITY;
  let before = false;
  return labels.map(({ at, width }) => {
    const low = at - width / 2 < end + 3 && !before;
    end = Math.max(end, at + width / 2);
    before = low;
    return low;
  });
}

/** `C_V / unit` with the letter behind the stroke lowered. */
function Lowered({ text }: { text: string }) {
  const found = /^(\w)_(\w)(.*)$/.exec(text);
  if (!found) return <>{text}</>;
  return <>{found[1]}<tspan dy="3" font-size="9">{found[2]}</tspan><tspan dy="-3">{found[3]}</tspan></>;
}

interface PointerProps {
  pointer: Signal<number | null>;
  along: "x" | "y";
  scale: number;
  px: (v: number) => number;
  py: (v: number) => number;
  left: number;
  inner: number;
  tall: number;
}

function Pointer({ pointer, along, scale, px, py, left, inner, tall }: PointerProps) {
  if (pointer.value === null) return null;
  const at = (along === "x" ? px : py)(pointer.value * scale);
  if (along === "x" ? at < left || at > left + inner : at < TOP || at > TOP + tall) return null;
  return along === "x" ? (
    <line class="pointer" x1={at} x2={at} y1={TOP} y2={TOP + tall} />
  ) : (
    <line class="pointer" x1={left} x2={left + inner} y1={at} y2={at} />
  );
}

function Reading({ pointer, reading }: { pointer: Signal<number | null>; reading: (v: number) => ComponentChildren }) {
  const text = useComputed(() => pointer.value);
  return (
    <p class="reading" aria-live="off">
      {text.value === null ? <span class="quiet">Point at the plot (or use the arrow keys) to read values; draw over a stretch (or + and −) to enlarge it.</span> : reading(text.value)}
    </p>
  );
}

const SHOWN = 60;

function DataTable({ name, table }: { name: string; table: () => Table }) {
  const open = useSignal(false);
  const told = useSignal("");
  return (
    <details class="data" onToggle={(event) => (open.value = (event.currentTarget as HTMLDetailsElement).open)}>
      <summary>Data of this plot</summary>
      {open.value && <Rows name={name} table={table()} told={told} />}
    </details>
  );
}

function Rows({ name, table, told }: { name: string; table: Table; told: Signal<string> }) {
  const length = table.columns[0]?.length ?? 0;
  const every = Math.max(1, Math.ceil(length / SHOWN));
  const rows = Array.from({ length }, (_, k) => k).filter((k) => k % every === 0);
  return (
    <>
      <p>
        <button
          type="button"
          onClick={async () => {
            told.value = (await copy(csv(table.names, table.columns))) ? "copied" : "could not copy";
          }}
        >
          Copy all {length} rows as CSV
        </button>{" "}
        <span role="status">{told.value}</span>
      </p>
      <div class="scroll" tabindex={0} role="region" aria-label={`Data of: ${name}`}>
        <table>
          <caption>{every > 1 ? `Every ${every}th of ${length} rows` : `${length} rows`}</caption>
          <thead>
            <tr>{table.names.map((n) => <th key={n} scope="col">{n}</th>)}</tr>
          </thead>
          <tbody>
            {rows.map((k) => (
              <tr key={k}>
                {table.columns.map((column, j) => {
                  const cell = column[k];
                  return <td key={j}>{typeof cell === "number" ? number(cell, 5) : (cell ?? "–")}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
