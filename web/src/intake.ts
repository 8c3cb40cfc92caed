/** What becomes of files that are dropped: a crystal, a spectrum to compare with, or a job. */
import { signal } from "@preact/signals";
import { record, run, served } from "./state";

export const waiting = signal<File[] | null>(null);
export const reference = signal<File | null>(null);

const MANY = /\.(zip|tar|tgz|tar\.gz|extxyz|xyz|db)$/i;
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
  else void run({ name: file.name, text: file });
}
