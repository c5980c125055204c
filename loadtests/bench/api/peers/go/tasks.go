package main

import (
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const bodyLimit = 64 << 10

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

type task struct {
	ID              string            `json:"id"`
	Status          string            `json:"status"`
	Version         int               `json:"version"`
	Attempt         int               `json:"attempt"`
	UserEmail       string            `json:"userEmail"`
	UserQuery       string            `json:"userQuery"`
	OriginalURL     string            `json:"originalUrl"`
	Metadata        map[string]string `json:"metadata"`
	CorrelationID   *string           `json:"correlationId"`
	ReceivedAt      time.Time         `json:"receivedAt"`
	CreatedAt       time.Time         `json:"createdAt"`
	UpdatedAt       time.Time         `json:"updatedAt"`
	NotBefore       *time.Time        `json:"notBefore"`
	StartedAt       *time.Time        `json:"startedAt"`
	FinishedAt      *time.Time        `json:"finishedAt"`
	LastHeartbeatAt *time.Time        `json:"lastHeartbeatAt"`
	DurationSeconds *float64          `json:"durationSeconds"`
	Worker          *string           `json:"worker"`
	Progress        *float64          `json:"progress"`
	Result          *string           `json:"result"`
	Error           *string           `json:"error"`
	Retryable       *bool             `json:"retryable"`
}

type taskStore struct {
	pool         *pgxpool.Pool
	create, find string
}

func (s *taskStore) post(w http.ResponseWriter, r *http.Request) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	decoder.DisallowUnknownFields()
	var wanted newTask
	if err := decoder.Decode(&wanted); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	if err := wanted.validate(); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	data, err := json.Marshal(wanted)
	if err != nil {
		failed(w, err)
		return
	}
	var metadata []byte
	if len(wanted.Metadata) > 0 {
		if metadata, err = json.Marshal(wanted.Metadata); err != nil {
			failed(w, err)
			return
		}
	} else {
		wanted.Metadata = map[string]string{}
	}
	made := task{
		Status: "new", Version: 1, Attempt: 1,
		UserEmail: wanted.UserEmail, UserQuery: wanted.UserQuery, OriginalURL: wanted.OriginalURL,
		Metadata: wanted.Metadata,
	}
	row := s.pool.QueryRow(r.Context(), s.create, wanted.UserEmail, wanted.UserQuery, wanted.OriginalURL, metadata, data)
	if err := row.Scan(&made.ID, &made.CreatedAt); err != nil {
		failed(w, err)
		return
	}
	made.CreatedAt = made.CreatedAt.UTC()
	made.ReceivedAt, made.UpdatedAt = made.CreatedAt, made.CreatedAt
	w.Header().Set("Location", "/api/tasks/"+made.ID)
	answer(w, http.StatusCreated, made)
}

func (s *taskStore) get(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !uuid.MatchString(id) {
		problem(w, http.StatusBadRequest, "the id must be a UUID")
		return
	}
	var t task
	var metadata string
	err := s.pool.QueryRow(r.Context(), s.find, id).Scan(
		&t.ID, &t.Status, &t.Version, &t.Attempt, &t.UserEmail, &t.UserQuery, &t.OriginalURL, &metadata, &t.CorrelationID,
		&t.ReceivedAt, &t.CreatedAt, &t.UpdatedAt, &t.NotBefore, &t.StartedAt, &t.FinishedAt, &t.LastHeartbeatAt,
		&t.DurationSeconds, &t.Worker, &t.Progress, &t.Result, &t.Error, &t.Retryable,
	)
	if errors.Is(err, pgx.ErrNoRows) {
		problem(w, http.StatusNotFound, "there is no task with this id")
		return
	}
	if err == nil {
		err = json.Unmarshal([]byte(metadata), &t.Metadata)
	}
	if err != nil {
		failed(w, err)
		return
	}
	answer(w, http.StatusOK, t)
}

func answer(w http.ResponseWriter, status int, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		failed(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

func problem(w http.ResponseWriter, status int, detail string) {
	answer(w, status, map[string]any{"status": status, "detail": detail})
}

func failed(w http.ResponseWriter, err error) {
	log.Print(err)
	problem(w, http.StatusInternalServerError, "the request failed")
}
