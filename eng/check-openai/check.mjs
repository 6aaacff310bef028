// check.mjs model DIRECTORY: puts a tokenizer of the printable letters and a chat template beside a model.
// check.mjs check ADDRESS: asks the server there; a line for each thing that holds.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

const [task, argument] = process.argv.slice(2);
if (task === "model") makeTokenizer(argument);
else await check(argument);

function makeTokenizer(directory) {
  const letters = Array.from({ length: 95 }, (_, i) => i === 0 ? "Ġ" : String.fromCharCode(32 + i));
  writeFileSync(`${directory}/tokenizer.json`, JSON.stringify({
    model: { type: "BPE", unk_token: "a", vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])), merges: [] },
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
    decoder: { type: "ByteLevel" },
  }));
  writeFileSync(`${directory}/chat_template.jinja`, "{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}");
}

async function check(address) {
  const { default: OpenAI } = await import("openai");
  const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: process.env.BAM_API_KEY, maxRetries: 0 });
  const models = await client.models.list();
  const model = models.data[0].id;
  assert.equal((await client.models.retrieve(model)).id, model);
  say("models are listed and retrieved");

  const request = { model, prompt: "Once", max_tokens: 30, seed: 3, temperature: 0.9 };
  const whole = await client.completions.create({ ...request, n: 2, logprobs: 3, echo: true });
  assert.equal(whole.choices.length, 2);
  assert.equal(whole.choices[0].logprobs.token_logprobs.length, 34);
  assert.equal(whole.usage.total_tokens, 4 + 2 * 30);
  let text = "";
  let usage = null;
  const streamed = { ...request, stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await client.completions.create(streamed)) {
    text += chunk.choices[0]?.text ?? "";
    usage = chunk.usage ?? usage;
  }

  assert.equal(`Once${text}`, whole.choices[0].text);
  assert.equal(usage.completion_tokens, 30);
  say("a completion is the same as a whole and as a stream, with probabilities and usage");

  const messages = [{ role: "system", content: "be brief" }, { role: "user", content: "Hi" }];
  const chat = { model, messages, max_completion_tokens: 20, seed: 5 };
  const answer = await client.chat.completions.create({ ...chat, logprobs: true, top_logprobs: 2 });
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.equal(answer.choices[0].logprobs.content.length, answer.usage.completion_tokens);
  const runner = client.chat.completions.stream(chat);
  let deltas = "";
  runner.on("content", delta => { deltas += delta; });
  const final = await runner.finalChatCompletion();
  assert.equal(deltas, answer.choices[0].message.content);
  assert.equal(final.choices[0].message.content, deltas);
  assert.ok(["stop", "length"].includes(final.choices[0].finish_reason));
  say("an answer is the same as a whole and as a stream, with the client's own accumulation");

  const errors = [
    [{ ...request, model: "gpt-4" }, OpenAI.NotFoundError, "model_not_found"],
    [{ ...request, prompt: "a".repeat(500) }, OpenAI.BadRequestError, "context_length_exceeded"],
    [{ ...request, temperature: 3 }, OpenAI.BadRequestError, "invalid_value"],
    [{ ...request, nonsense: 1 }, OpenAI.BadRequestError, "unknown_parameter"],
  ];
  for (const [body, type, code] of errors) {
    await assert.rejects(client.completions.create(body), error => error instanceof type && error.code === code);
  }

  const stranger = new OpenAI({ baseURL: `${address}/v1`, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), error => error instanceof OpenAI.AuthenticationError);
  say("errors have the client's types and codes");

  const stream = await client.completions.create({ ...request, max_tokens: 100, n: 8, stream: true });
  for await (const _ of stream) break;
  stream.controller.abort();
  let running = -1;
  for (let tries = 0; tries < 100 && running !== 0; tries++) {
    await new Promise(resolve => setTimeout(resolve, 20));
    const headers = { Authorization: `Bearer ${process.env.BAM_API_KEY}` };
    const metrics = await (await fetch(`${address}/metrics`, { headers })).text();
    running = Number(metrics.match(/^bam_texts_running\{.*\} (\d+)$/m)[1]);
  }

  assert.equal(running, 0);
  say("a client that leaves ends its texts");
}

function say(what) {
  console.log(what);
}
