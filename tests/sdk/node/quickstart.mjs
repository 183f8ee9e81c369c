// The whole quickstart with the official Node SDK, against the simulator at $SIMULATOR.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import Telnyx from 'telnyx';

const simulator = process.env.SIMULATOR;
const phone = '+13035551235';
// The profile of the samples in Telnyx's quickstart.
const quickstart = '4900017a-e7c8-e79e-0a7c-0d98f49b09cc';
const baseURL = `${simulator}/v2`;
const client = new Telnyx({ apiKey: 'KEY-node', baseURL });

const control = async (path, of) => {
  const answer = await fetch(`${simulator}/_simulator${path}?phone=${encodeURIComponent(of)}`);
  assert.ok(answer.ok, path);
  return answer.text();
};
const outbox = async (of = phone) => JSON.parse(await control('/messages', of));
const code = async () => (await control('/messages/latest/code', phone)).trim();
const wrong = (right) => (right[0] === '1' ? '2' : '1') + right.slice(1);
const raises = async (type, number, call) => {
  await assert.rejects(call, (error) => {
    assert.equal(error.constructor, type);
    assert.equal(error.headers.get('x-simulator'), 'true');
    assert.equal(error.error.errors[0].code, number);
    return true;
  });
};
const all = async (list) => {
  const found = [];
  for await (const item of list) found.push(item.id);
  return found;
};

const { verifyProfiles: profiles, verifications } = client;

// Templates.
assert.equal((await profiles.retrieveTemplates()).data.length, 6);
const created = (await profiles.createTemplate({ text: '{{code}} opens {{app_name}}' })).data;
const template = (await profiles.updateTemplate(created.id, { text: '{{app_name}}: {{code}}' })).data;
assert.equal((await profiles.retrieveTemplates()).data.length, 7);

// A profile.
let { data: profile } = await profiles.create({
  name: 'Shop',
  sms: { app_name: 'Shop', code_length: 6, messaging_template_id: template.id, whitelisted_destinations: ['US'] },
  call: { app_name: 'Shop', default_verification_timeout_secs: 120 },
});
assert.equal(profile.record_type, 'verification_profile');
assert.equal(profile.sms.code_length, 6);
const other = (await profiles.create({ name: 'Other', sms: {} })).data;
assert.deepEqual(await all(profiles.list()), [other.id, profile.id, quickstart]);
assert.deepEqual(await all(profiles.list({ page_size: 1 })), [other.id, profile.id, quickstart]);
assert.deepEqual(await all(profiles.list({ filter: { name: 'Shop' } })), [profile.id]);
assert.equal((await profiles.retrieve(profile.id)).data.name, 'Shop');
({ data: profile } = await profiles.update(profile.id, { name: 'Store', flashcall: {}, whatsapp: {} }));
assert.equal(profile.name, 'Store');
assert.equal(profile.sms.code_length, 6);
assert.equal((await profiles.delete(other.id)).data.id, other.id);
await raises(Telnyx.NotFoundError, '10005', () => profiles.retrieve(other.id));

// An SMS, a wrong code, the right one.
const verify_profile_id = profile.id;
let { data: sent } = await verifications.triggerSMS({ phone_number: phone, verify_profile_id });
assert.deepEqual([sent.status, sent.type, sent.timeout_secs], ['pending', 'sms', 300]);
assert.equal((await outbox())[0].text, `Shop: ${await code()}`);
const check = async (body) => (await verifications.actions.verify(sent.id, body)).data.response_code;
assert.equal(await check({ code: wrong(await code()) }), 'rejected');
assert.equal(await check({ code: await code() }), 'accepted');
assert.equal((await verifications.retrieve(sent.id)).data.status, 'accepted');
await raises(Telnyx.NotFoundError, '10005', () => verifications.actions.verify(sent.id, { code: '00000' }));

// By phone number.
await verifications.triggerSMS({ phone_number: phone, verify_profile_id });
const checkPhone = async (code) =>
  (await verifications.byPhoneNumber.actions.verify(phone, { code, verify_profile_id })).data.response_code;
assert.equal(await checkPhone(wrong(await code())), 'rejected');
assert.equal(await checkPhone(await code()), 'accepted');

// Every other channel.
for (const [trigger, type] of [
  ['triggerCall', 'call'],
  ['triggerFlashcall', 'flashcall'],
  ['triggerWhatsappVerification', 'whatsapp'],
]) {
  ({ data: sent } = await verifications[trigger]({ phone_number: phone, verify_profile_id }));
  assert.equal(sent.type, type);
  assert.equal((await outbox()).at(-1).channel, type);
  assert.equal(await check({ code: await code() }), 'accepted');
}

// A code of our own, whose outcome we report.
({ data: sent } = await verifications.triggerSMS({ phone_number: phone, verify_profile_id, custom_code: '43612' }));
assert.equal(sent.custom_code, '43612');
assert.equal(await check({ status: 'rejected' }), 'rejected');
assert.equal((await verifications.retrieve(sent.id)).data.status, 'invalid');

// Too many wrong codes, and too late.
const status = async () => (await verifications.retrieve(sent.id)).data.status;
({ data: sent } = await verifications.triggerSMS({ phone_number: phone, verify_profile_id }));
for (let tries = 0; tries < 5; tries++) assert.equal(await check({ code: wrong(await code()) }), 'rejected');
assert.equal(await status(), 'invalid');
({ data: sent } = await verifications.triggerSMS({ phone_number: phone, verify_profile_id }));
const advanced = await fetch(`${simulator}/_simulator/clock/advance`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ seconds: 301 }),
});
assert.ok(advanced.ok);
assert.equal(await check({ code: await code() }), 'rejected');
assert.equal(await status(), 'expired');

// The list of a number, newest first.
const found = await verifications.byPhoneNumber.list(phone);
assert.deepEqual(found.data.map((item) => item.type), [
  'sms', 'sms', 'sms', 'whatsapp', 'flashcall', 'call', 'sms', 'sms',
]);
assert.deepEqual(found.meta, { page_number: 1, page_size: 25, total_pages: 1, total_results: 8 });
assert.equal((await outbox()).length, 8);

// Errors, as the SDK tells them apart.
const send = (to, of = verify_profile_id, options = {}) =>
  verifications.triggerSMS({ phone_number: to, verify_profile_id: of }, options);
await raises(Telnyx.AuthenticationError, '10009', () =>
  profiles.retrieve(profile.id, { headers: { Authorization: 'nothing' } }));
await raises(Telnyx.NotFoundError, '10005', () => send(phone, 'unknown'));
await raises(Telnyx.UnprocessableEntityError, '10016', () => send('3035551235'));
await raises(Telnyx.BadRequestError, '40309', () => send('+442071838750'));
await raises(Telnyx.BadRequestError, '10015', () => profiles.create({ name: 'no channel' }));
await raises(Telnyx.RateLimitError, '10011', () => send('+13035550100', verify_profile_id, { maxRetries: 0 }));

// The SDK repeats a send on its own: the outbox shows what a person gets.
await send('+13035550103');
assert.equal((await outbox('+13035550103')).length, 1);
await assert.rejects(send('+13035550109'), Telnyx.APIConnectionError);
assert.equal((await outbox('+13035550109')).length, 3);
assert.equal((await outbox()).length, 8);
// The calls of Telnyx's quickstart.
const sample = new Telnyx({ apiKey: 'YOUR_API_KEY', baseURL });
for (const { text } of (await sample.verifyProfiles.retrieveTemplates()).data) assert.ok(text.includes('{{code}}'), text);
const foobar = await sample.verifyProfiles.create({
  name: 'foobar-en-v1',
  language: 'en-US',
  sms: {
    messaging_template_id: '0abb5b4f-459f-445a-bfcd-488998b7572d',
    whitelisted_destinations: ['US', 'CA'],
    default_timeout_secs: 300,
    code_length: 5,
  },
  call: { default_timeout_secs: 600 },
});
assert.equal(foobar.data.call.default_verification_timeout_secs, 600);
for (const trigger of ['triggerSMS', 'triggerCall', 'triggerFlashcall']) {
  await sample.verifications[trigger]({ phone_number: phone, verify_profile_id: quickstart });
  const check = { code: await code(), verify_profile_id: quickstart };
  const { data } = await sample.verifications.byPhoneNumber.actions.verify(phone, check);
  assert.equal(data.response_code, 'accepted');
}

// Webhooks: the SDK accepts the signature and reads the event, and refuses a changed body. The log has the delivery.
const received = [];
let arrived = () => undefined;
const server = createServer(async (request, answer) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  answer.end();
  received.push({ body, headers: request.headers });
  arrived();
});
await once(server.listen(0, '127.0.0.1'), 'listening');
await profiles.update(verify_profile_id, { webhook_url: `http://127.0.0.1:${server.address().port}/webhooks` });
const keysOf = async (key) => (await (await fetch(`${simulator}/_simulator/keys?key=${key}`)).json())[0].public_key;
const [key, otherKey] = [await keysOf('KEY-node'), await keysOf('KEY-other')];
const { data: hooked } = await send('+13035550127');
for (const [type, status] of [['verify.sent', 'sent'], ['verify.failed', 'delivery_failed']]) {
  while (received.length === 0) await new Promise((resolve) => { arrived = resolve; });
  const { body, headers } = received.shift();
  const event = await client.webhooks.unwrap(body, { headers, key });
  assert.deepEqual([event.data.event_type, event.data.payload.delivery_status, event.data.payload.id], [type, status, hooked.id]);
  await assert.rejects(async () => client.webhooks.unwrap(body.replace('failed', 'passed'), { headers, key }));
  await assert.rejects(async () => client.webhooks.unwrap(body, { headers, key: otherKey }));
  await fetch(`${simulator}/_simulator/clock/advance`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"seconds": 1}' });
}
await fetch(`${simulator}/_simulator/webhooks?verification_id=${hooked.id}&event_type=verify.failed&status=delivered&wait=30s`);
const log = [];
for await (const delivery of client.webhookDeliveries.list({ filter: { webhook: { contains: hooked.id } } })) log.push(delivery);
assert.deepEqual(log.map(({ webhook, status }) => [webhook.event_type, status]), [['verify.failed', 'delivered'], ['verify.sent', 'delivered']]);
assert.equal((await client.webhookDeliveries.retrieve(log[0].id)).data.attempts[0].http.response.status, 200);
server.close();

console.log('node: the quickstart went through');
