// Compares ids and decoded text, document by document: node compare.mjs WORK RESULT NAME...
// The status is 1 when Bam differs from the judge or, without one, from JavaScript in a text without the two spaces below.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [work, result, ...names] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const scope = join(work, "node_modules", "@lenml");
const { TokenizerLoader } = await import(pathToFileURL(join(scope, "tokenizers", "dist", "main.mjs")));
const documents = readFileSync(join(work, "documents.jsonl"), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
const limits = { maxBuffer: 1 << 30 };
const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const idsOf = (line) => (line === "" ? [] : line.split(" ").map(Number));
const equal = (a, b) => a.length === b.length && a.every((id, i) => id === b[i]);

function bam(directory) {
  const encode = ["tokenizer", "encode", join(work, "documents.jsonl"), "--tokenizer", directory, "--no-special-tokens"];
  const text = run([process.env.BAM, ...encode]);
  writeFileSync(join(work, "ids.txt"), text);
  const decode = ["tokenizer", "decode", join(work, "ids.txt"), "--tokenizer", directory, "--json"];
  return { ids: text.split("\n").slice(0, -1).map(idsOf), texts: JSON.parse(run([process.env.BAM, ...decode])) };
}

function javascript(directory) {
  // The class of tokenizer_config.json would change what tokenizer.json says; what is compared is tokenizer.json.
  const config = { ...json(join(directory, "tokenizer_config.json")), tokenizer_class: "PreTrainedTokenizer" };
  const tokenizer = TokenizerLoader.fromPreTrained({ tokenizerJSON: json(join(directory, "tokenizer.json")), tokenizerConfig: config });
  return documents.map(({ text }) => tokenizer.encode(text, { add_special_tokens: false }));
}

function judge(directory) {
  const input = [readFileSync(join(directory, "tokenizer.json"), "utf8"), ...documents.map(({ text }) => text)];
  const command = [...process.env.JUDGE.split(" "), "-c", readFileSync(join(here, "judge.py"), "utf8")];
  const lines = run(command, input.map((line) => JSON.stringify(line) + "\n").join("")).split("\n");
  return { ids: documents.map((_, i) => idsOf(lines[2 * i])), texts: documents.map((_, i) => JSON.parse(lines[2 * i + 1])) };
}

function run([program, ...arguments_], input) {
  return execFileSync(program, arguments_, { ...limits, input, encoding: "utf8", stdio: ["pipe", "pipe", "inherit"] });
}

// What surrounds the first id that differs.
function describe(document, ours, theirs) {
  const at = ours.findIndex((id, i) => id !== theirs[i]);
  const i = at < 0 ? ours.length : at;
  return { kind: documents[document].kind, document, at: i, bam: ours.slice(i, i + 6), other: theirs.slice(i, i + 6) };
}

// A known deviation of JavaScript: \s of its regular expressions holds U+FEFF and lacks U+0085. Unicode's White_Space, which is \s in
// Hugging Face's library and in Bam, is the other way round. So patterns with \s cut such texts elsewhere.
const otherSpaces = /[\u0085\ufeff]/;

const tokenizers = [];
for (const name of names) {
  const directory = join(scope, `tokenizer-${name}`, "models");
  const ours = bam(directory);
  const theirs = javascript(directory);
  const right = process.env.JUDGE ? judge(directory) : null;
  const differing = (ids) => documents.map((_, i) => i).filter((i) => !equal(ours.ids[i], ids[i]));
  const fromJavaScript = differing(theirs);
  const fromJudge = right ? differing(right.ids) : null;
  const texts = right ? documents.map((_, i) => i).filter((i) => ours.texts[i] !== right.texts[i]) : null;
  const byKind = {};
  for (const i of fromJavaScript) byKind[documents[i].kind] = (byKind[documents[i].kind] ?? 0) + 1;
  tokenizers.push({
    name,
    package: `@lenml/tokenizer-${name}`,
    version: json(join(scope, `tokenizer-${name}`, "package.json")).version,
    ids: ours.ids.reduce((sum, ids) => sum + ids.length, 0),
    javascript: {
      documents_that_differ: fromJavaScript.length,
      by_kind: byKind,
      with_u0085_or_ufeff: fromJavaScript.filter((i) => otherSpaces.test(documents[i].text)).length,
      judge_agrees_with_bam: right ? fromJavaScript.filter((i) => equal(ours.ids[i], right.ids[i])).length : null,
      examples: fromJavaScript.slice(0, 5).map((i) => describe(i, ours.ids[i], theirs[i])),
    },
    judge: right && {
      documents_that_differ: fromJudge.length,
      texts_that_differ: texts.length,
      examples: [...fromJudge.slice(0, 5).map((i) => describe(i, ours.ids[i], right.ids[i])), ...texts.slice(0, 3)],
    },
  });
  console.error(`bam: ${name}: ${fromJavaScript.length} of ${documents.length} documents differ from JavaScript, ${fromJudge?.length ?? "?"} from the judge, ${texts?.length ?? "?"} decoded texts`);
}

const bytes = documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
mkdirSync(dirname(result), { recursive: true });
writeFileSync(result, JSON.stringify({
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  unicode_of_node: process.versions.unicode,
  javascript: `@lenml/tokenizers ${json(join(scope, "tokenizers", "package.json")).version}`,
  judge: process.env.JUDGE_VERSION ? `Hugging Face tokenizers ${process.env.JUDGE_VERSION}` : null,
  documents: documents.length,
  bytes,
  tokenizers,
}, null, 2) + "\n");
const unexplained = ({ judge: right, javascript: js }) =>
  right ? right.documents_that_differ + right.texts_that_differ : js.documents_that_differ - js.with_u0085_or_ufeff;
process.exitCode = tokenizers.some((tokenizer) => unexplained(tokenizer) > 0) ? 1 : 0;
