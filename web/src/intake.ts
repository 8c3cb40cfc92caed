/** What becomes of files that are dropped: a crystal, a spectrum to compare with, or a job. */
import { effect, signal } from "@preact/signals";
import { record, run, served, several } from "./state";

export const waiting = signal<File[] | null>(null);
export const reference = signal<File | null>(null);

const MANY = /\.(zip|tar|tgz|tar\.gz|db|jsonl|parquet)$/i;
const FRAMES = /\.(extxyz|xyz)$/i;
const GLANCE = 4_000_000; // bytes that are looked at to see whether a second structure follows
const CURVE = /\.(csv|dat|txt|xy|tsv)$/i;

export function submit(files: File[]): void {
  waiting.value = files;
  if (!location.hash.startsWith("#jobs")) location.hash = "#jobs";
}

export function take(files: File[]): void {
  if (!served.value) return;
  const [file] = files;
  if (files.length > 1 || MANY.test(file.name) || location.hash.startsWith("#jobs")) submit(files);
  else if (record.value && CURVE.test(file.name)) reference.value = file;
  else if (FRAMES.test(file.name)) void framed(file);
  else void run({ name: file.name, text: file });
}

async function framed(file: File): Promise<void> {
  const frames = (await file.slice(0, GLANCE).text()).match(/Lattice\s*=/gi)?.length ?? 0;
  if (frames > 1) submit([file]);
  else void run({ name: file.name, text: file });
}

effect(() => {
  const held = several.value;
  if (held === null) return;
  several.value = null;
  submit([held.text instanceof File ? held.text : new File([held.text], held.name)]);
});
