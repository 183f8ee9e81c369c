package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RequestInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;

/** How a client handles the gateway's errors. */
final class Errors {
    private Errors() {}

    /** The error detail of this type. */
    static <T extends Message> Optional<T> detail(StatusRuntimeException error, Class<T> type) {
        com.google.rpc.Status status = StatusProto.fromThrowable(error);
        if (status != null) {
            for (Any packed : status.getDetailsList()) {
                if (packed.is(type)) {
                    try {
                        return Optional.of(packed.unpack(type));
                    } catch (InvalidProtocolBufferException broken) {
                        return Optional.empty();
                    }
                }
            }
        }
        return Optional.empty();
    }

    /** The name of the error in ErrorReason, without its prefix. Empty if the error does not come from the gateway. */
    static String reason(StatusRuntimeException error) {
        return detail(error, ErrorInfo.class).map(ErrorInfo::getReason).orElse("");
    }

    /** How long the gateway asks the client to wait. */
    static Optional<Duration> retryDelay(StatusRuntimeException error) {
        return detail(error, RetryInfo.class)
                .map(RetryInfo::getRetryDelay)
                .map(delay -> Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
    }

    /** How long to wait before a call with a request_id is repeated; empty if a repetition does not help. */
    static Optional<Duration> tryAgain(StatusRuntimeException error) {
        // The gateway's own advice comes first.
        Optional<Duration> delay = retryDelay(error);
        if (delay.isPresent()) {
            return delay;
        }
        Status.Code code = error.getStatus().getCode();
        // The send may have happened. A call with the same request_id returns its outcome.
        boolean lost = code == Status.Code.UNAVAILABLE || code == Status.Code.DEADLINE_EXCEEDED;
        return lost || reason(error).equals("SEND_OUTCOME_UNKNOWN")
                ? Optional.of(Duration.ofSeconds(1))
                : Optional.empty();
    }

    /** How long to wait before a stream is opened again, after so many failures in a row; empty if that does not help. */
    static Optional<Duration> openAgain(StatusRuntimeException error, int failures) {
        switch (error.getStatus().getCode()) {
            case PERMISSION_DENIED, UNAUTHENTICATED, INVALID_ARGUMENT, UNIMPLEMENTED -> {
                return Optional.empty();
            }
            default -> { }
        }
        // With STREAM_ENDED the gateway asks for no wait. Otherwise the backoff is exponential, and the jitter keeps clients
        // from coming back all at once.
        long backoff = Math.min(30_000, 1000L << Math.min(failures, 5));
        long jittered = ThreadLocalRandom.current().nextLong(backoff / 2, backoff);
        return retryDelay(error).or(() -> Optional.of(Duration.ofMillis(jittered)));
    }

    /** A text for the person who verifies a phone, or for the log. */
    static String explain(StatusRuntimeException error) {
        switch (reason(error)) {
            case "INVALID_REQUEST", "UPSTREAM_INVALID_REQUEST" -> {
                BadRequest bad = detail(error, BadRequest.class).orElse(BadRequest.getDefaultInstance());
                return "please correct: " + bad.getFieldViolationsList().stream()
                        .map(violation -> violation.getField() + " " + violation.getDescription() + ".")
                        .collect(Collectors.joining(" "));
            }
            case "COUNTRY_NOT_ALLOWED", "DESTINATION_NOT_ENABLED", "TRAFFIC_BLOCKED" -> {
                return "this number can't get a code: please give another one";
            }
            case "VERIFICATION_NOT_FOUND" -> {
                return "the code is used up: please request a new one";
            }
            case "SEND_OUTCOME_UNKNOWN" -> {
                return "a message may be on its way: please wait for it before you request another one";
            }
            default -> { }
        }
        if (error.getStatus().getCode() == Status.Code.CANCELLED) {
            return "the person cancelled";
        }
        return retryDelay(error)
                .map(delay -> "please try again in " + delay.toSeconds() + " s")
                .orElseGet(() -> "please try again later (" + error.getMessage() + ", call "
                        + detail(error, RequestInfo.class).map(RequestInfo::getRequestId).orElse("") + ")");
    }
}
