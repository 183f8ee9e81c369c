// Plays the steps of a case.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, compressionAlgorithms, credentials } from '@grpc/grpc-js';
import { begin, compare } from './calls.mjs';
import { contract, types } from './contract.mjs';

const { SIMULATOR, CERTIFICATES, SERVICE_CONFIGS } = process.env;
const GATEWAYS = JSON.parse(process.env.GATEWAYS);

async function control(path, method = 'GET', body = undefined) {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${SIMULATOR}/_simulator${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = (await answer.text()).trim();
  if (!answer.ok) throw new Error(`${method} ${path}: ${text}`);
  return text;
}

export class Player {
  saved = {};

  constructor(one, reasons) {
    this.address = GATEWAYS[one.gateway ?? 'dev'];
    this.reasons = reasons;
    // A pool of its own, because clients with the same arguments share connections.
    this.options = { 'grpc.use_local_subchannel_pool': 1 };
    if (one.service_config) this.options['grpc.service_config'] = readFileSync(`${SERVICE_CONFIGS}/${one.service_config}`, 'utf8');
    this.credentials = credentials.createInsecure();
    if (one.tls) {
      const file = (name) => readFileSync(`${CERTIFICATES}/${name}.pem`);
      const { ca, certificate } = one.tls;
      const own = certificate ? [file(`${certificate}-key`), file(certificate)] : [];
      this.credentials = credentials.createSsl(file(ca), ...own);
    }
    this.client = new Client(this.address, this.credentials, this.options);
    const packing = { ...this.options, 'grpc.default_compression_algorithm': compressionAlgorithms.gzip };
    this.packing = new Client(this.address, this.credentials, packing);
  }

  /** Removes the faults that a failed case left behind. */
  begin = () => control('/faults', 'DELETE');

  end() {
    this.client.close();
    this.packing.close();
  }

  /** Replaces ${…} by a saved value, a new UUID, or a number of letters. */
  expanded(step) {
    const value = (name) => (name === 'uuid' ? randomUUID() : /^\d+$/.test(name) ? 'x'.repeat(Number(name)) : this.saved[name]);
    return JSON.parse(JSON.stringify(step).replace(/\$\{(\w+)\}/g, (_, name) => value(name)));
  }

  start(step) {
    const { call, end } = begin(step.compression === 'gzip' ? this.packing : this.client, step);
    return { call, end: end.then((ended) => compare(step, ended, this.saved, this.reasons)) };
  }

  async play(unexpanded) {
    const step = this.expanded(unexpanded);
    if (step.fault) return control('/faults', 'POST', step.fault);
    if (step.faults_used) return faultsUsed();
    if (step.code_of) this.saved[step.save] = await control(`/messages/latest/code?phone=${encodeURIComponent(step.code_of)}`);
    else if (step.new_uuid) this.saved[step.new_uuid] = randomUUID();
    else if (step.outbox) {
      const sent = JSON.parse(await control(`/messages?phone=${encodeURIComponent(step.outbox)}`));
      if (sent.length !== step.messages) throw new Error(`${sent.length} messages were sent`);
    } else if (step.health) await this.health(step.health);
    else if (step.reflection) await this.reflect(step.reflection);
    else if (step.cancel || step.join) {
      if (step.cancel) this.background.call.cancel();
      await this.background.end;
    } else if (step.background) {
      this.background = this.start(step);
      // The error is reported when the call is joined.
      this.background.end.catch(() => {});
    } else if (step.for_ms) {
      for (const end = Date.now() + step.for_ms; Date.now() < end; ) await this.start(step).end;
    } else if (step.times) {
      const left = Array.from({ length: step.times }, () => this.expanded(unexpanded));
      const work = async () => {
        for (let one; (one = left.pop()); ) await this.start(one).end;
      };
      await Promise.all(Array.from({ length: step.at_once }, work));
    } else await this.start(step).end;
  }

  async health(states) {
    const client = new contract.grpc.health.v1.Health(this.address, this.credentials, this.options);
    for (const [service, state] of Object.entries(states)) {
      const answer = await new Promise((resolve, reject) =>
        client.Check({ service }, (error, answer) => (error ? reject(error) : resolve(answer))),
      );
      if (answer.status !== state) throw new Error(`${service} is ${answer.status}`);
    }
    client.close();
  }

  /** Expects these services to be listed and described. */
  async reflect(services) {
    const client = new contract.grpc.reflection.v1.ServerReflection(this.address, this.credentials, this.options);
    const stream = client.ServerReflectionInfo();
    const answers = stream[Symbol.asyncIterator]();
    const ask = async (request) => {
      stream.write(request);
      return (await answers.next()).value;
    };
    const { list_services_response: list } = await ask({ list_services: '' });
    const listed = list.service.map(({ name }) => name);
    for (const service of services) {
      if (!listed.includes(service)) throw new Error(`${service} is not among ${listed}`);
      const { file_descriptor_response: files } = await ask({ file_containing_symbol: service });
      const described = files.file_descriptor_proto
        .map((file) => types['google.protobuf.FileDescriptorProto'].deserialize(file))
        .flatMap((file) => (file.service ?? []).map(({ name }) => `${file.package}.${name}`));
      if (!described.includes(service)) throw new Error(`${service} is not among ${described}`);
    }
    stream.end();
    client.close();
  }
}

/** Waits until all faults are used up, which proves that the calls have reached the simulator. */
async function faultsUsed() {
  for (const end = Date.now() + 10_000; (await control('/faults')) !== '[]'; ) {
    if (Date.now() > end) throw new Error('a fault was not met');
    await sleep(5);
  }
}
