// How a client handles the gateway's errors.
import { status } from '@grpc/grpc-js';
import { types } from './contract.mjs';

/** The error detail of this type, such as `BadRequest`, or undefined. */
export function detail(error, type) {
  const [packed] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (!packed) return undefined;
  const { details } = types['google.rpc.Status'].deserialize(packed);
  const found = details.find(({ type_url }) => type_url.endsWith(`/google.rpc.${type}`));
  return found && types[`google.rpc.${type}`].deserialize(found.value);
}

/** The name of the error in ErrorReason, without its prefix. Undefined if the error does not come from the gateway. */
export const reason = (error) => detail(error, 'ErrorInfo')?.reason;

/** The milliseconds that the gateway asks the client to wait, or undefined. */
export function retryDelay(error) {
  const delay = detail(error, 'RetryInfo')?.retry_delay;
  return delay && delay.seconds * 1000 + Math.ceil(delay.nanos / 1e6);
}

/** The milliseconds to wait before a call with a request_id is repeated; undefined if a repetition does not help. */
export function tryAgain(error) {
  // The gateway's own advice comes first.
  const delay = retryDelay(error);
  if (delay !== undefined) return delay;
  // The send may have happened. A call with the same request_id returns its outcome.
  if ([status.UNAVAILABLE, status.DEADLINE_EXCEEDED].includes(error.code)) return 1000;
  return reason(error) === 'SEND_OUTCOME_UNKNOWN' ? 1000 : undefined;
}

/** The milliseconds to wait before a stream is opened again, after so many failures in a row; undefined if that does not
 * help. */
export function openAgain(error, failures) {
  const { PERMISSION_DENIED, UNAUTHENTICATED, INVALID_ARGUMENT, UNIMPLEMENTED } = status;
  if ([PERMISSION_DENIED, UNAUTHENTICATED, INVALID_ARGUMENT, UNIMPLEMENTED].includes(error.code)) return undefined;
  // With STREAM_ENDED the gateway asks for no wait. Otherwise the backoff is exponential, and the jitter keeps clients from
  // coming back all at once.
  return retryDelay(error) ?? Math.round(Math.min(30_000, 1000 * 2 ** failures) * (0.5 + Math.random() / 2));
}

/** A text for the person who verifies a phone, or for the log. */
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
      return 'the code is used up: please request a new one';
    case 'SEND_OUTCOME_UNKNOWN':
      return 'a message may be on its way: please wait for it before you request another one';
  }
  if (error.code === status.CANCELLED) return 'the person cancelled';
  const delay = retryDelay(error);
  if (delay !== undefined) return `please try again in ${delay / 1000} s`;
  return `please try again later (${error.message}, call ${detail(error, 'RequestInfo')?.request_id})`;
}
