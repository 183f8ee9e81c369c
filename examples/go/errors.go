package main

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// tryAgain says whether a call with a request_id may be made again, and after how long.
func tryAgain(err error) (time.Duration, bool) {
	// The gateway knows best where it says how long to wait.
	if retry := detail[*errdetails.RetryInfo](err); retry != nil {
		return retry.GetRetryDelay().AsDuration(), true
	}
	switch status.Code(err) {
	// The connection broke, or the answer took too long: it may have been sent. Asking again finds out.
	case codes.Unavailable, codes.DeadlineExceeded:
		return time.Second, true
	default:
		return time.Second, reason(err) == "SEND_OUTCOME_UNKNOWN"
	}
}

// explain says what to do about an error: to the person, or to whoever reads the log.
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
		return "the code is used up: please ask for a new one"
	case "SEND_OUTCOME_UNKNOWN":
		return "a message may be on its way: please wait for it before asking for another"
	}
	if status.Code(err) == codes.Canceled {
		return "the person went away"
	}
	if retry := detail[*errdetails.RetryInfo](err); retry != nil {
		return fmt.Sprintf("please try again in %v", retry.GetRetryDelay().AsDuration())
	}
	return fmt.Sprintf("please try again later (%v, call %s)", err, detail[*errdetails.RequestInfo](err).GetRequestId())
}

// reason is what the gateway calls an error: a name of the enum ErrorReason without its prefix. Empty where it never heard
// of the call.
func reason(err error) string { return detail[*errdetails.ErrorInfo](err).GetReason() }

// detail is the detail of this type, or nil.
func detail[T any](err error) (none T) {
	for _, detail := range status.Convert(err).Details() {
		if wanted, ok := detail.(T); ok {
			return wanted
		}
	}
	return none
}
