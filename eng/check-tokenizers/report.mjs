// A result of compare.mjs as Markdown: node report.mjs RESULT
import { readFileSync } from "node:fs";

const result = JSON.parse(readFileSync(process.argv[2], "utf8"));
const number = (value) => (value ?? "?").toLocaleString("en-US");
const out = (line = "") => console.log(line);

out(`# Token ids against independent implementations, ${result.date}`);
out();
out(`${number(result.documents)} documents, ${number(result.bytes)} bytes: licences, code, prose, and generated text (CJK, emoji, control characters,`);
out("combining marks, odd white space, code points beyond the basic plane and any at all, names of tokens, very long words). Every id is");
out(`compared, without the template; JavaScript is ${result.javascript} (from transformers.js) on Node.js ${result.node} with Unicode ${result.unicode_of_node}.`);
out(result.judge ? `The judge is ${result.judge}, which also decodes Bam's ids.` : "There was no judge: it cannot be said which side is right where they differ.");
out();
out("| vocabulary | ids | documents that differ from the judge | decoded texts that differ from the judge | documents that differ from JavaScript | of these the judge agrees with Bam |");
out("|---|---:|---:|---:|---:|---:|");
for (const { name, version, ids, javascript, judge } of result.tokenizers) {
  out(`| ${name} ${version} | ${number(ids)} | ${number(judge?.documents_that_differ)} | ${number(judge?.texts_that_differ)} | ${number(javascript.documents_that_differ)} | ${number(javascript.judge_agrees_with_bam)} |`);
}
const differing = result.tokenizers.filter(({ javascript }) => javascript.documents_that_differ > 0);
if (differing.length > 0) {
  out();
  out("JavaScript's \\s holds U+FEFF and lacks U+0085; Unicode's White_Space, which is \\s in Hugging Face's library and in Bam, is the other way");
  out("round. So the patterns of byte-level vocabularies cut texts with these two elsewhere.");
  out();
  out("Where JavaScript differs, by kind of document, and the first place (document, position, ids from there on):");
  out();
  for (const { name, javascript } of differing) {
    const kinds = Object.entries(javascript.by_kind).map(([kind, count]) => `${kind} ${count}`).join(", ");
    const [first] = javascript.examples;
    out(`- ${name}: ${kinds}; ${javascript.with_u0085_or_ufeff} of ${javascript.documents_that_differ} have U+0085 or U+FEFF; document ${first.document}, id ${first.at}: Bam ${first.bam.join(" ")}, JavaScript ${first.other.join(" ")}`);
  }
}
