// Signs webhooks with the Ed25519 of OpenSSL: Telnyx's SDK and the gateway accept them, and no other.
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, randomUUID, sign } from 'node:crypto';
import Telnyx from 'telnyx';

const { WEBHOOKS, WEBHOOK_KEY } = process.env;
// The seed in the frame of PKCS #8 (RFC 8410).
const frame = Buffer.from('302e020100300506032b657004220420', 'hex');
const der = Buffer.concat([frame, Buffer.from(WEBHOOK_KEY, 'base64')]);
const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
const key = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
const client = new Telnyx({ apiKey: 'KEY-node' });

const signed = (at, body) => ({
  'telnyx-timestamp': `${at}`,
  'telnyx-signature-ed25519': sign(null, Buffer.from(`${at}|${body}`), privateKey).toString('base64'),
});
const post = async (body, headers) => (await fetch(WEBHOOKS, { method: 'POST', body, headers })).status;

for (const text of ['plain', 'ünïcode ✓', 'x'.repeat(20_000)]) {
  const payload = { id: randomUUID(), delivery_status: 'sent', profile_id: text };
  const event = { event_type: 'verify.sent', id: randomUUID(), record_type: 'event', payload };
  const body = JSON.stringify({ data: event });
  const now = Math.floor(Date.now() / 1000);
  const headers = signed(now, body);
  assert.equal((await client.webhooks.unwrap(body, { headers, key })).data.id, event.id);
  assert.equal(await post(body, headers), 200, text);
  assert.equal(await post(`${body} `, headers), 401);
  assert.equal(await post(body, signed(now - 400, body)), 401);
}
console.log('node: the gateway takes what OpenSSL signs and the SDK accepts');
