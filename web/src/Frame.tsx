/** Head and foot of every view. */
import type { ComponentChildren } from "preact";
import { said, served, theme, THEMES } from "./state";

const NAMES = { auto: "as the system", light: "light", dark: "dark" } as const;
const SIGNS = { auto: "◐", light: "☀", dark: "☾" } as const;

export function Frame({ view, children }: { view: string; children: ComponentChildren }) {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
  const link = (name: string, hash: string, words: string) => (
    <a href={hash} aria-current={view === name ? "page" : undefined}>{words}</a>
  );
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>To the content</a>
      <header class="top">
        <a class="brand" href={served.value ? "#" : undefined}>
          <svg viewBox="0 0 34 20" aria-hidden="true">
            <path d="M1 18C5 18 6 13 8 13s2 3 4 3 3-14 6-14 3 12 5 12 2-6 4-6 2 10 6 10" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" />
          </svg>
          phonodos
        </a>
        {served.value ? (
          <nav aria-label="Views">
            {link("crystal", "#crystal", "Crystal")}
            {link("jobs", "#jobs", "Many crystals")}
            {link("models", "#models", "Model")}
          </nav>
        ) : (
          <span class="nav-space">report</span>
        )}
        <button type="button" class="theme" onClick={() => (theme.value = next)} aria-label={`Colours: ${NAMES[theme.value]}. Change to ${NAMES[next]}`} title={`Colours: ${NAMES[theme.value]}`}>
          <span aria-hidden="true">{SIGNS[theme.value]}</span>
        </button>
      </header>
      <main id="main" tabindex={-1}>{children}</main>
      <footer class="foot">
        <p>Predicted by a neural network, not calculated from first principles: read the intervals and the reasons for doubt.</p>
        {served.value && <p><a href="LICENSES.txt">Licences of the software in this page</a> · <a href="api/v1/openapi.json">REST interface</a></p>}
      </footer>
      <p class="offscreen" role="status" aria-live="polite">{said.value}</p>
    </>
  );
}
