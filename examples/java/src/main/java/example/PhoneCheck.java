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
 * Sends a code to a phone and checks it.
 *
 * <p>Cancelling the current {@link io.grpc.Context}, for example because the page was closed, cancels the running call.
 */
record PhoneCheck(VerificationServiceBlockingStub gateway, String profile, Typed typed) {
    /** The source of the codes that the person types. */
    interface Typed {
        String code(String phone, int attempt) throws Exception;
    }

    boolean verify(String phone) throws Exception {
        Verification sent = send(phone);
        System.out.println("sent: " + sent.getId() + " " + sent.getState());
        for (int attempt = 1; ; attempt++) {
            CheckOutcome outcome = check(sent.getId(), typed.code(phone, attempt));
            System.out.println("checked: " + outcome);
            // Only ACCEPTED proves the phone number. Later versions may add outcomes.
            if (outcome != CheckOutcome.CHECK_OUTCOME_REJECTED) {
                return outcome == CheckOutcome.CHECK_OUTCOME_ACCEPTED;
            }
        }
    }

    /** Sends one message, even if it needs several calls. Gives up after 30 seconds. */
    Verification send(String phone) throws InterruptedException {
        long end = System.nanoTime() + SECONDS.toNanos(30);
        CreateVerificationRequest request = CreateVerificationRequest.newBuilder()
                // All calls with the same request_id send one message.
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
                System.out.println("retrying in " + wait.get().toMillis() + " ms: " + Errors.reason(error));
                Thread.sleep(wait.get().toMillis());
            }
        }
    }

    /** Is not repeated: a check whose answer is lost may have used one of the person's few attempts. */
    CheckOutcome check(String verification, String code) {
        return gateway.withDeadlineAfter(12, SECONDS)
                .checkVerification(CheckVerificationRequest.newBuilder()
                        .setVerificationId(verification)
                        .setCode(code)
                        .build())
                .getOutcome();
    }
}
