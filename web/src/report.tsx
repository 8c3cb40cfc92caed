/** The report: one file with its record inside, and no service behind it. */
import { render } from "preact";
import { Whole } from "./crystal/CrystalView";
import { Frame } from "./Frame";
import { Trouble } from "./parts";
import type { Report } from "./record";
import { record, served, show } from "./state";
import "./style.css";

served.value = false;
const held = document.getElementById("phonodos-record")?.textContent ?? "";
const root = document.getElementById("app")!;
try {
  const found = JSON.parse(held) as Report;
  if (found.format !== "phonodos-report") throw new Error("no report");
  show(found);
  render(<Frame view="crystal"><Whole report={record.value!} /></Frame>, root);
} catch {
  const problem = {
    summary: "this file holds no record of a crystal",
    reason: "it is the form that phonodos fills, or it was damaged",
    fix: "make it with: phonodos predict FILE --format html",
  };
  render(<Frame view="crystal"><Trouble problem={problem} /></Frame>, root);
}
