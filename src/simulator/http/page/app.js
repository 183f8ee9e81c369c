// The page of the simulator: shows its state, and sends what its buttons say to the control endpoints.

const find = (id) => document.getElementById(id);
const state = { inbox: [], requests: [], webhooks: [], faults: [], clock: null, readAt: 0, phone: null, search: "" };
let known = null;

/** The faults that the page switches on. Their IDs begin with `page-`. */
const SWITCHES = [
  ["page-429", "Too many requests (429)", { status: 429, headers: { "retry-after": "1" } }],
  ["page-503", "Unavailable (503)", { status: 503 }],
  ["page-half", "Half of the calls fail (500)", { status: 500, probability: 0.5 }],
  ["page-lost", "Done, but the answer is lost (504)", { status: 504, act: "after" }],
  ["page-reset", "The connection is reset", { reset: true }],
  ["page-slow", "Answers come after 3 s", { delay_ms: 3000, act: "after" }],
  ["page-key", "API keys are refused (401)", { status: 401 }],
];

async function call(method, path, body) {
  const options = { method };
  if (body !== undefined) Object.assign(options, { headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const response = await fetch(`/_simulator/${path}`, options);
  if (!response.ok) throw new Error((await response.json()).error);
  return response.status === 204 ? null : response.json();
}

/** Runs what a button does, and announces why it fails. */
const act = (action) => async () => {
  try {
    await action();
  } catch (error) {
    announce(error.message);
  }
};

function announce(text) {
  find("news").textContent = text;
}

function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Shows a list. An entry that did not change keeps its element, with its focus and what is open in it. */
function show(list, entries) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  const nodes = entries.map(({ key, value, make }) => {
    const signature = JSON.stringify(value);
    const was = old.get(key);
    if (was?.dataset.signature === signature) return was;
    const node = make();
    Object.assign(node.dataset, { key, signature });
    return node;
  });
  if (nodes.length === list.children.length && nodes.every((node, at) => node === list.children[at])) return;
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const name = focused?.dataset.focus;
  list.replaceChildren(...nodes);
  if (focused) (focused.isConnected ? focused : list.querySelector(`[data-focus="${CSS.escape(name)}"]`))?.focus({ preventScroll: true });
}

async function copy(text, what) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
  } else {
    // Browsers have no clipboard for pages that are neither on this machine nor HTTPS.
    const area = element("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  announce(`${what} is copied`);
}

const time = (at) => element("time", { datetime: at }, at.slice(11, 19));
const has = (...texts) => texts.some((text) => text?.toLowerCase().includes(state.search));
const found = (message) =>
  has(message.phone_number, message.text, message.code, message.account, message.profile_id, message.profile_name, message.channel);

function keypad(message) {
  if (message.channel !== "dtmf_confirm" || message.status !== "pending") return null;
  const press = (key, label) =>
    element("button", { type: "button", "data-focus": message.verification_id + key, click: act(() => call("POST", `verifications/${message.verification_id}/keypad`, { key })) }, label);
  return element("div", { class: "row", role: "group", "aria-label": "Keypad" }, press("1", "Press 1"), press("2", "Press 2"), press("none", "No key"), press("no_answer", "Not answered"));
}

function bubble(message) {
  const { code, status, delivered } = message;
  const copyCode = () => copy(code, `The code ${code}`);
  const fresh = known && !known.has(message.verification_id) ? " fresh" : "";
  return element(
    "li",
    { class: `bubble${delivered ? "" : " lost"}${fresh}` },
    element("div", { class: "row meta" }, time(message.sent_at), message.channel, element("span", { class: `badge ${status}` }, delivered ? status : "not delivered")),
    element("p", { class: "text" }, delivered ? message.text : "The message did not reach the phone."),
    code && delivered
      ? element("div", { class: "row" }, element("span", { class: "code" }, code), element("button", { type: "button", class: "copy", "data-focus": message.verification_id, "aria-label": `Copy the code ${code}`, click: act(copyCode) }, "Copy"))
      : null,
    keypad(message),
    message.delivery_status ? element("p", { class: "meta" }, `Delivery: ${message.delivery_status.replace("_", " ")}.`) : null,
    element("p", { class: "meta" }, `From ${message.profile_name ?? "a deleted profile"} (${message.profile_id}), account ${message.account}. Expires at ${message.expires_at.slice(11, 19)}.`),
  );
}

function showPhones() {
  const phones = new Map();
  for (const message of state.inbox.filter(found)) {
    phones.set(message.phone_number, (phones.get(message.phone_number) ?? 0) + 1);
  }
  if (!phones.has(state.phone)) state.phone = phones.keys().next().value ?? null;
  const choose = (phone) => () => {
    state.phone = phone;
    render();
  };
  show(
    find("phones"),
    [...phones].map(([phone, count]) => {
      const current = phone === state.phone ? "true" : undefined;
      const label = `${count} ${count === 1 ? "message" : "messages"}`;
      const make = () =>
        element("li", {}, element("button", { type: "button", "aria-current": current, "data-focus": phone, click: choose(phone) }, phone, element("span", { class: "meta" }, label)));
      return { key: phone, value: [count, current], make };
    }),
  );
}

function showMessages() {
  const thread = state.inbox.filter((message) => message.phone_number === state.phone && found(message));
  find("messages-title").textContent = state.phone ? `Messages of ${state.phone}` : "Messages";
  find("empty").hidden = state.inbox.length > 0;
  show(find("thread"), thread.map((message) => ({ key: message.verification_id, value: message, make: () => bubble(message) })));
}

function showFaults() {
  const set = new Map(state.faults.map((fault) => [fault.id, fault]));
  const flip = (id, fault) => () => (set.has(id) ? call("DELETE", `faults/${id}`) : call("POST", "faults", { ...fault, id, unlimited: true }));
  show(
    find("switches"),
    SWITCHES.map(([id, label, fault]) => {
      const hits = set.get(id)?.hits;
      const on = set.has(id);
      const make = () =>
        element("li", {}, element("button", { type: "button", role: "switch", "aria-checked": String(on), "data-focus": id, click: act(flip(id, fault)) }, label, element("span", {}, on ? `on, ${hits} hits` : "off")));
      return { key: id, value: [on, hits], make };
    }),
  );
  const others = state.faults.filter((fault) => !fault.id.startsWith("page-"));
  find("set-title").hidden = others.length === 0;
  show(
    find("faults"),
    others.map((fault) => {
      const { id, hits, key, ...rest } = fault;
      const remove = act(() => call("DELETE", `faults/${encodeURIComponent(id)}`));
      const make = () =>
        element("li", {}, element("code", { class: "meta" }, `${id}: ${JSON.stringify(rest)}, ${hits} hits`), element("button", { type: "button", "data-focus": id, "aria-label": `Delete the fault ${id}`, click: remove }, "Delete"));
      return { key: id, value: fault, make };
    }),
  );
}

const pretty = (body) => (typeof body === "string" ? body : JSON.stringify(body, null, 2));

const part = (title, body) => (body === null ? null : element("div", {}, element("strong", {}, title), element("pre", {}, pretty(body))));

function showWebhooks() {
  const matching = state.webhooks.filter((delivery) => has(pretty(delivery)));
  const make = (delivery) => () => {
    const { status, attempts, webhook, started_at } = delivery;
    const [last] = attempts;
    const answer = last ? (last.http.response?.status ?? last.detail) : "no attempt yet";
    return element(
      "li",
      {},
      element(
        "details",
        {},
        element(
          "summary",
          {},
          started_at ? time(started_at) : null,
          element("strong", { class: `badge ${status === "failed" ? "error" : status}` }, status),
          element("code", {}, webhook.event_type),
          element("span", {}, `${webhook.payload.phone_number}, ${attempts.length} ${attempts.length === 1 ? "attempt" : "attempts"}, ${answer}`),
        ),
        part("Webhook", webhook),
        part("Attempts, newest first", attempts),
      ),
    );
  };
  find("webhooks-section").hidden = state.webhooks.length === 0;
  show(find("webhooks"), matching.map((delivery) => ({ key: delivery.id, value: [delivery.status, delivery.attempts.length], make: make(delivery) })).reverse());
}

function showRequests() {
  const matching = state.requests.filter((request) => has(request.path, request.phone, request.account, request.fault, pretty(request.body), pretty(request.answer)));
  const make = (request) => () =>
    element(
      "li",
      {},
      element(
        "details",
        {},
        element(
          "summary",
          {},
          time(request.received_at),
          element("strong", { class: `s${Math.floor((request.status ?? 0) / 100)}` }, String(request.status ?? "no answer")),
          element("code", {}, `${request.method} ${request.path}`),
          request.fault ? element("span", { class: "badge error" }, `fault ${request.fault}`) : null,
        ),
        part("Request", request.body),
        part("Answer", request.answer),
      ),
    );
  show(find("requests"), matching.map((request) => ({ key: String(request.id), value: request.status, make: make(request) })).reverse());
}

function showClock() {
  if (!state.clock) return;
  const { now, frozen } = state.clock;
  const at = new Date(Date.parse(now) + (frozen ? 0 : Date.now() - state.readAt)).toISOString();
  find("now").textContent = `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;
  find("now").setAttribute("datetime", at);
  find("freeze").setAttribute("aria-pressed", String(frozen));
}

function render() {
  showPhones();
  showMessages();
  showFaults();
  showWebhooks();
  showRequests();
  showClock();
}

async function refresh() {
  const [inbox, requests, webhooks, faults, clock] = await Promise.all([call("GET", "inbox"), call("GET", "requests?limit=50"), call("GET", "webhooks?limit=50"), call("GET", "faults"), call("GET", "clock")]);
  Object.assign(state, { inbox, requests, webhooks, faults, clock, readAt: Date.now() });
  const fresh = known ? inbox.filter((message) => !known.has(message.verification_id)) : [];
  if (fresh.length > 0) {
    state.phone = fresh[0].phone_number;
    announce(fresh.length === 1 ? `New message to ${fresh[0].phone_number}${fresh[0].code ? `, code ${fresh[0].code}` : ""}` : `${fresh.length} new messages`);
  }
  render();
  known = new Set(inbox.map((message) => message.verification_id));
}

/** One refresh at a time. What changes meanwhile makes one more. */
let running = null;
let again = false;
function changed() {
  again = running !== null;
  running ??= refresh()
    .catch(() => undefined)
    .finally(() => {
      running = null;
      if (again) changed();
    });
}

function live(isLive) {
  find("live").textContent = isLive ? "Live" : "No connection";
  find("live").classList.toggle("off", !isLive);
}

const base = `${location.origin}/v2`;
const first = `curl ${base}/verifications/sms -H 'authorization: Bearer KEY1' -H 'content-type: application/json' \\
  -d '{"phone_number": "+13035551234", "verify_profile_id": "4900017a-e7c8-e79e-0a7c-0d98f49b09cc"}'`;
find("base").textContent = base;
find("first").textContent = first;
find("copy-base").addEventListener("click", act(() => copy(base, "The base URL")));
find("copy-first").addEventListener("click", act(() => copy(first, "The command")));
find("search").addEventListener("input", (event) => {
  state.search = event.target.value.trim().toLowerCase();
  render();
});
find("freeze").addEventListener("click", act(() => call("PATCH", "clock", { frozen: !state.clock.frozen })));
find("reset").addEventListener("click", act(async () => {
  if (confirm("Delete all accounts, messages and faults?")) await call("POST", "reset");
}));
for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", act(() => call("POST", "clock/advance", { seconds: Number(button.dataset.advance) })));
}
setInterval(showClock, 1000);
// Nothing announces that a code has expired.
setInterval(() => state.inbox.some((message) => message.status === "pending") && changed(), 5000);

const events = new EventSource("/_simulator/events");
events.addEventListener("open", () => live(true));
events.addEventListener("error", () => live(false));
events.addEventListener("change", changed);
