package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// tryAgain reports whether to repeat a call that has a request_id, and how long to wait before that.
func tryAgain(err error) (time.Duration, bool) {
	// The gateway's own advice comes first.
	if retry := detail[*errdetails.RetryInfo](err); retry != nil {
		return retry.GetRetryDelay().AsDuration(), true
	}
	switch status.Code(err) {
	// The send may have happened. A call with the same request_id returns its outcome.
	case codes.Unavailable, codes.DeadlineExceeded:
		return time.Second, true
	default:
		return time.Second, reason(err) == "SEND_OUTCOME_UNKNOWN"
	}
}

// openAgain reports whether to open a stream again after so many failures in a row, and how long to wait before that.
func openAgain(err error, failures int) (time.Duration, bool) {
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.InvalidArgument, codes.Unimplemented:
		return 0, false
	}
	// With STREAM_ENDED the gateway asks for no wait.
	if retry := detail[*errdetails.RetryInfo](err); retry != nil {
		return retry.GetRetryDelay().AsDuration(), true
	}
	// Exponential backoff. The jitter keeps clients from coming back all at once.
	backoff := min(30*time.Second, time.Second<<min(failures, 5))
	return backoff/2 + rand.N(backoff/2), true
}

// explain returns a text for the person who verifies a phone, or for the log.
func explain(err error) string {
	switch reason(err) {
	case "INVALID_REQUEST", "UPSTREAM_INVALID_REQUEST":
		text := "please correct:"
		for _, violation := range detail[*errdetails.BadRequest](err).GetFieldViolations() {
			text += fmt.Sprintf(" %s %s.", violation.GetField(), violation.GetDescription())
		}
		return text
	case "COUNTRY_NOT_ALLOWED", "DESTINATION_NOT_ENABLED", "TRAFFIC_BLOCKED":
		return "this number can't get a code: please give another one"
	case "VERIFICATION_NOT_FOUND":
		return "the code is used up: please request a new one"
	case "SEND_OUTCOME_UNKNOWN":
		return "a message may be on its way: please wait for it before you request another one"
	}
	if status.Code(err) == codes.Canceled {
		return "the person cancelled"
	}
	if retry := detail[*errdetails.RetryInfo](err); retry != nil {
		return fmt.Sprintf("please try again in %v", retry.GetRetryDelay().AsDuration())
	}
	return fmt.Sprintf("please try again later (%v, call %s)", err, detail[*errdetails.RequestInfo](err).GetRequestId())
}

// reason is the name of the error in the enum ErrorReason, without its prefix. It is empty if the error does not come from
// the gateway.
func reason(err error) string { return detail[*errdetails.ErrorInfo](err).GetReason() }

// detail returns the error detail of this type, or nil.
func detail[T any](err error) (none T) {
	for _, detail := range status.Convert(err).Details() {
		if wanted, ok := detail.(T); ok {
			return wanted
		}
	}
	return none
}
