package example;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import java.io.File;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import verify.v1.CreateProfileRequest;
import verify.v1.EventServiceGrpc;
import verify.v1.Profile;
import verify.v1.ProfileServiceGrpc;
import verify.v1.SmsSettings;
import verify.v1.VerificationServiceGrpc;

/**
 * An example of a service that sends a code to a phone and checks it. {@link PhoneCheck} makes the calls, {@link Watch}
 * shows what happens to them, {@link Errors} handles the errors, and this class connects.
 */
public final class Main {
    private static final String SIMULATOR = env("SIMULATOR", "http://127.0.0.1:4010");

    private Main() {}

    public static void main(String[] args) throws Exception {
        // `verify-gateway dev` uses plaintext.
        String ca = env("CA_FILE", "");
        ChannelCredentials transport = ca.isEmpty()
                ? InsecureChannelCredentials.create()
                : TlsChannelCredentials.newBuilder().trustManager(new File(ca)).build();
        // One channel serves the whole program. It connects on the first call and reconnects if the connection breaks.
        ManagedChannel channel = Grpc.newChannelBuilder("dns:///" + env("GATEWAY", "127.0.0.1:50051"), transport)
                // What to retry, how to balance, and that calls wait while no gateway is ready.
                .defaultServiceConfig(serviceConfig())
                // While calls run, a gateway that is gone is noticed after 40 seconds at most.
                .keepAliveTime(30, TimeUnit.SECONDS)
                .keepAliveTimeout(10, TimeUnit.SECONDS)
                .build();
        boolean verified = false;
        try {
            Token token = new Token(env("TOKEN", "demo"));
            if (List.of(args).contains("watch")) {
                Watch.watch(
                        EventServiceGrpc.newBlockingStub(channel).withCallCredentials(token),
                        event -> System.out.println(event.getVerificationId() + " " + event.getType()));
            }
            verified = run(channel, token);
        } catch (StatusRuntimeException error) {
            System.out.println(Errors.explain(error));
        } finally {
            channel.shutdown().awaitTermination(5, TimeUnit.SECONDS);
        }
        if (!verified) {
            System.exit(1);
        }
    }

    /** grpc-java takes the objects, lists, texts, truth values and doubles of Gson. */
    private static Map<String, ?> serviceConfig() throws Exception {
        String text = Files.readString(Path.of("service-config.json"));
        return new Gson().fromJson(text, new TypeToken<Map<String, ?>>() {});
    }

    private static boolean run(ManagedChannel channel, Token token) throws Exception {
        String profile = ProfileServiceGrpc.newBlockingStub(channel)
                .withCallCredentials(token)
                .withDeadlineAfter(12, TimeUnit.SECONDS)
                .createProfile(CreateProfileRequest.newBuilder()
                        .setRequestId(UUID.randomUUID().toString())
                        .setProfile(Profile.newBuilder()
                                .setName("example")
                                .setSms(SmsSettings.newBuilder().setAppName("Acme")))
                        .build())
                .getProfile()
                .getId();
        System.out.println("profile: " + profile);
        var gateway = VerificationServiceGrpc.newBlockingStub(channel).withCallCredentials(token);
        PhoneCheck check = new PhoneCheck(gateway, profile, Main::typedCode);
        boolean verified = false;
        // First a mistyped number, then the right one.
        for (String phone : List.of("+1303555", env("PHONE", "+13035551234"))) {
            try {
                verified = check.verify(phone);
            } catch (StatusRuntimeException error) {
                System.out.println(Errors.explain(error));
            }
        }
        return verified;
    }

    /**
     * Stands for the person, who types a wrong code first. {@code verify-gateway dev} has no phones, so it reads
     * the code from the simulator.
     */
    private static String typedCode(String phone, int attempt) throws Exception {
        if (attempt == 1) {
            return "0000";
        }
        String query = "phone=" + URLEncoder.encode(phone, StandardCharsets.UTF_8);
        URI latest = URI.create(SIMULATOR + "/_simulator/messages/latest/code?" + query);
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(latest).build(), BodyHandlers.ofString())
                .body()
                .strip();
    }

    /** Sends the token with every call. */
    private static final class Token extends CallCredentials {
        private static final Metadata.Key<String> AUTHORIZATION =
                Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
        private final Metadata headers = new Metadata();

        Token(String token) {
            headers.put(AUTHORIZATION, "Bearer " + token);
        }

        @Override
        public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
            applier.apply(headers);
        }
    }

    private static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
