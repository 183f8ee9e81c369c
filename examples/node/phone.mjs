// Sends a code to a phone and checks it.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import { reason, tryAgain } from './errors.mjs';

/** One call as a promise, with a deadline in milliseconds. An aborted signal, for example of a closed page, cancels it. */
export function call(client, method, request, { timeout = 12_000, signal } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const options = { deadline: Date.now() + timeout };
    // This library does not take it from the service config: the call waits while no gateway is ready.
    const running = client[method](request, new Metadata({ waitForReady: true }), options, (error, answer) => {
      signal?.removeEventListener('abort', cancel);
      if (error) reject(error);
      else resolve(answer);
    });
    const cancel = () => running.cancel();
    signal?.addEventListener('abort', cancel);
  });
}

export async function verifyPhone(client, phone, profile, typedCode, signal) {
  const sent = await send(client, phone, profile, signal);
  console.log('sent:', sent.id, sent.state);
  for (let attempt = 1; ; attempt++) {
    const outcome = await check(client, sent.id, await typedCode(phone, attempt), signal);
    console.log('checked:', outcome);
    // Only ACCEPTED proves the phone number. Later versions may add outcomes.
    if (outcome !== 'CHECK_OUTCOME_REJECTED') return outcome === 'CHECK_OUTCOME_ACCEPTED';
  }
}

/** Sends one message, even if it needs several calls. Gives up after 30 seconds. */
export async function send(client, phone, profile, signal) {
  const end = Date.now() + 30_000;
  const request = {
    // All calls with the same request_id send one message.
    request_id: randomUUID(),
    phone_number: phone,
    channel: 'CHANNEL_SMS',
    profile_id: profile,
  };
  for (;;) {
    try {
      const timeout = Math.min(12_000, end - Date.now());
      return (await call(client, 'CreateVerification', request, { timeout, signal })).verification;
    } catch (error) {
      const wait = tryAgain(error);
      if (wait === undefined || Date.now() + wait > end) throw error;
      console.log(`retrying in ${wait / 1000} s: ${reason(error)}`);
      await sleep(wait, undefined, { signal });
    }
  }
}

/** Is not repeated: a check whose answer is lost may have used one of the person's few attempts. */
export async function check(client, verification, code, signal) {
  const request = { verification_id: verification, code };
  return (await call(client, 'CheckVerification', request, { signal })).outcome;
}
