// A page of a back office: sends a code, watches and checks it, and tells the server it came from how that went.

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { EventService, EventType } from "./gen/verify/v1/event_service_pb.js";
import { Channel, CheckOutcome, VerificationService, VerificationState } from "./gen/verify/v1/verification_service_pb.js";

const { gateway, token, phone, isAllowed } = await (await fetch("/settings")).json();

function assert(holds, what) {
  if (!holds) throw new Error(what);
}

const client = (token, service = VerificationService) =>
  createClient(
    service,
    createGrpcWebTransport({
      baseUrl: gateway,
      interceptors: [
        (next) => (request) => {
          if (token) request.header.set("authorization", `Bearer ${token}`);
          return next(request);
        },
      ],
    }),
  );
const known = client(token);
const send = { phoneNumber: phone, channel: Channel.SMS, requestId: crypto.randomUUID() };

async function refusal(call) {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call was answered");
}

async function sendAndCheck() {
  const heads = [];
  const onHeader = (head) => heads.push(head);
  const { verification } = await known.createVerification(send, { onHeader });
  assert(verification.state === VerificationState.PENDING, "sent");
  const again = await known.createVerification(send, { onHeader });
  assert(again.verification.id === verification.id, "sent once");
  assert(heads[0].get("replayed") === null && heads[1].get("replayed") === "true", "the page reads `replayed`");

  const watched = watch(verification.id);
  const target = { case: "verificationId", value: verification.id };
  const wrong = await known.checkVerification({ target, code: "0000000000" });
  assert(wrong.outcome === CheckOutcome.REJECTED, "a wrong code is rejected");
  const code = (await (await fetch("/code")).text()).trim();
  const right = await known.checkVerification({ target, code });
  assert(right.outcome === CheckOutcome.ACCEPTED, "the right code is accepted");
  assert((await watched).includes(EventType.ACCEPTED), `the watch shows it: ${await watched}`);
}

/** How far the verification has come, from its present state to its end. */
async function watch(verificationId) {
  const types = [];
  for await (const { content } of client(token, EventService).watchVerification({ verificationId })) {
    if (content.case === "snapshot") types.push(content.value.progress);
    if (content.case === "event") types.push(content.value.type);
  }
  return types;
}

async function errorsAreTyped() {
  const stranger = await refusal(client(undefined).createVerification(send));
  assert(stranger.code === Code.Unauthenticated, `unauthenticated: ${stranger}`);
  assert(stranger.findDetails(ErrorInfoSchema)[0]?.reason === "CREDENTIALS_INVALID", "its reason");
  assert(stranger.metadata.get("x-request-id"), "its name");

  const invalid = await refusal(known.createVerification({ ...send, phoneNumber: "1" }));
  assert(invalid.code === Code.InvalidArgument, `invalid: ${invalid}`);
  assert(invalid.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field === "phone_number", "its field");
}

/** The browser itself keeps a page of another origin from calling. */
async function isKeptOut() {
  const { rawMessage } = await refusal(known.createVerification(send));
  assert(rawMessage.includes("Failed to fetch"), `kept out: ${rawMessage}`);
}

let result = "ok";
try {
  if (isAllowed) {
    await sendAndCheck();
    await errorsAreTyped();
  } else {
    await isKeptOut();
  }
} catch (error) {
  result = `${error?.stack ?? error}`;
}
await fetch("/result", { method: "POST", body: result });
