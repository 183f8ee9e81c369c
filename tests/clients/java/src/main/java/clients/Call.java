package clients;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.ErrorDetailsProto;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import verify.v1.ProfileServiceGrpc;
import verify.v1.TemplateServiceGrpc;
import verify.v1.VerificationServiceGrpc;

/** A running call. */
final class Call extends ClientCall.Listener<Object> {
    private static final List<ServiceDescriptor> SERVICES = List.of(
            ProfileServiceGrpc.getServiceDescriptor(),
            TemplateServiceGrpc.getServiceDescriptor(),
            VerificationServiceGrpc.getServiceDescriptor());
    private static final TypeRegistry DETAILS = TypeRegistry.newBuilder()
            .add(ErrorDetailsProto.getDescriptor().getMessageTypes())
            .build();

    private final JsonObject step;
    private final JsonObject expect;
    private final CompletableFuture<Status> end = new CompletableFuture<>();
    private final Metadata metadata = new Metadata();
    private Metadata trailers = new Metadata();
    private Object response;
    private ClientCall<Object, Object> running;

    private Call(JsonObject step) {
        this.step = step;
        this.expect = step.getAsJsonObject("expect");
    }

    static Call begin(Channel channel, JsonObject step) throws Exception {
        Call call = new Call(step);
        String path = step.get("call").getAsString();
        MethodDescriptor<Object, Object> method = method(path);
        Object request;
        if (step.has("raw")) {
            request = Base64.getDecoder().decode(step.get("raw").getAsString());
            method = raw(path, method);
        } else {
            Message prototype = (Message) ((PrototypeMarshaller<?>) (Marshaller<?>) method.getRequestMarshaller()).getMessagePrototype();
            Message.Builder builder = prototype.newBuilderForType();
            JsonFormat.parser().merge(step.get("request").toString(), builder);
            request = builder.build();
        }
        CallOptions options = CallOptions.DEFAULT;
        if (step.has("deadline_ms")) {
            options = options.withDeadlineAfter(step.get("deadline_ms").getAsLong(), TimeUnit.MILLISECONDS);
        }
        if (step.has("compression")) {
            options = options.withCompression(step.get("compression").getAsString());
        }
        call.running = channel.newCall(method, options);
        call.running.start(call, call.headers());
        call.running.setMessageCompression(step.has("compression"));
        call.running.sendMessage(request);
        call.running.halfClose();
        call.running.request(2);
        return call;
    }

    private Metadata headers() {
        Metadata headers = new Metadata();
        String token = step.has("token") ? step.get("token").getAsString() : "demo";
        if (!token.isEmpty()) {
            headers.put(ascii("authorization"), "Bearer " + token);
        }
        entries("metadata", step).forEach(entry -> {
            String value = entry.getValue().getAsString();
            if (entry.getKey().endsWith("-bin")) {
                Metadata.Key<byte[]> key = Metadata.Key.of(entry.getKey(), Metadata.BINARY_BYTE_MARSHALLER);
                headers.put(key, Base64.getDecoder().decode(value));
            } else {
                headers.put(ascii(entry.getKey()), value);
            }
        });
        return headers;
    }

    void cancel() {
        running.cancel("the test wants it so", null);
    }

    @Override
    public void onHeaders(Metadata headers) {
        metadata.merge(headers);
    }

    @Override
    public void onMessage(Object message) {
        response = message;
    }

    @Override
    public void onClose(Status status, Metadata last) {
        metadata.merge(last);
        trailers = last;
        end.complete(status);
    }

    /** Waits for the result, and compares it with the expected one. */
    void compare(Map<String, String> saved, Set<String> reasons) throws Exception {
        Status status = end.get(60, TimeUnit.SECONDS);
        String code = status.getCode().name();
        String expected = expect.get("code").getAsString();
        boolean named = List.of(expected.split(" or ")).contains(code);
        Json.require(expected.equals("*") || named, step.get("call") + " ended with " + status);
        if (expect.has("message")) {
            Json.require(expect.get("message").getAsString().equals(status.getDescription()), status.getDescription());
        }
        for (Map.Entry<String, JsonElement> entry : entries("metadata", expect)) {
            Iterable<String> all = metadata.getAll(ascii(entry.getKey()));
            List<String> found = all == null ? List.of() : StreamSupport.stream(all.spliterator(), false).toList();
            String value = entry.getValue().getAsString();
            Json.require(
                    found.size() == 1 && (value.equals("*") || value.equals(found.get(0))),
                    entry.getKey() + " is " + found);
        }
        JsonObject details = details(status);
        if (details.has("ErrorInfo")) {
            reasons.add(details.getAsJsonObject("ErrorInfo").get("reason").getAsString());
        }
        Json.subset(expect.has("details") ? expect.get("details") : new JsonObject(), details, "details");
        if (response instanceof Message message) {
            answer(message, saved);
        }
    }

    private void answer(Message message, Map<String, String> saved) throws IOException {
        JsonObject found = Json.of(message);
        Json.subset(expect.has("response") ? expect.get("response") : new JsonObject(), found, "response");
        int least = expect.has("at_least_bytes") ? expect.get("at_least_bytes").getAsInt() : 0;
        Json.require(message.getSerializedSize() >= least, "the response has only " + message.getSerializedSize() + " bytes");
        for (Map.Entry<String, JsonElement> entry : entries("save", expect)) {
            JsonElement value = found;
            for (String part : entry.getValue().getAsString().split("\\.")) {
                value = value.getAsJsonObject().get(part);
            }
            saved.put(entry.getKey(), value.getAsString());
        }
    }

    /** The details of an error by the names of their types. */
    private JsonObject details(Status status) throws IOException {
        JsonObject found = new JsonObject();
        com.google.rpc.Status rich = StatusProto.fromStatusAndTrailers(status, trailers);
        for (Any packed : rich.getDetailsList()) {
            var type = DETAILS.getDescriptorForTypeUrl(packed.getTypeUrl());
            Json.require(!found.has(type.getName()), type.getName() + " is there twice");
            var message = com.google.protobuf.DynamicMessage.parseFrom(type, packed.getValue());
            found.add(type.getName(), Json.of(message));
        }
        return found;
    }

    private static Set<Map.Entry<String, JsonElement>> entries(String name, JsonObject of) {
        return of.has(name) ? of.getAsJsonObject(name).entrySet() : Set.of();
    }

    private static Metadata.Key<String> ascii(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }

    /** The generated method, or null. */
    @SuppressWarnings("unchecked")
    private static MethodDescriptor<Object, Object> method(String path) {
        return (MethodDescriptor<Object, Object>) SERVICES.stream()
                .flatMap(service -> service.getMethods().stream())
                .filter(method -> method.getFullMethodName().equals(path))
                .findAny()
                .orElse(null);
    }

    /** A method whose requests are bytes. Its responses are bytes too if there is no generated method. */
    private static MethodDescriptor<Object, Object> raw(String path, MethodDescriptor<Object, Object> generated) {
        Marshaller<Object> bytes = new Marshaller<>() {
            @Override
            public InputStream stream(Object value) {
                return new ByteArrayInputStream((byte[]) value);
            }

            @Override
            public Object parse(InputStream stream) {
                try {
                    return stream.readAllBytes();
                } catch (IOException error) {
                    throw new IllegalStateException(error);
                }
            }
        };
        return MethodDescriptor.newBuilder(bytes, generated == null ? bytes : generated.getResponseMarshaller())
                .setType(MethodDescriptor.MethodType.UNARY)
                .setFullMethodName(path)
                .build();
    }
}
