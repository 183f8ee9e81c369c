// Makes calls, and compares their results with the expected ones.
import { Metadata, status } from '@grpc/grpc-js';
import { method, types } from './contract.mjs';
import { fromJson, subset, toJson } from './json.mjs';

const asIs = (bytes) => bytes;

/** Begins the call of a step on a client. Gives the call, and its end: an error, a response, all its metadata. */
export function begin(client, step) {
  const found = method(step.call);
  const raw = 'raw' in step;
  const metadata = new Metadata();
  const token = step.token ?? 'demo';
  if (token) metadata.set('authorization', `Bearer ${token}`);
  for (const [name, value] of Object.entries(step.metadata ?? {})) {
    metadata.set(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  }
  const options = step.deadline_ms ? { deadline: Date.now() + step.deadline_ms } : {};
  let call;
  const end = new Promise((resolve) => {
    const initial = new Metadata();
    call = client.makeUnaryRequest(
      `/${step.call}`,
      raw ? asIs : found.requestSerialize,
      found?.responseDeserialize ?? asIs,
      raw ? Buffer.from(step.raw, 'base64') : fromJson(step.request),
      metadata,
      options,
      (error, response) => {
        // The trailers of a successful call come after its answer.
        if (error) initial.merge(error.metadata);
        resolve({ error, response, metadata: initial });
      },
    );
    call.on('metadata', (header) => initial.merge(header));
  });
  return { call, end };
}

/** The details of an error by the names of their types. */
function details(error) {
  const [packed] = error?.metadata?.get('grpc-status-details-bin') ?? [];
  const found = {};
  for (const { type_url, value } of packed ? types['google.rpc.Status'].deserialize(packed).details : []) {
    const type = type_url.split('/').at(-1);
    const name = type.split('.').at(-1);
    if (name in found) throw new Error(`${name} is there twice`);
    found[name] = toJson(types[type].deserialize(value));
  }
  return found;
}

export function compare(step, { error, response, metadata }, saved, reasons) {
  const { expect } = step;
  const code = status[error?.code ?? 0];
  if (expect.code !== '*' && !expect.code.split(' or ').includes(code)) throw new Error(`${step.call} ended with ${code}: ${error?.message}`);
  if (expect.message && error?.details !== expect.message) throw new Error(`the message is ${error?.details}`);
  for (const [name, value] of Object.entries(expect.metadata ?? {})) {
    const found = metadata.get(name);
    if (found.length !== 1 || (value !== '*' && found[0] !== value)) throw new Error(`${name} is ${found}`);
  }
  const found = details(error);
  if (found.ErrorInfo) reasons.add(found.ErrorInfo.reason);
  subset(expect.details ?? {}, found, 'details');
  if (error || response instanceof Buffer) return;
  const answer = toJson(response);
  subset(expect.response ?? {}, answer, 'response');
  const size = method(step.call).responseSerialize(response).length;
  if (size < (expect.at_least_bytes ?? 0)) throw new Error(`the response has only ${size} bytes`);
  for (const [name, path] of Object.entries(expect.save ?? {})) {
    saved[name] = path.split('.').reduce((value, part) => value[part], answer);
  }
}
