// An example of a service that sends a code to a phone and checks it. phone.mjs makes the calls, watch.mjs shows what
// happens to them, errors.mjs handles the errors, and this file connects.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InterceptingCall, credentials } from '@grpc/grpc-js';
import { verify } from './contract.mjs';
import { explain } from './errors.mjs';
import { call, verifyPhone } from './phone.mjs';
import { watch } from './watch.mjs';

const { GATEWAY = '127.0.0.1:50051', SIMULATOR = 'http://127.0.0.1:4010', TOKEN = 'demo', CA_FILE } = process.env;
const { PHONE = '+13035551234' } = process.env;

/** Sends the token with every call. */
const token = (options, next) =>
  new InterceptingCall(next(options), {
    start(metadata, listener, next) {
      metadata.set('authorization', `Bearer ${TOKEN}`);
      next(metadata, listener);
    },
  });

/** Stands for the person, who types a wrong code first. `verify-gateway dev` has no phones, so it reads the code from
 * the simulator. */
async function typedCode(phone, attempt) {
  if (attempt === 1) return '0000';
  const answer = await fetch(`${SIMULATOR}/_simulator/messages/latest/code?phone=${encodeURIComponent(phone)}`);
  return (await answer.text()).trim();
}

// Ctrl-C cancels the running call.
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

// `verify-gateway dev` uses plaintext.
const transport = CA_FILE ? credentials.createSsl(readFileSync(CA_FILE)) : credentials.createInsecure();
// They share one connection. It connects on the first call and reconnects if it breaks.
const options = {
  interceptors: [token],
  // What to retry and how to balance.
  'grpc.service_config': readFileSync('service-config.json', 'utf8'),
  // While calls run, a gateway that is gone is noticed after 40 seconds at most.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
};
const profiles = new verify.v1.ProfileService(GATEWAY, transport, options);
const verifications = new verify.v1.VerificationService(GATEWAY, transport, options);
const events = new verify.v1.EventService(GATEWAY, transport, options);

let verified = false;
try {
  if (process.argv[2] === 'watch') {
    await watch(events, ({ verification_id, type }) => console.log(verification_id, type), stop.signal);
  }
  const request = { request_id: randomUUID(), profile: { name: 'example', sms: { app_name: 'Acme' } } };
  const { profile } = await call(profiles, 'CreateProfile', request, stop);
  console.log('profile:', profile.id);
  // First a mistyped number, then the right one.
  for (const phone of ['+1303555', PHONE]) {
    verified = await verifyPhone(verifications, phone, profile.id, typedCode, stop.signal).catch((error) => {
      console.log(explain(error));
      return false;
    });
  }
} catch (error) {
  console.error(explain(error));
}
process.exitCode = verified ? 0 : 1;
profiles.close();
verifications.close();
events.close();
