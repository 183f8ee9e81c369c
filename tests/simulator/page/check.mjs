// Uses the simulator's page as a person does. Fails unless all that it does is seen on the page and in the simulator.
//
//   BINARY=target/debug/verify-gateway [SCREENSHOTS=directory] node check.mjs

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const { BINARY, SCREENSHOTS, CHROMIUM } = process.env;
const PROFILE = "4900017a-e7c8-e79e-0a7c-0d98f49b09cc";
const axe = await readFile(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");

const fixtures = JSON.stringify({ settings: { seed: 42 }, clock: { now: "2026-11-26T09:41:00Z", frozen: true } });
const simulator = spawn(BINARY, ["simulator", "--listen", "127.0.0.1:0", "--fixtures", fixtures], { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => simulator.kill());
const [line] = await once(createInterface(simulator.stdout), "line");
const origin = line.match(/http:\/\/[\d.:]+/)[0];

async function api(path, body, key = "KEY1", method = "POST") {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  return fetch(`${origin}/v2/${path}`, { method, headers, body: JSON.stringify(body) });
}
const send = (channel, phone, more = {}, key = undefined) =>
  api(`verifications/${channel}`, { phone_number: phone, verify_profile_id: PROFILE, ...more }, key);

const browser = await puppeteer.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
try {
  await browser.defaultBrowserContext().overridePermissions(origin, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
  const page = await browser.newPage();
  const problems = [];
  page.on("console", (message) => ["error", "warn"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("request", (request) => request.url().startsWith(origin) || problems.push(`it loads ${request.url()}`));
  await page.setViewport({ width: 1280, height: 860 });

  const sees = (text, selector = "body") =>
    page.waitForFunction((text, selector) => document.querySelector(selector)?.textContent.includes(text), { timeout: 20_000 }, text, selector);
  const gone = (text, selector) =>
    page.waitForFunction((text, selector) => !document.querySelector(selector).textContent.includes(text), { timeout: 20_000 }, text, selector);

  /** Runs axe-core in light and dark. The policy of the page keeps it out, unless the debugger puts it in. */
  async function accessible(where) {
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
      assert.deepEqual(found, [], `${where}, ${scheme}`);
      assert.ok(passes.length > 15, `only ${passes.length} rules apply`);
      if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${where}-${scheme}.png` });
    }
  }

  const response = await page.goto(origin);
  assert.match(response.headers()["content-security-policy"], /^default-src 'none'/);
  await sees("Live", "#live");
  await sees(`curl ${origin}/v2/verifications/sms`, "#first");
  await accessible("empty");

  // A message appears by itself, and its code is copied.
  await send("sms", "+13035551234");
  await sees("Your verification code is", ".bubble");
  const code = await page.$eval(".code", (node) => node.textContent);
  await page.click(".copy");
  await sees(`The code ${code} is copied`, "#news");
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
  await sees("pending", ".bubble");
  const check = await api("verifications/by_phone_number/%2B13035551234/actions/verify", { code, verify_profile_id: PROFILE });
  assert.equal((await check.json()).data.response_code, "accepted");
  await sees("accepted", ".bubble");

  // A keypad confirmation is accepted by keyboard alone, and the focus stays in the page.
  await send("dtmf_confirm", "+13035559999");
  await sees("Press 1 to confirm", ".bubble");
  await page.focus("[aria-label=Keypad] button");
  await page.keyboard.press("Enter");
  await sees("accepted", ".bubble");

  // A switch is a fault, and its hits are counted.
  await page.focus("[data-focus=page-503]");
  await page.keyboard.press("Space");
  await sees("on, 0 hits", "[data-focus=page-503]");
  assert.equal(await page.$eval("[data-focus=page-503]", (node) => node.getAttribute("aria-checked")), "true");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.focus), "page-503", "the switch keeps the focus");
  assert.equal((await send("sms", "+13035551234")).status, 503);
  await sees("on, 1 hits", "[data-focus=page-503]");
  await sees("fault page-503", "#requests");
  await page.click("[data-focus=page-503]");
  await sees("off", "[data-focus=page-503]");

  // The clock: codes expire.
  await send("call", "+442071838750", {}, "KEY2");
  await sees("pending", ".bubble");
  await page.click("[data-advance='300']");
  await sees("09:46:00", "#now");
  await sees("expired", ".bubble");
  await page.click("#freeze");
  await page.waitForSelector("#freeze[aria-pressed=false]");

  // A webhook, which nobody receives, with its attempts.
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address();
  closed.close();
  await fetch(`${origin}/_simulator/settings`, { method: "PATCH", headers: { "content-type": "application/json" }, body: '{"webhook_attempts": 1}' });
  await api(`verify_profiles/${PROFILE}`, { webhook_url: `http://127.0.0.1:${port}/hook` }, "KEY1", "PATCH");
  await send("sms", "+13035550127");
  await sees("verify.sent", "#webhooks");
  await sees("failed", "#webhooks");
  await page.click("[data-advance='60']");
  await sees("Delivery: delivery failed", ".bubble");
  await page.click("#webhooks summary");
  await sees(`http://127.0.0.1:${port}/hook`, "#webhooks");
  await page.click("#webhooks summary");

  // The search, over phones and requests.
  await send("whatsapp", "+13035551234");
  await send("sms", "+13035550122");
  await sees("not delivered", ".bubble");
  await fetch(`${origin}/_simulator/faults`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"id": "slow-sends", "path": "/verifications", "phone": "+15550000000", "delay_ms": {"median": 80, "p99": 400}}' });
  await sees("slow-sends", "#faults");
  await page.type("#search", "4420718");
  await gone("+13035551234", "#phones");
  await page.$eval("#search", (input) => { input.value = ""; input.dispatchEvent(new Event("input")); });
  await sees("+13035551234", "#phones");
  await page.evaluate(() => [...document.querySelectorAll("#phones button")].find((button) => button.textContent.includes("+13035551234")).click());
  await sees("+13035551234", "#messages-title");
  await accessible("full");
  await page.click("#requests summary");
  await sees("verify_profile_id", "#requests pre");
  await page.setViewport({ width: 390, height: 844 });
  await accessible("narrow");

  // A page of another origin resets nothing.
  const foreign = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html>")).listen(0, "127.0.0.1");
  await once(foreign, "listening");
  const attacker = await browser.newPage();
  await attacker.goto(`http://localhost:${foreign.address().port}`);
  await attacker.evaluate((origin) => fetch(`${origin}/_simulator/reset`, { method: "POST", mode: "no-cors" }), origin);
  await attacker.close();
  foreign.close();
  await page.bringToFront();
  assert.ok((await (await fetch(`${origin}/_simulator/messages`)).json()).length > 0, "it was reset by another site");

  // The person resets it.
  page.on("dialog", (dialog) => dialog.accept());
  await page.click("#reset");
  await sees("No phone has a message yet", "#empty");
  await page.waitForFunction(() => !document.querySelector("#empty").hidden);
  assert.deepEqual(problems, []);
  console.log("the page works by mouse and keyboard, and axe-core finds nothing in light and dark");
} finally {
  await browser.close();
}
process.exit();
