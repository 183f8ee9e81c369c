package example;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import verify.v1.Channel;
import verify.v1.CheckOutcome;
import verify.v1.CheckVerificationRequest;
import verify.v1.CreateVerificationRequest;
import verify.v1.Verification;
import verify.v1.VerificationServiceGrpc.VerificationServiceBlockingStub;

/**
 * Is the person at this phone? The service's part of it.
 *
 * <p>Cancelling the {@link io.grpc.Context} it runs in, say because the page was closed, ends the call that is under way.
 */
record PhoneCheck(VerificationServiceBlockingStub gateway, String profile, Typed typed) {
    /** Where the codes come from that the person types in. */
    interface Typed {
        String code(String phone, int attempt) throws Exception;
    }

    boolean verify(String phone) throws Exception {
        Verification sent = send(phone);
        System.out.println("sent: " + sent.getId() + " " + sent.getState());
        for (int attempt = 1; ; attempt++) {
            CheckOutcome outcome = check(sent.getId(), typed.code(phone, attempt));
            System.out.println("checked: " + outcome);
            // Only ACCEPTED lets the person in, whatever other outcomes there may be one day.
            if (outcome != CheckOutcome.CHECK_OUTCOME_REJECTED) {
                return outcome == CheckOutcome.CHECK_OUTCOME_ACCEPTED;
            }
        }
    }

    /** Sends a code once, however often it has to ask. The person waits for half a minute at most. */
    Verification send(String phone) throws InterruptedException {
        long end = System.nanoTime() + SECONDS.toNanos(30);
        CreateVerificationRequest request = CreateVerificationRequest.newBuilder()
                // Names this intent: with the same name, every further try is the same message.
                .setRequestId(UUID.randomUUID().toString())
                .setPhoneNumber(phone)
                .setChannel(Channel.CHANNEL_SMS)
                .setProfileId(profile)
                .build();
        while (true) {
            long left = Duration.ofNanos(end - System.nanoTime()).toMillis();
            try {
                return gateway.withDeadlineAfter(Math.min(left, 12_000), MILLISECONDS)
                        .createVerification(request)
                        .getVerification();
            } catch (StatusRuntimeException error) {
                Optional<Duration> wait = Errors.tryAgain(error);
                if (wait.isEmpty() || wait.get().toNanos() > end - System.nanoTime()) {
                    throw error;
                }
                System.out.println("once more in " + wait.get().toMillis() + " ms: " + Errors.reason(error));
                Thread.sleep(wait.get().toMillis());
            }
        }
    }

    /** Never asks twice: a check that may have been made has spent one of the person's few tries. */
    CheckOutcome check(String verification, String code) {
        return gateway.withDeadlineAfter(12, SECONDS)
                .checkVerification(CheckVerificationRequest.newBuilder()
                        .setVerificationId(verification)
                        .setCode(code)
                        .build())
                .getOutcome();
    }
}
