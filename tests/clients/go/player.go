package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // makes healthCheckConfig work
	"google.golang.org/grpc/health/grpc_health_v1"
)

// A step has one of these actions.
type step struct {
	call
	Fault      json.RawMessage
	FaultsUsed bool              `json:"faults_used"`
	CodeOf     string            `json:"code_of"`
	Save       string            `json:"save"`
	NewUUID    string            `json:"new_uuid"`
	Outbox     string            `json:"outbox"`
	Messages   int               `json:"messages"`
	Health     map[string]string `json:"health"`
	Reflection []string          `json:"reflection"`
	Join       bool              `json:"join"`
	Cancel     bool              `json:"cancel"`
	Background bool              `json:"background"`
	Times      int               `json:"times"`
	AtOnce     int               `json:"at_once"`
	ForMS      int               `json:"for_ms"`
}

// A player plays one case.
type player struct {
	connection *grpc.ClientConn
	saved      map[string]string
	reasons    map[string]bool
	cancel     context.CancelFunc
	background chan error
}

func run(one scenario, reasons map[string]bool) error {
	// Faults that a failed case left behind.
	if _, err := control(http.MethodDelete, "/faults", nil); err != nil {
		return err
	}
	connection, err := connect(one)
	if err != nil {
		return err
	}
	defer connection.Close()
	player := &player{connection: connection, saved: map[string]string{}, reasons: reasons}
	for at, text := range one.Steps {
		if err := player.play(text); err != nil {
			return fmt.Errorf("step %d: %w", at+1, err)
		}
	}
	return nil
}

func connect(one scenario) (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if one.TLS != nil {
		config, err := tlsConfig(one.TLS)
		if err != nil {
			return nil, err
		}
		transport = credentials.NewTLS(config)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if one.ServiceConfig != "" {
		config := read(os.Getenv("SERVICE_CONFIGS") + "/" + one.ServiceConfig)
		options = append(options, grpc.WithDefaultServiceConfig(string(config)))
	}
	var gateways map[string]string
	must(json.Unmarshal([]byte(os.Getenv("GATEWAYS")), &gateways))
	address := gateways["dev"]
	if one.Gateway != "" {
		address = gateways[one.Gateway]
	}
	return grpc.NewClient(address, options...)
}

var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// expanded repermits ${…} by a saved value, a new UUID, or a number of letters.
func (p *player) expanded(text []byte) []byte {
	return variable.ReplaceAllFunc(text, func(found []byte) []byte {
		name := string(found[2 : len(found)-1])
		if name == "uuid" {
			return []byte(uuid.NewString())
		}
		if count, err := strconv.Atoi(name); err == nil {
			return bytes.Repeat([]byte("x"), count)
		}
		return []byte(p.saved[name])
	})
}

func (p *player) play(text []byte) error {
	step, err := parsed(p.expanded(text))
	if err != nil {
		return err
	}
	switch {
	case step.Fault != nil:
		_, err := control(http.MethodPost, "/faults", step.Fault)
		return err
	case step.FaultsUsed:
		return faultsUsed()
	case step.CodeOf != "":
		code, err := control(http.MethodGet, "/messages/latest/code?phone="+url.QueryEscape(step.CodeOf), nil)
		p.saved[step.Save] = strings.TrimSpace(string(code))
		return err
	case step.NewUUID != "":
		p.saved[step.NewUUID] = uuid.NewString()
		return nil
	case step.Outbox != "":
		return outbox(step.Outbox, step.Messages)
	case step.Health != nil:
		return p.health(step.Health)
	case step.Reflection != nil:
		return p.reflection(step.Reflection)
	case step.Cancel, step.Join:
		if step.Cancel {
			p.cancel()
		}
		return <-p.background
	case step.Background:
		ctx, cancel := context.WithCancel(context.Background())
		p.cancel, p.background = cancel, make(chan error, 1)
		go func() { p.background <- p.make(ctx, step.call) }()
		return nil
	case step.ForMS > 0:
		for end := time.Now().Add(time.Duration(step.ForMS) * time.Millisecond); time.Now().Before(end); {
			if err := p.make(context.Background(), step.call); err != nil {
				return err
			}
		}
		return nil
	case step.Times > 0:
		return p.many(text, step)
	default:
		return p.make(context.Background(), step.call)
	}
}

func parsed(text []byte) (step, error) {
	var step step
	err := json.Unmarshal(text, &step)
	return step, err
}

// many repeats the call of a step, with some calls at the same time.
func (p *player) many(text []byte, step step) error {
	permits, ends := make(chan struct{}, step.AtOnce), make(chan error, step.Times)
	for range step.Times {
		// Each call has its own copy, because decoding into a RawMessage overwrites the bytes that a running call still sends.
		next, err := parsed(p.expanded(text))
		if err != nil {
			return err
		}
		permits <- struct{}{}
		go func() {
			ends <- p.make(context.Background(), next.call)
			<-permits
		}()
	}
	for range step.Times {
		if err := <-ends; err != nil {
			return err
		}
	}
	return nil
}

// health expects these states of services, and that other services are unknown.
func (p *player) health(expected map[string]string) error {
	client := grpc_health_v1.NewHealthClient(p.connection)
	for service, state := range expected {
		answer, err := client.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil || answer.GetStatus().String() != state {
			return fmt.Errorf("health of %q: %v, %v", service, answer, err)
		}
	}
	return nil
}

func control(method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequest(method, os.Getenv("SIMULATOR")+"/_simulator"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("content-type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s %s", method, path, answer.Status, content)
	}
	return content, err
}

// faultsUsed waits until all faults are used up, which proves that the calls have reached the simulator.
func faultsUsed() error {
	for end := time.Now().Add(10 * time.Second); ; {
		if time.Now().After(end) {
			return errors.New("a fault was not met")
		}
		left, err := control(http.MethodGet, "/faults", nil)
		if err != nil || strings.TrimSpace(string(left)) == "[]" {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func outbox(phone string, expected int) error {
	content, err := control(http.MethodGet, "/messages?phone="+url.QueryEscape(phone), nil)
	var messages []any
	if err == nil {
		err = json.Unmarshal(content, &messages)
	}
	if err == nil && len(messages) != expected {
		err = fmt.Errorf("%d messages were sent, not %d", len(messages), expected)
	}
	return err
}
