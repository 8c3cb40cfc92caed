/** The page that `phonodos serve` shows. */
import { signal } from "@preact/signals";
import { type ComponentType, render } from "preact";
import { useEffect } from "preact/hooks";
import { CrystalView } from "./crystal/CrystalView";
import { take } from "./intake";
import { unpack } from "./link";
import { Busy } from "./parts";
import { Frame } from "./Frame";
import { asProblem, problem, reset, run, shownHash } from "./state";
import "./style.css";

type View = "crystal" | "jobs" | "models";
const view = signal<View>("crystal");
const late = signal<Partial<Record<View, ComponentType>>>({});

const LOADERS: Partial<Record<View, () => Promise<ComponentType>>> = {
  jobs: async () => (await import("./jobs/JobsView")).JobsView,
  models: async () => (await import("./models/ModelsView")).ModelsView,
};

async function open(): Promise<void> {
  const { hash } = location;
  const wanted: View = hash.startsWith("#jobs") ? "jobs" : hash.startsWith("#models") ? "models" : "crystal";
  view.value = wanted;
  const load = LOADERS[wanted];
  if (load && !late.value[wanted]) {
    try {
      const found = await load();
      late.value = { ...late.value, [wanted]: found };
    } catch (error) {
      problem.value = asProblem(error);
    }
  }
  if (hash.startsWith("#s=") && hash !== shownHash) {
    try {
      const held = await unpack(hash);
      if (held) await run(held.source, held.options);
    } catch {
      problem.value = {
        summary: "this link holds no structure that can be read",
        reason: "the part behind the # is cut off or changed",
        fix: "ask for the link again, or for the file",
      };
    }
  }
}

function App() {
  useEffect(() => {
    const back = (): void => {
      if (!location.hash || location.hash === "#") reset();
      void open();
    };
    addEventListener("popstate", back);
    void open();
    let timer = 0;
    // a field for a file takes what is dropped on it by itself
    const forField = (event: DragEvent): boolean => event.target instanceof HTMLInputElement && event.target.type === "file";
    const over = (event: DragEvent): void => {
      if (forField(event)) return;
      event.preventDefault();
      document.body.classList.add("dragging");
      clearTimeout(timer);
      timer = window.setTimeout(() => document.body.classList.remove("dragging"), 250);
    };
    const drop = (event: DragEvent): void => {
      if (forField(event)) return;
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length) take(files);
    };
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("popstate", back);
      removeEventListener("dragover", over);
      removeEventListener("drop", drop);
    };
  }, []);
  const Late = late.value[view.value];
  return (
    <Frame view={view.value}>
      {view.value === "crystal" ? <CrystalView /> : Late ? <Late /> : <Busy text="Loading …" />}
    </Frame>
  );
}

render(<App />, document.getElementById("app")!);
