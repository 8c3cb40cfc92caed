/** A unit cell on a canvas: spheres, bonds, edges, arrows, from back to front. No WebGL is needed. */
import { element } from "../elements";
import type { Crystal, Vector } from "../record";

type Matrix = [Vector, Vector, Vector];

interface Atom {
  site: number;
  shift: Vector;
  at: Vector;
  radius: number;
  /** Drawn on a face because an equal one is on the opposite face. */
  image: boolean;
  parts: { colour: string; share: number }[];
}

interface Bond {
  from: number;
  to: number;
}

interface Item {
  depth: number;
  draw: () => void;
}

const BEHIND = 1.3; // times the nearest distance: no bond
const MOST = 2500; // atoms and images that are drawn
const FACE = 0.02; // fractional distance from a face at which an atom is drawn on the other side too
const LARGE = new Set(["K", "Rb", "Cs", "Fr", "Sr", "Ba", "Ra", "Ca", "La"]);
const AXES = ["#d03a3a", "#2d9a4b", "#3b6fd6"];

const apply = (m: Matrix, v: Vector): Vector => [
  m[0][0] * v[0] + m[0][1] * v[1] + m[0][2] * v[2],
  m[1][0] * v[0] + m[1][1] * v[1] + m[1][2] * v[2],
  m[2][0] * v[0] + m[2][1] * v[1] + m[2][2] * v[2],
];

function times(a: Matrix, b: Matrix): Matrix {
  return a.map((row) => [0, 1, 2].map((k) => row[0] * b[0][k] + row[1] * b[1][k] + row[2] * b[2][k])) as Matrix;
}

function about(axis: "x" | "y" | "z", angle: number): Matrix {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  if (axis === "x") return [[1, 0, 0], [0, c, -s], [0, s, c]];
  if (axis === "y") return [[c, 0, s], [0, 1, 0], [-s, 0, c]];
  return [[c, -s, 0], [s, c, 0], [0, 0, 1]];
}

const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const plus = (a: Vector, b: Vector, k = 1): Vector => [a[0] + k * b[0], a[1] + k * b[1], a[2] + k * b[2]];
const length = (v: Vector): number => Math.hypot(v[0], v[1], v[2]);
const unit = (v: Vector): Vector => {
  const n = length(v) || 1;
  return [v[0] / n, v[1] / n, v[2] / n];
};
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

function shade(colour: string, factor: number): string {
  const parts = [1, 3, 5].map((k) => Number.parseInt(colour.slice(k, k + 2), 16));
  const mixed = parts.map((p) => Math.round(factor < 1 ? p * factor : p + (255 - p) * (factor - 1)));
  return `rgb(${mixed.join(" ")})`;
}

export class Painter {
  rotation: Matrix;
  zoom = 1;
  amplitude = 1;
  phase = 0;
  pattern: Vector[] | null = null;
  arrows = true;
  copies = 1;
  private atoms: Atom[] = [];
  private bonds: Bond[] = [];
  private centre: Vector = [0, 0, 0];
  private reach = 1;
  private ink = "#000";
  private paper = "#fff";
  private gloss: HTMLCanvasElement;

  constructor(
    private canvas: HTMLCanvasElement,
    private crystal: Crystal,
  ) {
    this.rotation = this.start();
    this.gloss = this.sphere();
    this.repeat(1);
    this.theme();
  }

  /** Read the colours of the page anew. */
  theme(): void {
    const style = getComputedStyle(this.canvas);
    this.ink = style.color || "#000";
    this.paper = style.getPropertyValue("--card").trim() || "#fff";
  }

  /** Draw 1 or 2 cells along every axis. */
  repeat(copies: number): void {
    this.copies = copies;
    this.atoms = [];
    this.bonds = [];
    this.fill();
    this.join();
    this.prune();
  }

  /** Leave out images on faces that hang on nothing, where others are bonded. */
  private prune(): void {
    if (!this.bonds.length) return;
    const bonded = new Set(this.bonds.flatMap((bond) => [bond.from, bond.to]));
    const sites = new Set([...bonded].map((k) => this.atoms[k].site));
    const kept = this.atoms.map((atom, k) => !atom.image || bonded.has(k) || !sites.has(atom.site));
    const places: number[] = [];
    let next = 0;
    for (const keep of kept) places.push(keep ? next++ : -1);
    this.atoms = this.atoms.filter((_, k) => kept[k]);
    this.bonds = this.bonds.map(({ from, to }) => ({ from: places[from], to: places[to] }));
  }

  turn(dx: number, dy: number): void {
    this.rotation = times(times(about("y", dx), about("x", dy)), this.rotation);
  }

  /** Look along a cell vector (0, 1, 2), or from the starting point. */
  look(axis: 0 | 1 | 2 | null): void {
    if (axis === null) {
      this.rotation = this.start();
      this.zoom = 1;
      return;
    }
    const cell = this.crystal.cell;
    const out = unit(cell[axis]);
    const up = axis === 2 ? cell[1] : cell[2];
    const right = unit(cross(up, out));
    this.rotation = [right, cross(out, right), out];
  }

  private start(): Matrix {
    const cell = this.crystal.cell;
    const out = unit(plus(plus(unit(cell[0]), unit(cross(cell[2], cell[0])), -2.6), unit(cell[2]), 0.75));
    const right = unit(cross(cell[2], out));
    return [right, cross(out, right), out];
  }

  private fill(): void {
    const { cell, sites } = this.crystal;
    const place = (f: Vector): Vector => plus(plus(plus([0, 0, 0], cell[0], f[0]), cell[1], f[1]), cell[2], f[2]);
    const n = this.copies;
    const inner = Array.from({ length: n }, (_, k) => k);
    sites.forEach((site, k) => {
      const whole = site.fractional.map((f) => Math.floor(f + 1e-6)) as Vector;
      const inside = minus(site.fractional, whole);
      const choices = inside.map((f) => (f < FACE ? [...inner, n] : f > 1 - FACE ? [-1, ...inner] : inner));
      const parts = Object.entries(site.elements).map(([s, share]) => ({ colour: element(s).colour, share }));
      const mean = Object.entries(site.elements).reduce((sum, [s, share]) => sum + element(s).radius * share, 0);
      const total = parts.reduce((sum, p) => sum + p.share, 0) || 1;
      for (const i of choices[0])
        for (const j of choices[1])
          for (const l of choices[2]) {
            if (this.atoms.length >= MOST) return;
            const shift: Vector = [i - whole[0], j - whole[1], l - whole[2]];
            const at = place(plus(site.fractional, shift));
            this.atoms.push({ site: k, shift, at, radius: 0.2 + 0.26 * (mean / total), image: [i, j, l].some((k) => k < 0 || k >= n), parts });
          }
    });
    this.centre = place([n / 2, n / 2, n / 2]);
    const corners = [0, n].flatMap((a) => [0, n].flatMap((b) => [0, n].map((c) => place([a, b, c]))));
    this.reach = Math.max(...corners.map((p) => length(minus(p, this.centre)))) + 0.5;
  }

  private join(): void {
    const { bonds, sites } = this.crystal;
    if (bonds?.length) {
      const known = new Map(this.atoms.map((a, k) => [`${a.site} ${a.shift.join(" ")}`, k]));
      this.atoms.forEach((atom, k) => {
        for (const [i, j, image] of bonds) {
          const other = atom.site === i ? known.get(`${j} ${plus(atom.shift, image).join(" ")}`) : undefined;
          if (other !== undefined && other !== k) this.bonds.push({ from: k, to: other });
        }
      });
      return;
    }
    const symbols = sites.map((s) => Object.entries(s.elements).sort((a, b) => b[1] - a[1])[0]?.[0] ?? "?");
    const find = (spare: boolean): Bond[] => {
      const found: (Bond & { d: number })[] = [];
      const nearest: number[] = [];
      for (let i = 0; i < this.atoms.length && found.length < 6000; i += 1)
        for (let j = i + 1; j < this.atoms.length; j += 1) {
          const [a, b] = [this.atoms[i], this.atoms[j]];
          const [sa, sb] = [symbols[a.site], symbols[b.site]];
          if (spare && (LARGE.has(sa) || LARGE.has(sb))) continue;
          const d = length(minus(a.at, b.at));
          if (d < 0.4 || d > 1.16 * (element(sa).radius + element(sb).radius)) continue;
          found.push({ from: i, to: j, d });
          for (const site of [a.site, b.site]) nearest[site] = Math.min(nearest[site] ?? d, d);
        }
      // behind a much nearer shell of both there is no bond: Mg-Mg in MgO
      const near = (k: number): number => nearest[this.atoms[k].site];
      return found.filter(({ from, to, d }) => d < BEHIND * Math.max(near(from), near(to)));
    };
    this.bonds = find(true);
    if (!this.bonds.length) this.bonds = find(false);
  }

  private sphere(): HTMLCanvasElement {
    const gloss = document.createElement("canvas");
    gloss.width = gloss.height = 128;
    const pen = gloss.getContext("2d")!;
    pen.beginPath();
    pen.arc(64, 64, 64, 0, 7);
    pen.clip();
    const dark = pen.createRadialGradient(50, 46, 8, 64, 64, 66);
    dark.addColorStop(0, "rgba(0,0,0,0)");
    dark.addColorStop(0.55, "rgba(0,0,0,0.08)");
    dark.addColorStop(0.88, "rgba(0,0,0,0.36)");
    dark.addColorStop(1, "rgba(0,0,0,0.62)");
    pen.fillStyle = dark;
    pen.fillRect(0, 0, 128, 128);
    const light = pen.createRadialGradient(44, 38, 1, 46, 42, 40);
    light.addColorStop(0, "rgba(255,255,255,0.85)");
    light.addColorStop(0.4, "rgba(255,255,255,0.28)");
    light.addColorStop(1, "rgba(255,255,255,0)");
    pen.fillStyle = light;
    pen.fillRect(0, 0, 128, 128);
    return gloss;
  }

  draw(): void {
    const { canvas } = this;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
    if (!wide || !high) return;
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(high * ratio);
    }
    const pen = canvas.getContext("2d")!;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, wide, high);
    const scale = (this.zoom * Math.min(wide, high)) / 2 / this.reach;
    const see = (v: Vector): Vector => apply(this.rotation, minus(v, this.centre));
    const flat = (v: Vector): [number, number] => [wide / 2 + v[0] * scale, high / 2 - v[1] * scale];
    const swing = Math.sin(this.phase) * 0.38 * this.amplitude;
    const moved = this.atoms.map((a) => see(this.pattern ? plus(a.at, this.pattern[a.site] ?? [0, 0, 0], swing) : a.at));
    const items: Item[] = [];
    this.edges(pen, see, flat, items);
    for (const { from, to } of this.bonds) {
      this.half(pen, moved[from], moved[to], this.atoms[from], scale, flat, items);
      this.half(pen, moved[to], moved[from], this.atoms[to], scale, flat, items);
    }
    this.atoms.forEach((atom, k) => {
      items.push({ depth: moved[k][2], draw: () => this.ball(pen, atom, moved[k], scale, flat) });
      if (this.pattern && this.arrows) this.arrow(pen, atom, moved[k], flat, items);
    });
    items.sort((a, b) => a.depth - b.depth);
    for (const item of items) item.draw();
    this.compass(pen, high);
  }

  private fog(depth: number): number {
    return Math.max(0, Math.min(0.55, 0.26 - (0.34 * depth) / this.reach));
  }

  private edges(pen: CanvasRenderingContext2D, see: (v: Vector) => Vector, flat: (v: Vector) => [number, number], items: Item[]): void {
    const { cell } = this.crystal;
    const steps = 10;
    for (const k of [0, 1, 2]) {
      const [i, j] = [0, 1, 2].filter((n) => n !== k);
      for (const p of [0, 1])
        for (const q of [0, 1]) {
          const base = plus(plus([0, 0, 0], cell[i], p), cell[j], q);
          for (let s = 0; s < steps; s += 1) {
            const a = see(plus(base, cell[k], s / steps));
            const b = see(plus(base, cell[k], (s + 1) / steps));
            items.push({
              depth: (a[2] + b[2]) / 2,
              draw: () => {
                pen.globalAlpha = 0.75 - this.fog((a[2] + b[2]) / 2);
                pen.strokeStyle = this.ink;
                pen.lineWidth = 1.1;
                pen.lineCap = "round";
                pen.beginPath();
                pen.moveTo(...flat(a));
                pen.lineTo(...flat(b));
                pen.stroke();
                pen.globalAlpha = 1;
              },
            });
          }
        }
    }
  }

  private half(
    pen: CanvasRenderingContext2D, from: Vector, to: Vector, atom: Atom, scale: number,
    flat: (v: Vector) => [number, number], items: Item[],
  ): void {
    const along = minus(to, from);
    const d = length(along);
    if (d < 1e-6) return;
    const thick = 0.11;
    const start = plus(from, along, Math.min(0.45, Math.sqrt(Math.max(0, atom.radius ** 2 - thick ** 2)) / d));
    const middle = plus(from, along, 0.5);
    const depth = (start[2] + middle[2]) / 2;
    const colour = [...atom.parts].sort((a, b) => b.share - a.share)[0]?.colour ?? "#999999";
    items.push({
      depth,
      draw: () => {
        const wide = 2 * thick * scale;
        pen.lineCap = "butt";
        for (const [share, factor] of [[1, 0.5], [0.72, 0.86], [0.3, 1.3]] as const) {
          pen.lineWidth = wide * share;
          pen.strokeStyle = shade(colour, factor);
          pen.beginPath();
          pen.moveTo(...flat(start));
          pen.lineTo(...flat(middle));
          pen.stroke();
        }
        this.veil(pen, depth, () => {
          pen.lineWidth = wide + 0.5;
          pen.beginPath();
          pen.moveTo(...flat(start));
          pen.lineTo(...flat(middle));
          pen.stroke();
        });
      },
    });
  }

  /** Lay the colour of the paper over what is far away. */
  private veil(pen: CanvasRenderingContext2D, depth: number, stroke: () => void): void {
    const fog = this.fog(depth);
    if (fog <= 0) return;
    pen.globalAlpha = fog;
    pen.strokeStyle = pen.fillStyle = this.paper;
    stroke();
    pen.globalAlpha = 1;
  }

  private ball(pen: CanvasRenderingContext2D, atom: Atom, at: Vector, scale: number, flat: (v: Vector) => [number, number]): void {
    const [x, y] = flat(at);
    const r = atom.radius * scale;
    const total = atom.parts.reduce((sum, p) => sum + p.share, 0);
    const parts = total < 0.999 ? [...atom.parts, { colour: "#ffffff", share: 1 - total }] : atom.parts;
    let angle = -Math.PI / 2;
    for (const { colour, share } of parts) {
      const next = angle + (share / Math.max(1, total)) * 2 * Math.PI;
      pen.fillStyle = colour;
      pen.beginPath();
      if (parts.length > 1) pen.moveTo(x, y);
      pen.arc(x, y, r, angle, next);
      pen.fill();
      angle = next;
    }
    pen.drawImage(this.gloss, x - r, y - r, 2 * r, 2 * r);
    this.veil(pen, at[2], () => {
      pen.beginPath();
      pen.arc(x, y, r + 0.5, 0, 7);
      pen.fill();
    });
  }

  private arrow(pen: CanvasRenderingContext2D, atom: Atom, at: Vector, flat: (v: Vector) => [number, number], items: Item[]): void {
    const pull = this.pattern?.[atom.site];
    if (!pull || length(pull) < 0.03) return;
    const turned = apply(this.rotation, pull);
    const tip = plus(at, turned, 1.25 * this.amplitude);
    const [x0, y0] = flat(at);
    const [x1, y1] = flat(tip);
    const long = Math.hypot(x1 - x0, y1 - y0);
    if (long < 3) return;
    const [ux, uy] = [(x1 - x0) / long, (y1 - y0) / long];
    const head = Math.min(9, long * 0.5);
    items.push({
      depth: Math.max(at[2], tip[2]) + atom.radius,
      draw: () => {
        for (const [colour, wide] of [[this.paper, 5], ["#c2410c", 2.6]] as const) {
          pen.strokeStyle = pen.fillStyle = colour;
          pen.lineWidth = wide;
          pen.lineCap = "round";
          pen.beginPath();
          pen.moveTo(x0, y0);
          pen.lineTo(x1 - ux * head * 0.8, y1 - uy * head * 0.8);
          pen.stroke();
        }
        pen.beginPath();
        pen.moveTo(x1, y1);
        pen.lineTo(x1 - ux * head - uy * head * 0.5, y1 - uy * head + ux * head * 0.5);
        pen.lineTo(x1 - ux * head + uy * head * 0.5, y1 - uy * head - ux * head * 0.5);
        pen.fill();
      },
    });
  }

  private compass(pen: CanvasRenderingContext2D, high: number): void {
    const [x, y, long] = [40, high - 40, 24];
    const axes = this.crystal.cell.map((v, k) => ({ v: apply(this.rotation, unit(v)), k })).sort((p, q) => p.v[2] - q.v[2]);
    pen.font = "600 12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const { v, k } of axes) {
      pen.strokeStyle = pen.fillStyle = AXES[k];
      pen.lineWidth = 2;
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x + v[0] * long, y - v[1] * long);
      pen.stroke();
      pen.fillText("abc"[k], x + v[0] * (long + 9), y - v[1] * (long + 9));
    }
  }
}
