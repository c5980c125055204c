// The peer on net/http and pgx. Its variables PEER_PORT, PEER_DSN, PEER_TOKEN_SHA256 and PEER_SQL are described in
// servers.py.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

const poolSize = 16

func main() {
	ctx := context.Background()
	config, err := pgxpool.ParseConfig(os.Getenv("PEER_DSN"))
	if err != nil {
		log.Fatal(err)
	}
	config.MinConns, config.MaxConns = poolSize, poolSize
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	tasks := &taskStore{pool: pool, create: statement("create_task.sql"), find: statement("find_task.sql")}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/tasks", tasks.post)
	mux.HandleFunc("GET /api/tasks/{id}", tasks.get)
	digest, err := hex.DecodeString(os.Getenv("PEER_TOKEN_SHA256"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PEER_PORT"), authenticated(digest, mux)))
}

func statement(name string) string {
	text, err := os.ReadFile(filepath.Join(os.Getenv("PEER_SQL"), name))
	if err != nil {
		log.Fatal(err)
	}
	return string(text)
}

func authenticated(digest []byte, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		sum := sha256.Sum256([]byte(token))
		if !found || subtle.ConstantTimeCompare(sum[:], digest) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, http.StatusUnauthorized, "unknown token")
			return
		}
		next.ServeHTTP(w, r)
	})
}
