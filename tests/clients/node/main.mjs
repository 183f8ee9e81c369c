// Runs the scenarios that all languages share with @grpc/grpc-js.
import { readFileSync } from 'node:fs';
import { types } from './contract.mjs';
import { Player } from './player.mjs';

const { cases, not_provoked } = JSON.parse(readFileSync(process.env.SCENARIOS));
const reasons = new Set();
let passed = 0;
let failed = 0;
for (const one of cases) {
  if (!(one.only ?? ['node']).includes('node')) {
    console.log('not offered by @grpc/grpc-js:', one.name);
    continue;
  }
  const player = new Player(one, reasons);
  try {
    await player.begin();
    for (const step of one.steps) await player.play(step);
    passed++;
  } catch (error) {
    console.log(`FAILED: ${one.name}: ${error.message}`);
    failed++;
  }
  player.end();
}
for (const { name } of types['verify.v1.ErrorReason'].type.value) {
  const reason = name.replace('ERROR_REASON_', '');
  if (reason === 'UNSPECIFIED' || reason in not_provoked || reasons.has(reason)) continue;
  console.log('FAILED: no case is answered with', reason);
  failed++;
}
console.log(`node: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
