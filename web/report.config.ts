/** The report: one file, style and code inside. */
import { defineConfig, type Plugin } from "vite";

function inlined(): Plugin {
  return {
    name: "inlined",
    enforce: "post",
    generateBundle(_, bundle) {
      const page = bundle["report.html"];
      if (page?.type !== "asset") throw new Error("no report.html");
      let html = String(page.source);
      for (const [name, part] of Object.entries(bundle)) {
        if (name === "report.html") continue;
        if (part.type === "chunk") {
          const code = part.code.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
          html = html.replace(/<script type="module"[^>]*><\/script>/, "");
          html = html.replace("</body>", () => `<script type="module">${code}</script>\n  </body>`);
        } else {
          html = html.replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${String(part.source)}</style>`);
        }
        delete bundle[name];
      }
      if (/(src|href)="[^"#]/.test(html.split("<script type=\"module\">")[0])) throw new Error("the report names another file");
      for (const word of ["@PHONODOS_RECORD@", "@PHONODOS_TITLE@"])
        if (html.split(word).length !== 2) throw new Error(`${word} is to stand in the report once`);
      page.source = html;
    },
  };
}

export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [inlined()],
  build: {
    outDir: "../src/phonodos/service/static",
    emptyOutDir: false,
    target: "es2022",
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    rollupOptions: { input: "report.html", output: { codeSplitting: false } as object },
  },
});
