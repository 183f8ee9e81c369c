package example;

import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Iterator;
import java.util.Optional;
import java.util.function.Consumer;
import verify.v1.EventServiceGrpc.EventServiceBlockingStub;
import verify.v1.StreamEventsRequest;
import verify.v1.StreamEventsResponse;
import verify.v1.VerificationEvent;

/** Watches what happens to the verifications of the tenant, through restarts of gateways and lost connections. */
final class Watch {
    private Watch() {}

    /**
     * Calls {@code handle} for each event, in their order. After a restart an event may come again, with the same
     * event_id. Ends only with an error: the current {@link Context} was cancelled, or it does not help to open the
     * stream again.
     */
    static void watch(EventServiceBlockingStub gateway, Consumer<VerificationEvent> handle) throws InterruptedException {
        String resumeToken = "";
        for (int failures = 0; ; failures++) {
            try {
                // Has no deadline. A heartbeat comes every 20 seconds.
                Iterator<StreamEventsResponse> stream = gateway.streamEvents(
                        StreamEventsRequest.newBuilder().setResumeToken(resumeToken).build());
                while (stream.hasNext()) {
                    StreamEventsResponse message = stream.next();
                    failures = 0;
                    if (message.hasEvent()) {
                        handle.accept(message.getEvent());
                    } else if (message.hasSnapshot()) {
                        System.out.println("watching");
                    }
                    // To go on after a restart of this program, keep the token with what `handle` has done.
                    resumeToken = message.getResumeToken();
                }
            } catch (StatusRuntimeException error) {
                Optional<Duration> wait = Errors.openAgain(error, failures);
                if (Context.current().isCancelled() || wait.isEmpty()) {
                    throw error;
                }
                String reason = Errors.reason(error);
                System.out.println("opening again in " + wait.get().toMillis() + " ms: "
                        + (reason.isEmpty() ? error.getStatus().getCode() : reason));
                if (reason.equals("RESUME_TOKEN_EXPIRED")) {
                    // Events are lost. Read the verifications that matter.
                    resumeToken = "";
                }
                Thread.sleep(wait.get().toMillis());
            }
        }
    }
}
