// An example of a service that sends a code to a phone and checks it. verify.go makes the calls, watch.go shows what
// happens to them, errors.go handles the errors, and this file connects.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // makes healthCheckConfig work
	"google.golang.org/grpc/keepalive"

	verify "example.com/verify/gen/verify/v1"
)

// token is sent with every call.
type token string

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(t)}, nil
}

// RequireTransportSecurity is false because `verify-gateway dev` uses plaintext.
func (t token) RequireTransportSecurity() bool { return false }

func main() {
	log.SetFlags(0)
	// Ctrl-C cancels the running call.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	transport := insecure.NewCredentials()
	if file := os.Getenv("CA_FILE"); file != "" {
		var err error
		if transport, err = credentials.NewClientTLSFromFile(file, ""); err != nil {
			log.Fatal(err)
		}
	}
	// What to retry, how to balance, and that calls wait while no gateway is ready.
	config, err := os.ReadFile("service-config.json")
	if err != nil {
		log.Fatal(err)
	}
	// One channel serves the whole program. It connects on the first call and reconnects if a connection breaks.
	connection, err := grpc.NewClient("dns:///"+env("GATEWAY", "127.0.0.1:50051"),
		grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(token(env("TOKEN", "demo"))),
		grpc.WithDefaultServiceConfig(string(config)),
		// While calls run, a gateway that is gone is noticed after 40 seconds at most.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()

	if len(os.Args) > 1 && os.Args[1] == "watch" {
		log.Fatal(explain(watch(ctx, verify.NewEventServiceClient(connection), func(event *verify.VerificationEvent) {
			fmt.Println(event.GetVerificationId(), event.GetType())
		})))
	}

	profiles, verifications := verify.NewProfileServiceClient(connection), verify.NewVerificationServiceClient(connection)
	created, err := profiles.CreateProfile(ctx, &verify.CreateProfileRequest{
		RequestId: uuid.NewString(),
		Profile:   &verify.Profile{Name: "example", Sms: &verify.SmsSettings{AppName: "Acme"}},
	})
	if err != nil {
		log.Fatal(explain(err))
	}
	profile := created.GetProfile().GetId()
	fmt.Println("profile:", profile)

	// First a mistyped number, then the right one.
	for _, phone := range []string{"+1303555", env("PHONE", "+13035551234")} {
		if err = verifyPhone(ctx, verifications, phone, profile); err != nil {
			fmt.Println(explain(err))
		}
	}
	if err != nil {
		os.Exit(1)
	}
}

// typedCode stands for the person, who types a wrong code first. `verify-gateway dev` has no phones, so it reads the code
// from the simulator.
func typedCode(ctx context.Context, phone string, try int) (string, error) {
	if try == 1 {
		return "0000", nil
	}
	address := env("SIMULATOR", "http://127.0.0.1:4010") + "/_simulator/messages/latest/code?phone=" + url.QueryEscape(phone)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	code, err := io.ReadAll(answer.Body)
	return strings.TrimSpace(string(code)), err
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
