// The Telnyx Verify simulator in tests: a client of its control endpoints, and a container that runs it.

import { GenericContainer, Wait } from "testcontainers";

const PORT = 4010;

/** The control endpoints of a running simulator. */
export class Simulator {
  constructor(url) {
    this.url = url;
    this.baseUrl = `${url}/v2`;
  }

  /** A phone number that no other test has. */
  async newNumber() {
    return JSON.parse(await this.#call("POST", "numbers")).phone_number;
  }

  /** The newest code for a phone number. Waits for the first one. */
  async latestCode(phone, wait = "10s") {
    return (await this.#call("GET", `messages/latest/code?${new URLSearchParams({ phone, wait })}`)).trim();
  }

  async addFault(fault) {
    return JSON.parse(await this.#call("POST", "faults", fault));
  }

  /** Deletes all state, or that of one API key. */
  async reset(key) {
    await this.#call("POST", key ? `reset?${new URLSearchParams({ key })}` : "reset");
  }

  async waitUntilHealthy(seconds = 30) {
    for (const end = Date.now() + seconds * 1000; ; ) {
      try {
        await this.#call("GET", "health");
        return this;
      } catch (error) {
        if (Date.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async #call(method, path, body) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${this.url}/_simulator/${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text;
  }
}

/** A container with the simulator. `settings` are those of the simulator, such as `{ attempt_limit: 3 }`. */
export class SimulatorContainer extends GenericContainer {
  constructor(image, settings = {}) {
    super(image);
    const variables = { listen: `0.0.0.0:${PORT}`, allow_remote: true, ...settings };
    this.withCommand(["simulator"])
      .withExposedPorts(PORT)
      .withEnvironment(Object.fromEntries(Object.entries(variables).map(([name, value]) => [`SIMULATOR_${name.toUpperCase()}`, String(value)])))
      .withWaitStrategy(Wait.forHttp("/_simulator/health", PORT));
  }

  /** Starts it. `simulator` of the result has the control endpoints. */
  async start() {
    const container = await super.start();
    return Object.assign(container, { simulator: new Simulator(`http://${container.getHost()}:${container.getMappedPort(PORT)}`) });
  }
}
