// Requests to the server that served this page, and the events of a stream.

let key = "";

export const setKey = value => { key = value; };

// An answer of the server that is an error, with its status.
export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function getJson(path) {
  const response = await fetch(path, { headers: headers() });
  await requireSuccess(response);
  return response.json();
}

// Sends a request and yields the chunks of its answer, until the last or until the signal aborts.
export async function* stream(path, body, signal) {
  const response = await fetch(path, {
    method: "POST",
    headers: { ...headers(), "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, trace_routing: true, stream_options: { include_usage: true } }),
    signal,
  });
  await requireSuccess(response);
  for await (const data of eventsOf(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ServerError(response.status, chunk.error.message);
    yield chunk;
  }
}

async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) if (event.startsWith("data: ")) yield event.slice("data: ".length);
  }
}

function headers() {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function requireSuccess(response) {
  if (response.ok) return;
  const answer = await response.json().catch(() => null);
  throw new ServerError(response.status, answer?.error?.message ?? `${response.status} ${response.statusText}`);
}
