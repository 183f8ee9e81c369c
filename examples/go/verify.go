package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	verify "example.com/verify/gen/verify/v1"
)

// verifyPhone sends a code to phone and checks the codes that the person types. Cancelling ctx, for example because the
// page was closed, cancels the running call.
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
		// Only ACCEPTED proves the phone number. Later versions may add outcomes.
		if outcome == verify.CheckOutcome_CHECK_OUTCOME_ACCEPTED {
			return nil
		}
		if outcome != verify.CheckOutcome_CHECK_OUTCOME_REJECTED {
			return errors.New("the code can't be used any more: send a new one")
		}
	}
}

// send sends one message, even if it needs several calls. It gives up after 30 seconds.
func send(ctx context.Context, client verify.VerificationServiceClient, phone, profile string) (*verify.Verification, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request := &verify.CreateVerificationRequest{
		// All calls with the same request_id send one message.
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
		fmt.Printf("retrying in %v: %v\n", wait, reason(err))
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

// check is not repeated: a check whose answer is lost may have used one of the person's few attempts.
func check(ctx context.Context, client verify.VerificationServiceClient, id, code string) (verify.CheckOutcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 12*time.Second)
	defer cancel()
	answer, err := client.CheckVerification(ctx, &verify.CheckVerificationRequest{
		Target: &verify.CheckVerificationRequest_VerificationId{VerificationId: id},
		Code:   code,
	})
	return answer.GetOutcome(), err
}
