package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/status"

	verify "example.com/verify/gen/verify/v1"
)

// watch calls handle for each event of the tenant, in their order, through restarts of gateways and lost connections. After
// a restart an event may come again, with the same event_id. It returns only when ctx ends, or when it does not help to open
// the stream again.
func watch(ctx context.Context, client verify.EventServiceClient, handle func(*verify.VerificationEvent)) error {
	resumeToken := ""
	for failures := 0; ; failures++ {
		// Has no deadline. A heartbeat comes every 20 seconds.
		stream, err := client.StreamEvents(ctx, &verify.StreamEventsRequest{ResumeToken: resumeToken})
		for err == nil {
			var message *verify.StreamEventsResponse
			if message, err = stream.Recv(); err != nil {
				break
			}
			failures = 0
			switch content := message.GetContent().(type) {
			case *verify.StreamEventsResponse_Event:
				handle(content.Event)
			case *verify.StreamEventsResponse_Snapshot:
				fmt.Println("watching")
			}
			// To go on after a restart of this program, keep the token with what handle has done.
			resumeToken = message.GetResumeToken()
		}
		wait, again := openAgain(err, failures)
		if ctx.Err() != nil || !again {
			return err
		}
		fmt.Printf("opening again in %v: %s\n", wait.Round(time.Millisecond), cmp.Or(reason(err), status.Code(err).String()))
		if reason(err) == "RESUME_TOKEN_EXPIRED" {
			// Events are lost. Read the verifications that matter.
			resumeToken = ""
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
