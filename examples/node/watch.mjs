// Watches what happens to the verifications of the tenant, through restarts of gateways and lost connections.
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { openAgain, reason } from './errors.mjs';

/** Calls `handle` for each event, in their order. After a restart an event may come again, with the same event_id. Ends
 * only when the signal is aborted, or when it does not help to open the stream again. */
export async function watch(client, handle, signal) {
  let resumeToken = '';
  for (let failures = 0; ; failures++) {
    signal?.throwIfAborted();
    // Has no deadline. A heartbeat comes every 20 seconds.
    const stream = client.StreamEvents({ resume_token: resumeToken });
    const cancel = () => stream.cancel();
    signal?.addEventListener('abort', cancel);
    try {
      for await (const { content, event, resume_token } of stream) {
        failures = 0;
        if (content === 'event') handle(event);
        if (content === 'snapshot') console.log('watching');
        // To go on after a restart of this program, keep the token with what `handle` has done.
        resumeToken = resume_token;
      }
    } catch (error) {
      const wait = openAgain(error, failures);
      if (signal?.aborted || wait === undefined) throw error;
      console.log(`opening again in ${wait} ms: ${reason(error) ?? status[error.code]}`);
      // Events are lost. Read the verifications that matter.
      if (reason(error) === 'RESUME_TOKEN_EXPIRED') resumeToken = '';
      await sleep(wait, undefined, { signal });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }
}
