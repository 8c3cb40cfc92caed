/** One hue an element, near the colour that chemists know it by, kept apart from its neighbours. */
import { element } from "./elements";

const SPARE = [215, 28, 150, 280, 330, 100, 190, 55]; // degrees
const APART = 28;

function hueOf(colour: string): number | null {
  const [r, g, b] = [1, 3, 5].map((k) => Number.parseInt(colour.slice(k, k + 2), 16) / 255);
  const [low, high] = [Math.min(r, g, b), Math.max(r, g, b)];
  const spread = high - low;
  if (spread < 0.25) return null;
  const hue = high === r ? ((g - b) / spread) % 6 : high === g ? (b - r) / spread + 2 : (r - g) / spread + 4;
  return (hue * 60 + 360) % 360;
}

const distance = (a: number, b: number): number => Math.min(Math.abs(a - b), 360 - Math.abs(a - b));

/** Colours of lines; lightness comes from the style sheet, so that they show on light and dark. */
export function lineColours(symbols: string[]): Record<string, string> {
  const taken: number[] = [];
  const found: Record<string, string> = {};
  for (const symbol of symbols) {
    const wanted = hueOf(element(symbol).colour);
    const free = (hue: number): boolean => taken.every((other) => distance(hue, other) >= APART);
    const hue = wanted !== null && free(wanted) ? wanted : (SPARE.find(free) ?? (taken.length * 47) % 360);
    taken.push(hue);
    found[symbol] = `hsl(${Math.round(hue)} var(--part-s) var(--part-l))`;
  }
  return found;
}
