// The whole quickstart with the official Go SDK, against the simulator at $SIMULATOR.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"

	"github.com/team-telnyx/telnyx-go/v4"
	"github.com/team-telnyx/telnyx-go/v4/option"
)

const (
	phone = "+13035551236"
	// The profile of the samples in Telnyx's quickstart.
	quickstart = "4900017a-e7c8-e79e-0a7c-0d98f49b09cc"
)

var (
	ctx       = context.Background()
	simulator = os.Getenv("SIMULATOR")
	client    = telnyx.NewClient(option.WithAPIKey("KEY-go"), option.WithBaseURL(simulator+"/v2/"))
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Panic(err)
	}
	return value
}

func equal[T any](found, expected T) {
	if !reflect.DeepEqual(found, expected) {
		log.Panicf("found %v, expected %v", found, expected)
	}
}

// raises expects the error of a call to be Telnyx's, with this status and code.
func raises[T any](_ T, err error) func(status int, code string) *telnyx.Error {
	return func(status int, code string) *telnyx.Error {
		var raised *telnyx.Error
		if !errors.As(err, &raised) {
			log.Panicf("%v is not an error of the API", err)
		}
		var body struct{ Errors []struct{ Code string } }
		if err := json.Unmarshal([]byte(raised.RawJSON()), &body); err != nil || len(body.Errors) == 0 {
			log.Panicf("the error has no codes: %s", raised.RawJSON())
		}
		equal(raised.StatusCode, status)
		equal(body.Errors[0].Code, code)
		equal(raised.Response.Header.Get("x-simulator"), "true")
		return raised
	}
}

func body(answer *http.Response, err error) []byte {
	defer must(answer, err).Body.Close()
	equal(answer.StatusCode/100, 2)
	return must(io.ReadAll(answer.Body))
}

func control(path, of string) []byte {
	return body(http.Get(simulator + "/_simulator" + path + "?phone=" + url.QueryEscape(of)))
}

func advance(seconds int) {
	change := bytes.NewBufferString(fmt.Sprintf(`{"seconds": %d}`, seconds))
	body(http.Post(simulator+"/_simulator/clock/advance", "application/json", change))
}

type message struct{ Text, Channel string }

func outbox(of string) (messages []message) {
	equal(json.Unmarshal(control("/messages", of), &messages), nil)
	return messages
}

func code() string { return strings.TrimSpace(string(control("/messages/latest/code", phone))) }

func wrong() string {
	right := code()
	if right[0] == '1' {
		return "2" + right[1:]
	}
	return "1" + right[1:]
}

func all(query telnyx.VerifyProfileListParams) (ids []string) {
	pages := client.VerifyProfiles.ListAutoPaging(ctx, query)
	for pages.Next() {
		ids = append(ids, pages.Current().ID)
	}
	equal(pages.Err(), nil)
	return ids
}

func sms(to, profile, custom string, options ...option.RequestOption) (*telnyx.CreateVerificationResponse, error) {
	request := telnyx.CreateVerificationRequestSMSParam{PhoneNumber: to, VerifyProfileID: profile}
	if custom != "" {
		request.CustomCode = telnyx.String(custom)
	}
	params := telnyx.VerificationTriggerSMSParams{CreateVerificationRequestSMS: request}
	return client.Verifications.TriggerSMS(ctx, params, options...)
}

func check(id string, params telnyx.VerificationActionVerifyParams) string {
	return must(client.Verifications.Actions.Verify(ctx, id, params)).Data.ResponseCode
}

func checkCode(id, code string) string {
	return check(id, telnyx.VerificationActionVerifyParams{Code: telnyx.String(code)})
}

func status(id string) telnyx.VerificationStatus {
	return must(client.Verifications.Get(ctx, id)).Data.Status
}

func main() {
	log.SetFlags(0)
	profiles, verifications := &client.VerifyProfiles, &client.Verifications

	// Templates.
	equal(len(must(profiles.GetTemplates(ctx)).Data), 6)
	created := must(profiles.NewTemplate(ctx, telnyx.VerifyProfileNewTemplateParams{Text: "{{code}} opens {{app_name}}"}))
	changed := telnyx.VerifyProfileUpdateTemplateParams{Text: "{{app_name}}: {{code}}"}
	template := must(profiles.UpdateTemplate(ctx, created.Data.ID, changed)).Data
	equal(template.Text, "{{app_name}}: {{code}}")
	equal(len(must(profiles.GetTemplates(ctx)).Data), 7)

	// A profile.
	profile := must(profiles.New(ctx, telnyx.VerifyProfileNewParams{
		Name: "Shop",
		SMS: telnyx.VerifyProfileNewParamsSMS{
			AppName:                 telnyx.String("Shop"),
			CodeLength:              telnyx.Int(6),
			MessagingTemplateID:     telnyx.String(template.ID),
			WhitelistedDestinations: []string{"US"},
		},
		Call:      telnyx.VerifyProfileNewParamsCall{DefaultVerificationTimeoutSecs: telnyx.Int(120)},
		Flashcall: telnyx.VerifyProfileNewParamsFlashcall{AppName: telnyx.String("Shop")},
	})).Data
	equal(profile.RecordType, "verification_profile")
	equal(profile.SMS.CodeLength, 6)
	equal(profile.Call.DefaultVerificationTimeoutSecs, 120)
	other := must(profiles.New(ctx, telnyx.VerifyProfileNewParams{
		Name: "Other",
		SMS:  telnyx.VerifyProfileNewParamsSMS{AppName: telnyx.String("Other")},
	})).Data
	equal(all(telnyx.VerifyProfileListParams{}), []string{other.ID, profile.ID, quickstart})
	equal(all(telnyx.VerifyProfileListParams{PageSize: telnyx.Int(1)}), []string{other.ID, profile.ID, quickstart})
	byName := telnyx.VerifyProfileListParams{Filter: telnyx.VerifyProfileListParamsFilter{Name: telnyx.String("Shop")}}
	equal(all(byName), []string{profile.ID})
	profile = must(profiles.Update(ctx, profile.ID, telnyx.VerifyProfileUpdateParams{
		Name:     telnyx.String("Store"),
		Whatsapp: telnyx.VerifyProfileUpdateParamsWhatsapp{DefaultVerificationTimeoutSecs: telnyx.Int(60)},
	})).Data
	equal(profile.Name, "Store")
	equal(profile.SMS.CodeLength, 6)
	equal(must(profiles.Get(ctx, profile.ID)).Data.Whatsapp.DefaultVerificationTimeoutSecs, 60)
	equal(must(profiles.Delete(ctx, other.ID)).Data.ID, other.ID)
	raises(profiles.Get(ctx, other.ID))(404, "10005")

	// An SMS, a wrong code, the right one.
	sent := must(sms(phone, profile.ID, "")).Data
	equal(sent.Status, "pending")
	equal(sent.Type, "sms")
	equal(sent.TimeoutSecs, 300)
	equal(outbox(phone)[0].Text, "Shop: "+code())
	equal(checkCode(sent.ID, wrong()), "rejected")
	equal(checkCode(sent.ID, code()), "accepted")
	equal(status(sent.ID), "accepted")
	used := telnyx.VerificationActionVerifyParams{Code: telnyx.String(code())}
	raises(verifications.Actions.Verify(ctx, sent.ID, used))(404, "10005")

	// By phone number: this SDK leaves the plus sign in the path as it is.
	must(sms(phone, profile.ID, ""))
	checkPhone := func(code string) string {
		params := telnyx.VerificationByPhoneNumberActionVerifyParams{Code: code, VerifyProfileID: profile.ID}
		return must(verifications.ByPhoneNumber.Actions.Verify(ctx, phone, params)).Data.ResponseCode
	}
	equal(checkPhone(wrong()), "rejected")
	equal(checkPhone(code()), "accepted")

	// Every other channel.
	call := telnyx.VerificationTriggerCallParams{
		PhoneNumber: phone, VerifyProfileID: profile.ID, Extension: telnyx.String("1ww2"),
	}
	flashcall := telnyx.VerificationTriggerFlashcallParams{PhoneNumber: phone, VerifyProfileID: profile.ID}
	whatsapp := telnyx.VerificationTriggerWhatsappVerificationParams{PhoneNumber: phone, VerifyProfileID: profile.ID}
	arrived := func(sent *telnyx.CreateVerificationResponse, channel string) {
		messages := outbox(phone)
		equal(string(sent.Data.Type), channel)
		equal(messages[len(messages)-1].Channel, channel)
		equal(checkCode(sent.Data.ID, code()), "accepted")
	}
	arrived(must(verifications.TriggerCall(ctx, call)), "call")
	arrived(must(verifications.TriggerFlashcall(ctx, flashcall)), "flashcall")
	arrived(must(verifications.TriggerWhatsappVerification(ctx, whatsapp)), "whatsapp")

	// A code of our own, whose outcome we report.
	sent = must(sms(phone, profile.ID, "43612")).Data
	equal(sent.CustomCode, "43612")
	equal(check(sent.ID, telnyx.VerificationActionVerifyParams{Status: "rejected"}), "rejected")
	equal(status(sent.ID), "invalid")

	// Too many wrong codes, and too late.
	sent = must(sms(phone, profile.ID, "")).Data
	for range 5 {
		equal(checkCode(sent.ID, wrong()), "rejected")
	}
	equal(status(sent.ID), "invalid")
	sent = must(sms(phone, profile.ID, "")).Data
	advance(301)
	equal(checkCode(sent.ID, code()), "rejected")
	equal(status(sent.ID), "expired")

	// The list of a number, newest first.
	found := must(verifications.ByPhoneNumber.List(ctx, phone))
	equal(found.Data[0].ID, sent.ID)
	equal([]int64{found.Meta.TotalResults, found.Meta.PageNumber, found.Meta.PageSize, found.Meta.TotalPages}, []int64{8, 1, 25, 1})
	equal(len(outbox(phone)), 8)

	// Errors, as the SDK tells them apart.
	raises(profiles.Get(ctx, profile.ID, option.WithHeader("Authorization", "nothing")))(401, "10009")
	raises(sms(phone, "unknown", ""))(404, "10005")
	raises(sms("3035551236", profile.ID, ""))(422, "10016")
	raises(sms("+442071838750", profile.ID, ""))(400, "40309")
	raises(profiles.New(ctx, telnyx.VerifyProfileNewParams{Name: "no channel"}))(400, "10015")
	limited := raises(sms("+13035550100", profile.ID, "", option.WithMaxRetries(0)))(429, "10011")
	equal(limited.Response.Header.Get("retry-after"), "1")

	// The SDK repeats a send on its own: the outbox shows what a person gets.
	must(sms("+13035550103", profile.ID, ""))
	equal(len(outbox("+13035550103")), 1)
	if _, err := sms("+13035550109", profile.ID, ""); err == nil {
		log.Panic("the connection was not reset")
	}
	equal(len(outbox("+13035550109")), 3)
	equal(len(outbox(phone)), 8)

	// The calls of Telnyx's quickstart.
	must(sms(phone, quickstart, ""))
	params := telnyx.VerificationByPhoneNumberActionVerifyParams{Code: code(), VerifyProfileID: quickstart}
	equal(must(verifications.ByPhoneNumber.Actions.Verify(ctx, phone, params)).Data.ResponseCode, "accepted")
	fmt.Println("go: the quickstart went through")
}
