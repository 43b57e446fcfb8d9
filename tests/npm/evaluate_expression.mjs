// Print what GitHub's own evaluator makes of an expression, as JSON.
//
//   node evaluate_expression.mjs NODE_MODULES EXPRESSION CONTEXTS
//
// CONTEXTS is JSON, such as {"github": {"ref": "refs/heads/main"}}. A name that is not in it is null.
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const [modules, expression, contexts] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(join(modules, "@actions/expressions/dist", name)).href);
const {Evaluator, Lexer, Parser, data} = await load("index.js");
const {reviver} = await load("data/reviver.js");
const {replacer} = await load("data/replacer.js");

const given = JSON.parse(contexts, reviver);
const {tokens} = new Lexer(expression).lex();
const parsed = new Parser(tokens, Object.keys(JSON.parse(contexts)), []).parse();
console.log(JSON.stringify(new Evaluator(parsed, given).evaluate(), replacer));
