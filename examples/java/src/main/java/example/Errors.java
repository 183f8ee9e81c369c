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
import java.util.stream.Collectors;

/** What to do about the gateway's errors. */
final class Errors {
    private Errors() {}

    /** The detail of this type. */
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

    /** What the gateway calls it: a name of the enum ErrorReason without its prefix. Empty where it never heard of it. */
    static String reason(StatusRuntimeException error) {
        return detail(error, ErrorInfo.class).map(ErrorInfo::getReason).orElse("");
    }

    /** How long to wait, where the gateway says so. */
    static Optional<Duration> retryDelay(StatusRuntimeException error) {
        return detail(error, RetryInfo.class)
                .map(RetryInfo::getRetryDelay)
                .map(delay -> Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
    }

    /** After how long a call with a request_id may be made again; empty where that does not help. */
    static Optional<Duration> tryAgain(StatusRuntimeException error) {
        // The gateway knows best where it says how long to wait.
        Optional<Duration> delay = retryDelay(error);
        if (delay.isPresent()) {
            return delay;
        }
        Status.Code code = error.getStatus().getCode();
        // The connection broke, or the answer took too long: it may have been sent. Asking again finds out.
        boolean lost = code == Status.Code.UNAVAILABLE || code == Status.Code.DEADLINE_EXCEEDED;
        return lost || reason(error).equals("SEND_OUTCOME_UNKNOWN")
                ? Optional.of(Duration.ofSeconds(1))
                : Optional.empty();
    }

    /** What to say to the person, or to whoever reads the log. */
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
                return "the code is used up: please ask for a new one";
            }
            case "SEND_OUTCOME_UNKNOWN" -> {
                return "a message may be on its way: please wait for it before asking for another";
            }
            default -> { }
        }
        if (error.getStatus().getCode() == Status.Code.CANCELLED) {
            return "the person went away";
        }
        return retryDelay(error)
                .map(delay -> "please try again in " + delay.toSeconds() + " s")
                .orElseGet(() -> "please try again later (" + error.getMessage() + ", call "
                        + detail(error, RequestInfo.class).map(RequestInfo::getRequestId).orElse("") + ")");
    }
}
