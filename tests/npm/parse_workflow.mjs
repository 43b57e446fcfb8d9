// Tell what GitHub's own parser finds wrong in workflow and action files, as a JSON list of strings.
//
//   node parse_workflow.mjs NODE_MODULES FILE...
//
// Workflows lie under .github/workflows/, actions are called action.yml; names are relative to the folder
// that this runs in. A workflow that another one calls is read from there as well.
import {readFileSync} from "node:fs";
import {registerHooks} from "node:module";
import {join} from "node:path";
import {fileURLToPath, pathToFileURL} from "node:url";

// The parser imports JSON as bundlers do; Node would have it say so.
registerHooks({
  load: (url, context, next) =>
    url.endsWith(".json")
      ? {format: "module", source: `export default ${readFileSync(fileURLToPath(url))}`, shortCircuit: true}
      : next(url, context),
});

const [modules, ...files] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(join(modules, name)).href);
const {validate, registerLogger} = await load("@actions/languageservice/dist/index.js");
const {TextDocument} = await load("vscode-languageserver-textdocument/lib/esm/main.js");

const findings = [];
const quiet = () => {};
// What the parser stumbles over it only logs, and calls the file faultless: here that is a finding.
registerLogger({error: (told) => findings.push(`it stumbled: ${told}`), warn: quiet, info: quiet, log: quiet});

const fileProvider = {
  getFileContent: async ({path}) => ({name: path, content: readFileSync(path, "utf8")}),
};

for (const file of files) {
  const document = TextDocument.create(file, "yaml", 1, readFileSync(file, "utf8"));
  for (const {message, range} of await validate(document, {fileProvider})) {
    findings.push(`${file}:${range.start.line + 1}: ${message}`);
  }
}
console.log(JSON.stringify(findings));
