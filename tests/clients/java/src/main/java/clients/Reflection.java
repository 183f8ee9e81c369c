package clients;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import io.grpc.Channel;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Server reflection. */
final class Reflection implements StreamObserver<ServerReflectionResponse> {
    private final BlockingQueue<ServerReflectionResponse> answers = new LinkedBlockingQueue<>();
    private final StreamObserver<ServerReflectionRequest> requests;

    private Reflection(Channel channel) {
        requests = ServerReflectionGrpc.newStub(channel).serverReflectionInfo(this);
    }

    /** Expects these services to be listed and described. */
    static void expect(Channel channel, JsonArray services) throws Exception {
        Reflection reflection = new Reflection(channel);
        var list = reflection.ask(ServerReflectionRequest.newBuilder().setListServices("")).getListServicesResponse();
        List<String> listed = list.getServiceList().stream().map(service -> service.getName()).toList();
        for (JsonElement element : services) {
            String service = element.getAsString();
            Json.require(listed.contains(service), service + " is not among " + listed);
            var files = reflection.ask(ServerReflectionRequest.newBuilder().setFileContainingSymbol(service));
            boolean described = false;
            for (ByteString bytes : files.getFileDescriptorResponse().getFileDescriptorProtoList()) {
                FileDescriptorProto file = FileDescriptorProto.parseFrom(bytes);
                described |= file.getServiceList().stream()
                        .anyMatch(found -> service.equals(file.getPackage() + "." + found.getName()));
            }
            Json.require(described, service + " is not described");
        }
        reflection.requests.onCompleted();
    }

    private ServerReflectionResponse ask(ServerReflectionRequest.Builder request) throws InterruptedException {
        requests.onNext(request.build());
        ServerReflectionResponse answer = answers.poll(10, TimeUnit.SECONDS);
        Json.require(answer != null, "reflection did not answer");
        return answer;
    }

    @Override
    public void onNext(ServerReflectionResponse answer) {
        answers.add(answer);
    }

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {}
}
