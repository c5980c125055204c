package main

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	email     = regexp.MustCompile(`^[^\s@]{1,64}@([^\s@.]{1,63}\.)+[^\s@.]{1,63}$`)
	isControl = func(r rune) bool { return r < 32 && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f }
)

type newTask struct {
	UserEmail   string            `json:"userEmail"`
	UserQuery   string            `json:"userQuery"`
	OriginalURL string            `json:"originalUrl"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

func (t *newTask) validate() error {
	if utf8.RuneCountInString(t.UserEmail) > 254 || !email.MatchString(t.UserEmail) {
		return errors.New("userEmail must be an e-mail address of at most 254 characters")
	}
	t.UserQuery = strings.TrimSpace(t.UserQuery)
	if length := utf8.RuneCountInString(t.UserQuery); length < 1 || length > 4096 || strings.ContainsFunc(t.UserQuery, isControl) {
		return errors.New("userQuery must have 1 to 4096 characters and no control characters")
	}
	if err := validateURL(t.OriginalURL); err != nil {
		return err
	}
	if len(t.Metadata) > 20 {
		return errors.New("metadata must have at most 20 keys")
	}
	for key, value := range t.Metadata {
		if length := utf8.RuneCountInString(key); length < 1 || length > 255 {
			return errors.New("keys of metadata must have 1 to 255 characters")
		}
		if utf8.RuneCountInString(value) > 4096 || strings.ContainsRune(value, 0) {
			return errors.New("values of metadata must have at most 4096 characters and no NUL")
		}
	}
	return nil
}

func validateURL(text string) error {
	if utf8.RuneCountInString(text) > 2048 {
		return errors.New("originalUrl must have at most 2048 characters")
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return errors.New("originalUrl must be a well-formed address of http or https")
	}
	if parsed.User != nil {
		return errors.New("originalUrl must not hold a user name or password")
	}
	if address, err := netip.ParseAddr(parsed.Hostname()); err == nil {
		if address.IsPrivate() || address.IsLoopback() || address.IsLinkLocalUnicast() || address.IsUnspecified() {
			return errors.New("originalUrl must not be a private address")
		}
	}
	return nil
}
