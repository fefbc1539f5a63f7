package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// boundFields are the header fields that rqd covers when they are there, in this order.
var boundFields = []string{"content-digest", "content-type", "content-encoding", "idempotency-key"}

// newRequest makes a request with the fields that bind it.
func newRequest(method, url string, body []byte, idempotencyKey string) (*http.Request, error) {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil || body == nil {
		return request, err
	}
	digest := sha256.Sum256(body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(digest[:])+":")
	request.Header.Set("Idempotency-Key", idempotencyKey)
	return request, nil
}

// rqd is the hash of the request's signature base (docs/protocol.md, "Request binding").
func rqd(request *http.Request) string {
	names := []string{`"@method"`, `"@request-target"`}
	lines := []string{`"@method": ` + request.Method, `"@request-target": ` + request.URL.RequestURI()}
	for _, field := range boundFields {
		if value, present := request.Header[http.CanonicalHeaderKey(field)]; present {
			names = append(names, `"`+field+`"`)
			lines = append(lines, `"`+field+`": `+value[0])
		}
	}
	lines = append(lines, `"@signature-params": (`+strings.Join(names, " ")+`);tag="dasvid-rqd"`)
	return sha256of(strings.Join(lines, "\n"))
}
