/** One crystal: cell, verdict, spectrum, thermodynamics, bands, modes, and what can be done with it. */
import { Cell } from "../cell/Cell";
import { take } from "../intake";
import { Busy, Card, FileDrop, Formula, Trouble } from "../parts";
import type { Report } from "../record";
import { busy, options, problem, record, reset, run, served, source } from "../state";
import { Alloy } from "./Alloy";
import { Assumptions } from "./Assumptions";
import { BandPlot } from "./BandPlot";
import { Controls } from "./Controls";
import { Composition, Verdict, Warnings } from "./Facts";
import { ModeTable } from "./ModeTable";
import { Overlay } from "./Overlay";
import { Spectrum } from "./Spectrum";
import { Start } from "./Start";
import { Take } from "./Take";
import { Thermal } from "./Thermal";

const PARTS: Record<string, string> = {
  bands: "Bands",
  modes: "Modes at Γ",
  displacements: "Displacements of the atoms",
  elements: "Parts of the elements",
};

export function CrystalView() {
  const held = record.value;
  return (
    <>
      {busy.value && <Busy text={busy.value} />}
      {problem.value && <Trouble problem={problem.value} onClose={() => (problem.value = null)} />}
      {held ? <Whole report={held} /> : <Start />}
    </>
  );
}

function Missing({ report, what }: { report: Report; what: string }) {
  return (
    <>
      {report.not_made.filter((each) => each.what === what).map((each) => (
        <Card key={each.what} title={PARTS[each.what] ?? each.what} class="missing">
          <p><strong>Not made:</strong> {each.summary}</p>
          <dl class="facts">
            <div><dt>Why</dt><dd>{each.reason}</dd></div>
            <div><dt>What to do</dt><dd>{each.fix}</dd></div>
          </dl>
          {served.value && source.value && /--metal/.test(each.fix) && !options.value.metal && (
            <p class="row">
              <button type="button" class="primary" disabled={busy.value !== null} onClick={() => void run(source.value!, { ...options.value, metal: true })}>
                Predict again as a metal
              </button>
            </p>
          )}
        </Card>
      ))}
    </>
  );
}

export function Whole({ report }: { report: Report }) {
  return (
    <article class="whole" aria-busy={busy.value !== null}>
      <header class="crystal-head">
        <div>
          <h1><Formula text={report.crystal.formula} /></h1>
          <p>
            {report.name !== report.crystal.formula && <>{report.name} · </>}
            {report.model.name}: {report.model.summary}
          </p>
        </div>
        <Verdict report={report} />
        {served.value && (
          <div class="again">
            <FileDrop label="Another structure" onFiles={take} multiple />
            <button type="button" onClick={() => { reset(); history.pushState(null, "", "#"); }}>Examples</button>
          </div>
        )}
      </header>
      <Controls report={report} />
      <div class="columns">
        <div class="left">
          <Card title="Crystal" class="crystal">
            <Cell report={report} />
            <Composition report={report} />
          </Card>
          <Warnings report={report} />
        </div>
        <div class="right">
          <Spectrum report={report} />
          <Missing report={report} what="elements" />
          <Thermal report={report} />
          <Missing report={report} what="displacements" />
          <BandPlot report={report} />
          <Missing report={report} what="bands" />
          <ModeTable report={report} />
          <Missing report={report} what="modes" />
          {served.value && (
            <>
              <Alloy report={report} />
              <Overlay report={report} />
              <Assumptions report={report} />
            </>
          )}
          <Take report={report} />
        </div>
      </div>
    </article>
  );
}
