// Uses the module against the simulator at SIMULATOR.

import assert from "node:assert/strict";
import { Simulator, SimulatorContainer } from "./simulator.mjs";

const simulator = await new Simulator(process.env.SIMULATOR).waitUntilHealthy();
await simulator.reset("KEYnode");
async function post(path, body) {
  const headers = { authorization: "Bearer KEYnode", "content-type": "application/json" };
  const response = await fetch(`${simulator.baseUrl}/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return (await response.json()).data;
}

const phone_number = await simulator.newNumber();
const sent = await post("verifications/sms", { phone_number, verify_profile_id: "4900017a-e7c8-e79e-0a7c-0d98f49b09cc" });
const checked = await post(`verifications/${sent.id}/actions/verify`, { code: await simulator.latestCode(phone_number) });
assert.equal(checked.response_code, "accepted");
assert.equal((await simulator.addFault({ status: 503, key: "KEYnode" })).hits, 0);
assert.ok(new SimulatorContainer("verify-gateway", { attempt_limit: 3 }));
