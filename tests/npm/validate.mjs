// Checks workflows and action.yml files with GitHub's own parser: what its editor extension says.
// Usage: node validate.mjs NODE_MODULES FILE…; prints [{file, line, message}, …] as JSON.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

// The package is written for bundlers: it imports JSON as if it were a module, which Node refuses.
registerHooks({
  load(url, context, next) {
    if (!url.endsWith(".json")) return next(url, context);
    const source = `export default ${readFileSync(fileURLToPath(url), "utf8")}`;
    return { format: "module", source, shortCircuit: true };
  },
});

const [modules, ...files] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${modules}/${path}`));
const { validate } = await load("@actions/languageservice/dist/index.js");
const { TextDocument } = await load("vscode-languageserver-textdocument/lib/esm/main.js");

const problems = [];
for (const file of files) {
  const text = readFileSync(file, "utf8");
  const document = TextDocument.create(String(pathToFileURL(file)), "yaml", 0, text);
  for (const { message, range } of await validate(document)) {
    problems.push({ file, line: range.start.line + 1, message });
  }
}
console.log(JSON.stringify(problems));
