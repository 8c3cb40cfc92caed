/** The little of Markdown that model cards are written in; text stays text, nothing becomes markup. */
import type { ComponentChildren } from "preact";

function inline(text: string): ComponentChildren[] {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`|\[[^\]]+\]\([^)]+\))/g).map((piece) => {
    if (piece.startsWith("**")) return <strong>{piece.slice(2, -2)}</strong>;
    if (piece.startsWith("`")) return <code>{piece.slice(1, -1)}</code>;
    const link = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(piece);
    if (link) return /^https?:/.test(link[2]) ? <a href={link[2]} rel="noreferrer">{link[1]}</a> : link[1];
    return piece;
  });
}

const cells = (line: string): string[] => line.replace(/^\||\|$/g, "").split("|").map((c) => c.trim());

function block(lines: string[], key: number) {
  const [first] = lines;
  const head = /^(#+)\s+(.*)$/.exec(first);
  if (head) {
    const rest = lines.slice(1);
    return (
      <div key={key}>
        {head[1].length < 3 ? <h3>{inline(head[2])}</h3> : <h4>{inline(head[2])}</h4>}
        {rest.length > 0 && block(rest, 0)}
      </div>
    );
  }
  if (first.startsWith("|")) {
    const [names, , ...rows] = lines.filter((l) => l.startsWith("|"));
    return (
      <div key={key} class="scroll" tabindex={0} role="region" aria-label="Table of the model card">
        <table>
          <thead><tr>{cells(names).map((c) => <th scope="col">{inline(c)}</th>)}</tr></thead>
          <tbody>{rows.map((row) => <tr>{cells(row).map((c) => <td>{inline(c)}</td>)}</tr>)}</tbody>
        </table>
      </div>
    );
  }
  if (/^(```| {4})/.test(first)) return <pre key={key} tabindex={0}><code>{lines.filter((l) => !l.startsWith("```")).map((l) => l.replace(/^ {4}/, "")).join("\n")}</code></pre>;
  if (/^[-*] /.test(first)) {
    const items: string[] = [];
    for (const line of lines) {
      if (/^[-*] /.test(line)) items.push(line.slice(2));
      else if (items.length) items[items.length - 1] += ` ${line.trim()}`;
    }
    return <ul key={key}>{items.map((item) => <li>{inline(item)}</li>)}</ul>;
  }
  if (first.startsWith("<!--")) return null;
  return <p key={key}>{inline(lines.join(" "))}</p>;
}

const OPEN = /limit|data|result/i;

/** A card in sections that open and close; long tables of the training stay closed. */
export function Markdown({ text }: { text: string }) {
  const body = text.replace(/^---\n[\s\S]*?\n---\n/, "");
  const blocks = body.split(/\n\s*\n/).map((b) => b.split("\n").filter((l) => l.trim())).filter((b) => b.length);
  const sections: { head: string | null; blocks: string[][] }[] = [{ head: null, blocks: [] }];
  for (const lines of blocks) {
    const head = /^##? (.*)$/.exec(lines[0]);
    if (head) sections.push({ head: head[1], blocks: lines.length > 1 ? [lines.slice(1)] : [] });
    else sections.at(-1)!.blocks.push(lines);
  }
  return (
    <>
      {sections.filter((s) => s.head !== null || s.blocks.length).map((section, k) =>
        section.head === null || k < 1 ? (
          <div key={k}>{section.blocks.map(block)}</div>
        ) : (
          <details key={k} open={OPEN.test(section.head) && section.blocks.length < 4}>
            <summary>{inline(section.head)}</summary>
            {section.blocks.map(block)}
          </details>
        ),
      )}
    </>
  );
}
