/** What the reader takes away: files, a report, the same in a terminal or in Python, a link, a citation. */
import { useSignal } from "@preact/signals";
import { form, post } from "../api";
import { Card, CopyButton, Trouble } from "../parts";
import type { Problem, Report } from "../record";
import { save, saveText } from "../save";
import { asProblem, options, served, source } from "../state";
import { pack } from "../link";

export function Take({ report }: { report: Report }) {
  const trouble = useSignal<Problem | null>(null);
  const working = useSignal("");
  const link = useSignal<string | null>(null);
  const fetched = async (path: string, name: string): Promise<void> => {
    if (!source.value) return;
    working.value = path;
    trouble.value = null;
    try {
      save(await (await post(path, form(source.value, options.value))).blob(), name);
    } catch (error) {
      trouble.value = asProblem(error);
    } finally {
      working.value = "";
    }
  };
  const stem = report.name.replace(/[^\w.-]+/g, "_") || "report";
  return (
    <Card title="Take it with you" id="take">
      <div class="buttons">
        {served.value && (
          <>
            <button type="button" class="primary" disabled={working.value !== ""} onClick={() => void fetched("files", `${stem}.zip`)}>
              {working.value === "files" ? "Making the files …" : "All files (zip)"}
            </button>
            <button type="button" disabled={working.value !== ""} onClick={() => void fetched("html", `${stem}.html`)}>
              {working.value === "html" ? "Making the report …" : "Report (one HTML file)"}
            </button>
          </>
        )}
        <button type="button" onClick={() => saveText(JSON.stringify(report), `${stem}.phonodos.json`, "application/json")}>Record (JSON)</button>
        <button type="button" onClick={() => print()}>Print</button>
        {served.value && source.value && (
          <button
            type="button"
            onClick={async () => {
              const hash = await pack(source.value!, options.value);
              link.value = hash === null ? "" : new URL(hash, location.href).href;
            }}
          >
            Link to this structure
          </button>
        )}
      </div>
      {trouble.value && <Trouble problem={trouble.value} onClose={() => (trouble.value = null)} />}
      {link.value === "" && <p class="note">The structure is too large for a link: send the file.</p>}
      {link.value && (
        <div class="snippet">
          <p>The structure itself is in this link, behind the #; no server stores it.</p>
          <pre tabindex={0}>{link.value.length > 160 ? `${link.value.slice(0, 160)}…` : link.value}</pre>
          <CopyButton text={() => link.value ?? ""}>Copy link</CopyButton>
        </div>
      )}
      {report.command && <Snippet title="The same in a terminal" text={report.command} label="Copy as command line" />}
      {report.python && <Snippet title="The same in Python" text={report.python} label="Copy as Python" />}
      <details>
        <summary>Cite</summary>
        <Snippet title="BibTeX" text={report.cite} label="Copy BibTeX" />
      </details>
      <details>
        <summary>Where the numbers come from</summary>
        <Provenance report={report} />
      </details>
    </Card>
  );
}

function Snippet({ title, text, label }: { title: string; text: string; label: string }) {
  return (
    <div class="snippet">
      <p>{title}</p>
      <pre tabindex={0} aria-label={title} role="region"><code>{text}</code></pre>
      <CopyButton text={() => text}>{label}</CopyButton>
    </div>
  );
}

function Provenance({ report }: { report: Report }) {
  const rows = Object.entries(report.provenance).filter(([, v]) => v !== null && v !== "" && !(Array.isArray(v) && !v.length));
  return (
    <dl class="facts">
      <div><dt>model</dt><dd>{report.model.name}: {report.model.summary}</dd></div>
      {rows.map(([key, value]) => (
        <div key={key}><dt>{key.replaceAll("_", " ")}</dt><dd>{typeof value === "object" ? JSON.stringify(value) : String(value)}</dd></div>
      ))}
    </dl>
  );
}
