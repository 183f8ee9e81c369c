package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func post(t *testing.T, url, body string) map[string]any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("authorization", "Bearer KEYgo")
	request.Header.Set("content-type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Data map[string]any }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.Data
}

// The simulator at SIMULATOR sends a code, and accepts it.
func TestSimulator(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	simulator := Simulator{os.Getenv("SIMULATOR")}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(simulator.WaitUntilHealthy(ctx))
	check(simulator.Reset(ctx, "KEYgo"))
	number, err := simulator.NewNumber(ctx)
	check(err)
	sent := post(t, simulator.BaseURL()+"/verifications/sms",
		`{"phone_number": "`+number+`", "verify_profile_id": "4900017a-e7c8-e79e-0a7c-0d98f49b09cc"}`)
	code, err := simulator.LatestCode(ctx, number)
	check(err)
	checked := post(t, simulator.BaseURL()+"/verifications/"+sent["id"].(string)+"/actions/verify", `{"code": "`+code+`"}`)
	if checked["response_code"] != "accepted" {
		t.Fatal(checked)
	}
	check(simulator.AddFault(ctx, map[string]any{"status": 503, "key": "KEYgo"}))
}
