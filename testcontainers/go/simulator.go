// Package simulator has the Telnyx Verify simulator for tests: a client of its control endpoints, and a container that
// runs it.
package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Simulator has the control endpoints of a running simulator.
type Simulator struct {
	URL string
}

// BaseURL is what a client of Telnyx takes.
func (s Simulator) BaseURL() string { return s.URL + "/v2" }

// WaitUntilHealthy waits until the simulator answers, or the context ends.
func (s Simulator) WaitUntilHealthy(ctx context.Context) error {
	for {
		_, err := s.call(ctx, http.MethodGet, "health", nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// NewNumber returns a phone number that no other test has.
func (s Simulator) NewNumber(ctx context.Context) (string, error) {
	text, err := s.call(ctx, http.MethodPost, "numbers", nil)
	if err != nil {
		return "", err
	}
	var made struct {
		PhoneNumber string `json:"phone_number"`
	}
	err = json.Unmarshal(text, &made)
	return made.PhoneNumber, err
}

// LatestCode returns the newest code for a phone number. It waits for the first one, at most 10 s.
func (s Simulator) LatestCode(ctx context.Context, phone string) (string, error) {
	query := url.Values{"phone": {phone}, "wait": {"10s"}}
	text, err := s.call(ctx, http.MethodGet, "messages/latest/code?"+query.Encode(), nil)
	return strings.TrimSpace(string(text)), err
}

// AddFault adds a fault, such as {"status": 503}.
func (s Simulator) AddFault(ctx context.Context, fault map[string]any) error {
	_, err := s.call(ctx, http.MethodPost, "faults", fault)
	return err
}

// Reset deletes the state of one API key, or all if it is empty.
func (s Simulator) Reset(ctx context.Context, key string) error {
	path := "reset"
	if key != "" {
		path += "?" + url.Values{"key": {key}}.Encode()
	}
	_, err := s.call(ctx, http.MethodPost, path, nil)
	return err
}

func (s Simulator) call(ctx context.Context, method, path string, body map[string]any) ([]byte, error) {
	data := []byte{}
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL+"/_simulator/"+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	request.Header.Set("content-type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", response.Status, text)
	}
	return text, err
}
