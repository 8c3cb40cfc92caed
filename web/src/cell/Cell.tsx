/** The unit cell: turned by pointer or arrow keys, and the chosen mode of vibration in motion. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { number, withSpread, UNIT_NAMES } from "../format";
import type { Crystal, Report } from "../record";
import { chosen, theme, unit } from "../state";
import { Painter } from "./painter";

const still = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

function describe(crystal: Crystal): string {
  const group = crystal.space_group ? `, space group ${crystal.space_group.symbol}` : "";
  return `Unit cell of ${crystal.formula}: ${crystal.n_atoms} atoms${group}. Arrow keys turn it, plus and minus zoom.`;
}

export function Cell({ report }: { report: Report }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const playing = useSignal(!still());
  const amplitude = useSignal(1);
  const doubled = useSignal(false);
  const seen = useRef(true);
  const frame = useRef(0);
  const paint = (): void => {
    if (!frame.current)
      frame.current = requestAnimationFrame(() => {
        frame.current = 0;
        painter.current?.draw();
      });
  };

  useEffect(() => {
    const board = canvas.current!;
    painter.current = new Painter(board, report.crystal);
    doubled.value = report.crystal.n_atoms <= 2;
    if (doubled.value) painter.current.repeat(2);
    paint();
    const sizes = new ResizeObserver(paint);
    sizes.observe(board);
    const sight = new IntersectionObserver(([entry]) => (seen.current = entry.isIntersecting));
    sight.observe(board);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const recolour = (): void => {
      painter.current?.theme();
      paint();
    };
    dark.addEventListener("change", recolour);
    return () => {
      sizes.disconnect();
      sight.disconnect();
      dark.removeEventListener("change", recolour);
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [report]);

  useSignalEffect(() => {
    theme.value;
    requestAnimationFrame(() => {
      painter.current?.theme();
      paint();
    });
  });

  useSignalEffect(() => {
    const wanted = chosen.value;
    const board = painter.current;
    const moving = playing.value;
    if (!board) return;
    const sets = report.modes?.sets;
    board.pattern = wanted === null ? null : (sets?.[wanted.set]?.patterns?.[wanted.partner] ?? null);
    board.amplitude = amplitude.value;
    board.phase = 0;
    paint();
    if (!board.pattern || !moving) return;
    let before = 0;
    let next = requestAnimationFrame(function step(now: number) {
      if (seen.current && !document.hidden) {
        board.phase += before ? ((now - before) / 1000) * 2 * Math.PI * 0.7 : 0;
        board.draw();
      }
      before = now;
      next = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(next);
  });

  const drag = useRef<{ x: number; y: number } | null>(null);
  const fingers = useRef(new Map<number, { x: number; y: number }>());
  const spread = (): number => {
    const [a, b] = [...fingers.current.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  };
  const turn = (dx: number, dy: number): void => {
    painter.current?.turn(dx, dy);
    paint();
  };
  const zoom = (factor: number): void => {
    if (painter.current) painter.current.zoom = Math.min(8, Math.max(0.4, painter.current.zoom * factor));
    paint();
  };
  const look = (axis: 0 | 1 | 2 | null): void => {
    painter.current?.look(axis);
    paint();
  };
  const key = (event: KeyboardEvent): void => {
    const step = 0.12;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => turn(-step, 0),
      ArrowRight: () => turn(step, 0),
      ArrowUp: () => turn(0, -step),
      ArrowDown: () => turn(0, step),
      "+": () => zoom(1.15),
      "=": () => zoom(1.15),
      "-": () => zoom(1 / 1.15),
      a: () => look(0),
      b: () => look(1),
      c: () => look(2),
      Home: () => look(null),
    };
    if (!moves[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    moves[event.key]();
  };
  const set = chosen.value === null ? null : report.modes?.sets[chosen.value.set];
  return (
    <div class={`cell ${set ? "with-mode" : ""}`}>
      <canvas
        ref={canvas}
        role="img"
        tabindex={0}
        aria-label={describe(report.crystal)}
        onKeyDown={key}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
          drag.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerMove={(event) => {
          if (!drag.current) return;
          if (fingers.current.size > 1) {
            const before = spread();
            fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
            if (before) zoom(spread() / before);
          } else {
            turn((event.clientX - drag.current.x) * 0.01, (event.clientY - drag.current.y) * 0.01);
          }
          drag.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerUp={(event) => {
          fingers.current.delete(event.pointerId);
          if (!fingers.current.size) drag.current = null;
        }}
        onPointerCancel={() => {
          fingers.current.clear();
          drag.current = null;
        }}
        onWheel={(event) => {
          if (!event.ctrlKey && document.activeElement !== event.currentTarget) return;
          event.preventDefault();
          zoom(Math.exp(-event.deltaY * 0.0015));
        }}
      />
      <div class="cell-tools" role="group" aria-label="View of the cell">
        {([0, 1, 2] as const).map((k) => (
          <button key={k} type="button" onClick={() => look(k)} aria-label={`Look along ${"abc"[k]}`} title={`Look along ${"abc"[k]}`}>
            {"abc"[k]}
          </button>
        ))}
        <button
          type="button" aria-pressed={doubled.value} aria-label="Draw two cells along each axis" title="Two cells along each axis"
          onClick={() => {
            doubled.value = !doubled.value;
            painter.current?.repeat(doubled.value ? 2 : 1);
            paint();
          }}
        >
          2³
        </button>
        <button type="button" onClick={() => look(null)} aria-label="First view again" title="First view again">⟲</button>
        <button type="button" onClick={() => zoom(1.2)} aria-label="Zoom in" title="Zoom in">+</button>
        <button type="button" onClick={() => zoom(1 / 1.2)} aria-label="Zoom out" title="Zoom out">−</button>
      </div>
      {set && (
        <div class="mode-bar">
          <p>
            <strong><Irrep text={set.irrep} /></strong>{" "}
            {withSpread(set.frequency * report.units[unit.value], set.spread === null ? null : set.spread * report.units[unit.value])}{" "}
            {UNIT_NAMES[unit.value]}
          </p>
          <div>
            <button type="button" onClick={() => (playing.value = !playing.value)}>{playing.value ? "Pause" : "Play"}</button>
            {set.degeneracy > 1 && set.patterns && (
              <button
                type="button"
                onClick={() => {
                  const now = chosen.value!;
                  chosen.value = { set: now.set, partner: (now.partner + 1) % set.patterns!.length };
                }}
              >
                Partner {chosen.value!.partner + 1} of {set.patterns.length}
              </button>
            )}
            <label>
              Size{" "}
              <input
                type="range" min="0.3" max="2.5" step="0.1" value={amplitude.value}
                aria-valuetext={`${number(amplitude.value, 2)} times`}
                onInput={(event) => (amplitude.value = Number(event.currentTarget.value))}
              />
            </label>
            <button type="button" onClick={() => (chosen.value = null)}>Stop</button>
          </div>
        </div>
      )}
    </div>
  );
}

/** Mulliken's symbols with lowered letters: `T1u` as T with 1u below. */
export function Irrep({ text }: { text: string }) {
  return (
    <span class="irrep">
      {text.split("+").map((part, k) => {
        const found = /^(\d*)([ABETFabetf])(.*)$/.exec(part);
        return (
          <span key={k}>
            {k > 0 && " + "}
            {found ? <>{found[1]}{found[2]}<sub>{found[3]}</sub></> : part}
          </span>
        );
      })}
    </span>
  );
}
