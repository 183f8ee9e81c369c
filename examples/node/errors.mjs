// What to do about the gateway's errors.
import { status } from '@grpc/grpc-js';
import { types } from './contract.mjs';

/** The detail of this type, such as `BadRequest`; undefined where there is none. */
export function detail(error, type) {
  const [packed] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (!packed) return undefined;
  const { details } = types['google.rpc.Status'].deserialize(packed);
  const found = details.find(({ type_url }) => type_url.endsWith(`/google.rpc.${type}`));
  return found && types[`google.rpc.${type}`].deserialize(found.value);
}

/** What the gateway calls it: a name of the enum ErrorReason without its prefix. Undefined where it never heard of it. */
export const reason = (error) => detail(error, 'ErrorInfo')?.reason;

/** The milliseconds to wait, where the gateway says how long. */
export function retryDelay(error) {
  const delay = detail(error, 'RetryInfo')?.retry_delay;
  return delay && delay.seconds * 1000 + Math.ceil(delay.nanos / 1e6);
}

/** After how many milliseconds a call with a request_id may be made again; undefined where that does not help. */
export function tryAgain(error) {
  // The gateway knows best where it says how long to wait.
  const delay = retryDelay(error);
  if (delay !== undefined) return delay;
  // The connection broke, or the answer took too long: it may have been sent. Asking again finds out.
  if ([status.UNAVAILABLE, status.DEADLINE_EXCEEDED].includes(error.code)) return 1000;
  return reason(error) === 'SEND_OUTCOME_UNKNOWN' ? 1000 : undefined;
}

/** What to say to the person, or to whoever reads the log. */
export function explain(error) {
  switch (reason(error)) {
    case 'INVALID_REQUEST':
    case 'UPSTREAM_INVALID_REQUEST': {
      const violations = detail(error, 'BadRequest')?.field_violations ?? [];
      return ['please correct:', ...violations.map(({ field, description }) => `${field} ${description}.`)].join(' ');
    }
    case 'COUNTRY_NOT_ALLOWED':
    case 'DESTINATION_NOT_ENABLED':
    case 'TRAFFIC_BLOCKED':
      return "this number can't get a code: please give another one";
    case 'VERIFICATION_NOT_FOUND':
      return 'the code is used up: please ask for a new one';
    case 'SEND_OUTCOME_UNKNOWN':
      return 'a message may be on its way: please wait for it before asking for another';
  }
  if (error.code === status.CANCELLED) return 'the person went away';
  const delay = retryDelay(error);
  if (delay !== undefined) return `please try again in ${delay / 1000} s`;
  return `please try again later (${error.message}, call ${detail(error, 'RequestInfo')?.request_id})`;
}
