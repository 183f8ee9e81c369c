// How a service sends a code to a phone and checks it, with the gateway's errors handled. phone.mjs is the service's part,
// errors.mjs says what to do about errors, and this file connects.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InterceptingCall, credentials } from '@grpc/grpc-js';
import { verify } from './contract.mjs';
import { explain } from './errors.mjs';
import { call, verifyPhone } from './phone.mjs';

const { GATEWAY = '127.0.0.1:50051', SIMULATOR = 'http://127.0.0.1:4010', TOKEN = 'demo', CA_FILE } = process.env;
const { PHONE = '+13035551234' } = process.env;

/** Shows the token with every call. */
const token = (options, next) =>
  new InterceptingCall(next(options), {
    start(metadata, listener, next) {
      metadata.set('authorization', `Bearer ${TOKEN}`);
      next(metadata, listener);
    },
  });

/** What the person types in, with a slip at the first try. With `verify-gateway dev` there is no phone: the simulator
 * keeps what one would have received. */
async function typedCode(phone, attempt) {
  if (attempt === 1) return '0000';
  const answer = await fetch(`${SIMULATOR}/_simulator/messages/latest/code?phone=${encodeURIComponent(phone)}`);
  return (await answer.text()).trim();
}

// Ctrl-C cancels whatever is under way.
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

// `verify-gateway dev` speaks plaintext.
const transport = CA_FILE ? credentials.createSsl(readFileSync(CA_FILE)) : credentials.createInsecure();
// Both share one connection, which is made when it is needed, and again whenever it breaks.
const options = { interceptors: [token] };
const profiles = new verify.v1.ProfileService(GATEWAY, transport, options);
const verifications = new verify.v1.VerificationService(GATEWAY, transport, options);

let verified = false;
try {
  const request = { request_id: randomUUID(), profile: { name: 'example', sms: { app_name: 'Acme' } } };
  const { profile } = await call(profiles, 'CreateProfile', request, stop);
  console.log('profile:', profile.id);
  // A number with a typing error, and then the right one.
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
