package main

import (
	"context"
	"fmt"
	"slices"

	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// reflection expects these services to be listed and described.
func (p *player) reflection(services []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := reflection.NewServerReflectionClient(p.connection).ServerReflectionInfo(ctx)
	if err != nil {
		return err
	}
	ask := func(request *reflection.ServerReflectionRequest) (*reflection.ServerReflectionResponse, error) {
		if err := stream.Send(request); err != nil {
			return nil, err
		}
		return stream.Recv()
	}
	answer, err := ask(&reflection.ServerReflectionRequest{
		MessageRequest: &reflection.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		return err
	}
	listed := []string{}
	for _, service := range answer.GetListServicesResponse().GetService() {
		listed = append(listed, service.GetName())
	}
	for _, service := range services {
		if !slices.Contains(listed, service) {
			return fmt.Errorf("%s is not among %v", service, listed)
		}
		answer, err := ask(&reflection.ServerReflectionRequest{
			MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service},
		})
		if err != nil {
			return err
		}
		described := false
		for _, file := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
			var descriptor descriptorpb.FileDescriptorProto
			if err := proto.Unmarshal(file, &descriptor); err != nil {
				return err
			}
			for _, found := range descriptor.GetService() {
				described = described || descriptor.GetPackage()+"."+found.GetName() == service
			}
		}
		if !described {
			return fmt.Errorf("%s is not described", service)
		}
	}
	return nil
}
