// The API: requests that answer at once, and streams of server-sent events.

/** What the server refused, in its own line. */
export class Refused extends Error {}

async function answered(response) {
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new Refused(body.error ?? `${response.status} ${response.statusText}`);
}

const asJson = (method, body, signal) => ({
  method, signal, body: JSON.stringify(body), headers: { "content-type": "application/json" },
});

/** GET, as JSON. */
export const get = async (path, signal) => (await answered(await fetch(path, { signal }))).json();
/** POST, as JSON. */
export const post = async (path, body, signal) => (await answered(await fetch(path, asJson("POST", body, signal)))).json();
/** POST, as text. */
export const postText = async (path, body) => (await answered(await fetch(path, asJson("POST", body)))).text();
/** DELETE, as JSON. */
export const remove = async (path, body) => (await answered(await fetch(path, asJson("DELETE", body)))).json();

/**
 * POST, and every event of the answer as [name, data] until it ends.
 * Throws Refused where the server sends "error"; ends quietly where the signal aborts it.
 */
export async function* stream(path, body, signal) {
  try {
    const response = await answered(await fetch(path, asJson("POST", body, signal)));
    for await (const [name, data] of events(response.body)) {
      if (name === "error") throw new Refused(data.error);
      yield [name, data];
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value.replaceAll("\r\n", "\n")).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parsed(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parsed(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  return data.length ? [name, JSON.parse(data.join("\n"))] : null;
}
