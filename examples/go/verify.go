package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	verify "example.com/verify/gen/verify/v1"
)

// verifyPhone is the whole of it: is the person at this phone? Cancelling ctx, say because the page was closed, ends the call
// that is under way.
func verifyPhone(ctx context.Context, client verify.VerificationServiceClient, phone, profile string) error {
	sent, err := send(ctx, client, phone, profile)
	if err != nil {
		return err
	}
	fmt.Println("sent:", sent.GetId(), sent.GetState())
	for try := 1; ; try++ {
		code, err := typedCode(ctx, phone, try)
		if err != nil {
			return err
		}
		outcome, err := check(ctx, client, sent.GetId(), code)
		if err != nil {
			return err
		}
		fmt.Println("checked:", outcome)
		// Only ACCEPTED lets the person in, whatever other outcomes there may be one day.
		if outcome == verify.CheckOutcome_CHECK_OUTCOME_ACCEPTED {
			return nil
		}
		if outcome != verify.CheckOutcome_CHECK_OUTCOME_REJECTED {
			return errors.New("the code can't be used any more: send a new one")
		}
	}
}

// send sends a code once, however often it has to ask. The person waits for half a minute at most.
func send(ctx context.Context, client verify.VerificationServiceClient, phone, profile string) (*verify.Verification, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request := &verify.CreateVerificationRequest{
		// Names this intent: with the same name, every further try is the same message.
		RequestId:   uuid.NewString(),
		PhoneNumber: phone,
		Channel:     verify.Channel_CHANNEL_SMS,
		ProfileId:   profile,
	}
	for {
		answer, err := createVerification(ctx, client, request)
		if err == nil {
			return answer.GetVerification(), nil
		}
		wait, again := tryAgain(err)
		end, _ := ctx.Deadline()
		if !again || time.Until(end) < wait {
			return nil, err
		}
		fmt.Printf("once more in %v: %v\n", wait, reason(err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func createVerification(ctx context.Context, client verify.VerificationServiceClient, request *verify.CreateVerificationRequest) (*verify.CreateVerificationResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, 12*time.Second)
	defer cancel()
	return client.CreateVerification(ctx, request)
}

// check never asks twice: a check that may have been made has spent one of the person's few tries.
func check(ctx context.Context, client verify.VerificationServiceClient, id, code string) (verify.CheckOutcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 12*time.Second)
	defer cancel()
	answer, err := client.CheckVerification(ctx, &verify.CheckVerificationRequest{
		Target: &verify.CheckVerificationRequest_VerificationId{VerificationId: id},
		Code:   code,
	})
	return answer.GetOutcome(), err
}
