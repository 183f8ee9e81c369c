// Serves the page from two origins, opens it in a real browser, and fails unless the page says that all went well.
//
//   GATEWAY=http://127.0.0.1:50051 SIMULATOR=http://127.0.0.1:4010 ALLOWED=8000 FOREIGN=8001 node browse.mjs

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { GATEWAY: gateway, SIMULATOR: simulator, ALLOWED, FOREIGN, CHROMIUM = "chromium" } = process.env;
const TIME = 60_000;
const script = await readFile(new URL("page.bundle.js", import.meta.url));
const outbox = (phone) => `${simulator}/_simulator/messages${phone}`;

async function text(request) {
  let body = "";
  for await (const piece of request) body += piece;
  return body;
}

/** Opens the page from `http://localhost:port` and gives what it says. */
async function open(port, phone, isAllowed) {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  const answers = {
    "/": () => ["text/html", '<!doctype html><script type="module" src="/page.js"></script>'],
    "/page.js": () => ["text/javascript", script],
    "/settings": () => ["application/json", JSON.stringify({ gateway, token: "demo", phone, isAllowed })],
    "/code": async () => [
      "text/plain",
      await (await fetch(outbox(`/latest/code?phone=${encodeURIComponent(phone)}`))).text(),
    ],
    "/result": async (request) => {
      result.resolve(await text(request));
      return ["text/plain", ""];
    },
  };
  const server = createServer(async (request, response) => {
    const answer = answers[request.url];
    const [type, body] = answer ? await answer(request) : ["text/plain", ""];
    response.writeHead(answer ? 200 : 404, { "content-type": type }).end(body);
  });
  server.listen(port, "localhost");
  await once(server, "listening");

  const profile = await mkdtemp(join(tmpdir(), "web-"));
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    // The gateway's certificate is one of this test.
    "--ignore-certificate-errors",
    `--user-data-dir=${profile}`,
  ];
  const browser = spawn(CHROMIUM, [...flags, `http://localhost:${port}/`], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  browser.stderr.on("data", (piece) => (log += piece));
  browser.on("exit", (code) => result.reject(new Error(`the browser ended with ${code}:\n${log}`)));
  const late = setTimeout(() => result.reject(new Error(`the page reported nothing:\n${log}`)), TIME);
  try {
    return await result.promise;
  } finally {
    clearTimeout(late);
    browser.removeAllListeners("exit");
    const ended = once(browser, "exit");
    browser.kill("SIGKILL");
    await ended;
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function messages(phone) {
  return (await (await fetch(outbox(`?phone=${encodeURIComponent(phone)}`))).json()).length;
}

const phone = "+13035551234";
for (const [port, isAllowed] of [
  [ALLOWED, true],
  [FOREIGN, false],
]) {
  const before = await messages(phone);
  const result = await open(port, phone, isAllowed);
  if (result !== "ok") throw new Error(`the page of http://localhost:${port} says: ${result}`);
  const sent = (await messages(phone)) - before;
  if (sent !== (isAllowed ? 1 : 0)) throw new Error(`${sent} messages were sent`);
  console.log(`${gateway}: a page that is ${isAllowed ? "allowed sends, watches and checks a code" : "not allowed is kept out"}`);
}
