// Is the person at this phone? The service's part of it.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { reason, tryAgain } from './errors.mjs';

/** One call as a promise, with a deadline in milliseconds. An aborted signal, say of a closed page, cancels it. */
export function call(client, method, request, { timeout = 12_000, signal } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const options = { deadline: Date.now() + timeout };
    const running = client[method](request, options, (error, answer) => {
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
    // Only ACCEPTED lets the person in, whatever other outcomes there may be one day.
    if (outcome !== 'CHECK_OUTCOME_REJECTED') return outcome === 'CHECK_OUTCOME_ACCEPTED';
  }
}

/** Sends a code once, however often it has to ask. The person waits for half a minute at most. */
export async function send(client, phone, profile, signal) {
  const end = Date.now() + 30_000;
  const request = {
    // Names this intent: with the same name, every further try is the same message.
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
      console.log(`once more in ${wait / 1000} s: ${reason(error)}`);
      await sleep(wait, undefined, { signal });
    }
  }
}

/** Never asks twice: a check that may have been made has spent one of the person's few tries. */
export async function check(client, verification, code, signal) {
  const request = { verification_id: verification, code };
  return (await call(client, 'CheckVerification', request, { signal })).outcome;
}
