package simulator

import (
	"context"
	"strings"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const port = "4010/tcp"

// Container is a container with the simulator.
type Container struct {
	testcontainers.Container
	Simulator
}

// Run starts a container. The settings are those of the simulator, such as "attempt_limit": "3".
func Run(ctx context.Context, image string, settings map[string]string) (*Container, error) {
	variables := map[string]string{"SIMULATOR_LISTEN": "0.0.0.0:4010", "SIMULATOR_ALLOW_REMOTE": "true"}
	for name, value := range settings {
		variables["SIMULATOR_"+strings.ToUpper(name)] = value
	}
	container, err := testcontainers.Run(ctx, image,
		testcontainers.WithCmd("simulator"),
		testcontainers.WithEnv(variables),
		testcontainers.WithExposedPorts(port),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/_simulator/health").WithPort(port)),
	)
	if err != nil {
		return nil, err
	}
	url, err := container.PortEndpoint(ctx, port, "http")
	if err != nil {
		return nil, err
	}
	return &Container{container, Simulator{url}}, nil
}
