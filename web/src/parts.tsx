/** Small pieces that several views share. */
import type { Signal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { formulaPieces } from "./format";
import type { Problem } from "./record";
import { copy } from "./save";

/** Words in which `C_V` has its letter lowered. */
export function Named({ text }: { text: string }) {
  return <>{text.split(/(\b[A-Z]_[A-Z]\b)/).map((piece) => (/^[A-Z]_[A-Z]$/.test(piece) ? <>{piece[0]}<sub>{piece[2]}</sub></> : piece))}</>;
}

export function Formula({ text }: { text: string }) {
  return <span class="formula">{formulaPieces(text).map((p) => (p.low ? <sub>{p.text}</sub> : p.text))}</span>;
}

interface CardProps {
  title: ComponentChildren;
  id?: string;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}

export function Card({ title, id, aside, children, class: extra = "" }: CardProps) {
  const own = useId();
  return (
    <section class={`card ${extra}`} id={id} tabindex={-1} aria-labelledby={own}>
      <header class="card-head">
        <h2 id={own}>{title}</h2>
        {aside && <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** One of a few: radio buttons that look like a switch. */
export function Choice<T extends string>({ legend, value, options, names, onChange }: {
  legend: string;
  value: T;
  options: readonly T[];
  names: Record<T, ComponentChildren>;
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      <div>
        {options.map((option) => (
          <label key={option}>
            <input type="radio" name={name} value={option} checked={value === option} onChange={() => onChange(option)} />
            <span>{names[option]}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Trouble({ problem, onClose }: { problem: Problem; onClose?: () => void }) {
  return (
    <div class="trouble" role="alert">
      <div>
        <p class="trouble-head">{problem.summary}</p>
        <dl>
          <dt>Why</dt>
          <dd>{problem.reason}</dd>
          <dt>What to do</dt>
          <dd>{problem.fix}</dd>
        </dl>
      </div>
      {onClose && (
        <button type="button" class="plain" onClick={onClose} aria-label="Close this message">
          ×
        </button>
      )}
    </div>
  );
}

export function CopyButton({ text, children }: { text: () => string; children: ComponentChildren }) {
  const told = useSignal("");
  return (
    <>
      <button
        type="button"
        onClick={async () => {
          told.value = (await copy(text())) ? "Copied" : "Could not copy";
          setTimeout(() => (told.value = ""), 2500);
        }}
      >
        {told.value || children}
      </button>
      <span class="offscreen" role="status">{told.value}</span>
    </>
  );
}

export function Busy({ text }: { text: string }) {
  return (
    <p class="busy" role="status">
      <span class="spinner" aria-hidden="true" />
      {text}
    </p>
  );
}

/** A place for files: drop them, or choose them with the keyboard. */
export function FileDrop({ label, hint, multiple = false, accept, onFiles, over, big = false }: {
  label: string;
  hint?: string;
  multiple?: boolean;
  accept?: string;
  onFiles: (files: File[]) => void;
  over?: Signal<boolean>;
  big?: boolean;
}) {
  const own = useSignal(false);
  const state = over ?? own;
  return (
    <label
      class={`drop ${big ? "big" : ""} ${state.value ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        state.value = true;
      }}
      onDragLeave={() => (state.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        state.value = false;
        const files = [...(event.dataTransfer?.files ?? [])];
        if (files.length) onFiles(files);
      }}
    >
      <input
        type="file"
        multiple={multiple}
        accept={accept}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          if (files.length) onFiles(files);
        }}
      />
      <span class="drop-label">{label}</span>
      {hint && <span class="drop-hint">{hint}</span>}
    </label>
  );
}
