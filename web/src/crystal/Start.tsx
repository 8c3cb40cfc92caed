/** How a structure comes in: dropped, chosen, pasted, or one of the examples. */
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Example, getJson } from "../api";
import { take } from "../intake";
import { FileDrop, Formula } from "../parts";
import { asProblem, problem, run } from "../state";

const WORDS: Record<string, string> = {
  NaCl: "rock salt, ionic",
  Si: "silicon, covalent",
  Al2O3: "sapphire, hard oxide",
  ZnO: "wurtzite, polar",
  Mg3Sb2: "thermoelectric",
  "Cu0.7Au0.3": "alloy, shared sites",
};
const examples = signal<Example[] | null>(null);

export function nameFor(text: string): string {
  if (/^\s*[[{]/.test(text)) return "pasted.json";
  if (/^\s*data_|_cell_length_a/m.test(text)) return "pasted.cif";
  if (/Lattice\s*=\s*"/i.test(text)) return "pasted.extxyz";
  return "POSCAR";
}

export function Start() {
  const text = useSignal("");
  useEffect(() => {
    if (examples.value === null)
      getJson<{ examples: Example[] }>("examples")
        .then((found) => (examples.value = found.examples))
        .catch((error) => (problem.value = asProblem(error)));
  }, []);
  const send = (): void => {
    if (text.value.trim()) void run({ name: nameFor(text.value), text: new Blob([text.value]) });
  };
  return (
    <div class="start">
      <div class="hero">
        <h1>Phonons from a crystal structure</h1>
        <p>
          Density of states, heat capacity, bands, infrared modes and stability, predicted in seconds, each with how sure it is.
          Everything runs on the machine that serves this page; nothing is stored.
        </p>
      </div>
      <div class="ways">
        <FileDrop big multiple label="Drop a CIF or POSCAR here, or choose a file" hint="also extxyz, phonopy.yaml, JSON of pymatgen or ASE; several files, or a zip, become a table" onFiles={take} />
        <form
          class="paste"
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
        >
          <label for="paste">Or paste its text</label>
          <textarea
            id="paste" rows={6} spellcheck={false} placeholder={"data_MgO\n_cell_length_a 4.21\n…"} value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
            }}
          />
          <button type="submit" class="primary" disabled={!text.value.trim()}>Predict</button>
        </form>
      </div>
      <h2 class="small-head">Or begin with an example</h2>
      <ul class="examples">
        {(examples.value ?? []).map((each) => (
          <li key={each.name}>
            <button type="button" onClick={() => void run({ name: each.filename, text: new Blob([each.text]) })}>
              <strong><Formula text={each.formula} /></strong>
              <span>{each.summary ?? WORDS[each.name] ?? each.filename}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
