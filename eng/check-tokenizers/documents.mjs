// Writes more than 1 MB of mixed documents as JSONL: node documents.mjs ROOT OUTPUT
// Licences and sources are the machine's; the rest is made of code points by a fixed seed.
import { readFileSync, readdirSync, statSync, writeFileSync, existsSync, lstatSync } from "node:fs";
import { join, extname } from "node:path";

const [root, output] = process.argv.slice(2);
const documents = [];

function add(kind, text) {
  if (text) documents.push({ kind, text });
}

function walk(folder, take) {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (["bin", "obj", "results", "node_modules"].includes(name) || lstatSync(path).isSymbolicLink()) continue;
    if (statSync(path).isDirectory()) walk(path, take);
    else take(path);
  }
}

// mulberry32
let state = 20240815;
function random(bound) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * bound);
}
const pick = (items) => items[random(items.length)];
const between = (first, last) => String.fromCodePoint(first + random(last - first + 1));
const repeat = (count, make) => Array.from({ length: count }, make).join("");

const spaces = [..." \t\n\r\v\f\u0085\u00a0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\ufeff"];
const words = "the of and expert router attention don't we'll I'D it's 3.14 2048 x86_64 naïve Straße ΑΒΓ привет שלום مرحبا नमस्ते ไทย".split(" ");
const any = () => {
  for (;;) {
    const value = random(0x110000);
    if (value < 0xd800 || value > 0xdfff) return String.fromCodePoint(value);
  }
};
const kinds = {
  cjk: () => repeat(1 + random(12), () => pick([() => between(0x4e00, 0x9fff), () => between(0x3041, 0x30ff), () => between(0xac00, 0xd7a3), () => pick([..."，。「」！"])])()),
  emoji: () => pick([() => between(0x1f300, 0x1f64f), () => "👩‍👩‍👧", () => "🏳️‍🌈", () => between(0x1f44a, 0x1f450) + between(0x1f3fb, 0x1f3ff), () => "🇩🇪"])(),
  controls: () => pick([() => between(0, 0x1f), () => between(0x7f, 0x9f), () => "\0"])(),
  "combining marks": () => between(0x61, 0x7a) + repeat(random(4), () => between(0x300, 0x36f)),
  "odd whitespace": () => repeat(1 + random(5), () => pick(spaces)),
  "beyond the basic plane": () => pick([() => between(0x1d400, 0x1d7ff), () => between(0x20000, 0x2a6df), () => between(0x10000, 0x100ff)])(),
  "any code point": any,
  "names of tokens": () => pick(["▁", "▁▁", "Ġ", "<0x0A>", "<0xE2>", "<unk>", "<s>", "</s>", "<bos>", "<|endoftext|>", "<|im_start|>", "<pad>", "�"]),
};

function generated(kind) {
  return repeat(60 + random(60), () => pick([() => kinds[kind](), () => kinds[kind](), () => pick(words), () => pick([" ", " ", "  ", "\n"])])());
}

const licences = "/usr/share/common-licenses";
if (existsSync(licences)) walk(licences, (path) => add("licences", readFileSync(path, "utf8")));
let code = 0;
for (const folder of ["native", "src", "docs"]) {
  walk(join(root, folder), (path) => {
    if (code > 600_000 || ![".cs", ".cpp", ".h", ".md"].includes(extname(path))) return;
    const text = readFileSync(path, "utf8");
    code += text.length;
    add(extname(path) === ".md" ? "prose" : "code", text);
  });
}
for (const kind of Object.keys(kinds)) {
  for (let bytes = 0; bytes < 60_000; ) {
    const text = generated(kind);
    bytes += Buffer.byteLength(text);
    add(kind, text);
  }
}
add("long words", "a".repeat(20_000));
add("long words", repeat(20_000, () => pick([..."abcdefgh"])));
add("long words", " ".repeat(20_000) + "."); // white space alone is no document
add("long words", repeat(5_000, () => between(0x4e00, 0x9fff)));

writeFileSync(output, documents.map((document) => JSON.stringify(document) + "\n").join(""));
