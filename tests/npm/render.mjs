// Make pages of Markdown files as GitHub shows them in a comment: its extensions and its list of elements.
//
//   node render.mjs NODE_MODULES OUT FILE...
//
// OUT/<n>.html is the page of the nth file. It loads its style, Mermaid and page.js from this machine, and
// its policy lets it load nothing else.
import {readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const [modules, out, ...files] = process.argv.slice(2);
const address = (...parts) => pathToFileURL(join(...parts)).href;
const plugin = async (name) => (await import(address(modules, name, "index.js"))).default;

const {unified} = await import(address(modules, "unified", "index.js"));
const markdown = unified()
  .use(await plugin("remark-parse"))
  .use(await plugin("remark-gfm"))
  .use(await plugin("remark-breaks")) // in a comment, other than in a file, each newline is a break
  .use(await plugin("remark-rehype"), {allowDangerousHtml: true})
  .use(await plugin("rehype-raw"))
  .use(await plugin("rehype-sanitize")) // its default is GitHub's list
  .use(await plugin("rehype-stringify"));

const mermaid =
  `<script src="${address(modules, "@mermaid-js", "tiny", "dist", "mermaid.tiny.js")}"></script>`;
const page = (body) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src file:; style-src file: 'unsafe-inline'; font-src data:">
<link rel="stylesheet" href="${address(modules, "github-markdown-css", "github-markdown-light.css")}">
<style>body { margin: 0 } article { padding: 16px; font-size: 14px !important }</style>
<article class="markdown-body">${body}</article>
${body.includes("language-mermaid") ? mermaid : ""}
<script src="${address(import.meta.dirname, "page.js")}"></script>
`;

for (const [number, file] of files.entries()) {
  writeFileSync(join(out, `${number}.html`), page(String(await markdown.process(readFileSync(file)))));
}
