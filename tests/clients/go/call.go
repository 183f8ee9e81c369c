package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// A call of a step.
type call struct {
	Call        string
	Request     json.RawMessage
	Raw         *string
	Token       *string
	Metadata    map[string]string
	DeadlineMS  int `json:"deadline_ms"`
	Compression string
	Expect      struct {
		Code         string
		Message      string
		Response     any
		Details      map[string]any
		Metadata     map[string]string
		Save         map[string]string
		AtLeastBytes int `json:"at_least_bytes"`
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(message any) ([]byte, error) { return message.([]byte), nil }
func (rawCodec) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = data
	return nil
}
func (rawCodec) Name() string { return "proto" }

// make makes a call, and compares its result with the expected one.
func (p *player) make(ctx context.Context, call call) error {
	if call.DeadlineMS > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(call.DeadlineMS)*time.Millisecond)
		defer cancel()
	}
	token := "demo"
	if call.Token != nil {
		token = *call.Token
	}
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	for name, value := range call.Metadata {
		if strings.HasSuffix(name, "-bin") {
			bytes, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				return err
			}
			value = string(bytes)
		}
		ctx = metadata.AppendToOutgoingContext(ctx, name, value)
	}
	var header, trailer metadata.MD
	options := []grpc.CallOption{grpc.Header(&header), grpc.Trailer(&trailer)}
	if call.Compression != "" {
		options = append(options, grpc.UseCompressor(call.Compression))
	}
	response, err := p.invoke(ctx, call, options)
	if err := p.compare(call, err, metadata.Join(header, trailer)); err != nil {
		return err
	}
	if err != nil || response == nil {
		return nil
	}
	return p.answer(call, response)
}

func (p *player) invoke(ctx context.Context, call call, options []grpc.CallOption) (proto.Message, error) {
	service, method, _ := strings.Cut(call.Call, "/")
	request, response, known := messages(protoreflect.FullName(service), protoreflect.Name(method))
	if call.Raw != nil {
		raw, err := base64.StdEncoding.DecodeString(*call.Raw)
		if err != nil {
			return nil, err
		}
		var answer []byte
		options = append(options, grpc.ForceCodec(rawCodec{}))
		if err := p.connection.Invoke(ctx, "/"+call.Call, raw, &answer, options...); err != nil || !known {
			return nil, err
		}
		return response, proto.Unmarshal(answer, response)
	}
	if !known {
		return nil, errors.New("no such method")
	}
	if err := protojson.Unmarshal(call.Request, request); err != nil {
		return nil, err
	}
	return response, p.connection.Invoke(ctx, "/"+call.Call, request, response, options...)
}

// messages are the generated messages of a method.
func messages(service protoreflect.FullName, method protoreflect.Name) (request, response proto.Message, known bool) {
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(service.Append(method))
	if err != nil {
		return nil, nil, false
	}
	found := descriptor.(protoreflect.MethodDescriptor)
	of := func(message protoreflect.MessageDescriptor) proto.Message {
		generated, err := protoregistry.GlobalTypes.FindMessageByName(message.FullName())
		must(err)
		return generated.New().Interface()
	}
	return of(found.Input()), of(found.Output()), true
}

var lock sync.Mutex

func (p *player) compare(call call, err error, metadata metadata.MD) error {
	ended := status.Convert(err)
	if name := codeName(ended.Code()); call.Expect.Code != "*" && !slices.Contains(strings.Split(call.Expect.Code, " or "), name) {
		return fmt.Errorf("%s ended with %s: %v", call.Call, name, err)
	}
	if call.Expect.Message != "" && ended.Message() != call.Expect.Message {
		return fmt.Errorf("the message is %q", ended.Message())
	}
	for name, value := range call.Expect.Metadata {
		if found := metadata.Get(name); len(found) != 1 || value != "*" && found[0] != value {
			return fmt.Errorf("%s is %q", name, found)
		}
	}
	found := map[string]any{}
	for _, detail := range ended.Details() {
		message, ok := detail.(proto.Message)
		if !ok {
			return fmt.Errorf("a detail is not known: %v", detail)
		}
		name := string(message.ProtoReflect().Descriptor().Name())
		if found[name] != nil {
			return fmt.Errorf("%s is there twice", name)
		}
		found[name] = asJSON(message)
	}
	if info, ok := found["ErrorInfo"].(map[string]any); ok {
		lock.Lock()
		p.reasons[info["reason"].(string)] = true
		lock.Unlock()
	}
	for name, expected := range call.Expect.Details {
		if err := subset(expected, found[name], name); err != nil {
			return err
		}
	}
	return nil
}

// answer compares a response with the expected one, and saves the values that later steps use.
func (p *player) answer(call call, response proto.Message) error {
	found := asJSON(response)
	if err := subset(call.Expect.Response, found, "response"); call.Expect.Response != nil && err != nil {
		return err
	}
	if size := proto.Size(response); size < call.Expect.AtLeastBytes {
		return fmt.Errorf("the response has only %d bytes", size)
	}
	for name, path := range call.Expect.Save {
		value := found
		for _, part := range strings.Split(path, ".") {
			value, _ = value.(map[string]any)[part]
		}
		p.saved[name] = value.(string)
	}
	return nil
}

// subset fails unless every expected value is found. "*" matches every value.
func subset(expected, found any, path string) error {
	switch expected := expected.(type) {
	case map[string]any:
		object, ok := found.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v", path, found)
		}
		for name, value := range expected {
			if err := subset(value, object[name], path+"."+name); err != nil {
				return err
			}
		}
	case []any:
		list, _ := found.([]any)
		if len(list) != len(expected) {
			return fmt.Errorf("%s is %v", path, found)
		}
		for at, value := range expected {
			if err := subset(value, list[at], fmt.Sprintf("%s[%d]", path, at)); err != nil {
				return err
			}
		}
	default:
		if expected == "*" && found != nil || expected == found {
			return nil
		}
		return fmt.Errorf("%s is %v, not %v", path, found, expected)
	}
	return nil
}

func asJSON(message proto.Message) (value any) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	must(err)
	must(json.Unmarshal(text, &value))
	return value
}

// codeName is the name of a code in gRPC's documents.
func codeName(code codes.Code) string {
	for name := range strings.FieldsSeq("OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS " +
		"PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE " +
		"DATA_LOSS UNAUTHENTICATED") {
		var named codes.Code
		if named.UnmarshalJSON([]byte(`"`+name+`"`)) == nil && named == code {
			return name
		}
	}
	return code.String()
}

func tlsConfig(as *identity) (*tls.Config, error) {
	folder := os.Getenv("CERTIFICATES")
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(read(folder + "/" + as.CA + ".pem"))
	config := &tls.Config{RootCAs: authorities}
	if as.Certificate != "" {
		name := folder + "/" + as.Certificate
		certificate, err := tls.LoadX509KeyPair(name+".pem", name+"-key.pem")
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return config, nil
}
